//! What a training leaves in its folder as it goes: checkpoints, the best network, the metrics and
//! their page.
use super::best;
use super::checkpoint::{self, Position, Sums};
use super::folder::RunFolder;
use super::metrics::Row;
use super::session::{Session, parameters_of};
use crate::recipe::Recipe;
use crate::watch::{METRICS, Watch};
use crate::{Notice, TrainError};
use std::time::{Duration, Instant};
use tensor::NamedTensors;
use words::{Language, Say};

/// Keeps a training in its folder.
pub(super) struct Keeper<'a> {
    recipe: &'a Recipe,
    folder: &'a RunFolder,
    language: Language,
    /// Where the training is.
    pub position: Position,
    saved: Instant,
    /// The run, for the files of best networks.
    run: String,
    /// The best epoch as the last checkpoint has it.
    saved_best: Option<u32>,
    /// When the curve was last drawn.
    drawn: Instant,
    /// Whether it was told already that the curve cannot be written.
    told: bool,
    begun: Instant,
}

/// The curve is drawn with checkpoints that are at least so far apart: it takes some milliseconds.
const CURVE_PAUSE: Duration = Duration::from_secs(10);

impl<'a> Keeper<'a> {
    /// Of a training that is at `position`.
    pub fn new(
        recipe: &'a Recipe,
        folder: &'a RunFolder,
        language: Language,
        position: Position,
    ) -> Self {
        let now = Instant::now();
        Keeper {
            recipe,
            folder,
            language,
            saved: now,
            run: RunFolder::identity(folder.path()).unwrap_or_default(),
            saved_best: position.best.map(|(epoch, _)| epoch),
            position,
            drawn: now,
            told: false,
            begun: now,
        }
    }

    /// Whether it is time for a checkpoint.
    pub fn is_due(&self) -> bool {
        self.saved.elapsed().as_secs_f64() >= self.recipe.train.checkpoint_seconds
    }

    /// Counts a batch of this mean loss, in an epoch on which `milliseconds` were spent by now.
    pub fn count(&mut self, examples: usize, loss: f32, correct: usize, milliseconds: u64) {
        let sums = &mut self.position.sums;
        let total = f64::from_bits(sums.loss) + f64::from(loss) * examples as f64;
        sums.loss = total.to_bits();
        sums.correct += correct;
        sums.photos += examples;
        sums.milliseconds = milliseconds;
        self.position.batches += 1;
        self.position.batch += 1;
    }

    /// Ends the epoch at hand; its sums.
    pub fn end_epoch(&mut self) -> Sums {
        self.position.batch = 0;
        self.position.epoch += 1;
        std::mem::take(&mut self.position.sums)
    }

    /// Keeps the network of the epoch that has just ended where its score, of which less is better, is
    /// the best so far.
    pub fn judge(&mut self, score: f64, parameters: &NamedTensors) -> Result<(), TrainError> {
        let epoch = self.position.epoch;
        let best = self.position.best.map(|(_, best)| f64::from_bits(best));
        let is_better = best.is_none_or(|best| score < best);
        if !is_better {
            return Ok(());
        }
        self.position.best = Some((epoch, score.to_bits()));
        if self.recipe.train.restore_best {
            let bytes = best::to_bytes(parameters, &self.run, epoch);
            let is_own = |old: &[u8]| best::is_of(old, &self.run, epoch);
            let path = self.folder.best_path(epoch);
            self.folder.write_over(&path, &bytes, is_own)?;
        }
        Ok(())
    }

    /// Adds the metrics of the epoch that has just ended.
    pub fn add(&mut self, metrics: [Option<f64>; METRICS.len()]) -> Result<(), TrainError> {
        let epoch = self.position.epoch;
        let bits = metrics.iter().map(|metric| metric.map(f64::to_bits));
        self.position.history.push((epoch, bits.collect()));
        self.folder.add_metrics(&self.position.rows())
    }

    /// Whether the network of the epoch that has just ended is the one that is kept so far.
    pub fn keeps_this(&self) -> bool {
        let best = self.position.best.map(|(epoch, _)| epoch);
        self.recipe.train.restore_best && best == Some(self.position.epoch)
    }

    /// Writes a checkpoint.
    pub fn save(&mut self, session: &Session, watch: &mut dyn Watch) -> Result<(), TrainError> {
        self.position.steps = session.steps();
        let bits = session.schedule().into_iter().map(f64::to_bits);
        self.position.schedule = bits.collect();
        self.position.seconds += self.begun.elapsed().as_secs_f64();
        self.begun = Instant::now();
        checkpoint::save(self.folder, &self.position, &session.kept())?;
        // The older checkpoint's best is kept as long as the checkpoint.
        let best = self.position.best.map(|(epoch, _)| epoch);
        let kept: Vec<u32> = self.saved_best.into_iter().chain(best).collect();
        self.folder.keep_best(&self.run, &kept);
        self.folder.tell_moved(watch);
        self.saved_best = best;
        self.saved = Instant::now();
        if self.drawn.elapsed() >= CURVE_PAUSE {
            self.draw(watch);
        }
        Ok(())
    }

    /// Draws the curve of the epochs so far. A training goes on without it; that is told once.
    pub fn draw(&mut self, watch: &mut dyn Watch) {
        self.drawn = Instant::now();
        let rows = self.position.rows();
        let Some(&(last, _)) = rows.last() else {
            return;
        };
        // The epoch that failed has no row.
        let (name, kept) = (&self.recipe.train.name, self.kept_epoch().min(last));
        let page = super::curve::page(name, &rows, kept, self.language);
        let path = self.folder.curve_path();
        let written = self
            .folder
            .write_over(&path, page.as_bytes(), report::is_page);
        self.folder.tell_moved(watch);
        if let Err(TrainError::File(data::Error::Write { source, .. })) = written
            && !std::mem::replace(&mut self.told, true)
        {
            let reason = source.message(self.language);
            watch.notice(&Notice::NoCurve { path, reason });
        }
    }

    /// The epoch whose network is kept.
    pub fn kept_epoch(&self) -> u32 {
        kept_epoch(self.recipe, &self.position)
    }

    /// The network that is kept.
    pub fn kept_network(&self, session: &Session) -> Result<NamedTensors, TrainError> {
        let kept = self.kept_epoch();
        if kept == self.position.epoch {
            return Ok(session.parameters());
        }
        best_network(self.folder, kept)
    }

    /// The metrics of an epoch; none where it has no line.
    pub fn metrics_of(&self, epoch: u32) -> [Option<f64>; METRICS.len()] {
        let rows = self.position.rows();
        let found: Option<&Row> = rows.iter().find(|(row, _)| *row == epoch);
        found.map_or([None; METRICS.len()], |(_, metrics)| *metrics)
    }

    /// Seconds spent, breaks not counted.
    pub fn seconds(&self) -> f64 {
        self.position.seconds + self.begun.elapsed().as_secs_f64()
    }
}

/// The epoch whose network is kept of a training that is at `position`.
fn kept_epoch(recipe: &Recipe, position: &Position) -> u32 {
    match position.best {
        Some((epoch, _)) if recipe.train.restore_best => epoch,
        _ => position.epoch,
    }
}

/// The network that is kept of a training whose checkpoint holds `tensors`.
pub(super) fn kept_network(
    recipe: &Recipe,
    folder: &RunFolder,
    position: &Position,
    tensors: &NamedTensors,
) -> Result<NamedTensors, TrainError> {
    let kept = kept_epoch(recipe, position);
    match kept == position.epoch {
        true => Ok(parameters_of(tensors)),
        false => best_network(folder, kept),
    }
}

/// The network of an epoch that was the best so far.
fn best_network(folder: &RunFolder, epoch: u32) -> Result<NamedTensors, TrainError> {
    let path = folder.best_path(epoch);
    let bytes = tensor::read_named(&path).map_err(TrainError::read(&path))?;
    best::from_bytes(&bytes, epoch).map_err(|reason| TrainError::BestNetwork { path, reason })
}

//! The training under way: epochs of steps over a source of batches, a look at the validation examples
//! after each, checkpoints.
use super::checkpoint::{self, Position, Sums};
use super::folder::{About, RunFolder};
use super::keeper::{self, Keeper};
use super::outcome::{Ended, Outcome};
use super::prepared::{Task, validation_options};
use super::session::{At, Session};
use super::source::Source;
use super::surroundings::Surroundings;
use crate::recipe::{Monitor, Recipe};
use crate::watch::{Beginning, Flow, Live, METRICS, VAL_ACCURACY, Watch};
use crate::{Difference, Notice, TrainError};
use std::sync::atomic::Ordering;
use std::time::Instant;
use tensor::NamedTensors;

/// A training under way.
pub(super) struct Training<'a> {
    recipe: &'a Recipe,
    /// The recipe of the stage.
    stage: Recipe,
    around: &'a Surroundings<'a>,
    source: &'a dyn Source,
    pub(super) session: Session,
    pub(super) keeper: Keeper<'a>,
}

/// The checkpoint that a training goes on from, and what to say where it is not the newest.
pub(super) type Found = (Position, NamedTensors, Option<Notice>);

/// What an epoch ended in.
enum Epoch {
    Done(Sums),
    Interrupted,
}

/// What a loss counts beside a accuracy; less than one of 100,000 photos.
const EQUAL: f64 = 1e-7;

/// The checkpoint in a folder, which must be of the same recipe and examples; `None` where there is
/// none.
pub(super) fn found(
    folder: &RunFolder,
    recipe: &Recipe,
    about: &About,
) -> Result<Option<Found>, TrainError> {
    let found = checkpoint::load(folder)?;
    if let Some((position, ..)) = &found {
        if position.recipe != recipe.hash() {
            return Err(folder.begun_with(Difference::Recipe));
        }
        if position.photos != about.photos {
            return Err(folder.begun_with(Difference::Photos));
        }
        if position.initial != about.initial {
            return Err(folder.begun_with(Difference::Initial));
        }
    }
    Ok(found)
}

impl<'a> Training<'a> {
    /// Begins with these parameters, or goes on from a checkpoint; from one of the stage before with
    /// what that kept.
    pub(super) fn start(
        task: Task<'a>,
        parameters: &NamedTensors,
        found: Option<Found>,
        source: &'a dyn Source,
        folder: &'a RunFolder,
        around: &'a Surroundings<'a>,
        watch: &mut dyn Watch,
    ) -> Result<Self, TrainError> {
        let position = found.as_ref().map(|(position, ..)| position);
        folder.write_metrics(&position.map(Position::rows).unwrap_or_default())?;
        folder.tell_moved(watch);
        watch.begins(&beginning(&task, position, around));
        let Task {
            recipe,
            stage,
            number,
            graph,
            plan,
            about,
            ..
        } = task;
        let validation = validation_options(recipe, around);
        let mut session = Session::new(
            &stage,
            graph,
            plan,
            parameters,
            validation,
            source.batches(),
        )?;
        let now = Position {
            recipe: recipe.hash(),
            photos: about.photos.clone(),
            initial: about.initial.clone(),
            threads: around.threads,
            instructions: about.instructions.clone(),
            ..Position::default()
        };
        let position = match found {
            None => now,
            Some((found, tensors, notice)) => {
                for notice in notice.into_iter().chain(changes(&found, &about, around)) {
                    watch.notice(&notice);
                }
                let mut position = Position {
                    threads: now.threads,
                    instructions: now.instructions,
                    ..found
                };
                if position.stage == number {
                    let bits = position.schedule.iter();
                    let schedule: Vec<f64> = bits.map(|&b| f64::from_bits(b)).collect();
                    session.resume(position.steps, &schedule, &tensors)?;
                } else {
                    session
                        .begin_with(&keeper::kept_network(recipe, folder, &position, &tensors)?)?;
                    position.stage = number;
                    position.stage_epoch = position.epoch;
                    position.stage_over = false;
                }
                position
            }
        };
        if let Some((epoch, _)) = position.best
            && recipe.train.restore_best
        {
            watch.keeps(epoch);
        }
        let keeper = Keeper::new(recipe, folder, around.language, position);
        Ok(Training {
            recipe,
            stage,
            around,
            source,
            session,
            keeper,
        })
    }

    /// Goes through the epochs that are left.
    pub(super) fn run(&mut self, watch: &mut dyn Watch) -> Result<Ended, TrainError> {
        let ended = self.go_on(watch);
        // Of a training that failed above all: the curve shows how it came to it.
        self.keeper.draw(watch);
        ended
    }

    fn go_on(&mut self, watch: &mut dyn Watch) -> Result<Ended, TrainError> {
        let ended = loop {
            if let Some(ended) = self.ended() {
                self.keeper.position.stage_over = true;
                break ended;
            }
            let sums = match self.epoch(watch)? {
                Epoch::Done(sums) => sums,
                Epoch::Interrupted => break Ended::Interrupted,
            };
            self.keeper.position.stopped = self.end_epoch(&sums, watch)? == Flow::Stop;
            // The first epoch's at once: something to go on from, however soon it diverges.
            if self.keeper.position.epoch == 1 || self.keeper.is_due() {
                self.keeper.save(&self.session, watch)?;
            }
        };
        self.keeper.save(&self.session, watch)?;
        Ok(ended)
    }

    /// Whether the stage has ended, and how.
    fn ended(&self) -> Option<Ended> {
        let (options, position) = (&self.stage.train, &self.keeper.position);
        let best = position
            .best
            .map(|(epoch, _)| epoch.max(position.stage_epoch));
        let stale = best.map_or(0, |epoch| position.epoch - epoch);
        let done = position.epoch - position.stage_epoch;
        if position.batch > 0 {
            None
        } else if position.stopped {
            Some(Ended::Stopped)
        } else if options.patience.is_some_and(|patience| stale >= patience) {
            Some(Ended::Early)
        } else {
            (done >= options.epochs).then_some(Ended::Complete)
        }
    }

    /// The batches of one epoch that are not done yet.
    fn epoch(&mut self, watch: &mut dyn Watch) -> Result<Epoch, TrainError> {
        let options = &self.recipe.train;
        let (epoch, batches) = (self.keeper.position.epoch, self.source.batches());
        let started = Instant::now();
        let before = self.keeper.position.sums;
        for batch in self.source.epoch(epoch, self.keeper.position.batch) {
            let batch = batch?;
            let at = At {
                epoch,
                batch: self.keeper.position.batch,
                batches,
                done: self.keeper.position.batches,
            };
            let result = self.session.step(&*batch, at)?;
            let spent = started.elapsed().as_secs_f64();
            let milliseconds = before.milliseconds + (spent * 1e3) as u64;
            let keeper = &mut self.keeper;
            keeper.count(batch.examples(), result.loss, result.correct, milliseconds);
            let sums = keeper.position.sums;
            watch.live(&Live {
                epoch,
                epochs: options.epochs,
                batch: keeper.position.batch,
                batches,
                loss: f64::from_bits(sums.loss) / sums.photos as f64,
                accuracy: sums.correct as f64 / sums.photos as f64,
                photos_per_second: (sums.photos - before.photos) as f64 / spent.max(1e-9),
            });
            let ends_group = at.ends_group(options.accumulate as usize);
            if ends_group && self.around.stop.load(Ordering::Relaxed) {
                return Ok(Epoch::Interrupted);
            }
            // At 0 seconds after each epoch, not after each step.
            if ends_group && options.checkpoint_seconds > 0.0 && keeper.is_due() {
                keeper.save(&self.session, watch)?;
            }
        }
        Ok(Epoch::Done(self.keeper.end_epoch()))
    }

    /// Looks at the validation examples, keeps the best, and tells.
    fn end_epoch(&mut self, sums: &Sums, watch: &mut dyn Watch) -> Result<Flow, TrainError> {
        let epoch = self.keeper.position.epoch;
        let parameters = self.session.parameters();
        // Of its last step.
        let rate = self.session.rate();
        let loss = f64::from_bits(sums.loss) / sums.photos as f64;
        let examples = self.source.validation();
        let session = &mut self.session;
        let validation = session.end_epoch(epoch, loss, &parameters, examples)?;
        // Lower is better.
        let score = match (self.recipe.train.monitor, validation) {
            (Monitor::ValLoss, Some((loss, _))) => Some(loss),
            // Of equal ones that with the lower loss: a photo more is worth more than any loss.
            (Monitor::ValAccuracy, Some((loss, accuracy))) => {
                Some(-accuracy + EQUAL * loss.min(10.0))
            }
            (_, None) => None,
        };
        if let Some(score) = score {
            self.keeper.judge(score, &parameters)?;
        }
        let seconds = sums.milliseconds as f64 / 1e3;
        let metrics: [Option<f64>; METRICS.len()] = [
            Some(loss),
            Some(sums.correct as f64 / sums.photos as f64),
            validation.map(|(loss, _)| loss),
            validation.map(|(_, accuracy)| accuracy),
            Some(as_written(rate)),
            Some(seconds),
            Some(sums.photos as f64 / seconds.max(1e-3)),
        ];
        self.keeper.add(metrics)?;
        if self.keeper.keeps_this() {
            watch.keeps(epoch);
        }
        Ok(watch.report(u64::from(epoch), &named(&metrics)))
    }

    /// How it ended; the caller adds the package.
    pub(super) fn outcome(&self, ended: Ended) -> Outcome {
        let kept_epoch = self.keeper.kept_epoch();
        Outcome {
            ended,
            epochs: self.keeper.position.epoch,
            kept_epoch,
            metrics: named(&self.keeper.metrics_of(kept_epoch)),
            package: None,
            seconds: self.keeper.seconds(),
        }
    }
}

/// What a training is about to do, from the start or from a checkpoint.
fn beginning(task: &Task<'_>, found: Option<&Position>, around: &Surroundings<'_>) -> Beginning {
    let Task { recipe, about, .. } = task;
    let rows = found.map(Position::rows).unwrap_or_default();
    let best = found.and_then(|position| position.best);
    let kept = best.filter(|_| recipe.train.restore_best);
    let kept = rows
        .iter()
        .rfind(|(epoch, _)| kept.is_none_or(|(kept, _)| kept == *epoch));
    let accuracy =
        |row: Option<&super::metrics::Row>| row.and_then(|(_, metrics)| metrics[VAL_ACCURACY]);
    Beginning {
        train_photos: about.counts[0],
        validation_photos: about.counts[1],
        classes: about.classes.clone(),
        parameters: about.parameters,
        memory: task.plan.memory(),
        optimizer_bytes: task.optimizer_bytes,
        other_bytes: task.other_bytes,
        threads: around.threads,
        epochs: recipe.train.epochs,
        epoch: found.map_or(0, |position| position.epoch),
        validation: accuracy(rows.last()).zip(accuracy(kept)),
    }
}

/// What is not as it was when a checkpoint was written, and changes the last digits.
fn changes(
    found: &Position,
    about: &About,
    around: &Surroundings<'_>,
) -> impl Iterator<Item = Notice> {
    let threads = (found.threads != around.threads).then_some(Notice::Threads {
        before: found.threads,
        now: around.threads,
    });
    let instructions = (found.instructions != about.instructions).then(|| Notice::Instructions {
        before: found.instructions.clone(),
        now: about.instructions.clone(),
    });
    threads.into_iter().chain(instructions)
}

fn named(metrics: &[Option<f64>; METRICS.len()]) -> Vec<(&'static str, f64)> {
    let all = METRICS.into_iter().zip(metrics);
    all.filter_map(|(name, metric)| Some((name, (*metric)?)))
        .collect()
}

/// A number of 32 bits as it is written, 0.001 and not 0.0010000000474974513.
fn as_written(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

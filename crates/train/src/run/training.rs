//! The training under way: epochs of steps, a look at the validation photos after each, checkpoints,
//! and the package at the end.
use super::checkpoint::{self, Newest, Position, Sums};
use super::folder::{Row, RunFolder};
use super::network::Network;
use super::outcome::{Ended, Outcome};
use super::photos::places;
use super::prepared::{Prepared, recipe_hash, validation_options};
use super::surroundings::Surroundings;
use crate::evaluate::score;
use crate::make::{MakeError, Trained, check_outputs, fit_to_photos, of_trained};
use crate::recipe::{Monitor, Recipe};
use crate::watch::{Beginning, Flow, Live, METRICS, VAL_ACCURACY, Watch};
use crate::{Descent, Difference, Notice, Progress, Schedule, TrainError, initial_parameters};
use data::files::AtomicFile;
use data::loader::Loader;
use data::{Manifest, Part};
use engine::{Plan, StepOptions, StepResult, Targets, TrainingPlan, TrainingState};
use package::{PhotoIds, TrainingRecord};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tensor::{NamedTensors, Pool};

/// A training under way.
pub(super) struct Training<'a> {
    recipe: &'a Recipe,
    around: &'a Surroundings<'a>,
    folder: &'a RunFolder,
    photos: Manifest,
    network: Network,
    plan: TrainingPlan,
    state: TrainingState,
    descent: Descent,
    schedule: Box<dyn Schedule>,
    train: Loader,
    /// None where there is no validation photo.
    validation: Option<Loader>,
    pool: Pool,
    /// Steps of the optimiser in an epoch.
    epoch_steps: u64,
    position: Position,
    saved: Instant,
    /// The newest checkpoint in the folder.
    newest: Newest,
    /// The best epoch as the last checkpoint has it.
    saved_best: Option<u32>,
    /// When the curve was last drawn.
    drawn: Instant,
    /// Whether it was told already that the curve cannot be written.
    told: bool,
    begun: Instant,
}

/// What an epoch ended in.
enum Epoch {
    Done(Sums),
    Interrupted,
}

/// What a loss counts beside a accuracy; less than one of 100,000 photos.
const EQUAL: f64 = 1e-7;

/// The curve is drawn with checkpoints that are at least so far apart: it takes some milliseconds.
const CURVE_PAUSE: Duration = Duration::from_secs(10);

impl<'a> Training<'a> {
    pub(super) fn start(
        prepared: Prepared<'a>,
        folder: &'a RunFolder,
        around: &'a Surroundings<'a>,
        watch: &mut dyn Watch,
    ) -> Result<Self, TrainError> {
        let recipe = prepared.recipe;
        let options = &recipe.train;
        let recipe_hash = recipe_hash(recipe);
        let loaded = checkpoint::load(folder)?;
        if let Some((found, ..)) = &loaded {
            if found.recipe != recipe_hash {
                return Err(folder.begun_with(Difference::Recipe));
            }
            if found.photos != prepared.about.photos {
                return Err(folder.begun_with(Difference::Photos));
            }
        }
        let (train, validation) = (prepared.train(around)?, prepared.validation(around)?);
        let Prepared {
            photos,
            network,
            plan,
            optimizer_bytes,
            other_bytes,
            about,
            ..
        } = prepared;
        let rows = loaded.as_ref().map(|(found, ..)| found.rows());
        let rows = rows.unwrap_or_default();
        folder.write_metrics(&rows)?;
        let best = loaded.as_ref().and_then(|(position, ..)| position.best);
        let kept = best.filter(|_| options.restore_best);
        let kept = rows
            .iter()
            .rfind(|(epoch, _)| kept.is_none_or(|(kept, _)| kept == *epoch));
        let right = |row: Option<&Row>| row.and_then(|(_, metrics)| metrics[VAL_ACCURACY]);
        let found = loaded.as_ref().map_or(0, |(position, ..)| position.epoch);
        watch.begins(&Beginning {
            train_photos: about.counts[0],
            validation_photos: about.counts[1],
            classes: about.classes.clone(),
            parameters: about.parameters,
            memory: plan.memory(),
            optimizer_bytes,
            other_bytes,
            threads: around.threads,
            epochs: options.epochs,
            epoch: found,
            validation: right(rows.last()).zip(right(kept)),
        });

        let first = initial_parameters(&network.graph, options.seed);
        let mut state = plan.state(&network.graph, &first)?;
        let mut descent = Descent::new(&recipe.optimizer, &state)?;
        let mut schedule = recipe.schedule.build()?;
        let mut position = Position {
            recipe: recipe_hash,
            photos: about.photos.clone(),
            threads: around.threads,
            instructions: about.instructions.clone(),
            ..Position::default()
        };
        let mut newest = Newest::Whole;
        if let Some((found, tensors, notice)) = loaded {
            if let Some(notice) = notice {
                newest = Newest::Damaged;
                watch.notice(&notice);
            }
            if found.threads != around.threads {
                watch.notice(&Notice::Threads {
                    before: found.threads,
                    now: around.threads,
                });
            }
            if found.instructions != about.instructions {
                watch.notice(&Notice::Instructions {
                    before: found.instructions.clone(),
                    now: about.instructions.clone(),
                });
            }
            state.set_parameters(&tensors)?;
            descent.resume(found.steps, &tensors)?;
            let kept: Vec<f64> = found.schedule.iter().map(|&b| f64::from_bits(b)).collect();
            schedule.resume(&kept);
            position = Position {
                threads: around.threads,
                instructions: about.instructions.clone(),
                ..found
            };
        }
        if let Some((epoch, _)) = position.best
            && options.restore_best
        {
            watch.keeps(epoch);
        }
        let group = u64::from(options.accumulate);
        Ok(Training {
            epoch_steps: (train.batches() as u64).div_ceil(group),
            recipe,
            around,
            folder,
            photos,
            network,
            plan,
            state,
            descent,
            schedule,
            train,
            validation,
            pool: Pool::new(around.threads),
            saved_best: position.best.map(|(epoch, _)| epoch),
            position,
            saved: Instant::now(),
            newest,
            drawn: Instant::now(),
            told: false,
            begun: Instant::now(),
        })
    }

    pub(super) fn run(mut self, watch: &mut dyn Watch) -> Result<Outcome, TrainError> {
        let outcome = self.go_on(watch);
        // Of a training that failed above all: the curve shows how it came to it.
        self.draw(watch);
        outcome
    }

    fn go_on(&mut self, watch: &mut dyn Watch) -> Result<Outcome, TrainError> {
        let ended = loop {
            if let Some(ended) = self.ended() {
                break ended;
            }
            let sums = match self.epoch(watch)? {
                Epoch::Done(sums) => sums,
                Epoch::Interrupted => {
                    self.save(watch)?;
                    return Ok(self.outcome(Ended::Interrupted, None));
                }
            };
            self.position.stopped = self.end_epoch(&sums, watch)? == Flow::Stop;
            // The first epoch's at once: something to go on from, however soon it diverges.
            if self.position.epoch == 1 || self.is_due() {
                self.save(watch)?;
            }
        };
        self.save(watch)?;
        let package = self.finish(watch)?;
        Ok(self.outcome(ended, Some(package)))
    }

    /// Draws the curve of the epochs so far. A training goes on without it; that is told once.
    fn draw(&mut self, watch: &mut dyn Watch) {
        self.drawn = Instant::now();
        let rows = self.position.rows();
        let Some(&(last, _)) = rows.last() else {
            return;
        };
        // The epoch that failed has no row.
        let (name, kept) = (&self.recipe.train.name, self.kept_epoch().min(last));
        let language = self.around.language;
        let page = super::curve::page(name, &rows, kept, language);
        let path = self.folder.curve_path();
        let written = AtomicFile::create(&path).and_then(|file| file.finish(page.as_bytes()));
        if let Err(error) = written
            && !std::mem::replace(&mut self.told, true)
        {
            let reason = words::reason(language, &error);
            watch.notice(&Notice::NoCurve { path, reason });
        }
    }

    /// Whether it has ended, and how.
    fn ended(&self) -> Option<Ended> {
        let options = &self.recipe.train;
        let best = self.position.best.map(|(epoch, _)| epoch);
        let stale = best.map_or(0, |epoch| self.position.epoch - epoch);
        if self.position.batch > 0 {
            None
        } else if self.position.stopped {
            Some(Ended::Stopped)
        } else if options.patience.is_some_and(|patience| stale >= patience) {
            Some(Ended::Early)
        } else {
            (self.position.epoch >= options.epochs).then_some(Ended::Complete)
        }
    }

    /// Whether it is time for a checkpoint.
    fn is_due(&self) -> bool {
        self.saved.elapsed().as_secs_f64() >= self.recipe.train.checkpoint_seconds
    }

    /// The batches of one epoch that are not done yet.
    fn epoch(&mut self, watch: &mut dyn Watch) -> Result<Epoch, TrainError> {
        let (epoch, batches) = (self.position.epoch, self.train.batches());
        let options = &self.recipe.train;
        let started = Instant::now();
        let before = self.position.sums;
        let group = options.accumulate as usize;
        for batch in self.train.epoch_from(epoch, self.position.batch) {
            let batch = batch?;
            let place = self.position.batch;
            let first = place.is_multiple_of(group);
            let in_group = in_group(place, batches, group);
            let rate = self.rate_of(self.descent.steps());
            let step = StepOptions {
                seed: options.seed,
                step: self.position.batches,
                scale: 1.0 / in_group as f32,
                accumulate: !first,
            };
            let targets = Targets::Shares(batch.targets());
            let StepResult { loss, correct } =
                self.plan
                    .step(&self.pool, &mut self.state, batch.values(), targets, step)?;
            if !loss.is_finite() {
                return Err(self.not_finite(place + 1, rate, "loss"));
            }
            let ends_group = (place + 1).is_multiple_of(group) || place + 1 == batches;
            if ends_group {
                let norm = self.descent.apply(&mut self.state, rate);
                if !norm.is_finite() {
                    return Err(self.not_finite(place + 1, rate, "gradients"));
                }
            }
            let sums = &mut self.position.sums;
            let total = f64::from_bits(sums.loss) + f64::from(loss) * batch.len() as f64;
            sums.loss = total.to_bits();
            sums.correct += correct;
            sums.photos += batch.len();
            let spent = started.elapsed().as_secs_f64();
            sums.milliseconds = before.milliseconds + (spent * 1e3) as u64;
            self.position.batches += 1;
            self.position.batch += 1;
            watch.live(&Live {
                epoch,
                epochs: options.epochs,
                batch: self.position.batch,
                batches,
                loss: total / sums.photos as f64,
                accuracy: sums.correct as f64 / sums.photos as f64,
                photos_per_second: (sums.photos - before.photos) as f64 / spent.max(1e-9),
            });
            if ends_group && self.around.stop.load(Ordering::Relaxed) {
                return Ok(Epoch::Interrupted);
            }
            // At 0 seconds after each epoch, not after each step.
            if ends_group && options.checkpoint_seconds > 0.0 && self.is_due() {
                self.save(watch)?;
            }
        }
        let sums = std::mem::take(&mut self.position.sums);
        self.position.batch = 0;
        self.position.epoch += 1;
        Ok(Epoch::Done(sums))
    }

    /// Looks at the validation photos, keeps the best, and tells.
    fn end_epoch(&mut self, sums: &Sums, watch: &mut dyn Watch) -> Result<Flow, TrainError> {
        let epoch = self.position.epoch;
        let parameters = self.parameters();
        // Of its last step.
        let rate = self.rate_of(self.descent.steps().saturating_sub(1));
        let is_finite = |tensor: &tensor::Tensor| tensor.values().iter().all(|v| v.is_finite());
        if !parameters.values().all(is_finite) {
            return Err(self.not_finite(0, rate, "parameters"));
        }
        let validation = self.validate(&parameters)?;
        let loss = f64::from_bits(sums.loss) / sums.photos as f64;
        if let Some((loss, _)) = validation
            && !loss.is_finite()
        {
            return Err(self.not_finite(0, rate, "val_loss"));
        }
        let judged = validation.map_or(loss, |(loss, _)| loss);
        self.schedule.epoch_ended(judged as f32);
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
            let best = self.position.best;
            if best.is_none_or(|(_, best)| score < f64::from_bits(best)) {
                self.position.best = Some((epoch, score.to_bits()));
                if self.recipe.train.restore_best {
                    self.save_best(epoch, &parameters)?;
                }
            }
        }
        let seconds = sums.milliseconds as f64 / 1e3;
        let metrics: [Option<f64>; METRICS.len()] = [
            Some(loss),
            Some(sums.correct as f64 / sums.photos as f64),
            validation.map(|(loss, _)| loss),
            validation.map(|(_, accuracy)| accuracy),
            Some(f64::from(rate)),
            Some(seconds),
            Some(sums.photos as f64 / seconds.max(1e-3)),
        ];
        let bits = metrics.iter().map(|metric| metric.map(f64::to_bits));
        self.position.history.push((epoch, bits.collect()));
        let row: Row = (epoch, metrics);
        self.folder.add_metrics(&row)?;
        if self.position.best.is_some_and(|(best, _)| best == epoch)
            && self.recipe.train.restore_best
        {
            watch.keeps(epoch);
        }
        Ok(watch.report(u64::from(epoch), &named(&metrics)))
    }

    /// The learning rate of a step.
    fn rate_of(&self, step: u64) -> f32 {
        let progress = Progress {
            step,
            steps_per_epoch: self.epoch_steps,
            steps: self.epoch_steps * u64::from(self.recipe.train.epochs),
        };
        self.schedule.rate(self.descent.rate(), progress)
    }

    /// The parameters to look at and to keep: the moving averages where there are any.
    fn parameters(&self) -> NamedTensors {
        let mut parameters = self.state.parameters();
        for (name, tensor) in self.descent.averages().into_iter().flatten() {
            parameters.insert(name, tensor);
        }
        parameters
    }

    /// Mean loss of the validation photos, and their accuracy.
    fn validate(&self, parameters: &NamedTensors) -> Result<Option<(f64, f64)>, TrainError> {
        let Some(loader) = &self.validation else {
            return Ok(None);
        };
        let plan = Plan::for_inference(
            &self.network.graph,
            parameters,
            &validation_options(self.recipe, self.around),
        )?;
        let mut workspace = plan.workspace();
        let (mut probabilities, mut labels) = (Vec::new(), Vec::new());
        let classes = self.plan.classes();
        for batch in loader.in_order() {
            let batch = batch?;
            let logits = plan.infer(&self.pool, &mut workspace, batch.values())?;
            for row in logits[0].values().chunks_exact(classes) {
                if row.iter().any(|logit| !logit.is_finite()) {
                    return Ok(Some((f64::NAN, 0.0)));
                }
                probabilities.extend(package::softmax(row.iter().copied(), 1.0));
            }
            labels.extend_from_slice(batch.classes());
        }
        let scores = score(&probabilities, classes, &labels)?;
        Ok(Some((scores.negative_log_likelihood, scores.top_1.value)))
    }

    fn not_finite(&self, batch: usize, rate: f32, place: &str) -> TrainError {
        // Forward, the first parameter that is broken is where it began; backward, the last gradient.
        let broken = |values: Option<&[f32]>| {
            values.is_some_and(|values| values.iter().any(|value| !value.is_finite()))
        };
        let names: Vec<&str> = self.state.trained().map(|(name, _)| name).collect();
        let parameter = names.iter().find(|name| broken(self.state.parameter(name)));
        let gradient = || {
            names
                .iter()
                .rev()
                .find(|name| broken(self.state.gradient(name)))
        };
        let found = parameter.or_else(gradient).map(|name| (*name).to_owned());
        TrainError::NotFinite {
            epoch: self.position.epoch + u32::from(batch > 0),
            batch,
            rate,
            place: found.unwrap_or_else(|| place.to_owned()),
        }
    }

    fn save(&mut self, watch: &mut dyn Watch) -> Result<(), TrainError> {
        self.position.steps = self.descent.steps();
        let bits = |value: f64| value.to_bits();
        self.position.schedule = self.schedule.kept().into_iter().map(bits).collect();
        self.position.seconds += self.begun.elapsed().as_secs_f64();
        self.begun = Instant::now();
        let mut tensors = self.state.parameters();
        tensors.extend(self.descent.kept());
        checkpoint::save(self.folder, &self.position, &tensors, self.newest)?;
        self.newest = Newest::Whole;
        // The older checkpoint's best is kept as long as the checkpoint.
        let best = self.position.best.map(|(epoch, _)| epoch);
        let kept: Vec<u32> = self.saved_best.into_iter().chain(best).collect();
        self.folder.keep_best(&kept);
        self.saved_best = best;
        self.saved = Instant::now();
        if self.drawn.elapsed() >= CURVE_PAUSE {
            self.draw(watch);
        }
        Ok(())
    }

    fn save_best(&self, epoch: u32, parameters: &NamedTensors) -> Result<(), TrainError> {
        let bytes = checkpoint::network_to_bytes(parameters);
        self.folder.write(&self.folder.best_path(epoch), &bytes)
    }

    /// The epoch whose network is kept.
    fn kept_epoch(&self) -> u32 {
        match self.position.best {
            Some((epoch, _)) if self.recipe.train.restore_best => epoch,
            _ => self.position.epoch,
        }
    }

    /// Makes the package of the kept network, its calibration fitted on the validation photos.
    fn finish(&mut self, watch: &mut dyn Watch) -> Result<PathBuf, TrainError> {
        let kept = self.kept_epoch();
        let mut weights = self.parameters();
        if kept != self.position.epoch {
            let path = self.folder.best_path(kept);
            let bytes = std::fs::read(&path).map_err(TrainError::read(&path))?;
            weights = checkpoint::network_from_bytes(&bytes)
                .map_err(|reason| TrainError::BestNetwork { path, reason })?;
        }
        let options = &self.recipe.train;
        let public = self.public_recipe();
        let ids = |part: Part| {
            let entries = self.photos.all_entries().iter();
            let own = entries.filter(|entry| entry.part == part);
            PhotoIds::of(own.map(|entry| &entry.hash))
        };
        let mut hasher = blake3::Hasher::new();
        for tensor in weights.values() {
            let bytes: Vec<u8> = tensor
                .values()
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect();
            hasher.update(&bytes);
        }
        let classes: Vec<String> = self
            .photos
            .classes()
            .iter()
            .map(|class| class.breed.map_or(&class.folder, |breed| &breed.id).clone())
            .collect();
        let counts = [Part::Train, Part::Validation].map(|part| places(&self.photos, part));
        let mut package = of_trained(Trained {
            graph: self.network.graph.clone(),
            weights,
            input: self.network.input.clone(),
            classes: &classes,
            name: options.name.clone(),
            network: self.recipe.model.network.clone(),
            weights_name: format!(
                "Trained from random initialisation by museau, seed {}, epoch {kept} of {}",
                options.seed, options.epochs
            ),
            weights_hash: hasher.finalize().to_hex().to_string(),
            seen: format!(
                "The training has seen {} photos of these classes and nothing before. {} more were \
                 looked at after each epoch and fitted the temperature{}.",
                counts[0].len(),
                counts[1].len(),
                if options.restore_best {
                    ", and chose the epoch"
                } else {
                    ""
                }
            ),
            training: TrainingRecord {
                settings: public.flat().into_iter().collect(),
                photos: self.position.photos.clone(),
                fitted: ids(Part::Train),
                chosen: ids(Part::Validation),
            },
        })?;
        // Of the training it is known on its own photos alone, and of its last epoch.
        check_outputs(&package, &self.pool)?;
        // Read anew: the file may be gone since the photo was decoded for the loader.
        let mut unread: Vec<&str> = Vec::new();
        let chosen = counts[1].iter().filter_map(|&place| {
            let entry = &self.photos.all_entries()[place];
            let read = self.photos.photo(entry);
            if read.is_err() {
                unread.push(&entry.path);
            }
            Some((read.ok()?.0, entry.class))
        });
        let what = "validation photos, which its weights were not fitted to";
        fit_to_photos(&mut package, chosen, what, &self.pool)?;
        if let Some(&first) = unread.first() {
            watch.notice(&Notice::Uncalibrated {
                count: unread.len(),
                all: counts[1].len(),
                path: first.to_owned(),
            });
        }
        package.about.card += &self.card(kept);
        let bytes = package.to_bytes().map_err(MakeError::from)?;
        let path = self.folder.package_path();
        self.folder.write(&path, &bytes)?;
        let card = self.folder.path().join("model_card.md");
        self.folder.write(&card, package.about.card.as_bytes())?;
        Ok(path)
    }

    /// What a model card says of this training.
    fn card(&self, kept: u32) -> String {
        let mut card = format!(
            "\n## Training\n\n{} parameters, {} epochs of {}, epoch {kept} kept.\n",
            self.network.parameters, self.position.epoch, self.recipe.train.epochs
        );
        if let Some(accuracy) = self.metrics_of(kept)[VAL_ACCURACY] {
            card += &format!(
                "Of the validation photos {:.1} % are predicted correctly: too good a figure, since they \
                 chose the epoch. Test photos tell more.\n",
                100.0 * accuracy
            );
        }
        card + "\nThe recipe:\n\n```toml\n" + &self.public_recipe().text() + "```\n"
    }

    /// The recipe for a package, which goes to others: without the paths of this machine.
    fn public_recipe(&self) -> Recipe {
        let mut recipe = self.recipe.clone();
        let name = Path::new(&recipe.data.source).file_name();
        recipe.data.source = name.unwrap_or_default().to_string_lossy().into_owned();
        recipe.data.decisions = None;
        recipe
    }

    fn metrics_of(&self, epoch: u32) -> [Option<f64>; METRICS.len()] {
        let rows = self.position.rows();
        let found = rows.iter().find(|(row, _)| *row == epoch);
        found.map_or([None; METRICS.len()], |(_, metrics)| *metrics)
    }

    fn outcome(&self, ended: Ended, package: Option<PathBuf>) -> Outcome {
        let kept_epoch = self.kept_epoch();
        Outcome {
            ended,
            epochs: self.position.epoch,
            kept_epoch,
            metrics: named(&self.metrics_of(kept_epoch)),
            package,
            seconds: self.position.seconds + self.begun.elapsed().as_secs_f64(),
        }
    }
}

/// Batches that make one step with batch `place` of an epoch of so many: `group`, fewer at its end.
pub(super) fn in_group(place: usize, batches: usize, group: usize) -> usize {
    group.min(batches - (place - place % group))
}

fn named(metrics: &[Option<f64>; METRICS.len()]) -> Vec<(&'static str, f64)> {
    let all = METRICS.into_iter().zip(metrics);
    all.filter_map(|(name, metric)| Some((name, (*metric)?)))
        .collect()
}

//! Begins a training, goes on with one, or tries rates for it.
use super::folder::RunFolder;
use super::outcome::{Ended, Outcome};
use super::prepared::Prepared;
use super::result::{Kept, Origin};
use super::session::in_group;
use super::source::{Photos, Source as _};
use super::surroundings::Surroundings;
use super::training::{Training, found};
use crate::recipe::Recipe;
use crate::watch::{VAL_ACCURACY, Watch};
use crate::{Descent, Difference, Finding, RateRange, TrainError, find_rate, initial_parameters};
use data::Manifest;
use engine::{StepOptions, Targets};
use std::path::Path;
use tensor::Pool;

/// Begins a training in a new folder. `record` is kept in `run.json` for who records it.
///
/// # Errors
/// [`TrainError`]; before anything is written where the recipe, the photos or the memory are at fault.
pub fn begin(
    recipe: &Recipe,
    manifest: &Manifest,
    folder: &Path,
    record: Option<&str>,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    holds_no_source(folder, recipe)?;
    RunFolder::look(folder)?;
    let mut prepared = Prepared::new(recipe, manifest, around, watch)?;
    let folder = RunFolder::create(folder)?;
    prepared.task.about.record = record.map(str::to_owned);
    folder.describe(recipe, &prepared.task.about, &prepared.photos)?;
    folder.write_metrics(&[])?;
    train(prepared, &folder, around, watch)
}

/// Trains what is prepared, from the folder's checkpoint where there is one, and makes its package.
fn train(
    prepared: Prepared<'_>,
    folder: &RunFolder,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let found = found(folder, &prepared.task)?;
    let source = Photos::open(&prepared, around)?;
    let Prepared {
        photos,
        network,
        task,
    } = prepared;
    let (recipe, fingerprint) = (task.recipe, task.about.photos.clone());
    let mut training = Training::start(task, found, &source, folder, around, watch)?;
    let ended = training.run(watch)?;
    if ended == Ended::Interrupted {
        return Ok(training.outcome(ended));
    }
    let (keeper, session) = (&training.keeper, &training.session);
    let epoch = keeper.kept_epoch();
    let kept = Kept {
        epoch,
        epochs: keeper.position.epoch,
        weights: keeper.kept_network(session)?,
        val_accuracy: keeper.metrics_of(epoch)[VAL_ACCURACY],
    };
    let origin = Origin {
        recipe,
        photos: &photos,
        fingerprint: &fingerprint,
        network: &network,
    };
    let package = origin.package(kept, folder, session.pool(), watch)?;
    folder.tell_moved(watch);
    Ok(Outcome {
        package: Some(package),
        ..training.outcome(ended)
    })
}

/// Refuses a folder that holds what the training is made of.
fn holds_no_source(folder: &Path, recipe: &Recipe) -> Result<(), TrainError> {
    let Ok(real) = folder.canonicalize() else {
        return Ok(());
    };
    let data = &recipe.data;
    let sources = [Some(&data.source), data.decisions.as_ref()];
    for source in sources.into_iter().flatten() {
        let source = Path::new(source);
        if source
            .canonicalize()
            .is_ok_and(|source| source.starts_with(&real))
        {
            let (folder, held) = (folder.to_owned(), source.to_owned());
            return Err(TrainError::HoldsSource { folder, held });
        }
    }
    Ok(())
}

/// Goes on with the training in a folder, from its last whole checkpoint; from the start where there
/// is none yet. `recipe` must be the folder's, `manifest` the same photos, wherever they lie now.
///
/// # Errors
/// [`TrainError`]
pub fn resume(
    folder: &RunFolder,
    manifest: &Manifest,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let recipe = folder.recipe()?;
    let about = folder.about()?;
    let prepared = Prepared::new(&recipe, manifest, around, watch)?;
    if prepared.task.about.photos != about.photos {
        return Err(folder.begun_with(Difference::Photos));
    }
    train(prepared, folder, around, watch)
}

/// Tries the rates of `range` on a recipe's network and photos, each on as many batches as make a step
/// of the training; nothing is written but the cache.
///
/// # Errors
/// [`TrainError`]
pub fn try_rates(
    recipe: &Recipe,
    manifest: &Manifest,
    range: RateRange,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Finding, TrainError> {
    let prepared = Prepared::new(recipe, manifest, around, watch)?;
    let source = Photos::train_alone(&prepared, around)?;
    let Prepared { network, task, .. } = prepared;
    let plan = task.plan;
    let seed = recipe.train.seed;
    let mut state = plan.state(&network.graph, &initial_parameters(&network.graph, seed))?;
    let mut descent = Descent::new(&recipe.optimizer, &state)?;
    let pool = Pool::new(around.threads);
    let (mut step, mut epoch, mut place) = (0, 0, 0);
    let mut pass = source.epoch(epoch, 0);
    let batches = source.batches();
    find_rate(range, |rate| {
        if place == batches {
            (epoch, place) = (epoch + 1, 0);
            pass = source.epoch(epoch, 0);
        }
        let group = in_group(place, batches, recipe.train.accumulate as usize);
        let mut loss = 0.0;
        for (number, batch) in pass.by_ref().take(group).enumerate() {
            let batch = batch?;
            let options = StepOptions {
                seed,
                step,
                scale: 1.0 / group as f32,
                accumulate: number > 0,
            };
            step += 1;
            let targets = Targets::Shares(batch.targets());
            let result = plan.step(&pool, &mut state, batch.values(), targets, options)?;
            loss += result.loss / group as f32;
        }
        place += group;
        descent.apply(&mut state, rate);
        Ok(loss)
    })
}

//! Begins a training, goes on with one, or tries rates for it.
use super::checkpoint::Position;
use super::folder::RunFolder;
use super::head_source::Features;
use super::outcome::{Ended, Outcome};
use super::prepared::{Prepared, Task};
use super::result::{Kept, Origin};
use super::session::in_group;
use super::source::{Photos, Source};
use super::surroundings::Surroundings;
use super::training::{Training, found};
use crate::recipe::Recipe;
use crate::watch::{Notice, VAL_ACCURACY, Watch};
use crate::{Descent, Difference, Finding, RateRange, TrainError, find_rate};
use data::Manifest;
use engine::{StepOptions, Targets};
use graph::{Graph, ParameterSpec};
use std::path::Path;
use tensor::{NamedTensors, Pool};

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
    prepared.about.record = record.map(str::to_owned);
    folder.describe(recipe, &prepared.about, &prepared.photos)?;
    folder.write_metrics(&[])?;
    train(prepared, &folder, around, watch)
}

/// Trains what is prepared, stage by stage, from the folder's checkpoint where there is one, and makes
/// its package.
fn train(
    prepared: Prepared<'_>,
    folder: &RunFolder,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let mut prepared = prepared;
    let tasks = std::mem::take(&mut prepared.tasks);
    let all = tasks.len();
    for task in tasks {
        // Each stage begins with what the one before left in the folder, whoever trained that.
        let found = found(folder, prepared.recipe, &prepared.about)?;
        let is_over = |position: &Position| {
            let after = position.stage + usize::from(position.stage_over);
            task.number < after && task.number + 1 < all
        };
        if found
            .as_ref()
            .is_some_and(|(position, ..)| is_over(position))
        {
            continue;
        }
        tell_stage(&prepared, &task, watch);
        let Some(source) = source(&prepared, task.below.as_ref(), around, watch)? else {
            return Ok(Outcome::unbegun());
        };
        let is_last = task.number + 1 == all;
        let parameters = &prepared.parameters;
        let mut training =
            Training::start(task, parameters, found, &*source, folder, around, watch)?;
        let ended = training.run(watch)?;
        let goes_on = matches!(ended, Ended::Complete | Ended::Early);
        if ended == Ended::Interrupted {
            return Ok(training.outcome(ended));
        } else if is_last || !goes_on {
            return packaged(&prepared, &training, ended, folder, around, watch);
        }
    }
    unreachable!("a training has a last stage")
}

/// Makes the package of a training that has ended.
fn packaged(
    prepared: &Prepared<'_>,
    training: &Training<'_>,
    ended: Ended,
    folder: &RunFolder,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let (keeper, session) = (&training.keeper, &training.session);
    let (network, initial) = (&prepared.network, around.initial);
    let epoch = keeper.kept_epoch();
    let kept_network = keeper.kept_network(session)?;
    let kept = Kept {
        epoch,
        epochs: keeper.position.epoch,
        weights: whole(&network.graph, &prepared.parameters, &kept_network),
        val_accuracy: keeper.metrics_of(epoch)[VAL_ACCURACY],
    };
    let initial = initial.filter(|_| network.transfer.is_some());
    let is_body = |name: &str| {
        let layer = name.rsplit_once('/').map_or(name, |(layer, _)| layer);
        let transfer = network.transfer.as_ref();
        transfer.is_some_and(|transfer| transfer.body.contains(layer))
    };
    // The old head means something on the features that it was made for alone.
    let has_old_features = (kept.weights.iter())
        .filter(|(name, _)| is_body(name))
        .all(|(name, tensor)| tensor.values() == prepared.parameters[name].values());
    let origin = Origin {
        recipe: prepared.recipe,
        photos: &prepared.photos,
        fingerprint: &prepared.about.photos,
        network,
        initial,
        warm_classes: prepared.about.warm_classes,
        dogs: initial
            .filter(|_| has_old_features)
            .and_then(|initial| initial.beside_old_head(network)),
    };
    let package = origin.package(kept, folder, around, session.pool(), watch)?;
    folder.tell_moved(watch);
    Ok(Outcome {
        package: Some(package),
        ..training.outcome(ended)
    })
}

/// Says which of several stages begins.
fn tell_stage(prepared: &Prepared<'_>, task: &Task<'_>, watch: &mut dyn Watch) {
    let Some(stages) = &prepared.recipe.train.stages else {
        return;
    };
    let stage = &stages.0[task.number];
    watch.notice(&Notice::Stage {
        number: task.number + 1,
        all: stages.0.len(),
        from: stage.from.clone(),
        epochs: stage.epochs,
    });
}

/// Where the batches come from: photos, or their features where the network `below` makes them once.
/// `None` where it was stopped before there were any.
fn source(
    prepared: &Prepared<'_>,
    below: Option<&Graph>,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Option<Box<dyn Source>>, TrainError> {
    if let Some(below) = below {
        let features = Features::open(prepared, below, around, watch)?;
        return Ok(features.map(|features| Box::new(features) as Box<dyn Source>));
    }
    Ok(Some(Box::new(Photos::open(prepared, around)?)))
}

/// All values of a network: those that were trained, and of the rest the initial ones.
fn whole(graph: &Graph, initial: &NamedTensors, trained: &NamedTensors) -> NamedTensors {
    let specs = graph.parameters().into_iter();
    let value = |spec: ParameterSpec| {
        let value = trained.get(&spec.name).or_else(|| initial.get(&spec.name));
        Some((spec.name, value?.clone()))
    };
    specs.filter_map(value).collect()
}

/// Refuses a folder that holds what the training is made of.
fn holds_no_source(folder: &Path, recipe: &Recipe) -> Result<(), TrainError> {
    let Ok(real) = folder.canonicalize() else {
        return Ok(());
    };
    let mut data = recipe.data.clone();
    for source in data.paths_mut() {
        let source = Path::new(&*source);
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
    if prepared.about.photos != about.photos {
        return Err(folder.begun_with(Difference::Photos));
    }
    if prepared.about.initial != about.initial {
        return Err(folder.begun_with(Difference::Initial));
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
    let mut prepared = Prepared::new(recipe, manifest, around, watch)?;
    // Of the first stage.
    let task = prepared.tasks.swap_remove(0);
    let source: Box<dyn Source> = match &task.below {
        Some(below) => match source(&prepared, Some(below), around, watch)? {
            Some(source) => source,
            None => return find_rate(range, |_| Ok(f32::NAN)),
        },
        None => Box::new(Photos::train_alone(&prepared, around)?),
    };
    let plan = task.plan;
    let seed = recipe.train.seed;
    let mut state = plan.state(&task.graph, &prepared.parameters)?;
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

//! All that is known of a training before it takes memory: its photos, its network, what it will need.
use super::folder::About;
use super::network::{Network, network};
use super::photos::{fingerprint, photos, places};
use super::surroundings::Surroundings;
use crate::TrainError;
use crate::recipe::{ClassWeights, Monitor, Recipe};
use crate::schedules::PLATEAU;
use crate::watch::{Notice, Watch};
use data::loader::{Cache, Loader, LoaderOptions, Preparation};
use data::{Manifest, Part};
use engine::{Kernels, LeastMemory, Loss, Plan, PlanOptions, TrainingOptions, TrainingPlan};
use graph::{Graph, Node};
use std::collections::HashSet;
use vision::augment::Augmentation;

/// All that is known before a training takes memory.
pub(super) struct Prepared<'a> {
    pub(super) photos: Manifest,
    pub(super) network: Network,
    pub(super) task: Task<'a>,
}

/// What is to be trained, whatever its examples are.
pub(super) struct Task<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) graph: Graph,
    pub(super) plan: TrainingPlan,
    /// Bytes that the optimiser keeps.
    pub(super) optimizer_bytes: usize,
    /// Bytes besides: batches that wait, and the larger of a look at the validation examples and a
    /// checkpoint's copies.
    pub(super) other_bytes: usize,
    pub(super) about: About,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        recipe: &'a Recipe,
        manifest: &Manifest,
        around: &Surroundings<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Self, TrainError> {
        // Before anything that takes time or memory.
        refuse_impossible(recipe, around.memory_limit)?;
        let (photos, left_out) = photos(
            recipe,
            manifest,
            around.cache,
            around.threads,
            around.decoded,
        )?;
        let classes = photos.classes().len();
        let network = network(recipe, classes)?;
        let counts = [Part::Train, Part::Validation].map(|part| places(&photos, part).len());
        let unjudged = match counts[1] {
            0 => without_validation(recipe),
            _ => Vec::new(),
        };
        let notices = left_out.into_iter().chain(network.notice(recipe));
        for notice in notices.chain(unjudged) {
            watch.notice(&notice);
        }
        let class_weights = match recipe.train.class_weights {
            ClassWeights::None => Vec::new(),
            ClassWeights::Balanced => balanced(&photos),
        };
        let frozen = frozen(recipe, &network.graph)?;
        let plan = Plan::for_training(
            &network.graph,
            &TrainingOptions {
                isa: around.isa,
                batch: recipe.train.batch,
                threads: around.threads,
                loss: Loss {
                    label_smoothing: recipe.train.label_smoothing,
                    class_weights,
                },
                frozen,
                ..TrainingOptions::default()
            },
        )?;
        let memory = plan.memory();
        let optimizer_bytes = memory.gradients.saturating_mul(recipe.optimizer.copies()?);
        let kept = memory.parameters.saturating_add(optimizer_bytes);
        let other_bytes = other_bytes(recipe, &network, around, kept, counts)?;
        let needed = memory.total().saturating_add(optimizer_bytes);
        let needed = needed.saturating_add(other_bytes);
        if let Some(limit) = around.memory_limit
            && needed > limit
        {
            return Err(TrainError::Memory {
                needed,
                parameters: needed - memory.working - other_bytes,
                working: memory.working + other_bytes,
                limit,
            });
        }
        let about = About {
            museau: env!("CARGO_PKG_VERSION").into(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            instructions: around.isa.name().into(),
            threads: around.threads,
            photos: fingerprint(&photos),
            counts,
            classes: photos.classes().iter().map(|c| c.folder.clone()).collect(),
            parameters: network.parameters,
            bytes: needed,
            record: None,
            table: None,
        };
        let task = Task {
            recipe,
            graph: network.graph.clone(),
            plan,
            optimizer_bytes,
            other_bytes,
            about,
        };
        Ok(Prepared {
            photos,
            network,
            task,
        })
    }

    /// The training photos, augmented.
    pub(super) fn train(&self, around: &Surroundings<'_>) -> Result<Loader, TrainError> {
        let recipe = self.task.recipe;
        let augmentation = Augmentation::clone(&recipe.augment.steps);
        let margin = recipe.augment.margin;
        let loader = self.loader(Part::Train, augmentation, margin, around)?;
        Ok(loader.expect("every class has a training photo"))
    }

    /// The validation photos, as they are; none where there are none.
    pub(super) fn validation(
        &self,
        around: &Surroundings<'_>,
    ) -> Result<Option<Loader>, TrainError> {
        self.loader(Part::Validation, Augmentation::default(), 1.0, around)
    }

    fn loader(
        &self,
        part: Part,
        augmentation: Augmentation,
        margin: f32,
        around: &Surroundings<'_>,
    ) -> Result<Option<Loader>, TrainError> {
        let places = places(&self.photos, part);
        if places.is_empty() {
            return Ok(None);
        }
        let preparation = Preparation {
            input: self.network.input.clone(),
            margin,
        };
        let cache = Cache::open(
            around.cache,
            &self.photos,
            &places,
            &preparation,
            around.threads,
            around.decoded,
        )?;
        let options = &self.task.recipe.train;
        let (batch, seed) = (options.batch, options.seed);
        let options = LoaderOptions {
            batch,
            threads: around.threads.min(2),
            ahead: AHEAD,
            seed,
            augmentation,
            whole_batches: part == Part::Train && places.len() >= batch,
        };
        Ok(Some(Loader::new(cache, options)))
    }
}

/// Refuses a recipe whose network does not fit into memory whatever the photos: before they are looked
/// at, and before the network is lowered, which takes memory itself.
fn refuse_impossible(recipe: &Recipe, limit: Option<usize>) -> Result<(), TrainError> {
    // As few classes as can be told apart.
    let network = network(recipe, 2)?;
    let frozen = frozen(recipe, &network.graph)?;
    let copies = recipe.optimizer.copies()?;
    let least = LeastMemory::for_training(&network.graph, recipe.train.batch, &frozen, copies);
    let limit = limit.unwrap_or(isize::MAX as usize);
    if least.total() <= limit as u64 {
        return Ok(());
    }
    let count = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Err(TrainError::Memory {
        needed: count(least.total()),
        parameters: count(least.parameters.saturating_add(least.trained)),
        working: count(least.working),
        limit,
    })
}

/// What a recipe asks for that only validation photos can decide.
fn without_validation(recipe: &Recipe) -> Vec<Notice> {
    let options = &recipe.train;
    let idle = [
        ("train.patience", options.patience.is_some()),
        ("train.monitor", options.monitor != Monitor::default()),
    ];
    let keys: Vec<&str> = (idle.into_iter())
        .filter_map(|(key, asked)| asked.then_some(key))
        .collect();
    let mut notices = Vec::new();
    if !keys.is_empty() {
        let keys = keys.join(", ");
        notices.push(Notice::NoValidation { keys });
    }
    if recipe.schedule.name == PLATEAU {
        notices.push(Notice::PlateauOfTraining);
    }
    notices
}

/// The layers of the network that the recipe freezes: all whose names begin as it says.
fn frozen(recipe: &Recipe, graph: &Graph) -> Result<HashSet<String>, TrainError> {
    let mut frozen = HashSet::new();
    for prefix in &recipe.model.freeze.0 {
        let names = || graph.nodes().iter().map(Node::name);
        let own: Vec<&str> = names()
            .filter(|name| name.starts_with(prefix.as_str()))
            .collect();
        if own.is_empty() {
            // Beginnings of as many words.
            let words = prefix.matches('_').count();
            let beginning = |name: &str| {
                let end = name.match_indices('_').nth(words).map(|(end, _)| end);
                name[..end.unwrap_or(name.len())].to_owned()
            };
            let beginnings: Vec<String> = names().map(beginning).collect();
            let known = beginnings.iter().map(|known| (known.as_str(), known));
            let nearest = words::nearest(prefix, known).cloned();
            return Err(TrainError::Freeze {
                prefix: prefix.to_owned(),
                nearest,
            });
        }
        frozen.extend(own.into_iter().map(str::to_owned));
    }
    Ok(frozen)
}

/// Bytes that a training takes besides a step and what the optimiser keeps (`kept` with the
/// parameters): batches that wait, and, since they come one after the other, the larger of the look at
/// the validation photos and of the copies that are written as a checkpoint. `counts` are the photos
/// for training and validation.
fn other_bytes(
    recipe: &Recipe,
    network: &Network,
    around: &Surroundings<'_>,
    kept: usize,
    counts: [usize; 2],
) -> Result<usize, TrainError> {
    let batch = recipe.train.batch;
    let parameters = usize::try_from(network.parameters).unwrap_or(usize::MAX);
    let parameters = parameters.saturating_mul(size_of::<f32>());
    let input = &network.input;
    let image = input.height * input.width * 3 * size_of::<f32>();
    // Each loader keeps the memory of its batches: those ahead, and the one at work.
    let batches = counts.map(|count| count.div_ceil(batch).min(AHEAD + 1));
    let batches = batches.iter().sum::<usize>();
    let batches = batches.saturating_mul(batch).saturating_mul(image);
    let checkpoint = kept.saturating_mul(2);
    let validation = match counts[1] {
        0 => 0,
        _ => {
            let options = validation_options(recipe, around);
            let memory = Plan::memory_for_inference(&network.graph, &options)?;
            let plan = memory.weights.saturating_add(memory.workspace);
            plan.saturating_add(parameters)
        }
    };
    Ok(batches.saturating_add(validation.max(checkpoint)))
}

/// How the validation photos are looked at.
pub(super) fn validation_options(recipe: &Recipe, around: &Surroundings<'_>) -> PlanOptions {
    PlanOptions {
        kernels: Kernels::Fast(around.isa),
        batch: recipe.train.batch,
        threads: around.threads,
        ..PlanOptions::default()
    }
}

/// photos / (classes x photos of the class), for each class.
fn balanced(photos: &Manifest) -> Vec<f32> {
    let mut counts = vec![0usize; photos.classes().len()];
    for place in places(photos, Part::Train) {
        counts[photos.all_entries()[place].class] += 1;
    }
    let all: usize = counts.iter().sum();
    let share = |&count: &usize| all as f32 / (counts.len() * count.max(1)) as f32;
    counts.iter().map(share).collect()
}

/// Batches that are made ahead of their use.
const AHEAD: usize = 4;

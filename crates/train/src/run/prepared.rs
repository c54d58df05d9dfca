//! All that is known of a training before it takes memory: its photos, its network, what it will need.
use super::folder::About;
use super::head_source;
use super::network::{Network, network};
use super::photos::{fingerprint, photos, places};
use super::surroundings::Surroundings;
use crate::features::plan_options;
use crate::finetune::WHOLE_BODY;
use crate::recipe::{ClassWeights, From, Monitor, Recipe, Stage};
use crate::schedules::PLATEAU;
use crate::watch::{Notice, Watch};
use crate::{TrainError, initial_parameters};
use data::loader::{Cache, Loader, LoaderOptions, Preparation};
use data::{Manifest, Part};
use engine::{Kernels, LeastMemory, Loss, Plan, PlanOptions, TrainingOptions, TrainingPlan};
use graph::{Graph, Node, Op};
use std::collections::HashSet;
use tensor::NamedTensors;
use vision::augment::Augmentation;

/// All that is known before a training takes memory.
pub(super) struct Prepared<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) photos: Manifest,
    pub(super) network: Network,
    /// The initial values of all of the network's parameters.
    pub(super) parameters: NamedTensors,
    pub(super) about: About,
    /// What is to be trained, one after the other.
    pub(super) tasks: Vec<Task<'a>>,
}

/// What is to be trained in one stage, whatever its examples are.
pub(super) struct Task<'a> {
    /// The recipe, whose stages may be several.
    pub(super) recipe: &'a Recipe,
    /// The recipe of this one.
    pub(super) stage: Recipe,
    /// Its number, counted from 0.
    pub(super) number: usize,
    pub(super) graph: Graph,
    pub(super) plan: TrainingPlan,
    /// Where the head alone is trained, on features that are computed once, the network that makes
    /// them: its output is the row of features.
    pub(super) below: Option<Graph>,
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
        refuse_impossible(recipe, around)?;
        let (photos, left_out) = photos(
            recipe,
            manifest,
            around.cache,
            around.threads,
            around.decoded,
        )?;
        let classes = photos.classes().len();
        let network = network(recipe, around.initial, classes)?;
        let seed = recipe.train.seed;
        let initial = around.initial.filter(|_| network.transfer.is_some());
        let (parameters, warm_classes) = match initial {
            Some(initial) => initial.parameters(&network, &photos, seed),
            None => (initial_parameters(&network.graph, seed), 0),
        };
        let counts = [Part::Train, Part::Validation].map(|part| places(&photos, part).len());
        let unjudged = match counts[1] {
            0 => without_validation(recipe),
            _ => Vec::new(),
        };
        let notices = left_out.into_iter().chain(network.notice(recipe));
        for notice in notices.chain(unjudged) {
            watch.notice(&notice);
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
            initial: initial.map_or_else(String::new, |initial| initial.hash.clone()),
            warm_classes,
            bytes: 0,
            record: None,
            table: None,
        };
        let mut prepared = Prepared {
            recipe,
            photos,
            network,
            parameters,
            about,
            tasks: Vec::new(),
        };
        for (number, (stage, recipe)) in recipe.stages().into_iter().enumerate() {
            let part = TrainedPart::of(&recipe, stage.as_ref(), &prepared.network)?;
            if part.mixes {
                watch.notice(&Notice::FeaturesMixed);
            }
            let task = prepared.task(number, recipe, part, around)?;
            prepared.tasks.push(task);
        }
        let bytes = prepared.tasks.iter().map(|task| task.about.bytes).max();
        prepared.about.bytes = bytes.unwrap_or_default();
        Ok(prepared)
    }

    /// What is trained in a stage with this recipe.
    fn task(
        &self,
        number: usize,
        stage: Recipe,
        part: TrainedPart,
        around: &Surroundings<'_>,
    ) -> Result<Task<'a>, TrainError> {
        let counts = self.about.counts;
        let plan = Plan::for_training(
            &part.graph,
            &TrainingOptions {
                isa: around.isa,
                batch: stage.train.batch,
                threads: around.threads,
                loss: Loss {
                    label_smoothing: stage.train.label_smoothing,
                    class_weights: match stage.train.class_weights {
                        ClassWeights::None => Vec::new(),
                        ClassWeights::Balanced => balanced(&self.photos),
                    },
                },
                frozen: part.frozen,
                ..TrainingOptions::default()
            },
        )?;
        let memory = plan.memory();
        let optimizer_bytes = memory.gradients.saturating_mul(stage.optimizer.copies()?);
        let kept = memory.parameters.saturating_add(optimizer_bytes);
        let mut other_bytes = other_bytes(&stage, &part.graph, around, kept, counts)?;
        if let Some(below) = &part.below {
            let rows = counts[0].saturating_mul(head_source::views(&stage)) + counts[1];
            other_bytes = other_bytes.saturating_add(frozen_bytes(below, rows, around)?);
        }
        if self.network.transfer.is_some() {
            // Their own values stay beside those that are trained.
            let own = usize::try_from(self.network.parameters).unwrap_or(usize::MAX);
            other_bytes = other_bytes.saturating_add(own.saturating_mul(2 * size_of::<f32>()));
        }
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
        Ok(Task {
            recipe: self.recipe,
            stage,
            number,
            graph: part.graph,
            plan,
            below: part.below,
            optimizer_bytes,
            other_bytes,
            about: About {
                bytes: needed,
                ..self.about.clone()
            },
        })
    }

    /// The training photos, augmented.
    pub(super) fn train(&self, around: &Surroundings<'_>) -> Result<Loader, TrainError> {
        let recipe = self.recipe;
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
        let options = &self.recipe.train;
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
fn refuse_impossible(recipe: &Recipe, around: &Surroundings<'_>) -> Result<(), TrainError> {
    // As few classes as can be told apart.
    let network = network(recipe, around.initial, 2)?;
    let limit = around.memory_limit.unwrap_or(isize::MAX as usize);
    let count = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    for (stage, recipe) in recipe.stages() {
        let part = TrainedPart::of(&recipe, stage.as_ref(), &network)?;
        let (batch, copies) = (recipe.train.batch, recipe.optimizer.copies()?);
        let least = LeastMemory::for_training(&part.graph, batch, &part.frozen, copies);
        if least.total() > limit as u64 {
            return Err(TrainError::Memory {
                needed: count(least.total()),
                parameters: count(least.parameters.saturating_add(least.trained)),
                working: count(least.working),
                limit,
            });
        }
    }
    Ok(())
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

/// The layers of the network that the recipe freezes: all whose names begin as it says; and the batch
/// norms that come with initial weights, unless it trains them: a few small batches would spoil what
/// they know of all of a large data set.
fn frozen(
    recipe: &Recipe,
    stage: Option<&Stage>,
    network: &Network,
) -> Result<HashSet<String>, TrainError> {
    let graph = &network.graph;
    let body = network.transfer.as_ref().map(|transfer| &transfer.body);
    let mut frozen = HashSet::new();
    if let Some(body) = body.filter(|_| recipe.model.batch_norms != Some(true)) {
        let norms = graph.nodes().iter();
        let norms = norms.filter(|node| matches!(node.op(), Op::BatchNorm { .. }));
        let names = norms.map(|node| node.name().to_owned());
        frozen.extend(names.filter(|name| body.contains(name)));
    }
    let from = stage.map(|stage| &stage.from);
    if let (Some(From::Head), Some(body)) = (from, body) {
        frozen.extend(body.iter().cloned());
    }
    if let (Some(From::Layer(prefix)), Some(body)) = (from, body) {
        let is_lowest = |node: &&Node| node.name().starts_with(prefix.as_str());
        let lowest = graph.nodes().iter().position(|node| is_lowest(&node));
        let lowest = lowest.ok_or_else(|| unknown_layer(graph, prefix))?;
        let below = graph.nodes()[..lowest]
            .iter()
            .map(|node| node.name().to_owned());
        frozen.extend(below.filter(|name| body.contains(name)));
    }
    for prefix in &recipe.model.freeze.0 {
        if prefix == WHOLE_BODY {
            // A stage says itself how much of it that is.
            if !matches!(from, None | Some(From::Head)) {
                continue;
            }
            let all = || graph.nodes().iter().map(|node| node.name().to_owned());
            frozen.extend(body.map_or_else(|| all().collect(), HashSet::clone));
            continue;
        }
        let names = graph.nodes().iter().map(Node::name);
        let own: Vec<&str> = names
            .filter(|name| name.starts_with(prefix.as_str()))
            .collect();
        if own.is_empty() {
            return Err(unknown_layer(graph, prefix));
        }
        frozen.extend(own.into_iter().map(str::to_owned));
    }
    Ok(frozen)
}

/// The error that no layer's name begins so, with the beginning of as many words that is nearest.
fn unknown_layer(graph: &Graph, prefix: &str) -> TrainError {
    let words = prefix.matches('_').count();
    let beginning = |name: &str| {
        let end = name.match_indices('_').nth(words).map(|(end, _)| end);
        name[..end.unwrap_or(name.len())].to_owned()
    };
    let names = graph.nodes().iter().map(Node::name);
    let beginnings: Vec<String> = names.map(beginning).collect();
    let known = beginnings.iter().map(|known| (known.as_str(), known));
    TrainError::Freeze {
        prefix: prefix.to_owned(),
        nearest: words::nearest(prefix, known).cloned(),
    }
}

/// What is trained of a network.
struct TrainedPart {
    /// All of it, or what stands on the features where all that comes with the initial weights is
    /// frozen.
    graph: Graph,
    /// The layers of it that are not trained.
    frozen: HashSet<String>,
    /// What makes the features, where they are computed once.
    below: Option<Graph>,
    /// Whether they would be, if no photos were mixed.
    mixes: bool,
}

impl TrainedPart {
    fn of(recipe: &Recipe, stage: Option<&Stage>, network: &Network) -> Result<Self, TrainError> {
        let graph = &network.graph;
        let frozen = frozen(recipe, stage, network)?;
        let whole = |frozen, mixes| TrainedPart {
            graph: graph.clone(),
            frozen,
            below: None,
            mixes,
        };
        let Some(transfer) = &network.transfer else {
            return Ok(whole(frozen, false));
        };
        let is_trained = |name: &String| {
            let id = graph.find(name);
            !frozen.contains(name) && id.is_some_and(|id| !graph.node_parameters(id).is_empty())
        };
        if transfer.body.iter().any(is_trained) || head_source::views(recipe) == 0 {
            return Ok(whole(frozen, false));
        }
        if recipe.augment.steps.mixes() {
            return Ok(whole(frozen, true));
        }
        let features = graph.find(&transfer.features);
        let features = features.expect("a layer of the network");
        let head = graph.above(features)?;
        let own = |name: &String| head.find(name).is_some() && !transfer.body.contains(name);
        Ok(TrainedPart {
            frozen: frozen.into_iter().filter(own).collect(),
            graph: head,
            below: Some(graph.below(features)),
            mixes: false,
        })
    }
}

/// Bytes for so many rows of features, and for the network that makes them.
fn frozen_bytes(
    graph: &Graph,
    rows: usize,
    around: &Surroundings<'_>,
) -> Result<usize, TrainError> {
    let memory = Plan::memory_for_inference(graph, &plan_options(around.isa))?;
    let row = graph.node(graph.outputs()[0]).shape().elements();
    // As they are trained on, and, by the photos' hashes, as they are kept.
    let rows = rows
        .saturating_mul(row)
        .saturating_mul(2 * size_of::<f32>());
    let work = memory.workspace.saturating_mul(around.threads);
    Ok(rows.saturating_add(memory.weights).saturating_add(work))
}

/// Bytes that a training takes besides a step and what the optimiser keeps (`kept` with the
/// parameters): batches that wait, and, since they come one after the other, the larger of the look at
/// the validation photos and of the copies that are written as a checkpoint. `counts` are the photos
/// for training and validation.
fn other_bytes(
    recipe: &Recipe,
    graph: &Graph,
    around: &Surroundings<'_>,
    kept: usize,
    counts: [usize; 2],
) -> Result<usize, TrainError> {
    let batch = recipe.train.batch;
    let parameters = usize::try_from(graph.costs().parameters).unwrap_or(usize::MAX);
    let parameters = parameters.saturating_mul(size_of::<f32>());
    let image = graph.input_shape().map_or(0, |shape| shape.elements());
    let image = image.saturating_mul(size_of::<f32>());
    // Each loader keeps the memory of its batches: those ahead, and the one at work.
    let batches = counts.map(|count| count.div_ceil(batch).min(AHEAD + 1));
    let batches = batches.iter().sum::<usize>();
    let batches = batches.saturating_mul(batch).saturating_mul(image);
    let checkpoint = kept.saturating_mul(2);
    let validation = match counts[1] {
        0 => 0,
        _ => {
            let options = validation_options(recipe, around);
            let memory = Plan::memory_for_inference(graph, &options)?;
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

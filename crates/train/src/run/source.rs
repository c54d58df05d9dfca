//! Where a training takes its batches from: photos through the loader, or whatever else gives
//! examples, such as features that were computed before.
use super::prepared::Prepared;
use super::surroundings::Surroundings;
use crate::TrainError;
use data::loader::{Loader, Pass};

/// Examples that make one step.
pub trait Batch {
    /// How many (N).
    fn examples(&self) -> usize;

    /// N x the network's input.
    fn values(&self) -> &[f32];

    /// N x classes: for each example the share of each class, 1 in all.
    fn targets(&self) -> &[f32];

    /// For each example its class.
    fn classes(&self) -> &[usize];
}

/// Batches one after the other.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<Box<dyn Batch>, TrainError>> + 'a>;

/// Where a training takes its batches from. The same epoch has the same batches each time, so that a
/// training that was broken off can go on as if it had not been.
pub trait Source {
    /// How many batches an epoch has, at least 1.
    fn batches(&self) -> usize;

    /// The batches of an epoch, counted from 0, from the `first` on.
    fn epoch(&self, epoch: u32, first: usize) -> Batches<'_>;

    /// Every validation example once, always in the same order; `None` where there is none.
    fn validation(&self) -> Option<Batches<'_>>;
}

/// Photos, decoded once and augmented.
pub(super) struct Photos {
    train: Loader,
    validation: Option<Loader>,
}

impl Photos {
    /// Opens the photos of a training; decodes those that are not in the cache yet.
    pub(super) fn open(
        prepared: &Prepared<'_>,
        around: &Surroundings<'_>,
    ) -> Result<Self, TrainError> {
        Ok(Photos {
            train: prepared.train(around)?,
            validation: prepared.validation(around)?,
        })
    }

    /// The training photos alone.
    pub(super) fn train_alone(
        prepared: &Prepared<'_>,
        around: &Surroundings<'_>,
    ) -> Result<Self, TrainError> {
        let train = prepared.train(around)?;
        let validation = None;
        Ok(Photos { train, validation })
    }
}

impl Source for Photos {
    fn batches(&self) -> usize {
        self.train.batches()
    }

    fn epoch(&self, epoch: u32, first: usize) -> Batches<'_> {
        boxed(self.train.epoch_from(epoch, first))
    }

    fn validation(&self) -> Option<Batches<'_>> {
        let loader = self.validation.as_ref()?;
        Some(boxed(loader.in_order()))
    }
}

fn boxed(pass: Pass) -> Batches<'static> {
    Box::new(pass.map(|batch| Ok(Box::new(batch?) as Box<dyn Batch>)))
}

impl Batch for data::loader::Batch {
    fn examples(&self) -> usize {
        self.len()
    }

    fn values(&self) -> &[f32] {
        self.values()
    }

    fn targets(&self) -> &[f32] {
        self.targets()
    }

    fn classes(&self) -> &[usize] {
        self.classes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unwatched;
    use crate::recipe::Recipe;
    use crate::run::folder::{About, RunFolder};
    use crate::run::outcome::Ended;
    use crate::run::prepared::Task;
    use crate::run::training::{Training, found};
    use data::loader::order::shuffled;
    use engine::{Plan, TrainingOptions};
    use graph::{Graph, Op};
    use std::cell::Cell;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tensor::NamedTensors;

    const FEATURES: usize = 5;
    const CLASSES: usize = 3;
    const BATCH: usize = 4;

    /// Features that were computed before: a row an example, a bump where its class is.
    struct Table {
        rows: Vec<[f32; FEATURES]>,
        /// Batches until the training is stopped.
        left: Cell<usize>,
        stop: AtomicBool,
    }

    /// Some of its rows.
    struct Rows {
        values: Vec<f32>,
        targets: Vec<f32>,
        classes: Vec<usize>,
    }

    impl Batch for Rows {
        fn examples(&self) -> usize {
            self.classes.len()
        }

        fn values(&self) -> &[f32] {
            &self.values
        }

        fn targets(&self) -> &[f32] {
            &self.targets
        }

        fn classes(&self) -> &[usize] {
            &self.classes
        }
    }

    impl Table {
        fn new(left: usize) -> Self {
            let row = |place: usize| {
                let mut random = tensor::Random::new(1, 0, place as u64);
                let mut row = [(); FEATURES].map(|()| random.uniform_f32());
                row[place % CLASSES] += 1.0;
                row
            };
            Table {
                rows: (0..18).map(row).collect(),
                left: Cell::new(left),
                stop: AtomicBool::new(false),
            }
        }

        fn some(&self, places: &[usize]) -> Rows {
            let classes: Vec<usize> = places.iter().map(|place| place % CLASSES).collect();
            let mut targets = vec![0.0; places.len() * CLASSES];
            for (row, &class) in targets.chunks_exact_mut(CLASSES).zip(&classes) {
                row[class] = 1.0;
            }
            Rows {
                values: places.iter().flat_map(|&place| self.rows[place]).collect(),
                targets,
                classes,
            }
        }

        fn in_batches(&self, places: Vec<usize>, first: usize) -> Batches<'_> {
            let batches: Vec<Vec<usize>> = places.chunks(BATCH).map(<[usize]>::to_vec).collect();
            let batches = batches.into_iter().skip(first);
            Box::new(batches.map(|places| Ok(Box::new(self.some(&places)) as Box<dyn Batch>)))
        }
    }

    impl Source for Table {
        fn batches(&self) -> usize {
            self.rows.len().div_ceil(BATCH)
        }

        fn epoch(&self, epoch: u32, first: usize) -> Batches<'_> {
            let all = self.in_batches(shuffled(self.rows.len(), 7, epoch), first);
            Box::new(all.inspect(|_| {
                self.left.set(self.left.get().saturating_sub(1));
                let is_last = self.left.get() == 0;
                self.stop.store(is_last, Ordering::Relaxed);
            }))
        }

        fn validation(&self) -> Option<Batches<'_>> {
            Some(self.in_batches((0..self.rows.len()).collect(), 0))
        }
    }

    /// A dense head on the features.
    fn task(recipe: &Recipe) -> Task<'_> {
        let mut graph = Graph::new();
        let input = Op::Input {
            height: 1,
            width: 1,
            channels: FEATURES,
        };
        let input = graph.add("features", input, &[]).unwrap();
        let flat = graph.add("flatten", Op::Flatten, &[input]).unwrap();
        let dense = Op::Dense {
            units: CLASSES,
            bias: true,
        };
        graph.add("predictions", dense, &[flat]).unwrap();
        let options = TrainingOptions {
            batch: BATCH,
            ..TrainingOptions::default()
        };
        Task {
            recipe,
            stage: recipe.clone(),
            number: 0,
            below: None,
            plan: Plan::for_training(&graph, &options).unwrap(),
            graph,
            optimizer_bytes: 0,
            other_bytes: 0,
            about: About::default(),
        }
    }

    /// Trains in a folder from where it stands; how it ended, and the network that is kept.
    fn trained(recipe: &Recipe, folder: &RunFolder, source: &Table) -> (Ended, NamedTensors) {
        let around = Surroundings {
            cache: Path::new("unused"),
            features: None,
            initial: None,
            gate: None,
            threads: 1,
            isa: kernels::Isa::best(),
            memory_limit: None,
            stop: &source.stop,
            decoded: &|_, _| {},
            language: words::Language::English,
        };
        let task = task(recipe);
        let found = found(folder, recipe, &task.about).unwrap();
        let mut watch = Unwatched;
        let initial = crate::initial_parameters(&task.graph, recipe.train.seed);
        let mut training =
            Training::start(task, &initial, found, source, folder, &around, &mut watch).unwrap();
        let ended = training.run(&mut watch).unwrap();
        let kept = training.keeper.kept_network(&training.session).unwrap();
        (ended, kept)
    }

    /// The loop, its checkpoints and its metrics know nothing of photos.
    #[test]
    fn a_head_is_trained_on_a_table_of_features_and_goes_on_where_it_was_broken_off() {
        for average in ["average = 0.5", "average_last = 0.4"] {
            goes_on_where_it_was_broken_off(average);
        }
    }

    fn goes_on_where_it_was_broken_off(average: &str) {
        let text = format!(
            "[optimizer]\nrate = 0.1\n{average}\n[train]\nepochs = 9\nbatch = 4\naccumulate = 2\n"
        );
        let recipe = Recipe::parse(&text).unwrap();
        let place = tempfile::tempdir().unwrap();
        let whole = RunFolder::create(&place.path().join("whole")).unwrap();
        let (ended, kept) = trained(&recipe, &whole, &Table::new(usize::MAX));
        assert_eq!(ended, Ended::Complete);
        let curve = RunFolder::curve(whole.path()).unwrap();
        assert_eq!(curve.len(), 10);
        let accuracy: f64 = curve[9].split(',').nth(4).unwrap().parse().unwrap();
        assert!(accuracy > 0.9, "{curve:?}");
        for batches in [1, 5, 17] {
            let folder = RunFolder::create(&place.path().join(batches.to_string())).unwrap();
            let broken = trained(&recipe, &folder, &Table::new(batches));
            assert_eq!(broken.0, Ended::Interrupted);
            let (ended, again) = trained(&recipe, &folder, &Table::new(usize::MAX));
            assert_eq!(ended, Ended::Complete);
            assert_eq!(RunFolder::curve(folder.path()).unwrap(), curve, "{batches}");
            for (name, tensor) in &kept {
                assert_eq!(again[name].values(), tensor.values(), "{batches} {name}");
            }
        }
    }
}

//! What heads that never saw a photo say of it: k-fold probabilities, by which wrong labels are found.

use crate::{Descent, OptimizerOptions, TrainError};
use data::{Features, Manifest, Progress, parallel};
use engine::{EngineError, Plan, PlanOptions, StepOptions, Targets, TrainingOptions};
use graph::{Graph, Op};
use tensor::{NamedTensors, Pool, Random, Tensor};
use words::{Language, ModelMessage, ReportMessage, Said, Say};

/// How the heads are trained. The default rate and steps are those at which held-out labels of 20 classes
/// of Stanford Dogs, 3 % of them wrong, were likeliest: a head that fits every label is sure of its
/// mistakes, and finds no wrong one.
#[derive(Clone, Debug, PartialEq)]
pub struct OutOfFoldOptions {
    /// Parts that the photos are cut into; each is judged by a head trained on the others.
    pub folds: usize,
    /// Steps of each head's training.
    pub steps: usize,
    /// Photos of a step.
    pub batch: usize,
    /// The learning rate at the start, which falls to 0 along a straight line.
    pub rate: f32,
    /// Of AdamW.
    pub weight_decay: f32,
    /// Decides the folds and the order of the photos.
    pub seed: u64,
}

impl Default for OutOfFoldOptions {
    fn default() -> Self {
        OutOfFoldOptions {
            folds: 5,
            steps: 2000,
            batch: 64,
            rate: 1e-4,
            weight_decay: 0.1,
            seed: 1,
        }
    }
}

/// Why there are no out-of-fold probabilities.
#[derive(Debug, thiserror::Error)]
pub enum OutOfFoldError {
    /// Fewer than two folds, or fewer photos than folds.
    #[error("{photos} photos cannot be cut into {folds} folds")]
    Folds {
        /// Photos with features.
        photos: usize,
        /// What was asked for.
        folds: usize,
    },
    /// The optimiser's options do not go together.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The head cannot be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Say for OutOfFoldError {
    fn say(&self, language: Language) -> Said {
        match self {
            OutOfFoldError::Folds { photos, folds } => {
                let (photos, folds) = (&photos.to_string(), &folds.to_string());
                ReportMessage::CheckTooFewToJudge { photos, folds }.say(language)
            }
            OutOfFoldError::Train(error) => error.say(language),
            OutOfFoldError::Engine(error) => {
                let reason = &error.to_string();
                ModelMessage::MakeCannotRun { reason }.say(language)
            }
        }
    }
}

/// For each of [`Manifest::all_entries`] that has features the probability of each class, in the
/// manifest's order, by a softmax head that was trained on the other folds. `twins` are pairs of
/// photos that show the same picture; they, and the photos of one group, are in one fold, so that
/// no photo is judged by what learnt from its double.
///
/// Each fold is trained on one thread: the result is the same for any number of `threads`.
/// `progress` counts steps.
///
/// # Errors
/// [`OutOfFoldError`]
pub fn out_of_fold(
    manifest: &Manifest,
    features: &Features,
    twins: &[(usize, usize)],
    options: &OutOfFoldOptions,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Vec<Option<Vec<f32>>>, OutOfFoldError> {
    let entries = manifest.all_entries();
    let known: Vec<usize> = (0..entries.len())
        .filter(|&index| features.row(index).is_some())
        .collect();
    let (photos, folds) = (known.len(), options.folds);
    if folds < 2 || photos < folds {
        return Err(OutOfFoldError::Folds { photos, folds });
    }
    let fold_of = data::split::folds(manifest, twins, &known, folds, options.seed);
    let rows = Rows::standardised(features, &known);
    let labels: Vec<u32> = known
        .iter()
        .map(|&index| entries[index].class as u32)
        .collect();
    let classes = manifest.classes().len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let step_done = || {
        let now = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        progress(now, folds * options.steps);
    };
    let judged = parallel::map(threads, folds, &|_, _| {}, |fold| {
        let (held_out, fitted): (Vec<usize>, Vec<usize>) =
            (0..photos).partition(|&place| fold_of[place] == fold);
        let head = Head::trained(&rows, &labels, &fitted, classes, fold, options, &step_done)?;
        Ok::<_, OutOfFoldError>((head.probabilities(&rows, &held_out)?, held_out))
    });
    let mut all = vec![None; entries.len()];
    for fold in judged {
        let (probabilities, held_out) = fold?;
        for (row, place) in probabilities.into_iter().zip(held_out) {
            all[known[place]] = Some(row);
        }
    }
    Ok(all)
}

/// Features of the photos that have any, `[photos, length]`.
struct Rows {
    length: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Each feature moved and scaled to mean 0 and variance 1 over all photos: no label is looked at.
    fn standardised(features: &Features, known: &[usize]) -> Self {
        let length = features.length();
        let mut values: Vec<f32> = known
            .iter()
            .filter_map(|&index| features.row(index))
            .flatten()
            .copied()
            .collect();
        let count = known.len() as f64;
        let (mut sums, mut squares) = (vec![0f64; length], vec![0f64; length]);
        for row in values.chunks_exact(length.max(1)) {
            for (place, &value) in row.iter().enumerate() {
                sums[place] += f64::from(value);
                squares[place] += f64::from(value).powi(2);
            }
        }
        let moved: Vec<(f32, f32)> = sums
            .iter()
            .zip(&squares)
            .map(|(sum, square)| {
                let mean = sum / count;
                let deviation = (square / count - mean * mean).max(0.0).sqrt();
                // A feature that never changes says nothing.
                let scale = if deviation > 1e-9 {
                    1.0 / deviation
                } else {
                    0.0
                };
                (mean as f32, scale as f32)
            })
            .collect();
        for row in values.chunks_exact_mut(length.max(1)) {
            for (value, (mean, scale)) in row.iter_mut().zip(&moved) {
                *value = (*value - mean) * scale;
            }
        }
        Rows { length, values }
    }

    fn of(&self, place: usize) -> &[f32] {
        &self.values[place * self.length..][..self.length]
    }
}

/// A softmax head: one dense layer.
struct Head {
    graph: Graph,
    parameters: NamedTensors,
}

impl Head {
    fn trained(
        rows: &Rows,
        labels: &[u32],
        fitted: &[usize],
        classes: usize,
        fold: usize,
        options: &OutOfFoldOptions,
        step_done: &dyn Fn(),
    ) -> Result<Self, OutOfFoldError> {
        let graph = dense(rows.length, classes);
        let batch = options.batch.min(fitted.len()).max(1);
        let training = TrainingOptions {
            batch,
            ..TrainingOptions::default()
        };
        let plan = Plan::for_training(&graph, &training)?;
        // From zeros: the problem is convex, and what no photo speaks of stays undecided.
        let zeros = graph.parameters().into_iter();
        let zeros = zeros
            .map(|spec| (spec.name, Tensor::zeros(spec.shape)))
            .collect();
        let mut state = plan.state(&graph, &zeros)?;
        let optimizer = OptimizerOptions {
            name: "adamw".to_owned(),
            weight_decay: Some(options.weight_decay),
            decay_kernels_only: true,
            ..OptimizerOptions::default()
        };
        let mut descent = Descent::new(&optimizer, &state)?;
        let pool = Pool::serial();
        let (mut order, mut at, mut epoch) = (fitted.to_vec(), fitted.len(), 0);
        let (mut input, mut targets) = (Vec::new(), Vec::new());
        for step in 0..options.steps {
            if at >= order.len() {
                Random::new(options.seed, epoch, fold as u64).shuffle(&mut order);
                (at, epoch) = (0, epoch + 1);
            }
            let own = &order[at..(at + batch).min(order.len())];
            at += batch;
            input.clear();
            own.iter()
                .for_each(|&place| input.extend_from_slice(rows.of(place)));
            targets.clear();
            targets.extend(own.iter().map(|&place| labels[place]));
            let options_of_step = StepOptions {
                seed: options.seed,
                step: step as u32,
                scale: 1.0,
                accumulate: false,
            };
            plan.step(
                &pool,
                &mut state,
                &input,
                Targets::Classes(&targets),
                options_of_step,
            )?;
            let left = 1.0 - step as f32 / options.steps as f32;
            descent.apply(&mut state, options.rate * left);
            step_done();
        }
        let parameters = state.parameters();
        Ok(Head { graph, parameters })
    }

    /// The probabilities of all classes for each of some photos.
    fn probabilities(&self, rows: &Rows, places: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        const BATCH: usize = 64;
        let plan = Plan::for_inference(
            &self.graph,
            &self.parameters,
            &PlanOptions {
                batch: BATCH,
                ..PlanOptions::default()
            },
        )?;
        let classes = plan
            .outputs()
            .first()
            .map_or(0, |output| output.shape.elements());
        let mut workspace = plan.workspace();
        let mut all = Vec::with_capacity(places.len());
        for own in places.chunks(BATCH) {
            let input: Vec<f32> = own
                .iter()
                .flat_map(|&place| rows.of(place))
                .copied()
                .collect();
            let mut logits = vec![0.0; own.len() * classes];
            plan.run(&Pool::serial(), &mut workspace, &input, &mut [&mut logits])?;
            all.extend(
                logits
                    .chunks_exact(classes.max(1))
                    .map(|row| package::softmax(row.iter().copied(), 1.0)),
            );
        }
        Ok(all)
    }
}

/// `[1, 1, length]` to the logits of the classes.
fn dense(length: usize, classes: usize) -> Graph {
    let mut graph = Graph::new();
    let input = Op::Input {
        height: 1,
        width: 1,
        channels: length,
    };
    let units = Op::Dense {
        units: classes,
        bias: true,
    };
    let mut add = |name, op, inputs: &[graph::NodeId]| {
        graph.add(name, op, inputs).expect("three layers that fit")
    };
    let input = add("features", input, &[]);
    let flat = add("flatten", Op::Flatten, &[input]);
    add("logits", units, &[flat]);
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest of two classes, the features of their photos, and the photos whose label is wrong.
    fn planted() -> (tempfile::TempDir, Manifest, Features, Vec<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = data::COLUMNS.join(",") + "\n";
        for index in 0..120 {
            let class = if index < 60 { "pug" } else { "beagle" };
            let hash = "0".repeat(61) + &format!("{index:03}");
            text += &format!("{class}/{index:03}.jpg,,1,{hash},{class},,train,9,9,,,,\n");
        }
        let file = folder.path().join("m.csv");
        std::fs::write(&file, text).unwrap();
        let manifest = Manifest::open(&file).unwrap();
        let mut random = Random::new(3, 0, 0);
        let mut wrong = Vec::new();
        let entries = manifest.all_entries();
        let rows = entries.iter().enumerate().map(|(index, entry)| {
            let is_wrong = index % 20 == 7;
            if is_wrong {
                wrong.push(index);
            }
            let side = usize::from((entry.class == 1) != is_wrong);
            let mut row: Vec<f32> = (0..12).map(|_| 0.3 * random.normal_f32()).collect();
            row[side] += 2.0;
            Some(row)
        });
        let features = Features::new(rows.collect());
        (folder, manifest, features, wrong)
    }

    #[test]
    fn wrong_labels_are_those_that_the_heads_deny() {
        let (_folder, manifest, features, wrong) = planted();
        let options = OutOfFoldOptions {
            rate: 1e-3,
            ..OutOfFoldOptions::default()
        };
        let run = |threads| {
            out_of_fold(&manifest, &features, &[], &options, threads, &|_, _| {}).unwrap()
        };
        let rows = run(1);
        assert_eq!(rows, run(3), "the same for any number of threads");
        let own = |index: &usize| {
            let class = manifest.all_entries()[*index].class;
            rows[*index].as_ref().unwrap()[class]
        };
        let mut denied: Vec<usize> = (0..rows.len()).collect();
        denied.sort_by(|one, other| own(one).total_cmp(&own(other)));
        denied.truncate(wrong.len());
        assert!(denied.iter().all(|index| own(index) < 0.5));
        denied.sort_unstable();
        assert_eq!(denied, wrong, "they are denied most");
        for row in rows.into_iter().flatten() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_photo_is_not_judged_by_what_learnt_from_its_twin() {
        // Photos 0 and 1 alone have a feature; the label of one tells that of the other only where
        // the head has seen one of them.
        let (_folder, manifest, _, _) = planted();
        let rows = (0..120).map(|index| {
            let mut row = vec![0.001; 3];
            row[2] = 1.0;
            row[usize::from(index > 1)] = if index > 1 { 0.0 } else { 5.0 };
            Some(row)
        });
        let features = Features::new(rows.collect());
        let options = OutOfFoldOptions::default();
        let of_first = |twins: &[(usize, usize)]| {
            let rows = out_of_fold(&manifest, &features, twins, &options, 1, &|_, _| {}).unwrap();
            rows[0].as_ref().unwrap()[manifest.all_entries()[0].class]
        };
        let together = of_first(&[(0, 1)]);
        // Most seeds part them; with this one they are parted.
        assert!(
            together < of_first(&[]) - 0.1,
            "{together} {}",
            of_first(&[])
        );
    }

    #[test]
    fn too_few_photos_are_refused() {
        let (_folder, manifest, features, _) = planted();
        let options = OutOfFoldOptions {
            folds: 121,
            ..OutOfFoldOptions::default()
        };
        let refused = out_of_fold(&manifest, &features, &[], &options, 1, &|_, _| {});
        assert!(matches!(
            refused,
            Err(OutOfFoldError::Folds {
                photos: 120,
                folds: 121
            })
        ));
    }
}

//! How good a model is on one part of a data set, with what a person wants to see of it.
//!
//! [`Predicted`] holds what a model says of the photos (or what a table says that it said),
//! [`Evaluation::of`] makes figures of it, [`Evaluation::page`] and [`Evaluation::text`] show them.
//! [`score()`] scores a table of probabilities and labels, for whoever has no photos at hand.

mod compare;
mod error;
mod page;
mod pairs;
mod pick;
mod predicted;
mod scores;
#[cfg(test)]
mod tests;
mod text;
mod views;

use classify::{AnswerKind, ModelName};
use data::score::{self, ConfusedPair, Outcome, ScoreError};
use data::{Manifest, Part, Problem, part_name};
use package::{Label, TrainingRecord};
use serde::Serialize;

pub use compare::{Comparison, Verdict};
pub use error::EvaluateError;
pub use pairs::{PairError, Pairs};
pub use pick::{Pick, known_to_all, on_common_ground};
pub use predicted::{Predicted, PredictedPhoto, entries_of, match_classes};
pub use scores::{Estimate, Scores, score};
pub use text::percent;
pub use views::{ViewTrial, try_views};

/// How many of the most certain mistakes are kept.
const WORST: usize = 24;
/// How many pairs of classes are shown with their photos, and how many photos each way.
const PAIRS: usize = 10;
const EXAMPLES: usize = 3;

/// How good a model is on one part of a data set.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The model.
    pub model: ModelName,
    /// The data set, as it was named.
    pub dataset: String,
    /// `train`, `val`, `test`, or `unsplit`.
    pub part: &'static str,
    /// The classes of the model, in the order of `over_all`.
    pub classes: Vec<Named>,
    /// Over all classes of the model: what a person meets.
    pub over_all: Scores,
    /// The classes of the data set that the model knows, in the order of `restricted`.
    pub shared_classes: Vec<Named>,
    /// Over the classes of the data set alone, where the model knows others: an easier question.
    pub restricted: Option<Scores>,
    /// What the logits are divided by; none of a table of predictions.
    pub temperature: Option<f32>,
    /// Over all classes at temperature 1; none of a table of predictions.
    pub at_temperature_1: Option<Sureness>,
    /// How many photos were answered with a breed, 'unsure' and 'no dog'; none of a table.
    pub answers: Option<Answers>,
    /// Photos that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
    /// Photos of any part that importing the data set left out, since they were missing, unreadable or
    /// without one class.
    pub not_imported: Vec<Problem>,
    /// Classes that the model does not know, with the number of their photos, which are left out.
    pub unknown_classes: Vec<(String, usize)>,
    /// The most certain mistakes among all classes of the model, the most certain first.
    pub worst: Vec<Mistake>,
    /// Photos of the most confused pairs of [`Evaluation::detailed`].
    pub confused: Vec<Confused>,
    /// The comparisons with other models, the baseline's first.
    pub comparisons: Vec<Comparison>,
    /// On which photos the model was trained, where its package says it.
    pub training: Option<Training>,
    /// Of the photos evaluated those that the temperature was fitted to anew.
    pub calibrated_on: usize,
}

/// On which photos a model was trained, and how many of those evaluated are among them, by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Training {
    /// The data set's name, as the recipe has it.
    pub dataset: String,
    /// A hash of the photos, their classes and parts, as in the run's `run.json`.
    pub photos: String,
    /// Photos that the weights were fitted to.
    pub fitted: usize,
    /// Photos that were looked at after each epoch.
    pub chosen: usize,
    /// Of the photos evaluated those that the weights were fitted to.
    pub seen: usize,
    /// Of the photos evaluated those that were looked at.
    pub looked_at: usize,
}

impl Training {
    fn of(record: &TrainingRecord, predicted: &Predicted, manifest: &Manifest) -> Self {
        Training {
            dataset: ["data.source", "data.sources"]
                .iter()
                .filter_map(|key| record.settings.get(*key))
                .filter(|text| !text.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
            photos: record.photos.clone(),
            fitted: record.fitted.len(),
            chosen: record.chosen.len(),
            seen: predicted.among(&record.fitted, manifest).len(),
            looked_at: predicted.among(&record.chosen, manifest).len(),
        }
    }
}

/// A class with its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// As the model calls it.
    pub id: String,
    /// English.
    pub name: String,
    /// French, where known.
    pub name_fr: Option<String>,
}

/// How far probabilities can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sureness {
    /// In nats.
    pub negative_log_likelihood: f64,
    /// 0 to 2.
    pub brier: f64,
    /// Over 15 bins of equal width.
    pub expected_calibration_error: f64,
}

/// How many photos were answered in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// With a breed.
    pub dog: usize,
    /// A dog whose breed cannot be told.
    pub unsure: usize,
    /// No dog.
    pub not_a_dog: usize,
}

/// A wrong first answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// The photo.
    pub path: String,
    /// Its index among [`Manifest::all_entries`].
    #[serde(skip)]
    pub entry: usize,
    /// Its class.
    pub label: Named,
    /// What was answered.
    pub answer: Named,
    /// The probability of that.
    pub probability: f64,
}

/// A pair of classes with photos of one that were answered as the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confused {
    /// The pair.
    #[serde(flatten)]
    pub pair: ConfusedPair,
    /// Photos, both ways.
    pub examples: Vec<Mistake>,
}

impl Sureness {
    fn of(outcomes: &[Outcome]) -> Self {
        Sureness {
            negative_log_likelihood: score::negative_log_likelihood(outcomes),
            brier: score::brier(outcomes),
            expected_calibration_error: score::expected_calibration_error(outcomes),
        }
    }
}

impl Evaluation {
    /// Makes the figures. `dataset` is what the data set is called, `problems` what importing it showed.
    ///
    /// # Errors
    /// Where the network gives no numbers.
    pub fn of(
        predicted: &Predicted,
        manifest: &Manifest,
        dataset: &str,
        part: Part,
        problems: &[Problem],
        comparisons: Vec<Comparison>,
    ) -> Result<Self, ScoreError> {
        let all: Vec<usize> = (0..predicted.labels.len()).collect();
        let shared = predicted.shared();
        let outcomes = predicted.outcomes(&all, None)?;
        let over_all = Scores::of(&outcomes, all.len());
        let own = predicted.outcomes(&shared, None)?;
        let restricted = (shared.len() < all.len()).then(|| Scores::of(&own, shared.len()));
        let classes: Vec<Named> = predicted.labels.iter().map(Named::of).collect();
        let shared_classes: Vec<Named> =
            shared.iter().map(|&class| classes[class].clone()).collect();

        let mistakes = |outcomes: &[Outcome], names: &[Named]| {
            let photos = predicted.photos.iter().zip(outcomes);
            let mut mistakes: Vec<Mistake> = photos
                .filter(|(_, outcome)| !outcome.is_right())
                .map(|(photo, outcome)| Mistake {
                    path: manifest.all_entries()[photo.entry].path.clone(),
                    entry: photo.entry,
                    label: names[outcome.label].clone(),
                    answer: names[outcome.first].clone(),
                    probability: outcome.first_probability,
                })
                .collect();
            mistakes.sort_by(|one, other| other.probability.total_cmp(&one.probability));
            mistakes
        };
        let mut worst = mistakes(&outcomes, &classes);
        worst.truncate(WORST);
        let detailed = restricted.as_ref().unwrap_or(&over_all);
        let of_pairs = mistakes(&own, &shared_classes);
        let confused = detailed.confused_pairs.iter().take(PAIRS).map(|&pair| {
            let [first, second] = [pair.first, pair.second].map(|class| &shared_classes[class].id);
            let examples = [(first, second), (second, first)]
                .into_iter()
                .flat_map(|way| {
                    let of_way =
                        move |mistake: &&Mistake| (&mistake.label.id, &mistake.answer.id) == way;
                    of_pairs.iter().filter(of_way).take(EXAMPLES)
                });
            Confused {
                pair,
                examples: examples.cloned().collect(),
            }
        });
        let confused = confused.collect();

        let kinds: Option<Vec<AnswerKind>> =
            predicted.photos.iter().map(|photo| photo.answer).collect();
        let answers = kinds.map(|kinds| {
            let count = |kind| kinds.iter().filter(|&&own| own == kind).count();
            Answers {
                dog: count(AnswerKind::Dog),
                unsure: count(AnswerKind::Unsure),
                not_a_dog: count(AnswerKind::NotADog),
            }
        });
        let at_temperature_1 = match predicted.temperature {
            Some(_) => Some(Sureness::of(&predicted.outcomes(&all, Some(1.0))?)),
            None => None,
        };
        Ok(Evaluation {
            model: predicted.model.clone(),
            dataset: dataset.to_owned(),
            part: shown_part(part),
            classes,
            over_all,
            shared_classes,
            restricted,
            temperature: predicted.temperature,
            at_temperature_1,
            answers,
            unreadable: predicted.unreadable.clone(),
            not_imported: problems
                .iter()
                .filter(|problem| problem.kind.leaves_out())
                .cloned()
                .collect(),
            unknown_classes: predicted.unknown.clone(),
            worst,
            confused,
            comparisons,
            training: (predicted.training.as_ref())
                .map(|record| Training::of(record, predicted, manifest)),
            calibrated_on: predicted.among(&predicted.calibrated, manifest).len(),
        })
    }

    /// The scores that the tables and pairs are of: over the classes of the data set, which
    /// are the model's own where it knows no others.
    pub fn detailed(&self) -> &Scores {
        self.restricted.as_ref().unwrap_or(&self.over_all)
    }
}

impl Named {
    fn of(label: &Label) -> Self {
        Named {
            id: label.id.clone(),
            name: label.name.clone(),
            name_fr: label.name_fr.clone(),
        }
    }

    /// The name in the person's language.
    pub fn name_in(&self, language: words::Language) -> &str {
        match language {
            words::Language::French => self.name_fr.as_ref().unwrap_or(&self.name),
            words::Language::English => &self.name,
        }
    }
}

/// A part as a person names it.
pub fn shown_part(part: Part) -> &'static str {
    match part {
        Part::Unsaid => "unsplit",
        part => part_name(part),
    }
}

//! What one model says of the labelled photos of one part of a data set.

use std::collections::HashMap;

use classify::{AnswerKind, Classifier, ModelName};
use data::score::{Outcome, ScoreError};
use data::{Entry, Manifest, Part, Progress, parallel, photo_message};
use package::{Label, PhotoIds, TrainingRecord, softmax};
use tensor::Pool;
use vision::Limits;
use words::{EvaluateMessage, Language, Say};

use super::EvaluateError;

/// What one model says of the photos of one part.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// The model.
    pub model: ModelName,
    /// The classes that it knows, in the order of its logits.
    pub labels: Vec<Label>,
    /// What its logits are divided by before the softmax; none for a table of predictions, whose
    /// logits are the logarithms of probabilities that were final.
    pub temperature: Option<f32>,
    /// How frequent each of the labels is, as the model's prior weighs it: added to the logarithms of the
    /// probabilities. Empty for a model without one.
    pub log_weights: Vec<f32>,
    /// For each class of the data set the model's, where it knows it.
    pub of_data: Vec<Option<usize>>,
    /// The photos of classes that it knows, which could be read; in the manifest's order.
    pub photos: Vec<PredictedPhoto>,
    /// The part's classes that it does not know, with the number of their photos, which are left out.
    pub unknown: Vec<(String, usize)>,
    /// Photos that could not be read, and why; those of a table that it has no row for.
    pub unreadable: Vec<(String, String)>,
    /// On which photos the model was trained, where its package says it.
    pub training: Option<TrainingRecord>,
    /// The photos that its temperature was fitted to anew; none of a table of predictions.
    pub calibrated: PhotoIds,
}

/// What it says of one photo.
#[derive(Clone, Debug)]
pub struct PredictedPhoto {
    /// Its index among [`Manifest::all_entries`].
    pub entry: usize,
    /// Its class, as an index into [`Predicted::labels`].
    pub label: usize,
    /// One for each of the labels.
    pub logits: Vec<f32>,
    /// Dog, unsure or no dog; not known of a table of predictions.
    pub answer: Option<AnswerKind>,
}

/// The photos of one part, as indices into [`Manifest::all_entries`].
pub fn entries_of(manifest: &Manifest, part: Part) -> Vec<usize> {
    let entries = manifest.all_entries().iter().enumerate();
    entries
        .filter(|(_, entry)| entry.part == part)
        .map(|(index, _)| index)
        .collect()
}

/// For each class of a data set the model's: by the breed that both names tell, else by the name
/// itself, as [`words::fold`] compares it.
pub fn match_classes(labels: &[Label], manifest: &Manifest) -> Vec<Option<usize>> {
    // The first label of each name: a table may have hundreds of thousands.
    let (mut ids, mut breeds, mut folded) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (place, label) in labels.iter().enumerate() {
        // As a data set spells its classes: a package may have been made before they were composed.
        ids.entry(data::composed(&label.id)).or_insert(place);
        let breed = data::breed_of_folder(&label.id).or_else(|| words::find(&label.name));
        if let Some(breed) = breed {
            breeds.entry(breed.id.as_str()).or_insert(place);
        }
        for name in [&label.id, &label.name] {
            folded.entry(words::fold(name)).or_insert(place);
        }
    }
    let classes = manifest.classes().iter();
    classes
        .map(|class| {
            let exact = ids.get(&class.folder);
            let same_breed = || breeds.get(class.breed?.id.as_str());
            exact
                .or_else(same_breed)
                .or_else(|| folded.get(&words::fold(&class.folder)))
                .copied()
        })
        .collect()
}

impl Predicted {
    /// Those of the photos that are in a set, as indices into [`Manifest::all_entries`].
    pub fn among(&self, ids: &PhotoIds, manifest: &Manifest) -> Vec<usize> {
        let entries = self.photos.iter().map(|photo| photo.entry);
        let is_among = |entry: &usize| ids.contains(&manifest.all_entries()[*entry].hash);
        entries.filter(is_among).collect()
    }

    /// Runs a model on the photos of a part, each thread a photo at a time.
    ///
    /// # Errors
    /// [`EvaluateError::NoClass`] where the model knows none of the part's classes,
    /// [`EvaluateError::NoPhoto`] where none of their photos can be read, and what the model's own
    /// preparation refuses.
    pub fn of_model(
        classifier: &Classifier,
        manifest: &Manifest,
        part: Part,
        language: Language,
        threads: usize,
        progress: Progress<'_>,
    ) -> Result<Self, EvaluateError> {
        let about = classifier.about();
        let model = classifier.model().clone();
        let (mut predicted, known) = Self::begin(model, about.labels.clone(), manifest, part)?;
        predicted.temperature = Some(about.calibration.temperature);
        if let Some(prior) = &about.calibration.prior {
            let classes = 0..about.labels.len();
            predicted.log_weights = classes.map(|class| prior.log_weight(class)).collect();
        }
        predicted.training.clone_from(&about.provenance.training);
        predicted
            .calibrated
            .clone_from(&about.provenance.calibrated);
        let entries = manifest.all_entries();
        let seen = parallel::map(threads, known.len(), progress, |place| {
            let photo = match read(manifest, &entries[known[place].0], language) {
                Ok(photo) => photo,
                Err(why) => return Ok(Err(why)),
            };
            let outputs = classifier.outputs(&Pool::serial(), &photo)?;
            let answer = classifier.probabilities(&outputs).kind(&about.calibration);
            let logits = about.labels.iter().map(|label| outputs[label.output]);
            Ok(Ok((logits.collect(), answer)))
        });
        for ((entry, label), seen) in known.into_iter().zip(seen) {
            match seen.map_err(EvaluateError::Classify)? {
                Ok((logits, answer)) => predicted.photos.push(PredictedPhoto {
                    entry,
                    label,
                    logits,
                    answer: Some(answer),
                }),
                Err(why) => {
                    let path = entries[entry].path.clone();
                    predicted.unreadable.push((path, why));
                }
            }
        }
        predicted.whole()
    }

    /// Takes the predictions of a table, which `name` names, for the photos of a part.
    ///
    /// # Errors
    /// As [`Predicted::of_model`], `NoPhoto` where the table has a row for none of the photos.
    pub fn of_table(
        table: &data::Predictions,
        name: &str,
        manifest: &Manifest,
        part: Part,
        language: Language,
    ) -> Result<Self, EvaluateError> {
        let label = |(output, class): (usize, &String)| Label {
            id: class.clone(),
            name: data::breed_of_folder(class)
                .map_or(class, |breed| &breed.name_en)
                .clone(),
            name_fr: data::breed_of_folder(class).map(|breed| breed.name_fr.clone()),
            output,
        };
        let labels = table.classes.iter().enumerate().map(label).collect();
        let model = ModelName {
            name: name.to_owned(),
            version: String::new(),
        };
        let (mut predicted, known) = Self::begin(model, labels, manifest, part)?;
        let rows: HashMap<&str, &data::Prediction> = table
            .rows
            .iter()
            .map(|row| (row.path.as_str(), row))
            .collect();
        for (entry, label) in known {
            let path = &manifest.all_entries()[entry].path;
            match rows.get(path.as_str()) {
                Some(row) => predicted.photos.push(PredictedPhoto {
                    entry,
                    label,
                    logits: row
                        .probabilities
                        .iter()
                        .map(|p| p.max(f32::MIN_POSITIVE).ln())
                        .collect(),
                    answer: None,
                }),
                None => {
                    let why = EvaluateMessage::NoRow.text(language);
                    predicted.unreadable.push((path.clone(), why));
                }
            }
        }
        predicted.whole()
    }

    /// Without photos yet; those that there will be, with their labels.
    fn begin(
        model: ModelName,
        labels: Vec<Label>,
        manifest: &Manifest,
        part: Part,
    ) -> Result<(Self, Vec<(usize, usize)>), EvaluateError> {
        let of_data = match_classes(&labels, manifest);
        let (mut known, mut unknown) = (Vec::new(), vec![0; of_data.len()]);
        for entry in entries_of(manifest, part) {
            let class = manifest.all_entries()[entry].class;
            match of_data[class] {
                Some(label) => known.push((entry, label)),
                None => unknown[class] += 1,
            }
        }
        if known.is_empty() {
            return Err(EvaluateError::NoClass);
        }
        let unknown = manifest.classes().iter().zip(unknown);
        let predicted = Predicted {
            model,
            labels,
            temperature: None,
            log_weights: Vec::new(),
            of_data,
            photos: Vec::with_capacity(known.len()),
            unknown: unknown
                .filter(|&(_, count)| count > 0)
                .map(|(class, count)| (class.folder.clone(), count))
                .collect(),
            unreadable: Vec::new(),
            training: None,
            calibrated: PhotoIds::default(),
        };
        Ok((predicted, known))
    }

    fn whole(self) -> Result<Self, EvaluateError> {
        match self.photos.is_empty() {
            true => Err(EvaluateError::NoPhoto),
            false => Ok(self),
        }
    }

    /// The model's classes that the data set has, in the model's order.
    pub fn shared(&self) -> Vec<usize> {
        let mut shared: Vec<usize> = self.of_data.iter().copied().flatten().collect();
        shared.sort_unstable();
        shared.dedup();
        shared
    }

    /// Whether a model with these labels knows every class of the data set that this one knows: then
    /// the two can be put to the very same question.
    pub fn is_known_to(&self, labels: &[Label], manifest: &Manifest) -> bool {
        let theirs = match_classes(labels, manifest);
        let mut both = self.of_data.iter().zip(&theirs);
        both.all(|(own, theirs)| own.is_none() || theirs.is_some())
    }

    /// The probabilities of some of the classes, which sum to 1, and the label's place among them;
    /// none where the label is not one of them. `temperature` stands in for the model's own.
    pub fn probabilities(
        &self,
        photo: &PredictedPhoto,
        classes: &[usize],
        temperature: Option<f32>,
    ) -> Option<(Vec<f32>, usize)> {
        let label = classes.iter().position(|&class| class == photo.label)?;
        let temperature = temperature.or(self.temperature).unwrap_or(1.0);
        let weight = |class: usize| self.log_weights.get(class).copied().unwrap_or(0.0);
        let weighed = |&class: &usize| photo.logits[class] + temperature * weight(class);
        let logits = classes.iter().map(weighed);
        Some((softmax(logits, temperature), label))
    }

    /// The outcome of each photo among some of the classes; those of other labels are left out.
    ///
    /// # Errors
    /// Where a network gives no numbers.
    pub fn outcomes(
        &self,
        classes: &[usize],
        temperature: Option<f32>,
    ) -> Result<Vec<Outcome>, ScoreError> {
        let rows = self.photos.iter();
        rows.filter_map(|photo| self.probabilities(photo, classes, temperature))
            .map(|(row, label)| Outcome::of(&row, label))
            .collect()
    }

    /// The table of the calibrated probabilities over all classes of the model, to be written.
    pub fn table(&self, manifest: &Manifest) -> data::Predictions {
        let all: Vec<usize> = (0..self.labels.len()).collect();
        let row = |photo: &PredictedPhoto| {
            let entry = &manifest.all_entries()[photo.entry];
            let (probabilities, _) = self.probabilities(photo, &all, None)?;
            Some(data::Prediction {
                path: entry.path.clone(),
                label: manifest.class_name(entry).to_owned(),
                probabilities,
            })
        };
        data::Predictions {
            classes: self.labels.iter().map(|label| label.id.clone()).collect(),
            rows: self.photos.iter().filter_map(row).collect(),
        }
    }
}

/// Reads a photo, or says why it cannot be read.
fn read(manifest: &Manifest, entry: &Entry, language: Language) -> Result<vision::Photo, String> {
    let bytes = manifest
        .read(entry)
        .map_err(|error| error.message(language))?;
    vision::decode(&bytes, &Limits::default()).map_err(|error| photo_message(&error).text(language))
}

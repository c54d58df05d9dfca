//! The result of a training: the package of the kept network, its temperature fitted on the validation
//! photos, and its card.
use super::folder::RunFolder;
use super::network::Network;
use super::photos::places;
use super::surroundings::Surroundings;
use crate::finetune::BesideOldHead;
use crate::make::{
    GateFit, MakeError, TRAINING, Trained, check_outputs, fit_gate, fit_to_photos, of_trained,
};
use crate::recipe::Recipe;
use crate::watch::{Notice, Watch};
use crate::{Initial, TrainError};
use classify::Classifier;
use data::score::wilson;
use data::{Manifest, Part};
use package::{PhotoIds, Provenance, TrainingRecord};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tensor::{NamedTensors, Pool};

/// The network that a training kept.
pub(super) struct Kept {
    /// Its epoch, counted from 1.
    pub epoch: u32,
    /// Epochs that were done.
    pub epochs: u32,
    /// The values of its parameters.
    pub weights: NamedTensors,
    /// Its accuracy on the validation photos.
    pub val_accuracy: Option<f64>,
}

/// What a package is made of besides.
pub(super) struct Origin<'a> {
    pub recipe: &'a Recipe,
    /// The photos, and a hash of them.
    pub photos: &'a Manifest,
    pub fingerprint: &'a str,
    pub network: &'a Network,
    /// What it started from, if not at random.
    pub initial: Option<&'a Initial>,
    /// Classes whose row of the head started as that of the initial head.
    pub warm_classes: usize,
    /// The network with the initial head beside the new one, for the answer 'not a dog'.
    pub dogs: Option<BesideOldHead>,
}

impl Origin<'_> {
    /// Makes the package of the kept network and writes it, with its card.
    pub(super) fn package(
        &self,
        kept: Kept,
        folder: &RunFolder,
        around: &Surroundings<'_>,
        pool: &Pool,
        watch: &mut dyn Watch,
    ) -> Result<PathBuf, TrainError> {
        let card = self.card(&kept);
        let guessing = self.guessing(&kept);
        let mut package = self.uncalibrated(kept)?;
        // Of the training it is known on its own photos alone, and of its last epoch.
        check_outputs(&package, pool)?;
        let chosen = places(self.photos, Part::Validation);
        // Read anew: the file may be gone since the photo was decoded for the loader.
        let mut unread: Vec<&str> = Vec::new();
        let read = chosen.iter().filter_map(|&place| {
            let entry = &self.photos.all_entries()[place];
            let read = self.photos.photo(entry);
            if read.is_err() {
                unread.push(&entry.path);
            }
            Some((read.ok()?.0, entry.class))
        });
        let what = "validation photos, which its weights were not fitted to";
        fit_to_photos(&mut package, read, what, pool)?;
        if let Some(&first) = unread.first() {
            watch.notice(&Notice::Uncalibrated {
                count: unread.len(),
                all: chosen.len(),
                path: first.to_owned(),
            });
        }
        package.about.card += &card;
        if let Some((accuracy, guessed)) = guessing {
            watch.notice(&Notice::LearntNothing { accuracy, guessed });
            // Whatever it says of a photo is chance: every answer is 'unsure'.
            package.about.calibration.unsure_below = 1.0;
            package.about.card += "\n**It tells its classes no better than guessing does: every answer is 'unsure'.**\n";
        }
        if let Some(gate) = around.gate {
            self.guard(&mut package, gate, pool, watch)?;
        }
        let bytes = package.to_bytes().map_err(MakeError::from)?;
        let path = folder.package_path();
        folder.write(&path, &bytes)?;
        folder.write(&folder.card_path(), package.about.card.as_bytes())?;
        Ok(path)
    }

    /// The accuracy on validation photos, and what guessing would have, where the first is no better.
    fn guessing(&self, kept: &Kept) -> Option<(f64, f64)> {
        let accuracy = kept.val_accuracy?;
        let mut counts = vec![0; self.photos.classes().len()];
        for place in places(self.photos, Part::Validation) {
            counts[self.photos.all_entries()[place].class] += 1;
        }
        Some((accuracy, no_better_than_guessing(accuracy, &counts)?))
    }

    /// Has another model asked before the package, as its own photos allow.
    fn guard(
        &self,
        package: &mut package::Package,
        gate: &dyn Fn() -> Option<Classifier>,
        pool: &Pool,
        watch: &mut dyn Watch,
    ) -> Result<(), TrainError> {
        /// Photos that it is fitted on: they take as long as as many answers.
        const MOST: usize = 100;
        let validation = places(self.photos, Part::Validation);
        let places = match validation.is_empty() {
            true => places(self.photos, Part::Train),
            false => validation,
        };
        let every = places.len().div_ceil(MOST).max(1);
        let photos = places.iter().step_by(every).filter_map(|&place| {
            let entry = &self.photos.all_entries()[place];
            Some(self.photos.photo(entry).ok()?.0)
        });
        match fit_gate(package, gate, photos, pool)? {
            GateFit::NotAsked => {}
            GateFit::Strange { photos, not_dogs } => {
                watch.notice(&Notice::NoGate { photos, not_dogs });
            }
            GateFit::Guarded { photos, lost } => {
                package.about.card += &format!(
                    "\n## What it does not know\n\nThe embedded model is asked first: what it takes for no \
                     dog, or for breeds that are not among these, is answered so. Of {photos} photos of these \
                     breeds {lost} are lost by it.\n"
                );
            }
        }
        Ok(())
    }

    /// The package with its calibration left at what the network says itself.
    fn uncalibrated(&self, kept: Kept) -> Result<package::Package, TrainError> {
        let options = &self.recipe.train;
        let entries = || self.photos.all_entries().iter();
        let ids = |part: Part| {
            let own = entries().filter(|entry| entry.part == part);
            PhotoIds::of(own.map(|entry| &entry.hash))
        };
        let classes: Vec<String> = (self.photos.classes().iter())
            .map(|class| class.breed.map_or(&class.folder, |breed| &breed.id).clone())
            .collect();
        let count = |part| places(self.photos, part).len();
        let chose = match options.restore_best {
            true => ", and chose the epoch",
            false => "",
        };
        let followed = format!(
            "{} more served to follow each epoch and to fit the temperature{chose}.",
            count(Part::Validation),
        );
        let train = count(Part::Train);
        let (how, seen) = match self.initial {
            None => (
                "Trained from random initialisation by museau".to_owned(),
                format!(
                    "Trained on {train} photos of these classes and nothing before. {followed}"
                ),
            ),
            Some(initial) => (
                format!("Fine-tuned by museau from `{}`", initial_name(initial)),
                format!(
                    "Before: {} Then trained on {train} photos of these classes. {followed}",
                    initial.provenance.seen
                ),
            ),
        };
        let mut settings: BTreeMap<String, String> =
            self.public_recipe().flat().into_iter().collect();
        let (mut fitted, mut chosen) = (ids(Part::Train), ids(Part::Validation));
        if let Some(initial) = self.initial {
            settings.insert("model.initial.blake3".to_owned(), initial.hash.clone());
            // What the initial weights were fitted to, these are too.
            if let Some(before) = &initial.provenance.training {
                fitted = fitted.with(&before.fitted);
                chosen = chosen.with(&before.chosen);
            }
        }
        let licence = self
            .initial
            .map(|initial| initial.provenance.licence.clone());
        let (graph, old_head, dog) = match &self.dogs {
            None => (&self.network.graph, NamedTensors::new(), None),
            Some(beside) => (
                &beside.graph,
                beside.weights.clone(),
                Some(beside.dog.clone()),
            ),
        };
        let mut weights = kept.weights;
        weights.extend(old_head);
        let package = of_trained(Trained {
            graph: graph.clone(),
            weights_hash: hash(&weights),
            weights,
            dog,
            input: self.network.input.clone(),
            classes: &classes,
            name: options.name.clone(),
            network: match self.initial {
                Some(initial) => initial.provenance.backbone.clone(),
                None => self.recipe.model.network.text().to_owned(),
            },
            weights_name: format!(
                "{how}, seed {}, epoch {} of {}",
                options.seed, kept.epoch, options.epochs
            ),
            licence: licence.unwrap_or_else(|| "NOASSERTION".to_owned()),
            seen,
            training: TrainingRecord {
                settings,
                photos: self.fingerprint.to_owned(),
                fitted,
                chosen,
            },
        })?;
        Ok(package)
    }

    /// What a model card says of this training.
    fn card(&self, kept: &Kept) -> String {
        let mut card = format!(
            "{TRAINING}\n{} parameters, {} epochs of {}, epoch {} kept.\n",
            self.network.parameters, kept.epochs, self.recipe.train.epochs, kept.epoch
        );
        if let Some(initial) = self.initial {
            let Provenance {
                weights, licence, ..
            } = &initial.provenance;
            card += &format!(
                "\nInitial weights: `{}` ({weights}; licence: {licence}; blake3 of the file: `{}`). The \
                 head is new: of its {} classes {} started from the row of the same class there.\n\n",
                initial_name(initial),
                initial.hash,
                self.photos.classes().len(),
                self.warm_classes,
            );
            if self.dogs.is_some() {
                card += "The answer 'not a dog' is the initial network's own, whose head is kept beside the \
                         new one for it.\n";
            }
        }
        if let Some(accuracy) = kept.val_accuracy {
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
        recipe.data.decisions = None;
        for path in recipe.data.paths_mut() {
            let name = Path::new(&*path).file_name();
            *path = name.unwrap_or_default().to_string_lossy().into_owned();
        }
        recipe.model.initial = self.initial.map(initial_name);
        recipe
    }
}

/// What always answering the most frequent class would have, where an accuracy on so many photos of each
/// class is not better by more than chance.
fn no_better_than_guessing(accuracy: f64, counts: &[usize]) -> Option<f64> {
    /// Of fewer photos an interval says little: then only an accuracy that is no higher is told.
    const FEW: usize = 20;
    let photos: usize = counts.iter().sum();
    let most = counts.iter().max().copied().unwrap_or(0);
    let guessed = most as f64 / photos.max(1) as f64;
    let least = match photos < FEW {
        true => accuracy,
        false => wilson((accuracy * photos as f64).round() as usize, photos).low,
    };
    // One class alone is always right.
    (photos > 0 && guessed < 1.0 && least <= guessed).then_some(guessed)
}

/// What initial weights are called without the path of a machine.
fn initial_name(initial: &Initial) -> String {
    let name = Path::new(&initial.name).file_name();
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// BLAKE3 of all values, hexadecimal.
fn hash(weights: &NamedTensors) -> String {
    let mut hasher = blake3::Hasher::new();
    for tensor in weights.values() {
        let values = tensor.values();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_better_than_guessing_is_told_and_what_is_better_is_not() {
        let five = [39, 39, 39, 39, 39];
        // Seen of a training on five breeds that ended at chance, with three seeds, and of one that learnt.
        for (accuracy, told) in [(0.219, true), (0.2, true), (0.3, false), (0.57, false)] {
            let found = no_better_than_guessing(accuracy, &five);
            assert_eq!(found.is_some(), told, "{accuracy}");
        }
        assert_eq!(no_better_than_guessing(0.7, &[70, 30]), Some(0.7));
        assert_eq!(no_better_than_guessing(0.85, &[70, 30]), None);
        // Ten photos of three classes: six right is no proof, but no reason to warn either.
        assert_eq!(no_better_than_guessing(0.6, &[4, 3, 3]), None);
        assert_eq!(no_better_than_guessing(0.4, &[4, 3, 3]), Some(0.4));
        assert_eq!(no_better_than_guessing(1.0, &[9]), None);
        assert_eq!(no_better_than_guessing(0.0, &[]), None);
    }
}

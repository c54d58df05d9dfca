//! The result of a training: the package of the kept network, its temperature fitted on the validation
//! photos, and its card.
use super::folder::RunFolder;
use super::network::Network;
use super::photos::places;
use crate::TrainError;
use crate::make::{MakeError, Trained, check_outputs, fit_to_photos, of_trained};
use crate::recipe::Recipe;
use crate::watch::{Notice, Watch};
use data::{Manifest, Part};
use package::{PhotoIds, TrainingRecord};
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
}

impl Origin<'_> {
    /// Makes the package of the kept network and writes it, with its card.
    pub(super) fn package(
        &self,
        kept: Kept,
        folder: &RunFolder,
        pool: &Pool,
        watch: &mut dyn Watch,
    ) -> Result<PathBuf, TrainError> {
        let card = self.card(&kept);
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
        let bytes = package.to_bytes().map_err(MakeError::from)?;
        let path = folder.package_path();
        folder.write(&path, &bytes)?;
        folder.write(&folder.card_path(), package.about.card.as_bytes())?;
        Ok(path)
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
        let package = of_trained(Trained {
            graph: self.network.graph.clone(),
            weights_hash: hash(&kept.weights),
            weights: kept.weights,
            input: self.network.input.clone(),
            classes: &classes,
            name: options.name.clone(),
            network: self.recipe.model.network.text().to_owned(),
            weights_name: format!(
                "Trained from random initialisation by museau, seed {}, epoch {} of {}",
                options.seed, kept.epoch, options.epochs
            ),
            seen: format!(
                "Trained on {} photos of these classes and nothing before. {} more served to follow \
                 each epoch and to fit the temperature{chose}.",
                count(Part::Train),
                count(Part::Validation),
            ),
            training: TrainingRecord {
                settings: self.public_recipe().flat().into_iter().collect(),
                photos: self.fingerprint.to_owned(),
                fitted: ids(Part::Train),
                chosen: ids(Part::Validation),
            },
        })?;
        Ok(package)
    }

    /// What a model card says of this training.
    fn card(&self, kept: &Kept) -> String {
        let mut card = format!(
            "\n## Training\n\n{} parameters, {} epochs of {}, epoch {} kept.\n",
            self.network.parameters, kept.epochs, self.recipe.train.epochs, kept.epoch
        );
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
        let name = Path::new(&recipe.data.source).file_name();
        recipe.data.source = name.unwrap_or_default().to_string_lossy().into_owned();
        recipe.data.decisions = None;
        recipe
    }
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

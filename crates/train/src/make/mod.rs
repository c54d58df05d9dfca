//! Makes packages: of published weights and of networks that were trained here, and fits their
//! calibration on photos whose truth is known.
mod calibrate;
mod card;
mod error;
mod fit;
mod gate;
mod harder;
mod photos;
mod published;
mod rows;
mod trained;

pub use calibrate::{Fit, calibrate, calibrate_answers, check_outputs, fit_to_photos};
pub use error::MakeError;
pub use gate::{GateFit, fit_gate};
pub use photos::CalibrationPhotos;
pub use published::{Classes, Published, assemble};
pub use trained::{Trained, of_trained};

pub(crate) use card::TRAINING;
use package::Label;

/// A class with the names that `words` has for it.
fn label(id: &str, name: &str, output: usize) -> Label {
    let breed = words::breed(id).or_else(|| words::find(id));
    Label {
        id: id.into(),
        name: breed.map_or(name, |breed| &breed.name_en).into(),
        name_fr: breed.map(|breed| breed.name_fr.clone()),
        output,
    }
}

/// The 120 classes of Stanford Dogs among the outputs of a head of ImageNet's 1000.
pub(crate) fn stanford_labels() -> Vec<Label> {
    let named = zoo::imagenet::stanford_classes().zip(zoo::imagenet::stanford_names());
    named
        .map(|(output, (id, name))| label(id, name, output))
        .collect()
}

//! The package of a network that was trained here: its labels by `words`.
use super::card::card;
use super::{MakeError, label};
use graph::{Graph, InputSpec};
use package::{About, Calibration, DogRule, Package, PhotoIds, Provenance, Stored, TrainingRecord};
use tensor::NamedTensors;

/// A network that was trained here.
#[derive(Debug)]
pub struct Trained<'a> {
    /// The network; its output are the logits of the classes.
    pub graph: Graph,
    /// The values of its parameters.
    pub weights: NamedTensors,
    /// How a photo becomes its input.
    pub input: InputSpec,
    /// For each output the class's id: a breed's (Stanford's synset), else the class's own name.
    pub classes: &'a [String],
    /// The package's name.
    pub name: String,
    /// The network's name, as a recipe has it.
    pub network: String,
    /// What the weights are: how they were trained.
    pub weights_name: String,
    /// Their licence (SPDX).
    pub licence: String,
    /// BLAKE3 of their bytes, hexadecimal.
    pub weights_hash: String,
    /// What the training has seen, in words.
    pub seen: String,
    /// What it depended on, for programs.
    pub training: TrainingRecord,
    /// How the dog probability is read off its outputs, and below which the answer is 'not a dog'; every
    /// photo is taken to show a dog where there is none.
    pub dog: Option<(DogRule, f32)>,
}

/// Makes the package with its calibration left at what the network says itself.
///
/// # Errors
/// [`MakeError`] where network, values and classes do not go together.
pub fn of_trained(trained: Trained<'_>) -> Result<Package, MakeError> {
    let labels = trained.classes.iter().zip(0..);
    let plain = Calibration::default();
    let (dog, not_a_dog_below) = match trained.dog {
        Some((rule, threshold)) => (Some(rule), threshold),
        None => (None, plain.not_a_dog_below),
    };
    let package = Package {
        about: About {
            name: trained.name,
            version: "1".into(),
            input: trained.input,
            labels: labels.map(|(id, output)| label(id, id, output)).collect(),
            // Where it hesitates between two of its few classes there is no cross to be seen.
            calibration: Calibration {
                mixed_together: 1.0,
                mixed_share: 0.5,
                dog,
                not_a_dog_below,
                ..plain
            },
            provenance: Provenance {
                backbone: trained.network,
                weights: trained.weights_name,
                licence: trained.licence,
                weights_hash: trained.weights_hash,
                seen: trained.seen,
                made_by: format!("museau {}", env!("CARGO_PKG_VERSION")),
                training: Some(trained.training),
                calibrated: PhotoIds::default(),
            },
            card: String::new(),
            stored: Stored::F16,
        },
        graph: trained.graph,
        weights: trained.weights,
    };
    let mut package = package.rounded()?;
    package.about.card = card(&package.about, None);
    Ok(package)
}

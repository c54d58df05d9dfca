//! What a package says of itself: name, input, labels, calibration, where its values come from.
use crate::calibration::Calibration;
use crate::error::{PackageError, wrong};
use crate::header;
use crate::photo_ids::PhotoIds;
use graph::InputSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most classes; the whole of ImageNet has 21,841.
const MOST_CLASSES: usize = 100_000;

/// What a package says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// How a photo becomes the network's input.
    pub input: InputSpec,
    /// The classes, in the order of the breeds' probabilities.
    pub labels: Vec<Label>,
    /// From outputs to probabilities.
    pub calibration: Calibration,
    /// Where the values come from.
    pub provenance: Provenance,
    /// The model card, Markdown.
    pub card: String,
    /// How the values of kernels are stored.
    pub stored: Stored,
}

/// How the values of kernels are stored; vectors (biases and batch norms, which are few and sensitive) are
/// f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// Half precision.
    #[default]
    F16,
    /// Whole numbers from -127 to 127 and an f32 scale for each output channel (the last axis). The network
    /// is computed in f32 all the same.
    Int8,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Stanford's synset for the default model, the class's own id otherwise.
    pub id: String,
    /// English.
    pub name: String,
    /// French, where known.
    pub name_fr: Option<String>,
    /// Which of the network's outputs it is.
    pub output: usize,
}

/// Where the values come from and what they have seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The network, as `zoo` calls it.
    pub backbone: String,
    /// The weights' name and origin.
    pub weights: String,
    /// The weights' licence (SPDX).
    pub licence: String,
    /// The blake3 of the file that they were read from, hexadecimal.
    pub weights_hash: String,
    /// What the pretraining and the training have seen, in words.
    pub seen: String,
    /// The program that made the package, with its version.
    pub made_by: String,
    /// What a training here depended on; none of weights from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
    /// The photos that the temperature was fitted to anew, after the package was made.
    #[serde(default, skip_serializing_if = "PhotoIds::is_empty")]
    pub calibrated: PhotoIds,
}

/// What a training depended on, and on which photos it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The settings of its recipe, `section.key` and text, without the paths of a machine.
    pub settings: BTreeMap<String, String>,
    /// A hash of all its photos, their classes and parts, hexadecimal.
    pub photos: String,
    /// The photos that the weights were fitted to.
    pub fitted: PhotoIds,
    /// Those that were looked at after each epoch, and chose.
    pub chosen: PhotoIds,
}

impl About {
    /// Reads what a package says of itself, the file checked against its hash but the values not
    /// read.
    ///
    /// # Errors
    /// As `Package::read`.
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        Ok(Self::read_with_graph(bytes)?.0)
    }

    /// Whether photos can be prepared so, and labels and calibration are those of a network of so many
    /// outputs.
    pub(crate) fn check(&self, outputs: usize) -> Result<(), PackageError> {
        if let Err(fault) = self.input.check() {
            return wrong(fault.to_string());
        }
        if self.labels.is_empty() {
            return wrong("there are no classes".into());
        }
        if self.labels.len() > MOST_CLASSES {
            return wrong(format!("{} classes", self.labels.len()));
        }
        let mut labelled = vec![false; outputs];
        for Label { id, output, .. } in &self.labels {
            match labelled.get_mut(*output) {
                None => return wrong(format!("class `{id}` is output {output} of {outputs}")),
                Some(true) => return wrong(format!("output {output} is two classes, one `{id}`")),
                Some(free) => *free = true,
            }
        }
        if let Some(prior) = &self.calibration.prior {
            prior.check(self.labels.len()).or_else(wrong)?;
        }
        self.calibration.check(outputs).or_else(wrong)
    }

    pub(crate) fn read_with_graph(bytes: &[u8]) -> Result<(Self, String), PackageError> {
        let metadata = header::checked_metadata(bytes)?;
        let text = |key: &str| -> Result<&str, PackageError> {
            let value = metadata.get(key).map(String::as_str);
            value.ok_or_else(|| PackageError::Inconsistent {
                reason: format!("`{key}` is missing"),
            })
        };
        let about = About {
            name: text("name")?.into(),
            version: text("version")?.into(),
            input: parse("input", text("input")?)?,
            labels: parse("labels", text("labels")?)?,
            calibration: parse("calibration", text("calibration")?)?,
            provenance: parse("provenance", text("provenance")?)?,
            card: text("card")?.into(),
            stored: match metadata.get(header::KERNELS) {
                Some(stored) => parse(header::KERNELS, &format!("\"{stored}\""))?,
                None => Stored::default(),
            },
        };
        Ok((about, text("graph")?.into()))
    }
}

fn parse<T: for<'de> Deserialize<'de>>(key: &str, text: &str) -> Result<T, PackageError> {
    serde_json::from_str(text).map_err(|error| PackageError::Inconsistent {
        reason: format!("`{key}`: {error}"),
    })
}

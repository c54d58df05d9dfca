//! A whole model to bytes, for other programs: its graph in their words, its parameters, and what it
//! says of itself; and whether what was written is what was meant.
use crate::{FormatError, Precision, keras, onnx};
use graph::Graph;
use std::collections::BTreeMap;
use tensor::NamedTensors;

/// A network with its values, and texts about it.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The network.
    pub graph: &'a Graph,
    /// All its parameters, in the graph's layouts.
    pub parameters: &'a NamedTensors,
    /// What else is said of it, by key.
    pub metadata: &'a BTreeMap<String, String>,
}

/// What a model can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// ONNX: the channels first, a batch of any size.
    Onnx,
    /// safetensors: the parameters under the graph's names.
    Safetensors,
    /// Keras 3's `.keras`.
    Keras,
    /// Keras 3's `.weights.h5`: no network, only its values.
    KerasWeights,
    /// Keras's older `.h5`, a whole model.
    KerasLegacy,
}

impl Target {
    /// Every one.
    pub const ALL: [Target; 5] = [
        Target::Onnx,
        Target::Safetensors,
        Target::Keras,
        Target::KerasWeights,
        Target::KerasLegacy,
    ];

    /// What the format is called.
    pub fn title(self) -> &'static str {
        match self {
            Target::Onnx => "ONNX",
            Target::Safetensors => "safetensors",
            Target::Keras | Target::KerasWeights | Target::KerasLegacy => "Keras",
        }
    }

    /// What the name of such a file ends with.
    pub fn ending(self) -> &'static str {
        match self {
            Target::Onnx => "onnx",
            Target::Safetensors => "safetensors",
            Target::Keras => "keras",
            Target::KerasWeights => "weights.h5",
            Target::KerasLegacy => "h5",
        }
    }

    /// The file's bytes; the same model gives the same bytes.
    ///
    /// # Errors
    /// [`FormatError::NoCounterpart`] where the format has no word for a layer,
    /// [`FormatError::Unsupported`] where the file would be larger than the format allows, and
    /// [`FormatError::Differs`] where a parameter is missing.
    pub fn write(self, model: &Model<'_>) -> Result<Vec<u8>, FormatError> {
        for spec in model.graph.parameters() {
            let found = model.parameters.get(&spec.name);
            if found.is_none_or(|tensor| tensor.shape() != spec.shape) {
                return Err(self.differs(format!("`{}`", spec.name)));
            }
        }
        match self {
            Target::Onnx => onnx::write(model),
            Target::Safetensors => {
                crate::write_safetensors(model.parameters, Precision::F32, &metadata_of(model))
            }
            Target::Keras | Target::KerasWeights | Target::KerasLegacy => keras::write(model, self),
        }
    }

    /// Reads back what was written, and compares it: every value to the bit, and the network.
    ///
    /// # Errors
    /// [`FormatError::Differs`] at the first difference, and whatever may be wrong with a file.
    pub fn compare(self, model: &Model<'_>, bytes: &[u8]) -> Result<(), FormatError> {
        let differs = |what: Option<String>| match what {
            Some(what) => Err(self.differs(what)),
            None => Ok(()),
        };
        match self {
            Target::Onnx => differs(onnx::differs(model, bytes)?),
            Target::Safetensors => {
                let read = crate::read(bytes)?;
                differs(
                    other_values(model.parameters, &read.tensors)
                        .or((read.metadata != metadata_of(model)).then(|| "metadata".to_owned())),
                )
            }
            Target::Keras | Target::KerasWeights | Target::KerasLegacy => {
                differs(keras::differs(model, self, bytes)?)
            }
        }
    }

    fn differs(self, detail: String) -> FormatError {
        FormatError::Differs {
            format: self.title(),
            detail,
        }
    }
}

/// The metadata of a safetensors file, with the network in museau's own text.
fn metadata_of(model: &Model<'_>) -> BTreeMap<String, String> {
    let mut metadata = model.metadata.clone();
    metadata.insert("graph".to_owned(), model.graph.to_json());
    metadata
}

/// The first tensor that is not the same in both, to the bit.
pub(crate) fn other_values(wanted: &NamedTensors, found: &NamedTensors) -> Option<String> {
    for (name, tensor) in wanted {
        let same = found.get(name).is_some_and(|found| {
            let (ours, theirs) = (tensor.values(), found.values());
            let mut pairs = theirs.iter().zip(&*ours);
            found.shape() == tensor.shape() && pairs.all(|(a, b)| a.to_bits() == b.to_bits())
        });
        if !same {
            return Some(format!("`{name}`"));
        }
    }
    let left = found.keys().find(|name| !wanted.contains_key(*name));
    left.map(|name| format!("`{name}`"))
}

#[cfg(test)]
mod tests;

//! The file of a model, `NAME.museau`: safetensors whose `__metadata__` holds everything else that
//! an answer needs. Checked whole before use.
//!
//! Layout: 8 bytes little-endian length of the header, the header (JSON), the values. The metadata's
//! keys are `format`, `format_version`, `name`, `version`, `graph`, `input`, `labels`,
//! `calibration`, `provenance`, `card` and `content_hash`: the blake3 of the whole file in which
//! the 64 digits of the hash itself stand as zeros. Kernels are stored as f16, vectors (biases and
//! batch norms, which are few and sensitive) as f32. Where the key `kernels` says `int8`, a kernel `NAME` is
//! stored as I8 and `NAME:scale`, f32, says for each output channel what 1 stands for; `format_version` is
//! 2 then.
use crate::about::{About, Stored};
use crate::error::{PackageError, wrong};
use crate::header::{self, FORMAT, FORMAT_VERSION, FORMAT_VERSION_F16};
use crate::values::{self, Int8};
use formats::Precision;
use graph::{Graph, Op};
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use std::path::Path;
use tensor::{NamedTensors, Shape, Tensor, Values};

/// Values begin at a multiple of this, so that a mapped file can be read in place.
const ALIGNMENT: usize = 64;

/// A model: network, values, input, labels, calibration, and where all of it comes from.
#[derive(Clone, Debug)]
pub struct Package {
    /// Everything but the network and its values.
    pub about: About,
    /// The network; its last dimension is the outputs that the labels point into.
    pub graph: Graph,
    /// The values of the network's parameters.
    pub weights: NamedTensors,
}

impl Package {
    /// Reads and checks a package.
    ///
    /// # Errors
    /// Any [`PackageError`] but `Io`: see there for what a wrong file is told to be. Never panics,
    /// whatever the bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        let (about, graph_json) = About::read_with_graph(bytes)?;
        let graph = graph_of(&graph_json)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| PackageError::Damaged {
            reason: error.to_string(),
        })?;
        let specs = graph.parameters();
        let mut weights = NamedTensors::with_capacity(specs.len());
        for spec in &specs {
            let view = file.tensor(&spec.name).map_err(|_| PackageError::Shape {
                name: spec.name.clone(),
                expected: spec.shape,
                found: None,
            })?;
            if view.shape() != spec.shape.dimensions() {
                return Err(PackageError::Shape {
                    name: spec.name.clone(),
                    expected: spec.shape,
                    found: (view.shape().len() <= 5).then(|| Shape::new(view.shape())),
                });
            }
            let tensor = if view.dtype() == Dtype::I8 {
                let scales = file.tensor(&scale_of(&spec.name)).ok();
                let scales = scales.filter(|scales| scales.dtype() == Dtype::F32);
                let read = scales.and_then(|it| Int8::read(view.data(), it.data(), spec.shape));
                let Some(read) = read else {
                    return wrong(format!("`{}` has no scale for each channel", spec.name));
                };
                read.tensor(spec.shape)
            } else {
                let values = values::read(view.dtype(), view.data(), &spec.name)?;
                Tensor::new(spec.shape, values).map_err(|error| PackageError::Damaged {
                    reason: error.to_string(),
                })?
            };
            weights.insert(spec.name.clone(), tensor);
        }
        let is_used = |name: &&str| {
            let kernel = name.strip_suffix(SCALE);
            let is_int8 = |kernel| file.tensor(kernel).is_ok_and(|it| it.dtype() == Dtype::I8);
            weights.contains_key(*name)
                || kernel.is_some_and(|kernel| weights.contains_key(kernel) && is_int8(kernel))
        };
        if let Some(name) = file.names().into_iter().find(|name| !is_used(name)) {
            return Err(PackageError::Inconsistent {
                reason: format!("it holds values `{name}` that the network does not use"),
            });
        }
        let package = Package {
            about,
            graph,
            weights,
        };
        package.check()?;
        Ok(package)
    }

    /// Reads and checks the package in this file.
    ///
    /// # Errors
    /// As [`Package::read`], and [`PackageError::Read`].
    pub fn read_file(path: &Path) -> Result<Self, PackageError> {
        Self::read(&read_file(path)?)
    }

    /// Whether description, network and values agree.
    fn check(&self) -> Result<(), PackageError> {
        self.check_values()?;
        self.check_network()?;
        self.about.check(self.outputs()?)
    }

    /// Whether every value is a number that can be stored.
    fn check_values(&self) -> Result<(), PackageError> {
        for (name, tensor) in &self.weights {
            if !tensor.stored().all_finite() {
                return Err(PackageError::NotFinite { name: name.clone() });
            }
            let largest = values::precision(tensor).largest();
            let fits = match tensor.stored() {
                Values::F32(values) => values.iter().all(|value| value.abs() <= largest),
                // No finite f16 is larger than the largest.
                Values::F16(_) | Values::I8(_) | Values::U8(_) => true,
            };
            if !fits {
                return wrong(format!("`{name}` holds values that cannot be stored"));
            }
        }
        Ok(())
    }

    /// Whether the network takes the photos as they are prepared, and gives numbers.
    fn check_network(&self) -> Result<(), PackageError> {
        let input = &self.about.input;
        let wanted = Shape::from([input.height, input.width, 3]);
        if self.graph.input_shape() != Some(wanted) {
            return wrong(format!(
                "photos are prepared as {wanted}, which the network does not take"
            ));
        }
        for node in self.graph.nodes() {
            let Op::BatchNorm { epsilon, .. } = *node.op() else {
                continue;
            };
            let name = format!("{}/moving_variance", node.name());
            // Divided by the root of their sum.
            let variances = self.weights.get(&name).map(Tensor::values);
            let is_none = |variance: &f32| variance + epsilon <= 0.0;
            if variances.is_some_and(|variances| variances.iter().any(is_none)) {
                return wrong(format!("`{name}` holds values that are no variances"));
            }
        }
        Ok(())
    }

    /// The number of the network's outputs.
    fn outputs(&self) -> Result<usize, PackageError> {
        let outputs = self.graph.outputs();
        let [output] = outputs[..] else {
            return wrong(format!(
                "the network has {} outputs, one is wanted",
                outputs.len()
            ));
        };
        let shape = self.graph.node(output).shape();
        match shape.rank() {
            1 => Ok(shape.channels()),
            _ => wrong(format!(
                "the network's output has shape {shape}, [classes] is wanted"
            )),
        }
    }

    /// The package as it is when it is read back: everything that is fitted to its values must be fitted
    /// to those that are stored.
    ///
    /// # Errors
    /// As [`Package::to_bytes`].
    pub fn rounded(mut self) -> Result<Self, PackageError> {
        self.check()?;
        for tensor in self.weights.values_mut() {
            if values::precision(tensor) == Precision::F16 {
                *tensor = match self.about.stored {
                    Stored::F16 => tensor.to_f16(),
                    Stored::Int8 => Int8::of(tensor).tensor(tensor.shape()),
                };
            }
        }
        Ok(self)
    }

    /// The file's bytes; the same package gives the same bytes.
    ///
    /// # Errors
    /// Where the values do not fit the network, or the description contradicts itself.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PackageError> {
        self.check()?;
        let is_int8 = self.about.stored == Stored::Int8;
        let mut header = serde_json::Map::new();
        let mut values = Vec::new();
        for spec in self.graph.parameters() {
            let tensor = self.weights.get(&spec.name);
            let found = tensor.map(Tensor::shape);
            let Some(tensor) = tensor.filter(|tensor| tensor.shape() == spec.shape) else {
                return Err(PackageError::Shape {
                    name: spec.name,
                    expected: spec.shape,
                    found,
                });
            };
            let mut list = |name: String,
                            dtype: &str,
                            shape: &[usize],
                            [begin, end]: [usize; 2]| {
                let offsets = [begin, end];
                let entry =
                    serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": offsets});
                header.insert(name, entry);
            };
            let begin = values.len();
            let shape = spec.shape.dimensions();
            let is_int8 = is_int8 && values::precision(tensor) == Precision::F16;
            if is_int8 {
                let int8 = Int8::of(tensor);
                int8.write_scales(&mut values);
                let middle = values.len();
                int8.write_values(&mut values);
                let end = values.len();
                let channels = [spec.shape.channels()];
                list(scale_of(&spec.name), "F32", &channels, [begin, middle]);
                list(spec.name, "I8", shape, [middle, end]);
            } else {
                let dtype = values::write(tensor, &mut values);
                list(spec.name, dtype, shape, [begin, values.len()]);
            }
        }
        let about = &self.about;
        let version = if is_int8 {
            FORMAT_VERSION
        } else {
            FORMAT_VERSION_F16
        };
        let mut metadata = serde_json::json!({
            "format": FORMAT,
            "format_version": version.to_string(),
            "name": about.name,
            "version": about.version,
            "graph": self.graph.to_json(),
            "input": json(&about.input),
            "labels": json(&about.labels),
            "calibration": json(&about.calibration),
            "provenance": json(&about.provenance),
            "card": about.card,
            "content_hash": "0".repeat(header::HASH_DIGITS),
        });
        if is_int8 {
            metadata[header::KERNELS] = "int8".into();
        }
        header.insert("__metadata__".into(), metadata);
        let mut header = serde_json::Value::Object(header).to_string().into_bytes();
        while !(8 + header.len()).is_multiple_of(ALIGNMENT) {
            header.push(b' ');
        }
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(values);
        let place = header::hash_place(&bytes).ok_or_else(|| PackageError::Inconsistent {
            reason: "the header has no place for the hash".into(),
        })?;
        let hash = blake3::hash(&bytes).to_hex();
        bytes[place..place + header::HASH_DIGITS].copy_from_slice(hash.as_bytes());
        Ok(bytes)
    }
}

/// What the scales of a kernel in whole numbers are called: its name and this. No name of a network's
/// values ends so.
const SCALE: &str = ":scale";

fn scale_of(kernel: &str) -> String {
    format!("{kernel}{SCALE}")
}

/// Reads a whole file.
///
/// # Errors
/// [`PackageError::Read`]
fn read_file(path: &Path) -> Result<Vec<u8>, PackageError> {
    tensor::read_named(path).map_err(|source| PackageError::Read {
        path: path.into(),
        source,
    })
}

/// The network from the text that the metadata has of it.
fn graph_of(text: &str) -> Result<Graph, PackageError> {
    Graph::from_json(text).map_err(|error| PackageError::Inconsistent {
        reason: format!("`graph`: {error}"),
    })
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data becomes JSON")
}

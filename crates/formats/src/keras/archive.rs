//! Keras 3's `.weights.h5`, and the `.keras` archive that holds one.
//!
//! A layer's weights are the data sets `layers/CLASS_n/vars/0`, `.../1`, ...: named by the layer's
//! class and counted through in the model's order, whatever the layer is called. Their tensors are
//! named without `vars`; those of a nested model `layers/functional/layers/CLASS_n/i`. Keras 2.12
//! to 2.15 wrote `_layer_checkpoint_dependencies` for `layers`.
use super::{Reader, damaged, unsupported};
use crate::limits::{LONGEST_NAME, MOST_TENSORS};
use crate::{FormatError, Origin, Weights};
use hdf5_reader::Hdf5File;
use hdf5_reader::group::Group;
use std::collections::BTreeMap;

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 24;

const OLD_LAYERS: &str = "_layer_checkpoint_dependencies";

/// Whether a group of the root holds the layers.
pub(super) fn is_layers(name: &str) -> bool {
    ["layers", OLD_LAYERS].contains(&name)
}

/// Reads the layers of a `.weights.h5`; the optimiser and the metrics are left aside.
pub(super) fn read(
    file: Hdf5File,
    root: &Group,
    metadata: BTreeMap<String, String>,
    file_length: usize,
) -> Result<Weights, FormatError> {
    let mut walk = Walk {
        reader: Reader::new(file, file_length),
        groups: 0,
    };
    let (groups, _) = root.member_names().map_err(damaged)?;
    for name in groups {
        // `vars` of the root are the model's own, beside those of its layers.
        if is_layers(&name) || name == "vars" {
            let group = root.group(&name).map_err(damaged)?;
            walk.visit(&group, &name, 0)?;
        }
    }
    walk.reader.finish(Origin::KerasArchive, metadata)
}

struct Walk {
    reader: Reader,
    /// Groups that were looked at.
    groups: usize,
}

impl Walk {
    fn visit(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), FormatError> {
        self.groups += 1;
        if depth > MAX_DEPTH || self.groups > MOST_TENSORS || path.len() > LONGEST_NAME {
            return Err(unsupported("so deep or large a tree of groups"));
        }
        let (groups, mut data) = group.member_names().map_err(damaged)?;
        // By number: `10` comes after `9`.
        data.sort_by_key(|name| (name.len(), name.clone()));
        let parts = path.split('/').filter(|&part| part != "vars");
        let layer: Vec<&str> = parts
            .map(|part| if part == OLD_LAYERS { "layers" } else { part })
            .collect();
        let layer = layer.join("/");
        for weight in data {
            let name = match layer.is_empty() {
                true => format!("vars/{weight}"),
                false => format!("{layer}/{weight}"),
            };
            self.reader.read(&format!("/{path}/{weight}"), name)?;
        }
        for name in groups {
            let inner = group.group(&name).map_err(damaged)?;
            self.visit(&inner, &format!("{path}/{name}"), depth + 1)?;
        }
        Ok(())
    }
}

/// Reads the files of a `.keras` archive.
pub(crate) fn read_keras(files: &BTreeMap<String, Vec<u8>>) -> Result<Weights, FormatError> {
    let weights = files
        .get("model.weights.h5")
        .ok_or_else(|| damaged("a `.keras` archive without `model.weights.h5`"))?;
    let mut weights = super::read(weights)?;
    for (file, name) in [
        ("config.json", "model_config"),
        ("metadata.json", "metadata"),
    ] {
        if let Some(text) = files.get(file) {
            let text = String::from_utf8_lossy(text).into_owned();
            weights.metadata.insert(name.to_owned(), text);
        }
    }
    Ok(weights)
}

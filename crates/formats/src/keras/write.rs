//! A model as Keras's files: `.keras`, `.weights.h5` and the older `.h5`.
//!
//! A layer is a Keras layer of the same name, with two exceptions: a depthwise convolution and the
//! pointwise one after it may be one `SeparableConv2D`, and a padding that Keras's convolutions have no
//! word for becomes a layer of zeros before them.
use super::hdf5::{Array, Group, Text};
use super::layers::{configuration, with_explicit_padding};
use super::{FORMAT, damaged};
use crate::model::other_values;
use crate::{FormatError, Model, Origin, Target};
use graph::{Graph, Layout, Matching, WeightNames, keras_layers, keras_names};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

/// Keras's version whose files these are.
const KERAS_VERSION: &str = "3.15.1";

/// Where the texts about a model stand: a key of `metadata.json`, an attribute of a `.h5`.
pub(super) const ABOUT: &str = "museau";

/// The file's bytes.
pub(crate) fn write(model: &Model<'_>, target: Target) -> Result<Vec<u8>, FormatError> {
    let graph = &with_explicit_padding(model.graph)?;
    match target {
        Target::KerasLegacy => {
            let mut file = Group::default();
            let config = configuration(model.name, graph)?;
            for (name, text) in [
                ("backend", "tensorflow".to_owned()),
                ("keras_version", KERAS_VERSION.to_owned()),
                ("model_config", config.to_string()),
                (ABOUT, json!(model.metadata).to_string()),
            ] {
                file.texts.push((name.to_owned(), Text::One(text)));
            }
            *file.at("model_weights") = legacy_weights(model, graph)?;
            Ok(file.to_bytes())
        }
        Target::KerasWeights => Ok(archive_weights(model, graph)?.to_bytes()),
        // The other targets are none of Keras's.
        Target::Keras | Target::Onnx | Target::Safetensors => {
            let config = configuration(model.name, graph)?.to_string();
            let weights = archive_weights(model, graph)?.to_bytes();
            zip(&[
                ("metadata.json", about(model).as_bytes()),
                ("config.json", config.as_bytes()),
                ("model.weights.h5", &weights),
            ])
        }
    }
}

/// Where the file is not this model's; `None` where it is.
pub(crate) fn differs(
    model: &Model<'_>,
    target: Target,
    bytes: &[u8],
) -> Result<Option<String>, FormatError> {
    let graph = &with_explicit_padding(model.graph)?;
    let read = crate::read(bytes)?;
    let config = || Ok::<_, FormatError>(configuration(model.name, graph)?.to_string());
    let texts = match target {
        Target::KerasLegacy => vec![
            ("model_config", config()?),
            (ABOUT, json!(model.metadata).to_string()),
        ],
        Target::KerasWeights => vec![(ABOUT, json!(model.metadata).to_string())],
        Target::Keras | Target::Onnx | Target::Safetensors => {
            vec![("model_config", config()?), ("metadata", about(model))]
        }
    };
    for (key, text) in texts {
        if read.metadata.get(key) != Some(&text) {
            return Ok(Some(format!("`{key}`")));
        }
    }
    let origin = origin(target);
    if read.origin != origin {
        return Ok(Some(format!("{:?}", read.origin)));
    }
    let names = keras_names(graph, origin, Matching::Name);
    let found = crate::assign(&graph.parameters(), read.tensors, &names);
    Ok(match found {
        Ok(found) => other_values(model.parameters, &found),
        Err(mismatch) => Some(mismatch.to_string()),
    })
}

fn origin(target: Target) -> Origin {
    match target {
        Target::KerasLegacy => Origin::Keras,
        _ => Origin::KerasArchive,
    }
}

/// `metadata.json`
fn about(model: &Model<'_>) -> String {
    json!({"keras_version": KERAS_VERSION, ABOUT: model.metadata}).to_string()
}

/// Where each parameter goes, in the order of the file: the parameter, its first name, its layout.
fn rows(graph: &Graph, origin: Origin) -> Vec<(String, String, Layout)> {
    let WeightNames { rows, .. } = keras_names(graph, origin, Matching::Name);
    let row = |row: graph::WeightRow| {
        let name = row.sources.into_iter().next().unwrap_or_default();
        (row.parameter, name, row.layout)
    };
    rows.into_iter().map(row).collect()
}

fn array<'a>(model: &Model<'a>, parameter: &str, layout: Layout) -> Result<Array<'a>, FormatError> {
    let tensor = model.parameters.get(parameter);
    let tensor = tensor.ok_or_else(|| damaged(format!("`{parameter}` is missing")))?;
    let mut dimensions = tensor.shape().dimensions().to_vec();
    if layout == Layout::DepthwiseTrailingOne {
        dimensions.push(1);
    }
    Ok(Array { dimensions, tensor })
}

/// A group a layer, its arrays under their names, which are listed in attributes.
fn legacy_weights<'a>(model: &Model<'a>, graph: &Graph) -> Result<Group<'a>, FormatError> {
    let mut root = Group::default();
    let layers = keras_layers(graph);
    for (parameter, name, layout) in rows(graph, Origin::Keras) {
        let layer = name.rsplit_once('/').map_or("", |(layer, _)| layer);
        let group = root.at(layer);
        group.at(layer).arrays.insert(
            name[layer.len() + 1..].to_owned(),
            array(model, &parameter, layout)?,
        );
        match group.texts.first_mut() {
            Some((_, Text::List(names))) => names.push(name),
            _ => group.set_list("weight_names", vec![name]),
        }
    }
    let names = layers.into_iter().map(|layer| layer.name).collect();
    root.set_list("layer_names", names);
    for (name, text) in [("backend", "tensorflow"), ("keras_version", KERAS_VERSION)] {
        let text = Text::One(text.to_owned());
        root.texts.push((name.to_owned(), text));
    }
    Ok(root)
}

/// A group a layer, named by its class and its number; its arrays are numbered.
fn archive_weights<'a>(model: &Model<'a>, graph: &Graph) -> Result<Group<'a>, FormatError> {
    let mut root = Group::default();
    let about = Text::One(json!(model.metadata).to_string());
    root.texts.push((ABOUT.to_owned(), about));
    root.at("vars");
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for layer in keras_layers(graph) {
        for node in layer.nodes {
            for spec in graph.node_parameters(node) {
                owners.insert(spec.name, layer.name.clone());
            }
        }
    }
    for (parameter, name, layout) in rows(graph, Origin::KerasArchive) {
        let (path, number) = name.rsplit_once('/').unwrap_or(("vars", &name));
        let group = root.at(&format!("{path}/vars"));
        let array = array(model, &parameter, layout)?;
        group.arrays.insert(number.to_owned(), array);
        if group.texts.is_empty()
            && let Some(layer) = owners.remove(&parameter)
        {
            group.texts.push(("name".to_owned(), Text::One(layer)));
        }
    }
    Ok(root)
}

/// An archive of files stored as they are, as Keras makes it.
fn zip(files: &[(&str, &[u8])]) -> Result<Vec<u8>, FormatError> {
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let not_written = |error: &dyn std::fmt::Display| FormatError::Unsupported {
        format: FORMAT,
        detail: error.to_string(),
    };
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive
            .start_file(*name, options)
            .map_err(|error| not_written(&error))?;
        archive
            .write_all(bytes)
            .map_err(|error| not_written(&error))?;
    }
    let finished = archive.finish().map_err(|error| not_written(&error))?;
    Ok(finished.into_inner())
}

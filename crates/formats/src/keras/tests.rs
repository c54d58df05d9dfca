//! Files that Keras wrote, whole and damaged (made by `tests/golden/weights_files.py`), and a real
//! one where there is one.
use super::*;
use testkit::{golden, spread, weights_file};

fn shapes(tensors: &NamedTensors) -> Vec<String> {
    tensors
        .iter()
        .map(|(name, tensor)| format!("{name} {}", tensor.shape()))
        .collect()
}

#[test]
fn a_whole_model_with_a_nested_one() {
    let weights = crate::read(&golden("files/nested.h5")).unwrap();
    assert_eq!(weights.origin, Origin::Keras);
    assert_eq!(weights.metadata["keras_version"], "3.15.1");
    assert!(weights.metadata["model_config"].contains("backbone"));
    // What is trainable comes first in a nested model; the optimiser is left aside.
    assert_eq!(
        shapes(&weights.tensors),
        [
            "backbone/bn/gamma [2]",
            "backbone/bn/beta [2]",
            "backbone/depthwise/kernel [3, 3, 2, 1]",
            "backbone/conv/kernel [3, 3, 3, 2]",
            "backbone/conv/bias [2]",
            "backbone/bn/moving_mean [2]",
            "backbone/bn/moving_variance [2]",
            "dense/kernel [2, 2]",
            "dense/bias [2]",
        ]
    );
    assert_eq!(weights.tensors["backbone/conv/kernel"].values()[8], 1.0);
    assert_eq!(
        weights.tensors["backbone/depthwise/kernel"].values()[1],
        600.125
    );
}

#[test]
fn weights_alone() {
    let weights = crate::read(&golden("files/weights_only.h5")).unwrap();
    let names: Vec<&str> = weights.tensors.keys().map(String::as_str).collect();
    let first = [
        "conv/kernel",
        "conv/bias",
        "bn/gamma",
        "bn/beta",
        "bn/moving_mean",
    ];
    assert_eq!(names[..5], first);
    assert_eq!(names.len(), 7);
}

#[test]
fn keras_2_with_its_suffixes_fixed_strings_and_split_lists() {
    let weights = crate::read(&golden("files/keras2_split.h5")).unwrap();
    assert_eq!(weights.tensors.len(), 9);
    assert_eq!(
        *weights.tensors["nested/layer_6/kernel"].values(),
        [600.0, 600.125]
    );
    assert_eq!(*weights.tensors["fc/bias"].values(), [800.0, 800.125]);
    assert_eq!(weights.metadata["backend"], "tensorflow");
}

/// Made by `tests/golden/keras_archives.py`: named by class and number, what is nested too; optimiser
/// and metrics are left aside.
#[test]
fn keras_3_archives() {
    let bare = crate::read(&golden("files/nested.weights.h5")).unwrap();
    let whole = crate::read(&golden("files/nested.keras")).unwrap();
    assert!(whole.metadata["model_config"].contains("backbone"));
    for weights in [bare, whole] {
        assert_eq!(weights.origin, Origin::KerasArchive);
        let mut found = shapes(&weights.tensors);
        found.sort();
        assert_eq!(
            found,
            [
                "layers/dense/0 [2, 2]",
                "layers/dense/1 [2]",
                "layers/functional/layers/batch_normalization/0 [2]",
                "layers/functional/layers/batch_normalization/1 [2]",
                "layers/functional/layers/batch_normalization/2 [2]",
                "layers/functional/layers/conv2d/0 [3, 3, 3, 2]",
                "layers/functional/layers/conv2d/1 [2]",
                "layers/functional/layers/conv2d_1/0 [1, 1, 4, 2]",
                "layers/functional/layers/separable_conv2d/0 [3, 3, 2, 1]",
                "layers/functional/layers/separable_conv2d/1 [1, 1, 2, 4]",
            ]
        );
        let depthwise = &weights.tensors["layers/functional/layers/separable_conv2d/0"];
        assert_eq!(depthwise.values()[1], 500.125);
    }
}

#[test]
fn archives_that_are_none_are_refused() {
    use std::io::Write;
    let zip = |name: &str, bytes: &[u8]| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name, stored).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    };
    let error = crate::read(&zip("config.json", b"{}")).unwrap_err();
    assert!(error.to_string().contains("model.weights.h5"), "{error}");
    assert!(crate::read(&zip("model.weights.h5", b"<html>")).is_err());
    // An archive that is said to be compressed: its content could be of any size.
    let mut bomb = zip("model.weights.h5", &[0; 64]);
    for at in 0..bomb.len() - 12 {
        if bomb[at..].starts_with(b"PK\x01\x02") {
            bomb[at + 10] = 8;
        }
        if bomb[at..].starts_with(b"PK\x03\x04") {
            bomb[at + 8] = 8;
        }
    }
    let error = crate::read(&bomb).unwrap_err().to_string();
    assert!(error.contains("compressed"), "{error}");
}

#[test]
fn no_damage_panics() {
    for file in [
        "files/nested.weights.h5",
        "files/nested.keras",
        "files/nested.h5",
        "files/weights_only.h5",
        "files/keras2_split.h5",
    ] {
        let bytes = golden(file);
        testkit::damage(&bytes, spread(0..bytes.len(), 800), |damaged| {
            let _ = crate::read(damaged);
        });
    }
}

#[test]
fn a_real_fine_tuned_model() {
    let Some(path) = weights_file("dog_breed_mobilenetv2.h5") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let weights = crate::read(&bytes).unwrap();
    assert_eq!(weights.tensors.len(), 262);
    assert_eq!(weights.metadata["keras_version"], "3.11.3");
    let depthwise = &weights.tensors["mobilenetv2_1.00_160/block_13_depthwise/kernel"];
    assert_eq!(depthwise.shape().dimensions(), [3, 3, 576, 1]);
    assert_eq!(
        weights.tensors["dense/kernel"].shape().dimensions(),
        [1280, 19]
    );
    for at in spread(0..bytes.len(), 40) {
        let _ = crate::read(&bytes[..at]);
    }
}

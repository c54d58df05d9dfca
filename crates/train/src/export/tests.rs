//! What is written of backbones and packages is read again by `museau weights import`; bad files of
//! every format are refused.
use super::*;
use crate::weights::{Imported, import};
use formats::Origin;
use tensor::Tensor;
use testkit::formula_values;
use zoo::{DenseHead, Head, LeNet};

fn values(graph: &Graph) -> NamedTensors {
    let specs = graph.parameters().into_iter();
    specs
        .map(|spec| (spec.name.clone(), formula_values(&spec.name, spec.shape)))
        .collect()
}

/// A backbone as `museau weights` would keep it.
fn of_backbone(backbone: &Backbone, head: Head) -> Export {
    let size = backbone.default_size;
    let graph = backbone.build(size, size, head).unwrap();
    Export {
        name: backbone.name.to_owned(),
        parameters: values(&graph),
        graph,
        labels: Vec::new(),
        temperature: None,
        input: backbone.input_spec(size, size),
        facts: BTreeMap::new(),
    }
}

fn same(imported: &Imported, export: &Export) -> bool {
    let bits = |tensors: &NamedTensors| -> Vec<(String, Vec<u32>)> {
        let bits = |tensor: &Tensor| tensor.values().iter().map(|v| v.to_bits()).collect();
        let pairs = tensors.iter();
        pairs
            .map(|(name, tensor)| (name.clone(), bits(tensor)))
            .collect()
    };
    bits(&imported.parameters) == bits(&export.parameters)
}

/// Which backbones, with which classifier: VGG16's is ten times as large as all else, and the largest
/// networks are made of the same layers as smaller ones.
fn backbones() -> impl Iterator<Item = (&'static Backbone, Head)> {
    let large = ["nasnet_large", "efficientnet_v2l"];
    let some = zoo::all().iter().filter(move |b| !large.contains(&b.name));
    some.map(|backbone| match backbone.name {
        "vgg16" | "inception_resnet_v2" => (backbone, Head::Features),
        _ => (backbone, Head::Classes(7)),
    })
}

#[test]
fn every_backbone_is_read_again_from_every_format_that_knows_it() {
    let mut read = Vec::new();
    for (backbone, head) in backbones() {
        let export = of_backbone(backbone, head);
        for target in Target::ALL {
            let bytes = export.write(target).unwrap();
            match import(&bytes, backbone, Top::AsFound) {
                Ok(imported) => {
                    assert_eq!(imported.head, head, "{} {target:?}", backbone.name);
                    assert!(same(&imported, &export), "{} {target:?}", backbone.name);
                    read.push((backbone.name, target));
                }
                // Names that are nowhere known, such as Keras's for torchvision's network.
                Err(MakeError::Names { .. }) => {}
                Err(error) => panic!("{} {target:?}: {error}", backbone.name),
            }
        }
    }
    for (backbone, _) in backbones() {
        let found = read
            .iter()
            .filter(|(name, _)| *name == backbone.name)
            .count();
        // Keras has no names for PyTorch's networks, which ONNX and safetensors have.
        let wanted = if backbone.origins.contains(&Origin::Keras) {
            5
        } else {
            2
        };
        assert_eq!(found, wanted, "{}", backbone.name);
    }
}

/// A batch norm without a factor has one in ONNX; only one that changes nothing may be left out.
#[test]
fn bad_files_of_every_format_are_refused() {
    let backbone = zoo::find("mobilenet_v2").unwrap();
    let others =
        ["efficientnet_lite0", "vgg16", "nasnet_mobile"].map(|name| zoo::find(name).unwrap());
    let export = of_backbone(backbone, Head::Classes(7));
    for target in Target::ALL {
        let bytes = export.write(target).unwrap();
        for part in 0..20 {
            let cut = &bytes[..bytes.len() * part / 20];
            for top in [Top::AsFound, Top::LeftAside] {
                assert!(import(cut, backbone, top).is_err(), "{target:?} {part}/20");
            }
        }
        for other in others {
            let error = import(&bytes, other, Top::AsFound).unwrap_err();
            let refused = matches!(error, MakeError::Mismatch(_) | MakeError::Names { .. });
            assert!(refused, "{target:?} {}: {error}", other.name);
        }
    }
    for (name, page) in [
        (
            "page.h5",
            &b"<!DOCTYPE html><html><title>Log in</title></html>"[..],
        ),
        (
            "pointer.h5",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        ),
        ("empty.h5", b""),
    ] {
        let error = import(page, backbone, Top::AsFound).unwrap_err();
        assert!(matches!(error, MakeError::Format(_)), "{name}: {error}");
    }
}

#[test]
fn kept_weights_and_packages_say_what_their_reader_must_know() {
    let backbone = zoo::find("mobilenet_v2").unwrap();
    let export = of_backbone(backbone, Head::Features);
    let own = export.write(Target::Safetensors).unwrap();
    // Without a card it is not known whose weights they are.
    assert!(Export::of_weights(&own).unwrap().is_none());
    assert!(Export::of_weights(b"\x89HDF\r\n\x1a\n").unwrap().is_none());
    let imported = import(&own, backbone, Top::AsFound).unwrap();
    let card = imported.card(backbone, "a.h5", &own);
    let kept = formats::write_safetensors(
        &imported.parameters,
        formats::Precision::F32,
        &card.metadata(),
    );
    let kept = kept.unwrap();
    let read = Export::of_weights(&kept).unwrap().unwrap();
    assert_eq!((&read.name, read.labels.len()), (&export.name, 0));
    assert!(Export::of_weights(&kept[..kept.len() - 1]).is_err());
    let said = read.metadata(Target::Onnx);
    for (key, text) in [
        ("layout", "NCHW"),
        ("colour_order", "RGB"),
        ("mean", "127.5,127.5,127.5"),
        ("views", "stretch"),
        ("output", "features batch,1280,7,7"),
    ] {
        assert_eq!(said[key], text, "{key}");
    }
    // What was exported as safetensors can be exported again.
    let again = read.write(Target::Safetensors).unwrap();
    assert!(Export::of_weights(&again).unwrap().is_some());

    let package = package::samples::tiny();
    let labels = package.about.labels.clone();
    let export = Export::of_package(package);
    let said = export.metadata(Target::Keras);
    assert_eq!(said["layout"], "NHWC");
    assert!(
        said["output"].starts_with("logits batch,"),
        "{}",
        said["output"]
    );
    assert!(said["temperature"].parse::<f32>().unwrap() > 0.0);
    let found: Vec<Label> = serde_json::from_str(&said["labels"]).unwrap();
    assert_eq!(found, labels);
    let table = export.labels_table().unwrap();
    assert_eq!(table.lines().count(), 1 + labels.len());
    assert!(table.starts_with("output,id,name,name_fr\n"), "{table}");
}

/// What a training makes: batch norms, dropout, every activation, flattened or averaged.
#[test]
fn every_lenet_is_written_in_every_format() {
    for (batch_norm, global_pooling, kernels) in [(true, false, vec![5, 3]), (false, true, vec![3])]
    {
        let lenet = LeNet {
            size: 33,
            filters: vec![4, 6],
            kernels,
            batch_norm,
            head: DenseHead {
                global_pooling,
                units: vec![8],
                dropout: 0.3,
            },
            ..LeNet::default()
        };
        let graph = lenet.build(Head::Classes(3)).unwrap();
        let export = Export {
            name: "lenet".to_owned(),
            parameters: values(&graph),
            graph,
            labels: Vec::new(),
            temperature: Some(1.5),
            input: lenet.input_spec(),
            facts: BTreeMap::new(),
        };
        for target in Target::ALL {
            let bytes = export.write(target).unwrap();
            export.compare(target, &bytes).unwrap();
        }
    }
}

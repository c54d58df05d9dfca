//! A small package for tests, of this crate and of those above it.
use crate::{About, Calibration, DogRule, Label, Package, Provenance, Stored};
use graph::{Filter, Geometry, Graph, InputSpec, Op, Scaling, View};
use tensor::{NamedTensors, Tensor};

/// Four outputs over the mean colour of an 8 x 6 photo: the first is 'no dog', the others are
/// red, green and blue 'breeds'.
pub fn tiny() -> Package {
    let mut graph = Graph::new();
    let (height, width, channels) = (8, 6, 3);
    let input = graph
        .add(
            "input",
            Op::Input {
                height,
                width,
                channels,
            },
            &[],
        )
        .unwrap();
    let pool = Op::GlobalAveragePool {
        keep_dimensions: false,
    };
    let pool = graph.add("pool", pool, &[input]).unwrap();
    let dense = Op::Dense {
        units: 4,
        bias: true,
    };
    graph.add("dense", dense, &[pool]).unwrap();
    #[rustfmt::skip]
    let kernel = [
        0.0, 8.0, 0.0, 0.0,
        0.0, 0.0, 8.0, 0.0,
        0.0, 0.0, 0.0, 8.0,
    ];
    let mut weights = NamedTensors::new();
    weights.insert(
        "dense/kernel".into(),
        Tensor::from_slice([3, 4], &kernel).unwrap(),
    );
    let bias = Tensor::from_slice([4], &[4.0, 0.1, 0.0, 0.0]).unwrap();
    weights.insert("dense/bias".into(), bias);
    let label = |output: usize, id: &str| Label {
        id: id.into(),
        name: id.to_uppercase(),
        name_fr: None,
        output,
    };
    let view = View {
        geometry: Geometry::Stretch,
        mirrored: false,
    };
    Package {
        about: About {
            name: "tiny".into(),
            version: "1.0".into(),
            input: InputSpec {
                height,
                width,
                filter: Filter::Bicubic,
                scaling: Scaling::uniform(0.0, 255.0),
                views: vec![view],
                preprocessing: String::new(),
            },
            labels: vec![label(1, "red"), label(2, "green"), label(3, "blue")],
            calibration: Calibration {
                dog: Some(DogRule {
                    outputs: vec![[1, 3]],
                    slope: 1.0,
                    offset: 0.0,
                    among: None,
                }),
                ..Calibration::default()
            },
            provenance: Provenance::default(),
            card: "# tiny\n\nIts \"card\".".into(),
            stored: Stored::F16,
        },
        graph,
        weights,
    }
}

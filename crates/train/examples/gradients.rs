//! Writes the loss and every gradient of a network with formula weights on given pixels, for the
//! comparison with Keras (`benches/parity/gradients.py`). Nothing is dropped.
//!
//! `gradients BACKBONE CLASSES batch|smooth|moving PIXELS OUT`: batch norms use the batch's statistics; the
//! same with values around 3, far from the corners of a ReLU; or the moving ones, as layers that are
//! frozen. PIXELS is a safetensors file whose tensor `pixels` is
//! `[N, H, W, 3]`, already scaled; the class of image i is 3 * i modulo CLASSES. OUT becomes one with a
//! tensor for each trained parameter, and `loss`.
use engine::{Plan, StepOptions, Targets, TrainingOptions};
use graph::{Graph, GraphError, Op};
use std::collections::{BTreeMap, HashSet};
use tensor::{NamedTensors, Pool, Tensor};

const THREADS: usize = 2;

/// The same network with dropouts that drop nothing: Keras draws other random numbers.
fn keeping_all(graph: &Graph) -> Result<Graph, GraphError> {
    let mut kept = Graph::new();
    for node in graph.nodes() {
        let op = match *node.op() {
            Op::Dropout { per_sample, .. } => Op::Dropout {
                rate: 0.0,
                per_sample,
            },
            op => op,
        };
        kept.add(node.name(), op, node.inputs())?;
    }
    kept.set_outputs(&graph.outputs())?;
    Ok(kept)
}

/// Batch norms give values around 3, but for those whose values are only added.
fn make_smooth(parameters: &mut NamedTensors) {
    for (name, tensor) in parameters {
        for value in tensor.values_mut() {
            if name.ends_with("/gamma") {
                *value *= 0.25;
            } else if name.ends_with("/beta") && !name.contains("project") {
                *value += 3.0;
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [backbone, classes, statistics, pixels, out] = &arguments[..] else {
        return Err("gradients BACKBONE CLASSES batch|smooth|moving PIXELS OUT".into());
    };
    let backbone = zoo::find(backbone).ok_or("no such backbone")?;
    let classes: usize = classes.parse()?;
    let (inputs, _) = formats::read_safetensors(&std::fs::read(pixels)?)?;
    let pixels = inputs.get("pixels").ok_or("no tensor `pixels`")?;
    let &[images, height, width, 3] = pixels.shape().dimensions() else {
        return Err("pixels are [N, H, W, 3]".into());
    };
    let graph = keeping_all(&backbone.build(height, width, zoo::Head::Classes(classes))?)?;
    let norms = |op: &Op| matches!(op, Op::BatchNorm { .. });
    let frozen: HashSet<String> = match &**statistics {
        "batch" | "smooth" => HashSet::new(),
        "moving" => {
            let nodes = graph.nodes().iter().filter(|node| norms(node.op()));
            nodes.map(|node| node.name().to_owned()).collect()
        }
        _ => return Err("the statistics are batch, smooth or moving".into()),
    };
    let options = TrainingOptions {
        batch: images,
        threads: THREADS,
        frozen,
        ..TrainingOptions::default()
    };
    let plan = Plan::for_training(&graph, &options)?;
    let specs = graph.parameters().into_iter();
    let mut parameters = testkit::formula_parameters(specs.map(|spec| (spec.name, spec.shape)));
    if statistics == "smooth" {
        make_smooth(&mut parameters);
    }
    let mut state = plan.state(&graph, &parameters)?;
    let labels: Vec<u32> = (0..images)
        .map(|image| (3 * image % classes) as u32)
        .collect();
    let step = StepOptions {
        seed: 0,
        step: 0,
        scale: 1.0,
        accumulate: false,
    };
    let pool = Pool::new(THREADS);
    let targets = Targets::Classes(&labels);
    let result = plan.step(&pool, &mut state, &pixels.values(), targets, step)?;
    let mut found = NamedTensors::new();
    found.insert("loss".into(), Tensor::from_slice([1], &[result.loss])?);
    for (name, shape) in state.trained() {
        let gradient = state
            .gradient(name)
            .ok_or("a trained parameter without gradient")?;
        found.insert(name.to_owned(), Tensor::from_slice(shape, gradient)?);
    }
    let bytes = formats::write_safetensors(&found, formats::Precision::F32, &BTreeMap::new())?;
    Ok(std::fs::write(out, bytes)?)
}

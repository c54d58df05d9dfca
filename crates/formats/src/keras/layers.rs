//! A graph in Keras's words: the configuration of a functional model, as `model.get_config()` gives it.
use super::FORMAT;
use crate::FormatError;
use graph::{Activation, Graph, GraphError, Node, NodeId, Op, Padding, Pool2d, keras_layers};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

fn no_counterpart(node: &Node) -> FormatError {
    FormatError::NoCounterpart {
        format: FORMAT,
        layer: node.name().to_owned(),
        op: node.op().to_string(),
    }
}

/// How Keras's layers say their padding; `None` where they have no word for it.
fn padding(
    graph: &Graph,
    node: &Node,
    window: [[usize; 2]; 2],
    pads: Padding,
) -> Option<&'static str> {
    if pads == Padding::default() {
        return Some("valid");
    }
    let &[height, width, _] = graph.node(*node.inputs().first()?).shape().dimensions() else {
        return None;
    };
    let [kernel, stride] = window;
    (pads == Padding::same([height, width], kernel, stride)).then_some("same")
}

/// The same network, where zeros that Keras's convolutions have no word for stand in layers of their
/// own.
///
/// # Errors
/// Where there would be too many layers.
pub(super) fn with_explicit_padding(graph: &Graph) -> Result<Graph, FormatError> {
    let mut changed = Graph::new();
    let mut ids: Vec<NodeId> = Vec::new();
    let unsupported = |error: GraphError| super::unsupported(error.to_string());
    for node in graph.nodes() {
        let mut inputs: Vec<NodeId> = node.inputs().iter().map(|id| ids[id.index()]).collect();
        let mut op = *node.op();
        let convolution = match &mut op {
            Op::Conv2d(conv) => Some(([conv.kernel, conv.stride], &mut conv.padding)),
            Op::DepthwiseConv2d(conv) => Some(([conv.kernel, conv.stride], &mut conv.padding)),
            Op::Input { .. }
            | Op::Dense { .. }
            | Op::BatchNorm { .. }
            | Op::Activation(_)
            | Op::Softmax
            | Op::Affine { .. }
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::ZeroPad(_)
            | Op::Crop(_)
            | Op::Flatten
            | Op::Dropout { .. } => None,
        };
        if let Some((window, pads)) = convolution
            && padding(graph, node, window, *pads).is_none()
        {
            let pads = std::mem::take(pads);
            let name = format!("{}_zeros", node.name());
            let zeros = changed.add(name, Op::ZeroPad(pads), &inputs);
            inputs = vec![zeros.map_err(unsupported)?];
        }
        ids.push(changed.add(node.name(), op, &inputs).map_err(unsupported)?);
    }
    let outputs: Vec<NodeId> = graph.outputs().iter().map(|id| ids[id.index()]).collect();
    changed.set_outputs(&outputs).map_err(unsupported)?;
    Ok(changed)
}

/// The configuration of a graph with explicit padding.
///
/// # Errors
/// [`FormatError::NoCounterpart`]
pub(super) fn configuration(name: &str, graph: &Graph) -> Result<Value, FormatError> {
    let merged: HashSet<NodeId> = keras_layers(graph)
        .into_iter()
        .filter(|layer| layer.nodes.len() == 2)
        .map(|layer| layer.nodes[0])
        .collect();
    let mut layers = Vec::new();
    for id in graph.ids().filter(|id| !merged.contains(id)) {
        layers.push(layer(graph, id, &merged)?);
    }
    let place = |id: NodeId| json!([graph.node(id).name(), 0, 0]);
    let mut outputs: Vec<Value> = graph.outputs().into_iter().map(place).collect();
    // One is not a list of one: the model would then take and give lists.
    let outputs = match outputs.len() {
        1 => outputs.remove(0),
        _ => Value::Array(outputs),
    };
    let input = graph.ids().next().map(place);
    Ok(json!({
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": name,
            "trainable": true,
            "layers": layers,
            "input_layers": input,
            "output_layers": outputs,
        },
        "registered_name": "Functional",
        "build_config": {"input_shape": null},
    }))
}

/// `[H, W, C]` with an open batch.
fn batched(node: &Node) -> Value {
    let dimensions = node.shape();
    let mut all = vec![Value::Null];
    all.extend(dimensions.dimensions().iter().map(|&size| json!(size)));
    Value::Array(all)
}

fn layer(graph: &Graph, id: NodeId, merged: &HashSet<NodeId>) -> Result<Value, FormatError> {
    let node = graph.node(id);
    let mut inputs = node.inputs();
    let depthwise = inputs.first().copied().filter(|id| merged.contains(id));
    if let Some(depthwise) = depthwise {
        inputs = graph.node(depthwise).inputs();
    }
    // Keras takes a name for a path.
    if node.name().contains('/') || ![1, 3].contains(&node.shape().rank()) {
        return Err(no_counterpart(node));
    }
    let (class, settings) = match depthwise {
        Some(depthwise) => separable(graph, graph.node(depthwise), node)?,
        None => of_op(graph, node)?,
    };
    let mut config = Map::new();
    config.insert("name".to_owned(), json!(node.name()));
    config.insert("dtype".to_owned(), json!("float32"));
    if let Value::Object(settings) = settings {
        config.extend(settings);
    }
    let tensor = |&input: &NodeId| {
        let from = graph.node(input);
        json!({"class_name": "__keras_tensor__", "config": {
            "shape": batched(from), "dtype": "float32", "keras_history": [from.name(), 0, 0],
        }})
    };
    let given: Vec<Value> = inputs.iter().map(tensor).collect();
    // Who takes several takes them as one list.
    let calls = match given.len() {
        0 => json!([]),
        1 => json!([{"args": given, "kwargs": {}}]),
        _ => json!([{"args": [given], "kwargs": {}}]),
    };
    Ok(json!({
        "module": "keras.layers",
        "class_name": class,
        "config": config,
        "registered_name": null,
        "name": node.name(),
        "inbound_nodes": calls,
    }))
}

/// A number as short as it can be said, as Keras writes it.
fn number(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().unwrap_or(f64::from(value)))
}

fn sides(pads: &Padding) -> Value {
    json!([[pads.top, pads.bottom], [pads.left, pads.right]])
}

/// The class and the settings of a layer that is one node.
fn of_op(graph: &Graph, node: &Node) -> Result<(&'static str, Value), FormatError> {
    let no = || no_counterpart(node);
    let said = |kernel, stride, pads| padding(graph, node, [kernel, stride], pads).ok_or_else(no);
    let pool = |pool: &Pool2d| {
        let padding = said(pool.kernel, pool.stride, pool.padding)?;
        Ok(json!({"pool_size": pool.kernel, "strides": pool.stride, "padding": padding}))
    };
    Ok(match node.op() {
        Op::Input { .. } => ("InputLayer", json!({"batch_shape": batched(node)})),
        Op::Conv2d(conv) => (
            "Conv2D",
            json!({
                "filters": conv.filters, "kernel_size": conv.kernel, "strides": conv.stride,
                "padding": said(conv.kernel, conv.stride, conv.padding)?, "use_bias": conv.bias,
            }),
        ),
        Op::DepthwiseConv2d(conv) => {
            // TensorFlow has but one stride for both.
            if conv.stride[0] != conv.stride[1] {
                return Err(no());
            }
            let padding = said(conv.kernel, conv.stride, conv.padding)?;
            let settings = json!({
                "kernel_size": conv.kernel, "strides": conv.stride, "padding": padding,
                "use_bias": conv.bias,
            });
            ("DepthwiseConv2D", settings)
        }
        Op::Dense { units, bias } => ("Dense", json!({"units": units, "use_bias": bias})),
        Op::BatchNorm {
            epsilon,
            momentum,
            scale,
        } => (
            "BatchNormalization",
            json!({"epsilon": number(*epsilon), "momentum": number(*momentum), "scale": scale}),
        ),
        Op::Activation(Activation::Relu6) => ("ReLU", json!({"max_value": 6.0})),
        Op::Activation(function) => {
            let name = match function {
                Activation::Relu | Activation::Relu6 => "relu",
                Activation::Swish => "silu",
                Activation::Sigmoid => "sigmoid",
                Activation::Tanh => "tanh",
            };
            ("Activation", json!({"activation": name}))
        }
        Op::Softmax => ("Softmax", json!({"axis": -1})),
        Op::Affine { scale, offset } => (
            "Rescaling",
            json!({"scale": number(*scale), "offset": number(*offset)}),
        ),
        Op::Add => ("Add", json!({})),
        Op::Multiply => ("Multiply", json!({})),
        Op::Concat => ("Concatenate", json!({"axis": -1})),
        Op::MaxPool(window) => ("MaxPooling2D", pool(window)?),
        Op::AveragePool(window) => ("AveragePooling2D", pool(window)?),
        Op::GlobalAveragePool { keep_dimensions } => (
            "GlobalAveragePooling2D",
            json!({"keepdims": keep_dimensions}),
        ),
        Op::ZeroPad(pads) => ("ZeroPadding2D", json!({"padding": sides(pads)})),
        Op::Crop(pads) => ("Cropping2D", json!({"cropping": sides(pads)})),
        Op::Flatten => ("Flatten", json!({})),
        Op::Dropout { rate, per_sample } => {
            let mut shape = vec![json!(1); node.shape().rank() + 1];
            shape[0] = Value::Null;
            let shape = if *per_sample {
                json!(shape)
            } else {
                Value::Null
            };
            (
                "Dropout",
                json!({"rate": number(*rate), "noise_shape": shape}),
            )
        }
    })
}

/// A depthwise convolution and the pointwise one after it.
fn separable(
    graph: &Graph,
    depthwise: &Node,
    pointwise: &Node,
) -> Result<(&'static str, Value), FormatError> {
    let (Op::DepthwiseConv2d(window), Op::Conv2d(conv)) = (depthwise.op(), pointwise.op()) else {
        return Err(no_counterpart(pointwise));
    };
    let (_, settings) = of_op(graph, depthwise)?;
    let settings = json!({
        "filters": conv.filters, "kernel_size": window.kernel, "strides": window.stride,
        "padding": settings["padding"], "use_bias": conv.bias,
    });
    Ok(("SeparableConv2D", settings))
}

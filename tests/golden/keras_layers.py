"""The layers of Keras's own networks, a line each, for the tests of crates/zoo.

Name, class with its attributes, output without the batch, inputs, weights with their shapes
(depthwise kernels without their last dimension of 1). Keras 3.15.1.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
import keras

FOLDER = Path(__file__).parent / "keras_layers"
ATTRIBUTES = {
    "Conv2D": lambda layer: [layer.kernel_size, layer.strides],
    "DepthwiseConv2D": lambda layer: [layer.kernel_size, layer.strides],
    "BatchNormalization": lambda layer: [f"{layer.epsilon:g}", f"{layer.momentum:g}"],
    "ReLU": lambda layer: [f"{layer.max_value:g}"],
    "ZeroPadding2D": lambda layer: [",".join(f"{a}+{b}" for a, b in layer.padding)],
}


def by(dimensions):
    return "x".join(map(str, dimensions))


def line(layer, names):
    kind = type(layer).__name__
    attributes = [by(a) if isinstance(a, tuple) else a for a in ATTRIBUTES.get(kind, lambda _: [])(layer)]
    inputs = [] if kind == "InputLayer" else layer.input
    inputs = [names[tensor._keras_history.operation.name] for tensor in (inputs if isinstance(inputs, list) else [inputs])]
    weights = []
    for weight in layer.weights:
        shape = weight.shape[:3] if kind == "DepthwiseConv2D" else weight.shape
        weights.append(f"{weight.name} {by(shape)}")
    output = layer.output.shape if kind != "InputLayer" else layer.batch_shape
    return "|".join([names[layer.name], " ".join([kind, *attributes]), by(output[1:]), ",".join(inputs), ",".join(weights)])


def write(name, model):
    names = {layer.name: "input" if type(layer).__name__ == "InputLayer" else layer.name for layer in model.layers}
    lines = ["# made by keras_layers.py", *(line(layer, names) for layer in model.layers)]
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")


FOLDER.mkdir(exist_ok=True)
write("mobilenet_v2_224", keras.applications.MobileNetV2(weights=None))
write("mobilenet_v2_odd_notop", keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(131, 99, 3)))

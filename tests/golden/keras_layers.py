"""The layers of Keras's own networks, a line each, for the tests of crates/zoo.

Name, class with its attributes, output without the batch, inputs, weights with their shapes
(depthwise kernels without their last dimension of 1). Of the larger networks saved.txt keeps the
number of layers with weights and the CRC-32 of their lines, in the order in which Keras saves them
and without the inputs. Keras 3.15.1 (on TensorFlow: NASNetMobile refuses PyTorch).
"""

import os
import zlib
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras

FOLDER = Path(__file__).parent / "keras_layers"
ATTRIBUTES = {
    "Conv2D": lambda layer: [layer.kernel_size, layer.strides],
    "DepthwiseConv2D": lambda layer: [layer.kernel_size, layer.strides],
    "SeparableConv2D": lambda layer: [layer.kernel_size, layer.strides],
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
        depthwise = kind == "DepthwiseConv2D" or weight.name == "depthwise_kernel"
        shape = weight.shape[:3] if depthwise else weight.shape
        weights.append(f"{weight.name} {by(shape)}")
    output = layer.output.shape if kind != "InputLayer" else layer.batch_shape
    return "|".join([names[layer.name], " ".join([kind, *attributes]), by(output[1:]), ",".join(inputs), ",".join(weights)])


def write(name, model):
    names = {layer.name: "input" if type(layer).__name__ == "InputLayer" else layer.name for layer in model.layers}
    lines = ["# made by keras_layers.py", *(line(layer, names) for layer in model.layers)]
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")


NETWORKS = {
    "efficientnet_v2l": ("EfficientNetV2L", 480),
    "efficientnet_v2s": ("EfficientNetV2S", 384),
    "inception_resnet_v2": ("InceptionResNetV2", 299),
    "mobilenet_v2": ("MobileNetV2", 224),
    "nasnet_large": ("NASNetLarge", 331),
    "nasnet_mobile": ("NASNetMobile", 224),
    "vgg16": ("VGG16", 224),
}


def without_random_values(add_weight):
    """Only shapes are looked at, and hundreds of millions of draws take minutes."""
    return lambda self, *given, **named: add_weight(self, *given, **(named | {"initializer": "zeros"}))


def saved(model):
    """Layers with weights, and the CRC-32 of their lines."""
    names = {layer.name: layer.name for layer in model.layers}
    lines = []
    for layer in model.layers:
        if layer.weights:
            name, kind, output, _, weights = line(layer, names).split("|")
            lines.append(f"{name}|{kind}|{output}||{weights}\n")
    return f"{len(lines)} {zlib.crc32(''.join(lines).encode()):08x}"


def write_saved():
    lines = ["# network, height, width, top or features, layers with weights, CRC-32; made by keras_layers.py"]
    for name, (keras_name, default) in NETWORKS.items():
        for size, top in [((default, default), True), ((default, default), False), ((131, 99), False)]:
            keras.backend.clear_session()  # numbers of layers begin anew
            build = getattr(keras.applications, keras_name)
            model = build(weights=None, include_top=top, input_shape=(*size, 3))
            head = "top" if top else "features"
            lines.append(f"{name} {size[0]} {size[1]} {head} {saved(model)}")
    (FOLDER / "saved.txt").write_text("\n".join(lines) + "\n")


FOLDER.mkdir(exist_ok=True)
keras.layers.Layer.add_weight = without_random_values(keras.layers.Layer.add_weight)
write_saved()
write("mobilenet_v2_224", keras.applications.MobileNetV2(weights=None))
write("mobilenet_v2_odd_notop", keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(131, 99, 3)))

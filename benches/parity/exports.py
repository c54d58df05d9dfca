"""Has ONNX Runtime, OpenVINO and real Keras run what museau exports, and compares the outputs.

`python benches/parity/exports.py MUSEAU [NETWORK...]`, MUSEAU being the program: each of Keras's backbones
with formula weights, with and without the classifier, against the same network of `keras.applications`;
`.weights.h5` and `.h5` are also loaded into the network of `keras.applications`.

`python benches/parity/exports.py MUSEAU --package FILE PHOTO...` (needs cargo): a package against the
probabilities of `museau classify`. The networks are given museau's own pixels; beside them stands how far from
these, in levels of 255, the pixels are that Pillow and NumPy make by what the ONNX file says of itself
(`prepared` and `probabilities` below are all that it takes).

Relative error: max|a - b| / max|b|. Fails above 1e-4.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import peers
from formula import formula_values
from PIL import Image
from safetensors.numpy import load_file, save_file

import keras  # after peers, which chooses its backend

ALLOWED = 1e-4
FORMATS = ("onnx", "keras", "h5", "weights.h5")


def error(found, wanted):
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    worst = np.abs(found - wanted).max() / np.abs(wanted).max()
    return float("inf") if np.isnan(worst) else float(worst)


def build(name, top):
    return peers.build(name, (peers.NETWORKS[name].size,) * 2 + (3,), top)


def own_names(model):
    """All weights by the names that museau gives them."""
    return {name: formula_values(name, shape) for _, name, shape in peers.named_weights(model)}


def run(museau, *arguments):
    subprocess.run([museau, *map(str, arguments), "--lang", "en", "--quiet"], check=True)


def with_onnxruntime(path, pixels):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pixels})[0]


def with_openvino(path, pixels):
    core = openvino.Core()
    # Some processors would compute in bfloat16.
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(pixels)[0]


def network(museau, name, top, folder):
    model = build(name, top)
    save_file(own_names(model), folder / "own.safetensors")
    peers.formula_weights(model)
    size = peers.NETWORKS[name].size
    pixels = peers.formula_pixels(name, (2, size, size, 3))
    wanted = np.asarray(model(pixels, training=False))
    del model
    weights = folder / "weights.safetensors"
    run(museau, "weights", "import", folder / "own.safetensors", "--backbone", name, "-o", weights)
    for format in FORMATS:
        run(museau, "export", weights, "--to", format, "-o", folder / f"m.{format}")
    first = np.ascontiguousarray(np.moveaxis(pixels, -1, 1))
    onnx.checker.check_model(str(folder / "m.onnx"), full_check=True)
    last = (lambda values: values) if top else (lambda values: np.moveaxis(values, 1, -1))
    yield error(last(with_onnxruntime(folder / "m.onnx", first)), wanted)
    yield error(last(with_openvino(folder / "m.onnx", first)), wanted)
    for format in ("keras", "h5"):
        keras.backend.clear_session()
        with peers.zeros():
            loaded = keras.models.load_model(folder / f"m.{format}", compile=False)
        yield error(loaded(pixels, training=False), wanted)
        del loaded
    for format in ("weights.h5", "h5"):
        application = build(name, top)
        application.load_weights(folder / f"m.{format}")
        yield error(application(pixels, training=False), wanted)
        del application
        gc.collect()


def backbones(museau, names):
    columns = ["onnxruntime", "openvino", ".keras", ".h5", "applications: .weights.h5", "applications: .h5"]
    print(f"| network | output | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    worst = 0.0
    for name in names or peers.NETWORKS:
        for top in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                errors = list(network(museau, name, top, Path(folder)))
            worst = max(worst, *errors)
            cells = " | ".join(f"{error:.1e}" for error in errors)
            print(f"| {name} | {'logits' if top else 'features'} | {cells} |", flush=True)
    return worst


def prepared(said, photo):
    """The views of a photo, `[views, 3, H, W]`, by the metadata of an ONNX file."""
    height, width = int(said["input_height"]), int(said["input_width"])
    filter = Image.Resampling[said["resampling"].upper()]
    views = []
    for view in said["views"].split("+"):
        kind, *rest = view.split(":")
        image = photo.convert("RGB")
        if kind == "crop":
            shorter = int(height / float(rest[0]))  # of a square input
            image = image.resize([shorter * side // min(image.size) for side in image.size], filter)
            left, top = round((image.width - width) / 2), round((image.height - height) / 2)
            image = image.crop((left, top, left + width, top + height))
        assert kind in ("crop", "stretch") and not said["preprocessing"]
        pixels = np.asarray(image.resize((width, height), filter), np.float32)
        pixels = pixels[:, ::-1] if rest[-1:] == ["mirror"] else pixels
        pixels = pixels[..., ::-1] if said["colour_order"] == "BGR" else pixels
        mean, deviation = (np.float32(said[key].split(",")) for key in ("mean", "deviation"))
        views.append(((pixels - mean) / deviation).transpose(2, 0, 1))
    return np.stack(views)


def probabilities(said, logits):
    """What `museau classify` answers, by class."""
    labels = json.loads(said["labels"])
    logits = logits.mean(0)[[label["output"] for label in labels]] / float(said["temperature"])
    shares = np.exp(logits - logits.max())
    return dict(zip((label["id"] for label in labels), shares / shares.sum()))


def museaus_pixels(file, photos, folder):
    """The views of each photo, `[views, H, W, 3]`, as museau prepares them."""
    out = folder / "pixels.safetensors"
    command = ["cargo", "run", "--release", "--quiet", "--package", "train", "--example", "prepared", "--"]
    subprocess.run([*command, file, out, *photos], cwd=peers.ROOT, check=True)
    found = load_file(out)
    return [found[str(number)] for number in range(len(photos))]


def package(museau, file, photos):
    worst = 0.0
    file, photos = os.path.abspath(file), [os.path.abspath(photo) for photo in photos]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for format in ("onnx", "keras", "h5"):
            run(museau, "export", file, "--to", format, "-o", folder / f"m.{format}")
        onnx.checker.check_model(str(folder / "m.onnx"), full_check=True)
        said = {p.key: p.value for p in onnx.load(str(folder / "m.onnx")).metadata_props}
        models = [keras.models.load_model(folder / f"m.{format}", compile=False) for format in ("keras", "h5")]
        deviation = np.float32(said["deviation"].split(","))
        print(f"| photo | onnxruntime | openvino | .keras | .h5 | pixels, levels |\n|---|{'---|' * 5}")
        for photo, own in zip(photos, museaus_pixels(file, photos, folder)):
            count = len(json.loads(said["labels"]))
            answer = subprocess.run(
                [museau, "classify", photo, "--model", file, "--json", "--top", str(count)], capture_output=True
            )
            wanted = {breed["id"]: breed["probability"] for breed in json.loads(answer.stdout)["breeds"]}
            first = np.ascontiguousarray(own.transpose(0, 3, 1, 2))
            outputs = [with_onnxruntime(folder / "m.onnx", first), with_openvino(folder / "m.onnx", first)]
            outputs += [np.asarray(model(own, training=False)) for model in models]
            errors = []
            for logits in outputs:
                found = probabilities(said, logits)
                errors.append(error([found[key] for key in wanted], list(wanted.values())))
            with Image.open(photo) as image:
                levels = float((np.abs(prepared(said, image) - first) * deviation[:, None, None]).max())
            worst = max(worst, *errors)
            cells = " | ".join(f"{e:.1e}" for e in errors)
            print(f"| {Path(photo).name} | {cells} | {levels:.2f} |", flush=True)
    return worst


def main(museau, arguments):
    names = ("keras", "tensorflow-cpu", "onnx", "onnxruntime", "openvino")
    print(", ".join(f"{name} {version(name)}" for name in names) + "\n")
    if arguments[:1] == ["--package"]:
        worst = package(museau, arguments[1], arguments[2:])
    else:
        worst = backbones(museau, arguments)
    print(f"\nlargest {worst:.1e}, allowed {ALLOWED:.0e}")
    return 0 if worst < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))

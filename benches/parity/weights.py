"""Has real Keras write each backbone's weights in each of its formats, and museau read them.

`python benches/parity/weights.py MUSEAU [NETWORK...]`, MUSEAU being the program. For each network: with
and without the classifier, and as a transfer model (the backbone nested under a classifier of five
classes, its lower half frozen); as legacy `.h5` (weights alone and a whole model), `.weights.h5` and
`.keras`. Every array that `museau weights import` writes must be what Keras was given, to the bit.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import peers
from formula import formula_values
from safetensors.numpy import load_file

import h5py  # after peers, which chooses Keras's backend
import keras
from keras.src.legacy.saving import legacy_h5_format


def build(name, size, top):
    # What it saves is its own model, the softmax at its end too.
    options = {"classifier_activation": "softmax"} if top else {}
    model = peers.build(name, (size, size, 3), top, **options)
    peers.formula_weights(model)
    return model


def transfer(name, size):
    base = build(name, size, False)
    for layer in base.layers[: len(base.layers) // 2]:
        layer.trainable = False
    image = keras.Input((size, size, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(image))
    x = keras.layers.Dropout(0.2)(x)
    head = keras.layers.Dense(5, name="breeds", activation="softmax")
    model = keras.Model(image, head(x))
    head.set_weights([formula_values(f"predictions/{w.name}", tuple(w.shape)) for w in head.weights])
    return model


def files(model, folder):
    """The model in each format, its weights alone and whole."""
    with h5py.File(folder / "weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    yield folder / "weights.h5"
    model.save(folder / "model.h5")
    yield folder / "model.h5"
    model.save_weights(folder / "model.weights.h5")
    yield folder / "model.weights.h5"
    model.save(folder / "model.keras")
    yield folder / "model.keras"


def check(museau, name, kind, path, folder):
    out = folder / "out.safetensors"
    out.unlink(missing_ok=True)
    command = [museau, "weights", "import", path, "--backbone", name, "-o", out, "--lang", "en"]
    if (name, kind) == ("vgg16", "transfer"):
        # VGG16's own classifier is three dense layers on the flattened image: this one is somebody's.
        command.append("--no-top")
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        return f"REFUSED: {result.stderr.strip()[:400]}"
    arrays = load_file(out)
    wrong = [key for key, array in arrays.items() if not np.array_equal(array, formula_values(key, array.shape))]
    return f"{len(arrays)} arrays" if not wrong else f"WRONG: {len(wrong)}, such as {wrong[:3]}"


def main(museau, names):
    passed = True
    print("| network | model | file | museau reads |\n|---|---|---|---|")
    for name in names or peers.NETWORKS:
        size = peers.NETWORKS[name].size
        kinds = {
            "with top": lambda: build(name, size, True),
            "without top": lambda: build(name, size, False),
            "transfer": lambda: transfer(name, size),
        }
        for kind, make in kinds.items():
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                for path in files(make(), folder):
                    said = check(museau, name, kind, path, folder)
                    passed &= said[0].isdigit()
                    print(f"| {name} | {kind} | {path.name} | {said} |", flush=True)
                    path.unlink()
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))

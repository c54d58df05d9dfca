"""Small files of weights as PyTorch and Keras write them, for the readers of crates/formats.

The values of every tensor count up: element i is i / 8 (+ 100 times its place in the file), so that
a test can tell them without a second file. Versions: torch 2.15.0, keras 3.15.1, h5py 3.14.0.
"""

import os
from collections import OrderedDict
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
import h5py
import keras
import numpy as np
import torch
from keras.src.legacy.saving import legacy_h5_format

FILES = Path(__file__).parent / "files"


def count(place, *shape, dtype=torch.float32):
    return (torch.arange(int(np.prod(shape))) / 8 + 100 * place).reshape(shape).to(dtype)


def pytorch():
    both = count(6, 8)
    state = OrderedDict(
        [
            ("conv.weight", count(0, 4, 3, 2, 2)),
            ("transposed", count(1, 4, 3).t()),
            ("channels_last", count(2, 2, 3, 4, 5).contiguous(memory_format=torch.channels_last)),
            ("half", count(3, 5, dtype=torch.float16)),
            ("double", count(4, 5, dtype=torch.float64)),
            ("bn.num_batches_tracked", torch.tensor(7)),
            ("parameter", torch.nn.Parameter(count(5, 2, 2))),
            ("shared_first", both[:3]),
            ("shared_every_other", both[::2]),
            ("brain", count(7, 3, dtype=torch.bfloat16)),
            ("empty", torch.zeros(0, 3)),
        ]
    )
    torch.save(state, FILES / "state_zip.pth")
    torch.save(state, FILES / "state_legacy.pth", _use_new_zipfile_serialization=False)
    checkpoint = {
        "epoch": 3,
        "state_dict": {"module.conv.weight": count(0, 4, 3, 2, 2)},
        "optimizer": {"state": {0: {"exp_avg": count(1, 4)}}, "param_groups": [{"lr": 0.1}]},
    }
    torch.save(checkpoint, FILES / "checkpoint.pth", pickle_protocol=4)
    torch.save({"evil": os.system}, FILES / "evil.pth", _use_new_zipfile_serialization=False)


def keras_files():
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.DepthwiseConv2D(3, use_bias=False, name="depthwise"),
        ],
        name="backbone",
    )
    inner.get_layer("conv").trainable = False
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), inner, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, name="dense")]
    )
    place = 0
    for layer in [*inner.layers, *model.layers[1:]]:
        values = []
        for weight in layer.get_weights():
            values.append(count(place, *weight.shape).numpy())
            place += 1
        layer.set_weights(values)
    model.compile("adam", "categorical_crossentropy")
    model.train_on_batch(np.zeros((1, 8, 8, 3)), np.array([[1.0, 0.0]]))
    # The step of training has moved them: count again.
    place = 0
    for layer in [*inner.layers, *model.layers[1:]]:
        values = []
        for weight in layer.get_weights():
            values.append(count(place, *weight.shape).numpy())
            place += 1
        layer.set_weights(values)
    model.save(FILES / "nested.h5")
    with h5py.File(FILES / "weights_only.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, inner)


def keras_2():
    """As Keras 2 with an old h5py wrote: fixed strings, `:0`, long lists split."""
    with h5py.File(FILES / "keras2_split.h5", "w") as file:
        file.attrs["backend"] = np.bytes_(b"tensorflow")
        file.attrs["layer_names"] = np.array([b"input_1", b"nested", b"fc"])
        file.create_group("input_1").attrs["weight_names"] = []
        nested = file.create_group("nested")
        names = [f"layer_{i}/kernel:0" for i in range(7)]
        for part, some in enumerate(np.array_split(np.array(names, "S"), 3)):
            nested.attrs[f"weight_names{part}"] = some
        for place, name in enumerate(names):
            nested[name] = count(place, 2).numpy()
        fc = file.create_group("fc")
        fc.attrs["weight_names"] = np.array([b"fc/kernel:0", b"fc/bias:0"])
        fc["fc/kernel:0"] = count(7, 2, 2).numpy()
        fc["fc/bias:0"] = count(8, 2).numpy().astype("float64")


FILES.mkdir(exist_ok=True)
pytorch()
keras_files()
keras_2()

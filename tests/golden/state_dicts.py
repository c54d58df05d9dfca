"""The keys of the reference implementations' state_dicts, each with the number of elements.

EfficientNet-Lite: a line a tensor. Of the networks of torchvision and timm, `twins.txt` has a line a network
and library: how many tensors, and the CRC-32 of such lines. Counters of batches are left out; so are the factors
of InceptionResNetV2's batch norms, which Keras's network has not.
PyPI: efficientnet-lite-pytorch 0.1.0 with torch 2.15.0, torchvision 0.29.2, timm 1.0.31.
"""

import zlib
from pathlib import Path

import timm
import torch
import torchvision

FOLDER = Path(__file__).parent / "state_dicts"
TWINS = [
    ("efficientnet_v2l", "timm", lambda: timm.create_model("tf_efficientnetv2_l")),
    ("efficientnet_v2s", "timm", lambda: timm.create_model("tf_efficientnetv2_s")),
    ("inception_resnet_v2", "timm", lambda: timm.create_model("inception_resnet_v2")),
    ("mobilenet_v2_torchvision", "torchvision", torchvision.models.mobilenet_v2),
    ("mobilenet_v2_torchvision", "timm", lambda: timm.create_model("mobilenetv2_100")),
    ("vgg16", "torchvision", torchvision.models.vgg16),
    ("vgg16", "timm", lambda: timm.create_model("vgg16")),
]


def lines(state, left_out=("num_batches_tracked",)):
    return [f"{key} {tensor.numel()}\n" for key, tensor in state.items() if not key.endswith(left_out)]


def twins():
    text = "# made by state_dicts.py: network, library, tensors, CRC-32\n"
    for name, library, make in TWINS:
        with torch.device("meta"):
            state = make().state_dict()
        factors = (".bn.weight",) if name == "inception_resnet_v2" else ()
        all = lines(state, ("num_batches_tracked", *factors))
        text += f"{name} {library} {len(all)} {zlib.crc32(''.join(all).encode()):08x}\n"
    (FOLDER / "twins.txt").write_text(text)


def lite():
    from efficientnet_lite_pytorch import EfficientNet

    for variant in (0, 2):
        state = EfficientNet.from_name(f"efficientnet-lite{variant}").state_dict()
        text = "# made by state_dicts.py\n" + "".join(lines(state, ()))
        (FOLDER / f"efficientnet_lite{variant}.txt").write_text(text)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    twins()
    lite()

"""Has museau read the state_dicts of torchvision's and timm's networks, and compares the logits.

`python benches/parity/twins.py MUSEAU [NETWORK...]` (needs cargo), MUSEAU being the program. Random weights, as
`.pth` and as `.safetensors`, one image of random pixels at the network's default size. Relative error:
max|a - b| / max|b|. Fails above 1e-4, and where a file of a network that only resembles one is not refused.
"""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import peers
import timm
import torch
import torchvision
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

ALLOWED = 1e-4
models = torchvision.models
# museau's name, whose network, how it is made, size, and what museau's graph wants where theirs has x.
TWINS = [
    ("vgg16", "torchvision", models.vgg16, 224, None),
    ("vgg16", "timm vgg16", lambda: timm.create_model("vgg16"), 224, None),
    ("mobilenet_v2_torchvision", "torchvision", models.mobilenet_v2, 224, None),
    ("mobilenet_v2_torchvision", "timm mobilenetv2_100", lambda: timm.create_model("mobilenetv2_100"), 224, None),
    # Its first layer takes v and gives v / 128 - 1.
    ("efficientnet_v2s", "timm tf_efficientnetv2_s", lambda: timm.create_model("tf_efficientnetv2_s"), 384, 128),
    ("efficientnet_v2l", "timm tf_efficientnetv2_l", lambda: timm.create_model("tf_efficientnetv2_l"), 480, 128),
    ("inception_resnet_v2", "timm", lambda: timm.create_model("inception_resnet_v2"), 299, None),
]  # fmt: skip
REFUSED = [
    ("mobilenet_v2", "torchvision", models.mobilenet_v2),
    ("mobilenet_v2", "timm mobilenetv2_100", lambda: timm.create_model("mobilenetv2_100")),
    ("efficientnet_v2s", "torchvision efficientnet_v2_s", models.efficientnet_v2_s),
    ("efficientnet_v2l", "torchvision efficientnet_v2_l", models.efficientnet_v2_l),
    ("nasnet_large", "timm nasnetalarge", lambda: timm.create_model("nasnetalarge")),
]
FILES = ("weights.pth", "weights.safetensors")


def build(make, name):
    """The network with random weights that keep values of the size that they have."""
    with torch.device("meta"):
        model = make()
    model = model.to_empty(device="cpu").eval()
    random = torch.Generator().manual_seed(7)
    norms = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)}
    for key, value in model.state_dict(keep_vars=True).items():
        with torch.no_grad():
            if key.endswith("num_batches_tracked"):
                value.zero_()
                continue
            value.uniform_(-1, 1, generator=random)
            if value.ndim > 1:
                value.mul_(2 / np.sqrt(value[0].numel()))
            elif key.endswith("running_var"):
                value.mul_(0.5).add_(1)
            elif id(value) in norms:
                # What ends a residual branch is small, or sums grow from block to block.
                last = key.endswith(("bn3.weight",)) or ".conv.3." in key
                value.mul_(0.5).add_(1).mul_(0.25 if last else 1)
                if name == "inception_resnet_v2":
                    value.fill_(1)
            else:
                value.mul_(0.1)
    return model


def save(model, file):
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    if file.suffix == ".pth":
        torch.save(state, file)
    else:
        save_torch(state, file)


def with_museau(museau, name, file, pixels, folder):
    weights, given, out = (folder / f"{part}.safetensors" for part in ("own", "pixels", "out"))
    weights.unlink(missing_ok=True)
    command = [museau, "weights", "import", file, "--backbone", name, "-o", weights, "--lang", "en", "--quiet"]
    subprocess.run(command, check=True)
    save_file({"pixels": pixels}, given)
    command = ["cargo", "run", "--release", "--quiet", "--package", "train", "--example", "taps", "--"]
    command += [name, weights, "1000", "predictions", given, out, "predictions"]
    subprocess.run(command, cwd=peers.ROOT, check=True)
    return load_file(out)["predictions"]


def twin(museau, name, make, size, scale, folder):
    model = build(make, name)
    pixels = peers.formula_values("pixels", (1, size, size, 3))
    with torch.no_grad():
        wanted = model(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).numpy()
    own = (pixels + 1) * np.float32(scale) if scale else pixels
    for file in FILES:
        save(model, folder / file)
        found = with_museau(museau, name, folder / file, own, folder)
        yield float(np.abs(found - wanted).max() / np.abs(wanted).max())
        (folder / file).unlink()


def refusal(museau, name, make, folder):
    model = build(make, name)
    for file in FILES:
        save(model, folder / file)
        command = [museau, "weights", "import", folder / file, "--backbone", name, "-o", folder / "refused.safetensors"]
        result = subprocess.run([*command, "--lang", "en"], capture_output=True, text=True)
        (folder / file).unlink()
        yield result.returncode != 0 and "would give other answers" in result.stderr


def main(museau, names):
    print(", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "timm")) + "\n")
    print("| network | of | .pth | .safetensors |\n|---|---|---|---|")
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        for name, library, make, size, scale in TWINS:
            if not names or name in names:
                errors = list(twin(museau, name, make, size, scale, Path(folder)))
                passed &= max(errors) < ALLOWED
                print(f"| {name} | {library} | {' | '.join(f'{error:.1e}' for error in errors)} |", flush=True)
        for name, library, make in REFUSED:
            if not names or name in names:
                refused = list(refusal(museau, name, make, Path(folder)))
                passed &= all(refused)
                cells = " | ".join("refused with the reason" if one else "NOT REFUSED" for one in refused)
                print(f"| {name} | {library} | {cells} |", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))

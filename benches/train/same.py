"""Whether two builds of museau train the same network, bit for bit: short trainings with both, whose
packages and metrics (but for the times) must not differ.

    python3 benches/train/same.py OLD NEW PHOTOS

OLD and NEW are binaries, PHOTOS a folder with a folder for each breed; a few dozen photos are enough.
A change that adds numbers up in another order, or rounds once less, shows here. Where that is meant,
the gradients' tests (`crates/engine/tests/training.rs`) say whether the new numbers are right.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

TRAININGS = {
    "lenet": [],
    "lenet, one thread": ["--threads", "1"],
    "lenet, portable": ["MUSEAU_ISA=portable"],
    "augmented": ["--augment.steps", "flip | rotate(15) | mixup(0.2)", "--train.label_smoothing", "0.1"],
    "frozen, no batch norm": ["--model.freeze", "conv_1", "--model.batch_norm", "false"],
    "swish, averaged, accumulated": [
        "--model.activation", "swish", "--model.global_pooling", "true", "--train.batch", "8",
        "--train.accumulate", "2", "--model.kernels", "5,3",
    ],
    "mobilenet_v2": ["--model.network", "mobilenet_v2", "--input.size", "96", "--train.batch", "8"],
    "efficientnet_lite0": ["--model.network", "efficientnet_lite0", "--input.size", "96", "--train.batch", "8"],
}
TIMES = ("seconds", "photos_per_second")


def train(museau, photos, folder, options):
    """Trains for two epochs; gives the package's bytes and the metrics without times."""
    environment = {**os.environ, "MUSEAU_LANG": "en", "MUSEAU_HOME": os.path.join(folder, "home")}
    options = list(options)
    while options and "=" in options[0]:
        name, value = options.pop(0).split("=")
        environment[name] = value
    if "--threads" not in options:
        options += ["--threads", "2"]
    run = os.path.join(folder, "run")
    command = [museau, "train", "--data.source", photos, "--train.epochs", "2", "--output", run, "--quiet", *options]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(run, "model.museau"), "rb") as package:
        package = package.read()
    with open(os.path.join(run, "metrics.csv"), newline="") as metrics:
        metrics = [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(metrics)]
    return package, metrics


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("photos")
    arguments = parser.parse_args()
    differ = False
    for name, options in TRAININGS.items():
        results = []
        for museau in (arguments.old, arguments.new):
            with tempfile.TemporaryDirectory() as folder:
                results.append(train(os.path.abspath(museau), os.path.abspath(arguments.photos), folder, options))
        (old_package, old_metrics), (new_package, new_metrics) = results
        faults = []
        if old_metrics != new_metrics:
            faults.append(f"metrics {old_metrics} and {new_metrics}")
        if old_package != new_package:
            faults.append(f"packages of {len(old_package)} and {len(new_package)} bytes")
        print(f"{name}: {'; '.join(faults) or 'the same'}")
        differ |= bool(faults)
    sys.exit(differ)


if __name__ == "__main__":
    main()

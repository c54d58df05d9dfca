"""Makes the embedded model: EfficientNet-Lite2 with its published weights, a head of 134 breeds
trained on Stanford Dogs' train photos and on dogs from elsewhere, calibrated, weighed by the
frequencies of France.

    python3 crates/cli/model/finetune.py --museau target/release/museau --stanford STANFORD_DOGS \
        --elsewhere DOGS70 --start START.museau --out FOLDER

`--stanford`: the full copy (`Images` beside `lists`). `--elsewhere`: a folder of classes (`train/CLASS`)
whose photos have no copy in Stanford Dogs; a class is a folder of Stanford's, or `other-BREED`; others
are left out. `--start`: EfficientNet-Lite2 as a package, which
make.sh makes.

Needs Python 3.11 or later and no package. The photos are linked into FOLDER/photos, not copied.
"""
import argparse
import csv
import os
import re
import subprocess

STANFORD = re.compile(r"^n\d{8}-")


def link(source, folder, name):
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, name)
    if not os.path.exists(target):
        os.link(source, target)


def train_photos(stanford):
    """The official train photos, from the text of the list that museau import reads too."""
    manifest = os.path.join(arguments.out, "stanford.csv")
    if not os.path.exists(manifest):
        museau("data", "import", stanford, "-o", manifest)
    with open(manifest, newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "train":
                yield row["path"]


def museau(*command):
    subprocess.run([arguments.museau, *command], check=True)


def main():
    photos = os.path.join(arguments.out, "photos")
    for path in train_photos(arguments.stanford):
        path = os.path.join(arguments.out, path)
        link(path, os.path.join(photos, os.path.basename(os.path.dirname(path))), "s_" + os.path.basename(path))
    elsewhere = os.path.join(arguments.elsewhere, "train")
    for name in sorted(os.listdir(elsewhere)):
        if not STANFORD.match(name) and not name.startswith("other-"):
            continue
        for file in sorted(os.listdir(os.path.join(elsewhere, name))):
            link(os.path.join(elsewhere, name, file), os.path.join(photos, name.removeprefix("other-")), "d_" + file)
    run = os.path.join(arguments.out, "run")
    museau("finetune", photos, "-o", run, "--model.initial", arguments.start, "--train.epochs", "15",
           "--schedule.name", "cosine")
    # The photos that the head was not fitted to.
    validation = os.path.join(arguments.out, "validation")
    with open(os.path.join(run, "photos.csv"), newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "val":
                link(os.path.join(run, row["path"]), os.path.join(validation, row["class"]), os.path.basename(row["path"]))
    # 'No dog' is told by the head of ImageNet, which stays as it was fitted with the start.
    museau("models", "calibrate", run, "--dogs", validation, "--photos-per-class", "10", "--prior", "france",
           "--prior-strength", "0.25", "--crosses", "--name", "dogs-134-lite2", "--model-version", "2.0", "-o", os.path.join(arguments.out, "default.museau"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("museau", "stanford", "elsewhere", "start", "out"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    main()

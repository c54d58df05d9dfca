"""Plants wrong labels in the train photos of 20 classes of Stanford Dogs and says how many of them
`museau data check --suspects` finds, by neighbours and out of fold.

    python3 benches/suspects/plant.py --museau target/release/museau --manifest stanford.csv --out FOLDER

`stanford.csv` is what `museau data import` makes. Python's standard library alone.
"""

import argparse
import csv
import json
import pathlib
import random
import subprocess

# Families of breeds that are easily taken for each other; the pug stands alone.
FAMILIES = [
    ["n02094114", "n02094258", "n02096294", "n02093754", "n02096177"],  # five small terriers
    ["n02109961", "n02110063", "n02110185"],  # Eskimo dog, malamute, Siberian husky
    ["n02086240", "n02098413"],  # Shih Tzu, Lhasa apso
    ["n02088364", "n02089867", "n02089973"],  # beagle, Walker hound, English foxhound
    ["n02097047", "n02097130", "n02097209"],  # schnauzers
    ["n02105855", "n02106030", "n02106166"],  # Shetland sheepdog, collie, Border collie
    ["n02110958"],  # pug
]
SHARE = 0.03

arguments = argparse.ArgumentParser()
arguments.add_argument("--museau", required=True)
arguments.add_argument("--manifest", required=True, type=pathlib.Path)
arguments.add_argument("--out", required=True, type=pathlib.Path)
arguments.add_argument("--seed", type=int, default=1)
arguments = arguments.parse_args()

with open(arguments.manifest, newline="") as file:
    reader = csv.DictReader(file)
    columns = reader.fieldnames
    wanted = {name for family in FAMILIES for name in family}
    rows = [row for row in reader if row["split"] == "train" and row["class"][:9] in wanted]
base = arguments.manifest.resolve().parent
classes = sorted({row["class"] for row in rows})
family_of = {name: family for family in FAMILIES for name in family}
arguments.out.mkdir(parents=True, exist_ok=True)

for to in ["any other class", "a look-alike"]:
    draw = random.Random(arguments.seed)
    planted = set()
    changed = []
    for row in rows:
        row = dict(row, path=str(base / row["path"]))
        own = row["class"][:9]
        others = [name for name in classes if name[:9] != own]
        alike = [name for name in others if name[:9] in family_of[own]]
        chosen = alike if to == "a look-alike" else others
        if draw.random() < SHARE and chosen:
            row["class"] = draw.choice(chosen)
            planted.add(row["path"])
        changed.append(row)
    folder = arguments.out / to.replace(" ", "-")
    folder.mkdir(exist_ok=True)
    with open(folder / "planted.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(changed)
    print(f"{len(rows)} photos, {len(planted)} put under {to}")
    for name, more in [("neighbours", []), ("out of fold", ["--out-of-fold", str(folder / "p.csv")])]:
        checked = folder / name.replace(" ", "-")
        command = [arguments.museau, "data", "check", str(folder / "planted.csv"), "-o", str(checked), "--suspects"]
        subprocess.run(command + more, check=True, stdout=subprocess.DEVNULL)
        findings = json.loads((checked / "check.json").read_text())["findings"]
        # The most suspect come first.
        suspects = [finding["paths"][0] for finding in findings if finding["kind"] == "label_suspect"]
        right = [str(base / path) in planted for path in suspects]
        print(
            f"  {name}: {len(suspects)} suspects, {sum(right)} planted: precision "
            f"{sum(right) / max(len(suspects), 1):.2f}, recall {sum(right) / len(planted):.2f}; "
            f"of the first {len(planted)}, {sum(right[:len(planted)])}"
        )

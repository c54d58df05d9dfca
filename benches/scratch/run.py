"""What museau's own small networks reach on Stanford Dogs, trained from random initialisation: trains,
evaluates on the test photos, and prints Markdown tables.

    cargo build --release
    target/release/museau data import STANFORD_DOGS -o stanford.csv
    python3 benches/scratch/run.py --manifest stanford.csv --out scratch

Parts (--parts): `trios`, three trios with three seeds each; `drawn`, the same recipe on five trios
drawn by the seeds 1 to 5; `paired`, augmentation and three classic preprocessings, each over ten
seeds; `all`, the 120 breeds. Runs that are there already are not trained again.

Recipes were chosen on photos cut from train; the test photos are read here alone.
"""
import argparse
import csv
import json
import os
import random
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.normpath(os.path.join(HERE, "..", "..", "target", "release", "museau"))
TRIOS = {
    "collie-husky-pug": "Border collie,Siberian husky,pug",
    "collie-husky-beagle": "Border collie,Siberian husky,beagle",
    "collie-husky-samoyed": "Border collie,Siberian husky,Samoyed",
}
VARIANTS = {
    "plain": [],
    "no augmentation": ["--augment.steps", ""],
    "clahe(2,8)": ["--preprocess.steps", "clahe(2,8)"],
    "gaussian(5)": ["--preprocess.steps", "gaussian(5)"],
    "bilateral(9,75,75)": ["--preprocess.steps", "bilateral(9,75,75)"],
}


class Workshop:
    def __init__(self, arguments):
        self.arguments = arguments
        self.environment = {**os.environ, "MUSEAU_LANG": "en", "MUSEAU_HOME": os.path.abspath(arguments.out)}

    def museau(self, *command, **options):
        command = [*self.arguments.before.split(), self.arguments.museau, *command]
        return subprocess.run(command, env=self.environment, check=True, text=True, **options)

    def train(self, recipes, seeds, folder, *flags):
        """Trains each recipe with each seed, side by side; gives the packages by recipe."""
        folder = os.path.join(self.arguments.out, folder)
        names = [os.path.splitext(os.path.basename(recipe))[0] for recipe in recipes]
        packages = {
            name: [os.path.join(folder, f"{name}-seed{seed}", "model.museau") for seed in seeds] for name in names
        }
        if not all(os.path.exists(package) for some in packages.values() for package in some):
            # A single run is put into the very folder that is named.
            single = len(recipes) * len(seeds) == 1
            output = os.path.join(folder, f"{names[0]}-seed{seeds[0]}") if single else folder
            self.museau(
                "train", *recipes, "--seeds", ",".join(map(str, seeds)), "--output", output,
                "--data.source", self.arguments.manifest, *flags,
            )
        return packages

    def evaluate(self, package, part="test"):
        done = self.museau(
            "evaluate", package, self.arguments.manifest, "--part", part, "--no-baseline", "--json", "--quiet",
            stdout=subprocess.PIPE,
        )
        return json.loads(done.stdout)["over_all"]

    def row(self, name, packages):
        """A line of a table: the mean of the seeds, each seed with its interval."""
        scores = [self.evaluate(package) for package in packages]
        tops = [score["top_1"] for score in scores]
        values = [top["value"] for top in tops]
        each = ", ".join(f"{t['value']:.3f} ({t['low']:.3f} to {t['high']:.3f})" for t in tops)
        return f"| {name} | **{statistics.mean(values):.3f}** | {each} |"

    def drawn_recipe(self, seed):
        with open(self.arguments.manifest, newline="") as table:
            classes = sorted({row["class"] for row in csv.DictReader(table)})
        chosen = ",".join(random.Random(seed).sample(classes, 3))
        with open(os.path.join(HERE, "collie-husky-pug.toml")) as file:
            text = file.read().replace(TRIOS["collie-husky-pug"], chosen)
        path = os.path.join(self.arguments.out, f"drawn-{seed}.toml")
        with open(path, "w") as file:
            file.write(text)
        return path, chosen

    def trios(self):
        recipes = [os.path.join(HERE, f"{name}.toml") for name in TRIOS]
        packages = self.train(recipes, [1, 2, 3], "trios")
        print("| trio | mean of 3 seeds | each seed, 95 % interval over photos |\n|---|---|---|")
        for name, classes in TRIOS.items():
            print(self.row(classes, packages[name]), flush=True)

    def drawn(self):
        drawn = [self.drawn_recipe(seed) for seed in range(1, 6)]
        packages = self.train([path for path, _ in drawn], [1], "drawn")
        print("| trio drawn | accuracy | 95 % interval over photos |\n|---|---|---|")
        for seed, (path, chosen) in enumerate(drawn, 1):
            print(self.row(f"{seed}: {chosen}", packages[f"drawn-{seed}"]), flush=True)

    def paired(self):
        recipe = os.path.join(HERE, "paired.toml")
        seeds = list(range(1, 11))
        groups = {
            name: self.train([recipe], seeds, f"paired/{number}", *flags)["paired"]
            for number, (name, flags) in enumerate(VARIANTS.items())
        }
        for name, packages in groups.items():
            if name != "plain":
                print(f"{name}:", flush=True)
                self.museau(
                    "compare", self.arguments.manifest, "--part", "test", "--quiet",
                    "--base", *groups["plain"], "--with", *packages,
                )

    def all(self):
        packages = self.train([os.path.join(HERE, "all-breeds.toml")], [1], "all")
        score = self.evaluate(packages["all-breeds"][0])
        top1, top5 = score["top_1"], score["top_5"]
        print(f"120 breeds: top-1 {top1['value']:.3f} ({top1['low']:.3f} to {top1['high']:.3f}), top-5 {top5['value']:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--museau", default=BUILT, help="the binary")
    parser.add_argument("--manifest", required=True, help="Stanford Dogs, imported")
    parser.add_argument("--out", required=True, help="a folder for the runs")
    parser.add_argument("--parts", nargs="+", default=["trios", "drawn", "paired", "all"])
    parser.add_argument("--before", default="", help="a command to run everything under: 'nice -n -20'")
    arguments = parser.parse_args()
    arguments.manifest = os.path.abspath(arguments.manifest)
    os.makedirs(arguments.out, exist_ok=True)
    workshop = Workshop(arguments)
    for part in arguments.parts:
        print(f"\n## {part}\n", flush=True)
        getattr(workshop, part)()


main()

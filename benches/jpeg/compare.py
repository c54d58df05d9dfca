"""museau's JPEG decoder beside others, against Pillow (libjpeg-turbo): exactness, robustness, speed.

    python compare.py --folder FOLDER [--rounds N] [--photos N]

FOLDER is what MUSEAU_TESTDATA names (stanford-dogs, stanford-original-size, odd-files). Builds the
program beside this file and the corpus of the tests' encoder, decodes every file with every decoder,
and prints two tables in Markdown. The speeds are the least seconds of CPU time of one thread over the
photos at their original size, the decoders taking turns.

Needs cargo, a C compiler, and the packages of requirements.txt.
"""
import argparse
import io
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy
from PIL import Image

HERE = Path(__file__).resolve().parent
DECODERS = ["museau", "zune-jpeg", "mozjpeg", "libjpeg-turbo-rs", "jpeg-decoder"]
warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = 50_000_000


def reference(path):
    """Pillow's pixels, CMYK by the plain formula; None where it gives an error."""
    try:
        image = Image.open(path)
        if image.format not in ("JPEG", "MPO"):
            return None
        image.load()
    except Exception:  # whatever Pillow raises on broken files
        return None
    if image.mode == "CMYK":
        ink = 255 - numpy.asarray(image).astype(numpy.int32)
        values = (ink[..., :3] * ink[..., 3:] + 127) // 255
        return values.astype(numpy.uint8)
    return numpy.asarray(image.convert("RGB"))


def decode(program, decoder, paths, folder):
    """What a decoder makes of each path: pixels, or the text of what was wrong. A decoder that ends
    the process is started again behind the file that did it."""
    results = []
    while len(results) < len(paths):
        rest = paths[len(results):]
        run = subprocess.run(
            [program, decoder, "pixels", folder], input="\n".join(map(str, rest)),
            capture_output=True, text=True)
        for number, line in enumerate(run.stdout.splitlines()):
            word, _, text = line.partition(" ")
            if word == "pixels":
                width, height = map(int, text.split())
                values = numpy.fromfile(Path(folder) / str(number), numpy.uint8)
                whole = values.size == height * width * 3
                results.append(values.reshape(height, width, 3) if whole else "error of size")
            else:
                results.append(line)
        if len(results) < len(paths):
            results.append("crash")
    return results


def judge(results, references, comparable):
    """Counts of what a decoder made of files. Nearly the same: the values differ by 1 of 255 on
    average at most, as where a decoder rounds or spreads the colours in another way."""
    counts = dict.fromkeys(["same", "nearly", "other", "refused", "accepted", "panic"], 0)
    for result, right in zip(results, references):
        if isinstance(result, str):
            counts["panic" if result.split()[0] in ("panic", "crash") else "refused"] += 1
        elif not comparable or right is None:
            counts["accepted"] += 1
        elif result.shape != right.shape:
            counts["other"] += 1
        else:
            difference = numpy.abs(result.astype(int) - right.astype(int))
            kind = "same" if not difference.any() else "nearly" if difference.mean() <= 1 else "other"
            counts[kind] += 1
    return counts


def damage(paths, folder):
    """Copies of the files with a few bytes turned at random, always the same ones."""
    random = numpy.random.default_rng(18)
    copies = []
    for path in paths:
        for copy in range(3):
            data = bytearray(path.read_bytes())
            for at in random.integers(2, len(data), random.integers(1, 7)):
                data[at] = random.integers(256)
            copies.append(Path(folder) / f"{path.stem}-{copy}.jpg")
            copies[-1].write_bytes(data)
    return copies


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--list", metavar="DECODER", help="names the files of this decoder that differ")
    options = parser.parse_args()
    build = ["cargo", "build", "--release", "--manifest-path", HERE / "Cargo.toml"]
    messages = subprocess.run(
        [*build, "--message-format=json"], check=True, capture_output=True, text=True).stdout
    import json
    outputs = [json.loads(line).get("executable") for line in messages.splitlines()]
    program = next(path for path in outputs if path)

    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as pixels, \
            tempfile.TemporaryDirectory() as turned:
        subprocess.run([program, "corpus", made], check=True, stdout=subprocess.DEVNULL)
        stanford = sorted((options.folder / "stanford-dogs/Images").rglob("*.jpg"))
        odd = [path for path in sorted((options.folder / "odd-files").rglob("*"))
               if path.suffix.lower() in (".jpg", ".jpeg")]
        groups = {
            "made": sorted(Path(made, "whole").iterdir()),
            "made, cut": sorted(Path(made, "cut").iterdir()),
            "made, damaged": damage(sorted(Path(made, "whole").iterdir()), turned),
            "Stanford Dogs": stanford[:options.photos],
            "odd files": odd,
        }
        print("| files | decoder | Pillow's pixels | nearly | another picture | refused | "
              "not comparable | panic or crash |\n|---|---|---|---|---|---|---|---|")
        for name, paths in groups.items():
            comparable = name not in ("made, cut", "made, damaged")
            references = [reference(path) if comparable else None for path in paths]
            unread = sum(right is None for right in references)
            refused = f", {unread} that Pillow refuses" if comparable else ""
            print(f"| {name}: {len(paths)} files{refused} | | | | | | | |")
            for decoder in DECODERS:
                results = decode(program, decoder, paths, pixels)
                counts = judge(results, references, comparable)
                print(f"| | {decoder} |", " | ".join(map(str, counts.values())), "|", flush=True)
                if options.list == decoder:
                    for path, result, right in zip(paths, results, references):
                        same = right is not None and not isinstance(result, str) \
                            and result.shape == right.shape and (result == right).all()
                        if not same:
                            what = result if isinstance(result, str) else "pixels"
                            print(path, what, "" if right is None else "Pillow reads it",
                                  file=sys.stderr)

        photos = sorted((options.folder / "stanford-original-size").rglob("*.jpg"))
        text = "\n".join(map(str, photos))
        least = {}
        for _ in range(options.rounds):
            for decoder in DECODERS:
                run = subprocess.run(
                    [program, decoder, "speed", "3"], input=text, check=True,
                    capture_output=True, text=True)
                least[decoder] = min(least.get(decoder, 1e9), float(run.stdout))
            files = [path.read_bytes() for path in photos]
            start = time.thread_time()
            for file in files:
                Image.open(io.BytesIO(file)).load()
            least["Pillow"] = min(least.get("Pillow", 1e9), time.thread_time() - start)
        print(f"\n| decoder | {len(photos)} photos, ms of CPU each | to museau's |\n|---|---|---|")
        for decoder, seconds in sorted(least.items(), key=lambda item: item[1]):
            print(f"| {decoder} | {1000 * seconds / len(photos):.3f} "
                  f"| {seconds / least['museau']:.2f} |")


if __name__ == "__main__":
    main()

"""Makes the files beside it with an older museau: python3 make.py MUSEAU

Tests of the command line (crates/cli/tests/written_before.rs) read them with the museau of today: the
photos and their manifest, a recipe, a run that is complete, one that was interrupted, and the database of
both. They were made by museau 0.1.0 of 2026-11-29; make them anew only to add what that one did not
write, with the museau before the change.
"""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Paths stand in the run's recipe and in the database.
PLACE = Path("/tmp/written-before")
CLASSES = ["beagle", "pug", "striped"]
WIDTH, HEIGHT, PHOTOS = 20, 16, 8

RECIPE = """# A small network; every table has something in it.
[data]
source = "manifest.csv"
validation = 0.25
classes = "beagle, Carlin, striped"
[input]
size = 12
views = "stretch+stretch:mirror"
[preprocess]
steps = "contrast"
[augment]
steps = "flip | zoom(0.9,1.1)"
[model]
filters = [4, 6]
units = 6
dropout = 0.1
freeze = ""
[optimizer]
name = "adamw"
rate = 0.02
average = 0.9
[schedule]
name = "plateau"
patience = 2
[train]
epochs = 4
batch = 8
checkpoint_seconds = 0
"""


def png(rows):
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def photo(kind, number):
    state = 977 * kind + 31 * number + 1
    rows = []
    for y in range(HEIGHT):
        row = bytearray()
        for x in range(WIDTH):
            state = (state * 1103515245 + 12345) % 2**31
            stripe = [x, y, x + y][kind] // (2 + number % 3) % 2
            for channel in range(3):
                base = 60 * ((kind + channel) % 3) + 40 * stripe + 4 * number
                row.append(min(255, base + (state >> 16) % 4 * 10))
        rows.append(bytes(row))
    return png(rows)


def main():
    museau = shutil.which(sys.argv[1])
    environment = os.environ | {
        "MUSEAU_HOME": str(PLACE / "home"),
        "MUSEAU_LANG": "en",
        "MUSEAU_THREADS": "1",
        # What every processor has, so that the figures are nearly the same everywhere.
        "MUSEAU_ISA": "portable",
    }

    def run(*arguments, **options):
        return subprocess.run([museau, *arguments], cwd=PLACE, env=environment, check=True, **options)

    shutil.rmtree(PLACE, ignore_errors=True)
    for kind, name in enumerate(CLASSES):
        folder = PLACE / "photos" / name
        folder.mkdir(parents=True)
        for number in range(PHOTOS):
            (folder / f"{number}.png").write_bytes(photo(kind, number))
    (PLACE / "recipe.toml").write_text(RECIPE)
    run("data", "import", "photos", "-o", "manifest.csv")
    storage = ["--storage", str(PLACE / "runs.sqlite")]
    run("train", "recipe.toml", "-o", "complete", *storage)
    # It ends soon after it has nothing more to learn.
    endless = ["--train.epochs", "5000", "--train.patience", "4"]
    broken = [museau, "train", "recipe.toml", "-o", "interrupted", *endless, *storage]
    training = subprocess.Popen(broken, cwd=PLACE, env=environment)
    metrics = PLACE / "interrupted" / "metrics.csv"
    while not metrics.exists() or metrics.read_text().count("\n") < 4:
        time.sleep(0.01)
    training.send_signal(signal.SIGINT)
    assert training.wait() == 130
    # For people alone.
    for page in [*PLACE.glob("*/curve.html"), *PLACE.glob("*/model_card.md")]:
        page.unlink()
    for name in ["photos", "manifest.csv", "recipe.toml", "complete", "interrupted", "runs.sqlite"]:
        place = HERE / name
        if place.is_dir():
            shutil.rmtree(place)
        (shutil.copytree if (PLACE / name).is_dir() else shutil.copy)(PLACE / name, place)


main()

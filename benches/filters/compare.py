"""Compares museau's classic filters with OpenCV's: the same photo (500 x 375), the same number of
threads, each in processes of its own that take turns. Checks first that both give the same result.
Prints a Markdown table of medians and ratios (below 1: museau is faster).

    python3 -m venv peers && peers/bin/pip install -r benches/filters/requirements.txt
    cargo build --release
    peers/bin/python benches/filters/compare.py PHOTO
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.normpath(os.path.join(HERE, "..", "..", "target", "release", "museau"))


def on_plane(forth, back, run):
    """A filter on the first plane of another colour space."""

    def whole(image):
        planes = cv2.cvtColor(image, forth)
        planes[:, :, 0] = run(planes[:, :, 0])
        return cv2.cvtColor(planes, back)

    return whole


CLAHE = cv2.createCLAHE(2.0, (8, 8))
# museau's pipeline: OpenCV's call on BGR (gray behind `gray |`), the largest difference allowed, the
# most that museau's time may be of OpenCV's, whether a run takes long.
FILTERS = {
    "non_local_means(10,10,7,21)": (
        lambda image: cv2.fastNlMeansDenoisingColored(image, None, 10, 10, 7, 21), 0, 1.0, True),
    "gray | non_local_means(10,10,7,21)": (
        lambda image: cv2.fastNlMeansDenoising(image, None, 10, 7, 21), 0, 1.0, True),
    "bilateral(9,75,75)": (lambda image: cv2.bilateralFilter(image, 9, 75, 75), 1, 1.0, False),
    "resize(224,stretch,area)": (
        lambda image: cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA), 1, 1.0, False),
    "gaussian(5)": (lambda image: cv2.GaussianBlur(image, (5, 5), 0), 0, 1.5, False),
    "median(5)": (lambda image: cv2.medianBlur(image, 5), 0, 1.5, False),
    "clahe(2,8)": (
        on_plane(cv2.COLOR_BGR2Lab, cv2.COLOR_Lab2BGR, CLAHE.apply), 0, 1.5, False),
    "gray | clahe(2,8)": (CLAHE.apply, 0, 1.5, False),
    "equalise": (
        on_plane(cv2.COLOR_BGR2YCrCb, cv2.COLOR_YCrCb2BGR, cv2.equalizeHist), 0, 1.5, False),
    "gray | equalise": (cv2.equalizeHist, 0, 1.5, False),
}


def peer(text, photo, threads, runs, results):
    """OpenCV's times in milliseconds; runs in a process of its own."""
    cv2.setNumThreads(threads)
    image = cv2.imread(photo)
    if text.startswith("gray"):
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    run = FILTERS[text][0]
    cv2.imwrite(results, run(image))
    times = []
    for index in range(2 + runs):
        start = time.perf_counter()
        run(image)
        if index >= 2:
            times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"milliseconds": times}))


def times_of(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out)["milliseconds"]


def compare(folder, photo, text, threads, arguments):
    _, tolerance, goal, slow = FILTERS[text]
    runs = str(2 if slow else arguments.runs)
    theirs_path = os.path.join(folder, "theirs.png")
    ours = [arguments.museau, "bench", "filters", text, "--photo", photo, "--runs", runs, "--json",
            "--results", folder, "--threads", str(threads)]
    theirs = [sys.executable, __file__, "--peer", text, photo, str(threads), runs, theirs_path]
    gathered = ([], [])
    for _ in range(arguments.rounds):
        for command, times in zip((ours, theirs), gathered):
            times += times_of(command)
    mine, other = (cv2.imread(os.path.join(folder, name)) for name in ("0.png", "theirs.png"))
    difference = int(np.abs(mine.astype(int) - other).max())
    if difference > tolerance:
        sys.exit(f"{text}: the results differ by up to {difference}")
    medians = [statistics.median(times) for times in gathered]
    ratio = medians[0] / medians[1]
    least = [min(times) for times in gathered]
    print(f"| `{text}` | {threads} | {medians[0]:.2f} ({least[0]:.2f}) | {medians[1]:.2f} "
          f"({least[1]:.2f}) | {ratio:.2f} | {goal} | {difference} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        text, photo, threads, runs, results = sys.argv[2:]
        peer(text, photo, int(threads), int(runs), results)
        sys.exit()
    parser = argparse.ArgumentParser()
    parser.add_argument("photo")
    parser.add_argument("--museau", default=BUILT)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=list(FILTERS))
    arguments = parser.parse_args()
    print(f"OpenCV {cv2.__version__}, {platform.machine()}, {arguments.rounds} rounds; medians (least)\n")
    print("| filter | threads | museau, ms | OpenCV, ms | ratio | goal | largest difference |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        image = cv2.imread(arguments.photo)
        lossless = os.path.join(folder, "photo.png")
        cv2.imwrite(lossless, cv2.resize(image, (500, 375), interpolation=cv2.INTER_AREA)
                    if image.shape != (375, 500, 3) else image)
        for text in arguments.only:
            for threads in arguments.threads:
                compare(folder, lossless, text, threads, arguments)

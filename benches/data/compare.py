"""Compares museau's decoding and resizing of photos with tf.data's and OpenCV's: the same JPEG files
to the same size, the same number of threads, each in processes of its own that take turns. Prints a
Markdown table of photos a second and ratios (above 1: museau is faster).

    python3 -m venv peers && peers/bin/pip install -r benches/data/requirements.txt
    cargo build --release
    peers/bin/python benches/data/compare.py FOLDER

Each gives f32 in height x width x 3, 0 to 1, the whole photo stretched. museau resizes antialiased
(the triangle filter grown by the scale, as Pillow), which reads every pixel; tf.image.resize without
antialiasing and OpenCV's INTER_LINEAR read four pixels for one of theirs, whatever the scale, which is
less work and leaves moire; INTER_AREA averages. The pixels are compared first: museau's with Pillow's
(decoded by libjpeg-turbo, resized BILINEAR), and tf.image.resize(antialias=True) likewise.
"""
import argparse
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.normpath(os.path.join(HERE, "..", "..", "target", "release", "museau"))
PEERS = ["tf", "tf-fast-dct", "tf-antialias", "opencv", "opencv-area"]


def tf_data(kind, threads):
    """A function of paths that runs one pass of tf.data."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    method = "INTEGER_FAST" if kind == "tf-fast-dct" else ""

    def one(path, size):
        photo = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method=method)
        resized = tf.image.resize(photo, (size, size), antialias=kind == "tf-antialias")
        return resized / 255.0

    def run(paths, size, keep=False):
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        options.autotune.enabled = False
        photos = tf.data.Dataset.from_tensor_slices(paths)
        photos = photos.map(lambda path: one(path, size), num_parallel_calls=threads)
        batches = photos.batch(32).with_options(options)
        kept = [batch.numpy() for batch in batches] if keep else [0 for _ in batches]
        return kept

    return run


def opencv(kind, threads):
    """The same with OpenCV, a pool of threads over the photos."""
    from concurrent.futures import ThreadPoolExecutor

    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    how = cv2.INTER_AREA if kind == "opencv-area" else cv2.INTER_LINEAR
    pool = ThreadPoolExecutor(threads)

    def one(path, size):
        photo = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        resized = cv2.resize(photo, (size, size), interpolation=how)
        return np.multiply(resized, np.float32(1 / 255), dtype=np.float32)

    def run(paths, size, keep=False):
        photos = pool.map(lambda path: one(path, size), paths)
        return list(photos) if keep else [0 for _ in photos]

    return run


def peer(arguments, paths):
    """The peer's photos a second; runs in a process of its own."""
    make = tf_data if arguments.peer.startswith("tf") else opencv
    run = make(arguments.peer, arguments.threads)
    run(paths, arguments.size)
    rates = []
    for _ in range(arguments.runs):
        start = time.perf_counter()
        run(paths, arguments.size)
        rates.append(len(paths) / (time.perf_counter() - start))
    print(json.dumps(rates))


def museau(arguments, paths, results=None):
    command = arguments.before.split() + [
        arguments.museau, "bench", "data", *paths, "--size", str(arguments.size),
        "--repeat", str(arguments.repeat), "--runs", str(arguments.runs),
        "--threads", str(arguments.threads), "--output", "json", "--quiet",
    ]
    if results:
        command += ["--results", results]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out)["photos_per_second"]


def check(arguments, paths):
    """Mean and greatest differences of pixels, in steps of 255."""
    import numpy as np
    from PIL import Image

    size = arguments.size
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "ours.f32")
        museau(argparse.Namespace(**{**vars(arguments), "runs": 1, "repeat": 1}), paths, results)
        ours = np.fromfile(results, np.float32).reshape(-1, size, size, 3) * 255
    pillow = np.stack([
        np.asarray(Image.open(path).convert("RGB").resize((size, size), Image.BILINEAR), np.float32)
        for path in paths
    ])
    peers = {"Pillow, antialiased": pillow}
    for kind in ["tf-antialias", "tf"]:
        code = (
            "import sys, numpy as np; sys.path.insert(0, sys.argv[1]); import compare;"
            "run = compare.tf_data(sys.argv[2], 2);"
            "np.concatenate(run(sys.argv[5:], int(sys.argv[3]), keep=True)).tofile(sys.argv[4])"
        )
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "peer.f32")
            subprocess.run(
                [sys.executable, "-c", code, HERE, kind, str(size), file, *paths],
                check=True, capture_output=True,
            )
            peers[kind] = np.fromfile(file, np.float32).reshape(ours.shape) * 255
    for name, theirs in peers.items():
        difference = np.abs(ours - theirs)
        print(
            f"museau and {name}: mean difference {difference.mean():.3f}, 99.9 % within "
            f"{np.quantile(difference, 0.999):.1f}, greatest {difference.max():.0f} of 255"
        )
    mean = np.abs(ours - pillow).mean()
    assert mean < 1, f"museau and Pillow differ by {mean} on average"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--museau", default=BUILT)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=4, help="how often each photo is taken in a run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", default="", help="a command put before each process")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    found = glob.glob(os.path.join(arguments.folder, "**", "*.jpg"), recursive=True)
    paths = sorted(found)
    if arguments.peer:
        return peer(arguments, paths * arguments.repeat)

    check(arguments, paths)
    rates = {name: [] for name in ["museau", *PEERS]}
    for _ in range(arguments.rounds):
        rates["museau"] += museau(arguments, paths)
        for kind in PEERS:
            command = arguments.before.split() + [
                sys.executable, os.path.abspath(__file__), arguments.folder, "--peer", kind,
            ]
            for option in ["size", "threads", "repeat", "runs"]:
                command += [f"--{option}", str(getattr(arguments, option))]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rates[kind] += json.loads(out.strip().splitlines()[-1])
    ours = statistics.median(rates["museau"])
    print(f"\n{len(paths) * arguments.repeat} photos to {arguments.size}, {arguments.threads} threads, "
          f"{platform.processor() or platform.machine()}\n")
    print("| | photos/s (median, least to most) | museau's rate to this |\n|---|---|---|")
    for name, own in rates.items():
        median = statistics.median(own)
        print(f"| {name} | {median:.0f} ({min(own):.0f} to {max(own):.0f}) | {ours / median:.2f} |")


if __name__ == "__main__":
    main()

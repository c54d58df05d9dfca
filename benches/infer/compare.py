"""Compares museau's inference with ONNX Runtime's: the same networks, weights and pixels, the same
number of threads, each in processes of its own that take turns. Checks first that both give the same
result. Prints a Markdown table of medians and ratios (below 1: museau is faster).

    python3 -m venv peers && peers/bin/pip install -r benches/infer/requirements.txt
    cargo build --release
    peers/bin/python benches/infer/compare.py
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

import numpy as np

import networks

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.normpath(os.path.join(HERE, "..", "..", "target", "release", "museau"))
TOLERANCE = 1e-4


def peer(model, pixels, batch, threads, runs, results):
    """ONNX Runtime's times in milliseconds; runs in a process of its own."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    images = np.fromfile(pixels, np.float32).reshape(batch, 224, 224, 3)
    inputs = {"image": np.ascontiguousarray(images.transpose(0, 3, 1, 2))}
    session.run(None, inputs)[0].tofile(results)
    times = []
    for run in range(5 + runs):
        start = time.perf_counter()
        session.run(None, inputs)
        if run >= 5:
            times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(times))


def times_of(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = json.loads(out)
    return result["milliseconds"] if isinstance(result, dict) else result


def compare(folder, network, batch, arguments):
    """Medians and quartiles of both, over all rounds."""
    pixels = os.path.join(folder, f"{batch}.f32")
    np.random.default_rng(batch).uniform(-1, 1, batch * 224 * 224 * 3).astype(np.float32).tofile(pixels)
    files = [os.path.join(folder, name) for name in ("ours.f32", "peers.f32")]
    runs = max(3, arguments.runs // batch)
    ours = arguments.before.split() + [
        arguments.museau, "bench", "infer", "--backbone", network, "--batch", str(batch),
        "--weights", f"{folder}/{network}.safetensors", "--pixels", pixels, "--results", files[0],
        "--runs", str(runs), "--threads", str(arguments.threads), "--output", "json",
    ]
    peers = arguments.before.split() + [
        sys.executable, __file__, "--peer", f"{folder}/{network}.onnx", pixels, str(batch),
        str(arguments.threads), str(runs), files[1],
    ]
    own, other = [], []
    for _ in range(arguments.rounds):
        own += times_of(ours)
        other += times_of(peers)
    a, b = (np.fromfile(file, np.float32) for file in files)
    error = np.abs(a - b).max() / np.abs(b).max()
    if a.shape != b.shape or not error < TOLERANCE:
        sys.exit(f"{network}, batch {batch}: the results differ by {error}")
    median = statistics.median
    print(
        f"| {network} | {batch} | {median(own):.2f} ({min(own):.2f}) | {median(other):.2f} "
        f"({min(other):.2f}) | **{median(own) / median(other):.2f}** | {min(own) / min(other):.2f} "
        f"| {error:.0e} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="processes of each side")
    parser.add_argument("--runs", type=int, default=100, help="runs a process, divided by the batch")
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--networks", nargs="*", default=list(networks.STAGES))
    parser.add_argument("--museau", default=BUILT, help="the binary")
    parser.add_argument("--before", default="", help="a command to run both under: 'nice -n -20'")
    parser.add_argument("--peer", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        model, pixels, batch, threads, runs, results = arguments.peer
        return peer(model, pixels, int(batch), int(threads), int(runs), results)
    import onnxruntime

    version = subprocess.run([arguments.museau, "--version"], capture_output=True, text=True).stdout.strip()
    print(
        f"{version} beside ONNX Runtime {onnxruntime.__version__}, {arguments.threads} threads, "
        f"{arguments.rounds} rounds of each, {cpu()}; ms, median (least)\n"
    )
    print("| network | batch | museau | ONNX Runtime | ratio | of the least | difference |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for network in arguments.networks:
            networks.make(network, folder)
            for batch in arguments.batches:
                compare(folder, network, batch, arguments)


def cpu():
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()

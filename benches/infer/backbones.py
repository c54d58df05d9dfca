"""Compares museau's inference with ONNX Runtime's and OpenVINO's on Keras's backbones at their default
sizes with the classifier: the same weights, pixels and number of threads, each in processes of its own
that take turns. Checks first that all give the same result. Prints a Markdown table of medians, the ratio
to the faster peer (below 1: museau is faster) and peak memory.

    python3 -m venv peers && peers/bin/pip install -r benches/parity/requirements-exports.txt
    cargo build --release
    peers/bin/python benches/infer/backbones.py [NETWORK...]

The peers read what `museau export` writes; `--work` keeps it for the next time.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from compare import BUILT, cpu

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-3
PEERS = ["ONNX Runtime", "OpenVINO"]


def onnxruntime_runner(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0]


def openvino_runner(model, threads, shape):
    import openvino

    core = openvino.Core()
    network = core.read_model(model)
    network.reshape(shape)
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # some processors would compute in bfloat16
    }
    compiled = core.compile_model(network, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda pixels: request.infer([pixels], share_inputs=True, share_outputs=True)[0]


def peer(kind, model, pixels, batch, size, threads, runs, results):
    """A peer's times in milliseconds; runs in a process of its own."""
    images = np.fromfile(pixels, np.float32).reshape(batch, size, size, 3)
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    if kind == "OpenVINO":
        run = openvino_runner(model, threads, images.shape)
    else:
        run = onnxruntime_runner(model, threads)
    np.asarray(run(images)).tofile(results)
    times = []
    for number in range(2 + runs):
        start = time.perf_counter()
        run(images)
        if number >= 2:
            times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(times))


def run_of(command):
    """Times in milliseconds and the process's peak memory in MB."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    result = json.loads(out.strip().splitlines()[-1])
    return (result["milliseconds"] if isinstance(result, dict) else result), usage.ru_maxrss / 1024


def make(network, folder, museau):
    """The weights as museau reads them, and the network as ONNX."""
    weights, model = folder / f"{network}.safetensors", folder / f"{network}.onnx"
    if not model.exists():
        script = f"""
import sys; sys.path.insert(0, {str(HERE.parent / "parity")!r})
import exports
from safetensors.numpy import save_file
save_file(exports.own_names(exports.build({network!r}, True)), {str(weights)!r})
"""
        subprocess.run([sys.executable, "-c", script], check=True)
        imported = folder / f"{network}-imported.safetensors"
        subprocess.run(
            [museau, "weights", "import", weights, "--backbone", network, "-o", imported, "--quiet"], check=True
        )
        subprocess.run([museau, "export", imported, "--to", "onnx", "-o", model, "--quiet"], check=True)
    return weights, model


def compare(network, size, batch, folder, arguments):
    weights, model = make(network, folder, arguments.museau)
    pixels = folder / f"{network}-{batch}.f32"
    np.random.default_rng(batch).uniform(-1, 1, batch * size * size * 3).astype(np.float32).tofile(pixels)
    results = {name: folder / f"{name}.f32" for name in ["museau", *PEERS]}
    for file in results.values():
        file.unlink(missing_ok=True)
    before = arguments.before.split()
    numbers = [str(number) for number in (batch, size, arguments.threads, arguments.runs)]
    commands = {
        "museau": [
            *before, arguments.museau, "bench", "infer", "--backbone", network, "--batch", str(batch), "--weights",
            weights, "--pixels", pixels, "--results", results["museau"], "--runs", str(arguments.runs),
            "--threads", str(arguments.threads), "--output", "json",
        ]
    }
    for name in PEERS:
        commands[name] = [*before, sys.executable, __file__, "--peer", name, model, pixels, *numbers, results[name]]
    times, peaks = {name: [] for name in commands}, dict.fromkeys(commands, 0)
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            if name == "museau":
                results[name].unlink(missing_ok=True)
            some, peak = run_of(list(map(str, command)))
            times[name] += some
            peaks[name] = max(peaks[name], peak)
    own = np.fromfile(results["museau"], np.float32)
    errors = {}
    for name in PEERS:
        theirs = np.fromfile(results[name], np.float32)
        errors[name] = np.abs(own - theirs).max() / np.abs(theirs).max()
        if own.shape != theirs.shape or not errors[name] < TOLERANCE:
            sys.exit(f"{network}, batch {batch}: museau and {name} differ by {errors[name]}")
    medians = {name: statistics.median(some) for name, some in times.items()}
    best = min(medians[name] for name in PEERS)
    cells = [f"{medians[name]:.1f} ({min(times[name]):.1f})" for name in commands]
    memory = " / ".join(f"{peaks[name]:.0f}" for name in commands)
    print(
        f"| {network} ({size}) | {batch} | {' | '.join(cells)} | **{medians['museau'] / best:.2f}** | "
        f"{min(times['museau']) / min(min(times[name]) for name in PEERS):.2f} | {memory} | "
        f"{max(errors.values()):.0e} |",
        flush=True,
    )


SIZES = {
    "mobilenet_v2": 224, "nasnet_mobile": 224, "vgg16": 224, "efficientnet_v2s": 384, "inception_resnet_v2": 299,
    "nasnet_large": 331, "efficientnet_v2l": 480,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(SIZES))
    parser.add_argument("--batches", type=int, nargs="*", default=[1])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="processes of each side")
    parser.add_argument("--runs", type=int, default=10, help="runs a process")
    parser.add_argument("--museau", default=BUILT, help="the binary")
    parser.add_argument("--before", default="", help="a command to run all under: 'nice -n -20'")
    parser.add_argument("--work", help="a folder to keep the networks in")
    parser.add_argument("--peer", nargs=8, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        kind, model, pixels, *numbers, results = arguments.peer
        return peer(kind, model, pixels, *map(int, numbers), results)
    import onnxruntime
    import openvino

    version = subprocess.run([arguments.museau, "--version"], capture_output=True, text=True).stdout.strip()
    print(
        f"{version}, ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__}, {arguments.threads} "
        f"threads, {arguments.rounds} rounds of each, {cpu()}; ms, median (least); peak memory in MB\n"
    )
    print("| network | batch | museau | ONNX Runtime | OpenVINO | ratio | of the least | memory | difference |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.work or temporary)
        folder.mkdir(exist_ok=True)
        for network in arguments.networks:
            for batch in arguments.batches:
                compare(network, SIZES[network], batch, folder, arguments)


if __name__ == "__main__":
    main()

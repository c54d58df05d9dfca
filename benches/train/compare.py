"""Compares a training step (forward, backward, Adam) of museau with Keras's and PyTorch's: the same
networks, batch and number of threads, each in processes of its own that take turns. Prints a Markdown
table of medians, peak memory and ratios to the best peer (below 1: museau is faster).

    python3 -m venv peers && peers/bin/pip install -r benches/train/requirements.txt
    cargo build --release
    peers/bin/python benches/train/compare.py
    peers/bin/python benches/train/compare.py --networks vgg16 efficientnet_v2s --batch 8

Keras's networks are those of `keras.applications`, PyTorch's of timm, which has no NASNetMobile.
That all compute the same is not checked here but in crates/train/tests/parity.rs (against Keras).
"""
import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.normpath(os.path.join(HERE, "..", "..", "target", "release", "museau"))
CLASSES = {"lenet": 5}  # 120 otherwise
SIZE = {"lenet": 64}  # 224 otherwise
KERAS = {
    "mobilenet_v2": "MobileNetV2", "vgg16": "VGG16", "efficientnet_v2s": "EfficientNetV2S",
    "nasnet_mobile": "NASNetMobile",
}  # fmt: skip
TIMM = {"vgg16": "vgg16", "efficientnet_v2s": "tf_efficientnetv2_s"}
TORCH = ["lenet", "mobilenet_v2", *TIMM]
PEERS = ["keras", "torch", "torch channels_last", "torch compiled"]
WARM_UP = 3

# MobileNetV2's channels and strides; block 0 does not expand, the others do, six times.
BLOCKS = [
    (16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1),
    (96, 1), (96, 1), (96, 1), (160, 2), (160, 1), (160, 1), (320, 1),
]


def report(times):
    """Milliseconds of the runs and peak memory in MB, as JSON."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"milliseconds": times, "peak_megabytes": peak}))


def timed(step, runs):
    times = []
    for run in range(WARM_UP + runs):
        start = time.perf_counter()
        step()
        if run >= WARM_UP:
            times.append((time.perf_counter() - start) * 1e3)
    report(times)


def keras_peer(network, batch, threads, runs):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    size, classes = SIZE.get(network, 224), CLASSES.get(network, 120)
    if network == "lenet":
        layers = [keras.Input((size, size, 3))]
        for filters in (32, 64, 128):
            layers.append(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False))
            layers.append(keras.layers.BatchNormalization())
            layers += [keras.layers.ReLU(), keras.layers.MaxPooling2D()]
        layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu")]
        layers += [keras.layers.Dropout(0.3), keras.layers.Dense(classes)]
        model = keras.Sequential(layers)
    else:
        model = getattr(keras.applications, KERAS[network])(
            input_shape=(size, size, 3), weights=None, classes=classes, classifier_activation=None
        )
    optimizer = keras.optimizers.Adam(1e-3)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    random = np.random.default_rng(1)
    images = tf.constant(random.uniform(-1, 1, (batch, size, size, 3)).astype(np.float32))
    labels = tf.constant(random.integers(0, classes, batch))

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    timed(lambda: step(images, labels).numpy(), runs)


def torch_lenet(classes):
    from torch import nn

    layers, channels = [], 3
    for filters in (32, 64, 128):
        layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters, eps=1e-3)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    layers += [nn.Flatten(), nn.Linear(8 * 8 * 128, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, classes)]
    return nn.Sequential(*layers)


def torch_mobilenet(classes):
    from torch import nn

    def conv(channels, filters, kernel, stride, groups, act):
        layers = [
            nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.001),
        ]
        return layers + [nn.ReLU6()] if act else layers

    class Block(nn.Module):
        def __init__(self, channels, filters, stride, expand):
            super().__init__()
            inner = channels * expand
            layers = conv(channels, inner, 1, 1, 1, True) if expand > 1 else []
            layers += conv(inner, inner, 3, stride, inner, True) + conv(inner, filters, 1, 1, 1, False)
            self.layers = nn.Sequential(*layers)
            self.add = stride == 1 and channels == filters

        def forward(self, x):
            return x + self.layers(x) if self.add else self.layers(x)

    layers, channels = conv(3, 32, 3, 2, 1, True), 32
    for index, (filters, stride) in enumerate(BLOCKS):
        layers.append(Block(channels, filters, stride, 6 if index else 1))
        channels = filters
    layers += conv(channels, 1280, 1, 1, 1, True)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))


def torch_peer(kind, network, batch, threads, runs):
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    size, classes = SIZE.get(network, 224), CLASSES.get(network, 120)
    if network in TIMM:
        import timm

        model = timm.create_model(TIMM[network], num_classes=classes)
    else:
        model = (torch_lenet if network == "lenet" else torch_mobilenet)(classes)
    images = torch.rand(batch, 3, size, size) * 2 - 1
    labels = torch.randint(0, classes, (batch,))
    if kind == "torch channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(model) if kind == "torch compiled" else model

    def step():
        optimizer.zero_grad()
        loss = loss_of(forward(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    timed(step, runs)


def run_of(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def compare(network, arguments):
    batch = arguments.batch
    runs = arguments.runs * 10 if network == "lenet" else arguments.runs
    peers = [name for name in arguments.peers if name == "keras" or network in TORCH]
    common = [network, str(batch), str(arguments.threads), str(runs)]
    before = arguments.before.split()
    commands = {
        "museau": before + [
            arguments.museau, "bench", "train", "--backbone", network, "--batch", str(batch), "--classes",
            str(CLASSES.get(network, 120)), "--size", str(SIZE.get(network, 224)), "--runs", str(runs),
            "--threads", str(arguments.threads), "--output", "json",
        ]
    }
    for peer in peers:
        commands[peer] = before + [sys.executable, __file__, "--peer", peer, *common]
    times, peaks = {name: [] for name in commands}, {name: 0 for name in commands}
    faults = 0
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            result = run_of(command)
            times[name] += result["milliseconds"]
            peaks[name] = max(peaks[name], result["peak_megabytes"])
            if name == "museau":
                faults = max(faults, result["page_faults"])
    best = min(statistics.median(times[peer]) for peer in peers)
    own = statistics.median(times["museau"])
    for name, all_times in times.items():
        median = statistics.median(all_times)
        ratio = f"**{own / best:.2f}** of the best" if name == "museau" else f"{own / median:.2f}"
        memory = "" if name == "museau" else f"{peaks['museau'] / peaks[name]:.2f}"
        print(
            f"| {network} | {name} | {median:.1f} ({min(all_times):.1f}) | {ratio} | {peaks[name]:.0f} | {memory} |",
            flush=True,
        )
    print(f"\n{network}: {faults} page faults a step at most in museau's steady state\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side")
    parser.add_argument("--runs", type=int, default=6, help="steps a process (ten times as many for lenet)")
    parser.add_argument("--networks", nargs="*", default=["lenet", "mobilenet_v2"], choices=["lenet", *KERAS])
    parser.add_argument("--peers", nargs="*", default=PEERS)
    parser.add_argument("--museau", default=BUILT, help="the binary")
    parser.add_argument("--before", default="", help="a command to run all under: 'nice -n -20'")
    parser.add_argument("--peer", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        kind, network, *numbers = arguments.peer
        numbers = [int(number) for number in numbers]
        if kind == "keras":
            return keras_peer(network, *numbers)
        return torch_peer(kind, network, *numbers)
    version = subprocess.run([arguments.museau, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}, {arguments.threads} threads, batch {arguments.batch}, {cpu()}; ms, median (least)\n")
    print("| network | who | step | museau / peer | peak MB | memory, museau / peer |")
    print("|---|---|---|---|---|---|")
    for network in arguments.networks:
        compare(network, arguments)


def cpu():
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()

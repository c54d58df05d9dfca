"""Formula weights, the same as crates/testkit/src/formula.rs (the rule is written there).

Run as a program, writes formula.txt, which pins the two together. Needs numpy alone (2.4.6).
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def formula_values(name, shape):
    """The array `name` of the graph's shape: a depthwise kernel is [KH, KW, C]."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    index = np.arange(1, np.prod(shape, dtype=int) + 1, dtype=np.uint64)
    mixed = np.uint64(state) + index * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    draw = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(40)).astype(float) / 2**24
    last = name.rsplit("/", 1)[-1]
    if last == "kernel":
        fan_in = np.prod(shape[:2] if len(shape) == 3 else shape[:-1])
        values = (2 * draw - 1) * (2 / np.sqrt(float(fan_in)))
    elif last in ("gamma", "moving_variance"):
        values = 0.5 + draw
        if name.endswith("project_bn/gamma"):
            values = values / 4
    elif last in ("beta", "bias", "moving_mean"):
        values = (2 * draw - 1) / 10
    else:
        values = 2 * draw - 1
    return values.astype(np.float32).reshape(shape)


if __name__ == "__main__":
    arrays = {
        "Conv1/kernel": (3, 3, 3, 32),
        "block_1_depthwise/kernel": (3, 3, 96),
        "predictions/kernel": (1280, 1000),
        "predictions/bias": (1000,),
        "bn_Conv1/gamma": (32,),
        "block1b_project_bn/gamma": (24,),
        "bn_Conv1/beta": (32,),
        "bn_Conv1/moving_mean": (32,),
        "bn_Conv1/moving_variance": (32,),
        "pixels": (2, 8, 8, 3),
    }
    lines = ["# name, shape, bits of the first f32 values; made by formula.py"]
    for name, shape in arrays.items():
        first = formula_values(name, shape).ravel()[:8].view(np.uint32)
        lines.append(f"{name} {'x'.join(map(str, shape))} " + " ".join(f"{bits:08x}" for bits in first))
    (HERE / "formula.txt").write_text("\n".join(lines) + "\n")

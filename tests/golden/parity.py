"""A sample of what Keras and PyTorch compute, for crates/train/tests/published.rs.

Writes parity/CASE.txt: a line a layer with its name, the shape of all its values, the largest
magnitude, the step between the values kept, and those values (all as bits of f32); and
parity/photos_260.rgb, two photos of tests/photos (the same licence) stretched to 260 x 260, three
bytes a pixel: the networks see the middle of it. Names of cases choose some. Versions:
benches/parity/requirements.txt.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benches" / "parity"))
import numpy as np  # noqa: E402
import peers  # noqa: E402

KEPT = 150  # values of each layer, spread evenly; of the last one all

FOLDER = HERE / "parity"
FOLDER.mkdir(exist_ok=True)
for case in peers.sampled():
    if sys.argv[1:] and case.name not in sys.argv[1:]:
        continue
    lines = ["# made by parity.py: layer, shape, largest, step, values"]
    for layer, values in case.compute(case.pixels, case.layers).items():
        flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
        # A step that shares no factor with the channels, so that all of them are seen.
        step = 1 if layer == "predictions" else max(1, flat.size // KEPT) | 1
        bits = " ".join(f"{value:08x}" for value in flat[::step].view(np.uint32))
        largest = np.abs(flat).max().view(np.uint32)
        lines.append(f"{layer} {'x'.join(map(str, values.shape))} {largest:08x} {step} {bits}")
        print(case.name, layer, values.shape, float(np.abs(flat).max()), float(flat.std()))
    (FOLDER / f"{case.name}.txt").write_text("\n".join(lines) + "\n")

some = [peers.photo(name, peers.LARGEST).tobytes() for name in peers.PHOTOS]
(FOLDER / f"photos_{peers.LARGEST}.rgb").write_bytes(b"".join(some))

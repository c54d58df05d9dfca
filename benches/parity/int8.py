"""How often the dequantised int8 MobileNetV2 gives the int8 interpreter's first answer.

`python benches/parity/int8.py WEIGHTS FILE.tflite PHOTOS [COUNT]` (needs cargo): WEIGHTS is what `museau weights
import FILE.tflite --backbone mobilenet_v2 -o WEIGHTS` wrote; PHOTOS is a folder or a list of paths, a line each,
of which COUNT (500) are taken evenly. Fails below 95 %.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from peers import ROOT
from PIL import Image
from safetensors.numpy import load_file, save_file

CHUNK = 50
LEAST = 0.95


def interpreted(interpreter, pixels):
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = given["quantization"]
    answers = []
    for image in pixels:
        # The network's own input is (value - 127.5) / 127.5 in 8 bits.
        levels = np.round(image / scale + zero).clip(np.iinfo(given["dtype"]).min, np.iinfo(given["dtype"]).max)
        interpreter.set_tensor(given["index"], levels.astype(given["dtype"])[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(wanted["index"])[0].argmax() - 1)  # without the background
    return answers


def museau(weights, pixels):
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "pixels.safetensors"), Path(folder, "out.safetensors")
        save_file({"pixels": pixels}, given)
        command = ["cargo", "run", "--release", "--quiet", "--package", "train", "--example", "taps", "--"]
        command += ["mobilenet_v2", weights, "1000", "predictions", given, out, "predictions"]
        subprocess.run(command, cwd=ROOT, check=True)
        return load_file(out)["predictions"].argmax(1)


def main(weights, tflite, source, count=500):
    weights, source = Path(weights).resolve(), Path(source)
    if source.is_dir():
        photos = sorted(source.rglob("*.jpg"))
    else:
        photos = [Path(line) for line in source.read_text().splitlines()]
    photos = photos[:: max(1, len(photos) // int(count))][: int(count)]
    interpreter = tf.lite.Interpreter(tflite, num_threads=1)
    interpreter.allocate_tensors()
    same = 0
    for start in range(0, len(photos), CHUNK):
        some = []
        for path in photos[start : start + CHUNK]:
            with Image.open(path) as image:
                image = image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
            some.append((np.asarray(image, dtype=np.float32) - 127.5) / 127.5)
        pixels = np.stack(some)
        same += int((museau(weights, pixels) == interpreted(interpreter, pixels)).sum())
    print(f"the same first answer on {same} of {len(photos)} photos, {100 * same / len(photos):.1f} %")
    return 0 if same >= LEAST * len(photos) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""What the test pictures show by Pillow (colour profiles by ImageCms, HEIC by pillow-heif): the
tables that tests/odd_files.rs compares with.

    python decode.py odd FOLDER     the files that FOLDER/odd-files/odd-manifest.csv names
    python decode.py made           the files of golden/heic and golden/formats

writes odd_files.tsv, or made.tsv: path, what is expected, why (where Pillow does not decide).
Expected is `W H THUMBNAIL` (upright size; 12 x 12 means over the picture's rectangles, RGB, base64),
or the kinds of error that are right, joined by `|`.

Needs pillow, pillow-heif, numpy.
"""
import base64
import csv
import io
import sys
import warnings
from pathlib import Path

import numpy
import pillow_heif
from PIL import Image, ImageCms

HERE = Path(__file__).parent
pillow_heif.register_heif_opener()
warnings.simplefilter("ignore")
# Pillow refuses twice this: museau's default limit of 100 megapixels.
Image.MAX_IMAGE_PIXELS = 50_000_000
SRGB = ImageCms.createProfile("sRGB")
SIDE = 12

UPRIGHT = {
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_270],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_90],
}

# Formats that museau names and does not read.
NOT_READ = {"AVIF", "DDS", "ICO", "PPM", "SGI", "XVThumb", "SUN"}

# The ways to say that a file is broken: which one a decoder meets first is its own affair.
BROKEN = "damaged|truncated"

SUITE = "odd-files/jpeg-decoder/tests/crashtest/images/imagetestsuite/"
# Where Pillow does not decide: path, what is expected, why. None: whatever Pillow shows is no truth
# either, so any picture of its size is accepted.
DECIDED = {
    "odd-files/Pillow/Tests/images/decompression_bomb.gif": (
        "too_large|truncated", "44 bytes: a frame of 4 gigapixels that ends before its data"),
    "odd-files/Pillow/Tests/images/decompression_bomb.ico": (
        "unsupported_format", "an ICO, whatever its size"),
    "odd-files/Pillow/Tests/images/truncated_jpeg.jpg": (
        None, "only the end marker and some of the last row's padding are missing"),
    "odd-files/image/tests/images/bmp/images/rgba16-1924.bmp": (
        None, "16 bits with opacity by bit masks: Pillow does not read it"),
    "odd-files/image/tests/images/gif/anim/oob.gif": (
        None, "the frame is larger than the canvas: as browsers, the canvas counts; Pillow widens it"),
    "odd-files/jpeg-decoder/tests/crashtest/images/dc-predictor-overflow.jpg": (
        BROKEN, "made to overflow 16 bits; its data end early, Pillow fills up what is missing"),
    SUITE + "865db3dd2d380626f16b6f9dc6d62dba.jpg": (
        None, "fuzzed: coefficients overflow 16 bits, there is no right picture"),
    SUITE + "b0b8914cc5f7a6eff409f16d8cc236c5.jpg": (
        BROKEN, "fuzzed: a progressive scan that cannot be; Pillow refuses it"),
    SUITE + "5482a54657765056f1a94116a8dbffe7.jpg": (
        BROKEN, "fuzzed: Pillow fills up what is missing"),
    SUITE + "7997b6b229f25315d33f5c7085e37500.jpg": (
        BROKEN, "fuzzed: Pillow fills up what is missing"),
    SUITE + "8e5e74dbf9b68a322fbb9512db837329.jpg": (
        BROKEN, "fuzzed: a height of 31,237 with data for a few rows, Pillow fills up the rest"),
    SUITE + "b55977028a3a574336966b6536640fc9.jpg": (
        BROKEN, "fuzzed: no quantisation table, wrong codes; Pillow shows noise"),
    SUITE + "f6b4389c3cf0f5997b2e5a4b905aea8d.jpg": (
        BROKEN, "fuzzed: no quantisation table, wrong codes; Pillow shows noise"),
    SUITE + "bd8cf05698aee36b82b4caf58edea442.jpg": (
        "unsupported_feature", "its frame header says arithmetic coding"),
    "odd-files/jpeg-decoder/tests/crashtest/images/subtract-with-overflow.jpg": (
        BROKEN, "fuzzed: wrong codes in the middle, Pillow shows noise from there on"),
    "odd-files/jpeg-decoder/tests/crashtest/images/invalid-prediction-shift.jpg": (
        "unsupported_feature", "lossless"),
    "odd-files/libjpeg-turbo/testimages/testimgari.jpg": (
        "unsupported_feature", "arithmetic coding, which nothing but test files uses"),
    "odd-files/image-png/tests/pngsuite/xcsn0g01.png": (
        BROKEN, "made with a wrong checksum of its pixels, to be refused; Pillow does not look"),
}
DECIDED["formats/bilevel_g3.tif"] = ("unsupported_feature", "the coding of old fax machines")
DECIDED["heic/bomb.heic"] = ("too_large", "made to cost far more work than the picture it shows")
for number in range(1, 8):
    path = f"odd-files/jpeg-decoder/tests/reftest/images/lossless/1/jpeg_lossless_sel{number}.jpg"
    DECIDED[path] = ("unsupported_feature", "lossless")
for side in (2, 3, 4):
    path = f"odd-files/jpeg-decoder/tests/reftest/images/mozilla/jpg-size-{side}x{side}.jpg"
    DECIDED[path] = (None, "its one or four samples of colour are spread by interpolation; Pillow's "
                           "library repeats them in pictures up to 4 pixels wide")


def reference(path):
    """The upright picture in sRGB, on white, and the format."""
    image = Image.open(path)
    kind = image.format
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)
    image.load()
    profile = image.info.get("icc_profile")
    # The container of HEIC turns the picture itself, and pillow-heif has done so.
    orientation = 1 if kind == "HEIF" else image.getexif().get(274, 1)
    if image.mode.startswith("I;16") or image.mode == "I":
        values = numpy.asarray(image).astype(numpy.int64) >> 8
        image = Image.fromarray(numpy.clip(values, 0, 255).astype(numpy.uint8))
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("RGBA")
    opacity = None
    if image.mode in ("RGBA", "LA", "RGBX"):
        if image.mode != "RGBX":
            opacity = image.getchannel("A")
        image = image.convert({"RGBA": "RGB", "LA": "L", "RGBX": "RGB"}[image.mode])
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}.get(image.mode)
            if source.profile.xcolor_space.strip() == space:
                image = ImageCms.profileToProfile(
                    image, source, SRGB, renderingIntent=ImageCms.Intent.PERCEPTUAL, outputMode="RGB")
        except (OSError, ImageCms.PyCMSError):
            pass  # a profile that cannot be read is left out, as browsers do
    image = image.convert("RGB")
    if opacity is not None:
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=opacity)
        image = white
    for turn in UPRIGHT.get(orientation, []):
        image = image.transpose(turn)
    return image, kind


def thumbnail(image):
    pixels = numpy.asarray(image).astype(numpy.float64)
    height, width = pixels.shape[:2]

    def bounds(index, length):
        start = index * length // SIDE
        return start, max(start + 1, (index + 1) * length // SIDE)

    means = numpy.empty((SIDE, SIDE, 3))
    for row in range(SIDE):
        top, bottom = bounds(row, height)
        for column in range(SIDE):
            left, right = bounds(column, width)
            means[row, column] = pixels[top:bottom, left:right].mean((0, 1))
    return base64.b64encode(numpy.round(means).astype(numpy.uint8).tobytes()).decode()


def expected(name, path):
    try:
        image, kind = reference(path)
        found = f"{image.width} {image.height} {thumbnail(image)}"
        if kind in NOT_READ:
            found = "unsupported_format"
    except Image.DecompressionBombError:
        found = "too_large"
    except Exception as error:
        data = path.read_bytes()
        if not data:
            found = "empty"
        elif "cannot identify" in str(error) and not data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
            found = "not_a_photo"
        elif "truncated" in str(error).lower():
            found = "truncated"
        else:
            found = BROKEN
    if name in DECIDED:
        decided, why = DECIDED[name]
        if decided is None:
            return "any", why
        return decided, why
    return found, ""


def write(table, files):
    with open(HERE / table, "w") as out:
        for name, path in files:
            what, why = expected(name, path)
            out.write(f"{name}\t{what}\t{why}\n")


if __name__ == "__main__":
    if sys.argv[1] == "odd":
        folder = Path(sys.argv[2])
        with open(folder / "odd-files/odd-manifest.csv") as manifest:
            names = [row["file"] for row in csv.DictReader(manifest)]
        write("odd_files.tsv", [(name, folder / name) for name in names])
    else:
        files = sorted([*HERE.glob("heic/*"), *HERE.glob("formats/*")])
        write("made.tsv", [(str(path.relative_to(HERE)), path) for path in files])

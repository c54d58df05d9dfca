"""Makes filters.tsv and filters.png: what OpenCV's filters (and Pillow's Lanczos) give for pictures
of odd sizes, in colour and in gray; tests/filters.rs compares with them.

Pictures: `dog`, a crop of resize_source.png; the others are drawn by the formula in `made`, which the
test repeats. A pipeline is museau's text; each has its peer here, called as its users call it.

OpenCV's own arithmetic, without Intel's IPP: IPP cuts off the fractions of the bilateral filter in gray
up to a diameter of 5, all else is the same with and without it.

Run: python opencv_filters.py      (needs numpy, pillow and opencv-python-headless)
"""
from pathlib import Path

import cv2
import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).parent


def made(width, height):
    """A slope with stripes and noise, in RGB."""
    index = np.arange(width * height * 3, dtype=np.uint64)
    noise = (index * 2654435761 % 2**32 >> 27).astype(np.int64)
    index = index.astype(np.int64)
    column, row, channel = index // 3 % width, index // 3 // width, index % 3
    value = column * 5 + row * 3 + channel * 20 + (column // 4 + row // 5) % 2 * 60 + noise
    return (value % 256).astype(np.uint8).reshape(height, width, 3)


def on_lightness(image, filter_plane):
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
    lab[:, :, 0] = filter_plane(np.ascontiguousarray(lab[:, :, 0]))
    return cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)


def equalise(image):
    if image.ndim == 2:
        return cv2.equalizeHist(image)
    ycrcb = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    ycrcb[:, :, 0] = cv2.equalizeHist(np.ascontiguousarray(ycrcb[:, :, 0]))
    return cv2.cvtColor(ycrcb, cv2.COLOR_YCrCb2RGB)


def clahe(limit, tiles):
    filter_plane = cv2.createCLAHE(limit, (tiles, tiles)).apply
    return lambda image: filter_plane(image) if image.ndim == 2 else on_lightness(image, filter_plane)


def non_local_means(strength, color, patch, window):
    def run(image):
        if image.ndim == 2:
            return cv2.fastNlMeansDenoising(image, None, strength, patch, window)
        swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        done = cv2.fastNlMeansDenoisingColored(swapped, None, strength, color, patch, window)
        return cv2.cvtColor(done, cv2.COLOR_BGR2RGB)

    return run


def lanczos(width, height):
    def run(image):
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))

    return run


FILTERS = {
    "equalise": equalise,
    "clahe(2,8)": clahe(2.0, 8),
    "clahe(40,3)": clahe(40.0, 3),
    "clahe(0,2)": clahe(0.0, 2),
    "gaussian(3)": lambda image: cv2.GaussianBlur(image, (3, 3), 0),
    "gaussian(5)": lambda image: cv2.GaussianBlur(image, (5, 5), 0),
    "gaussian(7,1.7)": lambda image: cv2.GaussianBlur(image, (7, 7), 1.7),
    "gaussian(31,4)": lambda image: cv2.GaussianBlur(image, (31, 31), 4),
    "median(3)": lambda image: cv2.medianBlur(image, 3),
    "median(5)": lambda image: cv2.medianBlur(image, 5),
    "median(9)": lambda image: cv2.medianBlur(image, 9),
    "bilateral(9,75,75)": lambda image: cv2.bilateralFilter(image, 9, 75, 75),
    "bilateral(1,50,50)": lambda image: cv2.bilateralFilter(image, 1, 50, 50),
    "bilateral(5,20,3)": lambda image: cv2.bilateralFilter(image, 5, 20, 3),
    "non_local_means(10,10,7,21)": non_local_means(10, 10, 7, 21),
    "non_local_means(3,3,7,21)": non_local_means(3, 3, 7, 21),
    "non_local_means(30,5,3,9)": non_local_means(30, 5, 3, 9),
    "resize(13x9,stretch,area)": lambda image: cv2.resize(image, (13, 9), interpolation=cv2.INTER_AREA),
    "resize(90x60,stretch,area)": lambda image: cv2.resize(image, (90, 60), interpolation=cv2.INTER_AREA),
    "resize(13x60,stretch,area)": lambda image: cv2.resize(image, (13, 60), interpolation=cv2.INTER_AREA),
    "resize(74x7,stretch,area)": lambda image: cv2.resize(image, (74, 7), interpolation=cv2.INTER_AREA),
    "resize(50x40,stretch,nearest)": lambda image: cv2.resize(
        image, (50, 40), interpolation=cv2.INTER_NEAREST_EXACT
    ),
    "resize(13x9,stretch,lanczos)": lanczos(13, 9),
}

if __name__ == "__main__":
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)
    dog = np.asarray(Image.open(HERE / "resize_source.png").convert("RGB"))[40:91, 60:131]
    pictures = {"dog": dog}
    for width, height in ((37, 23), (5, 3), (1, 1), (1, 9)):
        pictures[f"{width}x{height}"] = made(width, height)
    versions = f"opencv {cv2.__version__}, pillow {PIL.__version__}"
    results = b""
    with open(HERE / "filters.tsv", "w") as table:
        table.write(f"# {versions}\n")
        for name, picture in pictures.items():
            for channels in (3, 1):
                source = picture if channels == 3 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
                for text, run in FILTERS.items():
                    result = np.ascontiguousarray(run(np.ascontiguousarray(source)))
                    height, width = result.shape[:2]
                    table.write(f"{name}\t{channels}\t{text}\t{width}\t{height}\n")
                    results += result.tobytes()
    # All values, one after the other, as a gray picture.
    results += bytes(-len(results) % 512)
    values = np.frombuffer(results, np.uint8).reshape(-1, 512)
    Image.fromarray(values).save(HERE / "filters.png", optimize=True)
    print(versions, len(results), "bytes,", (HERE / "filters.png").stat().st_size, "packed")

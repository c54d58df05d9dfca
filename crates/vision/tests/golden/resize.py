"""Makes resize.bin, what Pillow's Image.resize gives for the cases of resize.tsv, and the picture
they start from, resize_source.png: tests/prepare.rs compares with it.

The centre crop is torchvision's Resize(int(size / 0.875)) and CenterCrop(size), in its two steps:
8 bits and whole pixels between them.

Run: python resize.py      (needs pillow)
"""
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def centre_crop(image, width, height, kernel, fraction=0.875):
    assert width == height
    size = int(width / fraction)
    short, long = min(image.size), max(image.size)
    new_long = int(size * long / short)
    resized = (size, new_long) if image.width <= image.height else (new_long, size)
    image = image.resize(resized, kernel)
    left = int(round((image.width - width) / 2.0))
    top = int(round((image.height - height) / 2.0))
    return image.crop((left, top, left + width, top + height))


def letterbox(image, width, height, kernel, fill=128):
    scale = min(width / image.width, height / image.height)
    size = (round(image.width * scale), round(image.height * scale))
    framed = Image.new("RGB", (width, height), (fill,) * 3)
    framed.paste(image.resize(size, kernel), ((width - size[0]) // 2, (height - size[1]) // 2))
    return framed


def stretch(image, width, height, kernel):
    return image.resize((width, height), kernel)


if __name__ == "__main__":
    dog = Image.open(HERE / "../../../../tests/photos/yorkshire_terrier_87.jpg").convert("RGB")
    # 64 colours with dithering: hard edges, and a small file.
    dog.crop((60, 20, 393, 270)).quantize(64).save(HERE / "resize_source.png", optimize=True)
    source = Image.open(HERE / "resize_source.png").convert("RGB")
    upright = source.transpose(Image.Transpose.ROTATE_90)
    with open(HERE / "resize.tsv", "w") as table, open(HERE / "resize.bin", "wb") as out:
        for name, image in (("landscape", source), ("portrait", upright)):
            for make in (stretch, centre_crop, letterbox):
                for filter_name, kernel in FILTERS.items():
                    sizes = [(32, 32), (48, 20)] if make is not centre_crop else [(32, 32), (57, 57)]
                    if name == "landscape" and filter_name == "bicubic":
                        # Larger than the source in a direction.
                        sizes += [(90, 90)] if make is not stretch else [(20, 400)]
                    for width, height in sizes:
                        result = make(image, width, height, kernel)
                        assert result.size == (width, height)
                        table.write(f"{name}\t{make.__name__}\t{filter_name}\t{width}\t{height}\n")
                        out.write(result.tobytes())

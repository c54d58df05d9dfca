"""Makes the small files of tests/golden/formats: a picture in every variant of the formats that
Pillow writes, with the eight orientations and with colour profiles.

Run: python make_formats.py      (needs pillow and numpy)
"""
import io
import struct
import zlib
from pathlib import Path

import numpy
from PIL import Image, ImageCms, TiffImagePlugin

HERE = Path(__file__).parent
OUT = HERE / "formats"
DOG = Image.open(HERE / "../../../../tests/photos/keeshond_173.jpg").convert("RGB")
SMALL = DOG.resize((44, 30), Image.Resampling.BICUBIC)


def exif(value):
    block = Image.Exif()
    block[0x112] = value
    return block


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, color, rows, *chunks):
    """A PNG of raw rows (bytes, without filter bytes): Pillow does not write every depth."""
    raw = b"".join(b"\0" + row for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
            + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def packed(values, bits):
    """Rows of values below 2 ** bits, packed."""
    rows = []
    for row in values:
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    return rows


def rgb_profile(primaries, white=(0.3127, 0.3290), gamma=2.2):
    """A matrix profile of the given primaries: a wide colour space, made here, of nobody's."""

    def xyz(x, y):
        return numpy.array([x / y, 1, (1 - x - y) / y])

    matrix = numpy.array([xyz(*primary) for primary in primaries]).T
    matrix = matrix * numpy.linalg.solve(matrix, xyz(*white))
    bradford = numpy.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = numpy.array([0.9642, 1.0, 0.8249])
    scale = numpy.diag((bradford @ d50) / (bradford @ xyz(*white)))
    matrix = numpy.linalg.inv(bradford) @ scale @ bradford @ matrix

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    def xyz_tag(values):
        return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"made for tests"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + b"\0" * 78
    description += b"\0" * (-len(description) % 4)
    tags = [(b"desc", description), (b"wtpt", xyz_tag(d50)), (b"cprt", b"text\0\0\0\0none\0\0\0\0")]
    tags += [(name, xyz_tag(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix.T)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return profile_of(b"RGB ", tags)


def gray_profile(gamma):
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    text = b"made for tests"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + b"\0" * 78
    description += b"\0" * (-len(description) % 4)
    return profile_of(b"GRAY", [(b"desc", description), (b"wtpt", white), (b"kTRC", curve),
                                (b"cprt", b"text\0\0\0\0none\0\0\0\0")])


def profile_of(space, tags):
    start = 128 + 4 + 12 * len(tags)
    table, data = b"", b""
    for name, content in tags:
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    header = struct.pack(">I4sI4s4s4s", start + len(data), b"\0" * 4, 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += struct.pack(">iii", 63190, 65536, 54061) + b"\0" * 48
    assert len(header) == 128, len(header)
    return header + struct.pack(">I", len(tags)) + table + data


WIDE = rgb_profile([(0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)], (0.3457, 0.3585), 1.8)
ADOBE_LIKE = rgb_profile([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], gamma=2.19921875)


def main():
    OUT.mkdir(exist_ok=True)
    save = lambda name, image, **options: image.save(OUT / name, **options)
    write = lambda name, data: (OUT / name).write_bytes(data)

    for value in range(1, 9):
        save(f"orientation_{value}.jpg", SMALL, quality=70, exif=exif(value))
    for value in (3, 6, 7):
        save(f"orientation_{value}.png", SMALL.quantize(16), exif=exif(value))
        save(f"orientation_{value}.webp", SMALL, quality=60, exif=exif(value))
        save(f"orientation_{value}.tif", SMALL.quantize(16), compression="tiff_lzw",
             tiffinfo={274: value})

    odd = DOG.resize((67, 45), Image.Resampling.BICUBIC)
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        save(f"sampling_{name}.jpg", odd, quality=80, subsampling=sampling)
        save(f"progressive_{name}.jpg", odd, quality=80, subsampling=sampling, progressive=True)
    save("restarts.jpg", odd, quality=80, restart_marker_blocks=2)
    save("gray.jpg", odd.convert("L"), quality=80)
    save("gray_progressive.jpg", odd.convert("L"), quality=80, progressive=True)
    save("rgb.jpg", odd, quality=80, keep_rgb=True)
    save("cmyk.jpg", odd.convert("CMYK"), quality=80)
    save("one_pixel.jpg", DOG.crop((200, 100, 201, 101)))
    save("wide_profile.jpg", odd, quality=80, icc_profile=WIDE)
    save("adobe_profile.jpg", odd, quality=80, icc_profile=ADOBE_LIKE)
    save("srgb_profile.jpg", odd, quality=80,
         icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    save("gray_profile.jpg", odd.convert("L"), quality=80, icc_profile=gray_profile(1.0))
    save("wrong_profile.jpg", odd, quality=80, icc_profile=gray_profile(1.8))

    gray = numpy.asarray(SMALL.convert("L"))
    for bits in (1, 2, 4):
        write(f"gray_{bits}.png", png(44, 30, bits, 0, packed(gray >> (8 - bits), bits)))
        colors = SMALL.quantize(1 << bits)
        palette = bytes(colors.getpalette()[: 3 << bits])
        indices = packed(numpy.asarray(colors), bits)
        write(f"palette_{bits}.png", png(44, 30, bits, 3, indices, chunk(b"PLTE", palette)))
        clear = chunk(b"tRNS", bytes([0, 128]))
        write(f"palette_{bits}_clear.png",
              png(44, 30, bits, 3, indices, chunk(b"PLTE", palette), clear))
    save("palette_8.png", SMALL.quantize(64))
    save("gray_8.png", SMALL.convert("L"))
    rows16 = [row.astype(">u2").tobytes() for row in gray.astype(numpy.uint16) * 257]
    write("gray_16.png", png(44, 30, 16, 0, rows16))
    rgb16 = numpy.asarray(SMALL).astype(numpy.uint16) * 257
    write("rgb_16.png", png(44, 30, 16, 2, [row.astype(">u2").tobytes() for row in rgb16]))
    opacity = numpy.tile(numpy.linspace(0, 255, 44).astype(numpy.uint8), (30, 1))
    rgba = Image.fromarray(numpy.dstack([numpy.asarray(SMALL.quantize(32).convert("RGB")), opacity]))
    save("rgba_8.png", rgba)
    save("gray_alpha_8.png", rgba.convert("LA"))
    rgba16 = numpy.asarray(rgba).astype(numpy.uint16) * 257
    write("rgba_16.png", png(44, 30, 16, 6, [row.astype(">u2").tobytes() for row in rgba16]))
    save("key_colour.png", SMALL.quantize(8).convert("RGB"),
         transparency=SMALL.quantize(8).convert("RGB").getpixel((5, 5)))
    save("wide_profile.png", rgba, icc_profile=WIDE)

    save("lossy.webp", SMALL, quality=60)
    save("lossless.webp", SMALL.quantize(16).convert("RGB"), lossless=True)
    save("lossy_alpha.webp", rgba, quality=60)
    save("lossless_alpha.webp", rgba, lossless=True)
    save("wide_profile.webp", SMALL, quality=60, icc_profile=WIDE)
    save("animated.webp", SMALL, save_all=True, quality=60, duration=100,
         append_images=[SMALL.transpose(Image.Transpose.ROTATE_180), SMALL.convert("L").convert("RGB")])

    save("plain.gif", SMALL.quantize(32))
    clear = SMALL.quantize(31)
    save("clear.gif", clear, transparency=int(numpy.asarray(clear)[5, 5]))
    save("animated.gif", SMALL.quantize(16), save_all=True, duration=100,
         append_images=[SMALL.transpose(Image.Transpose.ROTATE_180).quantize(16)])
    save("interlaced.gif", SMALL.quantize(16), interlace=True)

    save("bits_1.bmp", SMALL.convert("1"))
    save("bits_8.bmp", SMALL.convert("L"))
    save("palette_8.bmp", SMALL.quantize(64))
    save("bits_24.bmp", DOG.resize((23, 15)))
    save("bits_32.bmp", DOG.resize((23, 15)).convert("RGBA"))

    for name in ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate"):
        save(f"palette_{name}.tif", SMALL.quantize(16), compression=None if name == "raw" else name)
    tiny = DOG.resize((23, 15))
    save("rgb.tif", tiny, compression="tiff_lzw")
    save("rgb_jpeg.tif", odd, compression="jpeg", quality=80)
    save("rgba.tif", rgba, compression="tiff_lzw")
    save("gray.tif", SMALL.convert("L"), compression="tiff_lzw")
    save("bilevel.tif", SMALL.convert("1"))
    save("bilevel_g4.tif", SMALL.convert("1"), compression="group4")
    save("bilevel_g3.tif", SMALL.convert("1"), compression="group3")
    save("gray_16.tif", Image.fromarray(gray.astype(numpy.uint16) * 257), compression="tiff_lzw")
    save("cmyk.tif", tiny.convert("CMYK"), compression="tiff_lzw")
    save("wide_profile.tif", tiny, compression="tiff_lzw", icc_profile=WIDE)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[317] = 2
    save("predictor.tif", tiny, compression="tiff_lzw", tiffinfo=info)


if __name__ == "__main__":
    main()

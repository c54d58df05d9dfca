"""Makes the small HEIC files of tests/golden/heic: grids, rotations, mirrors, 10 bit, alpha, gray.

pillow-heif codes the pictures; the container around them is written here, because pillow-heif makes
neither grids nor rotations of the container's own. `decode.py` then asks pillow-heif (libheif) what
the files show.

Run: python make_heic.py [FOLDER]      (needs pillow and pillow-heif)
"""
import io
import struct
import sys
from pathlib import Path

import numpy
import pillow_heif
from PIL import Image

HERE = Path(__file__).parent


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def children(data, start, end):
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        yield kind, start, size
        start += size


def coded(pixels, quality=70, mode=None, **options):
    """What pillow-heif codes of an array: its boxes by kind (without ispe) and the coded picture."""
    if mode is None:
        mode = {2: "L", 3: "RGB"}[pixels.ndim]
    picture = pillow_heif.from_bytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    out = io.BytesIO()
    picture.save(out, quality=quality, **options)
    data = out.getvalue()
    properties = []
    for kind, start, size in children(data, 0, len(data)):
        if kind != b"meta":
            continue
        for kind, start, size in children(data, start + 12, start + size):
            if kind == b"iprp":
                for kind, start, size in children(data, start + 8, start + size):
                    if kind == b"ipco":
                        for kind, start, size in children(data, start + 8, start + size):
                            properties.append((kind, data[start : start + size]))
        break
    # The one mdat holds this one picture.
    mdat = [(s, n) for k, s, n in children(data, 0, len(data)) if k == b"mdat"][0]
    payload = data[mdat[0] + 8 : mdat[0] + mdat[1]]
    kept = {kind: content for kind, content in properties if kind in (b"hvcC", b"colr", b"pixi")}
    return kept, payload


def by_pillow_heif(pixels, quality=70):
    """A whole file by pillow-heif: an odd size needs its crop."""
    out = io.BytesIO()
    picture = pillow_heif.from_bytes("RGB", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    picture.save(out, quality=quality)
    return out.getvalue()


def ispe(width, height):
    return full(b"ispe", 0, 0, struct.pack(">II", width, height))


def item(kind, data, *properties, hidden=False):
    return {"kind": kind, "data": data, "properties": list(properties), "hidden": hidden}


def picture_item(pixels, hidden=False, extra=(), **options):
    kept, payload = coded(pixels, **options)
    height, width = pixels.shape[:2]
    properties = [kept[b"hvcC"], ispe(width, height)]
    properties += [kept[kind] for kind in (b"colr", b"pixi") if kind in kept]
    return item(b"hvc1", payload, *properties, *extra, hidden=hidden)


ESSENTIAL = {b"hvcC", b"irot", b"imir", b"clap"}


def assemble(items, references=(), primary=1, exif=None, brand=b"heic"):
    """A file of items (numbered from 1); references are (kind, from, [to, ...])."""
    items = list(items)
    references = list(references)
    if exif is not None:
        items.append(item(b"Exif", struct.pack(">I", 6) + b"Exif\0\0" + exif, hidden=True))
        references.append((b"cdsc", len(items), [primary]))
    properties, associations = [], []
    for each in items:
        indices = []
        for content in each["properties"]:
            if content not in properties:
                properties.append(content)
            essential = 0x80 if content[4:8] in ESSENTIAL else 0
            indices.append(essential | properties.index(content) + 1)
        associations.append(indices)
    infe = b"".join(
        full(b"infe", 2, int(each["hidden"]), struct.pack(">HH4s", number, 0, each["kind"]), b"\0")
        for number, each in enumerate(items, 1)
    )
    ipma = b"".join(
        struct.pack(">HB", number, len(indices)) + bytes(indices)
        for number, indices in enumerate(associations, 1)
        if indices
    )
    described = sum(1 for indices in associations if indices)
    iref = b"".join(
        box(kind, struct.pack(f">HH{len(to)}H", start, len(to), *to)) for kind, start, to in references
    )

    def meta(offsets):
        iloc = b"".join(
            struct.pack(">HHHII", number, 0, 1, offset, len(each["data"]))
            for number, (each, offset) in enumerate(zip(items, offsets), 1)
        )
        return full(
            b"meta", 0, 0,
            full(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"pict"), b"\0"),
            full(b"pitm", 0, 0, struct.pack(">H", primary)),
            full(b"iloc", 0, 0, struct.pack(">HH", 0x4400, len(items)), iloc),
            full(b"iinf", 0, 0, struct.pack(">H", len(items)), infe),
            *([full(b"iref", 0, 0, iref)] if references else []),
            box(b"iprp", box(b"ipco", *properties),
                full(b"ipma", 0, 0, struct.pack(">I", described), ipma)),
        )

    ftyp = box(b"ftyp", brand, struct.pack(">I", 0), b"mif1", brand)
    start = len(ftyp) + len(meta([0] * len(items))) + 8
    offsets = []
    for each in items:
        offsets.append(start)
        start += len(each["data"])
    return ftyp + meta(offsets) + box(b"mdat", *(each["data"] for each in items))


def grid(pixels, tile, rows, columns, shown=None, extra=(), grid_extra=(), **options):
    """Items of a grid: the grid first, then its tiles (the right and bottom ones are padded)."""
    height, width = pixels.shape[:2]
    shown = shown or (width, height)
    padding = [(0, rows * tile - height), (0, columns * tile - width)] + [(0, 0)] * (pixels.ndim - 2)
    padded = numpy.pad(pixels, padding, mode="edge")
    tiles = [
        picture_item(
            numpy.ascontiguousarray(
                padded[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
            ),
            hidden=True, extra=extra, **options,
        )
        for row in range(rows)
        for column in range(columns)
    ]
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *shown)
    colr = [content for content in tiles[0]["properties"] if content[4:8] in (b"colr", b"pixi")]
    head = item(b"grid", layout, ispe(*shown), *colr, *grid_extra)
    return [head, *tiles], (b"dimg", 1, list(range(2, len(tiles) + 2)))


def irot(quarters):
    return box(b"irot", bytes([quarters]))


def imir(axis):
    return box(b"imir", bytes([axis]))


AUX_ALPHA = full(b"auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")


def exif_orientation(value):
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + tag + struct.pack("<I", 0)


def make(folder, dog):
    folder.mkdir(parents=True, exist_ok=True)
    small = numpy.asarray(dog.resize((96, 72), Image.Resampling.BICUBIC))
    write = lambda name, data: (folder / name).write_bytes(data)

    write("plain.heic", assemble([picture_item(small)]))
    write("odd_size.heic", by_pillow_heif(numpy.ascontiguousarray(small[:61, :83])))
    write("gray.heic", assemble([picture_item(numpy.asarray(dog.convert("L").resize((96, 72))))]))
    write("chroma_444.heic", assemble([picture_item(small, chroma=444)]))
    write("chroma_422.heic", assemble([picture_item(small, chroma=422)]))
    ten_bit = (small.astype(numpy.uint16) * 257).astype("<u2")
    write("ten_bit.heic", assemble([picture_item(ten_bit, mode="RGB;16")], brand=b"heix"))
    for quarters in (1, 2, 3):
        # The container's rotation with the EXIF tag that says the same, as phones write both: only
        # the container's counts.
        value = {1: 8, 2: 3, 3: 6}[quarters]
        turned = picture_item(small, extra=[irot(quarters)])
        write(f"rotated_{quarters}.heic", assemble([turned], exif=exif_orientation(value)))
    for axis in (0, 1):
        write(f"mirrored_{axis}.heic", assemble([picture_item(small, extra=[imir(axis)])]))
    both = picture_item(small, extra=[irot(1), imir(1)])
    write("rotated_mirrored.heic", assemble([both]))
    write("exif_only.heic", assemble([picture_item(small)], exif=exif_orientation(6)))

    large = numpy.asarray(dog.resize((176, 112), Image.Resampling.BICUBIC))
    items, reference = grid(large, 64, 2, 3, quality=50)
    write("grid.heic", assemble(items, [reference]))
    items, reference = grid(large, 64, 2, 3, quality=50, grid_extra=[irot(3)])
    write("grid_rotated.heic", assemble(items, [reference], exif=exif_orientation(6)))
    ten = (large.astype(numpy.uint16) * 257).astype("<u2")
    items, reference = grid(ten, 64, 2, 3, quality=50, mode="RGB;16")
    write("grid_ten_bit.heic", assemble(items, [reference], brand=b"heix"))

    ramp = numpy.tile(numpy.linspace(0, 255, 96).astype(numpy.uint8), (72, 1))
    alpha = picture_item(numpy.ascontiguousarray(ramp), hidden=True, extra=[AUX_ALPHA])
    write("alpha.heic", assemble([picture_item(small), alpha], [(b"auxl", 2, [1])]))
    turned = [picture_item(small, extra=[irot(1)]),
              picture_item(ramp, hidden=True, extra=[AUX_ALPHA, irot(1)])]
    write("alpha_rotated.heic", assemble(turned, [(b"auxl", 2, [1])]))

    # 1,600 tiles that are one coded picture of 512 x 512 in a few hundred bytes, of which the grid
    # shows 8 x 8 each: half a gigapixel of work for a picture of 320 x 320.
    flat = picture_item(numpy.full((512, 512, 3), 90, numpy.uint8), hidden=True, quality=10)
    flat["properties"][1] = ispe(8, 8)
    bomb = item(b"grid", struct.pack(">BBBBHH", 0, 0, 39, 39, 320, 320), ispe(320, 320))
    write("bomb.heic", assemble([bomb, flat], [(b"dimg", 1, [2] * 1600)]))


def make_large(folder, dog):
    """A photo of a phone's size (12 megapixels, 48 tiles): for timing, not kept in the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = numpy.asarray(dog.resize((4032, 3024), Image.Resampling.BICUBIC))
    noise = numpy.random.default_rng(0).normal(0, 4, pixels.shape)
    pixels = numpy.clip(pixels + noise, 0, 255).astype(numpy.uint8)
    items, reference = grid(pixels, 512, 6, 8, quality=50, grid_extra=[irot(3)])
    (folder / "phone_12mp.heic").write_bytes(assemble(items, [reference]))


if __name__ == "__main__":
    dog = Image.open(HERE / "../../../../tests/photos/beagle_14.jpg").convert("RGB")
    make(HERE / "heic", dog)
    if len(sys.argv) > 1:
        make_large(Path(sys.argv[1]), dog)

"""Sends photos that ask for much memory, all at once, to a server that has little.

    python3 run.py target/release/museau [--limit 2000000000] [--at-once 16] [--folder DIR]

Makes the photos (in DIR, where they stay), starts `museau serve` under `prlimit --as`, sends them, and
says what each was answered, how much memory the server took, and how much it holds a minute later. Fails
where an answer is none of 200, 413, 415, 422 and 503, where the server ended, or where it still holds
50 MB more than after its first small photo. Needs Python 3.9 and util-linux; with Pillow 11 and
pillow-heif 1 also photos of the formats that those write.
"""

import argparse
import http.client
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

SIDE = 10_000  # 100 megapixels, as many as a photo may have


def zeros(length):
    """A zlib stream of so many zeros, made without holding them."""
    packer = zlib.compressobj(9)
    parts = []
    block = bytes(1 << 24)
    while length:
        take = min(length, len(block))
        parts.append(packer.compress(block[:take]))
        length -= take
    return b"".join(parts) + packer.flush()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def png(width, height, color, bits=8, interlaced=False, before=b""):
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced)
    row = 1 + width * CHANNELS[color] * bits // 8
    length = row * height
    if interlaced:
        length = 0
        for left, top, across, down in (
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
        ):
            columns = (width - left + across - 1) // across
            rows = (height - top + down - 1) // down
            length += rows * (1 + columns * CHANNELS[color] * bits // 8)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
        + chunk(b"IDAT", zeros(length)) + chunk(b"IEND", b"")
    )


def tiff(width, height, samples, bits, rows):
    """Deflate, in strips of so many rows; the last sample an opacity."""
    strips = (height + rows - 1) // rows
    packed = zeros(width * samples * bits // 8 * rows)
    last = zeros(width * samples * bits // 8 * (height - rows * (strips - 1)))
    data = packed + last
    start = 8
    offsets = [start] * (strips - 1) + [start + len(packed)]
    counts = [len(packed)] * (strips - 1) + [len(last)]
    tables = struct.pack(f"<{strips}I", *offsets) + struct.pack(f"<{strips}I", *counts)
    tables_at = start + len(data)
    bits_at = tables_at + len(tables)
    tables += struct.pack("<4H", bits, bits, bits, bits)
    where = lambda index, value: tables_at + index * 4 * strips if strips > 1 else value
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, bits_at), (259, 3, 1, 8), (262, 3, 1, 2),
        (273, 4, strips, where(0, offsets[0])), (277, 3, 1, samples), (278, 4, 1, rows),
        (279, 4, strips, where(1, counts[0])), (338, 3, 1, 2),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    at = tables_at + len(tables)
    return b"II*\0" + struct.pack("<I", at) + data + tables + directory + bytes(4)


def bmp_rle(width, height):
    row = b"\xff\0" * (width // 255) + bytes([width % 255, 0]) + b"\0\0"
    data = row * height + b"\0\1"
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    start = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def by_pillow():
    """(name, bytes) of photos of other formats, where Pillow is installed."""
    try:
        from PIL import Image
    except ImportError:
        print("without Pillow: no JPEG, GIF, WebP, HEIC")
        return
    Image.MAX_IMAGE_PIXELS = None
    import io

    def saved(image, kind, **options):
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    square = Image.new("RGB", (SIDE, SIDE), (90, 60, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "baseline.jpg", saved(square, "JPEG")
    yield "turned.jpg", saved(square, "JPEG", exif=exif)
    yield "progressive.jpg", saved(square, "JPEG", progressive=True, subsampling=0)
    yield "whole.gif", saved(Image.new("P", (SIDE, SIDE)), "GIF")
    wide = Image.new("RGB", (16383, 6103), (90, 60, 30))
    yield "lossy.webp", saved(wide, "WEBP", method=0)
    yield "lossless.webp", saved(wide, "WEBP", lossless=True, method=0)
    yield "opacity.webp", saved(wide.convert("RGBA"), "WEBP", method=0, exact=True)
    try:
        import pillow_heif
    except ImportError:
        print("without pillow-heif: no HEIC")
        return
    pillow_heif.register_heif_opener()
    yield "photo.heic", saved(square, "HEIF", quality=20)


def photos():
    """(name, bytes) of all of them."""
    yield "small.png", png(300, 200, 2)
    yield "side_100000000x1.png", png(100_000_000, 1, 0)
    yield "side_1x100000000.png", png(1, 100_000_000, 0)
    yield "side_10000000x1.png", png(10_000_000, 1, 0)
    yield "side_65535x1.png", png(65_535, 1, 0)
    yield "side_1x65535.png", png(1, 65_535, 0)
    yield "side_65535x1525.png", png(65_535, 1_525, 0)
    yield "gray.png", png(SIDE, SIDE, 0)
    yield "rgb.png", png(SIDE, SIDE, 2)
    for number in range(8):
        yield f"rgba_{number}.png", png(SIDE, SIDE, 6)
    yield "rgba16.png", png(SIDE, SIDE, 6, 16)
    yield "interlaced.png", png(SIDE, SIDE, 6, interlaced=True)
    packed = b"p\0\0" + zeros(256 << 20)
    yield "packed_profile.png", png(300, 200, 2, before=chunk(b"iCCP", packed))
    yield "rgba16_one_strip.tif", tiff(SIDE, SIDE, 4, 16, SIDE)
    yield "rgba16_strips.tif", tiff(SIDE, SIDE, 4, 16, 64)
    yield "rle.bmp", bmp_rle(SIDE, SIDE)
    yield from by_pillow()


def memory(process):
    status = open(f"/proc/{process}/status").read()
    return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024 for name in ("VmRSS", "VmHWM", "VmSize")}


def megabytes(count):
    return f"{count / 1e6:.0f} MB"


def send(port, name, content):
    """Status, Retry-After, seconds; a status of 0 where there was no answer."""
    mark = "----photo"
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + content + f"\r\n--{mark}--\r\n".encode()
    begun = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request(
            "POST", "/api/v1/classify", body, {"Content-Type": f"multipart/form-data; boundary={mark}"}
        )
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Retry-After"), time.monotonic() - begun
    except OSError as error:
        return 0, str(error), time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("museau")
    parser.add_argument("--limit", type=int, default=2_000_000_000, help="bytes of addresses")
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "museau-hostile"))
    parser.add_argument("--port", type=int, default=8913)
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    made = os.path.join(arguments.folder, "made")
    if not os.path.exists(made):
        for name, content in photos():
            with open(os.path.join(arguments.folder, name), "wb") as file:
                file.write(content)
        open(made, "w").close()
    names = sorted(name for name in os.listdir(arguments.folder) if name != "made")
    contents = {name: open(os.path.join(arguments.folder, name), "rb").read() for name in names}

    address = f"127.0.0.1:{arguments.port}"
    server = subprocess.Popen(
        ["prlimit", f"--as={arguments.limit}", arguments.museau, "serve", "--listen", address],
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    threading.Thread(target=lambda: said.extend(server.stderr), daemon=True).start()
    for _ in range(100):
        time.sleep(0.1)
        if send(arguments.port, "small.png", contents["small.png"])[0]:
            break
    before = memory(server.pid)
    print(f"after one small photo: {', '.join(f'{name} {megabytes(size)}' for name, size in before.items())}")

    wrong = []
    for start in range(0, len(names), arguments.at_once):
        batch = names[start:start + arguments.at_once]
        # The last ones come beside some of the first, so that there are always as many.
        batch += names[:arguments.at_once - len(batch)]
        answers = {}
        ask = lambda place, name: answers.update({place: send(arguments.port, name, contents[name])})
        threads = [threading.Thread(target=ask, args=item) for item in enumerate(batch)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        for place, name in enumerate(batch):
            status, retry, seconds = answers[place]
            size = megabytes(len(contents[name])) if len(contents[name]) > 1e6 else f"{len(contents[name]) // 1000} KB"
            print(f"{status} {seconds:6.2f} s  {name} ({size}){' again after ' + retry if retry else ''}")
            if status not in (200, 413, 415, 422, 503) or (status == 503 and not retry):
                wrong.append(f"{name}: {status} {retry}")
        if server.poll() is not None:
            print(f"THE SERVER ENDED: {server.returncode}\n{''.join(said)}")
            return 1
        print(f"-- {', '.join(f'{name} {megabytes(size)}' for name, size in memory(server.pid).items())}")
    for seconds in (10, 50):
        time.sleep(seconds)
        after = memory(server.pid)
        print(f"{seconds} s later: {megabytes(after['VmRSS'])} held")
    held = after["VmRSS"] - before["VmRSS"]
    status, _, seconds = send(arguments.port, "small.png", contents["small.png"])
    print(f"a small photo: {status} in {seconds * 1000:.0f} ms; {megabytes(held)} more held than at first")
    server.terminate()
    server.wait(30)
    print("".join(said))
    if status != 200:
        wrong.append("the small photo")
    if held > 50e6:
        wrong.append(f"{megabytes(held)} are held")
    print("\n".join(["WRONG:", *wrong]) if wrong else "all as it must be")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

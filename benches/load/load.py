"""Loads a museau server, and others beside it, with slow, silent and many clients, and prints a
Markdown table. Needs Python 3.11 or later and no package; everything stays on 127.0.0.1.

    cargo build --release
    python3 benches/load/load.py                                   # short: about 3 minutes
    python3 benches/load/load.py --full --beside /path/to/other/museau

Every server is started for each scenario, one after the other, and stopped after it.
"""
import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
BOUNDARY = "museau-load"
HOST = "127.0.0.1"
ALLOWED = 100  # Milliseconds in which an upload is answered beside slow senders.
LIMIT = 60  # Seconds in which a client waits for an answer.


def form(photo):
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"photo\"; "
        f"filename=\"photo.jpg\"\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


def upload(length):
    return (
        f"POST /api/v1/classify HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class Client:
    """One connection that is kept, and opened again where the server has closed it."""

    def __init__(self, port):
        self.port = port
        self.streams = None

    async def connect(self):
        if self.streams is None:
            self.streams = await asyncio.open_connection(HOST, self.port)
        return self.streams

    def close(self):
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None

    async def ask(self, request):
        """Status, headers (names in lower case), milliseconds; status 0 where there is no answer."""
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(LIMIT):
                reader, writer = await self.connect()
                writer.write(request)
                await writer.drain()
                status, headers = await read_answer(reader)
            if headers.get("connection") == "close":
                self.close()
        except (OSError, EOFError, ValueError, asyncio.TimeoutError):
            self.close()
            status, headers = 0, {}
        return status, headers, 1000 * (time.perf_counter() - begun)


async def read_answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    await reader.readexactly(int(headers.get("content-length", 0)))
    return status, headers


class Tally:
    """What became of the uploads of many clients."""

    def __init__(self):
        self.answered, self.refused, self.errors = [], [], []
        self.without_retry = 0

    def count(self, status, headers, milliseconds):
        if status == 200:
            self.answered.append(milliseconds)
        elif status == 503:
            self.refused.append(milliseconds)
            self.without_retry += "retry-after" not in headers
        else:
            self.errors.append(status)

    def __str__(self):
        said = f"{len(self.answered)} answered"
        if self.answered:
            said += f" (median {statistics.median(self.answered):.0f} ms, most {max(self.answered):.0f})"
        if self.refused:
            said += f", {len(self.refused)} refused (median {statistics.median(self.refused):.1f} ms"
            said += f", {self.without_retry} without Retry-After)"
        return said + f", {len(self.errors)} errors {sorted(set(self.errors)) or ''}".rstrip()


async def many(port, clients, seconds, body, tally):
    """So many clients, each asking again as soon as it is answered, or when it was told to."""
    request = upload(len(body)) + body
    until = time.perf_counter() + seconds

    async def one():
        client = Client(port)
        while time.perf_counter() < until:
            status, headers, milliseconds = await client.ask(request)
            tally.count(status, headers, milliseconds)
            if status != 200:
                await asyncio.sleep(float(headers.get("retry-after", 1)))
        client.close()

    await asyncio.gather(*(one() for _ in range(clients)))


async def slow(port, options, body):
    """Five senders of 60 bytes, one a second, who say that there will be 59 MB; others meanwhile."""

    async def sender():
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(upload(59_000_000))
        answer = asyncio.ensure_future(read_answer(reader))
        try:
            for byte in body[:60]:
                writer.write(bytes([byte]))
                await asyncio.wait([answer], timeout=1)
                if answer.done():
                    break
            status, _ = await asyncio.wait_for(answer, LIMIT)
        except (OSError, EOFError, asyncio.TimeoutError):
            status = 0
        writer.close()
        return status, time.perf_counter() - begun

    warm = Client(port)
    for _ in range(3):
        await warm.ask(upload(len(body)) + body)
    senders = [asyncio.ensure_future(sender()) for _ in range(5)]
    await asyncio.sleep(2)
    tally, ready = Tally(), []
    for _ in range(40):
        tally.count(*await warm.ask(upload(len(body)) + body))
        ready.append((await warm.ask(get("/readyz")))[0])
        if tally.errors or tally.refused:
            break
        await asyncio.sleep(0.1)
    cut = await asyncio.gather(*senders)
    seconds = max(seconds for _, seconds in cut)
    statuses = sorted({status for status, _ in cut})
    fast = bool(tally.answered) and not tally.errors and not tally.refused and max(tally.answered) < ALLOWED
    return f"{'ok' if fast else 'SLOW'}: {tally}; the slow: {statuses} after {seconds:.0f} s; /readyz {sorted(set(ready))}"


async def silent(port, options, body):
    """More connections than there is room for that say nothing, then /healthz and an upload."""
    held = []
    for _ in range(600):
        try:
            held.append(await asyncio.wait_for(asyncio.open_connection(HOST, port), 5))
        except (OSError, asyncio.TimeoutError):
            break
    await asyncio.sleep(0.5)
    status, _, milliseconds = await Client(port).ask(get("/healthz"))
    answered, _, upload_took = await Client(port).ask(upload(len(body)) + body)
    for _, writer in held:
        writer.close()
    return f"{len(held)} silent: /healthz {status} in {milliseconds:.0f} ms, an upload {answered} in {upload_took:.0f} ms"


async def overload(port, options, body):
    """400 clients; beside them /readyz, ten times a second."""
    tally, ready = Tally(), []
    loading = asyncio.ensure_future(many(port, 400, options.overload, body, tally))
    watch = Client(port)
    while not loading.done():
        refused = len(tally.refused)
        status, _, _ = await watch.ask(get("/readyz"))
        await asyncio.sleep(0.1)
        if len(tally.refused) > refused:
            ready.append(status)
    await loading
    said = sum(status != 200 for status in ready)
    after = time.perf_counter()
    while (await watch.ask(get("/readyz")))[0] != 200 and time.perf_counter() - after < LIMIT:
        await asyncio.sleep(0.1)
    return f"{tally}; /readyz not ready at {said} of {len(ready)} looks while uploads were refused, ready {time.perf_counter() - after:.1f} s after"


async def steady(port, options, body):
    """50 clients."""
    tally = Tally()
    await many(port, 50, options.steady, body, tally)
    return str(tally)


SCENARIOS = {"slow senders": slow, "silent connections": silent, "50 clients": steady, "400 clients": overload}


def start(binary):
    server = subprocess.Popen(
        [binary, "serve", "--listen", f"{HOST}:0"], stderr=subprocess.PIPE, text=True
    )
    for line in server.stderr:
        if f"http://{HOST}:" in line:
            port = line.split(f"http://{HOST}:")[1].split()[0].rstrip("/.,)")
            return server, int("".join(filter(str.isdigit, port)))
    sys.exit(f"{binary} does not serve")


def peak(server):
    """The most memory that the server held, MB (Linux)."""
    try:
        with open(f"/proc/{server.pid}/status") as status:
            lines = [line for line in status if line.startswith("VmHWM")]
        return f"{int(lines[0].split()[1]) / 1000:.0f} MB"
    except (OSError, IndexError):
        return "?"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--museau", default=os.path.join(ROOT, "target", "release", "museau"))
    parser.add_argument("--beside", action="append", default=[], help="another binary, such as the last release")
    parser.add_argument("--photo", default=os.path.join(ROOT, "tests", "photos", "beagle_14.jpg"))
    parser.add_argument("--full", action="store_true", help="3 minutes of 50 clients, one of 400")
    parser.add_argument("--only", choices=SCENARIOS, action="append")
    options = parser.parse_args()
    options.steady, options.overload = (180, 60) if options.full else (20, 15)
    with open(options.photo, "rb") as photo:
        body = form(photo.read())
    print("| scenario | binary | what was seen | peak memory |\n|---|---|---|---|")
    for name in options.only or SCENARIOS:
        for binary in [*options.beside, options.museau]:
            server, port = start(binary)
            try:
                seen = asyncio.run(SCENARIOS[name](port, options, body))
                print(f"| {name} | {binary} | {seen} | {peak(server)} |", flush=True)
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(60)


if __name__ == "__main__":
    main()

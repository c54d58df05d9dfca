"""Workers that are killed, a database that is killed, a network that comes and goes: at the end every trial is
there once.

    pip install -r benches/search/requirements.txt
    python benches/search/crashes.py museau [--kills 50] [--workers 4] [--trials 60]
    python benches/search/crashes.py museau --postgres /usr/lib/postgresql/15/bin [--stops 10] [--cuts 5]

Without --postgres the workers share an SQLite file. With it a PostgreSQL server of this script's own is begun
(as the user `postgres` where the script is run as root), killed with -9 and begun again, and a proxy of this
script's own stands between it and the workers, which cuts every connection.
"""
import argparse
import collections
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SPACE = """
[data]
source = "photos"
validation = 0.3
[input]
size = 16
[model]
filters = { each = { low = 4, high = 8 }, length = { low = 2, high = 3 } }
units = { low = 4, high = 16, log = true }
[optimizer]
rate = { low = 1e-4, high = 1e-1, log = true }
[train]
epochs = EPOCHS
batch = 8
checkpoint_seconds = 0.5
[search]
pruner = "median"
"""


def photos(folder):
    noise = random.Random(1)
    for kind, name in enumerate(["beagle", "pug"]):
        (folder / name).mkdir(parents=True)
        for photo in range(12):
            pixels = bytes(60 * ((kind + p) % 3) + noise.randrange(120) for p in range(24 * 20 * 3))
            head = b"BM" + b"".join(w.to_bytes(4, "little") for w in [54 + len(pixels), 0, 54, 40, 24, 20])
            (folder / name / f"{photo}.bmp").write_bytes(head + bytes([1, 0, 24, 0]) + bytes(24) + pixels)


class Proxy:
    """Between the workers and the database."""

    def __init__(self, target):
        self.target, self.open, self.pairs = target, True, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            if not self.open:
                client.close()
                continue
            try:
                other = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            self.pairs.append((client, other))
            for one, two in ((client, other), (other, client)):
                threading.Thread(target=self.carry, args=(one, two), daemon=True).start()

    def carry(self, one, two):
        try:
            while data := one.recv(65536):
                two.sendall(data)
        except OSError:
            pass
        for end in (one, two):
            end.close()

    def cut(self, seconds):
        self.open = False
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []
        time.sleep(seconds)
        self.open = True


class Postgres:
    PORT = 54731

    def __init__(self, programs, folder):
        self.programs, self.folder = Path(programs), folder / "postgres"
        self.folder.mkdir()
        if os.getuid() == 0:
            subprocess.run(["chown", "postgres", self.folder], check=True)
            folder.chmod(0o755)
        self.call("initdb", "-D", self.folder, "-A", "trust", "-U", "postgres")
        self.start()

    def call(self, program, *arguments):
        command = [str(self.programs / program), *map(str, arguments)]
        if os.getuid() == 0:
            command = ["su", "postgres", "-c", " ".join(f"'{part}'" for part in command)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        options = f"-p {self.PORT} -k {self.folder}"
        self.call("pg_ctl", "-D", self.folder, "-o", options, "-l", self.folder / "log", "-w", "start")

    def kill(self):
        first = (self.folder / "postmaster.pid").read_text().split()[0]
        os.kill(int(first), 9)
        time.sleep(1)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def stop(self):
        self.call("pg_ctl", "-D", self.folder, "-m", "immediate", "stop")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("museau")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--postgres")
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=5)
    options = parser.parse_args()
    museau = str(Path(options.museau).resolve())
    chance = random.Random(3)
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        photos(home / "photos")
        (home / "space.toml").write_text(SPACE.replace("EPOCHS", str(options.epochs)))
        database = proxy = None
        storage = str(home / "runs.sqlite")
        if options.postgres:
            database = Postgres(options.postgres, home)
            proxy = Proxy(database.PORT)
            storage = f"postgres://postgres@127.0.0.1:{proxy.port}/postgres"
        environment = {**os.environ, "MUSEAU_HOME": str(home / "home"), "MUSEAU_LANG": "en"}
        log = open(home / "log", "w")
        command = [museau, "search", "space.toml", "--storage", storage, "--threads", "1", "--quiet",
                   "--trials", str(options.trials)]

        def start():
            return subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=log)

        def run(*arguments):
            done = subprocess.run([museau, *arguments], cwd=home, env=environment, capture_output=True, text=True)
            return [json.loads(line) for line in done.stdout.splitlines()]

        workers = [start()]
        time.sleep(2)
        workers += [start() for _ in range(options.workers - 1)]
        events = ["kill"] * options.kills
        if database:
            events += ["stop"] * options.stops + ["cut"] * options.cuts
        chance.shuffle(events)
        done = collections.Counter()
        for event in events:
            time.sleep(chance.uniform(0.2, 1.5))
            if all(worker.poll() is not None for worker in workers):
                break
            if event == "kill":
                place = chance.randrange(len(workers))
                workers[place].kill()
                workers[place].wait()
                workers[place] = start()
            elif event == "stop":
                database.kill()
                time.sleep(chance.uniform(0, 2))
                database.start()
            else:
                proxy.cut(chance.uniform(0, 3))
            done[event] += 1
        codes = []
        for worker in workers:
            codes.append(worker.wait(timeout=3600))
        # A worker may have ended while another's trial was still open.
        last = subprocess.run(command, cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        trials = run("search", "show", "space", "--storage", storage, "--json")
        runs = run("runs", "list", "--storage", storage, "--json")
        log.close()
        said = (home / "log").read_text()
        numbers = sorted(trial["number"] for trial in trials)
        states = collections.Counter(trial["state"] for trial in trials)
        folders = collections.Counter(run["folder"] for run in runs)
        doubled = [folder for folder, count in folders.items() if count > 1]
        print(f"events {dict(done)}, exits {codes + [last.returncode]}, trials {dict(states)}, runs {len(runs)}")
        failures = []
        if numbers != list(range(options.trials)):
            failures.append(f"numbers {numbers}")
        if set(states) - {"complete", "pruned"}:
            failures.append(f"states {states}")
        if doubled or len(runs) != options.trials:
            failures.append(f"runs {len(runs)}, doubled {doubled}")
        if "in use by another" in said or "locked" in said:
            failures.append(said)
        if any(codes):
            failures.append(said[-2000:])
        if database:
            database.stop()
    print("as it should be" if not failures else "\n".join(failures))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()

"""A search of museau's beside real Optuna and its dashboard, in one database: Optuna loads the study, agrees
on the best trial and runs more, which museau then sees; museau goes on with a study that Optuna began; the
dashboard shows a search while it runs. What it needs of Python's packages is installed into search in cargo's
target folder where it is missing. Closes with the line 'N passed, N failed'; the exit status is 0, 1 (a check
failed) or 2 (the checks could not be made).

    MUSEAU_BIN  the program to test [release/museau, else debug/museau, of CARGO_TARGET_DIR or target]
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
ENVIRONMENT = TARGET / "search"
REQUIREMENTS = HERE / "requirements.txt"

SPACE = """
[data]
source = "photos"
validation = 0.3
[input]
size = 16
[model]
filters = { each = { low = 4, high = 8 }, length = { low = 2, high = 3 } }
units = { low = 4, high = 16, log = true }
dropout = { low = 0.0, high = 0.5, step = 0.25 }
[optimizer]
name = { choices = ["adam", "sgd"] }
rate = { low = 1e-4, high = 1e-1, log = true }
momentum = { low = 0.5, high = 0.9, when = { "optimizer.name" = "sgd" } }
[train]
epochs = 3
batch = 8
"""

# What Optuna runs: the database, the study, a file for what it saw.
OPTUNA = """
import json, sys
import optuna
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)
database, name, out = sys.argv[1:]
study = optuna.load_study(study_name=name, storage=f"sqlite:///{database}")
before = [
    {"number": t.number, "state": t.state.name, "values": t.values, "params": t.params,
     "reported": {str(k): v for k, v in t.intermediate_values.items()},
     "seconds": t.duration.total_seconds() if t.duration else None}
    for t in study.get_trials()
]
best = study.best_trial.number


def objective(trial):
    trial.suggest_float("optimizer.rate", 1e-4, 1e-1, log=True)
    trial.suggest_categorical("optimizer.name", ["adam", "sgd"])
    trial.suggest_int("model.units", 4, 16, log=True)
    return 0.25


study.optimize(objective, n_trials=5)
json.dump({"before": before, "best": best}, open(out, "w"))
"""

BEGUN = """
import sys
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(study_name="begun", direction="maximize", storage=f"sqlite:///{sys.argv[1]}")
study.enqueue_trial({"optimizer.rate": 0.005, "optimizer.name": "adam"})
"""


def stop(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def own_python():
    """The Python of that folder, made and filled where it is not as requirements.txt says."""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    filled = ENVIRONMENT / "requirements.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if filled.is_file() and filled.read_text(encoding="utf-8") == wanted:
        return python
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in [[sys.executable, "-m", "venv", ENVIRONMENT], [*pip, "-r", REQUIREMENTS]]:
        if subprocess.run(command).returncode:
            stop(f"this test needs Python 3.10 or later with venv and pip, and the network: {command} failed")
    filled.write_text(wanted, encoding="utf-8")
    return python


def program():
    named = os.environ.get("MUSEAU_BIN")
    places = [Path(named)] if named else [TARGET / "release" / "museau", TARGET / "debug" / "museau"]
    for place in places:
        if place.is_file():
            return place.resolve()
    stop("museau is not built: cargo build --release")


def photos(folder):
    """Bitmaps of two classes, 24 x 20 pixels of a colour with noise."""
    noise = random.Random(1)
    for kind, name in enumerate(["beagle", "pug"]):
        (folder / name).mkdir(parents=True)
        for photo in range(12):
            pixels = bytes(60 * ((kind + p) % 3) + noise.randrange(120) for p in range(24 * 20 * 3))
            head = b"BM" + b"".join(w.to_bytes(4, "little") for w in [54 + len(pixels), 0, 54, 40, 24, 20])
            (folder / name / f"{photo}.bmp").write_bytes(head + bytes([1, 0, 24, 0]) + bytes(24) + pixels)


class Checks:
    def __init__(self):
        self.failed = self.passed = 0

    def __call__(self, what, right, seen=""):
        self.passed += bool(right)
        self.failed += not right
        print(("ok    " if right else "FAILED ") + what + ("" if right else f": {seen}"), flush=True)


def main():
    python, museau, check = own_python(), program(), Checks()
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        photos(home / "photos")
        (home / "space.toml").write_text(SPACE)
        database = home / "home" / "runs.sqlite"
        environment = {**os.environ, "MUSEAU_HOME": str(home / "home"), "MUSEAU_LANG": "en"}

        def call(*arguments, ok=True):
            command = [museau, *map(str, arguments)]
            done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
            if ok and done.returncode:
                check(" ".join(map(str, arguments)), False, done.stderr)
            return done.stdout

        def shown(study):
            return [json.loads(line) for line in call("search", "show", study, "--json").splitlines()]

        call("search", "space.toml", "--trials", 8, "--seed", 3)
        ours = shown("space")
        out = home / "seen.json"
        (home / "more.py").write_text(OPTUNA)
        done = subprocess.run([python, home / "more.py", database, "space", out], capture_output=True, text=True)
        check("Optuna loads the study and runs five more", done.returncode == 0, done.stderr[-2000:])
        if done.returncode == 0:
            seen = json.loads(out.read_text())
            theirs = {trial["number"]: trial for trial in seen["before"]}
            same = all(
                theirs[t["number"]]["state"] == t["state"].upper()
                and (theirs[t["number"]]["values"] or []) == list(t["values"].values())
                and theirs[t["number"]]["params"] == t["parameters"]
                for t in ours
            )
            check("Optuna sees the same trials", same and len(theirs) == 8, seen)
            best = max(ours, key=lambda t: (t["values"].get("val_accuracy", -1), -t["number"]))
            check("the best trial agrees", seen["best"] == best["number"], (seen["best"], best))
            took = [t["seconds"] for t in seen["before"]]
            check("trials took a sensible time", all(0 <= s < 600 for s in took), took)
            now = shown("space")
            more = [t for t in now if t["number"] >= 8]
            check("museau sees Optuna's trials", [t["values"]["val_accuracy"] for t in more] == [0.25] * 5, more)
            call("search", "space.toml", "--trials", 15, "--seed", 3)
            check("museau goes on behind them", [t["number"] for t in shown("space")] == list(range(15)))

        (home / "begun.py").write_text(BEGUN)
        done = subprocess.run([python, home / "begun.py", database], capture_output=True, text=True)
        check("Optuna begins a study", done.returncode == 0, done.stderr[-2000:])
        call("search", "space.toml", "--study", "begun", "--trials", 3)
        begun = shown("begun")
        wanted = begun and begun[0]["parameters"].get("optimizer.rate") == 0.005
        check("museau goes on with a study that Optuna began", len(begun) == 3 and wanted, begun)

        deployed(home, museau, database, environment, call, shown, check)
        dashboard(home, python, museau, database, environment, check)
    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(bool(check.failed))


def deployed(home, museau, database, environment, call, shown, check):
    """The command lines of deploy/ on this machine: the Job's, and the array's script as it stands."""
    call("search", "space.toml", "--study", "deployed", "--trials", 4, "--workers", 0)
    check("a study is begun for others", shown("deployed") == [])
    text = (ROOT / "deploy" / "kubernetes" / "search.yaml").read_text(encoding="utf-8")
    lines = text.split("args:")[1].split("env:")[0].splitlines()
    arguments = [line.strip()[2:].strip('"') for line in lines if line.strip().startswith("- ")]
    here = {"$(MUSEAU_STORAGE)": str(database), "/runs": str(home / "shared"), "space": "deployed"}
    arguments = [here.get(argument, argument) for argument in arguments]
    one = subprocess.Popen([museau, *arguments, "--quiet"], cwd=home, env=environment, stdout=subprocess.DEVNULL)
    array = {**environment, "MUSEAU": str(museau), "MUSEAU_STORAGE": str(database), "MUSEAU_STUDY": "deployed",
             "MUSEAU_RUNS": str(home / "shared"), "MUSEAU_QUIET": "1"}
    script = ROOT / "deploy" / "slurm" / "search.sbatch"
    two = subprocess.run(["sh", script], cwd=home, env=array, capture_output=True, text=True)
    ends = [one.wait(), two.returncode]
    trials = shown("deployed")
    over = [trial["number"] for trial in trials] == list(range(4))
    check("workers by the files of deploy/ end a study", over and ends == [0, 0], (ends, trials, two.stderr))


def dashboard(home, python, museau, database, environment, check):
    """The dashboard while a search runs."""
    slow = SPACE.replace("epochs = 3", "epochs = 200")
    (home / "slow.toml").write_text(slow)
    search = subprocess.Popen(
        [museau, "search", "slow.toml", "--trials", "4", "--pruner", "none", "--quiet"],
        cwd=home, env=environment, stdout=subprocess.DEVNULL,
    )
    port = 8765
    shows = subprocess.Popen(
        [Path(python).parent / "optuna-dashboard", f"sqlite:///{database}", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        studies = trials = None
        for _ in range(120):
            time.sleep(0.5)
            try:
                text = urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=10).read()
                studies = {study["study_name"]: study["study_id"] for study in json.loads(text)["study_summaries"]}
                if "slow" not in studies:
                    continue
                address = f"http://127.0.0.1:{port}/api/studies/{studies['slow']}?after=0"
                trials = json.loads(urllib.request.urlopen(address, timeout=10).read())["trials"]
                if any(trial["state"] == "Running" and trial["intermediate_values"] for trial in trials):
                    break
            except OSError:
                continue
        running = [t for t in trials or [] if t["state"] == "Running" and t["intermediate_values"]]
        check("the dashboard shows a search while it runs", bool(running), (studies, trials))
    finally:
        for process in (search, shows):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()

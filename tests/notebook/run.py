"""Runs docs/colab.ipynb from top to bottom with a kernel of this machine, on small photos that are
made here, and checks what it leaves. What it needs of Python's packages is installed into
notebook in cargo's target folder where it is missing. Closes with the line 'N passed, N failed'; the exit status is 0,
1 (a check failed) or 2 (the checks could not be made).

    MUSEAU_BIN  the program to test [release/museau, else debug/museau, of CARGO_TARGET_DIR or target]
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Where cargo builds; a relative folder is the root's, which is where cargo is called.
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
ENVIRONMENT = TARGET / "notebook"
REQUIREMENTS = HERE / "requirements.txt"
NOTEBOOK = ROOT / "docs" / "colab.ipynb"
PHOTOS_FOLDER = ROOT / "tests" / "photos"
EPOCHS = 2
# For each class a photo of each part, so that no part shares a picture with another.
PHOTOS = {
    "brown": {"train": "beagle_14", "val": "saint_bernard_187", "test": "yorkshire_terrier_87"},
    "pale": {"train": "samoyed_32", "val": "birman_108", "test": "keeshond_173"},
}
CROPS = ["crop(0,0,80,80)", "crop(20,0,80,80)", "crop(0,20,80,80)", "crop(20,20,80,80)"]


def stop(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def own_python():
    """The Python of that folder, made and filled where it is not as requirements.txt says."""
    windows = os.name == "nt"
    python = ENVIRONMENT / ("Scripts/python.exe" if windows else "bin/python")
    filled = ENVIRONMENT / "requirements.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if filled.is_file() and filled.read_text(encoding="utf-8") == wanted:
        return python
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in [[sys.executable, "-m", "venv", ENVIRONMENT], [*pip, "-r", REQUIREMENTS]]:
        if subprocess.run(command).returncode:
            stop(
                "The notebook's test needs Python 3.9 or later with venv and pip (Debian: `apt-get install "
                f"python3-venv`), and the network the first time: {' '.join(map(str, command))} failed."
            )
    filled.write_text(wanted, encoding="utf-8")
    return python


def program():
    suffix = ".exe" if os.name == "nt" else ""
    places = [TARGET / profile / f"museau{suffix}" for profile in ("release", "debug")]
    named = os.environ.get("MUSEAU_BIN")
    found = Path(named).resolve() if named else next((place for place in places if place.is_file()), None)
    return found or stop("There is no museau to test: `cargo build --release` first.")


def museau(binary, *arguments):
    command = [str(part) for part in (binary, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


def make_photos(binary, folder):
    """Two classes, a folder for each part and class; of each photo four crops."""
    for name, parts in PHOTOS.items():
        for part, photo in parts.items():
            place = folder / "photos" / part / name
            place.mkdir(parents=True)
            for number, crop in enumerate(CROPS):
                made = folder / "made" / part / name / str(number)
                museau(binary, "preprocess", "run", crop, PHOTOS_FOLDER / f"{photo}.jpg", "-o", made)
                shutil.copy(next(made.glob("*.png")), place / f"{number}.png")
    return folder / "photos"


def execute(folder):
    """The notebook, executed in a folder."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def text_of(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


class Checks:
    """What must hold once the notebook was executed."""

    def __init__(self, notebook, folder, binary):
        self.cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
        self.folder, self.binary = folder, binary

    def run_folder(self):
        (found,) = (self.folder / "runs").iterdir()
        return found

    def curve(self, run):
        """The lines of metrics.csv without the two columns that are times."""
        with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
            return [line[:-2] for line in csv.reader(file)]

    def the_notebook_is_kept_without_outputs(self):
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs") and cell.get("execution_count") is None, cell["id"]

    def every_step_is_said_in_both_languages(self):
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        before = "markdown"
        for cell in cells:
            if cell["cell_type"] == "markdown":
                lines = "".join(cell["source"]).split("\n")
                assert any(line.startswith("*") and line.endswith("*") for line in lines), cell["id"]
            else:
                assert before == "markdown", f"{cell['id']} has no words above it"
            before = cell["cell_type"]

    def every_cell_ran(self):
        for name, cell in self.cells.items():
            errors = [output for output in cell.outputs if output.output_type == "error"]
            told = "\n".join("\n".join(error.traceback) for error in errors)
            assert cell.execution_count and not errors, f"{name}:\n{text_of(cell)}\n{told}"

    def the_metrics_have_a_line_an_epoch(self):
        epochs = [line[0] for line in self.curve(self.run_folder())]
        assert epochs == ["epoch", *map(str, range(1, EPOCHS + 1))], epochs

    def both_curves_are_drawn(self):
        outputs = self.cells["show-curve"].outputs
        drawn = [output.data["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]
        assert len(drawn) == 2, outputs
        for svg, names in zip(drawn, [("loss", "val_loss"), ("accuracy", "val_accuracy")]):
            lines = svg.split("<polyline ")[1:]
            assert len(lines) == 2 and all(f">{name}</text>" in svg for name in names), svg
            for line in lines:
                assert len(line.split('points="')[1].split('"')[0].split()) == EPOCHS, line

    def the_run_is_listed(self):
        assert "from-scratch" in text_of(self.cells["show-curve"])
        (run,) = map(json.loads, museau(self.binary, "runs", "list", "--json").splitlines())
        assert (run["name"], run["state"]) == ("from-scratch", "complete"), run

    def it_is_evaluated_on_the_photos_kept_for_testing(self):
        said = text_of(self.cells["evaluate"])
        assert "asked for the test split" in said and "8 photos" in said, said

    def the_folder_brought_home_gives_the_same_curve_and_package(self):
        (home,) = (self.folder / "home").iterdir()
        there = self.run_folder()
        assert self.curve(home) == self.curve(there)
        package = "model.museau"
        assert (home / package).read_bytes() == (there / package).read_bytes()

    def the_package_answers(self):
        photo = PHOTOS_FOLDER / f"{PHOTOS['brown']['test']}.jpg"
        said = museau(self.binary, "classify", "--json", "--model", self.run_folder() / "model.museau", photo)
        breeds = json.loads(said)["breeds"]
        assert sorted(breed["name"] for breed in breeds) == ["brown", "pale"], breeds
        assert abs(sum(breed["probability"] for breed in breeds) - 1) < 1e-3, breeds


def main():
    python = own_python()
    if Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        sys.exit(subprocess.run([python, __file__]).returncode)
    binary = program()
    with tempfile.TemporaryDirectory(prefix="museau-notebook-") as folder:
        folder = Path(folder)
        os.environ.update(
            MUSEAU_BIN=str(binary),
            MUSEAU_EPOCHS=str(EPOCHS),
            MUSEAU_HOME=str(folder / "data"),
            MUSEAU_LANG="en",
            # This environment's kernel rather than a person's own, and nothing left behind at home.
            JUPYTER_PREFER_ENV_PATH="1",
            JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
            IPYTHONDIR=str(folder / "ipython"),
        )
        for name in ("MUSEAU_CLASSES", "MUSEAU_LOG", "MUSEAU_REPOSITORY"):
            os.environ.pop(name, None)
        try:
            os.environ["MUSEAU_DATASET"] = str(make_photos(binary, folder))
            checks = Checks(execute(folder), folder, binary)
        except Exception as error:
            stop(f"The notebook could not be run: {error}")
        passed = failed = 0
        for name, check in vars(Checks).items():
            if name.startswith("_") or name in ("run_folder", "curve"):
                continue
            begun = time.monotonic()
            try:
                check(checks)
                passed += 1
                print(f"ok    {name.replace('_', ' ')} ({round(1000 * (time.monotonic() - begun))} ms)")
            except Exception as error:
                failed += 1
                told = (str(error) or repr(error)).replace("\n", "\n      ")
                print(f"FAIL  {name.replace('_', ' ')}\n      {told}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

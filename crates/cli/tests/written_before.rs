//! What an older museau wrote (`tests/written-before`, with the script that made it) is still read, listed,
//! gone on with and answered with.
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of the older files, to be written into.
struct Before(tempfile::TempDir);

impl Before {
    fn new() -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/written-before");
        let folder = tempfile::tempdir().expect("a folder");
        copy(&from, folder.path());
        Before(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// As the older one was run, but for the place.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_museau"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_HOME", self.path("home"))
            .env("MUSEAU_THREADS", "1")
            .env("MUSEAU_ISA", "portable")
            .env_remove("MUSEAU_LOG")
            .output()
            .expect("the binary starts")
    }

    /// What was printed, as lines of JSON.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("output is UTF-8");
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Loss, accuracy and the like of each epoch: the lines of a run's `metrics.csv` without the times.
    fn metrics(&self, run: &str) -> Vec<Vec<f64>> {
        let text = fs::read_to_string(self.path(run).join("metrics.csv")).expect("a table");
        let lines = text.lines().skip(1);
        let numbers = |line: &str| {
            let cells = line.split(',').take(6);
            cells.map(|cell| cell.parse().expect("a number")).collect()
        };
        lines.map(numbers).collect()
    }

    /// The first breed of a photo by a model.
    fn first_breed(&self, model: &str, photo: &str) -> String {
        let answers = self.json(&["classify", "--json", "--model", model, photo]);
        let id = answers[0]["breeds"][0]["id"].as_str();
        id.expect("a breed").to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in from.read_dir().expect("the older files") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a kind").is_dir() {
            true => copy(&entry.path(), &to),
            false => {
                fs::copy(entry.path(), to).expect("a copy");
            }
        }
    }
}

#[test]
fn a_package_answers_is_evaluated_and_shown() {
    let before = Before::new();
    let package = "complete/model.museau";
    let whole = before.run(&["models", "verify", package]);
    assert!(whole.status.success(), "{whole:?}");
    for (photo, breed) in [
        ("photos/beagle/0.png", "n02088364"),
        ("photos/pug/2.png", "n02110958"),
        ("photos/striped/2.png", "striped"),
    ] {
        assert_eq!(before.first_breed(package, photo), breed);
        // The folder of a run stands for its model.
        assert_eq!(before.first_breed("complete", photo), breed);
    }
    let evaluation = before.json(&["evaluate", package, "manifest.csv", "--json"]);
    assert_eq!(evaluation[0]["over_all"]["photos"], 24);
    let right = evaluation[0]["over_all"]["top_1"]["value"].as_f64();
    assert!(right.expect("a share") > 0.8, "{right:?}");
    let card = before.run(&["models", "show", package]);
    let card = String::from_utf8(card.stdout).expect("output is UTF-8");
    assert!(card.starts_with("# recipe 1\n"), "{card}");
    assert!(
        card.contains("715 parameters, 4 epochs of 4, epoch 4 kept."),
        "{card}"
    );
}

#[test]
fn a_database_of_runs_is_listed_and_shown() {
    let before = Before::new();
    let storage = ["--storage", "runs.sqlite", "--json"];
    let rows = before.json(&[&["runs", "list"], &storage[..]].concat());
    let states: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["state"].as_str())
        .collect();
    assert_eq!(states, ["interrupted", "complete"]);
    assert_eq!(rows[1]["kept_step"], 4);
    let id = rows[1]["id"].as_str().expect("an id");
    let shown = before.json(&[&["runs", "show", id], &storage[..]].concat());
    assert_eq!(shown[0]["parameters"]["model.units"], "6");
    let loss = shown[0]["metrics"]["loss"]["last"]["value"].as_f64();
    let difference = loss.expect("a loss") - before.metrics("complete")[3][1];
    assert!(difference.abs() < 1e-12, "{difference}");
}

#[test]
fn an_interrupted_run_goes_on_in_its_folder_and_its_record() {
    let before = Before::new();
    let until_then = before.metrics("interrupted");
    let ended = before.json(&[
        "train",
        "--resume",
        "interrupted",
        "--data.source",
        "manifest.csv",
        "--storage",
        "runs.sqlite",
        "--json",
    ]);
    assert_eq!(ended[0]["ended"], "early");
    let metrics = before.metrics("interrupted");
    assert!(metrics.len() > until_then.len());
    assert_eq!(metrics[..until_then.len()], until_then);
    let loss = |metrics: &[Vec<f64>]| metrics.last().expect("an epoch")[3];
    assert!(loss(&metrics) < loss(&until_then), "it learns on");
    let breed = before.first_breed("interrupted", "photos/pug/2.png");
    assert_eq!(breed, "n02110958");
    let rows = before.json(&["runs", "list", "--storage", "runs.sqlite", "--json"]);
    let states: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["state"].as_str())
        .collect();
    assert_eq!(states, ["complete", "complete"]);
}

#[test]
fn a_recipe_on_a_manifest_trains_as_it_did() {
    let before = Before::new();
    let arguments = ["train", "recipe.toml", "-o", "again", "--json"];
    let ended = before.json(&arguments);
    assert_eq!(ended[0]["ended"], "complete");
    let (now, then) = (before.metrics("again"), before.metrics("complete"));
    assert_eq!(now.len(), then.len());
    // An exponential may differ in its last digit from system to system.
    for (now, then) in now.iter().flatten().zip(then.iter().flatten()) {
        assert!((now - then).abs() <= 1e-3 * then.abs(), "{now} {then}");
    }
    let read = |run: &str| {
        let text = fs::read_to_string(before.path(run).join("recipe.toml")).expect("a recipe");
        let lines = text.lines().filter(|line| !line.starts_with("source = "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(read("again"), read("complete"));
    let about = |run: &str| -> Value {
        let text = fs::read(before.path(run).join("run.json")).expect("what a run depends on");
        serde_json::from_slice(&text).expect("JSON")
    };
    for key in ["photos", "counts", "classes", "parameters"] {
        assert_eq!(about("again")[key], about("complete")[key], "{key}");
    }
}

//! Names that strangers chose (of files, folders, classes, models, runs) walk through the verbs: what
//! is printed holds no terminal's codes and no line of theirs, and no table a formula.
use package::Package;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Clears the screen twice over (C0, C1), turns the line, and adds one.
const HOSTILE: &str = "x\u{1b}[2J\u{9b}2J\u{202e}\nFORGED\t\u{7}";
/// What a spreadsheet computes.
const FORMULA: &str = "=1+1";

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Home { folder }
    }

    fn at(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let place = self.folder.path().join(name);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(place, bytes).expect("a file");
    }

    /// Runs a verb, looks at all that it prints, and gives what it printed on stdout.
    fn run(&self, arguments: &[&str], status: i32) -> String {
        let output = self.output(arguments);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {output:?}"
        );
        let [out, err] = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).expect("output is UTF-8"));
        let is_table = arguments.contains(&"--csv") || arguments.contains(&"export");
        // A table for a program is as exact as a file; what it may not hold is a formula.
        match is_table {
            true => no_formulas(&out),
            false => plain(arguments, &out),
        }
        plain(arguments, &err);
        out
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_museau"))
            .args(arguments)
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_HOME", self.folder.path().join("home"))
            .env_remove("MUSEAU_LOG")
            .output()
            .expect("the binary starts")
    }
}

fn plain(arguments: &[&str], said: &str) {
    for line in said.lines() {
        let clean = line.chars().all(|c| c == '\t' || !c.is_control());
        let straight = !line.contains(['\u{202e}', '\u{2066}', '\u{200f}']);
        assert!(clean && straight, "{arguments:?}: {line:?}");
        // A model's card is of several lines: it quotes the recipe, whose strings may be too.
        let card = arguments.starts_with(&["models", "show"]);
        assert!(
            card || !line.starts_with("FORGED"),
            "{arguments:?}: {said:?}"
        );
    }
}

fn no_formulas(table: &str) {
    let mut reader = csv_cells(table);
    reader.retain(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
    reader.retain(|cell| cell.parse::<f64>().is_err());
    assert!(reader.is_empty(), "{reader:?}");
}

/// The cells of a table, whatever is quoted in them.
fn csv_cells(table: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in table.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells
}

fn photo(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
    fs::read(folder.join(name)).expect("a photo")
}

/// A model whose name, version, labels and card are a stranger's.
fn model(home: &Home) -> PathBuf {
    let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/default.museau");
    let mut package = Package::read_file(&inside).expect("the model inside");
    package.about.name = HOSTILE.to_owned();
    package.about.version = HOSTILE.to_owned();
    // A card is of several lines, which are its own.
    package.about.card = format!("# {}", HOSTILE.replace('\n', " "));
    for label in &mut package.about.labels {
        label.name = format!("{HOSTILE} {}", label.name);
        label.name_fr = None;
    }
    package.about.labels[0].id = FORMULA.to_owned();
    let file = home.folder.path().join("home/models/hostile.museau");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, package.to_bytes().expect("a package")).expect("a file");
    file
}

#[test]
fn photos_and_models_with_hostile_names() {
    let home = Home::new();
    let model = model(&home);
    let model = model.to_str().expect("a UTF-8 path");
    home.put(&format!("{HOSTILE}.jpg"), &photo("beagle_14.jpg"));
    home.put(&format!("bad {HOSTILE}.jpg"), b"no photo");
    home.put(&format!("{FORMULA}.jpg"), &photo("samoyed_32.jpg"));
    let good = home.at(&format!("{HOSTILE}.jpg"));
    let bad = home.at(&format!("bad {HOSTILE}.jpg"));
    let missing = home.at(&format!("missing {HOSTILE}.jpg"));
    home.run(&["classify", "--model", model, &good], 0);
    home.run(
        &["classify", "--model", model, "--together", &good, &good],
        0,
    );
    home.run(&["classify", "--model", model, &good, &bad, &missing], 1);
    let json = home.run(&["classify", "--model", model, "--json", &good], 0);
    let line: serde_json::Value = serde_json::from_str(&json).expect("a line of JSON");
    assert_eq!(line["photo"], good.as_str(), "JSON holds what is there");
    let table = Command::new(env!("CARGO_BIN_EXE_museau"))
        .args(["classify", "--csv", "=1+1.jpg"])
        .current_dir(home.folder.path())
        .output()
        .expect("the binary starts");
    no_formulas(&String::from_utf8(table.stdout).expect("UTF-8"));
    home.run(&["models", "list"], 0);
    home.run(&["models", "list", "--json"], 0);
    home.run(&["models", "show", model], 0);
    home.run(&["models", "verify", model], 0);
    home.run(&["models", "verify", &bad, &missing], 3);
    home.run(
        &[
            "preprocess",
            "run",
            "gaussian(3)",
            &good,
            &bad,
            "-o",
            &home.at("out"),
        ],
        1,
    );
    home.run(
        &[
            "preprocess",
            "gallery",
            "gaussian(3)",
            &good,
            &bad,
            "-o",
            &home.at("g.html"),
        ],
        1,
    );
    home.run(&["classify", &format!("--{HOSTILE}")], 2);
    home.run(&[HOSTILE], 2);
    home.run(&["models", "verify", "--lang", HOSTILE], 2);
}

#[test]
fn data_sets_and_runs_with_hostile_names() {
    let home = Home::new();
    let classes = [HOSTILE, FORMULA, "pug"];
    let photos = ["beagle_14.jpg", "samoyed_32.jpg", "birman_108.jpg"];
    let others = [
        "keeshond_173.jpg",
        "yorkshire_terrier_87.jpg",
        "saint_bernard_187.jpg",
    ];
    for ((class, one), two) in classes.into_iter().zip(photos).zip(others) {
        home.put(&format!("set/train/{class}/{HOSTILE}.jpg"), &photo(one));
        home.put(&format!("set/val/{class}/@{class}.jpg"), &photo(two));
    }
    home.put(&format!("set/train/{HOSTILE}/bad.jpg"), b"no photo");
    let (set, manifest) = (home.at("set"), home.at("set.csv"));
    home.run(&["data", "import", &set, "-o", &manifest], 0);
    for table in ["set.csv", "set.problems.csv"] {
        no_formulas(&fs::read_to_string(home.at(table)).expect("a table"));
    }
    home.run(
        &[
            "data",
            "split",
            &manifest,
            "-o",
            &home.at("split.csv"),
            "--val",
            "0.5",
        ],
        0,
    );
    home.run(
        &["data", "explore", &manifest, "-o", &home.at("explore")],
        0,
    );
    home.run(&["data", "check", &manifest, "-o", &home.at("check")], 0);
    let predictions = home.at("predictions.csv");
    home.run(
        &[
            "evaluate",
            "default",
            &manifest,
            "--predictions",
            &predictions,
        ],
        0,
    );
    no_formulas(&fs::read_to_string(&predictions).expect("a table"));
    fs::remove_file(&predictions).expect("removed");

    let recipe = format!(
        "[data]\nsource = {}\n[input]\nsize = 16\n[model]\nfilters = [4, 4]\nunits = 4\n\
         [train]\nname = {}\nepochs = 1\nbatch = 2\n",
        serde_json::json!(manifest),
        serde_json::json!(HOSTILE)
    );
    home.put("recipe.toml", recipe.as_bytes());
    let (recipe, folder) = (home.at("recipe.toml"), home.at("run"));
    home.run(&["train", &recipe, "-o", &folder], 0);
    home.run(&["train", &recipe, "-o", &folder], 1);
    home.run(&["train", &recipe, "-o", &home.at("run2")], 0);
    home.run(&["runs", "list"], 0);
    home.run(&["runs", "list", "--json"], 0);
    home.run(&["runs", "export", "--all"], 0);
    let ids: Vec<String> = (home.run(&["runs", "list", "--json"], 0).lines())
        .map(|line| {
            let run: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(run["name"], HOSTILE);
            run["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    home.run(&["runs", "show", &ids[0]], 0);
    home.run(&["runs", "show", HOSTILE], 2);
    home.run(&["runs", "compare", &ids[0], &ids[1]], 0);
    home.run(&["runs", "compare", "--csv", &ids[0], &ids[1]], 0);
    let model = home.at("run/model.museau");
    home.run(&["models", "verify", &model], 0);
    home.run(&["models", "show", &model], 0);
    home.run(
        &["evaluate", &model, &manifest, "--predictions", &predictions],
        0,
    );
    no_formulas(&fs::read_to_string(&predictions).expect("a table"));
    // What was guarded is found again: each photo has its row.
    home.run(
        &["evaluate", &predictions, &manifest, "--against", &model],
        0,
    );
    let other = home.at("run2/model.museau");
    home.run(
        &["compare", &manifest, "--base", &model, "--with", &other],
        0,
    );
    home.run(&["runs", "rm", &ids[0]], 0);
}

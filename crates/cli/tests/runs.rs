//! `museau runs` from outside, over a database that the library made.
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use study::{Goal, NewRun, Recorder, State, Storage};

fn museau(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_museau"))
        .arg("runs")
        .args(arguments)
        .env("MUSEAU_LANG", "en")
        .env("MUSEAU_HOME", home)
        .env_remove("MUSEAU_LOG")
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// What was printed, where all went well.
fn printed(home: &Path, arguments: &[&str]) -> String {
    let output = museau(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    text(&output.stdout)
}

/// The exit status and what was said, where something went wrong.
fn refused(home: &Path, arguments: &[&str]) -> (i32, String) {
    let output = museau(home, arguments);
    assert!(output.stdout.is_empty(), "{output:?}");
    let status = output.status.code().expect("not killed");
    (status, text(&output.stderr))
}

fn json(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// A home with the runs `trio` (complete, in a folder with files), `quartet` (failed) and a live one.
struct Home {
    folder: tempfile::TempDir,
    live: Recorder,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Storage::open(&folder.path().join("runs.sqlite")).expect("a database");
        let new = |name: &str, rate: &str| NewRun {
            id: None,
            name: name.to_owned(),
            kind: "train".to_owned(),
            seed: Some(7),
            folder: Some(folder.path().join(name)),
            parameters: [("optimizer.name", "adam"), ("optimizer.rate", rate)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            environment: vec![("threads".to_owned(), "2".to_owned())],
            goals: vec![
                ("loss".to_owned(), Goal::Least),
                ("val_accuracy".to_owned(), Goal::Most),
            ],
        };
        let mut trio = storage.begin(&new("trio", "0.001")).expect("a run");
        for (step, loss, accuracy) in [(1, 1.0, 0.5), (2, 0.5, 0.75), (3, 0.25, 0.625)] {
            let values = [("loss", loss), ("val_accuracy", accuracy), ("rate", 0.001)];
            trio.metrics(step, &values).expect("written");
        }
        trio.keep(2).expect("noted");
        fs::create_dir_all(folder.path().join("trio/reports")).expect("a folder");
        for (kind, name) in [
            ("package", "model.museau"),
            ("report", "reports/curve.html"),
        ] {
            let path = folder.path().join("trio").join(name);
            fs::write(&path, name).expect("a file");
            trio.artefact(kind, &path).expect("recorded");
        }
        trio.finish(State::Complete).expect("ended");
        let mut quartet = storage.begin(&new("quartet", "0.1")).expect("a run");
        for (step, loss) in [(1, 2.0), (2, f64::INFINITY), (3, f64::NAN)] {
            let values = [("loss", loss), ("val_accuracy", 0.25)];
            quartet.metrics(step, &values).expect("written");
        }
        quartet.finish(State::Failed).expect("ended");
        let live = storage.begin(&new("live", "0.1")).expect("a run");
        Home { folder, live }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

#[test]
fn a_list_shows_runs_newest_first_or_sorted_and_only_those_asked_for() {
    let home = Home::new();
    let names = |arguments: &[&str]| -> Vec<String> {
        let lines = json(&printed(
            home.path(),
            &[&["list", "--json"], arguments].concat(),
        ));
        let names = lines.iter().map(|line| line["name"].as_str());
        names.map(|name| name.expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&[]), ["live", "quartet", "trio"]);
    assert_eq!(
        names(&["--sort", "val_accuracy"]),
        ["trio", "quartet", "live"]
    );
    // A loss that is no number in the end is no better than none.
    assert_eq!(names(&["--sort", "loss"]), ["trio", "live", "quartet"]);
    assert_eq!(names(&["--state", "running"]), ["live"]);
    assert_eq!(
        names(&["--state", "failed", "--kind", "train"]),
        ["quartet"]
    );
    assert_eq!(names(&["--kind", "evaluate"]), [""; 0]);

    let table = printed(
        home.path(),
        &["list", "--columns", "optimizer.rate,loss,seed"],
    );
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(
        lines[0].ends_with("optimizer.rate    loss  seed"),
        "{table}"
    );
    assert!(
        lines[1].contains("running") && lines[1].ends_with('7'),
        "{table}"
    );
    assert!(
        lines[3].contains("complete") && lines[3].ends_with("0.5000     7"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "no colour where no terminal is");
    let french = printed(home.path(), &["list", "--lang", "fr"]);
    assert!(
        french.contains("terminé") && french.contains("0,7500"),
        "{french}"
    );
    // All values of a row are of one step, which it says.
    let list = printed(home.path(), &["list"]);
    let trio: Vec<&str> = list
        .lines()
        .last()
        .expect("a row")
        .split_whitespace()
        .collect();
    assert!(
        list.lines()
            .next()
            .is_some_and(|line| line.contains("kept epoch")),
        "{list}"
    );
    assert!(trio.ends_with(&["3", "2", "0.7500", "0.5000"]), "{list}");
    let (status, said) = refused(home.path(), &["list", "--columns", "los"]);
    assert_eq!(status, 2);
    assert!(
        said.contains("‘los’") && said.contains("loss, rate, val_accuracy"),
        "{said}"
    );
    assert_eq!(refused(home.path(), &["list", "--sort", "seed"]).0, 2);
}

#[test]
fn runs_of_one_name_are_told_apart_by_their_folders() {
    let home = Home::new();
    let list = printed(home.path(), &["list"]);
    assert!(!list.contains("folder"), "{list}");
    let storage = Storage::open(&home.file("runs.sqlite")).expect("a database");
    let folder = home.file("elsewhere/trio");
    let again = NewRun {
        id: None,
        name: "trio".to_owned(),
        kind: "train".to_owned(),
        seed: None,
        folder: Some(folder.clone()),
        parameters: Vec::new(),
        environment: Vec::new(),
        goals: Vec::new(),
    };
    let again = storage.begin(&again).expect("a run");
    let folders = [folder, home.file("trio")].map(|folder| folder.display().to_string());
    let list = printed(home.path(), &["list"]);
    assert!(
        list.lines()
            .next()
            .is_some_and(|line| line.ends_with("folder"))
            && folders.iter().all(|folder| list.contains(folder)),
        "{list}"
    );
    let (status, said) = refused(home.path(), &["show", "trio"]);
    assert_eq!(status, 2);
    let wanted = format!("{} ({}), ", again.id(), folders[0]);
    assert!(
        said.contains(&wanted) && said.contains(&folders[1]),
        "{said}"
    );
}

#[test]
fn a_run_is_shown_whole() {
    let home = Home::new();
    let shown = printed(home.path(), &["show", "trio"]);
    for part in [
        "optimizer.rate  0.001",
        "0.6250  0.7500      2  ▁█▅",
        "model.museau",
        "threads  2",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(
        shown.contains(home.file("trio").to_str().expect("UTF-8")),
        "{shown}"
    );
    let whole = &json(&printed(home.path(), &["show", "--json", "quartet"]))[0];
    assert_eq!(whole["state"], "failed");
    assert_eq!(whole["metrics"]["loss"]["last"]["value"], "NaN");
    assert_eq!(whole["metrics"]["loss"]["best"]["value"], 2.0);
    assert_eq!(whole["metrics"]["loss"]["goal"], "min");
    let id = whole["id"].as_str().expect("an id");
    let by_id = printed(home.path(), &["show", &id[..11]]);
    assert!(by_id.contains("quartet") && by_id.contains("××"), "{by_id}");
    let (status, said) = refused(home.path(), &["show", "quintet"]);
    assert_eq!(status, 2);
    assert!(said.contains("Run ‘quintet’ not found"), "{said}");
}

#[test]
fn a_comparison_shows_what_differs_and_marks_the_best() {
    let home = Home::new();
    let compared = printed(home.path(), &["compare", "trio", "quartet"]);
    assert!(compared.contains("optimizer.rate"), "{compared}");
    assert!(
        !compared.contains("optimizer.name"),
        "the same in both\n{compared}"
    );
    assert!(
        compared.contains("0.7500 *") && !compared.contains("2 *"),
        "{compared}"
    );
    let lines = json(&printed(
        home.path(),
        &["compare", "trio", "quartet", "--json"],
    ));
    assert_eq!(lines[0]["metrics"]["loss"]["is_best"], true);
    assert_eq!(lines[1]["metrics"]["loss"]["is_best"], false);
    assert_eq!(lines[0]["metrics"]["rate"]["is_best"], false);
    assert_eq!(lines[1]["metrics"]["rate"], Value::Null);
    assert_eq!(lines[1]["parameters"]["optimizer.rate"], "0.1");
    let table = printed(home.path(), &["compare", "trio", "quartet", "--csv"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0],
        "id,name,state,optimizer.rate,loss,rate,val_accuracy"
    );
    assert!(
        lines[1].ends_with(",trio,complete,0.001,0.5,0.001,0.75"),
        "{table}"
    );
    assert!(
        lines[2].ends_with(",quartet,failed,0.1,NaN,,0.25"),
        "{table}"
    );
    assert_eq!(refused(home.path(), &["compare", "trio"]).0, 2);
}

/// A best value of an epoch whose network is gone ranks nothing: the comparison says what the list does.
#[test]
fn a_comparison_ranks_by_the_kept_epochs_as_the_list_does() {
    let home = Home::new();
    let storage = Storage::open(&home.file("runs.sqlite")).expect("a database");
    let begin = |name: &str| {
        let goals = vec![
            ("val_loss".to_owned(), Goal::Least),
            ("val_accuracy".to_owned(), Goal::Most),
        ];
        let new = NewRun {
            name: name.to_owned(),
            kind: "train".to_owned(),
            goals,
            ..NewRun::default()
        };
        storage.begin(&new).expect("a run")
    };
    // Its best accuracy is of epoch 1, its best loss of epoch 2, which is kept.
    let mut lucky = begin("lucky");
    for (step, loss, accuracy) in [(1, 0.9, 0.95), (2, 0.5, 0.7)] {
        let values = [("val_loss", loss), ("val_accuracy", accuracy)];
        lucky.metrics(step, &values).expect("written");
    }
    lucky.keep(2).expect("noted");
    lucky.finish(State::Complete).expect("ended");
    let mut steady = begin("steady");
    for (step, loss, accuracy) in [(1, 0.8, 0.6), (2, 0.6, 0.8)] {
        let values = [("val_loss", loss), ("val_accuracy", accuracy)];
        steady.metrics(step, &values).expect("written");
    }
    steady.finish(State::Complete).expect("ended");
    let compared = json(&printed(
        home.path(),
        &["compare", "lucky", "steady", "--json"],
    ));
    let metric = |run: usize, name: &str| {
        let metric = &compared[run]["metrics"][name];
        (
            metric["value"].as_f64().unwrap(),
            metric["is_best"].as_bool().unwrap(),
        )
    };
    assert_eq!(metric(0, "val_accuracy"), (0.7, false));
    assert_eq!(metric(1, "val_accuracy"), (0.8, true));
    assert_eq!(metric(0, "val_loss"), (0.5, true));
    let listed = json(&printed(
        home.path(),
        &["list", "--json", "--sort", "val_accuracy"],
    ));
    assert_eq!(listed[0]["name"], "steady");
    for (run, name) in [(0, "lucky"), (1, "steady")] {
        let row = listed.iter().find(|row| row["name"] == name).unwrap();
        for of in ["val_loss", "val_accuracy"] {
            let kept = row["metrics"][of]["kept"]["value"].as_f64().unwrap();
            assert_eq!(kept, metric(run, of).0, "{name} {of}");
        }
    }
}

#[test]
fn runs_are_exported_step_by_step() {
    let home = Home::new();
    let csv = printed(home.path(), &["export", "quartet"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "run,name,metric,step,value");
    assert_eq!(lines.len(), 7);
    assert!(
        lines[2].ends_with(",quartet,loss,2,inf") && lines[3].ends_with(",loss,3,NaN"),
        "{csv}"
    );
    let file = home.file("all.json");
    let name = file.to_str().expect("UTF-8");
    assert_eq!(printed(home.path(), &["export", "--all", "-o", name]), "");
    let runs = json(&fs::read_to_string(&file).expect("a file"));
    assert_eq!(runs.len(), 3);
    assert_eq!(
        runs[2]["series"]["loss"],
        serde_json::json!([[1, 1.0], [2, 0.5], [3, 0.25]])
    );
    assert_eq!(runs[1]["series"]["loss"][1][1], "Infinity");
    let odd = home.file("all.xls");
    let name = odd.to_str().expect("UTF-8");
    assert_eq!(refused(home.path(), &["export", "--all", "-o", name]).0, 2);
    let inside = home.file("all.json/x.csv");
    let name = inside.to_str().expect("UTF-8");
    assert_eq!(refused(home.path(), &["export", "--all", "-o", name]).0, 1);
    assert_eq!(refused(home.path(), &["export"]).0, 2);
}

#[test]
fn runs_are_forgotten_and_only_recorded_files_are_deleted() {
    let mut home = Home::new();
    let (status, said) = refused(home.path(), &["rm", "trio", "live"]);
    assert!(status == 1 && said.contains("--yes"), "{said}");
    let left = |home: &Home| json(&printed(home.path(), &["list", "--json"])).len();
    assert_eq!(left(&home), 3, "all or none");
    let own = home.file("trio/notes.txt");
    fs::write(&own, "mine").expect("a file");
    let output = museau(home.path(), &["rm", "trio", "--files"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("have changed since (1): notes.txt"),
        "{output:?}"
    );
    assert!(own.exists() && !home.file("trio/model.museau").exists());
    assert!(!home.file("trio/reports").exists());
    // What is called as a training's own files stays where it is none.
    let names = ["run.json", "best-1.safetensors", "best-dogs.safetensors"];
    let files = names.map(|name| home.file("live").join(name));
    fs::create_dir_all(home.file("live")).expect("a folder");
    for file in &files {
        fs::write(file, "weights").expect("a file");
    }
    home.live.artefact("about", &files[0]).expect("recorded");
    printed(home.path(), &["rm", "live", "--yes", "--files"]);
    let there = files.map(|file| file.exists());
    assert_eq!(there, [false, true, true]);
    printed(home.path(), &["rm", "quartet"]);
    assert_eq!(left(&home), 0);
    assert!(home.live.metrics(1, &[("loss", 1.0)]).is_err());
}

#[test]
fn a_storage_that_is_none_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let output = museau(home.path(), &["list"]);
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    assert!(
        text(&output.stderr).contains("No run has been recorded"),
        "{output:?}"
    );
    let file = home.path().join("notes.txt");
    fs::write(&file, "no database ".repeat(100)).expect("a file");
    let name = file.to_str().expect("UTF-8");
    for verb in [
        &["list"][..],
        &["show", "x"],
        &["rm", "x"],
        &["export", "--all"],
    ] {
        let (status, said) = refused(home.path(), &[verb, &["--storage", name]].concat());
        assert_eq!(status, 3, "{verb:?}");
        assert!(said.contains("is not a database"), "{said}");
    }
    let missing = home.path().join("none.sqlite");
    let name = missing.to_str().expect("UTF-8");
    assert_eq!(refused(home.path(), &["list", "--storage", name]).0, 3);
    assert!(!missing.exists());
}

/// A run that recorded a training's files in `folder`; `run.json` names it.
fn trained(home: &Home, name: &str, folder: &Path) -> String {
    let storage = Storage::open(&home.file("runs.sqlite")).expect("a database");
    let new = NewRun {
        name: name.to_owned(),
        kind: "train".to_owned(),
        folder: Some(folder.to_owned()),
        ..NewRun::default()
    };
    let mut run = storage.begin(&new).expect("a run");
    let id = run.id().to_owned();
    fs::create_dir_all(folder).expect("a folder");
    about(folder, &id);
    for (file, text) in [("recipe.toml", "[train]"), ("model.museau", name)] {
        fs::write(folder.join(file), text).expect("a file");
    }
    for file in ["recipe.toml", "run.json", "model.museau"] {
        run.artefact("file", &folder.join(file)).expect("recorded");
    }
    fs::write(folder.join("run.lock"), "").expect("a file");
    run.finish(State::Complete).expect("ended");
    id
}

/// Writes a `run.json` that names a record.
fn about(folder: &Path, record: &str) {
    let about = serde_json::json!({
        "museau": "1", "platform": "", "instructions": "", "threads": 1, "photos": "",
        "counts": [1, 1], "classes": [], "parameters": 1, "bytes": 1, "record": record,
    });
    fs::write(folder.join("run.json"), about.to_string()).expect("a file");
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_forgotten_run_leaves_the_files_of_another_that_has_its_folder_now() {
    let home = Home::new();
    let folder = home.file("shared");
    trained(&home, "old", &folder);
    fs::remove_dir_all(&folder).expect("removed by a person");
    // Another training of the same recipe begins there, and lives.
    trained(&home, "new", &folder);
    let before = names(&folder);
    assert_eq!(before.len(), 4);
    let output = museau(home.path(), &["rm", "old", "--files"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("now belongs to another run"),
        "{output:?}"
    );
    assert_eq!(names(&folder), before);
    printed(home.path(), &["rm", "new", "--files"]);
    assert!(!folder.exists());
}

#[test]
fn a_run_that_trains_keeps_its_files_and_its_record() {
    let home = Home::new();
    let folder = home.file("busy");
    let id = trained(&home, "busy", &folder);
    let lock = fs::File::options()
        .write(true)
        .open(folder.join("run.lock"))
        .expect("a file");
    lock.lock().expect("held");
    let before = names(&folder);
    let (status, said) = refused(home.path(), &["rm", "busy", "--files", "--yes"]);
    assert!(
        status == 1 && said.contains("Another training is running in"),
        "{said}"
    );
    assert_eq!(names(&folder), before);
    assert!(printed(home.path(), &["show", &id]).contains("busy"));
    // One that has not written yet whose the folder is.
    fs::remove_file(folder.join("run.json")).expect("removed");
    fs::write(folder.join("recipe.toml"), "[other]").expect("a file");
    let output = museau(home.path(), &["rm", "busy", "--files"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(names(&folder).len(), before.len() - 1);
}

#[test]
fn recorded_files_that_changed_since_stay_and_are_named() {
    let home = Home::new();
    let folder = home.file("changed");
    trained(&home, "changed", &folder);
    fs::write(folder.join("model.museau"), "CHANGED").expect("a file");
    // A link in the place of a file leads to what is somebody else's.
    #[cfg(unix)]
    {
        let theirs = home.file("theirs.toml");
        fs::rename(folder.join("recipe.toml"), &theirs).expect("moved");
        std::os::unix::fs::symlink(&theirs, folder.join("recipe.toml")).expect("a link");
    }
    let output = museau(home.path(), &["rm", "changed", "--files"]);
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("model.museau"), "{said}");
    let left = names(&folder);
    assert!(left.contains(&"model.museau".to_owned()), "{left:?}");
    for gone in ["run.json", "run.lock"] {
        assert!(!left.contains(&gone.to_owned()), "{left:?}");
    }
    #[cfg(unix)]
    assert_eq!(left, ["model.museau", "recipe.toml"]);
}

/// Writes a data set of two classes of 12 small photos.
fn photos(folder: &Path) {
    for (class, shade) in [("a", 40), ("b", 160)] {
        fs::create_dir_all(folder.join(class)).expect("a folder");
        for photo in 0..12u8 {
            let noise = |place: usize| ((place * (7 + usize::from(photo))) % 61) as u8 + shade;
            let pixels: Vec<u8> = (0..24 * 20 * 3).map(noise).collect();
            let jpeg = vision::encode::small_jpeg(24, 20, &pixels, 95).expect("a photo");
            fs::write(folder.join(class).join(format!("{photo}.jpg")), jpeg).expect("a photo");
        }
    }
}

#[test]
fn networks_of_best_epochs_go_with_their_run_and_a_person_s_stay() {
    let home = tempfile::tempdir().expect("a folder");
    let at = |name: &str| home.path().join(name);
    photos(&at("set"));
    let mut bests = Vec::new();
    for (name, seed) in [("one", "1"), ("two", "2")] {
        let output = Command::new(env!("CARGO_BIN_EXE_museau"))
            .args([
                "train",
                "-q",
                "--model.network",
                "lenet",
                "--input.size",
                "32",
            ])
            .args([
                "--train.epochs",
                "3",
                "--train.batch",
                "4",
                "--data.validation",
                "0.3",
            ])
            .args(["--train.seed", seed, "--data.source"])
            .args([&at("set"), Path::new("-o"), &at(name)])
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_HOME", home.path())
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{output:?}");
        let best = names(&at(name))
            .into_iter()
            .find(|name| name.starts_with("best-"));
        bests.push(best.expect("a best epoch"));
    }
    let (one, two) = (at("one"), at("two"));
    let own = fs::read(one.join(&bests[0])).expect("weights");
    let mut cut = own.clone();
    cut.pop();
    let theirs = [
        ("best-5.safetensors", b"weights of mine".to_vec()),
        (
            "best-6.safetensors",
            fs::read(two.join("checkpoint.safetensors")).expect("weights"),
        ),
        // A copy under another epoch, one of another run, and one that is not whole.
        ("best-7.safetensors", own),
        (
            "best-8.safetensors",
            fs::read(two.join(&bests[1])).expect("weights"),
        ),
        ("best-9.safetensors", cut),
    ];
    for (name, bytes) in &theirs {
        fs::write(one.join(name), bytes).expect("a file");
    }
    let output = museau(home.path(), &["rm", "one", "--files"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(names(&one), theirs.each_ref().map(|(name, _)| *name));
    let said = text(&output.stderr);
    for (name, bytes) in theirs {
        assert!(
            fs::read(one.join(name)).expect("weights") == bytes,
            "{name}"
        );
        assert!(said.contains(name), "{said}");
    }
    assert!(
        museau(home.path(), &["rm", "two", "--files"])
            .status
            .success()
    );
    assert!(!two.exists(), "{:?}", names(&two));
}

#[test]
fn an_export_is_written_over_an_export_alone() {
    let home = Home::new();
    for (file, theirs) in [
        ("a.csv", "dog,age\nRex,3\n"),
        ("a.json", "{\"dogs\": [\"Rex\"]}"),
    ] {
        let path = home.file(file);
        fs::write(&path, theirs).expect("a file");
        let name = path.to_str().expect("UTF-8");
        let (status, said) = refused(home.path(), &["export", "--all", "-o", name]);
        assert!(status == 2 && said.contains("already exists"), "{said}");
        assert_eq!(fs::read_to_string(&path).expect("a file"), theirs);
        fs::remove_file(&path).expect("removed");
        for _ in 0..2 {
            printed(home.path(), &["export", "--all", "-o", name]);
        }
    }
}

//! `museau train` from outside, on small made photos: several at once, broken off in every way and
//! gone on with, carried elsewhere, and what it refuses.
use serde_json::Value;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Epochs of a training that is broken off: enough that it is not over before.
const EPOCHS: usize = 120;

/// A folder with photos, recipes and a museau of its own.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// With `a.toml` and `b.toml`, which has a rate of its own, and the photos that they name.
    fn new() -> Self {
        let home = Home {
            folder: tempfile::tempdir().expect("a folder"),
        };
        home.photos("photos/beagle", 0, 0..20);
        home.photos("photos/pug", 1, 0..20);
        home.recipe("a.toml", 0.01, EPOCHS);
        home.recipe("b.toml", 0.02, EPOCHS);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Photos of one class: 24 x 20 pixels, its colour with noise.
    fn photos(&self, folder: &str, class: usize, seeds: Range<u64>) {
        let folder = self.path(folder);
        fs::create_dir_all(&folder).expect("a folder");
        for photo in seeds {
            let mut random = tensor::Random::new(7, class as u32, photo);
            let pixels = (0..24 * 20 * 3).map(|place| {
                let base = 60 * ((class + place) % 3);
                (base + random.below(120) as usize).min(255) as u8
            });
            let mut bytes = Vec::from(*b"BM");
            let words: [u32; 6] = [54 + 24 * 20 * 3, 0, 54, 40, 24, 20];
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            bytes.extend([1, 0, 24, 0]); // One plane of 24 bits a pixel, nothing packed.
            bytes.extend([0; 24]);
            bytes.extend(pixels);
            fs::write(folder.join(format!("{photo}.bmp")), bytes).expect("a photo");
        }
    }

    fn recipe(&self, name: &str, rate: f32, epochs: usize) {
        let text = format!(
            "[data]\nsource = \"photos\"\n[input]\nsize = 16\n\
             [augment]\nsteps = \"flip | zoom(0.9,1.1) | mixup(0.2)\"\n\
             [model]\nfilters = [4, 8]\nunits = 8\n[optimizer]\nrate = {rate}\n\
             [schedule]\nname = \"plateau\"\n\
             [train]\nepochs = {epochs}\nbatch = 8\ncheckpoint_seconds = 0\n"
        );
        fs::write(self.path(name), text).expect("a recipe");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("MUSEAU_HOME", self.path("home"))
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_THREADS", "1")
            .env_remove("MUSEAU_LOG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// What a training printed and said, where all went well.
    fn trained(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(&[&["train"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        (text(&output.stdout), text(&output.stderr))
    }

    /// Checks that a training is refused with this exit status, and that what is said has these
    /// words, in English and in French.
    fn refused(&self, arguments: &[&str], status: i32, english: &str, french: &str) {
        for (language, words) in [("en", english), ("fr", french)] {
            let output = self.run(&[&["train", "--lang", language], arguments].concat());
            let said = text(&output.stderr).replace(['\u{a0}', '\u{202f}'], " ");
            assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
            assert!(
                said.contains(words),
                "{arguments:?}: ‘{words}’ is not in\n{said}"
            );
            assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        }
    }

    /// Starts a training and waits until its `metrics.csv` has that many epochs.
    fn started(&self, arguments: &[&str], run: &str, epochs: usize) -> Child {
        let mut command = self.command(&[&["train"], arguments].concat());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        while !self.path(run).join("recipe.toml").exists() || self.epochs(run) < epochs {
            let ended = child.try_wait().expect("a process of ours");
            assert!(ended.is_none(), "{arguments:?} is over: {ended:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }

    /// Kills a training, as if the power failed, once its `metrics.csv` has that many epochs.
    fn killed(&self, arguments: &[&str], run: &str, epochs: usize) {
        let mut child = self.started(arguments, run, epochs);
        child.kill().expect("killed");
        child.wait().expect("a process of ours");
        let package = self.path(run).join("model.museau");
        assert!(!package.exists(), "{arguments:?} was over");
    }

    fn epochs(&self, run: &str) -> usize {
        let text = fs::read_to_string(self.path(run).join("metrics.csv")).unwrap_or_default();
        text.lines().count().saturating_sub(1)
    }

    /// The lines of `metrics.csv` without their last two columns, which are times.
    fn curve(&self, run: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(run).join("metrics.csv")).expect("a table");
        let without_times = |line: &str| line.rsplitn(3, ',').last().expect("a row").to_owned();
        let curve: Vec<String> = text.lines().map(without_times).collect();
        assert!(
            curve[0].ends_with(",rate") && curve.len() == EPOCHS + 1,
            "{curve:?}"
        );
        curve
    }

    fn package(&self, run: &str) -> Vec<u8> {
        fs::read(self.path(run).join("model.museau")).expect("a package")
    }

    /// Checks that a training ended as the other one, to the last bit.
    fn same(&self, run: &str, whole: &str) {
        assert_eq!(self.curve(run), self.curve(whole), "{run}");
        assert!(self.package(run) == self.package(whole), "{run}");
    }

    fn records(&self) -> Vec<Value> {
        let output = self.run(&["runs", "list", "--json"]);
        assert!(output.status.success(), "{output:?}");
        json(&text(&output.stdout))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn json(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in from.read_dir().expect("a folder") {
        let path = file.expect("a file").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

#[test]
fn several_recipes_with_several_seeds_are_trained_side_by_side_as_each_alone() {
    let home = Home::new();
    let (printed, _) = home.trained(&[
        "a.toml",
        "b.toml",
        "--seeds",
        "1,2",
        "-o",
        "four",
        "--threads",
        "2",
        "--json",
    ]);
    let mut told = json(&printed);
    told.sort_by_key(|run| run["name"].to_string());
    let names = ["a-seed1", "a-seed2", "b-seed1", "b-seed2"];
    for (run, name) in told.iter().zip(names) {
        assert_eq!(
            (&run["name"], &run["ended"]),
            (&name.into(), &"complete".into())
        );
        assert_eq!(run["epochs"], EPOCHS, "{run}");
    }
    assert_eq!(told.len(), 4);
    let mut records = home.records();
    records.sort_by_key(|run| run["name"].to_string());
    assert_eq!(records.len(), 4);
    for (run, name) in records.iter().zip(names) {
        assert_eq!(
            (&run["name"], &run["state"]),
            (&name.into(), &"complete".into())
        );
        assert_eq!(run["step"], EPOCHS, "{run}");
        let seed = if name.ends_with('1') { 1 } else { 2 };
        assert_eq!(run["seed"], seed, "{run}");
        let best = &run["metrics"]["val_loss"]["best"]["value"];
        assert!(best.as_f64().is_some_and(|loss| loss < 0.5), "{run}");
    }
    let curves = names.map(|name| home.curve(&format!("four/{name}")));
    for (place, curve) in curves.iter().enumerate() {
        assert!(!curves[..place].contains(curve), "{}", names[place]);
    }
    // Who trained beside it changes nothing.
    home.trained(&["b.toml", "--train.seed", "2", "-o", "alone"]);
    home.same("four/b-seed2", "alone");
}

#[test]
fn a_training_that_was_killed_again_and_again_ends_as_the_unbroken_one() {
    let home = Home::new();
    home.trained(&["a.toml", "-o", "whole"]);
    home.killed(&["a.toml", "-o", "broken"], "broken", 0);
    for epochs in [1, 7, 20, 40] {
        home.killed(&["--resume", "broken"], "broken", epochs);
    }
    home.trained(&["--resume", "broken"]);
    home.same("broken", "whole");
    // One that has no checkpoint of late goes back further, and gives the same.
    let seldom = ["a.toml", "--train.checkpoint_seconds", "30", "-o", "seldom"];
    home.killed(&seldom, "seldom", 5);
    home.trained(&["--resume", "seldom"]);
    assert_eq!(home.curve("seldom"), home.curve("whole"));
    // Each is one run, however often it was broken off.
    let records = home.records();
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|run| run["state"] == "complete"));
    // What is complete stays as it is.
    home.trained(&["--resume", "broken"]);
    home.same("broken", "whole");
}

#[test]
fn a_checkpoint_that_was_cut_costs_what_came_since_the_one_before() {
    let home = Home::new();
    home.trained(&["a.toml", "-o", "whole"]);
    home.killed(&["a.toml", "-o", "cut"], "cut", 9);
    let newest = home.path("cut/checkpoint.safetensors");
    // One that was killed between the two moves of a save has the older one alone.
    while !newest.exists() {
        let epochs = home.epochs("cut") + 2;
        home.killed(&["--resume", "cut"], "cut", epochs);
    }
    let bytes = fs::read(&newest).expect("a checkpoint");
    fs::write(&newest, &bytes[..bytes.len() / 2]).expect("cut");
    copy(&home.path("cut"), &home.path("cut-too"));
    copy(&home.path("cut"), &home.path("lost"));
    let (_, said) = home.trained(&["--resume", "cut"]);
    assert!(
        said.contains("damaged") && said.contains("the previous one"),
        "{said}"
    );
    home.same("cut", "whole");
    let (_, said) = home.trained(&["--resume", "cut-too", "--lang", "fr"]);
    assert!(
        said.contains("abîmé") && said.contains("du précédent"),
        "{said}"
    );
    let older = home.path("lost/checkpoint.before.safetensors");
    fs::write(older, &bytes[..100]).expect("cut");
    home.refused(
        &["--resume", "lost"],
        3,
        "No checkpoint",
        "Aucun point de reprise",
    );
}

#[test]
fn a_run_folder_goes_on_elsewhere_and_its_recipe_gives_the_same_curve() {
    let home = Home::new();
    home.trained(&["a.toml", "-o", "whole"]);
    home.killed(&["a.toml", "-o", "here"], "here", 6);
    copy(&home.path("here"), &home.path("there/run"));
    fs::rename(home.path("photos"), home.path("there/dogs")).expect("moved");
    fs::remove_dir_all(home.path("home")).expect("another person's");
    home.refused(&["--resume", "there/run"], 3, "photos", "photos");
    home.trained(&["--resume", "there/run", "--data.source", "there/dogs"]);
    assert_eq!(home.curve("there/run"), home.curve("whole"));
    let records = home.records();
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&records[0]["state"], &records[0]["step"]),
        (&"complete".into(), &EPOCHS.into())
    );
    let recipe = "there/run/recipe.toml";
    home.trained(&[recipe, "--data.source", "there/dogs", "-o", "again"]);
    assert_eq!(home.curve("again"), home.curve("whole"));
    // Other photos are not taken for the same.
    home.killed(&[recipe, "--data.source", "there/dogs", "-o", "x"], "x", 3);
    fs::remove_file(home.path("there/dogs/pug/0.bmp")).expect("removed");
    let elsewhere = ["--resume", "x", "--data.source", "there/dogs"];
    home.refused(&elsewhere, 3, "other photos", "d’autres photos");
}

#[test]
fn what_cannot_be_trained_is_refused_in_the_persons_language_and_leaves_nothing() {
    let home = Home::new();
    let recipe = fs::read_to_string(home.path("a.toml")).expect("a recipe");
    fs::write(home.path("key.toml"), recipe.replace("epochs", "epocs")).expect("a recipe");
    home.refused(
        &["key.toml"],
        2,
        "Unknown recipe key ‘train.epocs’. Did you mean ‘train.epochs’?",
        "Clé de recette inconnue : « train.epocs ». Vouliez-vous dire « train.epochs » ?",
    );
    fs::write(home.path("odd.toml"), "[train\nepochs = 3").expect("a recipe");
    home.refused(
        &["odd.toml"],
        2,
        "recipe could not be parsed",
        "recette n’a pas pu être lue",
    );
    let changed = |changes: &[&str], status: i32, english: &str, french: &str| {
        home.refused(&[&["a.toml"], changes].concat(), status, english, french);
    };
    changed(
        &["--train.epochs", "many"],
        2,
        "‘train.epochs’ is many",
        "« train.epochs » vaut many",
    );
    changed(
        &["--input.size", "5000"],
        2,
        "‘input.size’ is 5000",
        "« input.size » vaut 5000",
    );
    // Five times halved, nothing is left of 8 pixels.
    changed(
        &["--input.size", "8", "--model.filters", "4,4,4,4,4"],
        2,
        "network could not be trained",
        "réseau n’a pas pu être entraîné",
    );
    changed(
        &["--model.freeze", "conv,norm,dense,predictions"],
        2,
        "Nothing is left to train",
        "Il ne reste rien à entraîner",
    );
    changed(
        &["--data.classes", "pug"],
        3,
        "At least two are needed",
        "Nombre de classes : 1",
    );
    changed(&["--data.source", "gone"], 3, "gone", "gone");
    home.photos("one/pug", 1, 0..4);
    changed(
        &["--data.source", "one"],
        3,
        "At least two are needed",
        "Nombre de classes : 1",
    );
    for (folder, class, count) in [("train/a", 0, 6), ("train/b", 1, 6), ("test/c", 2, 2)] {
        home.photos(&format!("set/{folder}"), class, 0..count);
    }
    changed(
        &["--data.source", "set"],
        3,
        "Class ‘c’ has no training photo",
        "La classe « c » n’a aucune photo d’entraînement",
    );
    fs::create_dir(home.path("photos/akita")).expect("a folder");
    changed(
        &[],
        3,
        "Class ‘akita’ has no training photo",
        "La classe « akita » n’a aucune photo d’entraînement",
    );
    home.refused(
        &[],
        2,
        "names no data set",
        "ne nomme pas de jeu de données",
    );
    home.refused(
        &["--resume", "gone"],
        3,
        "gone contains no run to resume",
        "gone ne contient pas d’entraînement à reprendre",
    );
    fs::create_dir(home.path("mine")).expect("a folder");
    fs::write(home.path("mine/notes.txt"), "mine").expect("a file");
    fs::remove_dir(home.path("photos/akita")).expect("removed");
    changed(
        &["-o", "mine"],
        1,
        "mine is not empty",
        "mine n’est pas vide",
    );
    assert!(!home.path("runs").exists());
    assert!(home.records().is_empty());
    // Those that are named have photos.
    home.recipe("a.toml", 0.01, 1);
    fs::create_dir(home.path("photos/akita")).expect("a folder");
    home.trained(&["a.toml", "--data.classes", "beagle,pug", "-o", "run"]);
    home.refused(
        &["--resume", "run", "--train.epochs", "9"],
        2,
        "train.epochs cannot be changed",
        "train.epochs ne peut pas changer",
    );
}

#[test]
fn runs_of_one_recipe_are_named_by_their_folders_and_found_by_them() {
    let home = Home::new();
    home.recipe("a.toml", 0.01, 2);
    let (printed, said) = home.trained(&["a.toml", "-o", "out/slow"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("name ") && lines[1].starts_with("slow "),
        "{printed}"
    );
    let path = Path::new("out/slow/model.museau").display().to_string();
    assert!(said.contains(&format!("Written: {path}")), "{said}");
    assert!(said.contains("Next: museau evaluate out/slow "), "{said}");
    home.trained(&["a.toml", "--optimizer.rate", "0.02", "-o", "out/fast"]);
    home.trained(&["a.toml", "-o", "third", "--train.name", "mine"]);
    home.trained(&["a.toml"]);
    let mut names: Vec<String> = (home.records().iter())
        .map(|run| run["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "fast", "mine", "slow"]);
    fs::rename(home.path("out/fast"), home.path("moved")).expect("moved");
    for wanted in ["fast", "moved"] {
        let output = home.run(&["runs", "show", wanted, "--json"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(json(&text(&output.stdout))[0]["name"], "fast");
    }
    let output = home.run(&["runs", "compare", "out/slow", "moved"]);
    let printed = text(&output.stdout);
    assert!(
        printed.contains("*: the best value of the row."),
        "{printed}"
    );
    let marked = |line: &str| line.starts_with("seconds") && line.contains('*');
    assert!(!printed.lines().any(marked), "{printed}");
}

/// Who fits the temperature again on the same photos is given the same.
#[test]
fn a_training_and_an_evaluation_fit_a_temperature_alike() {
    let home = Home::new();
    home.recipe("a.toml", 0.01, 3);
    home.trained(&["a.toml", "-o", "run"]);
    let arguments = [
        "evaluate",
        "run",
        "run/photos.csv",
        "--fit-temperature",
        "new.museau",
        "--no-baseline",
    ];
    let output = home.run(&arguments);
    assert!(output.status.success(), "{output:?}");
    let temperature = |path: &str| {
        let package = package::Package::read_file(&home.path(path)).expect("a package");
        package.about.calibration.temperature
    };
    let (before, after) = (temperature("run/model.museau"), temperature("new.museau"));
    assert!((before / after - 1.0).abs() < 1e-3, "{before} and {after}");
}

#[test]
fn the_recipes_of_the_readme_are_understood() {
    let home = Home::new();
    for name in ["README.md", "README.fr.md"] {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(name);
        let readme = fs::read_to_string(readme).expect("the readme");
        let (_, rest) = readme.split_once("```toml\n").expect("a recipe");
        let (recipe, _) = rest.split_once("```").expect("its end");
        fs::write(home.path("readme.toml"), recipe).expect("a recipe");
        home.trained(&[
            "readme.toml",
            "--data.source",
            "photos",
            "--data.classes",
            "beagle,pug",
            "--train.epochs",
            "1",
        ]);
    }
}

#[test]
fn a_loss_that_is_no_number_stops_a_training_and_is_recorded() {
    let home = Home::new();
    let changes = [
        "a.toml",
        "--optimizer.name",
        "sgd",
        "--optimizer.rate",
        "1e30",
        "--model.batch_norm",
        "false",
    ];
    home.refused(&changes, 1, "diverged in epoch 1", "a divergé à l’époque 1");
    let records = home.records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|run| run["state"] == "failed"));
    // One that fails does not take others with it.
    home.recipe("short.toml", 0.01, 2);
    fs::write(home.path("bad.toml"), {
        let recipe = fs::read_to_string(home.path("a.toml")).expect("a recipe");
        let recipe = recipe.replace("rate = 0.01", "name = \"sgd\"\nrate = 1e30");
        recipe.replace("units = 8", "units = 8\nbatch_norm = false")
    })
    .expect("a recipe");
    let output = home.run(&["train", "bad.toml", "short.toml", "-o", "both"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(home.path("both/short/model.museau").exists(), "{output:?}");
    assert!(!home.path("both/bad/model.museau").exists(), "{output:?}");
}

#[test]
fn one_training_at_a_time_works_in_a_folder_and_none_is_overwritten() {
    let home = Home::new();
    home.trained(&["a.toml", "-o", "whole"]);
    let mut first = home.started(&["a.toml", "-o", "one"], "one", 2);
    let held = [
        "Another training is running in one",
        "Un autre entraînement est en cours dans one",
    ];
    let alone = ["--train.epochs", "3", "-o", "one"];
    home.refused(&[&["a.toml"], &alone[..]].concat(), 1, held[0], held[1]);
    home.refused(&["--resume", "one"], 1, held[0], held[1]);
    assert!(first.wait().expect("a process of ours").success());
    home.same("one", "whole");
    home.refused(
        &["a.toml", "-o", "one"],
        1,
        "one already contains a run",
        "Il y a déjà un entraînement dans one",
    );
    home.same("one", "whole");
}

#[test]
fn classes_that_are_no_breeds_are_trained_evaluated_and_answered() {
    let home = Home::new();
    home.recipe("a.toml", 0.01, 3);
    for (part, seed) in [("train", 0), ("val", 20), ("test", 30)] {
        for (class, name) in ["brown", "striped"].iter().enumerate() {
            home.photos(&format!("set/{part}/{name}"), class, seed..seed + 8);
        }
    }
    home.trained(&["a.toml", "--data.source", "set", "-o", "run"]);
    let package = "run/model.museau";
    let output = home.run(&["evaluate", package, "set", "--part", "test", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let said = &json(&text(&output.stdout))[0];
    assert_eq!(said["over_all"]["photos"], 16, "{said}");
    assert_eq!(said["comparisons"], Value::Array(Vec::new()), "{said}");
    let told = text(&output.stderr);
    assert!(told.contains("does not know all classes"), "{told}");
    let photo = "set/test/brown/30.bmp";
    let output = home.run(&["classify", "--json", "--model", package, photo]);
    let breeds = &json(&text(&output.stdout))[0]["breeds"];
    let mut ids = [&breeds[0]["id"], &breeds[1]["id"]].map(Value::to_string);
    ids.sort();
    assert_eq!(ids, ["\"brown\"", "\"striped\""], "{output:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_training_after_a_checkpoint() {
    let home = Home::new();
    home.trained(&["a.toml", "-o", "whole"]);
    let begin = ["a.toml", "--json", "-o", "stopped"];
    let child = home.started(&begin, "stopped", 4);
    let process = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &process]).status();
    assert!(sent.expect("kill starts").success());
    let output = child.wait_with_output().expect("a process of ours");
    assert_eq!(output.status.code(), Some(130));
    let told = &json(&text(&output.stdout))[0];
    assert_eq!(
        (&told["ended"], &told["package"]),
        (&"interrupted".into(), &Value::Null)
    );
    assert!(home.path("stopped/checkpoint.safetensors").exists());
    let state = |name: &str| home.records().iter().any(|run| run["state"] == name);
    assert!(state("interrupted"));
    home.trained(&["--resume", "stopped"]);
    home.same("stopped", "whole");
    assert!(!state("interrupted"));
}

#[test]
fn an_unfinished_run_of_the_same_name_is_told_before_another_begins_beside_it() {
    let home = Home::new();
    home.killed(&["a.toml"], "runs/a", 2);
    home.recipe("a.toml", 0.01, 2);
    for (language, words, name) in [
        ("en", "runs/a contains an unfinished run", "a-2"),
        ("fr", "runs/a contient un entraînement inachevé", "a-3"),
    ] {
        let (_, said) = home.trained(&["a.toml", "--lang", language]);
        let told = said.contains(words) && said.contains("--resume runs/a") && said.contains(name);
        // The second and the third are whole: nothing is to be said of them.
        assert!(told && said.matches("--resume").count() == 1, "{said}");
        assert!(home.path("runs").join(name).join("model.museau").exists());
    }
    let (_, said) = home.trained(&["a.toml", "--quiet"]);
    assert!(!said.contains("--resume"), "{said}");
    // What is still at work is not to be gone on with.
    home.recipe("b.toml", 0.02, EPOCHS);
    let mut first = home.started(&["b.toml"], "runs/b", 1);
    let (_, said) = home.trained(&["b.toml", "--train.epochs", "1"]);
    assert!(!said.contains("--resume"), "{said}");
    assert!(first.wait().expect("a process of ours").success());
}

/// A home with a data set in three parts, and two seeds of each of these recipes' changes trained on it.
fn trained_pairs(groups: &[(&str, &[&str])]) -> Home {
    let home = Home::new();
    home.recipe("a.toml", 0.01, 2);
    for (part, seed) in [("train", 0), ("val", 20), ("test", 30)] {
        for (class, name) in ["brown", "striped"].iter().enumerate() {
            home.photos(&format!("set/{part}/{name}"), class, seed..seed + 8);
        }
    }
    for (folder, changes) in groups {
        let train = [
            "a.toml",
            "--data.source",
            "set",
            "--seeds",
            "1,2",
            "-o",
            folder,
        ];
        home.trained(&[&train[..], changes].concat());
    }
    home
}

#[test]
fn an_evaluation_says_whether_its_photos_were_in_the_training() {
    let home = trained_pairs(&[("runs", &[])]);
    for (part, language, words, seen, looked_at) in [
        ("test", "en", "None of the photos evaluated here", 0, 0),
        ("val", "en", "it was selected on 16 of the photos", 0, 16),
        ("train", "fr", "il a été entraîné sur 16 des photos", 16, 0),
    ] {
        let evaluate = ["evaluate", "runs/a-seed1", "set", "--part", part];
        let output = home.run(&[&evaluate[..], &["--lang", language]].concat());
        let said = text(&output.stdout).replace('\u{a0}', " ");
        assert!(
            said.contains(words) && said.contains("« set »") | said.contains("‘set’"),
            "{said}"
        );
        let output = home.run(&[&evaluate[..], &["--json"]].concat());
        let training = json(&text(&output.stdout))[0]["training"].clone();
        assert_eq!(
            (&training["seen"], &training["looked_at"]),
            (&seen.into(), &looked_at.into())
        );
        assert_eq!(
            (&training["fitted"], &training["chosen"]),
            (&16.into(), &16.into())
        );
        let about = fs::read(home.path("runs/a-seed1/run.json")).expect("about the run");
        let about: Value = serde_json::from_slice(&about).expect("JSON");
        assert_eq!(training["photos"], about["photos"]);
    }
}

#[test]
fn pairs_that_are_compared_have_the_same_seeds_and_it_is_said_what_differs() {
    let home = trained_pairs(&[
        ("base", &[]),
        ("units", &["--model.units", "4"]),
        ("both", &["--model.units", "4", "--augment.steps", "flip"]),
    ]);
    let compare = |base: &[&str], with: &[&str], more: &[&str]| {
        let words = [&["compare", "set", "--base"], base, &["--with"], with, more].concat();
        let output = home.run(&words);
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let base = ["base/a-seed1", "base/a-seed2"];
    let units = ["units/a-seed1", "units/a-seed2"];
    let (status, printed, said) = compare(&base, &units, &["--json"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("differ in: model.units."), "{said}");
    let compared = &json(&printed)[0];
    assert_eq!(compared["differences"], serde_json::json!(["model.units"]));
    assert_eq!(compared["base"]["mixed"], serde_json::json!([]));
    assert_eq!(compared["paired"]["pairs"], 2);
    assert!(
        compared["base"]["seen"] == 0 && !said.contains("CAUTION"),
        "{said}"
    );
    // Where both seeds tell as many photos right nothing says how far others would lie.
    let of_seeds = &compared["base"]["accuracies"];
    assert_eq!(
        of_seeds[0] != of_seeds[1],
        compared["base"]["interval"]["low"].is_number(),
        "{compared}"
    );
    assert!(
        compared["verdict"]
            .as_str()
            .is_some_and(|verdict| verdict.ends_with("at least 6 are needed.")),
        "{compared}"
    );
    let (_, _, said) = compare(&base, &["both/a-seed1", "both/a-seed2"], &["--lang", "fr"]);
    assert!(said.contains("plusieurs réglages changent"), "{said}");
    assert!(said.contains("augment.steps, model.units."), "{said}");
    let (_, printed, said) = compare(
        &["base/a-seed1", "units/a-seed2"],
        &["both/a-seed1", "both/a-seed2"],
        &["--json"],
    );
    let compared = &json(&printed)[0];
    assert_eq!(
        (&compared["base"]["mixed"], &compared["with"]["mixed"]),
        (&serde_json::json!(["model.units"]), &serde_json::json!([]))
    );
    assert!(
        said.contains("models of --base differ in more than their seeds"),
        "{said}"
    );
    // What is no pair, and what counts twice.
    for (base, with, words) in [
        (
            &base[..],
            &["units/a-seed2", "units/a-seed1"][..],
            "Pair 1 does not match: seed 1",
        ),
        (&["base/a-seed1"; 2], &units, "is given twice"),
        (
            &["base/a-seed1", "units/a-seed1"],
            &["both/a-seed1", "both/a-seed2"],
            "of --base have seed 1",
        ),
    ] {
        let (status, printed, said) = compare(base, with, &[]);
        assert_eq!((status, &*printed), (Some(2), ""), "{said}");
        assert!(said.contains(words), "{said}");
    }
    // One pair has a difference and no interval.
    let (status, printed, _) = compare(&base[..1], &units[..1], &[]);
    assert_eq!(status, Some(0), "{printed}");
    let lines: Vec<Vec<&str>> = (printed.lines())
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(
        lines[0].starts_with(&["group", "mean"])
            && lines[1][0] == "--base"
            && lines[1].ends_with(&["-", "-", "1"])
            && lines[3].starts_with(&["A", "single", "pair:"]),
        "{printed}"
    );
    let (_, printed, _) = compare(&base[..1], &units[..1], &["--json"]);
    let compared = &json(&printed)[0];
    assert_eq!(
        (&compared["paired"], &compared["base"]["interval"]),
        (&Value::Null, &Value::Null)
    );
    // On photos of their own training models look better than they are.
    let (_, printed, said) = compare(&base, &units, &["--part", "train", "--json"]);
    assert!(said.contains("trained on 16 of the photos"), "{said}");
    assert_eq!(json(&printed)[0]["with"]["seen"], 16, "{printed}");
    // Tables do not say how their model was trained.
    for (model, table) in [("base/a-seed1", "p.csv"), ("units/a-seed1", "q.csv")] {
        let output = home.run(&["evaluate", model, "set", "--predictions", table]);
        assert!(output.status.success(), "{output:?}");
    }
    let (status, printed, said) = compare(&["p.csv"], &["q.csv"], &["--json"]);
    assert!(
        status == Some(0) && said.contains("Some models do not record"),
        "{said}"
    );
    let compared = &json(&printed)[0];
    assert_eq!(
        (&compared["differences"], &compared["base"]["mixed"]),
        (&Value::Null, &Value::Null)
    );
}

//! `museau search` from outside, on small made photos: trials that end, are killed and go on, and what is
//! refused.
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A folder with photos and a museau of its own.
struct Home {
    folder: tempfile::TempDir,
}

/// A space over the small network, whose trials take moments.
const SPACE: &str = r#"
[data]
source = "photos"
validation = 0.3
[input]
size = 16
[model]
filters = { each = { low = 4, high = 8 }, length = { low = 2, high = 3 } }
kernels = [3]
units = { low = 4, high = 16, log = true }
[optimizer]
name = { choices = ["adam", "sgd"] }
rate = { low = 1e-4, high = 1e-1, log = true }
momentum = { low = 0.5, high = 0.9, when = { "optimizer.name" = "sgd" } }
[train]
epochs = 4
batch = 8
checkpoint_seconds = 0
[search]
trials = 6
pruner = "none"
"#;

impl Home {
    fn new() -> Self {
        let home = Home {
            folder: tempfile::tempdir().expect("a folder"),
        };
        for (class, name) in [(0, "beagle"), (1, "pug")] {
            home.photos(name, class);
        }
        home.write("space.toml", SPACE);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// Photos of one class: 24 x 20 pixels, its colour with noise.
    fn photos(&self, name: &str, class: u32) {
        let folder = self.path("photos").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        for photo in 0..12 {
            let mut random = tensor::Random::new(7, class, photo);
            let pixels = (0..24 * 20 * 3u32).map(|place| {
                let base = 60 * ((class + place) % 3);
                (base + random.below(120)).min(255) as u8
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

    fn museau(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
        command
            .args(arguments)
            .args(["--threads", "2"])
            .current_dir(self.folder.path())
            .env("MUSEAU_HOME", self.path("home"))
            .env("MUSEAU_LANG", "en");
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.museau(arguments).output().expect("museau runs")
    }

    /// The trials of a study, as JSON.
    fn trials(&self, study: &str) -> Vec<Value> {
        let output = self.output(&["search", "show", study, "--json"]);
        let lines = String::from_utf8(output.stdout).expect("text");
        lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.museau(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("museau runs")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Each number once, all of them over.
fn whole(trials: &[Value], count: u64) {
    let numbers: Vec<u64> = trials
        .iter()
        .map(|trial| trial["number"].as_u64().unwrap())
        .collect();
    let different: BTreeSet<u64> = numbers.iter().copied().collect();
    assert!(different.into_iter().eq(0..count), "{numbers:?}");
    assert_eq!(numbers.len() as u64, count);
    for trial in trials {
        assert_eq!(trial["state"], "complete", "{trial}");
        let accuracy = trial["values"]["val_accuracy"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&accuracy), "{trial}");
    }
}

#[test]
fn a_search_gives_the_same_trials_again_and_its_best_model() {
    let home = Home::new();
    let output = home.output(&["search", "space.toml", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let trials = home.trials("space");
    whole(&trials, 6);
    for trial in &trials {
        let settings = trial["parameters"].as_object().unwrap();
        let sgd = settings["optimizer.name"] == "sgd";
        assert_eq!(settings.contains_key("optimizer.momentum"), sgd, "{trial}");
        let length = settings["model.filters.length"].as_u64().unwrap();
        assert_eq!(
            settings.contains_key("model.filters.3"),
            length == 3,
            "{trial}"
        );
        let folder = PathBuf::from(trial["folder"].as_str().unwrap());
        assert!(folder.join("model.museau").is_file(), "{trial}");
        let recipe = fs::read_to_string(folder.join("recipe.toml")).unwrap();
        let units = format!("units = {}", settings["model.units"]);
        assert!(recipe.contains(&units), "{units}: {recipe}");
    }
    // Each trial is a run.
    let runs = home.output(&["runs", "list", "--json"]);
    assert_eq!(String::from_utf8_lossy(&runs.stdout).lines().count(), 6);

    let again = home.output(&["search", "space.toml", "--study", "again", "--json"]);
    assert!(again.status.success(), "{}", said(&again));
    let what = |trial: &Value| (trial["parameters"].clone(), trial["values"].clone());
    let again: Vec<_> = home.trials("again").iter().map(what).collect();
    assert_eq!(again, trials.iter().map(what).collect::<Vec<_>>());

    // Of the same study only what is missing.
    let more = home.output(&["search", "space.toml", "--trials", "8"]);
    assert!(more.status.success(), "{}", said(&more));
    assert_eq!(said(&more).matches("Trial ").count(), 2, "{}", said(&more));
    whole(&home.trials("space"), 8);
    let best = home.output(&["search", "best", "space", "-o", "best.museau"]);
    assert!(best.status.success(), "{}", said(&best));
    assert!(
        home.output(&["models", "show", "best.museau"])
            .status
            .success()
    );
    let list = home.output(&["search", "list", "--json"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), 2);

    // Another space under the same name would mix what does not compare.
    home.write("other.toml", &SPACE.replace("high = 16", "high = 32"));
    let other = home.output(&["search", "other.toml", "--study", "space"]);
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
}

#[test]
fn a_search_that_is_killed_goes_on_without_a_lost_or_doubled_trial() {
    let home = Home::new();
    let long = SPACE.replace("epochs = 4", "epochs = 40");
    home.write("space.toml", &long);
    let arguments = ["search", "space.toml", "--workers", "2", "--quiet"];
    for round in 0..4u64 {
        let mut child = home.start(&arguments);
        std::thread::sleep(Duration::from_millis(900 + 350 * round));
        let _ = child.kill();
        let _ = child.wait();
    }
    let output = home.output(&arguments);
    assert!(output.status.success(), "{}", said(&output));
    whole(&home.trials("space"), 6);
    let runs = home.output(&["runs", "list", "--json"]);
    let runs = String::from_utf8_lossy(&runs.stdout).into_owned();
    assert_eq!(runs.lines().count(), 6, "{runs}");
    assert!(
        runs.lines().all(|line| line.contains("\"complete\"")),
        "{runs}"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_search_that_goes_on() {
    let home = Home::new();
    home.write("space.toml", &SPACE.replace("epochs = 4", "epochs = 400"));
    let child = home.start(&["search", "space.toml", "--quiet"]);
    let id = child.id().to_string();
    std::thread::sleep(Duration::from_millis(2500));
    let signalled = Command::new("kill")
        .args(["-INT", &id])
        .status()
        .expect("kill");
    assert!(signalled.success());
    let status = child.wait_with_output().expect("an end").status;
    assert_eq!(status.code(), Some(130));
    let trials = home.trials("space");
    assert_eq!(trials.last().unwrap()["state"], "waiting", "{trials:?}");
}

#[test]
fn what_makes_no_sense_is_named_before_anything_is_trained() {
    let home = Home::new();
    for (from, to, english, french) in [
        ("units =", "unit =", "model.units", "model.units"),
        (
            "low = 4, high = 16",
            "low = 40, high = 16",
            "upside down",
            "à l’envers",
        ),
        ("low = 1e-4", "low = 0", "above 0", "au-dessus de 0"),
        (
            "high = 1e-1, log",
            "hihg = 1e-1, log",
            "optimizer.rate.high",
            "optimizer.rate.high",
        ),
        (
            "[\"adam\", \"sgd\"]",
            "[\"adam\", \"sgd\", \"sdg\"]",
            "sdg",
            "sdg",
        ),
        (
            "\"optimizer.name\" = \"sgd\"",
            "\"optimizer.name\" = \"lion\"",
            "never",
            "jamais",
        ),
        ("trials = 6", "trial = 6", "search.trials", "search.trials"),
        (
            "pruner = \"none\"",
            "pruner = \"medain\"",
            "median",
            "median",
        ),
        ("size = 16", "size = 8", "No trial", "Aucun essai"),
        (
            "units = { low = 4, high = 16, log = true }",
            "units = { low = -4, high = 16 }",
            "model.units",
            "model.units",
        ),
    ] {
        assert!(SPACE.contains(from), "{from}");
        let text = SPACE.replace(from, to);
        // A small input leaves nothing for five blocks.
        let text = match to {
            "size = 8" => text.replace("length = { low = 2, high = 3 }", "length = 5"),
            _ => text,
        };
        home.write("bad.toml", &text);
        for (language, wanted) in [("en", english), ("fr", french)] {
            let mut command = home.museau(&["search", "bad.toml", "--lang", language]);
            let output = command.output().expect("museau runs");
            assert_eq!(output.status.code(), Some(2), "{to}: {}", said(&output));
            let text = said(&output).replace('\u{a0}', " ");
            assert!(text.contains(wanted), "{to}: {text}");
        }
    }
    let none = SPACE
        .lines()
        .filter(|line| !line.contains('{'))
        .collect::<Vec<_>>()
        .join("\n");
    home.write("bad.toml", &none);
    let output = home.output(&["search", "bad.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("nothing to search"),
        "{}",
        said(&output)
    );
    assert!(!home.path("home/runs.sqlite").exists() && !home.path("runs").exists());
}

#[test]
fn a_study_is_worked_on_and_shown_from_elsewhere() {
    let home = Home::new();
    let begun = home.output(&["search", "space.toml", "--workers", "0", "--trials", "5"]);
    assert!(begun.status.success(), "{}", said(&begun));
    assert!(
        said(&begun).contains("search worker --study space"),
        "{}",
        said(&begun)
    );
    assert!(home.trials("space").is_empty());
    // The photos have moved; what varies may not change any more.
    fs::rename(home.path("photos"), home.path("moved")).expect("moved");
    let refused = home.output(&["search", "worker", "--study", "space", "--model.units", "4"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let worker = [
        "search",
        "worker",
        "--study",
        "space",
        "--data.source",
        "moved",
        "-o",
        "else",
    ];
    let workers = [home.start(&worker), home.start(&worker)];
    for mut worker in workers {
        assert!(worker.wait().expect("an end").success());
    }
    whole(&home.trials("space"), 5);
    assert_eq!(
        fs::read_dir(home.path("else")).expect("the runs").count(),
        5
    );

    let shown = home.output(&["search", "importance", "--json"]);
    let shares: Vec<f64> = String::from_utf8_lossy(&shown.stdout)
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["importance"]
                .as_f64()
                .unwrap()
        })
        .collect();
    assert!(
        !shares.is_empty() && shares.iter().sum::<f64>() < 1.0 + 1e-9,
        "{shares:?}"
    );
    let page = home.output(&["search", "report", "-o", "page.html", "--lang", "fr"]);
    assert!(page.status.success(), "{}", said(&page));
    let html = fs::read_to_string(home.path("page.html")).expect("a page");
    for wanted in ["Coordonnées parallèles", "optimizer.rate", "Historique"] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(
        html.matches("<svg").count() > 8,
        "{}",
        html.matches("<svg").count()
    );
    assert_eq!(
        html.matches("<svg").count(),
        html.matches("<details").count()
    );
}

/// A pruned trial is trained to its end, from where it was left.
#[test]
fn a_trial_that_was_pruned_goes_on() {
    let home = Home::new();
    let text = SPACE
        .replace(
            "pruner = \"none\"",
            "pruner = \"median\"\nstartup = 1\nwarm_up = 1",
        )
        .replace("epochs = 4", "epochs = 6")
        .replace("trials = 6", "trials = 12");
    home.write("space.toml", &text);
    let output = home.output(&["search", "space.toml", "--quiet"]);
    assert!(output.status.success(), "{}", said(&output));
    let trials = home.trials("space");
    let pruned = trials.iter().find(|trial| trial["state"] == "pruned");
    let pruned = pruned.unwrap_or_else(|| panic!("{trials:?}"));
    let number = pruned["number"].as_u64().unwrap();
    let folder = PathBuf::from(pruned["folder"].as_str().unwrap());
    assert!(
        folder.join("checkpoint.safetensors").is_file() && !folder.join("model.museau").exists()
    );
    let go_on = |number: u64| {
        home.output(&[
            "search",
            "continue",
            "space",
            "--trial",
            &number.to_string(),
        ])
    };
    let output = go_on(number);
    assert!(output.status.success(), "{}", said(&output));
    let now = &home.trials("space")[number as usize];
    assert_eq!(now["state"], "complete", "{now}");
    assert!(folder.join("model.museau").is_file());
    // It is over now, and there is none of this number.
    assert_eq!(go_on(number).status.code(), Some(2));
    assert_eq!(go_on(99).status.code(), Some(2));
}

/// Two objectives: the trials that none beats are told in the page.
#[test]
fn two_objectives_are_a_trade_off() {
    let home = Home::new();
    let arguments = [
        "search",
        "space.toml",
        "--objective",
        "val_accuracy,parameters",
        "--trials",
        "5",
    ];
    let output = home.output(&arguments);
    assert!(output.status.success(), "{}", said(&output));
    for trial in home.trials("space") {
        let parameters = trial["values"]["parameters"].as_f64().unwrap();
        assert!(
            parameters > 50.0 && trial["values"]["val_accuracy"].is_f64(),
            "{trial}"
        );
    }
    let page = home.output(&["search", "report", "-o", "page.html"]);
    assert!(page.status.success(), "{}", said(&page));
    let html = fs::read_to_string(home.path("page.html")).expect("a page");
    assert!(html.contains("Pareto front"));
}

/// What cannot be built is no crash: the trial is ruled out, with the reason.
#[test]
fn what_cannot_be_trained_is_ruled_out() {
    let home = Home::new();
    let text = SPACE
        .replace("size = 16", "size = { choices = [8, 16] }")
        .replace(
            "length = { low = 2, high = 3 }",
            "length = { low = 2, high = 5 }",
        );
    home.write("space.toml", &text);
    let output = home.output(&[
        "search",
        "space.toml",
        "--sampler",
        "random",
        "--trials",
        "10",
    ]);
    assert!(output.status.success(), "{}", said(&output));
    let trials = home.trials("space");
    let (out, over): (Vec<_>, Vec<_>) = trials.iter().partition(|trial| trial["state"] == "pruned");
    assert!(!out.is_empty() && !over.is_empty(), "{trials:?}");
    for trial in out {
        // Each block halves what the next one sees.
        let number = |name: &str| trial["parameters"][name].as_u64().unwrap();
        let least = 1 << number("model.filters.length");
        assert!(number("input.size") < least, "{trial}");
        assert!(
            trial["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty()),
            "{trial}"
        );
    }
}

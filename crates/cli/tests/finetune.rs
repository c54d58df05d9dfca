//! `museau finetune` from outside, on small made photos: from a network that was trained before and from
//! the embedded one, broken off and gone on with, and what it refuses.
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder with photos and a museau of its own.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// With `photos`, of three breeds.
    fn new() -> Self {
        let home = Home {
            folder: tempfile::tempdir().expect("a folder"),
        };
        for (class, name) in ["beagle", "pug", "whippet"].into_iter().enumerate() {
            home.photos(&format!("photos/{name}"), class);
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Twelve photos of one class: 24 x 20 pixels, its colour with noise.
    fn photos(&self, folder: &str, class: usize) {
        let folder = self.path(folder);
        fs::create_dir_all(&folder).expect("a folder");
        for photo in 0..12 {
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

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("MUSEAU_HOME", self.path("home"))
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_THREADS", "2")
            .env_remove("MUSEAU_LOG")
            .stdin(Stdio::null());
        command.output().expect("the binary starts")
    }

    /// What a command that goes well printed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    /// What a command that prints one JSON object printed.
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(arguments)).expect("JSON")
    }

    /// Checks that a command is refused, and that what is said has these words in both languages.
    fn refused(&self, arguments: &[&str], status: i32, english: &str, french: &str) {
        for (language, words) in [("en", english), ("fr", french)] {
            let output = self.run(&[arguments, &["--lang", language]].concat());
            let said = text(&output.stderr).replace(['\u{a0}', '\u{202f}'], " ");
            assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
            assert!(
                said.contains(words),
                "{arguments:?}: ‘{words}’ is not in\n{said}"
            );
        }
    }

    /// A small network of two other classes.
    fn small(&self) {
        self.photos("others/red", 0);
        self.photos("others/whippet", 2);
        let small = [
            "--input.size",
            "16",
            "--model.filters",
            "4,8",
            "--model.units",
            "8",
        ];
        let train = [
            "train",
            "--data.source",
            "others",
            "--train.epochs",
            "2",
            "-o",
            "small",
        ];
        self.done(&[&train[..], &small].concat());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_head_on_the_embedded_network_is_trained_and_served() {
    let home = Home::new();
    let end = home.json(&["finetune", "photos", "--json", "-o", "tuned"]);
    assert_eq!(end["ended"], "complete");
    assert!(
        end["metrics"]["val_accuracy"].as_f64().unwrap() > 0.8,
        "{end}"
    );
    let answer = home.json(&["classify", "photos/pug/3.bmp", "--json", "--model", "tuned"]);
    assert_eq!(answer["breeds"][0]["name"], "Pug", "{answer}");
    assert_eq!(answer["breeds"].as_array().unwrap().len(), 3);
    // The old head still says whether there is a dog: in coloured noise there is none.
    assert_eq!(answer["answer"], "not_a_dog", "{answer}");
    let shown = home.done(&["models", "show", "tuned"]);
    assert!(shown.contains("efficientnet_lite2"), "{shown}");
    let card = fs::read_to_string(home.path("tuned/model_card.md")).unwrap();
    assert!(card.contains("of its 3 classes 3 started"), "{card}");
    assert!(
        card.contains("Stanford Dogs") && card.contains("Apache-2.0"),
        "{card}"
    );
    // The same recipe again reads the features of the first.
    let features = |home: &Home| home.path("home/features").read_dir().unwrap().count();
    let before = features(&home);
    home.done(&[
        "finetune",
        "tuned/recipe.toml",
        "--train.seed",
        "2",
        "-o",
        "again",
    ]);
    assert_eq!(features(&home), before);
    let listed = home.done(&["runs", "list", "--json"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn a_recipe_starts_from_a_run_a_file_or_weights_drawn_at_random() {
    let home = Home::new();
    home.small();
    fs::create_dir(home.path("recipes")).unwrap();
    let recipe = "[data]\nsource = \"../photos\"\n[model]\ninitial = \"../small\"\nunits = [6, 5]\n\
                  [augment]\nsteps = \"flip\"\nviews = 2\n[train]\nepochs = 3\n";
    fs::write(home.path("recipes/a.toml"), recipe).unwrap();
    for (verb, folder) in [("finetune", "fine"), ("train", "whole")] {
        let end = home.json(&[verb, "recipes/a.toml", "--json", "-o", folder]);
        assert_eq!(
            (&end["ended"], &end["epochs"]),
            (&"complete".into(), &3.into())
        );
        let written = fs::read_to_string(home.path(folder).join("recipe.toml")).unwrap();
        assert!(
            written.contains("size = 16") && written.contains("units = [6, 5]"),
            "{written}"
        );
        assert_eq!(
            written.contains("freeze = \"*\""),
            verb == "finetune",
            "{written}"
        );
        // A run that is over goes on to nothing.
        let end = home.json(&["train", "--resume", folder, "--json"]);
        assert_eq!(end["ended"], "complete");
    }
    let random = [
        "--model.initial",
        "random",
        "--model.network",
        "mobilenet_v2",
    ];
    let short = [
        "--input.size",
        "32",
        "--train.epochs",
        "1",
        "--train.batch",
        "16",
    ];
    let finetune = ["finetune", "photos", "-o", "random"];
    home.done(&[&finetune[..], &random, &short].concat());
    assert!(home.path("random/model.museau").is_file());
}

#[test]
fn initial_weights_that_cannot_be_used_are_told_in_both_languages() {
    let home = Home::new();
    home.small();
    let refused = |more: &[&str], status, english: &str, french: &str| {
        let arguments = [&["finetune", "photos", "-o", "refused"][..], more].concat();
        home.refused(&arguments, status, english, french);
        assert!(!home.path("refused").exists(), "{more:?}");
    };
    let initial = |name| ["--model.initial", name];
    refused(&initial("nothing"), 3, "‘nothing’", "« nothing »");
    refused(
        &initial("vgg16"),
        3,
        "no weights of vgg16",
        "pas encore de poids de vgg16",
    );
    refused(&initial("random"), 2, "which network", "de quel réseau");
    fs::write(home.path("weights.pth"), b"no weights at all").unwrap();
    let other = [&initial("weights.pth")[..], &["--model.network", "vgg16"]].concat();
    refused(&other, 3, "weights.pth", "weights.pth");
    let size = [&initial("small")[..], &["--input.size", "32"]].concat();
    refused(&size, 2, "takes 16 pixels", "fait pour 16 pixels");
    let all = [&initial("small")[..], &["--model.freeze", "*,predictions"]].concat();
    refused(
        &all,
        2,
        "Nothing is left to train",
        "ne reste rien à entraîner",
    );
    let filters = [&initial("small")[..], &["--model.filters", "4,4"]].concat();
    refused(&filters, 2, "fixed architecture", "est fixe");
}

#[test]
fn features_are_written_for_other_programs_with_the_photos_they_are_of() {
    let home = Home::new();
    home.small();
    let features = |output: &str| {
        home.done(&["features", "photos", "--model", "small", "-o", output]);
        fs::read(home.path(output)).unwrap()
    };
    let table = features("a.npy");
    assert!(table.starts_with(b"\x93NUMPY"), "{:?}", &table[..16]);
    let header = String::from_utf8_lossy(&table[..128]).into_owned();
    assert!(header.contains("(36, 8"), "{header}");
    assert_eq!(table.len() % (36 * 8 * 4), 128);
    let photos = fs::read_to_string(home.path("a.csv")).unwrap();
    assert_eq!(photos.lines().count(), 37);
    assert!(
        photos.lines().nth(1).unwrap().contains("beagle"),
        "{photos}"
    );
    let tensors = features("b.safetensors");
    let head = String::from_utf8_lossy(&tensors[8..400.min(tensors.len())]).into_owned();
    assert!(
        head.contains("model_hash") && head.contains("[36,8]"),
        "{head}"
    );
    let other = ["features", "photos", "--model", "small", "-o", "a.txt"];
    home.refused(&other, 2, "a.txt", "a.txt");
    // Nothing is written over what is there already, the table of photos neither.
    fs::write(home.path("c.csv"), "path,mine\n1,2\n").unwrap();
    for (output, named) in [("a.npy", "a.npy"), ("c.npy", "c.csv")] {
        let again = ["features", "photos", "--model", "small", "-o", output];
        home.refused(&again, 2, named, named);
    }
    assert!(!home.path("c.npy").exists());
}

#[test]
fn several_data_sets_are_trained_on_as_one_and_what_clashes_is_told() {
    let home = Home::new();
    home.small();
    for (class, name) in [(3, "more/Carlin"), (4, "more/shiba"), (5, "more/wolf")] {
        home.photos(name, class);
    }
    fs::create_dir(home.path("recipes")).unwrap();
    let recipe = "[data]\nsource = \"../photos\"\nsources = [\"../more\"]\nclass_map = \"map.csv\"\n\
                  [model]\ninitial = \"../small\"\n[train]\nepochs = 2\n";
    fs::write(home.path("recipes/a.toml"), recipe).unwrap();
    fs::write(
        home.path("recipes/map.csv"),
        "class,as,source\nwolf,,more\n",
    )
    .unwrap();
    home.done(&["finetune", "recipes/a.toml", "-o", "joined"]);
    let photos = fs::read_to_string(home.path("joined/photos.csv")).unwrap();
    let count = |class: &str| photos.matches(&format!(",{class},")).count();
    assert_eq!(
        ["pug", "beagle", "whippet", "shiba", "wolf"].map(count),
        [24, 12, 12, 12, 0]
    );
    // It goes on wherever it is called from, and says what it was made of without paths.
    home.done(&["train", "--resume", "joined"]);
    let card = fs::read_to_string(home.path("joined/model_card.md")).unwrap();
    assert!(card.contains("sources = [\"more\"]"), "{card}");
    let refused = |folder: &str, more: &[&str], english: &str, french: &str| {
        let first = [
            "finetune",
            "photos",
            "--model.initial",
            "small",
            "-o",
            "refused",
        ];
        let arguments = [&first[..], &["--data.sources", folder], more].concat();
        home.refused(&arguments, 3, english, french);
        assert!(!home.path("refused").exists());
    };
    home.photos("two/pug", 6);
    home.photos("two/carlin", 7);
    refused(
        "two",
        &[],
        "would become one class, ‘pug’",
        "deviendraient une seule classe, « pug »",
    );
    // The beagles of the first.
    home.photos("other/whippet", 0);
    refused(
        "other",
        &[],
        "is in class ‘whippet’",
        "est de la classe « whippet »",
    );
    refused("gone", &[], "gone", "gone");
    fs::write(home.path("map.csv"), "class,as\nwhipet,beagle\n").unwrap();
    let map = ["--data.class_map", "map.csv"];
    refused("more", &map, "‘whipet’", "« whipet »");
    fs::write(
        home.path("map.csv"),
        "class,as,source\nwhippet,beagle,other\n",
    )
    .unwrap();
    let same = [
        "--data.sources",
        "other",
        "--train.epochs",
        "1",
        "-o",
        "same",
    ];
    home.done(
        &[
            &["finetune", "photos", "--model.initial", "small"],
            &same[..],
            &map,
        ]
        .concat(),
    );
}

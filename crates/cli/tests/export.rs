//! `museau export` and `museau weights` from outside: what is written, what is refused in both
//! languages, and that nothing half-written is left.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.path())
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_HOME", self.at("home"))
            .stdin(Stdio::null());
        command
    }

    /// What a command says, and its status.
    fn run(&self, arguments: &str) -> (Option<i32>, String) {
        let mut command = self.command(env!("CARGO_BIN_EXE_museau"));
        told(command.args(arguments.split(' ')))
    }

    /// The same, where no file may grow beyond so many blocks, as on a disk that is full.
    #[cfg(unix)]
    fn run_where_it_is_full(&self, blocks: usize, arguments: &str) -> (Option<i32>, String) {
        let museau = env!("CARGO_BIN_EXE_museau");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{museau}' {arguments}");
        told(self.command("sh").args(["-c", &script]))
    }

    /// The names of the files that are there, in order; folders with their own.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, before: &str, names: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let name = format!("{before}{}", entry.file_name().to_string_lossy());
                match entry.path().is_dir() {
                    true => walk(&entry.path(), &format!("{name}/"), names),
                    false => names.push(name),
                }
            }
        }
        let mut names = Vec::new();
        walk(self.0.path(), "", &mut names);
        names.sort();
        names
    }
}

fn told(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn the_embedded_model_is_written_with_its_labels_and_never_over_another_file() {
    let place = Place::new();
    let (status, said) = place.run("export --to onnx");
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(place.files(), ["default.labels.csv", "default.onnx"]);
    for part in [
        "default.onnx",
        "260 x 260, NCHW, RGB",
        "logits batch,1134",
        "temperature",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let labels = fs::read_to_string(place.at("default.labels.csv")).unwrap();
    assert_eq!(labels.lines().count(), 135);
    assert!(labels.contains(",n02085620,Chihuahua,"), "{labels}");
    let before = fs::read(place.at("default.onnx")).unwrap();
    let (status, said) = place.run("export --to onnx");
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("default.onnx already exists"), "{said}");
    // The labels beside it serve another format too; those that a person changed stay theirs.
    let (status, said) = place.run("export default --to h5");
    assert_eq!(status, Some(0), "{said}");
    fs::write(place.at("default.labels.csv"), labels + "1000,mine,Mine,\n").unwrap();
    let (status, said) = place.run("export default --to keras");
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("default.labels.csv already exists"), "{said}");
    assert_eq!(fs::read(place.at("default.onnx")).unwrap(), before);
    assert_eq!(
        place.files(),
        ["default.h5", "default.labels.csv", "default.onnx"]
    );
    // What was written is read again, and written on from there.
    // It has two heads: the network's alone goes with the backbone.
    let import =
        "weights import default.onnx --backbone efficientnet_lite2 --no-top -o w.safetensors";
    let (status, said) = place.run(import);
    assert_eq!(status, Some(0), "{said}");
    for ending in ["keras", "h5", "weights.h5", "safetensors"] {
        let (status, said) = place.run(&format!(
            "export w.safetensors --to {ending} -o again.{ending}"
        ));
        assert_eq!(status, Some(0), "{ending}: {said}");
        // No classes are known of weights.
        assert!(!said.contains("labels"), "{said}");
    }
}

#[test]
fn what_is_no_model_is_refused_in_both_languages() {
    let place = Place::new();
    fs::write(place.at("page.museau"), "<!doctype html><html></html>").unwrap();
    fs::write(place.at("notes.txt"), "some notes").unwrap();
    fs::write(place.at("empty.museau"), "").unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/files/nested.h5");
    fs::copy(golden, place.at("theirs.h5")).unwrap();
    let before = place.files();
    for (arguments, status, english, french) in [
        ("export --to pickle", 2, "pickle", "pickle"),
        ("export", 2, "--to", "--to"),
        ("export page.museau --to onnx", 3, "web page", "page web"),
        (
            "export notes.txt --to onnx",
            3,
            "not a museau model",
            "pas un modèle museau",
        ),
        ("export empty.museau --to h5", 3, "empty", "vide"),
        (
            "export theirs.h5 --to keras",
            3,
            "museau weights import",
            "museau weights import",
        ),
        (
            "export nothing.museau --to keras",
            3,
            "nothing.museau",
            "nothing.museau",
        ),
        (
            "export --to onnx -o page.museau",
            2,
            "already exists",
            "existe déjà",
        ),
    ] {
        for (language, part) in [("en", english), ("fr", french)] {
            let (found, said) = place.run(&format!("{arguments} --lang {language}"));
            assert_eq!(found, Some(status), "{arguments}: {said}");
            assert!(said.contains(part), "{arguments}: {part}: {said}");
        }
    }
    assert_eq!(place.files(), before);
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let place = Place::new();
    for ending in ["onnx", "keras", "h5", "safetensors", "weights.h5"] {
        for (language, part) in [
            ("en", "could not be written"),
            ("fr", "n’a pas pu être écrit"),
        ] {
            let arguments = format!("export --to {ending} -o full.{ending} --lang {language}");
            let (status, said) = place.run_where_it_is_full(100, &arguments);
            assert_eq!(status, Some(1), "{ending}: {said}");
            assert!(said.contains(&format!("full.{ending}")), "{said}");
            assert!(said.contains(part), "{said}");
            assert!(place.files().is_empty(), "{:?}", place.files());
        }
    }
    // Whoever fetches or imports: the file that is read is whole, the one that is kept is not.
    let (status, said) = place.run("export --to safetensors -o whole.safetensors");
    assert_eq!(status, Some(0), "{said}");
    let before = place.files();
    let import = "weights import whole.safetensors --backbone efficientnet_lite2 --no-top";
    let (status, said) = place.run_where_it_is_full(100, import);
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(place.files(), before, "{said}");
}

/// A mirror that has as many bytes, but not those; and a disk that fills while they arrive.
#[cfg(unix)]
#[test]
fn what_is_fetched_is_kept_only_whole_and_only_if_it_is_what_was_published() {
    let place = Place::new();
    for (backbone, english, french) in [
        (
            "mobilenet_v2",
            "no weights that museau",
            "ne contient pas de poids",
        ),
        ("nasnet_mobile", "checksum", "somme de contrôle"),
    ] {
        let of_it = |file: &&zoo::Published| file.backbone == backbone && !file.top;
        let published = zoo::PUBLISHED.iter().find(of_it).unwrap();
        let bytes = published.bytes.unwrap();
        let file = fs::File::create(place.at("mirror.h5")).unwrap();
        file.set_len(bytes).unwrap();
        for (language, part) in [("en", english), ("fr", french)] {
            let fetch = format!("weights fetch {backbone} --from mirror.h5 --lang {language}");
            let (status, said) = place.run_where_it_is_full(100, &fetch);
            assert_eq!(status, Some(1), "{said}");
            assert!(said.contains(".part"), "{said}");
            let kept = |name: &String| name.starts_with("home/weights") && !name.ends_with(".part");
            assert!(!place.files().iter().any(kept), "{:?}", place.files());
            // With room enough it goes on, and finds that this is another file.
            let (status, said) = place.run(&fetch);
            assert!([Some(1), Some(3)].contains(&status), "{said}");
            assert!(said.contains(part), "{part}: {said}");
            assert_eq!(place.files(), ["mirror.h5"]);
        }
    }
}

/// Each is refused for what it is, and nothing is kept of it.
#[test]
fn weights_that_are_not_the_backbone_s_are_refused_in_both_languages() {
    let place = Place::new();
    let (status, said) = place.run("export --to safetensors -o lite2.safetensors --quiet");
    assert_eq!(status, Some(0), "{said}");
    fs::write(place.at("page.h5"), "<!DOCTYPE html><html></html>").unwrap();
    let bytes = fs::read(place.at("lite2.safetensors")).unwrap();
    fs::write(place.at("cut.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
    let before = place.files();
    for (file, backbone, english, french) in [
        ("page.h5", "vgg16", "web page", "page web"),
        ("cut.safetensors", "efficientnet_lite2", "damaged", "abîmé"),
        (
            "lite2.safetensors",
            "efficientnet_lite1",
            "block3a_project_conv",
            "block3a_project_conv",
        ),
        ("lite2.safetensors", "vgg16", "block1_conv1", "block1_conv1"),
        ("none.h5", "vgg16", "none.h5", "none.h5"),
    ] {
        for (language, part) in [("en", english), ("fr", french)] {
            let arguments =
                format!("weights import {file} --backbone {backbone} --lang {language}");
            let (status, said) = place.run(&arguments);
            assert_eq!(status, Some(3), "{arguments}: {said}");
            assert!(said.contains(part), "{arguments}: {part}: {said}");
        }
    }
    // A backbone alone, where a classifier is wanted.
    let import = "weights import lite2.safetensors --backbone efficientnet_lite2 --no-top -o bare.safetensors";
    let (status, said) = place.run(import);
    assert_eq!(status, Some(0), "{said}");
    let make =
        "models make --weights bare.safetensors --backbone efficientnet_lite2 -o made.museau";
    let (status, said) = place.run(make);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("predictions"), "{said}");
    // Another number of classes.
    fs::write(place.at("three.txt"), "a\nb\nc\n").unwrap();
    let make = "models make --weights lite2.safetensors --backbone efficientnet_lite2 --classes three.txt -o made.museau";
    let (status, said) = place.run(make);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("1000") && said.contains('3'), "{said}");
    let mut after = place.files();
    after.retain(|name| !["bare.safetensors", "three.txt"].contains(&name.as_str()));
    assert_eq!(after, before);
}

#[test]
fn costs_are_compared_and_sizes_that_cannot_be_are_refused() {
    let place = Place::new();
    let mut command = place.command(env!("CARGO_BIN_EXE_museau"));
    let arguments = "models compare-cost efficientnet_v2l vgg16 --batch 2 --json";
    let output = command.args(arguments.split(' ')).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.contains("\"multiply_adds\":56079699008"), "{lines}");
    for (language, part) in [("en", "at least 75 × 75"), ("fr", "au moins 75 × 75")] {
        let arguments =
            format!("models compare-cost inception_resnet_v2 --size 64 --lang {language}");
        let (status, said) = place.run(&arguments);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}

/// 1024 photos of 1024 pixels: some 5 TB.
#[cfg(target_os = "linux")]
#[test]
fn a_training_step_that_no_machine_holds_is_refused_in_both_languages() {
    let place = Place::new();
    let step = "bench train --backbone efficientnet_v2l --batch 1024 --size 1024 --runs 1";
    for (language, said) in [("en", "Training needs"), ("fr", "L’entraînement demande")] {
        let (status, text) = place.run(&format!("{step} --lang {language}"));
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(said), "{text}");
    }
}

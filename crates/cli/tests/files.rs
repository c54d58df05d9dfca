//! The binary from outside, where a file is not what it should be: pipes and devices in each place where
//! one is named, results over what is a person's, over the input, or over each other.
#![cfg(unix)]
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of two classes, and where museau may keep its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
        for (class, name) in [
            ("beagle", "beagle_14.jpg"),
            ("keeshond", "keeshond_173.jpg"),
        ] {
            fs::create_dir_all(place.at("ds").join(class)).unwrap();
            fs::copy(photos.join(name), place.at("ds").join(class).join(name)).unwrap();
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn start(&self, arguments: &str, language: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_museau"))
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .env("MUSEAU_LANG", language)
            .env("MUSEAU_HOME", self.at("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// What a command says and its status; one that waits for a pipe is ended.
    fn run(&self, arguments: &str) -> (Option<i32>, String) {
        let mut child = self.start(arguments, "en");
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > Duration::from_secs(120) {
                child.kill().unwrap();
                panic!("{arguments}: does not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    }
}

#[test]
fn what_is_no_regular_file_is_refused_wherever_a_file_is_named() {
    let place = Place::new();
    for ending in ["museau", "csv", "toml", "pth", "db", "json"] {
        let made = Command::new("mkfifo")
            .arg(place.at(&format!("pipe.{ending}")))
            .status();
        assert!(made.unwrap().success());
    }
    let _socket = UnixListener::bind(place.at("socket.museau")).unwrap();
    fs::write(place.at("weights.pth"), "none").unwrap();
    for arguments in [
        "classify --model pipe.museau ds",
        "models show pipe.museau",
        "models show socket.museau",
        "models show /dev/zero",
        "models verify pipe.museau",
        "models make --weights pipe.pth --backbone mobilenet_v2 -o o.museau",
        "models make --weights weights.pth --backbone mobilenet_v2 --classes pipe.csv -o o.museau",
        "data import pipe.csv -o o.csv",
        "data import /dev/zero -o o.csv",
        "data split pipe.csv -o o.csv",
        "data split ds --decisions pipe.csv -o o.csv",
        "data check pipe.csv -o o",
        "data check ds -o o --suspects --probabilities pipe.csv",
        "train pipe.toml -o o",
        "train /dev/zero -o o",
        "evaluate pipe.museau ds",
        "evaluate default ds --against pipe.csv",
        "compare ds --base pipe.csv --with pipe.museau",
        "runs list --storage pipe.db",
        "runs rm a --storage pipe.db",
        "bench infer --model pipe.museau",
        "bench infer --backbone mobilenet_v2 --weights pipe.pth",
        "bench infer --pixels pipe.csv",
    ] {
        let (status, said) = place.run(arguments);
        assert_eq!(status, Some(3), "{arguments}: {said}");
        assert!(said.contains("special file"), "{arguments}: {said}");
    }
    // A model of the folder that is a pipe does not stop the list of the others.
    fs::create_dir_all(place.at("home/models")).unwrap();
    fs::rename(place.at("pipe.museau"), place.at("home/models/pipe.museau")).unwrap();
    let (status, said) = place.run("models list");
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("special file"), "{said}");
}

#[test]
fn what_is_a_person_s_is_not_written_over() {
    let place = Place::new();
    let theirs = [
        ("mine.f32", "my embeddings"),
        (
            "mine.csv",
            "path,label,answer,notes\na.jpg,beagle,beagle,checked by hand\n",
        ),
        (
            "mine.problems.csv",
            "path,problem,detail\na.jpg,blurred,my own note\n",
        ),
    ];
    for (name, text) in theirs {
        fs::write(place.at(name), text).unwrap();
    }
    for arguments in [
        "bench data ds --runs 1 --results mine.f32",
        "evaluate default ds --predictions mine.csv",
        "data import ds -o mine.csv",
    ] {
        let (status, said) = place.run(arguments);
        assert_eq!(status, Some(2), "{arguments}: {said}");
    }
    for (name, text) in theirs {
        assert_eq!(fs::read_to_string(place.at(name)).unwrap(), text);
    }
    // A picture that was retouched, its comment kept, is a person's; one that was not is made again.
    let gray = "preprocess run gray ds -o gray -q";
    for _ in 0..2 {
        assert_eq!(place.run(gray).0, Some(0));
    }
    let picture = place.at("gray/beagle/beagle_14.png");
    let mut retouched = fs::read(&picture).unwrap();
    let middle = retouched.len() / 2;
    retouched[middle] ^= 1;
    fs::write(&picture, &retouched).unwrap();
    let (status, said) = place.run(gray);
    assert_eq!(status, Some(2), "{said}");
    assert!(fs::read(&picture).unwrap() == retouched);
}

#[test]
fn results_of_one_name_or_of_the_input_s_are_refused_before_the_work() {
    let place = Place::new();
    let (status, said) = place.run("evaluate default ds --no-baseline --predictions table.csv -q");
    assert_eq!(status, Some(0), "{said}");
    let table = fs::read(place.at("table.csv")).unwrap();
    for (arguments, text) in [
        (
            "evaluate default none --report a --predictions a",
            "Two results",
        ),
        (
            "evaluate default none --report a --fit-temperature ./a",
            "Two results",
        ),
        (
            "evaluate table.csv none --predictions table.csv",
            "is an input of",
        ),
        (
            "evaluate default none --against table.csv --predictions ./table.csv",
            "is an input of",
        ),
        (
            "data check ds -o o --suspects --out-of-fold=o/report.html",
            "Two results",
        ),
        (
            "data check ds -o o --suspects --out-of-fold=o/check.json",
            "Two results",
        ),
    ] {
        let (status, said) = place.run(arguments);
        assert_eq!(status, Some(2), "{arguments}: {said}");
        assert!(said.contains(text), "{arguments}: {said}");
    }
    assert!(fs::read(place.at("table.csv")).unwrap() == table && !place.at("a").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_the_output_is_told_in_words() {
    let place = Place::new();
    for (language, text) in [
        ("en", "the disk is full"),
        ("fr", "plus de place sur le disque"),
    ] {
        for arguments in [
            "models list",
            "models show",
            "runs list --json",
            "classify ds --json",
        ] {
            let full = fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_museau"))
                .args(arguments.split(' '))
                .current_dir(place.0.path())
                .envs([("MUSEAU_LANG", language)])
                .env("MUSEAU_HOME", place.at("home"))
                .stdout(full)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            // Without a run there is nothing to print.
            if arguments.starts_with("runs") {
                assert!(!said.contains("os error"), "{said}");
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
            assert!(
                said.contains(text) && !said.contains("os error"),
                "{arguments}: {said}"
            );
        }
    }
}

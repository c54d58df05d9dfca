//! `museau data` from outside: what it writes, its exit status, and that nothing half-made is taken
//! for whole.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn museau(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
    command
        .args(["data"])
        .args(arguments)
        .env("MUSEAU_LANG", "en")
        .env("MUSEAU_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(arguments: &[&str]) -> Output {
    museau(arguments).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn photo(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
    fs::read(folder.join(name)).expect("a photo")
}

/// A folder with two classes, three photos each; the last of each class is for testing.
fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (class, photos) in [
        ("beagle", ["beagle_14", "keeshond_173", "samoyed_32"]),
        (
            "pug",
            ["saint_bernard_187", "yorkshire_terrier_87", "birman_108"],
        ),
    ] {
        for (index, name) in photos.into_iter().enumerate() {
            let part = if index == 2 { "test" } else { "train" };
            let place = folder.path().join("set").join(part).join(class);
            fs::create_dir_all(&place).expect("a folder");
            let bytes = photo(&format!("{name}.jpg"));
            fs::write(place.join(format!("{name}.jpg")), bytes).expect("a photo");
        }
    }
    folder
}

fn path(path: PathBuf) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

/// Files of a folder, temporary ones among them.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_data_set_goes_from_import_to_its_reports_and_the_test_stays_sealed() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let done = run(&["import", &at("set"), "-o", &at("set.csv"), "--json"]);
    assert_eq!(status(&done), 0, "{done:?}");
    assert!(text(&done.stderr).contains("import: 100%"), "{done:?}");
    let counts: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(
        (&counts["photos"], &counts["train"], &counts["test"]),
        (&6.into(), &4.into(), &2.into())
    );
    let explore = |extra: &[&str]| {
        let out = at("looked");
        let mut arguments = vec!["explore", "set.csv", "-o", &out];
        let manifest = at("set.csv");
        arguments[1] = &manifest;
        arguments.extend(extra);
        let done = run(&arguments);
        assert_eq!(status(&done), 0, "{done:?}");
        let json = fs::read(folder.path().join("looked/explore.json")).expect("numbers");
        let html = fs::read_to_string(folder.path().join("looked/explore.html")).expect("a page");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        (json, html)
    };
    let (numbers, html) = explore(&[]);
    assert_eq!(numbers["photos"], 4);
    assert!(!html.contains("samoyed_32") && numbers["map"].is_null());
    let (numbers, html) = explore(&["--with-test", "--map"]);
    assert_eq!(numbers["photos"], 6);
    assert_eq!(numbers["map"]["classes"].as_array().map(Vec::len), Some(2));
    assert!(html.contains("samoyed_32"));

    let done = run(&[
        "check",
        &at("set.csv"),
        "-o",
        &at("checked"),
        "--suspects",
        "--lang",
        "fr",
    ]);
    assert_eq!(status(&done), 0, "{done:?}");
    let html = fs::read_to_string(folder.path().join("checked/report.html")).expect("a page");
    assert!(html.contains("<html lang=fr>") && !html.contains("src=\"http"));
}

#[test]
fn labels_are_judged_out_of_fold_in_one_command_and_its_table_is_read_back() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let set = at("set");
    let check = |out: &str, more: &[&str]| {
        let mut arguments = vec!["check", &set, "-o", out];
        arguments.extend(more);
        run(&arguments)
    };
    let few = check(&at("few"), &["--suspects", "--out-of-fold"]);
    assert_eq!(status(&few), 3, "four photos in five folds: {few:?}");
    assert!(text(&few.stderr).contains("too few"), "{few:?}");
    let table = at("out/p.csv");
    let out_of_fold = format!("--out-of-fold={table}");
    let judged = ["--suspects", &out_of_fold, "--with-test"];
    assert_eq!(status(&check(&at("one"), &judged)), 0);
    let written = fs::read_to_string(folder.path().join("out/p.csv")).expect("a table");
    assert!(
        written.starts_with("path,label,answer,beagle,pug\n"),
        "{written}"
    );
    assert_eq!(written.lines().count(), 7);
    let again = ["--probabilities", &table, "--with-test"];
    assert_eq!(status(&check(&at("two"), &again)), 0);
    let suspects = |name: &str| -> Vec<String> {
        let bytes = fs::read(folder.path().join(name).join("check.json")).expect("numbers");
        let json: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let all = json["findings"].as_array().expect("a list").iter();
        all.filter(|finding| finding["kind"] == "label_suspect")
            .map(|finding| finding["paths"][0].as_str().expect("a path").to_owned())
            .collect()
    };
    assert_eq!(suspects("one"), suspects("two"));
    let both = ["--suspects", "--out-of-fold", "--probabilities", &table];
    assert_eq!(status(&check(&at("three"), &both)), 2);
}

#[test]
fn decisions_are_honoured_by_every_verb_and_nothing_is_deleted() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    assert_eq!(
        status(&run(&["import", &at("set"), "-o", &at("set.csv")])),
        0
    );
    let manifest = fs::read_to_string(folder.path().join("set.csv")).expect("a manifest");
    let field = |name: &str, column: usize| {
        let row = manifest.lines().find(|line| line.contains(name));
        let field = row.expect("a row").split(',').nth(column);
        field.expect("a field").to_owned()
    };
    let line = |name: &str, verdict: &str| {
        format!("{},{},{verdict},Anne,\n", field(name, 0), field(name, 3))
    };
    let decided = "path,hash,verdict,who,why\n".to_owned()
        + &line("beagle_14", "drop")
        + &line("keeshond_173", "class:pug");
    fs::write(folder.path().join("decisions.csv"), decided).expect("a file");
    let decisions = ["--decisions", &at("decisions.csv")];
    for verb in ["split", "check", "explore"] {
        let set = at("set.csv");
        let out = at(&format!("{verb}.out"));
        let mut arguments = vec![verb, &set, "-o", &out];
        arguments.extend(decisions);
        if verb == "split" {
            arguments.extend(["--official", "--val", "0"]);
        }
        let done = run(&arguments);
        assert_eq!(status(&done), 0, "{verb}: {done:?}");
    }
    let split = fs::read_to_string(folder.path().join("split.out")).expect("a manifest");
    assert!(!split.contains("beagle_14"));
    let moved = split.lines().find(|line| line.contains("keeshond_173"));
    assert!(moved.is_some_and(|line| line.split(',').nth(4) == Some("pug")));
    let read = |name: &str| -> serde_json::Value {
        let bytes = fs::read(folder.path().join(name)).expect("numbers");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    assert_eq!(read("check.out/check.json")["photos"], 5);
    assert_eq!(read("explore.out/explore.json")["photos"], 3);
    assert!(
        folder
            .path()
            .join("set/train/beagle/beagle_14.jpg")
            .exists()
    );
}

#[test]
fn what_cannot_be_used_is_said_in_the_language_and_leaves_nothing() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let put = |name: &str, bytes: &[u8]| {
        let place = folder.path().join(name);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(place, bytes).expect("a file");
    };
    put("latin1.csv", b"id,race\na.jpg,\xE9pagneul\n");
    put("ragged.csv", b"id,race\na.jpg\n");
    put("nothing.csv", b"id,race\ngone.jpg,pug\n");
    put("page.tar", b"<!doctype html><html></html>");
    put("cut/Images/pug/a.jpg", &photo("beagle_14.jpg"));
    put("cut/lists/test_list.mat", b"MATLAB 5.0 MAT-file");
    fs::create_dir_all(folder.path().join("hollow/pug")).expect("a folder");
    for (source, status_wanted) in [
        ("latin1.csv", 3),
        ("ragged.csv", 3),
        ("nothing.csv", 3),
        ("page.tar", 3),
        ("cut", 3),
        ("hollow", 3),
        ("gone", 3),
    ] {
        let mut sentences = Vec::new();
        for language in ["en", "fr"] {
            let out = at("out/manifest.csv");
            let done = run(&["import", &at(source), "-o", &out, "--lang", language]);
            let said = text(&done.stderr);
            assert_eq!(status(&done), status_wanted, "{source}: {said}");
            assert!(said.contains(source), "{said}");
            assert!(!folder.path().join("out").exists(), "{source}");
            sentences.push(said);
        }
        assert_ne!(sentences[0], sentences[1], "{source}");
    }
    // A place that cannot be written: a file stands where a folder should.
    put("file", b"");
    for verb in ["import", "split", "check", "explore"] {
        let done = run(&[verb, &at("set"), "-o", &at("file/out")]);
        assert_eq!(status(&done), 1, "{verb}: {done:?}");
        assert!(text(&done.stderr).contains("file"), "{done:?}");
    }
    let done = run(&["import", &at("set")]);
    assert_eq!(status(&done), 2, "no output was named");
    put("decisions.csv", b"path,hash,verdict,who,why\na,b,drop,,\n");
    let wrong = [
        "check",
        &at("set"),
        "-o",
        &at("c"),
        "--decisions",
        &at("decisions.csv"),
    ];
    assert_eq!(status(&run(&wrong)), 3);
    put("p.csv", b"path,beagle\n");
    let wrong = [
        "check",
        &at("set"),
        "-o",
        &at("c"),
        "--probabilities",
        &at("p.csv"),
    ];
    assert_eq!(status(&run(&wrong)), 3);
    assert!(!folder.path().join("c").exists());
}

#[test]
fn an_import_that_is_killed_leaves_no_manifest_and_the_next_one_completes() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = photo("beagle_14.jpg");
    let class = folder.path().join("set/beagle");
    fs::create_dir_all(&class).expect("a folder");
    for index in 0..300 {
        fs::write(class.join(format!("{index}.jpg")), &bytes).expect("a photo");
    }
    let source = path(folder.path().join("set"));
    let manifest = folder.path().join("out/manifest.csv");
    let out = path(manifest.clone());
    let import = ["import", &source, "-o", &out, "--threads", "1"];
    let mut killed = 0;
    for milliseconds in [5, 60, 150] {
        let _ = fs::remove_file(&manifest);
        let mut child = museau(&import)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().expect("killed");
        let ended = child.wait().expect("ended");
        if ended.success() {
            continue;
        }
        killed += 1;
        // Killed, it has put the manifest there whole or not at all.
        if let Ok(text) = fs::read_to_string(&manifest) {
            assert_eq!(text.lines().count(), 301);
        }
    }
    assert!(killed > 0, "it was never killed before it was done");
    let done = run(&import);
    assert_eq!(status(&done), 0, "{done:?}");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert_eq!(text.lines().count(), 301);
}

#[test]
fn chosen_classes_are_named_and_a_misspelt_one_is_answered_with_the_nearest() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let (set, out) = (at("set"), at("split.csv"));
    let split = |classes: &str, more: &[&str]| {
        let arguments = [
            "split",
            &set,
            "-o",
            &out,
            "--official",
            "--classes",
            classes,
        ];
        run(&[&arguments, more].concat())
    };
    let printed = text(&split("2", &[]).stdout);
    assert!(
        printed.ends_with("chosen\tbeagle\nchosen\tpug\n"),
        "{printed}"
    );
    // A data set whose own test split is asked for and is not there.
    let (plain, other) = (at("set/train"), at("other.csv"));
    let done = run(&["split", &plain, "-o", &other, "--official"]);
    let said = text(&done.stderr);
    assert_eq!(status(&done), 0, "{said}");
    assert!(
        said.contains("no test split of its own") && said.contains("Next: "),
        "{said}"
    );
    assert!(!text(&split("2", &[]).stderr).contains("no test split of its own"));
    let done = split("1", &["--json"]);
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(said["chosen"], serde_json::json!(["beagle"]), "{said}");
    let refused = split("pug,beegle", &[]);
    assert_eq!(status(&refused), 3, "{refused:?}");
    let said = text(&refused.stderr);
    assert!(said.contains("‘beegle’. Did you mean ‘beagle’?"), "{said}");
    let refused = text(&split("9", &["--lang", "fr"]).stderr);
    assert!(
        refused.contains('9') && refused.contains("en a 2"),
        "{refused}"
    );
}

#[test]
fn a_manifest_is_replaced_aloud_and_one_of_other_photos_only_by_force() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let (set, out) = (at("set"), at("set.csv"));
    let import = |more: &[&str]| run(&[&["import", &set, "-o", &out], more].concat());
    let said = text(&import(&[]).stderr);
    assert!(!said.contains("replaced"), "{said}");
    // A split of the same photos, then the import again.
    let kept = at("split.csv");
    let split = ["split", &out, "-o", &kept, "--official", "--classes", "pug"];
    assert_eq!(status(&run(&split)), 0);
    fs::rename(&kept, &out).expect("moved");
    fs::remove_file(folder.path().join("set/train/pug/yorkshire_terrier_87.jpg")).expect("removed");
    let again = import(&[]);
    assert_eq!(status(&again), 0, "{again:?}");
    let said = text(&again.stderr);
    assert!(
        said.contains("it had 3 photos; 1 removed, 3 added, 0 with another class"),
        "{said}"
    );
    let other = dataset();
    let others = path(other.path().join("set"));
    let before = fs::read(&out).expect("a manifest");
    for arguments in [
        &["import", &others, "-o", &out][..],
        &["split", &others, "-o", &out, "--redraw"],
    ] {
        let refused = run(arguments);
        assert_eq!(status(&refused), 2, "{refused:?}");
        assert!(text(&refused.stderr).contains("--force"), "{refused:?}");
        assert_eq!(fs::read(&out).expect("a manifest"), before);
    }
    let forced = run(&["import", &others, "-o", &out, "--force"]);
    assert_eq!(status(&forced), 0, "{forced:?}");
    assert_ne!(fs::read(&out).expect("a manifest"), before);
}

#[test]
fn a_damaged_manifest_is_replaced_by_force() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let (set, out) = (at("set"), at("set.csv"));
    let import = |more: &[&str]| run(&[&["import", &set, "-o", &out], more].concat());
    assert_eq!(status(&import(&[])), 0);
    let whole = fs::read(&out).expect("a manifest");
    let damaged = [&whole, &b"a row,of\n"[..]].concat();
    fs::write(&out, &damaged).expect("written");
    for (language, words) in [
        ("en", "could not be read. "),
        ("fr", "n’a pas pu être lu. "),
    ] {
        let refused = import(&["--lang", language]);
        assert_eq!(status(&refused), 2, "{refused:?}");
        let said = text(&refused.stderr);
        assert!(said.contains(words) && said.contains("--force"), "{said}");
        assert!(said.contains("set.csv"), "{said}");
        assert_eq!(fs::read(&out).expect("a manifest"), damaged);
    }
    let forced = import(&["--force"]);
    assert_eq!(status(&forced), 0, "{forced:?}");
    assert_eq!(fs::read(&out).expect("a manifest"), whole);
}

#[test]
fn a_source_that_is_none_leaves_no_folder_behind() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    for verb in ["check", "explore"] {
        let done = run(&[verb, &at("gone"), "-o", &at("out/deep")]);
        assert_eq!(status(&done), 3, "{done:?}");
        assert!(!folder.path().join("out").exists(), "{verb}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_photos_place_is_named_by_every_verb() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    assert_eq!(
        status(&run(&["import", &at("set"), "-o", &at("set.csv")])),
        0
    );
    let table = "path,label\nset/train/pug/pipe.jpg,pug\nset/train/beagle/beagle_14.jpg,beagle\n";
    fs::write(at("labels.csv"), table).expect("a table");
    let photo = at("set/train/pug/saint_bernard_187.jpg");
    fs::remove_file(&photo).expect("removed");
    for pipe in [photo, at("set/train/pug/pipe.jpg")] {
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
    }
    for source in ["set", "labels.csv"] {
        let out = at("again.csv");
        let done = run(&["import", &at(source), "-o", &out, "--force"]);
        assert_eq!(status(&done), 0, "{done:?}");
        let said = text(&done.stderr);
        assert!(said.contains("pipe.jpg"), "{said}");
        let problems = fs::read_to_string(at("again.problems.csv")).expect("problems");
        assert!(problems.contains("pipe.jpg"), "{problems}");
    }
    let done = run(&["check", &at("set.csv"), "-o", &at("checked")]);
    assert_eq!(status(&done), 0, "{done:?}");
    let found = fs::read_to_string(at("checked/check.json")).expect("numbers");
    assert!(found.contains("saint_bernard_187.jpg"), "{found}");
    for arguments in [
        &[
            "split",
            &at("set.csv"),
            "-o",
            &at("split.csv"),
            "--official",
        ][..],
        &["explore", &at("set.csv"), "-o", &at("looked")],
    ] {
        let done = run(arguments);
        assert_eq!(status(&done), 0, "{done:?}");
    }
    let other = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_museau"))
            .args(arguments)
            .env("MUSEAU_LANG", "en")
            .env("MUSEAU_HOME", folder.path().join("home"))
            .current_dir(folder.path())
            .output()
            .expect("the binary starts")
    };
    let refused = other(&["train", "--data.source", "set.csv", "--train.epochs", "1"]);
    assert_ne!(status(&refused), 0, "{refused:?}");
    let said = text(&refused.stderr);
    assert!(said.contains("saint_bernard_187.jpg"), "{said}");
    let evaluated = other(&["evaluate", "default", "set.csv", "--part", "test"]);
    assert!(evaluated.status.code().is_some(), "{evaluated:?}");
    let made = other(&["preprocess", "run", "gray", "set.csv", "-o", "gray"]);
    assert_eq!(status(&made), 1, "{made:?}");
    assert!(
        text(&made.stderr).contains("saint_bernard_187.jpg"),
        "{made:?}"
    );
}

#[test]
fn what_a_package_calls_itself_names_no_file() {
    let folder = dataset();
    let home = folder.path().join("home");
    let theirs = home.join("victim");
    fs::create_dir_all(&theirs).expect("a folder");
    fs::write(theirs.join("weights.safetensors"), "hours of work").expect("a file");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/default.museau");
    let mut package = package::Package::read_file(&model).expect("the model inside");
    package.about.name = "../victim/evil".to_owned();
    let evil = folder.path().join("evil.museau");
    fs::write(&evil, package.to_bytes().expect("a package")).expect("a file");
    let checked = |out: &str| {
        let done = museau(&["check"])
            .arg(folder.path().join("set"))
            .arg("-o")
            .arg(folder.path().join(out))
            .args(["--suspects", "--model"])
            .arg(&evil)
            .env("MUSEAU_HOME", &home)
            .output()
            .expect("the binary starts");
        assert_eq!(status(&done), 0, "{done:?}");
    };
    checked("one");
    assert_eq!(files(&theirs), ["weights.safetensors"]);
    let kept = files(&home.join("features"));
    let is_hash = |name: &str| {
        let digits = name.strip_suffix(".safetensors").unwrap_or_default();
        digits.len() == 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    };
    assert!(kept.len() == 1 && is_hash(&kept[0]), "{kept:?}");
    // Where a bit of it has flipped, it is made again.
    let file = home.join("features").join(&kept[0]);
    let whole = fs::read(&file).expect("features");
    let mut damaged = whole.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs::write(&file, damaged).expect("a file");
    checked("two");
    assert!(fs::read(&file).expect("features") == whole);
}

#[test]
fn reports_and_tables_are_written_over_their_own_alone() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let out = at("out");
    fs::create_dir(&out).expect("a folder");
    let set = at("set");
    let theirs = [
        ("report.html", "<!doctype html><title>Mine</title>"),
        ("check.json", "{\"photos\": 3}"),
    ];
    for (name, text) in theirs {
        fs::write(at(&format!("out/{name}")), text).expect("a file");
        let done = run(&["check", &set, "-o", &out]);
        assert_eq!(status(&done), 2, "{done:?}");
        assert_eq!(files(Path::new(&out)), [name]);
        assert_eq!(
            fs::read_to_string(at(&format!("out/{name}"))).expect("a file"),
            text
        );
        fs::remove_file(at(&format!("out/{name}"))).expect("removed");
    }
    let labels = "path,label\na.jpg,pug\n";
    fs::write(at("labels.csv"), labels).expect("a table");
    let table = at("labels.csv");
    let done = run(&[
        "check",
        &set,
        "-o",
        &out,
        "--suspects",
        &format!("--out-of-fold={table}"),
    ]);
    assert_eq!(status(&done), 2, "{done:?}");
    assert_eq!(
        fs::read_to_string(at("labels.csv")).expect("a table"),
        labels
    );
    // What an import found wrong is not written over a table of the same name.
    fs::write(at("set.problems.csv"), labels).expect("a table");
    let done = run(&["import", &set, "-o", &at("set.csv")]);
    assert_eq!(status(&done), 2, "{done:?}");
    assert_eq!(
        fs::read_to_string(at("set.problems.csv")).expect("a table"),
        labels
    );
    for _ in 0..2 {
        let done = run(&["check", &set, "-o", &out]);
        assert_eq!(status(&done), 0, "{done:?}");
    }
    // What a person wrote into a report is theirs.
    for (name, from, to) in [
        ("report.html", "</h1>", "</h1><p>Seen by Anne.</p>"),
        (
            "check.json",
            "\"decided\"",
            "\"seen_by\": \"Anne\", \"decided\"",
        ),
    ] {
        let file = at(&format!("out/{name}"));
        let written = fs::read_to_string(&file).expect("a report");
        assert!(written.contains(from), "{written}");
        let edited = written.replacen(from, to, 1);
        fs::write(&file, &edited).expect("a file");
        let done = run(&["check", &set, "-o", &out]);
        assert_eq!(status(&done), 2, "{done:?}");
        assert!(text(&done.stderr).contains(name), "{done:?}");
        assert_eq!(fs::read_to_string(&file).expect("a report"), edited);
        fs::write(&file, written).expect("a file");
    }
    let explored = at("explored");
    for again in [false, true] {
        let done = run(&["explore", &set, "-o", &explored]);
        assert_eq!(status(&done), 2 * i32::from(again), "{done:?}");
        let file = at("explored/explore.json");
        let edited = fs::read_to_string(&file)
            .expect("numbers")
            .replacen('3', "4", 1);
        fs::write(&file, edited).expect("a file");
    }
}

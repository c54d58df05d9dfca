//! `museau evaluate` from outside: what it says, what it writes, and that the test stays sealed.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
    command
        .args(arguments)
        .env("MUSEAU_LANG", "en")
        .env("MUSEAU_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

fn path(path: PathBuf) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

fn photo(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
    fs::read(folder.join(name)).expect("a photo")
}

/// In val: a beagle, a Samoyed, a Saint Bernard under the name of a pug, and a cat's photo under a
/// breed that no model knows; in test: a keeshond and a file that is no photo.
fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |place: &str, bytes: &[u8]| {
        let place = folder.path().join("set").join(place);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(place, bytes).expect("a photo");
    };
    put("val/beagle/1.jpg", &photo("beagle_14.jpg"));
    put("val/Samoyède/2.jpg", &photo("samoyed_32.jpg"));
    put("val/pug/3.jpg", &photo("saint_bernard_187.jpg"));
    put("val/birman/4.jpg", &photo("birman_108.jpg"));
    put(
        "val/saint bernard/5.jpg",
        &photo("saint_bernard_187.jpg")[..9000],
    );
    put("test/keeshond/6.jpg", &photo("keeshond_173.jpg"));
    put("train/beagle/7.jpg", &photo("beagle_14.jpg"));
    folder
}

fn json(output: &Output) -> serde_json::Value {
    assert_eq!(status(output), 0, "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn the_model_inside_is_evaluated_and_what_is_left_out_is_said() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let imported = run(&["data", "import", &at("set"), "-o", &at("set.csv")]);
    assert_eq!(status(&imported), 0, "{imported:?}");
    // After the import a photo breaks.
    fs::write(folder.path().join("set/val/beagle/1.jpg"), b"gone bad").expect("a file");
    let all = ["evaluate", "default", &at("set.csv"), "--json"];
    let said = json(&run(&all));
    assert_eq!(said["part"], "val");
    assert_eq!(said["over_all"]["photos"], 2, "{said}");
    assert_eq!(said["over_all"]["classes"], 134);
    assert_eq!(said["over_all"]["top_1"]["value"], 0.5);
    assert!(said["over_all"]["top_1"]["low"].is_number());
    assert_eq!(
        said["restricted"]["classes"],
        said["shared_classes"].as_array().expect("a list").len()
    );
    assert_eq!(said["unknown_classes"][0][0], "birman");
    assert!(
        said["unreadable"][0][0]
            .as_str()
            .is_some_and(|path| path.ends_with("1.jpg"))
    );
    assert!(
        said["not_imported"][0]["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("5.jpg"))
    );
    assert_eq!(said["worst"][0]["path"], "set/val/pug/3.jpg");
    assert_eq!(
        said["comparisons"],
        serde_json::json!([]),
        "it is the baseline itself"
    );
    assert!(said["at_temperature_1"]["brier"].is_number());
    let answers = &said["answers"];
    let sum = ["dog", "unsure", "not_a_dog"].map(|kind| answers[kind].as_u64().expect("a count"));
    assert_eq!(sum.iter().sum::<u64>(), 2);
    let words = |language: &str| {
        let done = run(&["evaluate", "default", &at("set.csv"), "--lang", language]);
        assert_eq!(status(&done), 0, "{done:?}");
        text(&done.stdout)
    };
    let (english, french) = (words("en"), words("fr"));
    assert!(
        english.contains("Over the 134 classes") && english.contains("birman"),
        "{english}"
    );
    assert!(
        french.contains("Sur les 134 classes") && french.contains("birman"),
        "{french}"
    );
}

#[test]
fn the_test_is_read_only_by_name_and_parts_that_are_not_there_are_said() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let done = run(&["evaluate", "default", &at("set"), "--part", "test"]);
    assert_eq!(status(&done), 0, "{done:?}");
    let said = text(&done.stdout);
    assert!(
        said.contains("asked for the test split") && said.contains("1 photos"),
        "{said}"
    );
    fs::remove_dir_all(folder.path().join("set/val")).expect("removed");
    let done = run(&["evaluate", "default", &at("set")]);
    assert_eq!(status(&done), 3, "{done:?}");
    let said = text(&done.stderr);
    assert!(
        said.contains("val") && said.contains("train, test"),
        "{said}"
    );
    // A folder that is not split is evaluated whole.
    let whole = json(&run(&["evaluate", "default", &at("set/test"), "--json"]));
    assert_eq!(
        (&whole["part"], &whole["over_all"]["photos"]),
        (&"unsplit".into(), &1.into())
    );
}

#[test]
fn predictions_are_read_back_as_they_were_and_models_are_compared() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let set = at("set");
    let (table, page) = (at("out/p.csv"), at("out/p.html"));
    let first = json(&run(&[
        "evaluate",
        "default",
        &set,
        "--predictions",
        &table,
        "--report",
        &page,
        "--json",
        "--lang",
        "fr",
    ]));
    let html = fs::read_to_string(folder.path().join("out/p.html")).expect("a page");
    assert!(html.contains("<html lang=fr>") && html.contains("data:image/jpeg"));
    assert!(html.contains("Matrice de confusion") && !html.contains("src=\"http"));
    let header = fs::read_to_string(folder.path().join("out/p.csv")).expect("a table");
    assert!(
        header.starts_with("path,label,answer,") && header.contains(",n02085620,"),
        "{}",
        &header[..80]
    );
    let again = json(&run(&[
        "evaluate",
        &table,
        &set,
        "--json",
        "--against",
        &table,
    ]));
    assert_eq!(first["over_all"]["top_1"], again["over_all"]["top_1"]);
    let close = |name: &str| {
        let value = |all: &serde_json::Value| all["over_all"][name].as_f64().expect("a number");
        assert!((value(&first) - value(&again)).abs() < 1e-4, "{name}");
    };
    close("brier");
    close("negative_log_likelihood");
    close("expected_calibration_error");
    // Beside the model inside, and beside itself: no difference, in words.
    let comparisons = again["comparisons"].as_array().expect("a list");
    assert_eq!(comparisons.len(), 2);
    assert_eq!(comparisons[0]["baseline"], true);
    assert_eq!(
        (&comparisons[1]["p_value"], &comparisons[1]["only_first"]),
        (&1.0.into(), &0.into())
    );
    for (language, words) in [
        ("en", "No significant difference"),
        ("fr", "Pas de différence significative"),
    ] {
        let done = run(&[
            "evaluate",
            &table,
            &set,
            "--against",
            "default",
            "--no-baseline",
            "--lang",
            language,
        ]);
        assert!(text(&done.stdout).contains(words), "{done:?}");
    }
    let done = run(&[
        "evaluate",
        &table,
        &set,
        "--fit-temperature",
        &at("t.museau"),
    ]);
    assert_eq!(status(&done), 2, "a table has no temperature");
    fs::write(&table, "path,a,b\nset/1.jpg,0.5,0.6\n").expect("a file");
    assert_eq!(status(&run(&["evaluate", &table, &set])), 3);
}

#[test]
fn views_are_chosen_on_val_alone_and_the_package_has_them() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let (set, viewed) = (at("set"), at("viewed.museau"));
    let choose = |model: &str, more: &[&str]| {
        let arguments = ["evaluate", model, &set, "--choose-views", &viewed];
        run(&[&arguments[..], more].concat())
    };
    for (language, words) in [("en", "Views can only be chosen"), ("fr", "Les vues ne se")] {
        let done = choose("default", &["--part", "test", "--lang", language]);
        assert_eq!(status(&done), 2, "{done:?}");
        assert!(text(&done.stderr).contains(words), "{done:?}");
    }
    let table = at("table.csv");
    run(&["evaluate", "default", &set, "--predictions", &table]);
    assert_eq!(status(&choose(&table, &[])), 2);
    assert!(!Path::new(&viewed).exists());
    let done = choose("default", &["--no-baseline", "--lang", "en"]);
    assert_eq!(status(&done), 0, "{done:?}");
    let said = text(&done.stdout);
    assert!(said.contains("crop:0.875+stretch "), "{said}");
    let chosen = said.lines().find_map(|line| line.strip_prefix("Chosen: "));
    let chosen = chosen.and_then(|line| line.split(',').next()).unwrap();
    // Few photos tell nothing apart: one view is enough.
    assert!(!chosen.contains('+'), "{said}");
    let shown = text(&run(&["models", "show", &viewed]).stdout);
    assert!(shown.contains(&format!("Seen as `{chosen}`")), "{shown}");
    assert_eq!(status(&run(&["models", "verify", &viewed])), 0);
    let after = json(&run(&["evaluate", &viewed, &set, "--json"]));
    assert_eq!(after["calibrated_on"], after["over_all"]["photos"]);
}

#[test]
fn a_copy_in_whole_numbers_is_half_as_large_and_says_what_it_costs() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let (set, small) = (at("set"), at("small.museau"));
    let said = json(&run(&[
        "models", "quantize", "default", &set, "-o", &small, "--json",
    ]));
    assert_eq!((&said["part"], &said["photos"]), (&"val".into(), &3.into()));
    let bytes = |when: &str| said[when]["file_bytes"].as_u64().expect("a number");
    assert_eq!(
        fs::metadata(&small).expect("a copy").len() / 1000,
        bytes("after") / 1000
    );
    assert!(bytes("after") * 100 < bytes("before") * 55, "{said}");
    assert_eq!(
        said["before"]["accuracy"], said["after"]["accuracy"],
        "{said}"
    );
    assert_eq!(status(&run(&["models", "verify", &small])), 0);
    let beagle = at("set/val/beagle/1.jpg");
    let first = |model: &str| {
        let answer = json(&run(&["classify", "--json", "--model", model, &beagle]));
        let breed = &answer["breeds"][0];
        (
            breed["id"].clone(),
            breed["probability"].as_f64().expect("a number"),
        )
    };
    let (halves, whole) = (first("default"), first(&small));
    assert_eq!(halves.0, whole.0);
    assert!((halves.1 - whole.1).abs() < 0.05, "{halves:?} {whole:?}");
    let again = run(&[
        "--lang", "fr", "models", "quantize", &small, &set, "-o", &small,
    ]);
    assert_eq!(status(&again), 2, "{again:?}");
}

/// A copy that sees one view less: as good on these photos, and faster.
#[test]
fn of_models_that_are_as_good_the_faster_is_picked_with_its_reason() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let (one, page) = (at("one.museau"), at("pick.html"));
    let viewed = run(&["evaluate", "default", &at("set"), "--choose-views", &one]);
    assert_eq!(status(&viewed), 0, "{viewed:?}");
    let pick = [
        "models",
        "pick",
        &at("set"),
        "--models",
        &one,
        "--report",
        &page,
        "--json",
    ];
    let said = json(&run(&pick));
    assert_eq!((&said["part"], &said["photos"]), (&"val".into(), &3.into()));
    let models = said["models"].as_array().expect("models");
    assert_eq!(models.len(), 2);
    let number = |model: usize, key: &str| models[model][key].as_f64().expect("a number");
    assert_eq!(models[1]["name"], "default");
    assert!(
        number(0, "milliseconds") < number(1, "milliseconds"),
        "{said}"
    );
    assert_eq!(2.0 * number(0, "multiply_adds"), number(1, "multiply_adds"));
    assert_eq!(number(0, "parameters"), number(1, "parameters"));
    assert!(number(0, "file_bytes") > 1e6 && number(0, "memory_bytes") > 1e7);
    assert_eq!(said["pick"], one.as_str());
    assert!(models[0]["on_front"].as_bool().expect("told"));
    let page = fs::read_to_string(&page).expect("a page");
    assert!(page.contains("<circle") && page.contains("Use ") && page.contains("no faster one"));

    let french = run(&[
        "--lang",
        "fr",
        "models",
        "pick",
        &at("set"),
        "--models",
        &one,
    ]);
    assert!(text(&french.stdout).contains("Choix\u{a0}:"), "{french:?}");
    let twice = run(&["models", "pick", &at("set"), "--models", &one, &one]);
    assert_eq!(status(&twice), 2, "{twice:?}");
    let table = at("a.csv");
    let read = run(&["models", "pick", &at("set"), "--models", &table]);
    assert_eq!(status(&read), 2, "{read:?}");
    assert!(text(&read.stderr).contains("predictions table"), "{read:?}");
}

#[test]
fn a_temperature_is_fitted_on_val_alone_and_the_package_is_whole() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let fitted = at("fitted.museau");
    let done = run(&[
        "evaluate",
        "default",
        &at("set"),
        "--fit-temperature",
        &fitted,
        "--part",
        "test",
    ]);
    assert_eq!(status(&done), 2, "{done:?}");
    assert!(!Path::new(&fitted).exists());
    let before = json(&run(&[
        "evaluate",
        "default",
        &at("set"),
        "--fit-temperature",
        &fitted,
        "--json",
    ]));
    assert_eq!(status(&run(&["models", "verify", &fitted])), 0);
    let after = json(&run(&["evaluate", &fitted, &at("set"), "--json"]));
    let likelihood = |all: &serde_json::Value| {
        all["over_all"]["negative_log_likelihood"]
            .as_f64()
            .expect("a number")
    };
    assert!(likelihood(&after) <= likelihood(&before) + 1e-6);
    assert_ne!(after["temperature"], before["temperature"]);
    assert_eq!(before["calibrated_on"], 0);
    assert_eq!(after["calibrated_on"], after["over_all"]["photos"]);
    let said = run(&["evaluate", &fitted, &at("set"), "--lang", "en"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("its temperature was fitted on"), "{said}");
    assert_eq!(after["over_all"]["top_1"], before["over_all"]["top_1"]);
    let comparison = &after["comparisons"][0];
    assert_eq!(
        (&comparison["baseline"], &comparison["p_value"]),
        (&true.into(), &1.0.into())
    );
}

#[test]
fn models_that_answered_other_photos_are_not_compared_and_what_differs_is_named() {
    let folder = dataset();
    let at = |name: &str| path(folder.path().join(name));
    let set = at("set");
    let table = |name: &str, photos: &[&str]| {
        let rows = photos
            .iter()
            .map(|photo| format!("{set}/val/{photo},1,0\n"));
        let text = "path,beagle,Samoyed\n".to_owned() + &rows.collect::<String>();
        fs::write(folder.path().join(name), text).expect("a table");
        at(name)
    };
    let manifest = at("set.csv");
    assert_eq!(status(&run(&["data", "import", &set, "-o", &manifest])), 0);
    // The manifest names photos from its own folder.
    let relative = |file: &str| {
        let text = fs::read_to_string(file).expect("a table");
        let start = folder.path().to_str().expect("UTF-8").to_owned() + "/";
        fs::write(file, text.replace(&start, "")).expect("a table");
    };
    let both = table("both.csv", &["beagle/1.jpg", "Samoyède/2.jpg"]);
    let same = table("same.csv", &["Samoyède/2.jpg", "beagle/1.jpg"]);
    let first = table("first.csv", &["beagle/1.jpg"]);
    let second = table("second.csv", &["Samoyède/2.jpg"]);
    [&both, &same, &first, &second]
        .into_iter()
        .for_each(|file| relative(file));
    let compare =
        |base: &str, with: &str| run(&["compare", &manifest, "--base", base, "--with", with]);
    let done = compare(&both, &same);
    assert_eq!(status(&done), 0, "{done:?}");
    // The other photos of the part are said, not dropped.
    let said = text(&done.stderr);
    assert!(
        said.contains("birman") || said.contains("does not know"),
        "{said}"
    );
    // One more, and as many but others: both are refused, with the photos.
    let done = compare(&both, &first);
    assert_eq!(status(&done), 3, "{done:?}");
    let said = text(&done.stderr);
    assert!(
        said.contains("both.csv alone: 1 (Samoyède/2.jpg)"),
        "{said}"
    );
    assert!(said.contains("first.csv alone: 0"), "{said}");
    let done = compare(&first, &second);
    assert_eq!(status(&done), 3, "{done:?}");
    let said = text(&done.stderr);
    assert!(said.contains("first.csv alone: 1 (beagle/1.jpg)"), "{said}");
    assert!(
        said.contains("second.csv alone: 1 (Samoyède/2.jpg)"),
        "{said}"
    );
    assert!(!said.contains("knows none"), "{said}");
}

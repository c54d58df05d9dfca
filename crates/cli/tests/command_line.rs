//! The binary from outside: what is printed, in which language, and the exit status, for good input
//! and for bad.
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn museau(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
    command
        .args(arguments)
        .env("MUSEAU_LANG", "en")
        .env_remove("MUSEAU_LOG");
    command.env("MUSEAU_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(arguments: &[&str]) -> Output {
    museau(arguments).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn photo(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
    folder.join(name).to_str().expect("a UTF-8 path").to_owned()
}

/// A file of this content in a folder of its own.
fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a file");
    let path = path.to_str().expect("a UTF-8 path").to_owned();
    (folder, path)
}

/// The line of JSON for one photo.
fn json(path: &str) -> (Value, Option<i32>) {
    let output = run(&["classify", "--json", path]);
    let line = text(&output.stdout);
    (
        serde_json::from_str(&line).expect("a line of JSON"),
        output.status.code(),
    )
}

#[test]
fn names_a_dog_in_both_languages() {
    let output = run(&["classify", &photo("beagle_14.jpg")]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert!(
        text(&output.stdout).contains("Looks like: Beagle"),
        "{output:?}"
    );
    let output = run(&["classify", "--lang", "fr", &photo("saint_bernard_187.jpg")]);
    assert!(
        text(&output.stdout).contains("Ressemble à\u{a0}: Saint-Bernard"),
        "{output:?}"
    );
}

/// The probability of a breed on the beagle's photo, of all breeds that the model knows.
fn of_beagle(id: &str, arguments: &[&str]) -> f64 {
    let photo = photo("beagle_14.jpg");
    let all = [&["classify", "--json", "--top", "1000", &photo], arguments].concat();
    let output = run(&all);
    assert!(output.status.success(), "{output:?}");
    let line: Value = serde_json::from_str(&text(&output.stdout)).expect("a line of JSON");
    let breeds = line["breeds"].as_array().expect("breeds");
    let found = breeds.iter().find(|breed| breed["id"] == id);
    found.expect("a breed")["probability"]
        .as_f64()
        .expect("a number")
}

#[test]
fn frequencies_weigh_the_breeds_by_their_strength() {
    // English foxhounds are rare in France, and look like beagles.
    let foxhound = |arguments: &[&str]| of_beagle("n02089973", arguments);
    let plain = foxhound(&["--prior", "none"]);
    let of_france = |strength| foxhound(&["--prior", "france", "--prior-strength", strength]);
    assert!((of_france("0") - plain).abs() < 1e-7);
    let (weak, strong) = (of_france("0.25"), of_france("1"));
    assert!(strong < weak && weak < plain, "{strong} {weak} {plain}");
    // A table of one's own, in which there are only foxhounds.
    let (_folder, table) = file(
        "counts.csv",
        b"breed;count\nFoxhound anglais;900\nLassie;0\n",
    );
    let refused = run(&["classify", "--prior", &table, &photo("beagle_14.jpg")]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("line 3: ‘Lassie’ is neither a breed"));
    let (_folder, table) = file(
        "counts.csv",
        b"breed;count\nFoxhound anglais;900\nWelsh terrier;5\n",
    );
    assert!(foxhound(&["--prior", &table, "--prior-strength", "1"]) > 100.0 * plain);
}

#[test]
fn frequencies_that_are_none_are_refused_in_both_languages() {
    let photo = photo("beagle_14.jpg");
    for (content, english, french) in [
        (
            "breed,count\nBeagle,0\n",
            "counts no dog",
            "ne compte aucun chien",
        ),
        (
            "breed,count\nBeagel,3\n",
            "Did you mean ‘Beagle’?",
            "Vouliez-vous dire «\u{a0}Beagle\u{a0}»",
        ),
        (
            "breed,count\nBeagle,3\nbeagle,4\n",
            "already counted",
            "déjà comptée",
        ),
        ("breed,count\nBeagle,-3\n", "line 2", "ligne 2"),
        (
            "breed,count\nBeagle,1e308\nPug,1e308\n",
            "too large",
            "trop grands",
        ),
    ] {
        let (_folder, table) = file("counts.csv", content.as_bytes());
        for (language, said) in [("en", english), ("fr", french)] {
            let output = run(&["classify", "--lang", language, "--prior", &table, &photo]);
            assert_eq!(output.status.code(), Some(3), "{content}: {output:?}");
            let told = text(&output.stderr);
            assert!(told.contains(said), "{content}: {told}");
        }
    }
    let output = run(&[
        "classify",
        "--prior",
        "france",
        "--prior-strength",
        "2",
        &photo,
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn an_answer_is_explained_by_a_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("why.png");
    let path = picture.to_str().expect("a UTF-8 path");
    let samoyed = photo("samoyed_32.jpg");
    let output = run(&["classify", "--explain", path, &samoyed]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("Looks like: Samoyed"));
    let said = text(&output.stderr);
    let percents = said
        .split_whitespace()
        .filter_map(|word| word.strip_suffix('%'));
    let percents: Vec<u32> = percents.filter_map(|number| number.parse().ok()).collect();
    // On the whole photo, without the hottest, the share, and at random.
    let [whole, without, _, random] = percents[..] else {
        panic!("{said}")
    };
    assert!(whole > 90 && without < 60 && random > 80, "{said}");
    assert!(
        fs::read(&picture)
            .expect("a picture")
            .starts_with(b"\x89PNG")
    );
    let refused = run(&["classify", "--explain", path, &samoyed, &samoyed]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("a single photo"));
    // A person's file stays.
    let (_own, own) = file("notes.png", b"my own");
    let refused = run(&["classify", "--explain", &own, &samoyed]);
    assert!(!refused.status.success());
    assert_eq!(fs::read(&own).expect("the file"), b"my own");
}

#[test]
fn a_model_is_calibrated_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |place: &str, name: &str| {
        let to = folder.path().join(place);
        fs::create_dir_all(&to).expect("a folder");
        fs::copy(photo(name), to.join(name)).expect("a photo");
    };
    put("dogs/beagle", "beagle_14.jpg");
    put("dogs/keeshond", "keeshond_173.jpg");
    put("dogs/Samoyed", "samoyed_32.jpg");
    put("others", "birman_108.jpg");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (dogs, others, made) = (path("dogs"), path("others"), path("own.museau"));
    let output = run(&[
        "models",
        "calibrate",
        "default",
        "--dogs",
        &dogs,
        "--not-dogs",
        &others,
        "--prior",
        "france",
        "--name",
        "own",
        "-o",
        &made,
    ]);
    assert!(output.status.success(), "{output:?}");
    let card = text(&output.stdout);
    assert!(card.starts_with("# own "), "{card}");
    assert!(card.contains("fitted on 3 train photos of dogs"), "{card}");
    assert!(
        card.contains("weighed by how frequent they are, with strength 0.25"),
        "{card}"
    );
    let shown = run(&["classify", "--model", &made, &photo("beagle_14.jpg")]);
    assert!(text(&shown.stdout).contains("Beagle"), "{shown:?}");
    // Never over another model.
    let again = run(&[
        "models",
        "calibrate",
        "default",
        "--dogs",
        &dogs,
        "-o",
        &made,
    ]);
    assert!(!again.status.success());
}

#[test]
fn the_json_is_the_contract() {
    let (line, status) = json(&photo("keeshond_173.jpg"));
    assert_eq!(status, Some(0));
    assert_eq!(line["answer"], "dog");
    assert_eq!(line["breeds"][0]["id"], "n02112350");
    assert_eq!(line["breeds"].as_array().map(Vec::len), Some(5));
    for key in [
        "photo",
        "dog_probability",
        "group",
        "mixed",
        "look_alikes",
        "notices",
        "quality",
    ] {
        assert!(line.get(key).is_some(), "{key}");
    }
    assert!(
        line["milliseconds"]["decode"].is_number() && line["milliseconds"]["infer"].is_number()
    );
    assert!(line["model"]["name"].is_string() && line["model"]["version"].is_string());
    let output = run(&[
        "classify",
        "--json",
        "--top",
        "200",
        &photo("keeshond_173.jpg"),
    ]);
    let line: Value = serde_json::from_str(&text(&output.stdout)).expect("JSON");
    let breeds = line["breeds"].as_array().expect("breeds");
    let sum: f64 = breeds
        .iter()
        .filter_map(|breed| breed["probability"].as_f64())
        .sum();
    assert_eq!(breeds.len(), 134);
    assert!((sum - 1.0).abs() < 1e-4, "{sum}");
}

#[test]
fn options_of_every_verb_stand_before_it_or_behind() {
    let output = run(&[
        "--lang",
        "fr",
        "classify",
        "--top",
        "1",
        &photo("beagle_14.jpg"),
    ]);
    assert!(text(&output.stdout).contains("Ressemble"), "{output:?}");
}

#[test]
fn a_cat_is_not_a_dog() {
    let (line, status) = json(&photo("birman_108.jpg"));
    assert_eq!(
        (line["answer"].as_str(), status),
        (Some("not_a_dog"), Some(0))
    );
}

#[test]
fn folders_several_photos_and_csv() {
    let folder = photo("");
    let output = run(&["classify", "--csv", &folder]);
    let table = text(&output.stdout);
    assert_eq!(table.lines().count(), 1 + 6, "{table}");
    let names: Vec<_> = table.lines().skip(1).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    let (first, second) = (photo("samoyed_32.jpg"), photo("keeshond_173.jpg"));
    let output = run(&["classify", "--json", "--together", &first, &second]);
    assert_eq!(text(&output.stdout).lines().count(), 1);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    assert_eq!(line["photo"], *first);
    assert_eq!(line["photos"], serde_json::json!([first, second]));
    // Two photos with a dog show a dog, even two that are unlike.
    assert!(!text(&output.stdout).contains("not_a_dog"), "{output:?}");
}

#[test]
fn photos_that_cannot_be_read_say_why_and_the_others_are_answered() {
    let beagle = fs::read(photo("beagle_14.jpg")).expect("a photo");
    let mut cases = vec![
        ("empty.jpg", Vec::new(), "empty"),
        (
            "text.jpg",
            b"Dear museau, this is a letter.".to_vec(),
            "not_a_photo",
        ),
        ("bomb.png", png_bomb(), "too_large"),
        (
            "new.avif",
            b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf".to_vec(),
            "unsupported_format",
        ),
        (
            "film.mov",
            b"\0\0\0\x14ftypqt  \0\0\0\0qt  ".to_vec(),
            "video",
        ),
        ("raw.cr2", b"II*\0\x10\0\0\0CR\x02\0".to_vec(), "camera_raw"),
    ];
    // From its first twentieth on it is a JPEG by its first bytes.
    for twentieth in 1..20 {
        let cut = beagle[..beagle.len() * twentieth / 20].to_vec();
        cases.push(("cut.jpg", cut, "truncated"));
    }
    for (name, content, kind) in cases {
        let (_folder, path) = file(name, &content);
        let (line, status) = json(&path);
        assert_eq!(status, Some(1), "{name}: {line}");
        assert_eq!(
            line["error"]["kind"],
            kind,
            "{name} of {} bytes: {line}",
            content.len()
        );
        let message = line["error"]["message"].as_str().unwrap_or_default();
        assert!(message.len() > 20, "{name}: {message}");
        let french = museau(&["classify", "--lang", "fr", &path])
            .output()
            .expect("starts");
        assert!(
            !text(&french.stderr).contains(message),
            "{name}: the message is translated"
        );
        let both = run(&["classify", &path, &photo("beagle_14.jpg")]);
        assert_eq!(both.status.code(), Some(1));
        assert!(
            text(&both.stdout).contains("Beagle"),
            "{name}: the other photo is answered"
        );
    }
}

/// A PNG that claims 30,000 x 30,000 pixels in a few bytes.
fn png_bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(30_000u32.to_be_bytes());
    header.extend(30_000u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    png.extend(13u32.to_be_bytes());
    png.extend(&header);
    png.extend(crc32(&header).to_be_bytes());
    png.extend(b"\0\0\0\x04IDAT\0\0\0\0\0\0\0\0");
    png
}

/// The checksum of PNG (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    })
}

#[test]
fn paths_that_are_not_there() {
    let output = run(&["classify", "/no/such/photo.jpg"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/photo.jpg"));
    let empty = tempfile::tempdir().expect("a folder");
    let output = run(&["classify", empty.path().to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    let output = run(&["demo", "/no/such/folder"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn wrong_usage_ends_in_2() {
    for arguments in [
        &["classify"][..],
        &["classify", "--top", "0", "a.jpg"],
        &["clasify", "a.jpg"],
        &["classify", "--lang", "de", "a.jpg"],
        &[
            "models",
            "make",
            "--weights",
            "a",
            "--backbone",
            "vgg99",
            "-o",
            "b",
        ],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty());
    }
    let output = museau(&["models", "list"])
        .env("MUSEAU_ISA", "mmx")
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_is_wrong_with_models_and_values_is_said_in_french() {
    let said = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = museau(arguments)
            .envs(variables.iter().copied())
            .output()
            .expect("starts");
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(!said.contains("os error"), "{said}");
        said.replace(['\u{a0}', '\u{202f}'], " ")
    };
    let french = [("MUSEAU_LANG", "fr")];
    let missing = [
        "classify",
        "--lang",
        "fr",
        "--model",
        "nope.museau",
        "a.jpg",
    ];
    assert_eq!(
        said(&missing, &[]).trim_end(),
        "museau: Modèle « nope.museau » introuvable. « museau models list » les montre ; \
         ou donnez le chemin d’un fichier .museau."
    );
    for (name, value) in [("MUSEAU_LANG", "deutsch"), ("MUSEAU_ISA", "mmx")] {
        let variables = [("LC_ALL", "fr_FR.UTF-8"), french[0], (name, value)];
        let text = said(&["models", "list"], &variables);
        let refused = format!("« {value} » n’est pas une valeur valide");
        assert!(text.contains(&refused), "{text}");
    }
    let (_folder, weights) = file("weights.pth", b"no weights");
    let (_folder, empty) = file("classes.txt", b"\n");
    for (backbone, weights, more, words) in [
        (
            "vgg99",
            &*weights,
            &[][..],
            "« vgg99 » n’est pas une valeur valide",
        ),
        (
            "mobilenet_v2",
            "/no",
            &[],
            "/no n’a pas pu être lu : il n’existe pas",
        ),
        (
            "mobilenet_v2",
            &weights,
            &[],
            "ne contient pas de poids que museau sache lire",
        ),
        (
            "mobilenet_v2",
            &weights,
            &["--views", "tilt"],
            "« tilt » n’est pas une valeur valide",
        ),
        (
            "mobilenet_v2",
            &weights,
            &["--classes", "/no"],
            "/no n’a pas pu être lu : il n’existe pas",
        ),
        (
            "mobilenet_v2",
            &weights,
            &["--classes", &empty],
            "ne contient aucun nom de classe",
        ),
    ] {
        let fixed = [
            "models",
            "make",
            "--backbone",
            backbone,
            "--weights",
            weights,
            "-o",
            "/none/x",
        ];
        let text = said(&[&fixed, more].concat(), &french);
        assert!(text.contains(words), "{more:?}: {text}");
        // The output's folder is not left behind by what is refused.
        assert!(!Path::new("/none").exists());
    }
    let whole = museau(&["models", "verify", "--lang", "fr"])
        .output()
        .expect("starts");
    assert!(text(&whole.stdout).contains("en bon état"), "{whole:?}");
}

#[test]
fn model_files_that_are_none_end_in_3() {
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("model/default.museau"))
        .expect("the embedded model");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0000000000000000000000000000000000000000000000000000000000000000\nsize 12000000\n";
    let mut flipped = whole.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let foreign = {
        let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend([0; 4]);
        bytes
    };
    for (name, content) in [
        ("empty", &b""[..]),
        ("pointer", pointer),
        ("page", b"<!DOCTYPE html><html><title>404</title></html>"),
        ("cut", &whole[..whole.len() / 2]),
        ("flipped", &flipped),
        ("foreign", &foreign),
        ("text", b"not a model at all, just some words"),
        ("short", b"words"),
    ] {
        let (_folder, path) = file("model.museau", content);
        let output = run(&["classify", "--model", &path, &photo("beagle_14.jpg")]);
        assert_eq!(output.status.code(), Some(3), "{name}: {output:?}");
        assert!(
            text(&output.stderr).contains("model.museau"),
            "{name}: {output:?}"
        );
        let output = run(&["models", "verify", &path]);
        assert_eq!(output.status.code(), Some(3), "{name}: {output:?}");
    }
    let output = run(&["models", "verify"]);
    assert!(output.status.success(), "{output:?}");
}

/// Every name that the list shows is one that every verb takes.
#[test]
fn a_model_is_named_alike_everywhere() {
    let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/default.museau");
    let mut package = package::Package::read_file(&inside).expect("the embedded model");
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("models")).expect("a folder");
    let own_name = package.about.name.clone();
    for (name, files) in [("mine", &["file"][..]), ("both", &["one", "two"])] {
        package.about.name = name.to_owned();
        for file in files {
            let path = home.path().join(format!("models/{file}.museau"));
            fs::write(path, package.to_bytes().expect("a package")).expect("a file");
        }
    }
    let with_home = |arguments: &[&str]| {
        let mut command = museau(arguments);
        command
            .env("MUSEAU_HOME", home.path())
            .env("MUSEAU_LANG", "en");
        command.output().expect("starts")
    };
    let listed = with_home(&["models", "list", "--json"]);
    let listed = text(&listed.stdout);
    let names = listed.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        row["name"].as_str().expect("a name").to_owned()
    });
    let mut names: Vec<String> = names.filter(|name| name != "both").collect();
    assert_eq!(names, [own_name.as_str(), "mine"]);
    names.extend(["file", "file.museau", "default"].map(str::to_owned));
    let dog = photo("beagle_14.jpg");
    for name in &names {
        for arguments in [
            &["models", "verify", name][..],
            &["models", "show", name],
            &["classify", "--model", name, &dog],
        ] {
            let output = with_home(arguments);
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        }
    }
    let shown = |name: &str| text(&with_home(&["models", "verify", name]).stdout);
    assert!(shown("file").contains(": mine ") && shown("mine").contains(": mine "));
    assert!(shown("default").starts_with(&format!("default: {own_name} ")));
    for (name, status, words) in [
        ("both", 2, "Several models are called ‘both’"),
        ("gone", 3, "Model ‘gone’ not found."),
    ] {
        for arguments in [
            &["models", "verify", name][..],
            &["classify", "--model", name, &dog],
            &["evaluate", name, "/none"],
        ] {
            let output = with_home(arguments);
            let said = text(&output.stderr);
            // A verb that looks at the data set first tells of that.
            let told = said.contains(words) || said.contains("/none");
            assert!(told && !output.status.success(), "{arguments:?}: {said}");
        }
        let output = with_home(&["models", "show", name]);
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
    let heading = text(&with_home(&["models", "list"]).stdout);
    assert!(
        heading.starts_with("model ") && heading.contains("embedded"),
        "{heading}"
    );
}

/// A package whose values are finite, and whose network gives none that are.
fn package_without_numbers() -> Vec<u8> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/default.museau");
    let mut package = package::Package::read_file(&model).expect("the embedded model");
    let mut last = package.graph.outputs()[0];
    for name in ["huge", "infinite"] {
        let op = graph::Op::Affine {
            scale: 1e30,
            offset: 0.0,
        };
        last = package.graph.add(name, op, &[last]).expect("a layer");
    }
    package.graph.set_outputs(&[last]).expect("an output");
    package.to_bytes().expect("a package")
}

#[test]
fn a_model_that_gives_no_numbers_ends_in_3_whatever_is_asked_of_it() {
    let (folder, path) = file("model.museau", &package_without_numbers());
    let dog = photo("beagle_14.jpg");
    for part in ["train", "val"] {
        let place = folder.path().join("set").join(part).join("beagle");
        fs::create_dir_all(&place).expect("a folder");
        fs::copy(&dog, place.join("1.jpg")).expect("a photo");
    }
    for (language, words) in [("fr", "infinies"), ("en", "infinite")] {
        for arguments in [
            &["classify", &dog, "--model", &path][..],
            &["classify", &dog, &dog, "--together", "--model", &path],
            &["classify", &dog, "--json", "--model", &path],
            &["models", "verify", &path],
            &["evaluate", &path, &path_of(&folder, "set"), "--part", "val"],
            // A server that did not try its model would complain of the address, or serve.
            &["serve", "--model", &path, "--listen", "nowhere"],
            &[
                "demo",
                &path_of(&folder, "set"),
                "--model",
                &path,
                "--listen",
                "nowhere",
            ],
        ] {
            let output = museau(&[arguments, &["--lang", language]].concat())
                .output()
                .expect("starts");
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {output:?}");
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(said.contains(words), "{arguments:?}: {said}");
            assert!(!said.contains("NaN%") && !said.contains("NaN %"), "{said}");
            if arguments.contains(&"--json") {
                let line: Value = serde_json::from_str(&text(&output.stdout)).expect("JSON");
                assert_eq!(line["error"]["kind"], "model_not_finite");
            }
        }
    }
    // A file that is no photo is a lesser fault than the model's.
    let (_folder, broken) = file("broken.jpg", b"no photo");
    let output = run(&["classify", &dog, &broken, "--model", &path]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

fn path_of(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[test]
fn the_model_inside_has_a_card_and_a_name() {
    let output = run(&["models", "list", "--json"]);
    let line: Value = serde_json::from_str(&text(&output.stdout)).expect("JSON");
    assert_eq!(line["classes"], 134);
    let card = text(&run(&["models", "show"]).stdout);
    assert!(card.contains("Apache-2.0"), "{card}");
    let graph = text(&run(&["models", "show", "--graph"]).stdout);
    assert!(graph.contains("predictions"), "{graph}");
}

#[test]
fn shells_and_manuals() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert!(text(&output.stdout).contains("classify"), "{shell}");
    }
    assert!(text(&run(&["man"]).stdout).contains(".TH museau"));
    let folder = tempfile::tempdir().expect("a folder");
    assert!(
        run(&["man", "--to", folder.path().to_str().expect("UTF-8")])
            .status
            .success()
    );
    assert!(folder.path().join("museau-classify.1").exists());
    assert!(text(&run(&["--version"]).stdout).starts_with("museau "));
}

#[test]
fn every_set_of_instructions_gives_the_same_answer() {
    let mut first: Option<f64> = None;
    for isa in kernels::Isa::available() {
        let mut command = museau(&["classify", "--json", &photo("beagle_14.jpg")]);
        let output = command
            .env("MUSEAU_ISA", isa.name())
            .output()
            .expect("starts");
        let line: Value = serde_json::from_str(&text(&output.stdout)).expect("JSON");
        let probability = line["breeds"][0]["probability"].as_f64().expect("a number");
        assert!(
            (probability - *first.get_or_insert(probability)).abs() < 1e-4,
            "{isa}"
        );
    }
}

#[test]
fn a_port_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(&["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&address), "{output:?}");
    for listen in [
        "nowhere",
        "8000",
        ":8000",
        "http://127.0.0.1:8000",
        "0.0.0.0",
    ] {
        let output = run(&["serve", "--listen", listen]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("ADDRESS:PORT"), "{output:?}");
    }
}

#[test]
fn serves_without_a_verb_and_says_where() {
    let mut child = museau(&["--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    let stderr = child.stderr.take().expect("its stderr");
    BufReader::new(stderr).read_line(&mut line).expect("a line");
    child.kill().expect("it runs until it is stopped");
    child.wait().expect("it ends");
    assert!(line.contains("http://127.0.0.1:"), "{line}");
}

/// A folder that may not be read; as root everything may, so that the test is left out.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let inner: PathBuf = folder.path().join("closed");
    fs::create_dir(&inner).expect("a folder");
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::read_dir(&inner).is_ok() {
        println!("left out: this user may read every folder");
        return;
    }
    let output = run(&["classify", inner.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("closed"));
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).expect("permissions");
}

#[test]
fn pages_for_man_are_written_over_such_pages_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().to_str().expect("UTF-8");
    for _ in 0..2 {
        assert!(run(&["man", "--to", to]).status.success());
    }
    let page = folder.path().join("museau-classify.1");
    fs::write(&page, "notes of mine").expect("a file");
    assert_eq!(run(&["man", "--to", to]).status.code(), Some(2));
    assert_eq!(fs::read(&page).expect("a file"), b"notes of mine");
    fs::remove_file(&page).expect("removed");
    assert!(run(&["man", "--to", to]).status.success());
    let mut edited = fs::read(&page).expect("a file");
    edited.extend(b".SH NOTES\nof mine\n");
    fs::write(&page, &edited).expect("a file");
    assert_eq!(run(&["man", "--to", to]).status.code(), Some(2));
    assert!(fs::read(&page).expect("a file") == edited);
}

#[test]
fn a_model_is_made_over_nothing() {
    let (folder, weights) = file("weights.pth", b"hours of work");
    let backbone = ["--backbone", "mobilenet_v2", "-o"];
    for output in [weights.clone(), photo("beagle_14.jpg")] {
        let before = fs::read(&output).expect("a file");
        let arguments = [&["models", "make", "--weights", &weights], &backbone[..]].concat();
        let output_of = run(&[&arguments[..], &[&output]].concat());
        assert_eq!(output_of.status.code(), Some(2), "{output_of:?}");
        let said = text(&output_of.stderr);
        assert!(said.contains("already exists"), "{said}");
        assert!(fs::read(&output).expect("a file") == before);
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_photos_place_is_told_rather_than_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("dog.jpg");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let shown = pipe.to_str().expect("UTF-8");
    for named in [shown, folder.path().to_str().expect("UTF-8")] {
        let output = run(&["classify", named]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("dog.jpg") && said.contains("special file"),
            "{said}"
        );
    }
    // What a shell hands over is read.
    let photo = fs::File::open(photo("beagle_14.jpg")).expect("a photo");
    let output = museau(&["classify", "/dev/stdin"]).stdin(photo).output();
    assert!(output.expect("the binary starts").status.success());
}

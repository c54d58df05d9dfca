//! `museau preprocess` from outside: photos that are made, places that are refused, the page.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_museau"))
        .arg("preprocess")
        .args(arguments)
        .env("MUSEAU_LANG", "en")
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// A folder with two photos in two folders of it, and a file that is none.
fn photos() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let photos = folder.path().join("photos");
    for (place, name) in [("a", "beagle_14.jpg"), ("b", "samoyed_32.jpg")] {
        fs::create_dir_all(photos.join(place)).expect("a folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
        fs::copy(from.join(name), photos.join(place).join(name)).expect("a photo");
    }
    (folder, photos)
}

#[test]
fn folders_are_mirrored_and_originals_are_kept() {
    let (folder, photos) = photos();
    fs::write(photos.join("b/bad.jpg"), "no photo").expect("a file");
    let out = folder.path().join("out");
    let (from, to) = (photos.to_str().unwrap(), out.to_str().unwrap());
    let output = run(&["run", "clahe | resize(64,crop)", from, "-o", to, "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        summary["pipeline"],
        "clahe(2,8) | resize(64,crop,bicubic,128)"
    );
    assert_eq!(
        (&summary["written"], &summary["failed"]),
        (&2.into(), &1.into())
    );
    assert!(text(&output.stderr).contains("bad.jpg"));
    for made in ["a/beagle_14.png", "b/samoyed_32.png"] {
        let bytes = fs::read(out.join(made)).expect("a photo");
        let photo = vision::decode(&bytes, &vision::Limits::default()).expect("a photo");
        assert_eq!((photo.width(), photo.height()), (64, 64));
    }
    let before = fs::read(photos.join("a/beagle_14.jpg")).expect("the original");
    let output = run(&["run", "gray", from, "-o", from, "--format", "jpeg"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("over an original"));
    assert_eq!(
        fs::read(photos.join("a/beagle_14.jpg")).expect("the original"),
        before
    );
}

/// The columns of a row of a manifest, by a part of its path.
fn row(manifest: &str, name: &str) -> Vec<String> {
    let row = manifest.lines().find(|line| line.contains(name));
    let fields = row.expect("a row").split(',');
    fields.map(str::to_owned).collect()
}

#[test]
fn what_was_made_is_a_data_set_and_what_others_made_is_kept() {
    let (folder, photos) = photos();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("test")).expect("a folder");
    fs::create_dir_all(tree.join("train")).expect("a folder");
    fs::rename(photos.join("a"), tree.join("train/beagle")).expect("moved");
    fs::rename(photos.join("b"), tree.join("test/samoyed")).expect("moved");
    let out = folder.path().join("out");
    let (from, to) = (tree.to_str().unwrap(), out.to_str().unwrap());
    fs::create_dir_all(out.join("train/beagle")).expect("a folder");
    let theirs = out.join("train/beagle/beagle_14.png");
    fs::write(&theirs, "mine").expect("a file");
    let output = run(&["run", "gray", from, "-o", to]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("beagle_14.png"));
    assert_eq!(fs::read(&theirs).expect("theirs"), b"mine");
    assert!(!out.join("test").exists() && !out.join("manifest.csv").exists());
    fs::remove_file(&theirs).expect("moved away");
    // A photo that an earlier run made (and did not come further) is made again.
    let one = tree.join("train");
    let half = out.join("train");
    let half = half.to_str().unwrap();
    let output = run(&["run", "gray", one.to_str().unwrap(), "-o", half]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for _ in 0..2 {
        let output = run(&["run", "gray", from, "-o", to, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            (&summary["written"], &summary["unlabelled"]),
            (&2.into(), &0.into())
        );
        assert!(text(&output.stderr).contains("preprocess: 100%"));
    }
    let manifest = fs::read_to_string(out.join("manifest.csv")).expect("a manifest");
    let beagle = row(&manifest, "train/beagle/beagle_14.png");
    assert_eq!((&*beagle[4], &*beagle[6]), ("beagle", "train"));
    assert!(
        beagle[13].ends_with("tree/train/beagle/beagle_14.jpg"),
        "{beagle:?}"
    );
    assert_eq!(row(&manifest, "samoyed_32.png")[6], "test");

    // The results are a data set; decisions and the seal hold for them as for any.
    let made = out.join("manifest.csv");
    let made = made.to_str().unwrap();
    let decisions = folder.path().join("decisions.csv");
    let line = format!("{},{},class:pug,Anne,\n", beagle[0], beagle[3]);
    fs::write(&decisions, "path,hash,verdict,who,why\n".to_owned() + &line).expect("a file");
    let second = folder.path().join("second");
    let to = second.to_str().unwrap();
    let decided = ["--decisions", decisions.to_str().unwrap()];
    let output = run(&["run", "resize(32)", made, "-o", to, decided[0], decided[1]]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let manifest = fs::read_to_string(second.join("manifest.csv")).expect("a manifest");
    assert_eq!(manifest.lines().count(), 2, "{manifest}");
    assert_eq!(row(&manifest, "beagle_14")[4], "pug");
    // A manifest of the person's own is not written over.
    let own = folder.path().join("own");
    fs::create_dir_all(&own).expect("a folder");
    let header: Vec<_> = manifest.lines().next().unwrap().split(',').collect();
    fs::write(own.join("manifest.csv"), header[..13].join(",")).expect("a file");
    let output = run(&["run", "gray", from, "-o", own.to_str().unwrap()]);
    assert_ne!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(fs::read_dir(&own).expect("the folder").count(), 1);
}

#[test]
fn a_wrong_pipeline_says_where() {
    let output = run(&["run", "gray | bilatral(9)", "x", "-o", "y"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("Character 8") && said.contains("bilateral"),
        "{said}"
    );
    assert_eq!(run(&["run", " ", "x", "-o", "y"]).status.code(), Some(2));
}

#[test]
fn the_gallery_needs_nothing_but_itself() {
    let (folder, photos) = photos();
    let page = folder.path().join("page.html");
    let photo = photos.join("a/beagle_14.jpg");
    let (photo, to) = (photo.to_str().unwrap(), page.to_str().unwrap());
    let output = run(&["gallery", "equalise | resize(64)", photo, "-o", to]);
    assert!(output.status.success(), "{output:?}");
    let html = fs::read_to_string(&page).expect("the page");
    assert!(html.contains("beagle_14.jpg") && html.contains("class=compare"));
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"));
}

#[test]
fn every_step_is_listed() {
    let said = text(&run(&["list"]).stdout);
    for kind in vision::filters::registry() {
        assert!(said.contains(&kind.usage()), "{}", kind.name);
    }
}

#[test]
fn results_are_not_mixed_with_their_source() {
    let (folder, photos) = photos();
    let source = photos.to_str().expect("UTF-8");
    let manifest = folder.path().join("set.csv");
    let manifest = manifest.to_str().expect("UTF-8");
    let output = Command::new(env!("CARGO_BIN_EXE_museau"))
        .args(["data", "import", source, "-o", manifest])
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{output:?}");
    let below = photos.join("new/below");
    let roundabout = folder.path().join("photos/../photos");
    let through_new = folder.path().join("new/../photos");
    for (from, to) in [
        (source, source),
        (source, below.to_str().expect("UTF-8")),
        (source, roundabout.to_str().expect("UTF-8")),
        (source, through_new.to_str().expect("UTF-8")),
        (manifest, folder.path().to_str().expect("UTF-8")),
    ] {
        let output = run(&["run", "gray", from, "-o", to]);
        assert_eq!(output.status.code(), Some(2), "{from} {to}: {output:?}");
        assert!(text(&output.stderr).contains("mixed with"), "{output:?}");
        assert!(!photos.join("a/beagle_14.png").exists() && !photos.join("new").exists());
    }
    // Beside it is another place.
    let beside = folder.path().join("photos-gray");
    let output = run(&["run", "gray", source, "-o", beside.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_gallery_of_nothing_is_an_error_and_no_page() {
    let (folder, photos) = photos();
    let bad = photos.join("bad.jpg");
    fs::write(&bad, "no photo").expect("a file");
    let page = folder.path().join("out/page.html");
    let (bad, to) = (bad.to_str().expect("UTF-8"), page.to_str().expect("UTF-8"));
    let output = run(&["gallery", "gray", bad, "-o", to]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("no gallery"), "{output:?}");
    assert!(output.stdout.is_empty() && !folder.path().join("out").exists());
}

#[test]
fn a_page_is_written_over_a_page_alone() {
    let (folder, photos) = photos();
    let photo = photos.join("a/beagle_14.jpg");
    let before = fs::read(&photo).expect("a photo");
    let of = photo.to_str().unwrap();
    let output = run(&["gallery", "gray", of, "-o", of]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        text(&output.stderr).contains("already exists"),
        "{output:?}"
    );
    assert_eq!(fs::read(&photo).expect("the photo"), before);
    let page = folder.path().join("page.html");
    for _ in 0..2 {
        let output = run(&["gallery", "gray", of, "-o", page.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
    }
}

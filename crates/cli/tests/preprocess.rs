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

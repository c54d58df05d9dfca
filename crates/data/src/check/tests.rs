//! Everything that a check looks for, planted; decisions; the report.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::error::Error;
use crate::import::{ImportOptions, import};
use crate::part::Part;
use crate::scene::{encode, jpeg, pixels};
use vision::Photo;

/// A part of a picture, `[left, top, width, height]`.
fn cut(rgb: &[u8], width: usize, [left, top, w, h]: [usize; 4]) -> Vec<u8> {
    (top..top + h)
        .flat_map(|row| &rgb[(row * width + left) * 3..(row * width + left + w) * 3])
        .copied()
        .collect()
}

fn changed(rgb: &[u8], change: impl Fn(f32) -> f32) -> Vec<u8> {
    rgb.iter()
        .map(|&value| change(f32::from(value)) as u8)
        .collect()
}

/// A data set with everything planted that is looked for, and forty photos with nothing.
fn planted() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for seed in 0..40 {
        let class = ["pug", "beagle"][seed as usize % 2];
        put(
            &format!("train/{class}/plain{seed}.jpg"),
            &jpeg(seed, 224, 200),
        );
    }
    let scene = pixels(100, 240, 240);
    put("train/pug/whole.jpg", &encode(&scene, 240, 240, 90));
    let part = cut(&scene, 240, [40, 30, 150, 150]);
    put("train/pug/part.jpg", &encode(&part, 150, 150, 60));
    put(
        "test/pug/across.jpg",
        &encode(&cut(&scene, 240, [4, 0, 230, 236]), 230, 236, 80),
    );
    let other = pixels(101, 220, 220);
    put("train/pug/a.jpg", &encode(&other, 220, 220, 90));
    put(
        "train/beagle/b.jpg",
        &encode(&changed(&other, |v| v * 0.7 + 40.0), 220, 220, 70),
    );
    put("train/pug/same1.jpg", &jpeg(102, 200, 200));
    put("train/pug/same2.jpg", &jpeg(102, 200, 200));
    let mirrored: Vec<u8> = pixels(103, 200, 200)
        .chunks_exact(600)
        .flat_map(|row| {
            row.chunks_exact(3)
                .rev()
                .flatten()
                .copied()
                .collect::<Vec<u8>>()
        })
        .collect();
    put("train/pug/left.jpg", &jpeg(103, 200, 200));
    put("train/pug/right.jpg", &encode(&mirrored, 200, 200, 90));

    put("train/pug/cut_off.jpg", &jpeg(110, 200, 200)[..2000]);
    put("train/pug/text.jpg", b"hello");
    put("train/pug/fake.png", &jpeg(111, 200, 200));
    put("train/pug/tiny.jpg", &jpeg(112, 50, 60));
    let dark = changed(&pixels(113, 200, 200), |v| v * 0.15);
    put("train/pug/dark.jpg", &encode(&dark, 200, 200, 95));
    let bright = changed(&pixels(114, 200, 200), |v| 235.0 + v * 0.078);
    put("train/pug/bright.jpg", &encode(&bright, 200, 200, 95));
    let blurred: Vec<u8> = (0..200 * 200)
        .flat_map(|place| [(place % 200) as u8, (place / 200) as u8, 100])
        .collect();
    put("train/pug/blurred.jpg", &encode(&blurred, 200, 200, 95));
    put(
        "train/pug/empty_wall.jpg",
        &encode(&[120; 200 * 200 * 3], 200, 200, 90),
    );
    let gray: Vec<u8> = pixels(115, 200, 200)
        .chunks_exact(3)
        .flat_map(|p| [p[1]; 3])
        .collect();
    put("train/pug/gray.jpg", &encode(&gray, 200, 200, 95));
    put("train/pug/wide.jpg", &jpeg(116, 400, 100));
    // An EXIF block that says 'turn a quarter clockwise' behind the start of image.
    let upright = jpeg(117, 200, 200);
    let exif =
        b"\xFF\xE1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    put(
        "train/pug/turned.jpg",
        &[&upright[..2], exif, &upright[2..]].concat(),
    );
    put("train/n02115641-dingo/wild.jpg", &jpeg(118, 200, 200));
    put("train/pug/n02085620_1.jpg", &jpeg(119, 200, 200));
    folder
}

fn checked(folder: &Path, decisions: &Decisions) -> (Manifest, Checked) {
    let options = ImportOptions {
        threads: 2,
        ..Default::default()
    };
    let imported = import(folder, &options, &|_, _| {}).unwrap();
    let manifest = decisions.apply(&imported.manifest).manifest;
    let checked = check(
        &manifest,
        &Evidence {
            problems: &imported.problems,
            ..Evidence::default()
        },
        decisions,
        2,
        &|_, _| {},
    );
    (manifest, checked)
}

fn named(checked: &Checked, kind: Kind) -> BTreeSet<String> {
    let last = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
    checked
        .findings
        .iter()
        .filter(|finding| finding.kind == kind)
        .map(|finding| match finding.paths.is_empty() {
            true => finding.classes.join("+"),
            false => finding.paths.iter().map(last).collect::<Vec<_>>().join("+"),
        })
        .collect()
}

#[test]
fn everything_planted_is_found_and_plain_photos_are_left_alone() {
    let folder = planted();
    let (_, checked) = checked(folder.path(), &Decisions::default());
    let has = |kind, name: &str| {
        let own = named(&checked, kind);
        assert!(own.contains(name), "{kind:?}: {name} is not in {own:?}");
    };
    has(Kind::TwinsAcrossClasses, "b.jpg+a.jpg");
    has(Kind::TwinsAcrossSplits, "across.jpg+whole.jpg");
    has(Kind::Twins, "part.jpg+whole.jpg");
    has(Kind::Twins, "left.jpg+right.jpg");
    has(Kind::SameFile, "same1.jpg+same2.jpg");
    has(Kind::Unreadable, "cut_off.jpg");
    has(Kind::Unreadable, "text.jpg");
    has(Kind::Mislabelled, "n02085620_1.jpg");
    has(Kind::FakeExtension, "fake.png");
    has(Kind::Tiny, "tiny.jpg");
    has(Kind::Dark, "dark.jpg");
    has(Kind::Bright, "bright.jpg");
    has(Kind::Blurred, "blurred.jpg");
    has(Kind::LowInformation, "empty_wall.jpg");
    has(Kind::Gray, "gray.jpg");
    has(Kind::OddAspect, "wide.jpg");
    has(Kind::Rotated, "turned.jpg");
    has(Kind::WildCanid, "n02115641-dingo");
    has(Kind::Imbalance, "n02115641-dingo");
    for finding in &checked.findings {
        let plain = |path: &String| path.contains("plain");
        assert!(!finding.paths.iter().any(plain), "{finding:?}");
    }
}

#[test]
fn copies_are_twins_however_they_are_turned() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, plane: &[u8], width: usize, height: usize, quality| {
        let path = folder.path().join("pug").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, encode(plane, width, height, quality)).unwrap();
    };
    let (width, height) = (180, 140);
    for (number, turn) in duplicates::TURNS.into_iter().enumerate() {
        let rgb = pixels(200 + number as u64, width, height);
        put(&format!("{number}a.jpg"), &rgb, width, height, 90);
        // Each colour is turned as a plane of its own.
        let turned = [0, 1, 2].map(|channel| {
            let gray = rgb.iter().skip(channel).step_by(3).copied().collect();
            let plane = Plane {
                width,
                height,
                gray,
            };
            plane.turned(turn)
        });
        let (wide, high) = (turned[0].width, turned[0].height);
        let rgb: Vec<u8> = (0..wide * high)
            .flat_map(|place| [0, 1, 2].map(|channel: usize| turned[channel].gray[place]))
            .collect();
        put(&format!("{number}b.jpg"), &rgb, wide, high, 75);
    }
    for seed in 0..20 {
        put(
            &format!("z{seed}.jpg"),
            &pixels(seed, width, height),
            width,
            height,
            90,
        );
    }
    let imported = import(folder.path(), &ImportOptions::default(), &|_, _| {}).unwrap();
    let manifest = imported.manifest;
    let found = twins(&manifest, None, 2, &|_, _| {});
    let mut places: Vec<_> = found.iter().map(|pair| (pair.first, pair.second)).collect();
    places.sort_unstable();
    let expected: Vec<_> = (0..8).map(|number| (2 * number, 2 * number + 1)).collect();
    assert_eq!(places, expected);
    // The copy must be turned back.
    for pair in found {
        let (made, back) = (duplicates::TURNS[pair.first / 2], pair.turn);
        let square = Plane {
            width: 2,
            height: 2,
            gray: vec![1, 2, 3, 4],
        };
        assert_eq!(
            square.turned(made).turned(back),
            square,
            "{made:?} {back:?}"
        );
    }
    // No split may stand between them.
    let options = crate::split::SplitOptions {
        official: false,
        test: 0.4,
        validation: 0.2,
        seed: 1,
        classes: Vec::new(),
        most: None,
    };
    let done = crate::split::split(&manifest, &places, &options);
    let part = |place: usize| done.manifest.all_entries()[place].part;
    assert!(
        expected
            .iter()
            .all(|&(one, other)| part(one) == part(other))
    );
}

#[test]
fn twins_are_found_once_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join("set").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let rgb = pixels(7, 150, 150);
    let plane = |channel: usize| Plane {
        width: 150,
        height: 150,
        gray: rgb.iter().skip(channel).step_by(3).copied().collect(),
    };
    let turned = [0, 1, 2].map(|channel| plane(channel).turned(vision::Orientation::Rotate90));
    let turned: Vec<u8> = (0..150 * 150)
        .flat_map(|place| [0, 1, 2].map(|channel: usize| turned[channel].gray[place]))
        .collect();
    let (upright, quarter) = (encode(&rgb, 150, 150, 90), encode(&turned, 150, 150, 80));
    put("pug/a.jpg", &upright);
    put("pug/b.jpg", &quarter);
    put("pug/c.jpg", &jpeg(8, 150, 150));
    let open = || {
        let set = folder.path().join("set");
        import(&set, &ImportOptions::default(), &|_, _| {})
            .unwrap()
            .manifest
    };
    let manifest = open();
    let cache = folder.path().join("cache");
    let look = |manifest: &Manifest| twins(manifest, Some(&cache), 2, &|_, _| {});
    let files = || -> Vec<_> {
        let files = cache.join("twins").read_dir().into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    };
    // A photo that is not there now may have a twin later.
    fs::rename(
        folder.path().join("set/pug/c.jpg"),
        folder.path().join("c.jpg"),
    )
    .unwrap();
    let found = look(&manifest);
    assert_eq!((found.len(), files().len()), (1, 0));
    fs::rename(
        folder.path().join("c.jpg"),
        folder.path().join("set/pug/c.jpg"),
    )
    .unwrap();
    assert_eq!(look(&manifest), found);
    let [file] = &files()[..] else {
        panic!("{:?}", files());
    };

    // From now on no photo is read.
    let away = folder.path().join("away");
    fs::rename(folder.path().join("set"), &away).unwrap();
    assert_eq!(look(&manifest), found);
    let checked = check(
        &manifest,
        &Evidence {
            cache: Some(&cache),
            ..Evidence::default()
        },
        &Decisions::default(),
        1,
        &|_, _| {},
    );
    assert_eq!(checked.twins, found);
    // The same photos by other names and in another order: the turn is the other way round.
    put("x/1.jpg", &quarter);
    put("x/2.jpg", &upright);
    put("x/3.jpg", &jpeg(8, 150, 150));
    let renamed = open();
    fs::remove_dir_all(folder.path().join("set")).unwrap();
    let again = look(&renamed);
    assert_eq!((again[0].first, again[0].second), (0, 1));
    let back = (found[0].turn, again[0].turn);
    assert_eq!(
        back,
        (
            vision::Orientation::Rotate270,
            vision::Orientation::Rotate90
        )
    );
    // What is damaged, or of other photos, is found anew.
    let whole = fs::read(file).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(file, damaged).unwrap();
        assert_eq!(look(&manifest), []);
    }
    fs::write(file, &whole).unwrap();
    assert_eq!(look(&manifest), found);
    let fewer = manifest.restricted(|entry| !entry.path.ends_with("c.jpg"));
    assert_eq!(look(&fewer), []);
}

#[test]
fn boxes_that_leave_the_photo_are_found() {
    let entry = |rectangle| Entry {
        path: "a.jpg".to_owned(),
        offset: None,
        bytes: 1,
        hash: blake3::hash(b""),
        class: 0,
        part: Part::Train,
        width: 100,
        height: 200,
        original: None,
        boxes: vec![rectangle],
        group: String::new(),
        source: String::new(),
    };
    let photo = Photo::from_rgb(120, 120, pixels(1, 120, 120));
    let measures = Measures::of(&photo, &Plane::of_rgb(120, 120, photo.rgb()));
    let outside = |rectangle| {
        let found = of_photo(&entry(rectangle), &measures);
        found.iter().any(|(kind, ..)| *kind == Kind::BoxOutside)
    };
    assert!(!outside([0.0, 0.0, 100.0, 200.0]));
    assert!(!outside([-0.5, 0.0, 100.5, 201.0]));
    for wrong in [
        [0.0, 0.0, 110.0, 200.0],
        [-5.0, 0.0, 50.0, 50.0],
        [50.0, 50.0, 40.0, 60.0],
        [50.0, 50.0, 50.0, 60.0],
    ] {
        assert!(outside(wrong), "{wrong:?}");
    }
}

#[test]
fn decisions_are_honoured_edited_and_replayed() {
    let folder = planted();
    let (manifest, first) = checked(folder.path(), &Decisions::default());
    let path = folder.path().join("decisions.csv");
    let open = first.open_decisions(&manifest);
    assert!(
        open.lines()
            .iter()
            .all(|line| line.verdict == Verdict::Open)
    );
    open.save(&path).unwrap();
    // As a person edits it.
    let text = fs::read_to_string(&path).unwrap();
    let edited: String = text
        .lines()
        .map(|line| {
            let verdict = if line.contains("gray.jpg") {
                "keep"
            } else if line.contains("same2.jpg") && !line.contains("same1.jpg,") {
                "drop"
            } else if line.contains("/b.jpg,") {
                "class:pug"
            } else {
                ""
            };
            line.replacen(",,museau,", &format!(",{verdict},Anne,"), 1) + "\n"
        })
        .collect();
    fs::write(&path, edited).unwrap();
    let decisions = Decisions::open(&path).unwrap();
    let (manifest, second) = checked(folder.path(), &decisions);
    assert!(named(&first, Kind::Gray).contains("gray.jpg"));
    assert!(!named(&second, Kind::Gray).contains("gray.jpg"));
    assert!(second.decided > 0);
    assert!(named(&second, Kind::SameFile).is_empty());
    assert!(named(&second, Kind::TwinsAcrossClasses).is_empty());
    let names: Vec<&str> = manifest
        .all_entries()
        .iter()
        .map(|e| e.path.as_str())
        .collect();
    assert!(names.iter().any(|name| name.ends_with("same1.jpg")));
    assert!(!names.iter().any(|name| name.ends_with("same2.jpg")));
    assert!(folder.path().join("train/pug/same2.jpg").exists());
    // A photo that changed is not what was decided on.
    fs::write(folder.path().join("train/pug/gray.jpg"), jpeg(500, 90, 99)).unwrap();
    let (manifest, _) = checked(folder.path(), &Decisions::default());
    let unmet = decisions.apply(&manifest).unmet;
    assert_eq!(unmet.len(), 1);
    assert!(unmet[0].ends_with("gray.jpg"));
    for wrong in ["maybe", "class:", "DROP"] {
        let text = format!(
            "path,hash,verdict,who,why\na,{},{wrong},,\n",
            blake3::hash(b"")
        );
        fs::write(&path, text).unwrap();
        assert!(matches!(
            Decisions::open(&path),
            Err(Error::Table { line: 2, .. })
        ));
    }
}

#[test]
fn the_report_shows_the_photos_and_nothing_from_outside() {
    let folder = planted();
    let (manifest, mut checked) = checked(folder.path(), &Decisions::default());
    for language in words::Language::ALL {
        let html = report(&manifest, &checked, language, 2, &|_, _| {});
        // What was not looked for is not counted.
        assert!(!html.contains(&Kind::LabelSuspect.message().text(language)));
        assert!(html.contains("pug/whole.jpg"));
        assert!(html.matches("data:image/jpeg").count() >= 20);
        for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
    let json = checked.json();
    // It is known again where it is to be replaced.
    let file = folder.path().join("check.json");
    std::fs::write(&file, crate::files::stamped_object(&json.to_string())).unwrap();
    assert!(crate::files::Kind::Check.may_replace(&file).is_ok());
    assert_eq!(json["counts"]["same_file"], 1);
    assert_eq!(json["counts"].get("label_suspect"), None);
    checked.suspects = true;
    assert_eq!(checked.json()["counts"]["label_suspect"], 0);
    assert!(json["findings"].as_array().unwrap().len() > 15);
}

#[test]
fn what_the_data_set_looks_like_is_the_same_for_any_number_of_threads() {
    let folder = planted();
    let options = ImportOptions::default();
    let imported = import(folder.path(), &options, &|_, _| {}).unwrap();
    let one = crate::explore::explore(&imported.manifest, false, 1, &|_, _| {});
    let two = crate::explore::explore(&imported.manifest, false, 3, &|_, _| {});
    assert_eq!(one.numbers, two.numbers);
    let file = folder.path().join("explore.json");
    let json = serde_json::to_string(&one.numbers).unwrap();
    std::fs::write(&file, crate::files::stamped_object(&json)).unwrap();
    let kind = crate::files::Kind::Exploration;
    assert!(kind.may_replace(&file).is_ok());
    let html = one.page(&imported.manifest, words::Language::French, None, 1, 2);
    assert_eq!(
        html,
        two.page(&imported.manifest, words::Language::French, None, 1, 1)
    );
    assert!(html.contains("<svg") && !html.contains("across.jpg"));
}

//! Every layout imported, and what is wrong in each named.

use std::fs;
use words::Say;

use super::*;
use crate::annotation::tests::voc;
use crate::archive::tests::tar_of;
use crate::error::{ArchiveFault, TableFault};
use crate::manifest::Entry;
use crate::matlab::tests::list_file;
use crate::part::part_name;
use crate::scene::jpeg;

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn run(source: &Path, options: &ImportOptions) -> Result<Imported, Error> {
    import(source, options, &|_, _| {})
}

fn problems(imported: &Imported) -> Vec<(ProblemKind, &str)> {
    imported
        .problems
        .iter()
        .map(|problem| (problem.kind, problem.path.as_str()))
        .collect()
}

fn parts(imported: &Imported) -> Vec<(String, &'static str)> {
    imported
        .manifest
        .all_entries()
        .iter()
        .map(|entry| {
            let name = entry.path.rsplit('/').next().unwrap().to_owned();
            (name, part_name(entry.part))
        })
        .collect()
}

const CHIHUAHUA: &str = "n02085620-Chihuahua";
const PUG: &str = "n02110958-pug";

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

/// Stanford Dogs in small: two classes, a missing photo, a broken one, one under a wrong class.
fn official() -> (Files, Vec<u8>, Vec<u8>, Files) {
    let names = [
        format!("{CHIHUAHUA}/n02085620_1.jpg"),
        format!("{CHIHUAHUA}/n02085620_2.jpg"),
        format!("{PUG}/n02110958_1.jpg"),
        format!("{PUG}/n02085620_3.jpg"),
    ];
    let mut photos: Vec<(String, Vec<u8>)> = names
        .iter()
        .enumerate()
        .map(|(seed, name)| (name.clone(), jpeg(seed as u64, 40, 20)))
        .collect();
    photos[1].1.truncate(300);
    let test = list_file(&[&names[0]]);
    let missing = format!("{PUG}/n02110958_9.jpg");
    let train = list_file(&[&names[1], &names[2], &names[3], &missing]);
    let stem = names[0].trim_end_matches(".jpg").to_owned();
    let drawn = voc((80, 20), "Chihuahua", [20, 5, 60, 20]).into_bytes();
    (photos, test, train, vec![(stem, drawn)])
}

fn assert_official(imported: &Imported, prefix: &str) {
    assert_eq!(
        parts(imported),
        [
            ("n02085620_1.jpg".to_owned(), "test"),
            ("n02085620_3.jpg".to_owned(), "train"),
            ("n02110958_1.jpg".to_owned(), "train"),
        ]
    );
    let missing = format!("{PUG}/n02110958_9.jpg");
    let missing = imported
        .problems
        .iter()
        .find(|problem| problem.path.ends_with(&missing));
    assert_eq!(missing.unwrap().kind, ProblemKind::Missing);
    let kinds: Vec<_> = imported
        .problems
        .iter()
        .map(|problem| problem.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ProblemKind::Missing,
            ProblemKind::Unreadable,
            ProblemKind::Mislabelled
        ]
    );
    assert_eq!(
        imported.problems[1].path,
        format!("{prefix}{CHIHUAHUA}/n02085620_2.jpg")
    );
    assert_eq!(
        imported.problems[2].path,
        format!("{prefix}{PUG}/n02085620_3.jpg")
    );
    let first = &imported.manifest.all_entries()[0];
    // The annotation was drawn on 80 x 20, the photo has 40 x 20.
    assert_eq!(first.boxes, [[10.0, 5.0, 30.0, 20.0]]);
    assert_eq!(first.original, Some((80, 20)));
    assert_eq!((first.width, first.height), (40, 20));
}

#[test]
fn folders_and_archives_of_stanford_dogs_give_the_same() {
    let (photos, test, train, annotations) = official();
    let unpacked = tempfile::tempdir().unwrap();
    for (name, bytes) in &photos {
        put(unpacked.path(), &format!("Images/{name}"), bytes);
    }
    for (name, bytes) in &annotations {
        put(unpacked.path(), &format!("Annotation/{name}"), bytes);
    }
    put(unpacked.path(), "lists/test_list.mat", &test);
    put(unpacked.path(), "lists/train_list.mat", &train);
    let by_folders = run(unpacked.path(), &ImportOptions::default()).unwrap();
    assert_eq!(by_folders.layout, Layout::Folders);
    assert_official(&by_folders, "Images/");

    let packed = tempfile::tempdir().unwrap();
    let tar = |prefix: &str, files: &[(String, Vec<u8>)]| {
        let named: Vec<(String, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (format!("{prefix}{name}"), &bytes[..]))
            .collect();
        let files: Vec<(&str, &[u8])> = named
            .iter()
            .map(|(name, bytes)| (name.as_str(), *bytes))
            .collect();
        tar_of(&files)
    };
    put(packed.path(), "images.tar", &tar("Images/", &photos));
    put(
        packed.path(),
        "annotation.tar",
        &tar("Annotation/", &annotations),
    );
    let lists = [
        ("test_list.mat".to_owned(), test),
        ("train_list.mat".to_owned(), train),
    ];
    put(packed.path(), "lists.tar", &tar("", &lists));
    for source in [packed.path().to_owned(), packed.path().join("images.tar")] {
        let by_archives = run(
            &source,
            &ImportOptions {
                threads: 2,
                ..Default::default()
            },
        )
        .unwrap();
        assert_eq!(by_archives.layout, Layout::Archive);
        assert_official(&by_archives, "Images/");
        // Read back through the file, from inside the archive.
        let path = packed.path().join("manifest.csv");
        by_archives.manifest.save(&path).unwrap();
        let reopened = Manifest::open(&path).unwrap();
        for entry in reopened.all_entries() {
            assert!(
                entry.path.starts_with("images.tar/Images/"),
                "{}",
                entry.path
            );
            assert_eq!(blake3::hash(&reopened.read(entry).unwrap()), entry.hash);
        }
    }
}

#[test]
fn a_cut_list_is_an_error_at_every_length() {
    let (photos, test, ..) = official();
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        &format!("Images/{}", photos[0].0),
        &photos[0].1,
    );
    for length in (0..test.len() - 8).step_by(7) {
        put(folder.path(), "lists/test_list.mat", &test[..length]);
        let done = run(folder.path(), &ImportOptions::default());
        assert!(matches!(done, Err(Error::Dataset(_))), "{length}");
    }
}

#[test]
fn trees_keep_their_parts() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["train/pug/a.jpg", "val/pug/b.jpg"].into_iter().enumerate() {
        put(folder.path(), name, &jpeg(seed as u64, 30, 30));
    }
    let options = ImportOptions::default();
    let two = run(folder.path(), &options).unwrap();
    let expected = [("a.jpg".to_owned(), "train"), ("b.jpg".to_owned(), "val")];
    assert_eq!(parts(&two), expected);
    put(folder.path(), "test/pug/c.jpg", &jpeg(3, 30, 30));
    put(folder.path(), "test/beagle/empty.jpg", b"");
    let three = run(folder.path(), &options).unwrap();
    assert!(parts(&three).contains(&("c.jpg".to_owned(), "test")));
    assert_eq!(
        problems(&three),
        [(ProblemKind::Empty, "test/beagle/empty.jpg")]
    );
    assert_eq!(three.manifest.classes().len(), 1);
}

/// Name (from the class's folder down), class and part of each photo, in order.
fn told(imported: &Imported) -> Vec<(String, String, &'static str)> {
    let manifest = &imported.manifest;
    let mut rows: Vec<_> = manifest
        .all_entries()
        .iter()
        .map(|entry| {
            let name = entry.path.rsplit('/').next().unwrap().to_owned();
            let class = manifest.class_name(entry).to_owned();
            (name, class, part_name(entry.part))
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_tree_says_the_same_in_folders_and_in_a_tar() {
    let trees: [&[&str]; 7] = [
        &[
            "beagle/2020/4.jpg",
            "beagle/5.jpg",
            "pug/2021/a/6.jpg",
            "7.jpg",
            ".x/pug/8.jpg",
        ],
        &[
            "Images/beagle/2020/4.jpg",
            "Images/pug/5.jpg",
            "notes/pug/6.jpg",
        ],
        &[
            "train/beagle/2020/4.jpg",
            "test/pug/5.jpg",
            "other/pug/6.jpg",
            "train/7.jpg",
        ],
        &["training/pug/4.jpg", "valid/pug/2020/5.jpg"],
        &["Images/test/pug/1/2/4.jpg", "Images/train/beagle/5.jpg"],
        &["train/pug/4.jpg", "train/beagle/5.jpg"],
        &["beagle/2020/4.jpg", "beagle/2021/5.jpg"],
    ];
    for tree in trees {
        let folder = tempfile::tempdir().unwrap();
        let set = folder.path().join("set");
        let mut files = Vec::new();
        for (seed, name) in tree.iter().enumerate() {
            let bytes = jpeg(seed as u64, 30, 30);
            put(&set, name, &bytes);
            files.push(((*name).to_owned(), bytes));
        }
        let by_folders = told(&run(&set, &ImportOptions::default()).unwrap());
        assert!(!by_folders.is_empty());
        // As `tar -C set -c .` and as `tar -c set` make it; a lone class is told by its name alone.
        for prefix in ["./", "set/"] {
            let named: Vec<(String, &[u8])> = files
                .iter()
                .map(|(name, bytes)| (format!("{prefix}{name}"), &bytes[..]))
                .collect();
            let named: Vec<(&str, &[u8])> = named
                .iter()
                .map(|(name, bytes)| (name.as_str(), *bytes))
                .collect();
            put(folder.path(), "set.tar", &tar_of(&named));
            let by_tar = run(&folder.path().join("set.tar"), &ImportOptions::default()).unwrap();
            if prefix == "./" || (tree.len() > 2 || tree[0].contains("rain")) {
                assert_eq!(told(&by_tar), by_folders, "{prefix} {tree:?}");
            }
        }
    }
}

#[test]
fn a_manifest_is_imported_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    for seed in 0..4 {
        put(&set, &format!("test/pug/{seed}.jpg"), &jpeg(seed, 40, 30));
    }
    let options = ImportOptions::default();
    let mut manifest = run(&set, &options).unwrap().manifest;
    let boxed: Vec<_> = manifest
        .all_entries()
        .iter()
        .map(|entry| Entry {
            boxes: vec![[1.0, 2.0, 3.0, 4.0]],
            original: Some((80, 60)),
            group: "rex".to_owned(),
            ..entry.clone()
        })
        .collect();
    manifest = manifest.with(boxed);
    let file = folder.path().join("set.csv");
    manifest.save(&file).unwrap();
    let again = run(&file, &options).unwrap();
    assert_eq!(again.layout, Layout::Manifest);
    assert!(again.problems.is_empty());
    let rows = |manifest: &Manifest| -> Vec<_> {
        let plain = |entry: &Entry| {
            (
                entry.hash,
                entry.part,
                entry.boxes.clone(),
                entry.original,
                entry.group.clone(),
            )
        };
        manifest.all_entries().iter().map(plain).collect()
    };
    assert_eq!(rows(&again.manifest), rows(&manifest));
    std::fs::remove_file(set.join("test/pug/1.jpg")).unwrap();
    // Another photo of the same length is another photo.
    let mut bytes = fs::read(set.join("test/pug/2.jpg")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    put(&set, "test/pug/2.jpg", &bytes);
    let left = run(&file, &options).unwrap();
    assert_eq!(left.manifest.all_entries().len(), 2);
    let kinds: Vec<_> = left.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Missing, ProblemKind::Unreadable]);
    // Moved away, the photos are found where they are said to be.
    let moved = folder.path().join("moved");
    fs::rename(&set, moved.join("set")).unwrap_or_else(|_| {
        fs::create_dir(&moved).unwrap();
        fs::rename(&set, moved.join("set")).unwrap();
    });
    assert!(run(&file, &options).is_err());
    let photos = Some(moved);
    let found = run(&file, &ImportOptions { photos, ..options }).unwrap();
    assert_eq!(found.manifest.all_entries().len(), 2);
}

#[test]
fn boxes_are_turned_with_their_photo() {
    let (width, height) = (60usize, 30usize);
    for value in 1..=8u8 {
        let folder = tempfile::tempdir().unwrap();
        // A white rectangle on black, stored lying, with an EXIF orientation.
        let mut rgb = vec![0; width * height * 3];
        for row in 4..12 {
            rgb[(row * width + 8) * 3..(row * width + 40) * 3].fill(255);
        }
        let plain = crate::scene::encode(&rgb, width, height, 95);
        let mut exif = vec![0xff, 0xe1, 0, 34];
        exif.extend(b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
        exif.extend([value, 0, 0, 0, 0, 0, 0]);
        let photo = [&plain[..2], &exif, &plain[2..]].concat();
        put(folder.path(), "Images/pug/a.jpg", &photo);
        put(folder.path(), "Images/cat/a.jpg", &photo);
        put(folder.path(), "labels/a.jpg", &photo);
        // Drawn on a photo of twice the size.
        let drawn = voc((120, 60), "pug", [16, 8, 80, 24]);
        put(folder.path(), "Annotation/pug/a", drawn.as_bytes());
        // By a tool that showed the photo upright.
        let (wide, high) = if value > 4 { (30, 60) } else { (60, 30) };
        let upright = voc((wide, high), "cat", [1, 2, 3, 4]);
        put(folder.path(), "Annotation/cat/a", upright.as_bytes());
        let table = "path,label,xmin,ymin,xmax,ymax\na.jpg,pug,8,4,40,12\n";
        put(folder.path(), "labels/labels.csv", table.as_bytes());
        let by_folders = run(folder.path(), &ImportOptions::default())
            .unwrap()
            .manifest;
        let by_table = run(&folder.path().join("labels"), &ImportOptions::default()).unwrap();
        let [cat, pug] = by_folders.all_entries() else {
            panic!()
        };
        assert_eq!(by_table.manifest.all_entries()[0].boxes, pug.boxes);
        if value > 4 {
            assert_eq!(cat.boxes, [[1.0, 2.0, 3.0, 4.0]]);
        }
        let (found_wide, found_high) = pug.original.unwrap();
        assert_eq!((found_wide > found_high), (pug.width > pug.height));
        let decoded = vision::decode(&by_folders.read(pug).unwrap(), &Limits::default()).unwrap();
        assert_eq!(
            (decoded.width(), decoded.height()),
            (wide as usize, high as usize)
        );
        let [left, top, right, bottom] = pug.boxes[0].map(|side| side as usize);
        for (place, pixel) in decoded.rgb().as_chunks::<3>().0.iter().enumerate() {
            let (row, column) = (place / wide as usize, place % wide as usize);
            let inside = (top..bottom).contains(&row) && (left..right).contains(&column);
            assert_eq!(pixel[1] > 127, inside, "{value}: {row} {column}");
        }
    }
}

#[test]
fn a_space_behind_a_name_is_no_other_class_and_one_that_differs_by_case_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "Pug/a.jpg",
        "pug/b.jpg",
        "pug /c.jpg",
        "beagle/d.jpg",
        "pug/@SynoResource/e.jpg",
    ];
    for (place, name) in names.iter().enumerate() {
        put(
            &folder.path().join("set"),
            name,
            &jpeg(place as u64, 30, 30),
        );
    }
    let photos: Vec<(&str, Vec<u8>)> = (names.iter().enumerate())
        .map(|(place, name)| (*name, jpeg(place as u64, 30, 30)))
        .collect();
    let photos: Vec<(&str, &[u8])> = photos
        .iter()
        .map(|(name, bytes)| (*name, &bytes[..]))
        .collect();
    put(folder.path(), "set.tar", &tar_of(&photos));
    put(
        folder.path(),
        "set/set.csv",
        b"path,label\nPug/a.jpg,Pug\npug/b.jpg,pug\npug /c.jpg,pug \n",
    );
    for source in ["set", "set.tar", "set/set.csv"] {
        let imported = run(&folder.path().join(source), &ImportOptions::default()).unwrap();
        let classes: Vec<&str> = (imported.manifest.classes().iter())
            .map(|class| class.folder.as_str())
            .filter(|class| *class != "beagle")
            .collect();
        assert_eq!(classes, ["Pug", "pug"], "{source}");
        assert_eq!(
            problems(&imported),
            [(ProblemKind::AlikeClasses, "Pug, pug")],
            "{source}"
        );
    }
}

#[test]
fn names_are_kept_or_named_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    put(&set, " pug / a, \"b\"\n.jpg", &jpeg(1, 30, 30));
    put(&set, "pug/a.jpg", &jpeg(2, 30, 30));
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let odd = std::ffi::OsStr::from_bytes(b"b\xff.jpg");
        fs::write(set.join("pug").join(odd), jpeg(3, 30, 30)).unwrap();
    }
    let imported = run(&set, &ImportOptions::default()).unwrap();
    #[cfg(target_os = "linux")]
    assert_eq!(
        problems(&imported),
        [(ProblemKind::Outside, "pug/b\u{fffd}.jpg")]
    );
    // Beside the photos, so that paths are relative and begin with the space.
    let file = set.join("set.csv");
    imported.manifest.save(&file).unwrap();
    let opened = Manifest::open(&file).unwrap();
    // A class has no spaces around its name; the photo has its own all the same.
    let spaced = &opened.all_entries()[0];
    assert_eq!(opened.class_name(spaced), "pug");
    assert!(spaced.path.starts_with(" pug / a"), "{}", spaced.path);
    for entry in opened.all_entries() {
        assert_eq!(blake3::hash(&opened.read(entry).unwrap()), entry.hash);
    }
    let name: &[u8] = b"pug/\xffa.jpg";
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(1);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.extend([0; 512]);
    tar.extend(tar_of(&[("pug/ok.jpg", &jpeg(1, 30, 30))]));
    put(folder.path(), "set.tar", &tar);
    let imported = run(&folder.path().join("set.tar"), &ImportOptions::default()).unwrap();
    assert_eq!(
        problems(&imported),
        [(ProblemKind::Outside, "pug/\u{fffd}a.jpg")]
    );
}

#[test]
fn tables_are_read_and_their_faults_named() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["photos/a.jpg", "photos/b.jpg", "c.jpg", "d.jpg"]
        .into_iter()
        .enumerate()
    {
        put(folder.path(), name, &jpeg(seed as u64, 30, 30));
    }
    put(folder.path(), "text.jpg", b"not a photo");
    let table = "id;race;split;animal\n\
                 photos/a.jpg;épagneul;train;rex\n\
                 b;pug;test;\n\
                 c.jpg;pug;train;\n\
                 c.jpg;pug;train;\n\
                 ./c.jpg;pug;train;\n\
                 d.jpg;pug;train;\n\
                 d.jpg;beagle;train;\n\
                 gone.jpg;pug;train;\n\
                 text.jpg;pug;train;\n\
                 e.jpg;;train;\n";
    put(folder.path(), "labels.csv", table.as_bytes());
    let imported = run(folder.path(), &ImportOptions::default()).unwrap();
    assert_eq!(imported.layout, Layout::Table);
    assert_eq!(
        parts(&imported),
        [("c.jpg", "train"), ("b.jpg", "test"), ("a.jpg", "train")]
            .map(|(name, part)| (name.to_owned(), part))
    );
    assert_eq!(imported.manifest.all_entries()[2].group, "rex");
    assert_eq!(
        problems(&imported),
        [
            (ProblemKind::Missing, "gone.jpg"),
            (ProblemKind::Unreadable, "text.jpg"),
            (ProblemKind::TwoLabels, "d.jpg"),
            (ProblemKind::NamedTwice, "./c.jpg"),
            (ProblemKind::NamedTwice, "c.jpg"),
            (ProblemKind::NoLabel, "e.jpg"),
        ]
    );
    // In another encoding than said, the line is named.
    put(
        folder.path(),
        "labels.csv",
        b"id,race\nc.jpg,pug\na.jpg,\xE9pagneul\n",
    );
    assert!(matches!(
        run(folder.path(), &ImportOptions::default()),
        Err(Error::Table {
            line: 3,
            fault: TableFault::Encoding(_),
            ..
        })
    ));
}

#[test]
fn a_manifest_that_names_a_photo_twice_or_claims_any_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "set/pug/a.jpg", &jpeg(1, 30, 30));
    let imported = run(&folder.path().join("set"), &ImportOptions::default()).unwrap();
    let path = folder.path().join("set.csv");
    imported.manifest.save(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let (header, row) = text.trim_end().split_once('\n').unwrap();
    fs::write(&path, format!("{header}\n{row}\n\n{row}\n")).unwrap();
    let Err(Error::Table { line, fault, .. }) = Manifest::open(&path) else {
        panic!("taken");
    };
    let name = "set/pug/a.jpg".to_owned();
    assert_eq!((line, fault), (4, TableFault::RowTwice { name, first: 2 }));

    // A sparse file may well have 900 GB.
    let length = 900 << 30;
    let huge = fs::File::create(folder.path().join("set/pug/huge.jpg")).unwrap();
    if huge.set_len(length).is_err() {
        return;
    }
    let mut entry = imported.manifest.all_entries()[0].clone();
    entry.path = "set/pug/huge.jpg".to_owned();
    entry.bytes = length;
    let manifest = Manifest::new(
        folder.path().to_owned(),
        vec![("pug".to_owned(), entry.clone())],
    );
    for offset in [None, Some(0)] {
        let entry = Entry {
            offset,
            ..entry.clone()
        };
        let error = manifest.read(&entry).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    }
    let again = run(&folder.path().join("set"), &ImportOptions::default()).unwrap();
    assert_eq!(
        problems(&again),
        [(ProblemKind::Unreadable, "pug/huge.jpg")]
    );
}

#[test]
fn two_spellings_of_a_class_are_one_everywhere() {
    let (nfc, nfd) = ("\u{e9}pagneul", "e\u{301}pagneul");
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    for (seed, name) in [nfc, nfd, "pug"].into_iter().enumerate() {
        put(
            &set,
            &format!("{name}/{seed}.jpg"),
            &jpeg(seed as u64, 30, 30),
        );
    }
    let by_folders = run(&set, &ImportOptions::default()).unwrap().manifest;
    let table = format!("path,label\n{nfc}/0.jpg,{nfd}\n{nfc}/1.jpg,{nfc}\npug/2.jpg,pug\n");
    put(&set, "labels.csv", table.as_bytes());
    let by_table = run(&set, &ImportOptions::default()).unwrap();
    assert_eq!(by_table.problems, []);
    let files = [
        (nfc, jpeg(0, 30, 30)),
        (nfd, jpeg(1, 30, 30)),
        ("pug", jpeg(2, 30, 30)),
    ];
    let names: Vec<String> = files
        .iter()
        .map(|(name, _)| format!("set/{name}/a.jpg"))
        .collect();
    let members: Vec<(&str, &[u8])> = (names.iter().zip(&files))
        .map(|(name, (_, bytes))| (name.as_str(), &bytes[..]))
        .collect();
    put(folder.path(), "set.tar", &tar_of(&members));
    let by_tar = run(&folder.path().join("set.tar"), &ImportOptions::default()).unwrap();
    // As another program may have written it.
    let file = folder.path().join("set.csv");
    by_folders.save(&file).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let mixed = text.replacen(&format!(",{nfc},"), &format!(",{nfd},"), 1);
    assert_ne!(mixed, text);
    fs::write(&file, mixed).unwrap();
    let opened = Manifest::open(&file).unwrap();
    for manifest in [&by_folders, &by_table.manifest, &by_tar.manifest, &opened] {
        let classes: Vec<&str> = manifest
            .classes()
            .iter()
            .map(|c| c.folder.as_str())
            .collect();
        assert_eq!(classes, ["pug", nfc]);
        assert_eq!(manifest.all_entries().len(), 3);
        for entry in manifest.all_entries() {
            assert!(manifest.read(entry).is_ok());
        }
        // As a recipe and a file of decisions name it.
        for name in [nfc, nfd] {
            let request = format!("{name}, pug");
            let chosen = crate::split::choose_classes(manifest, &request.as_str().into()).unwrap();
            assert_eq!(chosen, [nfc, "pug"]);
        }
    }
}

#[test]
fn photos_in_no_class_are_counted_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "top.jpg",
        "train/7.jpg",
        "train/pug/a.jpg",
        "test/pug/b.jpg",
        "notes/c.jpg",
    ];
    let files: Vec<(&str, Vec<u8>)> = (names.iter().enumerate())
        .map(|(seed, name)| (*name, jpeg(seed as u64, 30, 30)))
        .collect();
    for (name, bytes) in &files {
        put(&folder.path().join("set"), name, bytes);
    }
    let members: Vec<(&str, &[u8])> = files.iter().map(|(name, b)| (*name, &b[..])).collect();
    put(folder.path(), "set.tar", &tar_of(&members));
    for source in ["set", "set.tar"] {
        let imported = run(&folder.path().join(source), &ImportOptions::default()).unwrap();
        let left = ["notes/c.jpg", "top.jpg", "train/7.jpg"];
        assert_eq!(
            problems(&imported),
            left.map(|name| (ProblemKind::NoLabel, name))
        );
        assert_eq!(imported.manifest.all_entries().len(), 2);
    }
}

#[test]
fn a_table_of_many_boxes_says_which_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.jpg", &jpeg(1, 30, 30));
    let mut table = "path,label,xmin,ymin,xmax,ymax\r\n".to_owned();
    for left in 0..20_000 {
        table += &format!("a.jpg,pug,{left},1,2,3\r\n");
    }
    table += "a.jpg,pug,1;5,1,2,3\r\na.jpg,pug,,,,\r\n";
    put(folder.path(), "labels.csv", table.as_bytes());
    let imported = run(folder.path(), &ImportOptions::default()).unwrap();
    assert_eq!(imported.manifest.all_entries()[0].boxes.len(), 20_000);
    let details: Vec<_> = (imported.problems.iter())
        .map(|problem| (problem.kind, problem.detail.as_str()))
        .collect();
    assert_eq!(
        details,
        [
            (ProblemKind::NamedTwice, "lines 2 and 20003"),
            (ProblemKind::BadAnnotation, "line 20002"),
        ]
    );
}

#[test]
fn the_manifest_is_read_back_as_it_was_and_half_a_row_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["a, \"b\".jpg", "é.jpg"].into_iter().enumerate() {
        put(
            folder.path(),
            &format!("set/pug/{name}"),
            &jpeg(seed as u64, 30, 30),
        );
    }
    let imported = run(&folder.path().join("set"), &ImportOptions::default()).unwrap();
    let path = folder.path().join("manifest.csv");
    imported.manifest.save(&path).unwrap();
    let again = Manifest::open(&path).unwrap();
    assert_eq!(again.all_entries()[0].path, "set/pug/a, \"b\".jpg");
    for entry in again.all_entries() {
        assert_eq!(blake3::hash(&again.read(entry).unwrap()), entry.hash);
    }
    // Moved together, they are still found; a photo that grew is refused.
    let moved = tempfile::tempdir().unwrap();
    fs::rename(folder.path().join("set"), moved.path().join("set")).unwrap();
    fs::rename(&path, moved.path().join("manifest.csv")).unwrap();
    let again = Manifest::open(&moved.path().join("manifest.csv")).unwrap();
    let entry = &again.all_entries()[0];
    let photo = again.locate(entry);
    assert!(again.read(entry).is_ok());
    fs::write(&photo, jpeg(9, 60, 60)).unwrap();
    assert!(again.read(entry).is_err());

    let bytes = fs::read(moved.path().join("manifest.csv")).unwrap();
    let rows = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let half = moved.path().join("half.csv");
    for length in 0..bytes.len() - 1 {
        fs::write(&half, &bytes[..length]).unwrap();
        if let Ok(read) = Manifest::open(&half) {
            // Only whole rows may be taken, and the last field may be empty.
            let lines = bytes[..=length]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            assert!(
                read.all_entries().len() <= lines.max(1),
                "{length} of {rows}"
            );
        }
    }
}

#[test]
fn what_is_no_data_set_is_named_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.tar", &[b'x'; 2000]);
    put(folder.path(), "b.tar", &tar_of(&[("notes.txt", b"hello")]));
    put(folder.path(), "c.csv", b"path,label\n");
    put(folder.path(), "empty/pug/notes.txt", b"hello");
    let fails = |name: &str| run(&folder.path().join(name), &ImportOptions::default()).unwrap_err();
    assert!(matches!(
        fails("a.tar"),
        Error::Archive {
            fault: ArchiveFault::NotATar,
            ..
        }
    ));
    assert!(matches!(fails("b.tar"), Error::Nothing { .. }));
    assert!(matches!(fails("c.csv"), Error::Nothing { .. }));
    assert!(matches!(fails("empty"), Error::Dataset(_)));
    assert!(matches!(fails("gone"), Error::Read { .. }));
    for language in words::Language::ALL {
        for name in ["a.tar", "b.tar", "c.csv", "empty", "gone"] {
            assert!(fails(name).message(language).contains(name));
        }
    }
}

#[test]
fn imports_the_sample_of_stanford_dogs() {
    let Some(data) = testkit::test_data() else {
        return;
    };
    let options = ImportOptions {
        threads: 2,
        ..Default::default()
    };
    let imported = run(&data.join("stanford-dogs"), &options).unwrap();
    let manifest = &imported.manifest;
    assert_eq!(manifest.all_entries().len(), 2646 + 1976);
    assert_eq!(manifest.test_entries().count(), 1976);
    assert_eq!(manifest.open_entries().count(), 2646);
    let missing = imported
        .problems
        .iter()
        .filter(|p| p.kind == ProblemKind::Missing);
    assert_eq!(missing.count(), 20_580 - 2646 - 1976);
}

#[test]
fn a_few_of_each_class_are_read_and_no_test_photo() {
    let folder = tempfile::tempdir().unwrap();
    for (class, count) in [("pug", 7), ("beagle", 2)] {
        for number in 0..count {
            let bytes = jpeg(number, 16, 12);
            put(
                folder.path(),
                &format!("train/{class}/{number}.jpg"),
                &bytes,
            );
            put(folder.path(), &format!("test/{class}/{number}.jpg"), &bytes);
        }
    }
    // Read, it would be a problem.
    put(folder.path(), "train/pug/1.jpg", b"\xff\xd8\xff");
    let options = ImportOptions {
        most: Some(3),
        ..ImportOptions::default()
    };
    let few = run(folder.path(), &options).unwrap();
    let names = |imported: &Imported| {
        let parts = parts(imported);
        parts.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    // Of seven every 7 / 3rd.
    let expected = ["0.jpg", "1.jpg", "0.jpg", "2.jpg", "4.jpg"];
    assert_eq!(names(&few), expected);
    assert!(few.problems.is_empty(), "{:?}", few.problems);
    assert!(parts(&few).iter().all(|(_, part)| *part == "train"));
    // Of classes that are not wanted nothing is read.
    put(folder.path(), "train/akita/0.jpg", &jpeg(9, 16, 12));
    for (name, found) in [("carlin", 3), ("n02110958", 3), ("PUG", 3), ("pu", 0)] {
        let wanted = ImportOptions {
            classes: vec![name.to_owned()],
            ..options.clone()
        };
        let imported = run(folder.path(), &wanted);
        let count = imported.map_or(0, |imported| imported.manifest.all_entries().len());
        assert_eq!(count, found, "{name}");
    }
    // A manifest gives as few.
    fs::remove_dir_all(folder.path().join("train/akita")).unwrap();
    let all = run(folder.path(), &ImportOptions::default()).unwrap();
    let place = folder.path().join("manifest.csv");
    all.manifest.save(&place).unwrap();
    let of_manifest = names(&run(&place, &options).unwrap());
    assert_eq!(of_manifest, ["0.jpg", "1.jpg", "0.jpg", "3.jpg", "5.jpg"]);
}

#[test]
fn photos_of_one_class_may_lie_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in ["a.jpg", "cats/b.jpg", "cats/more/c.jpg"]
        .iter()
        .enumerate()
    {
        put(folder.path(), name, &jpeg(seed as u64, 16, 12));
    }
    put(folder.path(), "cats/notes.txt", b"no photo");
    put(folder.path(), "@eaDir/d.jpg", &jpeg(3, 16, 12));
    put(folder.path(), "cats/cut.jpg", b"\xff\xd8\xff");
    let options = ImportOptions {
        one_class: Some("other".to_owned()),
        ..ImportOptions::default()
    };
    let found = run(folder.path(), &options).unwrap();
    assert_eq!(found.manifest.classes().len(), 1);
    assert_eq!(found.manifest.all_entries().len(), 3);
    assert_eq!(
        problems(&found),
        [(ProblemKind::Unreadable, "cats/cut.jpg")]
    );
}

//! Every layout imported, and what is wrong in each named.

use std::fs;

use super::*;
use crate::annotation::tests::voc;
use crate::archive::tests::tar_of;
use crate::error::{ArchiveFault, TableFault};
use crate::manifest::part_name;
use crate::matlab::tests::list_file;
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

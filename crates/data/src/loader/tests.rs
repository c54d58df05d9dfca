//! Tests of the cache on damaged and changing files, and of the loader for any number of threads.
use std::path::Path;
use words::Say;

use graph::{Filter, Geometry, InputSpec, Scaling, View};

use super::*;
use crate::{ImportOptions, Manifest, Progress};

const QUIET: Progress<'static> = &|_, _| {};

fn input(size: usize) -> InputSpec {
    InputSpec {
        height: size,
        width: size,
        filter: Filter::Bilinear,
        scaling: Scaling::uniform(127.0, 128.0),
        views: vec![View {
            geometry: Geometry::CenterCrop { fraction: 0.875 },
            mirrored: false,
        }],
        preprocessing: String::new(),
    }
}

/// A data set of `count` photos in three classes.
fn dataset(folder: &Path, count: usize) -> Manifest {
    for index in 0..count {
        let class = folder.join("photos").join(["a", "b", "c"][index % 3]);
        std::fs::create_dir_all(&class).unwrap();
        let pixels: Vec<u8> = (0..60 * 50 * 3)
            .map(|i| ((i / 7 + index * 31) % 256) as u8)
            .collect();
        let jpeg = crate::scene::encode(&pixels, 60, 50, 90);
        std::fs::write(class.join(format!("{index:03}.jpg")), jpeg).unwrap();
    }
    let options = ImportOptions {
        threads: 2,
        ..ImportOptions::default()
    };
    crate::import(&folder.join("photos"), &options, QUIET)
        .unwrap()
        .manifest
}

fn all(manifest: &Manifest) -> Vec<usize> {
    (0..manifest.all_entries().len()).collect()
}

fn open(folder: &Path, manifest: &Manifest, margin: f32) -> Result<Cache, LoaderError> {
    let preparation = Preparation {
        input: input(32),
        margin,
    };
    Cache::open(
        &folder.join("cache"),
        manifest,
        &all(manifest),
        &preparation,
        2,
        QUIET,
    )
}

fn loader(cache: Cache, threads: usize, text: &str) -> Loader {
    let options = LoaderOptions {
        batch: 8,
        threads,
        ahead: 3,
        seed: 7,
        augmentation: Augmentation::parse(text).unwrap(),
        whole_batches: false,
    };
    Loader::new(cache, options)
}

/// The files in the cache's folder, without locks.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = folder.join("cache").read_dir().unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_none_or(|end| end != "lock"))
        .collect()
}

type Seen = (Vec<usize>, Vec<usize>, Vec<f32>, Vec<f32>);

fn seen(pass: Pass) -> Vec<Seen> {
    pass.map(|batch| {
        let batch = batch.unwrap();
        (
            batch.places().to_vec(),
            batch.classes().to_vec(),
            batch.targets().to_vec(),
            batch.values().to_vec(),
        )
    })
    .collect()
}

#[test]
fn a_pass_in_order_gives_the_tensors_of_prepare() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 20);
    let loader = loader(open(folder.path(), &manifest, 1.0).unwrap(), 2, "flip");
    let mut next = 0;
    for batch in loader.in_order() {
        let batch = batch.unwrap();
        assert_eq!(batch.shape(), Shape::from([batch.len(), 32, 32, 3]));
        let pictures = batch.values().chunks_exact(32 * 32 * 3);
        for ((values, place), class) in pictures.zip(batch.places()).zip(batch.classes()) {
            assert_eq!(*place, next);
            let entry = &manifest.all_entries()[next];
            assert_eq!(*class, entry.class);
            let bytes = manifest.read(entry).unwrap();
            let photo = vision::decode(&bytes, &vision::Limits::default()).unwrap();
            let views = vision::prepare(&input(32), &photo).unwrap();
            assert_eq!(values, views.view(0));
            next += 1;
        }
    }
    assert_eq!(next, 20);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 37);
    let text = "flip | rotate(20) | crop | color | erase | trivial | mixup(0.4) | cutmix";
    let open = || open(folder.path(), &manifest, 1.2).unwrap();
    let one = loader(open(), 1, text);
    assert_eq!(one.batches(), 5);
    let epochs: Vec<_> = (0..3).map(|epoch| seen(one.epoch(epoch))).collect();
    for threads in [2, 5] {
        let more = loader(open(), threads, text);
        for (epoch, wanted) in epochs.iter().enumerate() {
            assert!(
                seen(more.epoch(epoch as u32)) == *wanted,
                "{threads} threads"
            );
        }
        assert!(seen(more.epoch_from(1, 3)) == epochs[1][3..]);
    }
    assert!(epochs[0] != epochs[1]);
    for epoch in &epochs {
        let mut places: Vec<usize> = epoch.iter().flat_map(|batch| batch.0.clone()).collect();
        places.sort_unstable();
        assert_eq!(places, all(&manifest));
        for (places, classes, targets, _) in epoch {
            for (target, class) in targets.chunks_exact(3).zip(classes) {
                assert!((target.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                assert!(target.iter().all(|share| (0.0..=1.0).contains(share)));
                // A class has a share where a photo of the batch has it.
                assert!(target[*class] > 0.0 || places.len() > 1);
            }
        }
    }
    // Some targets are mixed.
    assert!(
        epochs[0]
            .iter()
            .any(|batch| batch.2.iter().any(|s| *s > 0.01 && *s < 0.99))
    );
}

#[test]
fn a_pass_ends_cleanly_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 30);
    let loader = loader(open(folder.path(), &manifest, 1.0).unwrap(), 3, "flip");
    for taken in 0..4 {
        let mut pass = loader.epoch(0);
        let batches: Vec<_> = pass.by_ref().take(taken).collect();
        drop(pass);
        assert_eq!(batches.len(), taken);
    }
    let used = || locked(&loader.inner.used).len();
    drop(loader.epoch(0).collect::<Vec<_>>());
    let before = used();
    // The memory of one epoch serves the next.
    for batch in loader.epoch(1) {
        assert!(!batch.unwrap().is_empty());
    }
    assert_eq!(used(), before);
}

#[test]
fn whole_batches_leave_a_rest_out() {
    let preparation = Preparation::exact(&input(2));
    let cache = || Cache::in_memory(&preparation, vec![7; 11 * 12], vec![0; 11], 1);
    let options = |whole_batches| LoaderOptions {
        batch: 4,
        threads: 1,
        ahead: 1,
        seed: 1,
        augmentation: Augmentation::default(),
        whole_batches,
    };
    let sizes = |pass: Pass| pass.map(|batch| batch.unwrap().len()).collect::<Vec<_>>();
    let whole = Loader::new(cache(), options(true));
    assert_eq!((whole.batches(), sizes(whole.epoch(0))), (2, vec![4, 4]));
    assert_eq!(sizes(whole.in_order()), [4, 4, 3]);
    let rest = Loader::new(cache(), options(false));
    assert_eq!((rest.batches(), sizes(rest.epoch(0))), (3, vec![4, 4, 3]));
    let empty = Cache::in_memory(&preparation, Vec::new(), Vec::new(), 1);
    assert!(empty.is_empty());
    let empty = Loader::new(empty, options(false));
    assert!(empty.epoch(0).next().is_none() && empty.in_order().next().is_none());
}

#[test]
fn a_cache_is_made_once_and_made_anew_when_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 6);
    let first = seen(loader(open(folder.path(), &manifest, 1.0).unwrap(), 1, "").in_order());
    let [path] = files(folder.path()).try_into().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let changed = || std::fs::metadata(&path).unwrap().modified().unwrap();
    let made = changed();
    drop(open(folder.path(), &manifest, 1.0).unwrap());
    assert_eq!(changed(), made);
    let pixels = 6 * 32 * 32 * 3;
    let mut damages: Vec<Vec<u8>> = (pixels..whole.len())
        .step_by(13)
        .map(|at| {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            damaged
        })
        .collect();
    damages.push(Vec::new());
    damages.push(whole[..whole.len() - 1].to_vec());
    damages.push(whole[..pixels].to_vec());
    damages.push([whole.as_slice(), b"x"].concat());
    for damaged in damages {
        std::fs::write(&path, &damaged).unwrap();
        let again = open(folder.path(), &manifest, 1.0).unwrap();
        assert!(seen(loader(again, 1, "").in_order()) == first);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    // A wrong pixel is found when its photo is used, and the next run makes the file anew.
    let mut damaged = whole.clone();
    damaged[3 * 32 * 32 * 3 + 5] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let cache = open(folder.path(), &manifest, 1.0).unwrap();
    let mut pass = loader(cache, 1, "").in_order();
    assert!(matches!(
        pass.next(),
        Some(Err(LoaderError::Damaged { .. }))
    ));
    assert!(pass.next().is_none());
    let again = open(folder.path(), &manifest, 1.0).unwrap();
    assert!(seen(loader(again, 1, "").in_order()) == first);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn other_photos_and_other_preparations_have_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 6);
    open(folder.path(), &manifest, 1.0).unwrap();
    open(folder.path(), &manifest, 1.25).unwrap();
    let place = folder.path().join("cache");
    let preparation = Preparation::exact(&input(32));
    let some = Cache::open(&place, &manifest, &[1, 2], &preparation, 1, QUIET).unwrap();
    assert_eq!((some.len(), some.class_count()), (2, 3));
    let mut letterbox = preparation.clone();
    letterbox.input.views[0].geometry = Geometry::Letterbox { fill: 9 };
    Cache::open(&place, &manifest, &[1, 2], &letterbox, 1, QUIET).unwrap();
    assert_eq!(files(folder.path()).len(), 4);
    assert!(matches!(
        Cache::open(&place, &manifest, &[], &preparation, 1, QUIET),
        Err(LoaderError::Nothing)
    ));
}

#[test]
fn a_changed_photo_is_refused_and_a_touched_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 6);
    drop(open(folder.path(), &manifest, 1.0).unwrap());
    let path = manifest.locate(&manifest.all_entries()[2]);
    let bytes = std::fs::read(&path).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&path, &bytes).unwrap();
    drop(open(folder.path(), &manifest, 1.0).unwrap());
    let refused = |result: Result<Cache, LoaderError>| {
        let Err(LoaderError::Changed { path }) = result else {
            panic!("{result:?}");
        };
        assert_eq!(path, manifest.all_entries()[2].path);
    };
    // Of the same length, another length, or gone; with a cache, and without one.
    let mut other = bytes.clone();
    other[bytes.len() / 2] ^= 0x55;
    for changed in [Some(other), Some(bytes[..40].to_vec())] {
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&path, changed.unwrap()).unwrap();
        refused(open(folder.path(), &manifest, 1.0));
        refused(open(folder.path(), &manifest, 1.5));
    }
    std::fs::remove_file(&path).unwrap();
    refused(open(folder.path(), &manifest, 1.0));
    assert!(matches!(
        open(folder.path(), &manifest, 1.5),
        Err(LoaderError::File(_))
    ));
    // What failed has left nothing.
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn forgotten_unfinished_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 3);
    let place = folder.path().join("cache");
    std::fs::create_dir(&place).unwrap();
    let (old, young) = (
        place.join(".museau-1-aaaaaaaaaaaa.part"),
        place.join(".museau-1-bbbbbbbbbbbb.part"),
    );
    std::fs::write(&young, "half").unwrap();
    let file = std::fs::File::create(&old).unwrap();
    let days_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 86_400);
    file.set_modified(days_ago).unwrap();
    drop(file);
    open(folder.path(), &manifest, 1.0).unwrap();
    assert!(young.exists() && !old.exists());
}

#[test]
fn two_that_open_at_once_make_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 12);
    let passes: Vec<_> = std::thread::scope(|scope| {
        let opening: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| open(folder.path(), &manifest, 1.0).unwrap()))
            .collect();
        opening
            .into_iter()
            .map(|thread| seen(loader(thread.join().unwrap(), 1, "").in_order()))
            .collect()
    });
    assert!(passes.iter().all(|pass| *pass == passes[0]));
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 3);
    std::fs::write(folder.path().join("cache"), "a file").unwrap();
    let error = open(folder.path(), &manifest, 1.0).unwrap_err();
    assert!(matches!(
        error,
        LoaderError::File(crate::Error::Write { .. })
    ));
    for language in words::Language::ALL {
        assert!(error.message(language).contains("cache"));
    }
}

#[test]
fn every_fault_of_a_chain_is_said() {
    for text in [
        "flip(",
        "flpi",
        "flip(1,2)",
        "rotate(500)",
        &"flip|".repeat(9999),
    ] {
        let error = Augmentation::parse(text).unwrap_err();
        for language in words::Language::ALL {
            assert!(!step_said(&error, language).text.contains('{'));
        }
    }
}

#[test]
fn the_step_or_the_parameter_that_was_meant_is_said() {
    let said = |text: &str| {
        let error = text.parse::<vision::filters::Pipeline>().unwrap_err();
        step_said(&error, words::Language::English).to_string()
    };
    for (text, words) in [
        ("clahe(2,8) | bilatral(9)", "‘bilateral’"),
        ("equalis", "‘equalise’"),
        ("clahe(tile=3)", "‘tiles’"),
        // Nothing is near: what there is.
        ("sepia", "bilateral, "),
        ("clahe(colour=3)", "clahe(limit,tiles)"),
    ] {
        assert!(said(text).contains(words), "{text}: {}", said(text));
    }
    let error = Augmentation::parse("flip | rotaet(3)").unwrap_err();
    let said = step_said(&error, words::Language::French).text;
    assert!(said.contains("rotate"), "{said}");
}

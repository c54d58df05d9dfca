//! Tests of whole trainings, on small made photos.
use super::folder::RunFolder;
use super::*;
use crate::{Difference, Flow, Live, Notice, Recipe, TrainError, Unwatched, Watch};
use data::{ImportOptions, Manifest, import};
use kernels::Isa;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use words::Say;

/// Two or more classes that differ in colour and stripes, photos of 24 x 20 with noise.
pub(crate) struct Photos {
    folder: tempfile::TempDir,
}

impl Photos {
    pub(crate) fn new(classes: &[(&str, usize)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (number, (class, count)) in classes.iter().enumerate() {
            let place = folder.path().join("photos").join(class);
            std::fs::create_dir_all(&place).unwrap();
            for photo in 0..*count {
                let mut random = tensor::Random::new(7, number as u32, photo as u64);
                let mut pixels = Vec::new();
                for y in 0..20usize {
                    for x in 0..24usize {
                        let stripe = [x, y, x + y, x * y][number % 4] / (2 + photo % 3) % 2;
                        let noise = random.below(120) as usize;
                        for channel in 0..3 {
                            let base = 60 * ((number + channel) % 3) + 30 * stripe;
                            pixels.push((base + noise).min(255) as u8);
                        }
                    }
                }
                let path = place.join(format!("{photo}.jpg"));
                let jpeg = vision::encode::small_jpeg(24, 20, &pixels, 95).unwrap();
                std::fs::write(path, jpeg).unwrap();
            }
        }
        Photos { folder }
    }

    pub(crate) fn manifest(&self) -> Manifest {
        let source = self.folder.path().join("photos");
        import(&source, &ImportOptions::default(), &|_, _| {})
            .unwrap()
            .manifest
    }

    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.folder.path().join("runs").join(name)
    }
}

fn recipe(changes: &[(&str, &str)]) -> Recipe {
    let text = "[input]\nsize = 16\n[augment]\nsteps = \"flip | zoom(0.9,1.1) | mixup(0.2)\"\n\
                [model]\nfilters = [4, 8]\nunits = 8\n\
                [optimizer]\nrate = 0.01\naverage = 0.9\n[schedule]\nname = \"cosine\"\n\
                [train]\nname = \"small\"\nepochs = 6\nbatch = 8\naccumulate = 2\n\
                checkpoint_seconds = 0\n";
    Recipe::parse(text)
        .unwrap()
        .set(changes.iter().copied())
        .unwrap()
}

pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn around<'a>(cache: &'a Path, stop: &'a AtomicBool) -> Surroundings<'a> {
    Surroundings {
        cache,
        features: None,
        initial: None,
        gate: None,
        threads: 1,
        isa: Isa::best(),
        memory_limit: None,
        stop,
        decoded: &|_, _| {},
        language: words::Language::English,
    }
}

#[test]
fn a_training_learns_and_leaves_a_package_that_answers() {
    let photos = Photos::new(&[("beagle", 24), ("pug", 24), ("striped", 24)]);
    let (cache, folder) = (photos.run("cache"), photos.run("a"));
    let around = around(&cache, &NEVER);
    let recipe = recipe(&[("train.epochs", "12")]);
    let manifest = photos.manifest();
    let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    assert_eq!((outcome.ended, outcome.epochs), (Ended::Complete, 12));
    let metric = |name: &str| outcome.metrics.iter().find(|(n, _)| *n == name).unwrap().1;
    assert!(metric("val_accuracy") > 0.8, "{outcome:?}");

    let options = classify::OpenOptions::default();
    let package = outcome.package.unwrap();
    let classifier = classify::Classifier::open_file(&package, &options).unwrap();
    let about = classifier.about();
    assert_eq!(about.labels[0].id, "n02088364", "the breed's own id");
    assert_eq!(about.labels[2].id, "striped");
    assert_eq!(about.name, "small");
    assert!(about.calibration.fitted_on.contains("validation photos"));
    assert!(about.card.contains("[optimizer]"));
    let bytes = std::fs::read(photos.folder.path().join("photos/pug/3.jpg")).unwrap();
    let photo = vision::decode(&bytes, &vision::Limits::default()).unwrap();
    let ask = classify::ClassifyOptions::default();
    let answers = classifier.classify(&tensor::Pool::serial(), &[photo], &ask);
    assert_eq!(answers.unwrap()[0].breeds[0].name, "Pug");

    let open = RunFolder::open(&folder).unwrap();
    assert_eq!(open.recipe().unwrap(), recipe);
    assert_eq!(open.about().unwrap().counts, [57, 15]);
    assert_eq!(RunFolder::curve(&folder).unwrap().len(), 13);
    let page = std::fs::read_to_string(folder.join("curve.html")).unwrap();
    let kept = format!("kept epoch: {}", outcome.kept_epoch);
    assert!(page.contains(&kept) && page.matches("<svg").count() == 2);
}

#[test]
fn a_network_that_learns_nothing_is_told_and_answers_that_it_is_unsure() {
    let photos = Photos::new(&[("beagle", 24), ("pug", 24), ("striped", 24)]);
    let (cache, manifest) = (photos.run("cache"), photos.manifest());
    let around = around(&cache, &NEVER);
    // Untrained it is right by luck with some seeds.
    let outcome = (1..20).find_map(|seed| {
        let seed = seed.to_string();
        let changes = [
            ("optimizer.rate", "1e-12"),
            ("train.epochs", "1"),
            ("train.seed", &seed),
        ];
        let mut told = After(usize::MAX, &NEVER, Vec::new());
        let folder = photos.run(&seed);
        let outcome = begin(
            &recipe(&changes),
            &manifest,
            &folder,
            None,
            &around,
            &mut told,
        );
        let is_told = |notice: &Notice| matches!(notice, Notice::LearntNothing { .. });
        told.2.iter().any(is_told).then(|| outcome.unwrap())
    });
    let package = outcome.expect("it is told").package.unwrap();
    let options = classify::OpenOptions::default();
    let classifier = classify::Classifier::open_file(&package, &options).unwrap();
    assert!(classifier.about().card.contains("no better than guessing"));
    let bytes = std::fs::read(photos.folder.path().join("photos/pug/3.jpg")).unwrap();
    let photo = vision::decode(&bytes, &vision::Limits::default()).unwrap();
    let ask = classify::ClassifyOptions::default();
    let answers = classifier
        .classify(&tensor::Pool::serial(), &[photo], &ask)
        .unwrap();
    assert_eq!(answers[0].answer, classify::AnswerKind::Unsure);
}

/// Sets the flag after so many batches.
struct After<'a>(usize, &'a AtomicBool, Vec<Notice>);

impl Watch for After<'_> {
    fn live(&mut self, _live: &Live) {
        self.0 -= 1;
        self.1.store(self.0 == 0, Ordering::Relaxed);
        self.0 = self.0.max(1);
    }

    fn notice(&mut self, notice: &Notice) {
        self.2.push(notice.clone());
    }

    fn report(&mut self, _step: u64, _metrics: &[(&str, f64)]) -> Flow {
        Flow::Continue
    }
}

#[test]
fn a_training_that_was_broken_off_anywhere_gives_the_same_curve_and_package() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let manifest = photos.manifest();
    let cache = photos.run("cache");
    let recipe = recipe(&[("schedule.name", "plateau"), ("schedule.patience", "1")]);
    let whole = photos.run("whole");
    let once = around(&cache, &NEVER);
    begin(&recipe, &manifest, &whole, None, &once, &mut Unwatched).unwrap();
    for batches in [1, 3, 4, 5, 9, 14] {
        let folder = photos.run(&format!("broken-{batches}"));
        let stop = AtomicBool::new(false);
        let mut after = After(batches, &stop, Vec::new());
        let broken = around(&cache, &stop);
        let outcome = begin(&recipe, &manifest, &folder, None, &broken, &mut after).unwrap();
        assert_eq!(outcome.ended, Ended::Interrupted);
        assert_eq!(outcome.package, None);
        // A line that was written after the checkpoint is not counted twice.
        let metrics = folder.join("metrics.csv");
        let more = std::fs::read_to_string(&metrics).unwrap() + "9,1,1,1,1,1,1,1\n";
        std::fs::write(&metrics, more).unwrap();
        let open = RunFolder::open(&folder).unwrap();
        let outcome = resume(&open, &manifest, &once, &mut Unwatched).unwrap();
        assert_eq!(outcome.ended, Ended::Complete);
        let curve = |folder: &Path| RunFolder::curve(folder).unwrap();
        assert_eq!(curve(&folder), curve(&whole), "after {batches} batches");
        let package = |folder: &Path| std::fs::read(folder.join("model.museau")).unwrap();
        assert!(
            package(&folder) == package(&whole),
            "after {batches} batches"
        );
    }
}

#[test]
fn a_training_goes_on_elsewhere_and_says_what_changed() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let manifest = photos.manifest();
    let cache = photos.run("cache");
    let recipe = recipe(&[]);
    let folder = photos.run("here");
    let stop = AtomicBool::new(false);
    let broken = around(&cache, &stop);
    let mut after = After(7, &stop, Vec::new());
    begin(
        &recipe,
        &manifest,
        &folder,
        Some("r-1"),
        &broken,
        &mut after,
    )
    .unwrap();
    let moved = photos.run("elsewhere");
    std::fs::rename(&folder, &moved).unwrap();
    let open = RunFolder::open(&moved).unwrap();
    assert_eq!(open.about().unwrap().record.as_deref(), Some("r-1"));

    let one_less = manifest.restricted(|entry| !entry.path.ends_with("/3.jpg"));
    let once = around(&cache, &NEVER);
    let error = resume(&open, &one_less, &once, &mut Unwatched).unwrap_err();
    let photos_differ = Difference::Photos;
    assert!(
        matches!(error, TrainError::Other { what, .. } if what == photos_differ),
        "{error}"
    );

    let two = Surroundings { threads: 2, ..once };
    let mut after = After(usize::MAX, &stop, Vec::new());
    let outcome = resume(&open, &manifest, &two, &mut after).unwrap();
    assert_eq!(outcome.ended, Ended::Complete);
    assert_eq!(after.2, [Notice::Threads { before: 1, now: 2 }]);

    let text = std::fs::read_to_string(moved.join("recipe.toml")).unwrap();
    std::fs::write(moved.join("recipe.toml"), text.replace("0.01", "0.02")).unwrap();
    let error = resume(&open, &manifest, &once, &mut Unwatched).unwrap_err();
    let recipe_differs = Difference::Recipe;
    assert!(
        matches!(error, TrainError::Other { what, .. } if what == recipe_differs),
        "{error}"
    );
}

#[test]
fn it_ends_early_and_keeps_the_best() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    // A rate that goes nowhere good.
    let changes = [
        ("optimizer.rate", "0.3"),
        ("train.patience", "3"),
        ("train.epochs", "60"),
    ];
    let folder = photos.run("early");
    let manifest = photos.manifest();
    let recipe = recipe(&changes);
    let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    assert_eq!(outcome.ended, Ended::Early);
    assert_eq!(outcome.epochs, outcome.kept_epoch + 3);
    let package = package::Package::read_file(&outcome.package.unwrap()).unwrap();
    let kept = format!("epoch {}", outcome.kept_epoch);
    assert!(package.about.provenance.weights.contains(&kept));
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_written() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let plain = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let folder = photos.run("refused");
    let try_it = |recipe: &Recipe, manifest: &Manifest, around: &Surroundings<'_>| {
        let error = begin(recipe, manifest, &folder, None, around, &mut Unwatched).unwrap_err();
        assert!(!folder.exists(), "{error}");
        for language in [words::Language::French, words::Language::English] {
            assert!(error.message(language).len() > 20);
        }
        error
    };
    let small = Surroundings {
        memory_limit: Some(100_000),
        ..plain
    };
    let error = try_it(&recipe(&[]), &manifest, &small);
    assert!(matches!(error, TrainError::Memory { needed, .. } if needed > 100_000));
    let freeze = recipe(&[("model.freeze", "dense, con_1")]);
    assert!(matches!(
        try_it(&freeze, &manifest, &plain),
        TrainError::Freeze { prefix, nearest } if (&*prefix, nearest.as_deref()) == ("con_1", Some("conv_1"))
    ));
    let error = try_it(&recipe(&[("data.classes", "a")]), &manifest, &plain);
    assert!(matches!(error, TrainError::Classes { count: 1 }));
    let error = try_it(&recipe(&[("data.classes", "a,c")]), &manifest, &plain);
    assert!(matches!(
        error,
        TrainError::File(data::Error::UnknownClass { .. })
    ));
    let sizes = recipe(&[("input.size", "8"), ("model.filters", "4,4,4,4,4")]);
    assert!(matches!(
        try_it(&sizes, &manifest, &plain),
        TrainError::Network(_)
    ));
    // Texts are read with the recipe.
    let refused = |key: &str, text: &str| Recipe::default().set([(key, text)]).unwrap_err();
    let steps = refused("augment.steps", "flop");
    assert!(matches!(steps, TrainError::Steps { key, .. } if key == "augment.steps"));
    let steps = refused("preprocess.steps", "clahe(");
    assert!(matches!(steps, TrainError::Steps { key, .. } if key == "preprocess.steps"));
    let views = refused("input.views", "crop:2");
    assert!(matches!(views, TrainError::Views(_)));
    let network = Recipe::parse("[model]\nnetwork = \"vgg61\"").unwrap_err();
    assert!(matches!(network, TrainError::Unknown { .. }));
    for error in [steps, views, network] {
        for language in [words::Language::French, words::Language::English] {
            assert!(error.message(language).len() > 20);
        }
    }
}

#[test]
fn a_class_without_a_photo_to_learn_from_is_named() {
    let photos = Photos::new(&[("train/a", 6), ("train/b", 6), ("test/a", 2), ("test/c", 2)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let folder = photos.run("refused");
    let manifest = photos.manifest();
    let error = begin(
        &recipe(&[]),
        &manifest,
        &folder,
        None,
        &around,
        &mut Unwatched,
    );
    let error = error.unwrap_err();
    assert!(
        matches!(&error, TrainError::EmptyClass { class } if class == "c"),
        "{error}"
    );
}

#[test]
fn a_loss_that_is_no_number_stops_it_where_it_began_and_the_checkpoint_stays() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let folder = photos.run("diverges");
    // A step an epoch, each a thousand times too large.
    let changes = [
        ("optimizer.name", "sgd"),
        ("optimizer.rate", "10000"),
        ("train.accumulate", "4096"),
        ("model.batch_norm", "false"),
        ("train.checkpoint_seconds", "1000"),
    ];
    let recipe = recipe(&changes);
    let error = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap_err();
    let TrainError::NotFinite { epoch, place, .. } = &error else {
        panic!("{error}");
    };
    assert!(*epoch >= 2 && !place.is_empty(), "{error}");
    let open = RunFolder::open(&folder).unwrap();
    let (position, tensors, _) = super::checkpoint::load(&open).unwrap().unwrap();
    assert_eq!(
        position.epoch, 1,
        "the first epoch is kept however short it is"
    );
    let finite = |tensor: &tensor::Tensor| tensor.values().iter().all(|v| v.is_finite());
    assert!(tensors.values().all(finite));
    let page = std::fs::read_to_string(folder.join("curve.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 2, "what led to it is drawn");
}

#[test]
fn a_curve_that_cannot_be_written_is_told_and_fails_no_training() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let (cache, folder) = (photos.run("cache"), photos.run("no-curve"));
    let around = around(&cache, &NEVER);
    /// Puts a folder where the page goes.
    struct Blocks<'a>(&'a Path, Vec<Notice>);
    impl Watch for Blocks<'_> {
        fn notice(&mut self, notice: &Notice) {
            if !is_of_few_epochs(notice) {
                self.1.push(notice.clone());
            }
        }

        fn report(&mut self, _step: u64, _metrics: &[(&str, f64)]) -> Flow {
            std::fs::create_dir_all(self.0.join("curve.html/mine")).unwrap();
            Flow::Continue
        }
    }
    let mut blocks = Blocks(&folder, Vec::new());
    let recipe = recipe(&[("train.epochs", "2")]);
    let manifest = photos.manifest();
    let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut blocks).unwrap();
    assert!(outcome.package.unwrap().is_file());
    let [Notice::NoCurve { path, reason }] = &blocks.1[..] else {
        panic!("{:?}", blocks.1);
    };
    assert!(*path == folder.join("curve.html") && !reason.is_empty());
}

/// Whether it only says that so few epochs teach nothing.
fn is_of_few_epochs(notice: &Notice) -> bool {
    matches!(notice, Notice::LearntNothing { .. })
}

/// Noted all other notices; with a folder, spoils the first photo for validation after the last epoch.
#[derive(Default)]
struct Noted {
    notices: Vec<Notice>,
    spoils: Option<PathBuf>,
}

impl Watch for Noted {
    fn notice(&mut self, notice: &Notice) {
        if !is_of_few_epochs(notice) {
            self.notices.push(notice.clone());
        }
    }

    fn report(&mut self, _step: u64, _metrics: &[(&str, f64)]) -> Flow {
        if let Some(folder) = &self.spoils {
            let photos = Manifest::open(&folder.join("photos.csv")).unwrap();
            let chosen = |entry: &&data::Entry| entry.part == data::Part::Validation;
            let entry = photos.all_entries().iter().find(chosen).unwrap();
            let garbage = vec![0; usize::try_from(entry.bytes).unwrap()];
            std::fs::write(photos.locate(entry), garbage).unwrap();
        }
        Flow::Continue
    }
}

#[test]
fn what_only_validation_photos_decide_is_said_to_be_idle_without_them() {
    let photos = Photos::new(&[("a", 10), ("b", 10)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let idle = |keys: &str| Notice::NoValidation {
        keys: keys.to_owned(),
    };
    for (name, changes, expected) in [
        ("nothing", &[][..], vec![]),
        (
            "patience",
            &[("train.patience", "1")],
            vec![idle("train.patience")],
        ),
        (
            "monitor",
            &[("train.monitor", "val_accuracy"), ("train.patience", "1")],
            vec![idle("train.patience, train.monitor")],
        ),
        (
            "plateau",
            &[("schedule.name", "plateau")],
            vec![Notice::PlateauOfTraining],
        ),
    ] {
        for validation in ["0", "0.3"] {
            let recipe = recipe(&[("data.validation", validation), ("train.epochs", "1")]);
            let recipe = recipe.set(changes.iter().copied()).unwrap();
            let folder = photos.run(&format!("{name}-{validation}"));
            let mut hears = Noted::default();
            begin(&recipe, &manifest, &folder, None, &around, &mut hears).unwrap();
            let wanted = if validation == "0" {
                &expected[..]
            } else {
                &[]
            };
            assert_eq!(hears.notices, wanted, "{name} {validation}");
        }
    }
}

#[test]
fn photos_that_could_not_be_read_for_the_temperature_are_counted_and_said() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let (cache, folder) = (photos.run("cache"), photos.run("spoilt"));
    let around = around(&cache, &NEVER);
    let recipe = recipe(&[("train.epochs", "1"), ("data.validation", "0.2")]);
    let mut hears = Noted {
        spoils: Some(folder.clone()),
        ..Noted::default()
    };
    let manifest = photos.manifest();
    let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut hears).unwrap();
    let [
        Notice::Uncalibrated {
            count: 1,
            all,
            path,
        },
    ] = &hears.notices[..]
    else {
        panic!("{:?}", hears.notices);
    };
    assert!(*all > 1 && path.ends_with(".jpg"), "{all} {path}");
    let package = package::Package::read_file(&outcome.package.unwrap()).unwrap();
    let fitted = format!("{} validation photos", all - 1);
    assert!(package.about.calibration.fitted_on.starts_with(&fitted));
}

#[test]
fn a_training_that_ended_early_ends_there_again() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let folder = photos.run("early");
    let changes = [
        ("optimizer.rate", "0.3"),
        ("train.patience", "2"),
        ("train.epochs", "60"),
    ];
    let recipe = recipe(&changes);
    let once = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    let package = std::fs::read(folder.join("model.museau")).unwrap();
    // The power failed before the package was there.
    std::fs::remove_file(folder.join("model.museau")).unwrap();
    let open = RunFolder::open(&folder).unwrap();
    let again = resume(&open, &manifest, &around, &mut Unwatched).unwrap();
    assert_eq!((once.ended, again.ended), (Ended::Early, Ended::Early));
    assert_eq!(once.epochs, again.epochs);
    assert!(std::fs::read(folder.join("model.museau")).unwrap() == package);
    let best = folder.join(format!("best-{}.safetensors", once.kept_epoch));
    let read = formats::read_safetensors(&std::fs::read(best).unwrap())
        .unwrap()
        .0;
    let packaged = package::Package::read(&package).unwrap().weights;
    for (name, tensor) in &packaged {
        for (stored, best) in tensor.values().iter().zip(&*read[name].values()) {
            assert!(
                (stored - best).abs() <= 1e-3 * best.abs().max(1e-3),
                "{name}"
            );
        }
    }
}

#[test]
fn a_best_epoch_after_the_last_checkpoint_harms_no_resume() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let plain = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let folder = photos.run("killed");
    struct Dies;
    impl Watch for Dies {
        fn report(&mut self, step: u64, _metrics: &[(&str, f64)]) -> Flow {
            assert!(step < 5, "killed");
            Flow::Continue
        }
    }
    // A checkpoint after the first epoch, and none before it dies.
    let recipe = recipe(&[("train.checkpoint_seconds", "1000")]);
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = begin(&recipe, &manifest, &folder, None, &plain, &mut Dies);
    }));
    assert!(killed.is_err());
    let bests = |folder: &Path| {
        let files = folder.read_dir().unwrap().flatten();
        files
            .filter(|file| file.file_name().to_string_lossy().starts_with("best-"))
            .count()
    };
    assert!(bests(&folder) > 1);
    let open = RunFolder::open(&folder).unwrap();
    let two = Surroundings {
        threads: 2,
        ..plain
    };
    let outcome = resume(&open, &manifest, &two, &mut Unwatched).unwrap();
    assert_eq!(outcome.ended, Ended::Complete);
    assert!(outcome.package.unwrap().is_file());
    assert!(bests(&folder) <= 2);
}

#[test]
fn one_training_at_a_time_works_in_a_folder() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let folder = photos.run("one");
    let held = RunFolder::create(&folder).unwrap();
    let try_it = || {
        let recipe = recipe(&[]);
        begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap_err()
    };
    assert!(matches!(try_it(), TrainError::InUse { .. }));
    held.describe(&recipe(&[]), &About::default(), &manifest)
        .unwrap();
    drop(held);
    assert!(matches!(try_it(), TrainError::Taken { .. }));
    let mine = photos.run("mine");
    std::fs::create_dir_all(&mine).unwrap();
    std::fs::write(mine.join("metrics.csv"), "mine").unwrap();
    assert!(matches!(
        RunFolder::create(&mine),
        Err(TrainError::NotEmpty { .. })
    ));
    assert_eq!(std::fs::read(mine.join("metrics.csv")).unwrap(), b"mine");
    let nothing = RunFolder::open(&photos.run("nothing"));
    assert!(matches!(nothing, Err(TrainError::NoRun { .. })));
}

#[test]
fn who_asks_whether_a_run_is_unfinished_changes_nothing_in_its_folder() {
    let photos = Photos::new(&[("a", 2)]);
    let folder = photos.run("looked-at");
    assert!(!RunFolder::is_unfinished(&folder));
    assert!(!folder.exists());
    let held = RunFolder::create(&folder).unwrap();
    held.describe(&recipe(&[]), &About::default(), &photos.manifest())
        .unwrap();
    assert!(!RunFolder::is_unfinished(&folder), "somebody works there");
    drop(held);
    // Half written, by whoever.
    std::fs::write(folder.join("checkpoint.new.part"), "half").unwrap();
    std::fs::write(folder.join("run.lock"), "left alone").unwrap();
    let files = || {
        let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
        let read = files.map(|path| (std::fs::read(&path).unwrap(), path));
        let mut read: Vec<_> = read.collect();
        read.sort();
        read
    };
    let before = files();
    assert!(RunFolder::is_unfinished(&folder));
    assert!(files() == before);
    // It has let go of the lock.
    drop(RunFolder::open(&folder).unwrap());
    std::fs::remove_file(folder.join("run.lock")).unwrap();
    let before = files();
    assert!(RunFolder::is_unfinished(&folder));
    assert!(files() == before);
    std::fs::write(folder.join("model.museau"), "the result").unwrap();
    assert!(!RunFolder::is_unfinished(&folder));
}

#[test]
fn a_checkpoint_that_cannot_be_written_loses_nothing() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let manifest = photos.manifest();
    let folder = photos.run("full");
    struct Blocks<'a>(&'a Path);
    impl Watch for Blocks<'_> {
        fn report(&mut self, step: u64, _metrics: &[(&str, f64)]) -> Flow {
            if step == 3 {
                // Where the newest would go when the next is there stands a folder.
                let older = self.0.join("checkpoint.before.safetensors");
                std::fs::remove_file(&older).unwrap();
                std::fs::create_dir(older).unwrap();
            }
            Flow::Continue
        }
    }
    let recipe = recipe(&[]);
    let error = begin(
        &recipe,
        &manifest,
        &folder,
        None,
        &around,
        &mut Blocks(&folder),
    );
    assert!(matches!(
        error,
        Err(TrainError::File(data::Error::Write { .. }))
    ));
    std::fs::remove_dir(folder.join("checkpoint.before.safetensors")).unwrap();
    let open = RunFolder::open(&folder).unwrap();
    let (position, ..) = super::checkpoint::load(&open).unwrap().unwrap();
    assert_eq!(position.epoch, 2);
    let outcome = resume(&open, &manifest, &around, &mut Unwatched).unwrap();
    let whole = photos.run("whole");
    begin(&recipe, &manifest, &whole, None, &around, &mut Unwatched).unwrap();
    assert_eq!(outcome.ended, Ended::Complete);
    let curve = |folder: &Path| RunFolder::curve(folder).unwrap();
    assert_eq!(curve(&folder), curve(&whole));
}

/// Hears what a training says of itself, and breaks it off after an epoch.
#[derive(Default)]
struct Hears {
    beginning: Option<crate::Beginning>,
    kept: Vec<u32>,
    right: Vec<f64>,
}

impl Watch for Hears {
    fn begins(&mut self, beginning: &crate::Beginning) {
        self.beginning = Some(beginning.clone());
    }

    fn report(&mut self, _step: u64, metrics: &[(&str, f64)]) -> Flow {
        let right = metrics.iter().find(|(name, _)| *name == "val_accuracy");
        self.right.extend(right.map(|(_, value)| *value));
        Flow::Continue
    }

    fn keeps(&mut self, epoch: u32) {
        self.kept.push(epoch);
    }
}

#[test]
fn who_looks_on_knows_the_kept_epoch_and_how_good_it_is_after_a_break_too() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let manifest = photos.manifest();
    let (cache, folder) = (photos.run("cache"), photos.run("kept"));
    let around = around(&cache, &NEVER);
    let recipe = recipe(&[]);
    let mut first = Hears::default();
    let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut first).unwrap();
    assert_eq!(first.kept.last(), Some(&outcome.kept_epoch));
    assert_eq!(first.beginning.unwrap().validation, None);
    let open = RunFolder::open(&folder).unwrap();
    let mut again = Hears::default();
    resume(&open, &manifest, &around, &mut again).unwrap();
    assert_eq!(again.kept, [outcome.kept_epoch]);
    let kept = first.right[outcome.kept_epoch as usize - 1];
    let last = *first.right.last().unwrap();
    let beginning = again.beginning.unwrap();
    assert_eq!(beginning.validation, Some((last, kept)));
    drop(open);
    // What is counted: a checkpoint is two copies of what it holds, batches wait.
    let memory = beginning.memory;
    let kept = memory.parameters + beginning.optimizer_bytes;
    let batches = (5 + 2) * 8 * 16 * 16 * 3 * size_of::<f32>();
    assert!(beginning.other_bytes >= batches + 2 * kept, "{beginning:?}");
    let all = memory.total() + beginning.optimizer_bytes + beginning.other_bytes;
    assert_eq!(open_about(&folder).bytes, all);
}

fn open_about(folder: &Path) -> About {
    RunFolder::open(folder).unwrap().about().unwrap()
}

#[test]
fn what_is_frozen_keeps_its_first_values_and_the_rest_learns() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let manifest = photos.manifest();
    let (cache, folder) = (photos.run("cache"), photos.run("frozen"));
    let around = around(&cache, &NEVER);
    let recipe = recipe(&[
        ("model.freeze", "conv_1, norm"),
        ("optimizer.average", "none"),
    ]);
    begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    let (_, tensors, _) = super::checkpoint::load(&RunFolder::open(&folder).unwrap())
        .unwrap()
        .unwrap();
    let network = network(&recipe, None, 2).unwrap();
    let first = crate::initial_parameters(&network.graph, recipe.train.seed);
    for (name, tensor) in &first {
        let stays = name.starts_with("conv_1/") || name.starts_with("norm");
        let changed = tensors[name].values() != tensor.values();
        assert_eq!(changed, !stays, "{name}");
    }
}

#[test]
fn rates_are_tried_with_the_batches_of_a_whole_step() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let manifest = photos.manifest();
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    let range = crate::RateRange {
        first: 1e-3,
        last: 1e-3,
        steps: 2,
    };
    let losses = |changes: &[(&str, &str)]| {
        let recipe = recipe(
            &[
                &[
                    ("augment.steps", ""),
                    ("model.batch_norm", "false"),
                    ("model.dropout", "0"),
                ],
                changes,
            ]
            .concat(),
        );
        let found = try_rates(&recipe, &manifest, range, &around, &mut Unwatched);
        found.unwrap().losses
    };
    // The 32 training photos are an epoch: in one batch or in four that are added up.
    let whole = losses(&[("train.batch", "32"), ("train.accumulate", "1")]);
    let parts = losses(&[("train.batch", "8"), ("train.accumulate", "4")]);
    // As in the training, no step takes more than an epoch.
    let more = losses(&[("train.batch", "8"), ("train.accumulate", "100")]);
    for ((whole, parts), more) in whole.iter().zip(&parts).zip(&more) {
        assert!((whole - parts).abs() < 1e-4 * whole, "{whole} {parts}");
        assert_eq!(parts, more);
    }
}

#[test]
fn rates_are_tried_on_the_groups_of_batches_that_a_training_makes() {
    let photos = Photos::new(&[("a", 20), ("b", 20)]);
    let manifest = photos.manifest();
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    // The loss of each step, at a rate that changes nothing.
    let losses = |accumulate: &str, steps: usize| {
        let recipe = recipe(&[
            ("augment.steps", ""),
            ("model.batch_norm", "false"),
            ("model.dropout", "0"),
            ("train.batch", "6"),
            ("train.accumulate", accumulate),
        ]);
        let range = crate::RateRange {
            first: 1e-20,
            last: 1e-20,
            steps,
        };
        let found = try_rates(&recipe, &manifest, range, &around, &mut Unwatched).unwrap();
        let smoothing = crate::rate_finder::SMOOTHING;
        let mut before = 0.0;
        let losses = found.losses.iter().enumerate().map(|(index, &smooth)| {
            let sum = f64::from(smooth) * (1.0 - smoothing.powf(index as f64 + 1.0));
            let loss = (sum - smoothing * before) / (1.0 - smoothing);
            before = sum;
            loss
        });
        losses.collect::<Vec<f64>>()
    };
    // Of the 32 training photos an epoch has five whole batches of six.
    let single = losses("1", 10);
    let mean = |places: &[usize]| {
        places.iter().map(|&place| single[place]).sum::<f64>() / places.len() as f64
    };
    let groups: [&[usize]; 6] = [&[0, 1], &[2, 3], &[4], &[5, 6], &[7, 8], &[9]];
    let over_the_end = mean(&[4, 5]) - mean(&[4]);
    assert!(over_the_end.abs() > 1e-4, "{single:?}");
    let pairs = losses("2", groups.len());
    assert_eq!(pairs.len(), groups.len());
    for (found, group) in pairs.iter().zip(groups) {
        assert!((found - mean(group)).abs() < 1e-5, "{pairs:?} {single:?}");
    }
}

/// By its description alone, whatever key asks for it: before a photo is decoded, a network lowered, or
/// a folder made.
#[test]
fn a_recipe_that_no_machine_holds_is_refused_at_once() {
    let photos = Photos::new(&[("beagle", 4), ("pug", 4)]);
    let (cache, folder) = (photos.run("cache"), photos.run("a"));
    let manifest = photos.manifest();
    let decoded = |_: usize, _: usize| panic!("no photo need be decoded");
    for (key, value) in [
        ("model.units", "2000000000"),
        ("model.units", "4294967295"),
        ("model.filters", "8,2000000000"),
        ("model.filters", "2000000000,8"),
        ("model.kernels", "100001"),
        ("model.kernels", "2000000001"),
    ] {
        for optimizer in ["sgd", "adam"] {
            let recipe = recipe(&[(key, value), ("optimizer.name", optimizer)]);
            let around = Surroundings {
                memory_limit: Some(1 << 34),
                decoded: &decoded,
                ..around(&cache, &NEVER)
            };
            let refused = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched);
            let error = refused.unwrap_err();
            let is_size = matches!(error, TrainError::Memory { .. } | TrainError::Network(_));
            assert!(is_size, "{key} = {value}: {error}");
            let range = crate::RateRange::default();
            let refused = try_rates(&recipe, &manifest, range, &around, &mut Unwatched);
            assert!(refused.is_err(), "{key} = {value}");
            assert!(!folder.exists());
        }
    }
}

/// Every file of a folder, with what is in it.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    let read = files.map(|path| (path.clone(), std::fs::read(&path).unwrap()));
    let mut read: Vec<_> = read.collect();
    read.sort();
    read
}

#[test]
fn a_refused_training_changes_nothing_in_a_folder_that_is_not_its_own() {
    let photos = Photos::new(&[("a", 4), ("b", 4)]);
    let manifest = photos.manifest();
    let mut theirs = Vec::new();
    // What `data fetch` and browsers go on with, a table, a file that is only called like a run's.
    for (name, file) in [
        ("fetching", "images.tar.part"),
        ("table", "photos.csv"),
        ("about", "run.json"),
        ("locked", "run.lock"),
    ] {
        let folder = photos.run(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), "mine").unwrap();
        theirs.push(folder);
    }
    // A manifest is museau's by its content, and a person's all the same.
    let own = photos.run("own");
    std::fs::create_dir_all(&own).unwrap();
    manifest.save(&own.join("photos.csv")).unwrap();
    theirs.push(own);
    for folder in theirs {
        let before = contents(&folder);
        let refused = RunFolder::create(&folder);
        assert!(
            matches!(refused, Err(TrainError::NotEmpty { .. })),
            "{folder:?}: {refused:?}"
        );
        assert!(contents(&folder) == before, "{folder:?}");
        assert!(matches!(
            RunFolder::open(&folder),
            Err(TrainError::NoRun { .. })
        ));
        std::fs::write(folder.join("recipe.toml"), "[mine]").unwrap();
        let before = contents(&folder);
        assert!(RunFolder::open(&folder).is_err(), "{folder:?}");
        assert!(contents(&folder) == before, "{folder:?}");
    }
    let nothing = photos.run("nothing");
    assert!(RunFolder::open(&nothing).is_err() && !nothing.exists());
}

#[test]
fn a_training_takes_the_folder_that_another_left_before_it_became_a_run() {
    let photos = Photos::new(&[("a", 4), ("b", 4)]);
    let manifest = photos.manifest();
    let about = About {
        museau: "1".to_owned(),
        ..About::default()
    };
    // Wherever the power failed: files appear in this order, each whole.
    let steps = ["run.lock", "run.json", "photos.csv"];
    for count in 0..=steps.len() {
        let folder = photos.run(&format!("after-{count}"));
        let held = RunFolder::create(&folder).unwrap();
        held.describe(&recipe(&[]), &about, &manifest).unwrap();
        drop(held);
        for name in ["recipe.toml"].iter().chain(&steps[count..]) {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        std::fs::write(folder.join(".museau-4711-Killed012345.part"), "half").unwrap();
        assert!(RunFolder::look(&folder).is_ok(), "after {count} files");
        drop(RunFolder::create(&folder).unwrap());
        assert!(!folder.join("run.json").exists() && !folder.join("photos.csv").exists());
    }
    // A table that somebody changed since is theirs.
    let folder = photos.run("changed");
    let held = RunFolder::create(&folder).unwrap();
    held.describe(&recipe(&[]), &about, &manifest).unwrap();
    drop(held);
    std::fs::remove_file(folder.join("recipe.toml")).unwrap();
    let table = folder.join("photos.csv");
    let changed = std::fs::read_to_string(&table).unwrap() + "\n";
    std::fs::write(&table, changed).unwrap();
    let refused = RunFolder::create(&folder);
    assert!(matches!(refused, Err(TrainError::NotEmpty { .. })));
}

#[test]
fn a_folder_that_holds_what_a_training_is_made_of_is_refused() {
    let photos = Photos::new(&[("a", 4), ("b", 4)]);
    let manifest = photos.manifest();
    let cache = photos.run("cache");
    let around = around(&cache, &NEVER);
    // A training was broken off there before it became a run, and its table is used for another.
    let folder = photos.run("own");
    let about = About {
        museau: "1".to_owned(),
        ..About::default()
    };
    let held = RunFolder::create(&folder).unwrap();
    held.describe(&recipe(&[]), &about, &manifest).unwrap();
    drop(held);
    std::fs::remove_file(folder.join("recipe.toml")).unwrap();
    let source = folder.join("photos.csv");
    let recipe = recipe(&[("data.source", source.to_str().unwrap())]);
    let before = contents(&folder);
    let refused = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched);
    assert!(
        matches!(refused, Err(TrainError::HoldsSource { .. })),
        "{refused:?}"
    );
    assert!(contents(&folder) == before);
}

#[test]
fn the_checkpoint_that_a_training_went_on_from_stays_until_another_is_whole() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let manifest = photos.manifest();
    let (cache, folder) = (photos.run("cache"), photos.run("damaged"));
    let recipe = recipe(&[]);
    let broken_after = |batches: usize, resumed: bool| {
        let stop = AtomicBool::new(false);
        let mut after = After(batches, &stop, Vec::new());
        let around = around(&cache, &stop);
        let outcome = match resumed {
            false => begin(&recipe, &manifest, &folder, None, &around, &mut after),
            true => {
                let open = RunFolder::open(&folder).unwrap();
                resume(&open, &manifest, &around, &mut after)
            }
        };
        assert_eq!(outcome.unwrap().ended, Ended::Interrupted);
        after.2
    };
    broken_after(14, false);
    let open = RunFolder::open(&folder).unwrap();
    let (newest, older) = (open.checkpoint_path(), open.older_checkpoint_path());
    drop(open);
    let good = std::fs::read(&older).unwrap();
    let mut damaged = std::fs::read(&newest).unwrap();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    std::fs::write(&newest, damaged).unwrap();
    let notices = broken_after(1, true);
    let told = |notice: &Notice| matches!(notice, Notice::OlderCheckpoint { .. });
    assert!(notices.iter().any(told), "{notices:?}");
    for path in [&newest, &older] {
        let read = super::checkpoint::read(path).unwrap();
        assert!(read.is_ok(), "{}", path.display());
    }
    assert!(std::fs::read(&older).unwrap() == good);
    // From then on the newest is whole, and becomes the older one.
    let before = std::fs::read(&newest).unwrap();
    broken_after(1, true);
    assert!(std::fs::read(&older).unwrap() == before);
}

#[test]
fn no_model_is_made_of_a_best_network_with_one_bit_flipped() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let manifest = photos.manifest();
    let (cache, folder) = (photos.run("cache"), photos.run("best"));
    let around = around(&cache, &NEVER);
    let recipe = recipe(&[("train.patience", "1"), ("train.epochs", "60")]);
    let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    assert_eq!(outcome.ended, Ended::Early);
    let package = outcome.package.unwrap();
    let whole = std::fs::read(&package).unwrap();
    let best = folder.join(format!("best-{}.safetensors", outcome.kept_epoch));
    let network = std::fs::read(&best).unwrap();
    let again = || {
        std::fs::remove_file(&package).unwrap();
        let open = RunFolder::open(&folder).unwrap();
        resume(&open, &manifest, &around, &mut Unwatched)
    };
    let mut damaged = network.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    std::fs::write(&best, damaged).unwrap();
    let refused = again();
    assert!(
        matches!(&refused, Err(TrainError::BestNetwork { path, .. }) if *path == best),
        "{refused:?}"
    );
    assert!(!package.exists());
    std::fs::write(&package, "").unwrap();
    std::fs::write(&best, &network).unwrap();
    again().unwrap();
    assert!(std::fs::read(&package).unwrap() == whole);
    // As an older version left it, without a hash.
    let (tensors, _) = formats::read_safetensors(&network).unwrap();
    let none = std::collections::BTreeMap::new();
    let old = formats::write_safetensors(&tensors, formats::Precision::F32, &none).unwrap();
    std::fs::write(&best, old).unwrap();
    again().unwrap();
    assert!(std::fs::read(&package).unwrap() == whole);
}

/// Trainings side by side, or one after the other, look for twins once and decode for each size once.
#[test]
fn twins_are_found_once_a_data_set_and_photos_decoded_once_a_size() {
    let photos = Photos::new(&[("a", 6), ("b", 6)]);
    let manifest = photos.manifest();
    let cache = photos.run("cache");
    let looked = std::sync::atomic::AtomicUsize::new(0);
    let decoded = |_: usize, _: usize| {
        looked.fetch_add(1, Ordering::Relaxed);
    };
    let around = Surroundings {
        decoded: &decoded,
        ..around(&cache, &NEVER)
    };
    let all = manifest.all_entries().len();
    for (name, size, seed, expected) in [
        ("first", "16", "1", 2 * all),
        ("same", "16", "1", 0),
        ("seed", "16", "2", 0),
        ("size", "20", "1", all),
        ("again", "20", "3", 0),
    ] {
        let changes = [
            ("input.size", size),
            ("train.seed", seed),
            ("train.epochs", "1"),
        ];
        looked.store(0, Ordering::Relaxed);
        let (recipe, folder) = (recipe(&changes), photos.run(name));
        begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
        assert_eq!(looked.load(Ordering::Relaxed), expected, "{name}");
    }
    // Whoever tries rates asks the same.
    looked.store(0, Ordering::Relaxed);
    let range = crate::RateRange::default();
    try_rates(&recipe(&[]), &manifest, range, &around, &mut Unwatched).unwrap();
    assert_eq!(looked.load(Ordering::Relaxed), 0);
}

#[test]
fn files_of_a_person_in_a_run_s_folder_are_never_lost() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let manifest = photos.manifest();
    let (cache, folder) = (photos.run("cache"), photos.run("mine"));
    let other = photos.run("other");
    for (seed, folder) in [("1", &folder), ("2", &other)] {
        let stop = AtomicBool::new(false);
        let recipe = recipe(&[("train.seed", seed)]);
        let mut after = After(14, &stop, Vec::new());
        let around = around(&cache, &stop);
        begin(&recipe, &manifest, folder, None, &around, &mut after).unwrap();
    }
    let own = best_networks(&folder);
    assert!(!own.is_empty() && !best_networks(&other).is_empty());
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let notes = [&read("metrics.csv")[..], b"the dog moved in the last one\n"].concat();
    let theirs = [
        ("best-90000.safetensors", b"weights of mine".to_vec()),
        ("best-5.safetensors", b"of the fifth".to_vec()),
        ("best-91000.safetensors", read("checkpoint.safetensors")),
        (
            "best-92000.safetensors",
            std::fs::read(folder.join(&own[0])).unwrap(),
        ),
        (
            "best-6.safetensors",
            std::fs::read(other.join(&best_networks(&other)[0])).unwrap(),
        ),
        (
            "checkpoint.before.safetensors",
            std::fs::read(other.join("checkpoint.safetensors")).unwrap(),
        ),
        ("metrics.csv", notes),
        ("curve.html", b"<p>my drawing</p>".to_vec()),
        ("model.museau", b"hours of work".to_vec()),
        ("model_card.md", b"my words".to_vec()),
        ("checkpoint.new.part", b"half".to_vec()),
    ];
    for (name, bytes) in &theirs {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let open = RunFolder::open(&folder).unwrap();
    let mut seen = After(usize::MAX, &NEVER, Vec::new());
    let outcome = resume(&open, &manifest, &around(&cache, &NEVER), &mut seen).unwrap();
    assert_eq!(outcome.ended, Ended::Complete);
    assert!(package::Package::read(&read("model.museau")).is_ok());
    let there: Vec<Vec<u8>> = folder
        .read_dir()
        .unwrap()
        .flatten()
        .map(|file| std::fs::read(file.path()).unwrap())
        .collect();
    for (name, bytes) in &theirs {
        assert!(there.contains(bytes), "{name} is lost");
        let path = folder.join(name);
        let told =
            |notice: &Notice| matches!(notice, Notice::MovedAside { from, .. } if *from == path);
        let stays = std::fs::read(&path).is_ok_and(|found| found == *bytes);
        assert!(
            stays || seen.2.iter().any(told),
            "{name} is moved without a word"
        );
    }
    // Its own come and go as ever.
    let kept = best_networks(&folder);
    assert!((1..=2).contains(&kept.len()), "{kept:?}");
    assert_eq!(RunFolder::curve(&folder).unwrap().len(), 7);
    // What the next training finds is its own.
    let mut seen = After(usize::MAX, &NEVER, Vec::new());
    resume(&open, &manifest, &around(&cache, &NEVER), &mut seen).unwrap();
    let moved = |notice: &&Notice| matches!(notice, Notice::MovedAside { .. });
    assert_eq!(seen.2.iter().find(moved), None);
}

#[test]
fn what_stands_in_the_way_while_a_training_runs_is_moved_aside() {
    let photos = Photos::new(&[("a", 20), ("b", 26)]);
    let (cache, folder) = (photos.run("cache"), photos.run("meanwhile"));
    struct Plants<'a>(&'a Path);
    impl Watch for Plants<'_> {
        fn report(&mut self, step: u64, _metrics: &[(&str, f64)]) -> Flow {
            if step == 3 {
                for name in MEANWHILE {
                    std::fs::write(self.0.join(name), name).unwrap();
                }
            }
            Flow::Continue
        }
    }
    let around = around(&cache, &NEVER);
    let mut plants = Plants(&folder);
    begin(
        &recipe(&[]),
        &photos.manifest(),
        &folder,
        None,
        &around,
        &mut plants,
    )
    .unwrap();
    for name in MEANWHILE {
        let moved = std::fs::read_to_string(folder.join(format!("{name}.moved")));
        assert_eq!(moved.ok().as_deref(), Some(name));
    }
    assert_eq!(RunFolder::curve(&folder).unwrap().len(), 7);
}

/// What a person puts in the folder of a training that runs.
const MEANWHILE: [&str; 4] = [
    "metrics.csv",
    "checkpoint.safetensors",
    "model.museau",
    "model_card.md",
];

//! Tests of trainings that start from weights, on small made photos.
use super::*;
use crate::export::Export;
use crate::features::{ExportOptions, export};
use crate::run::tests::{NEVER, Photos, around};
use crate::run::{Ended, RunFolder, Surroundings, begin, resume};
use crate::{Difference, Flow, Notice, Recipe, TrainError, Unwatched, Watch};
use data::Manifest;
use package::{Package, samples};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tensor::NamedTensors;
use words::{Language, Say as _};

/// The package of four outputs over the mean colour, of which three have labels.
fn tiny() -> Initial {
    initial_of_package(samples::tiny())
}

fn initial_of_package(package: Package) -> Initial {
    let hash = blake3::hash(&package.to_bytes().unwrap());
    Initial::of_package("models/tiny.museau", package, &hash).unwrap()
}

fn recipe(initial: &Initial, changes: &[(&str, &str)]) -> Recipe {
    let all = [
        ("train.name", "tuned"),
        ("train.epochs", "6"),
        ("train.batch", "8"),
        ("optimizer.rate", "0.2"),
        ("train.checkpoint_seconds", "0"),
    ];
    let base = initial.finetune_recipe();
    let changes = all.into_iter().chain(changes.iter().copied());
    base.set(changes).unwrap()
}

/// Photos of two of the package's classes, in their colours, and of another.
fn photos() -> Photos {
    Photos::new(&[("other", 20), ("green", 20), ("red", 20)])
}

fn weights(folder: &Path) -> NamedTensors {
    let package = Package::read_file(&folder.join("model.museau")).unwrap();
    package.weights
}

#[test]
fn the_new_head_starts_from_the_rows_of_the_classes_that_both_have() {
    let (initial, photos) = (tiny(), photos());
    let manifest = photos.manifest();
    let old = samples::tiny().weights;
    let started = |changes: &[(&str, &str)]| {
        let network = initial.network(&recipe(&initial, changes), 3).unwrap();
        initial.parameters(&network, &manifest, 1)
    };
    let (new, kept) = started(&[]);
    assert_eq!(kept, 2);
    let column = |tensors: &NamedTensors, layer: &str, columns: usize, column: usize| {
        let kernel = tensors[&format!("{layer}/kernel")].values();
        let mut values: Vec<f32> = kernel
            .iter()
            .skip(column)
            .step_by(columns)
            .copied()
            .collect();
        values.push(tensors[&format!("{layer}/bias")].values()[column]);
        values
    };
    // green, other, red among no dog, red, green, blue.
    for (class, output) in [(0, 2), (2, 1)] {
        assert_eq!(
            column(&new, "predictions", 3, class),
            column(&old, "dense", 4, output)
        );
    }
    let drawn = column(&new, "predictions", 3, 1);
    assert!((0..4).all(|output| drawn != column(&old, "dense", 4, output)));
    assert!(drawn[..3].iter().all(|value| *value != 0.0));
    // With a layer between, its rows would weigh something else.
    let (new, kept) = started(&[("model.units", "5,4")]);
    assert_eq!(
        (kept, new["dense_2/kernel"].shape().dimensions()),
        (0, &[5, 4][..])
    );
}

#[test]
fn features_are_given_to_others_as_the_head_reads_them_of_any_number_of_classes() {
    let (initial, photos) = (tiny(), photos());
    let manifest = photos.manifest();
    let of_package =
        classify::Features::from_package(samples::tiny(), &classify::OpenOptions::default());
    let of_package = of_package.unwrap();
    for classes in 1..=3 {
        let some = manifest.restricted(|entry| entry.class < classes);
        let options = ExportOptions {
            isa: kernels::Isa::best(),
            threads: 2,
            folder: None,
            stop: &NEVER,
            progress: &|_, _| {},
        };
        // Backwards: a row is its place's.
        let places: Vec<usize> = (0..some.all_entries().len()).rev().collect();
        let table = export(&initial, &some, &places, &options).unwrap().unwrap();
        let length = of_package.length();
        assert_eq!(table.shape().dimensions(), [places.len(), length]);
        for (row, place) in table.values().chunks_exact(length).zip(places) {
            let (photo, _) = some.photo(&some.all_entries()[place]).unwrap();
            let expected = of_package.of(&tensor::Pool::serial(), &photo).unwrap();
            let error = testkit::relative_error(row, &expected);
            assert!(error < 1e-3, "{place}: {error}");
        }
    }
}

#[test]
fn a_head_is_trained_on_features_that_are_computed_once_as_in_the_whole_network() {
    let (initial, photos) = (tiny(), photos());
    let (cache, features) = (photos.run("cache"), photos.run("features"));
    let looked = AtomicUsize::new(0);
    let decoded = |_: usize, _: usize| {
        looked.fetch_add(1, Ordering::Relaxed);
    };
    let around = Surroundings {
        initial: Some(&initial),
        features: Some(&features),
        decoded: &decoded,
        ..around(&cache, &NEVER)
    };
    let manifest = photos.manifest();
    let trained = |name: &str, changes: &[(&str, &str)]| {
        let folder = photos.run(name);
        let recipe = recipe(&initial, changes);
        let outcome = begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
        assert_eq!(outcome.ended, Ended::Complete);
        let curve: Vec<Vec<f64>> = RunFolder::curve(&folder).unwrap()[1..]
            .iter()
            .map(|line| {
                line.split(',')
                    .map(|field| field.parse().unwrap())
                    .collect()
            })
            .collect();
        (weights(&folder), curve)
    };
    let (head, curve) = trained("head", &[]);
    let (whole, expected) = trained("whole", &[("augment.views", "0")]);
    for (found, expected) in curve.iter().zip(&expected) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-3, "{curve:?}");
        }
    }
    for (name, tensor) in &head {
        let error = testkit::relative_error(&tensor.values(), &whole[name].values());
        assert!(error < 2e-2, "{name}: {error}");
    }
    assert!(curve.last().unwrap()[4] > 0.9, "{curve:?}");

    // The features are there: no photo is looked at again, whatever is trained on them.
    let files = || features.read_dir().unwrap().count();
    assert_eq!(files(), 1);
    looked.store(0, Ordering::Relaxed);
    trained("again", &[("optimizer.rate", "0.01"), ("train.seed", "2")]);
    assert_eq!(looked.load(Ordering::Relaxed), 0);
    // Four views, each in a file; those of validation photos are as they were.
    let augmented = [("augment.steps", "flip | zoom(0.8,1.2)")];
    trained("augmented", &augmented);
    assert_eq!(files(), 5);
    looked.store(0, Ordering::Relaxed);
    let (views, _) = trained("augmented again", &augmented);
    assert_eq!(looked.load(Ordering::Relaxed), 0);
    // What is damaged is computed again, and is the same.
    for file in features.read_dir().unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let (again, _) = trained("damaged", &augmented);
    assert!(looked.load(Ordering::Relaxed) > 0);
    for (name, tensor) in &views {
        assert_eq!(again[name].values(), tensor.values(), "{name}");
    }
}

#[test]
fn the_package_answers_and_says_what_it_was_made_of() {
    let (initial, photos) = (tiny(), photos());
    let cache = photos.run("cache");
    let around = Surroundings {
        initial: Some(&initial),
        ..around(&cache, &NEVER)
    };
    let folder = photos.run("a");
    let recipe = recipe(&initial, &[]);
    let manifest = photos.manifest();
    begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    let package = Package::read_file(&folder.join("model.museau")).unwrap();
    let about = &package.about;
    let ids: Vec<&str> = about.labels.iter().map(|label| label.id.as_str()).collect();
    assert_eq!(ids, ["green", "other", "red"]);
    assert!(about.provenance.weights.contains("from `tiny.museau`"));
    assert!(
        about.card.contains("of its 3 classes 2 started"),
        "{}",
        about.card
    );
    assert!(about.card.contains(&initial.hash) && !about.card.contains("models/"));
    let training = about.provenance.training.as_ref().unwrap();
    assert_eq!(training.settings["model.initial.blake3"], initial.hash);
    // What it says of photos without a dog is what the old network says.
    let classifiers = [samples::tiny(), package.clone()].map(|package| {
        let options = classify::OpenOptions::default();
        classify::Classifier::from_package(package, &options).unwrap()
    });
    for rgb in [[5, 9, 3], [10, 240, 20], [100, 90, 80]] {
        let photo = vision::Photo::from_rgb(30, 20, rgb.repeat(600));
        let probability = |classifier: &classify::Classifier| {
            let ask = classify::ClassifyOptions::default();
            let photo = std::slice::from_ref(&photo);
            let answers = classifier.classify(&tensor::Pool::serial(), photo, &ask);
            answers.unwrap()[0].dog_probability
        };
        let [old, new] = classifiers.each_ref().map(probability);
        assert!((old - new).abs() < 1e-3, "{rgb:?}: {old} {new}");
    }
    // Two heads on the same features are written for other programs, the classes' logits first.
    let export = Export::of_package(package.clone());
    for target in formats::Target::ALL {
        let bytes = export.write(target).unwrap();
        export.compare(target, &bytes).unwrap();
    }
    let outputs: Vec<usize> = about.labels.iter().map(|label| label.output).collect();
    assert_eq!(outputs, [0, 1, 2]);
    let said = export.metadata(formats::Target::Onnx);
    assert_eq!(said["output"], "logits batch,7");
    // A network that was made of it in turn has seen what it has seen.
    let next = initial_of(&folder);
    let other = Photos::new(&[("green", 8), ("blue", 8)]);
    let folder = other.run("b");
    let around = Surroundings {
        initial: Some(&next),
        ..around
    };
    let changes = [("train.epochs", "1"), ("train.name", "next")];
    let recipe = next.finetune_recipe().set(changes).unwrap();
    begin(
        &recipe,
        &other.manifest(),
        &folder,
        None,
        &around,
        &mut Unwatched,
    )
    .unwrap();
    let package = Package::read_file(&folder.join("model.museau")).unwrap();
    assert!(package.about.calibration.dog.is_some());
    let fitted = package.about.provenance.training.unwrap().fitted;
    for manifest in [&manifest, &other.manifest()] {
        let known = manifest.all_entries().iter();
        assert!(known.filter(|entry| fitted.contains(&entry.hash)).count() > 4);
    }
}

fn initial_of(folder: &Path) -> Initial {
    initial_of_package(Package::read_file(&folder.join("model.museau")).unwrap())
}

#[test]
fn features_and_epochs_that_were_broken_off_go_on_and_give_the_same_package() {
    let (initial, photos) = (tiny(), Photos::new(&[("green", 60), ("red", 60)]));
    let (cache, whole) = (photos.run("cache"), photos.run("whole"));
    let manifest = photos.manifest();
    let changes = [
        ("augment.steps", "flip | rotate(9)"),
        ("augment.views", "2"),
    ];
    let recipe = recipe(&initial, &changes);
    let own = photos.run("features of whole");
    let once = Surroundings {
        initial: Some(&initial),
        features: Some(&own),
        ..around(&cache, &NEVER)
    };
    begin(&recipe, &manifest, &whole, None, &once, &mut Unwatched).unwrap();
    for calls in [1, 20, 50] {
        let folder = photos.run(&format!("broken-{calls}"));
        let features = photos.run(&format!("features-{calls}"));
        let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        let stopping = |_: usize, _: usize| {
            let now = count.fetch_add(1, Ordering::Relaxed) + 1;
            // After the twins have been looked for, which looks at each photo too.
            stop.store(now >= 120 + calls, Ordering::Relaxed);
        };
        let broken = Surroundings {
            features: Some(&features),
            stop: &stop,
            decoded: &stopping,
            ..once
        };
        let twins = photos.run(&format!("twins-{calls}"));
        let broken = Surroundings {
            cache: &twins,
            ..broken
        };
        let outcome = begin(&recipe, &manifest, &folder, None, &broken, &mut Unwatched).unwrap();
        assert_eq!((outcome.ended, outcome.epochs), (Ended::Interrupted, 0));
        let open = RunFolder::open(&folder).unwrap();
        let on = Surroundings {
            features: Some(&features),
            ..once
        };
        let outcome = resume(&open, &manifest, &on, &mut Unwatched).unwrap();
        assert_eq!(outcome.ended, Ended::Complete);
        let package = |folder: &Path| std::fs::read(folder.join("model.museau")).unwrap();
        assert!(package(&folder) == package(&whole), "after {calls}");
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Told(Vec<Notice>);

impl Watch for Told {
    fn notice(&mut self, notice: &Notice) {
        self.0.push(notice.clone());
    }

    fn report(&mut self, _step: u64, _metrics: &[(&str, f64)]) -> Flow {
        Flow::Continue
    }
}

#[test]
fn features_that_cannot_be_kept_are_told_and_stop_nothing() {
    let (initial, photos) = (tiny(), photos());
    let cache = photos.run("cache");
    // Where the folder should be there is a file.
    let features = photos.run("features");
    std::fs::create_dir_all(features.parent().unwrap()).unwrap();
    std::fs::write(&features, "mine").unwrap();
    let around = Surroundings {
        initial: Some(&initial),
        features: Some(&features),
        ..around(&cache, &NEVER)
    };
    let (folder, mut told) = (photos.run("a"), Told::default());
    let recipe = recipe(&initial, &[]);
    let outcome = begin(
        &recipe,
        &photos.manifest(),
        &folder,
        None,
        &around,
        &mut told,
    )
    .unwrap();
    assert_eq!(outcome.ended, Ended::Complete);
    assert!(
        told.0
            .iter()
            .any(|notice| matches!(notice, Notice::FeaturesUnkept { .. })),
        "{:?}",
        told.0
    );
    assert_eq!(std::fs::read_to_string(&features).unwrap(), "mine");
}

#[test]
fn mixed_photos_have_no_features_of_their_own() {
    let (initial, photos) = (tiny(), photos());
    let (cache, features) = (photos.run("cache"), photos.run("features"));
    let around = Surroundings {
        initial: Some(&initial),
        features: Some(&features),
        ..around(&cache, &NEVER)
    };
    let (folder, mut told) = (photos.run("a"), Told::default());
    let recipe = recipe(&initial, &[("augment.steps", "flip | mixup(0.2)")]);
    begin(
        &recipe,
        &photos.manifest(),
        &folder,
        None,
        &around,
        &mut told,
    )
    .unwrap();
    assert!(told.0.contains(&Notice::FeaturesMixed), "{:?}", told.0);
    assert!(!features.exists());
    let old = samples::tiny().weights;
    assert!(weights(&folder).keys().all(|name| !old.contains_key(name)));
}

#[test]
fn initial_weights_that_do_not_go_with_the_recipe_are_refused_in_both_languages() {
    let (initial, photos) = (tiny(), photos());
    let cache = photos.run("cache");
    let around = Surroundings {
        initial: Some(&initial),
        ..around(&cache, &NEVER)
    };
    let manifest = photos.manifest();
    let folder = photos.run("refused");
    let refused = |recipe: &Recipe, manifest: &Manifest, around: &Surroundings<'_>| {
        let error = begin(recipe, manifest, &folder, None, around, &mut Unwatched).unwrap_err();
        assert!(!folder.exists(), "{error}");
        let said = Language::ALL.map(|language| error.message(language));
        assert!(said[0] != said[1] && said.iter().all(|said| said.len() > 30));
        error
    };
    let plain = recipe(&initial, &[]);
    let none = Surroundings {
        initial: None,
        ..around
    };
    let error = refused(&plain, &manifest, &none);
    assert!(matches!(error, TrainError::NoInitial { .. }), "{error}");
    let error = refused(
        &recipe(&initial, &[("input.size", "32")]),
        &manifest,
        &around,
    );
    assert!(
        matches!(
            error,
            TrainError::InitialSize {
                own: 8,
                size: 32,
                ..
            }
        ),
        "{error}"
    );
    let all = recipe(&initial, &[("model.freeze", "*, predictions")]);
    let error = refused(&all, &manifest, &around);
    assert!(
        matches!(
            error,
            TrainError::Engine(engine::EngineError::NothingTrained)
        ),
        "{error}"
    );
    let backbone = zoo::find("mobilenet_v2").unwrap();
    let other = Initial::random(backbone).unwrap();
    let around = Surroundings {
        initial: Some(&other),
        ..around
    };
    let changes = [("model.network", "vgg16")];
    let error = refused(&recipe(&other, &changes), &manifest, &around);
    assert!(
        matches!(
            error,
            TrainError::InitialNetwork {
                found: "mobilenet_v2",
                asked: "vgg16",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_run_goes_on_with_the_weights_that_it_was_begun_with_alone() {
    let (initial, photos) = (tiny(), photos());
    let cache = photos.run("cache");
    let manifest = photos.manifest();
    let around = Surroundings {
        initial: Some(&initial),
        ..around(&cache, &NEVER)
    };
    let folder = photos.run("a");
    let recipe = recipe(&initial, &[]);
    begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
    let mut package = samples::tiny();
    package.weights["dense/bias"].values_mut()[1] += 0.5;
    let other = initial_of_package(package);
    let around = Surroundings {
        initial: Some(&other),
        ..around
    };
    let open = RunFolder::open(&folder).unwrap();
    let error = resume(&open, &manifest, &around, &mut Unwatched).unwrap_err();
    let differs = Difference::Initial;
    assert!(
        matches!(error, TrainError::Other { what, .. } if what == differs),
        "{error}"
    );
}

#[test]
fn a_class_with_one_photo_is_learnt_from_it() {
    let initial = tiny();
    let photos = Photos::new(&[("green", 12), ("lonely", 1), ("red", 12)]);
    let cache = photos.run("cache");
    let around = Surroundings {
        initial: Some(&initial),
        ..around(&cache, &NEVER)
    };
    let folder = photos.run("a");
    let recipe = recipe(&initial, &[("train.class_weights", "balanced")]);
    let outcome = begin(
        &recipe,
        &photos.manifest(),
        &folder,
        None,
        &around,
        &mut Unwatched,
    );
    assert_eq!(outcome.unwrap().ended, Ended::Complete);
}

/// A small network whose layers have weights all the way down, trained for two other classes.
fn small() -> (Photos, Initial) {
    let photos = Photos::new(&[("blue", 20), ("green", 20)]);
    let cache = photos.run("cache");
    let text = "[input]\nsize = 16\n[model]\nfilters = [4, 8]\nunits = 8\n\
                [train]\nname = \"small\"\nepochs = 2\nbatch = 8\n";
    let recipe = Recipe::parse(text).unwrap();
    let folder = photos.run("small");
    let around = around(&cache, &NEVER);
    begin(
        &recipe,
        &photos.manifest(),
        &folder,
        None,
        &around,
        &mut Unwatched,
    )
    .unwrap();
    let initial = initial_of(&folder);
    (photos, initial)
}

/// What is told of stages and epochs; stops after so many epochs.
struct Epochs<'a> {
    left: usize,
    stop: &'a AtomicBool,
    stages: Vec<usize>,
}

impl Watch for Epochs<'_> {
    fn notice(&mut self, notice: &Notice) {
        if let Notice::Stage { number, .. } = notice {
            self.stages.push(*number);
        }
    }

    fn report(&mut self, _step: u64, _metrics: &[(&str, f64)]) -> Flow {
        self.left = self.left.saturating_sub(1);
        self.stop.store(self.left == 0, Ordering::Relaxed);
        Flow::Continue
    }
}

#[test]
fn stages_free_layers_from_the_top_and_go_on_wherever_they_were_broken_off() {
    let (photos, initial) = small();
    let (cache, features) = (photos.run("cache"), photos.run("features"));
    let manifest = photos.manifest();
    let stages = "head 2 0.01 | conv_2 3 0.01 | all 2 0.001";
    let recipe = recipe(
        &initial,
        &[("train.stages", stages), ("optimizer.pull", "none")],
    );
    assert_eq!(recipe.train.epochs, 7);
    let trained = |name: &str, epochs: usize| {
        let stop = AtomicBool::new(false);
        let around = Surroundings {
            initial: Some(&initial),
            features: Some(&features),
            ..around(&cache, &stop)
        };
        let folder = photos.run(name);
        let mut watch = Epochs {
            left: epochs,
            stop: &stop,
            stages: Vec::new(),
        };
        let mut outcome = begin(&recipe, &manifest, &folder, None, &around, &mut watch).unwrap();
        if outcome.ended == Ended::Interrupted {
            let on = Surroundings {
                stop: &NEVER,
                ..around
            };
            let open = RunFolder::open(&folder).unwrap();
            outcome = resume(&open, &manifest, &on, &mut watch).unwrap();
        }
        assert_eq!((outcome.ended, outcome.epochs), (Ended::Complete, 7));
        (folder, watch.stages)
    };
    let (whole, told) = trained("whole", usize::MAX);
    assert_eq!(told, [1, 2, 3]);
    let curve = RunFolder::curve(&whole).unwrap();
    let rates: Vec<&str> = curve[1..]
        .iter()
        .map(|line| line.rsplit(',').next().unwrap())
        .collect();
    assert_eq!(
        rates,
        ["0.01", "0.01", "0.01", "0.01", "0.01", "0.001", "0.001"]
    );
    for epochs in [1, 2, 3, 5, 6] {
        let (folder, _) = trained(&format!("broken-{epochs}"), epochs);
        assert_eq!(RunFolder::curve(&folder).unwrap(), curve, "after {epochs}");
        let package = |folder: &Path| std::fs::read(folder.join("model.museau")).unwrap();
        assert!(package(&folder) == package(&whole), "after {epochs}");
    }
}

#[test]
fn a_stage_trains_what_it_frees_and_leaves_batch_norms_unless_asked() {
    let (photos, initial) = small();
    let cache = photos.run("cache");
    let manifest = photos.manifest();
    let around = Surroundings {
        initial: Some(&initial),
        ..around(&cache, &NEVER)
    };
    let changed = |name: &str, changes: &[(&str, &str)]| {
        let fixed = [("train.restore_best", "false"), ("train.epochs", "1")];
        let changes: Vec<_> = fixed.into_iter().chain(changes.iter().copied()).collect();
        let recipe = recipe(&initial, &changes);
        let folder = photos.run(name);
        begin(&recipe, &manifest, &folder, None, &around, &mut Unwatched).unwrap();
        let after = weights(&folder);
        let before = initial
            .parameters(&initial.network(&recipe, 2).unwrap(), &manifest, 1)
            .0;
        let changed = before.iter().filter(|(name, tensor)| {
            let (after, before) = (after[*name].values(), tensor.values());
            // As they are kept, with half the digits.
            let far = |(after, before): (&f32, &f32)| {
                (after - before).abs() > 2e-3 * before.abs().max(0.01)
            };
            after.iter().zip(before.iter()).any(far)
        });
        let mut layers: Vec<String> = changed
            .map(|(name, _)| name.split('/').next().unwrap().to_owned())
            .collect();
        layers.dedup();
        layers
    };
    assert_eq!(
        changed("head", &[("train.stages", "head 1 0.1")]),
        ["predictions"]
    );
    let top = changed("top", &[("train.stages", "head 1 0.1 | conv_2 1 0.05")]);
    assert_eq!(top, ["conv_2", "dense_1", "predictions"]);
    let norms = [
        ("train.stages", "norm_2 2 0.05"),
        ("model.batch_norms", "true"),
    ];
    assert_eq!(
        changed("norms", &norms),
        ["norm_2", "dense_1", "predictions"]
    );
    let all = changed(
        "all",
        &[
            ("train.stages", "all 1 0.05"),
            ("model.freeze", "*,dense_1"),
        ],
    );
    assert_eq!(all, ["conv_1", "conv_2", "predictions"]);
    // A rate that falls to nothing on the way down.
    let decayed = [
        ("train.stages", "all 1 0.05"),
        ("optimizer.layer_decay", "0.00001"),
    ];
    assert_eq!(changed("decayed", &decayed), ["predictions"]);
    let wrong = recipe(&initial, &[("train.stages", "head 1 | cnv_2 1")]);
    let folder = photos.run("wrong");
    let error = begin(&wrong, &manifest, &folder, None, &around, &mut Unwatched).unwrap_err();
    assert!(
        matches!(&error, TrainError::Freeze { nearest: Some(near), .. } if near == "conv_2"),
        "{error}"
    );
    let nothing = Recipe::default()
        .set([("train.stages", "head 1")])
        .unwrap_err();
    assert!(matches!(nothing, TrainError::StagesOfNothing), "{nothing}");
}

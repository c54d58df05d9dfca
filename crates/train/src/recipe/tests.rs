//! Tests of recipes.
use super::*;

#[test]
fn the_keys_are_the_recipes_own_fields() {
    // A value of its kind for every key: what the recipe does not know would be an error of serde,
    // what KEYS does not know is missing from the count.
    let mut full = Recipe::default();
    full.data.decisions = Some("d".into());
    full.data.sources = vec!["s".into()];
    full.data.class_map = Some("m".into());
    full.data.most = Some(1);
    full.train.patience = Some(1);
    full.train.stages = Some(Written::read("head 1").unwrap());
    full.augment.views = Some(1);
    full.model.initial = Some("default".into());
    full.model.batch_norms = Some(true);
    let optimizer = OptimizerOptions {
        rate: Some(1.0),
        momentum: Some(0.1),
        nesterov: Some(true),
        rho: Some(0.1),
        centered: Some(true),
        beta_1: Some(0.1),
        beta_2: Some(0.1),
        epsilon: Some(0.1),
        amsgrad: Some(true),
        initial_accumulator: Some(0.1),
        weight_decay: Some(0.1),
        clip_norm: Some(1.0),
        clip_global_norm: Some(1.0),
        clip_value: Some(1.0),
        layer_decay: Some(0.1),
        pull: Some(0.1),
        average: Some(0.1),
        average_last: Some(0.1),
        ..OptimizerOptions::default()
    };
    full.optimizer = optimizer;
    full.schedule = ScheduleOptions {
        name: "constant".into(),
        warm_up: Some(1.0),
        every: Some(1.0),
        factor: Some(1.0),
        least: Some(0.1),
        patience: Some(1),
        threshold: Some(0.1),
        rise: Some(0.1),
    };
    let mut own: Vec<String> = full.flat().into_iter().map(|(key, _)| key).collect();
    let mut known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    own.sort();
    known.sort_unstable();
    assert_eq!(own, known);
}

#[test]
fn a_recipe_is_its_text() {
    let text = "[model]\nfilters = [8, 16]\nactivation = \"swish\"\n[optimizer]\nname = \"sgd\"\nmomentum = 0.9\nrate = 1\n\
                [augment]\nsteps = \"flip | mixup(0.2)\"\n";
    let recipe = Recipe::parse(text).unwrap();
    assert_eq!(recipe.model.lenet.filters, [8, 16]);
    assert_eq!(recipe.model.lenet.activation, graph::Activation::Swish);
    assert_eq!(recipe.optimizer.rate, Some(1.0));
    assert_eq!(Recipe::parse(&recipe.text()).unwrap(), recipe);
    let changed = recipe
        .set([
            ("optimizer.momentum", "none"),
            ("model.filters", "8,16,32"),
            ("augment.steps", ""),
            ("input.size", "48"),
        ])
        .unwrap();
    assert_eq!(changed.optimizer.momentum, None);
    assert_eq!(changed.model.lenet.filters.len(), 3);
    assert_eq!(changed.model.lenet.size, 48);
    assert_eq!(changed.augment.steps.text(), "");
    assert_eq!(Recipe::parse(&changed.text()).unwrap(), changed);
}

#[test]
fn what_makes_no_sense_is_named() {
    let error = |text: &str| Recipe::parse(text).unwrap_err();
    for (text, wanted) in [
        ("[optimiser]\nrate = 1", Some("optimizer.rate")),
        ("[train]\nepoch = 3", Some("train.epochs")),
        ("epochs = 3", Some("train.epochs")),
        ("[trains]", Some("train")),
        ("[trains]\nepochs = 3", Some("train.epochs")),
        ("[dogs]\nweight = 3", None),
    ] {
        let TrainError::Key { nearest, .. } = error(text) else {
            panic!("{text}: {:?}", error(text));
        };
        assert_eq!(nearest, wanted, "{text}");
    }
    for (text, wanted) in [
        ("[train]\nepochs = \"many\"", "train.epochs"),
        ("[train]\nepochs = -3", "train.epochs"),
        ("[train]\nepochs = 1.5", "train.epochs"),
        ("[model]\nfilters = [8, \"a\"]", "model.filters"),
        ("[optimizer]\nrate = nan", "optimizer.rate"),
    ] {
        let TrainError::Value { key, .. } = error(text) else {
            panic!("{text}: {:?}", error(text));
        };
        assert_eq!(key, wanted);
    }
    assert!(matches!(
        error("[train]\nepochs = 0"),
        TrainError::Range { .. }
    ));
    assert!(matches!(
        error("[input]\nsize = 4"),
        TrainError::Range { .. }
    ));
    assert!(matches!(error("[train\n"), TrainError::Toml { .. }));
    assert!(matches!(
        error("[train]\nmonitor = \"x\""),
        TrainError::Toml { .. }
    ));
    let other = "[model]\nnetwork = \"mobilenet_v2\"\nunits = 3";
    assert!(matches!(error(other), TrainError::NotItsOwn { .. }));
    let set = Recipe::default().set([("train.epochs", "x")]);
    assert!(matches!(set, Err(TrainError::Value { .. })));
}

#[test]
fn a_family_and_the_head_have_tables_of_their_own() {
    let old = "[model]\nfilters = [8, 16]\nbatch_norm = false\nunits = 7\ndropout = 0.5\n";
    let new =
        "[model.lenet]\nfilters = [8, 16]\nbatch_norm = false\n[head]\nunits = 7\ndropout = 0.5\n";
    let recipe = Recipe::parse(new).unwrap();
    assert_eq!(
        (&recipe.head.units, &recipe.model.lenet.head.units),
        (&vec![7], &vec![7])
    );
    assert_eq!(recipe, Recipe::parse(old).unwrap());
    // The same recipe has one text, whichever way it was written.
    assert_eq!(recipe.text(), Recipe::parse(old).unwrap().text());
    let changed = recipe.set([("head.units", "9"), ("model.lenet.filters", "4,4")]);
    let same = recipe.set([("model.units", "9"), ("model.filters", "4,4")]);
    assert_eq!(changed.unwrap(), same.unwrap());
    let twice = Recipe::parse(&format!("{old}[head]\nunits = 7\n")).unwrap_err();
    assert!(matches!(twice, TrainError::KeyTwice { .. }), "{twice}");
    for (text, wanted) in [
        ("[head]\nunit = 7", Some("head.units")),
        (
            "[model.lenet]\nfilter = [3, 4]",
            Some("model.lenet.filters"),
        ),
        ("[model.lent]", None),
        ("[train.more]\nepochs = 3", Some("train.epochs")),
    ] {
        let TrainError::Key { nearest, .. } = Recipe::parse(text).unwrap_err() else {
            panic!("{text}");
        };
        if wanted.is_some() {
            assert_eq!(nearest, wanted, "{text}");
        }
    }
    for key in KEYS {
        let places = KEYS.iter().filter(|other| other.place() == key.place());
        assert_eq!(places.count(), 1, "{}", key.place());
    }
}

/// What a text means is found out once, and the text stays as it was written.
#[test]
fn texts_are_read_with_the_recipe_and_written_as_they_were() {
    let text = "[data]\nclasses = \"pug,  Beagle\"\n[preprocess]\nsteps = \"clahe(2,8)|gaussian(3)\"\n\
                [augment]\nsteps = \"flip|rotate( 15 )\"\n[model]\nfreeze = \"conv_1,norm_1\"\nnetwork = \"MobileNet-v2\"\n";
    let recipe = Recipe::parse(text).unwrap();
    let names = ["pug", "Beagle"].map(str::to_owned).to_vec();
    assert_eq!(*recipe.data.classes, ClassRequest::Names(names));
    assert_eq!(recipe.preprocess.steps.steps().len(), 2);
    assert_eq!(recipe.model.freeze.0, ["conv_1", "norm_1"]);
    let Architecture::Backbone(backbone) = *recipe.model.network else {
        panic!("{:?}", recipe.model.network);
    };
    assert_eq!(backbone.name, "mobilenet_v2");
    for written in text.split('"').skip(1).step_by(2) {
        assert!(
            recipe.text().contains(&format!("\"{written}\"")),
            "{written}"
        );
    }
}

/// The range of a key is said by the help, checked in a recipe and by whoever builds one of its parts.
#[test]
fn a_number_out_of_its_range_is_named_by_its_whole_key() {
    let defaults = Recipe::default().flat();
    let mut ranges = 0;
    for key in KEYS {
        assert_ne!(
            key.default_text(&defaults).as_deref(),
            Some(""),
            "{}",
            key.name
        );
        let Some(range) = key.range else { continue };
        ranges += 1;
        // One of these lies outside of every range.
        let outside = [-1.0, 0.0, 1e6].into_iter();
        let outside = outside.filter(|number| !range.contains(*number));
        let mut tried = 0;
        for number in outside {
            if matches!(key.kind, Kind::Whole | Kind::Wholes) && number < 0.0 {
                continue;
            }
            tried += 1;
            let error = Recipe::default().set([(key.name, number.to_string().as_str())]);
            let Err(TrainError::Range {
                option,
                range: said,
                ..
            }) = error
            else {
                panic!("{} {number}: {error:?}", key.name);
            };
            assert_eq!((option, said), (key.name, range));
        }
        let any_whole = key.kind == Kind::Whole && range == words::Range::AtLeast(0.0);
        assert!(tried > 0 || any_whole, "{}", key.name);
    }
    assert!(ranges > 20, "{ranges}");
    let key = |name: &str| KEYS.iter().find(|key| key.name == name).expect("a key");
    let default = |name: &str| key(name).default_text(&defaults);
    assert_eq!(default("train.epochs").as_deref(), Some("60"));
    assert_eq!(default("model.filters").as_deref(), Some("32, 64, 128"));
    assert_eq!(
        default("optimizer.rate").as_deref(),
        Some("depends on optimizer.name")
    );
    assert_eq!(default("optimizer.average").as_deref(), Some("none"));
    assert_eq!(default("augment.steps"), None);
}

/// One number is written as it was before there could be several.
#[test]
fn the_head_has_as_many_layers_as_its_units() {
    for (text, written, units) in [
        ("64", "64", &[64][..]),
        ("[64]", "64", &[64]),
        ("[256, 64]", "[256, 64]", &[256, 64]),
        ("[]", "[]", &[]),
    ] {
        let recipe = Recipe::parse(&format!("[head]\nunits = {text}\n")).unwrap();
        assert_eq!(recipe.head.units, units);
        let wanted = format!("units = {written}\n");
        assert!(recipe.text().contains(&wanted), "{}", recipe.text());
        let flag = units.iter().map(ToString::to_string);
        let flag = flag.collect::<Vec<_>>().join(",");
        assert_eq!(
            Recipe::default().set([("model.units", &*flag)]).unwrap(),
            recipe
        );
    }
    let none = Recipe::default().set([("model.units", "none")]).unwrap();
    assert!(none.head.units.is_empty());
}

#[test]
fn what_a_recipe_does_not_say_is_its_bases() {
    let base = Recipe::parse("[input]\nsize = 96\n[model]\nunits = []\n[train]\nepochs = 3\n");
    let base = base.unwrap();
    let recipe = Recipe::parse_over(&base, "[train]\nepochs = 5\n[head]\nunits = 8\n").unwrap();
    assert_eq!((recipe.input.size, recipe.train.epochs), (96, 5));
    assert_eq!(recipe.head.units, [8]);
    let error = Recipe::parse_over(&base, "[train]\nepoch = 5\n").unwrap_err();
    assert!(matches!(error, TrainError::Key { .. }), "{error}");
}

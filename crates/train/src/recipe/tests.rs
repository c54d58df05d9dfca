//! Tests of recipes.
use super::*;

#[test]
fn the_keys_are_the_recipes_own_fields() {
    // A value of its kind for every key: what the recipe does not know would be an error of serde,
    // what KEYS does not know is missing from the count.
    let mut full = Recipe::default();
    full.data.decisions = Some("d".into());
    full.data.most = Some(1);
    full.train.patience = Some(1);
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
        average: Some(0.1),
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
    assert_eq!(changed.augment.steps, "");
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

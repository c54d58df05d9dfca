//! What every storage does with studies and trials: the same tests over all of them.
mod storages;

use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use storages::{Place, each};
use study::{
    Direction, Distribution, Error, NewStudy, Options, Parameter, Space, Study, Trial, TrialState,
    samplers,
};

fn new(name: &str) -> NewStudy {
    NewStudy {
        name: name.to_owned(),
        directions: vec![Direction::Maximize, Direction::Minimize],
        attributes: BTreeMap::from([("plan".to_owned(), json!({"a": [1, 2.5, null]}))]),
    }
}

fn space() -> Space {
    let parameter = |name: &str, distribution| Parameter {
        name: name.to_owned(),
        distribution,
        when: None,
    };
    let names = Distribution::Categorical {
        choices: vec![json!("adam"), json!("sgd")],
    };
    Space::new(vec![
        parameter("name", names),
        parameter("rate", Distribution::number(0.0, 1.0)),
        parameter("units", Distribution::whole(1, 64)),
    ])
    .unwrap()
}

fn begun(place: &Place, name: &str) -> Study {
    place.storage.new_study(&new(name)).unwrap()
}

/// Samples what is claimed.
fn sampled(study: &Study, most: u64) -> Option<study::ActiveTrial> {
    let mut trial = study.claim(most).unwrap()?;
    let random = samplers::find("random").unwrap();
    assert!(trial.sample(&space(), random, 3).unwrap());
    Some(trial)
}

#[test]
fn what_a_trial_was_and_gave_is_read_back() {
    each(Options::default(), |place| {
        let study = begun(place, "a");
        let mut trial = sampled(&study, 5).unwrap();
        let odd = [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for (step, value) in (1..).zip(odd) {
            trial.report(step, value).unwrap();
        }
        trial.report(1, 0.25).unwrap();
        trial.note("folder", json!("runs/a")).unwrap();
        trial.note("folder", json!("runs/b")).unwrap();
        trial.exceeds(0.5).unwrap();
        let settings = trial.trial().parameters.clone();
        trial
            .finish(TrialState::Complete, &[0.75, f64::INFINITY])
            .unwrap();

        let viewer = (place.look)().study("a").unwrap();
        assert_eq!(
            viewer.directions(),
            [Direction::Maximize, Direction::Minimize]
        );
        assert_eq!(
            viewer.attribute("plan"),
            Some(&json!({"a": [1, 2.5, null]}))
        );
        let [trial] = &viewer.trials().unwrap()[..] else {
            panic!()
        };
        assert_eq!((trial.number, trial.state), (0, TrialState::Complete));
        assert_eq!(trial.parameters, settings);
        assert_eq!(trial.parameters.len(), 3);
        assert_eq!(trial.values, [0.75, f64::INFINITY]);
        let reported: Vec<f64> = trial.reported.values().copied().collect();
        assert_eq!((reported[0], reported.len()), (0.25, 4));
        assert!(reported[1].is_nan() && reported[2] > 0.0 && reported[3] == f64::NEG_INFINITY);
        assert_eq!(trial.attributes["folder"], json!("runs/b"));
        assert_eq!(trial.excess(), 0.5);
        assert!(trial.ended.unwrap() >= trial.started.unwrap());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap().as_millis() as i64;
        assert!(
            (now - trial.ended.unwrap()).abs() < 60_000,
            "{now} {trial:?}"
        );
    });
}

#[test]
fn no_more_trials_begin_than_are_wanted_and_none_is_given_twice() {
    each(Options::default(), |place| {
        let study = begun(place, "a");
        let other = begun(place, "b");
        drop(sampled(&other, 1));
        let held: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let study = place.storage.study("a").unwrap();
                    scope.spawn(move || {
                        std::iter::from_fn(|| study.claim(10).unwrap()).collect::<Vec<_>>()
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap())
                .collect()
        });
        let mut numbers: Vec<u64> = held.iter().map(|trial| trial.trial().number).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..10));
        for trial in held {
            trial.finish(TrialState::Failed, &[]).unwrap();
        }
        assert!(study.claim(10).unwrap().is_none());
        let rows = place.storage.studies().unwrap();
        assert_eq!(rows[0].count(TrialState::Failed), 10);
        assert_eq!(rows[1].count(TrialState::Waiting), 1);
    });
}

#[test]
fn a_trial_that_is_given_back_goes_on_with_what_it_had() {
    each(Options::default(), |place| {
        let study = begun(place, "a");
        let mut first = sampled(&study, 3).unwrap();
        let second = sampled(&study, 3).unwrap();
        first.report(1, 0.5).unwrap();
        let before = first.trial().clone();
        first.release().unwrap();
        assert_eq!(study.trial(0).unwrap().state, TrialState::Waiting);
        let again = sampled(&study, 3).unwrap();
        let (now, was) = (again.trial(), before);
        assert_eq!((now.number, &now.parameters), (0, &was.parameters));
        assert_eq!(now.reported, was.reported);
        assert_eq!(now.started, was.started.or(now.started));
        again.finish(TrialState::Complete, &[1.0, 2.0]).unwrap();
        second.finish(TrialState::Pruned, &[]).unwrap();
        // What has ended can be worked on again.
        let more = study.reopen(0).unwrap();
        assert_eq!(study.trial(0).unwrap().state, TrialState::Running);
        assert_eq!(study.trial(0).unwrap().values, [0.0; 0]);
        more.finish(TrialState::Complete, &[3.0, 2.0]).unwrap();
        assert_eq!(study.trial(0).unwrap().values, [3.0, 2.0]);
        let states: Vec<TrialState> = study
            .trials()
            .unwrap()
            .iter()
            .map(|trial| trial.state)
            .collect();
        assert_eq!(states, [TrialState::Complete, TrialState::Pruned]);
        let none = study.trial(7);
        assert!(
            matches!(none, Err(Error::NoSuchTrial { number: 7, .. })),
            "{none:?}"
        );
    });
}

/// A worker that is dead without having said so: its trial is another's, and what it writes later is
/// refused.
#[test]
fn a_dead_workers_trial_is_anothers() {
    let options = Options {
        period: Duration::from_secs(3600),
        patience: Duration::ZERO,
        ..Options::default()
    };
    each(options, |place| {
        let study = begun(place, "a");
        let mut dead = sampled(&study, 1).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let heir = sampled(&study, 1).unwrap();
        assert_eq!(heir.trial().parameters, dead.trial().parameters);
        let refused = dead.report(1, 1.0);
        assert!(matches!(refused, Err(Error::TrialTakenOver)), "{refused:?}");
        assert!(matches!(dead.release(), Err(Error::TrialTakenOver)));
        heir.finish(TrialState::Complete, &[1.0, 1.0]).unwrap();
        assert!(study.claim(1).unwrap().is_none());
        let trial = study.trial(0).unwrap();
        assert_eq!(
            (trial.state, trial.reported.len()),
            (TrialState::Complete, 0)
        );
    });
}

/// A worker that somebody knows to be dead is not waited for.
#[test]
fn a_worker_that_is_known_to_be_dead_is_not_waited_for() {
    each(Options::default(), |place| {
        let study = begun(place, "a");
        let mut first = study
            .worked_by(json!("first"), |_| false)
            .claim(2)
            .unwrap()
            .unwrap();
        let _second = study
            .worked_by(json!("second"), |_| false)
            .claim(2)
            .unwrap()
            .unwrap();
        let heir = study.worked_by(json!("third"), |says| *says == json!("first"));
        let taken = heir.claim(2).unwrap().unwrap();
        assert_eq!(taken.trial().number, 0);
        assert_eq!(taken.trial().worker(), Some(&json!("third")));
        assert!(matches!(first.report(1, 1.0), Err(Error::TrialTakenOver)));
        assert!(heir.claim(2).unwrap().is_none());
    });
}

#[test]
fn signs_of_life_keep_a_trial() {
    let options = Options {
        period: Duration::from_millis(20),
        patience: Duration::from_secs(2),
        ..Options::default()
    };
    each(options, |place| {
        let study = begun(place, "a");
        let held = sampled(&study, 1).unwrap();
        let end = std::time::Instant::now() + Duration::from_millis(2500);
        while std::time::Instant::now() < end {
            assert!(study.claim(1).unwrap().is_none());
            std::thread::sleep(Duration::from_millis(100));
        }
        held.finish(TrialState::Complete, &[1.0, 1.0]).unwrap();
    });
}

#[test]
fn a_name_is_one_study() {
    each(Options::default(), |place| {
        let none = place.storage.study("a");
        assert!(matches!(none, Err(Error::NoSuchStudy { .. })), "{none:?}");
        let study = begun(place, "a");
        let twice = place.storage.new_study(&new("a"));
        assert!(matches!(twice, Err(Error::StudyExists { .. })), "{twice:?}");
        study.note("more", &json!(1)).unwrap();
        study.note("more", &json!(2)).unwrap();
        assert_eq!(
            place.storage.study("a").unwrap().attribute("more"),
            Some(&json!(2))
        );
        let wanted = place.storage.study("b");
        assert!(matches!(wanted, Err(Error::NoSuchStudy { known, .. }) if known == ["a"]));
    });
}

#[test]
fn the_same_seed_gives_the_same_trials() {
    let all = std::sync::Mutex::new(Vec::<Vec<Trial>>::new());
    each(Options::default(), |place| {
        let study = begun(place, "a");
        while let Some(trial) = sampled(&study, 6) {
            trial.finish(TrialState::Complete, &[1.0, 1.0]).unwrap();
        }
        all.lock().unwrap().push(study.trials().unwrap());
    });
    let all = all.into_inner().unwrap();
    let parameters = |trials: &[Trial]| {
        trials
            .iter()
            .map(|trial| trial.parameters.clone())
            .collect::<Vec<_>>()
    };
    let first = parameters(&all[0]);
    assert_eq!(first.len(), 6);
    assert!(first[1..].iter().all(|other| *other != first[0]));
    assert!(all.iter().all(|trials| parameters(trials) == first));
}

#[test]
fn tables_of_another_version_of_optuna_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.sqlite");
    let storage = study::Storage::open(&path).unwrap();
    storage.new_study(&new("a")).unwrap();
    let change = |version: i64| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let text = "UPDATE version_info SET schema_version = ?1";
        connection.execute(text, [version]).unwrap();
    };
    for version in [11, 13] {
        change(version);
        for refused in [
            storage.studies().map(drop),
            storage.new_study(&new("b")).map(drop),
        ] {
            assert!(
                matches!(refused, Err(Error::Optuna { found, .. }) if found == version),
                "{refused:?}"
            );
        }
    }
    change(12);
    assert_eq!(storage.studies().unwrap().len(), 1);
}

#[test]
fn a_database_that_is_gone_is_named_without_its_password() {
    let hasty = Options {
        busy: Duration::from_secs(1),
        ..Options::default()
    };
    let place = std::path::Path::new("postgres://somebody:secret@127.0.0.1:1/runs");
    for refused in [
        study::Storage::open_with(place, hasty),
        study::Storage::open_read_only_with(place, hasty),
    ] {
        let error = refused.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::CannotOpen { .. }), "{text}");
        assert!(
            text.contains("somebody@127.0.0.1:1") && !text.contains("secret"),
            "{text}"
        );
    }
}

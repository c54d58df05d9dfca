//! What every storage does: the same tests over all of them.
mod storages;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use storages::{Place, STORAGES, each};
use study::{
    Comparison, Error, Goal, NewRun, Options, Order, Point, Recorder, RunQuery, RunRow, State,
    Storage,
};

fn new(name: &str) -> NewRun {
    NewRun {
        id: None,
        name: name.to_owned(),
        kind: "train".to_owned(),
        seed: Some(u64::MAX),
        folder: Some(PathBuf::from("runs").join(name)),
        parameters: vec![("optimizer.rate".to_owned(), "0.001".to_owned())],
        environment: vec![("threads".to_owned(), "2".to_owned())],
        goals: vec![
            ("loss".to_owned(), Goal::Least),
            ("accuracy".to_owned(), Goal::Most),
        ],
    }
}

fn values(points: &[Point]) -> Vec<(u64, f64)> {
    let points = points.iter();
    points.map(|point| (point.step, point.value)).collect()
}

#[test]
fn what_is_recorded_is_read_back() {
    each(Options::default(), |place| {
        let folder = tempfile::tempdir().unwrap();
        let storage = &place.storage;
        let mut recorder = storage.begin(&new("a")).unwrap();
        let file = std::path::absolute("runs/a").unwrap();
        recorder
            .metrics(
                1,
                &[("loss", f64::INFINITY), ("accuracy", 0.5), ("rate", 0.1)],
            )
            .unwrap();
        recorder
            .metrics(2, &[("loss", f64::NAN), ("accuracy", 0.75)])
            .unwrap();
        recorder
            .metrics(
                3,
                &[
                    ("loss", 0.5),
                    ("accuracy", 0.75),
                    ("odd", f64::NEG_INFINITY),
                ],
            )
            .unwrap();
        recorder.note("threads", "3").unwrap();
        let report = folder.path().join("report.html");
        for content in ["draft", "report"] {
            fs::write(&report, content).unwrap();
            recorder.artefact("report", &report).unwrap();
        }
        let missing = recorder.artefact("report", &folder.path().join("none"));
        assert!(
            matches!(missing, Err(Error::Artefact { .. })),
            "{missing:?}"
        );
        let id = recorder.id().to_owned();

        let viewer = (place.look)();
        let run = viewer.details(&id).unwrap();
        assert_eq!((run.row.state, run.row.ended), (State::Running, None));
        recorder.finish(State::Complete).unwrap();

        let run = viewer.details(&id).unwrap();
        assert_eq!(run.row.name, "a");
        assert_eq!(run.row.kind, "train");
        assert_eq!(run.row.state, State::Complete);
        assert_eq!(run.row.seed, Some(u64::MAX));
        assert_eq!(run.row.folder, Some(file));
        assert_eq!(run.row.step, Some(3));
        assert!(run.row.ended.unwrap() >= run.row.started);
        assert_eq!(run.row.parameters["optimizer.rate"], "0.001");
        assert_eq!(run.environment["threads"], "3");
        let accuracy = run.row.metrics["accuracy"];
        assert_eq!(
            accuracy.best,
            Some(Point {
                step: 2,
                value: 0.75
            })
        );
        assert_eq!(
            accuracy.last,
            Point {
                step: 3,
                value: 0.75
            }
        );
        assert_eq!(
            run.row.metrics["loss"].best,
            Some(Point {
                step: 3,
                value: 0.5
            })
        );
        assert_eq!(run.row.metrics["rate"].best, None);
        assert_eq!(run.row.metrics["odd"].last.value, f64::NEG_INFINITY);
        let loss = viewer.series(&id, "loss").unwrap();
        assert_eq!(
            loss[0],
            Point {
                step: 1,
                value: f64::INFINITY
            }
        );
        assert!(loss[1].value.is_nan());
        assert_eq!(loss.len(), 3);
        assert_eq!(viewer.series(&id, "none").unwrap(), []);
        assert_eq!(run.artefacts.len(), 1);
        assert_eq!(run.artefacts[0].size, 6);
        assert_eq!(
            run.artefacts[0].hash,
            blake3::hash(b"report").to_hex().as_str()
        );

        place.storage.remove(std::slice::from_ref(&id)).unwrap();
        assert!(matches!(viewer.details(&id), Err(Error::NoSuchRun { .. })));
    });
}

#[test]
fn a_list_reads_what_it_is_asked_for_and_runs_are_found_by_id_prefix_or_name() {
    each(Options::default(), |place| {
        let storage = &place.storage;
        for name in ["x", "y", "y"] {
            let mut recorder = storage.begin(&new(name)).unwrap();
            recorder
                .metrics(1, &[("loss", 1.0), ("rate", 0.1)])
                .unwrap();
            recorder
                .finish(if name == "x" {
                    State::Failed
                } else {
                    State::Complete
                })
                .unwrap();
        }
        let rows = storage.runs(&RunQuery {
            metrics: vec!["rate".to_owned(), "none".to_owned()],
            parameters: vec!["optimizer.rate".to_owned()],
            ..RunQuery::default()
        });
        let rows = rows.unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["y", "y", "x"]);
        assert_eq!(rows[0].metrics.keys().collect::<Vec<_>>(), ["rate"]);
        assert_eq!(rows[2].parameters["optimizer.rate"], "0.001");
        let failed = RunQuery {
            state: Some(State::Failed),
            ..RunQuery::default()
        };
        let failed = storage.runs(&failed).unwrap();
        assert_eq!(failed.len(), 1);
        assert!(failed[0].metrics.is_empty() && failed[0].parameters.is_empty());
        let other = RunQuery {
            kind: Some("evaluate".to_owned()),
            ..RunQuery::default()
        };
        assert_eq!(storage.runs(&other).unwrap(), []);
        assert_eq!(storage.metric_names().unwrap(), ["loss", "rate"]);
        assert_eq!(storage.parameter_names().unwrap(), ["optimizer.rate"]);

        let id = &failed[0].id;
        assert_eq!(&storage.find("x").unwrap(), id);
        assert_eq!(&storage.find(&id[..10]).unwrap(), id);
        assert_eq!(&storage.find(&id.to_uppercase()).unwrap(), id);
        assert!(matches!(storage.find(""), Err(Error::NoSuchRun { .. })));
        assert!(matches!(storage.find("none"), Err(Error::NoSuchRun { .. })));
        let several = storage.find("y");
        assert!(
            matches!(&several, Err(Error::Ambiguous { runs, .. }) if runs.len() == 2),
            "{several:?}"
        );
    });
}

#[test]
fn a_resumed_run_replaces_what_came_after_its_checkpoint() {
    each(Options::default(), |place| {
        let storage = &place.storage;
        let mut first = storage.begin(&new("a")).unwrap();
        for (step, loss) in [(1, 3.0), (2, 1.0), (3, 0.5), (4, 0.25)] {
            first.metrics(step, &[("loss", loss)]).unwrap();
        }
        let id = first.id().to_owned();
        let mut second = storage.resume(&id, 2).unwrap();
        let late = first.metrics(5, &[("loss", 0.1)]);
        assert!(matches!(late, Err(Error::TakenOver { .. })), "{late:?}");
        drop(first);
        let run = storage.details(&id).unwrap();
        assert_eq!(
            run.row.state,
            State::Running,
            "whoever lost the run cannot end it"
        );
        let loss = run.row.metrics["loss"];
        assert_eq!(
            loss.best,
            Some(Point {
                step: 2,
                value: 1.0
            })
        );
        assert_eq!(
            loss.last,
            Point {
                step: 2,
                value: 1.0
            }
        );
        second.metrics(3, &[("loss", 2.0)]).unwrap();
        second.metrics(3, &[("loss", 1.5)]).unwrap();
        assert_eq!(
            values(&storage.series(&id, "loss").unwrap()),
            [(1, 3.0), (2, 1.0), (3, 1.5)]
        );
        drop(second);
        assert_eq!(storage.details(&id).unwrap().row.state, State::Interrupted);
        let mut third = storage.resume(&id, 0).unwrap();
        assert!(storage.details(&id).unwrap().row.metrics.is_empty());
        third.metrics(1, &[("loss", f64::NAN)]).unwrap();
        assert_eq!(storage.details(&id).unwrap().row.metrics["loss"].best, None);
        storage.remove(std::slice::from_ref(&id)).unwrap();
        assert!(matches!(
            third.metrics(2, &[]),
            Err(Error::NoSuchRun { .. })
        ));
        assert!(matches!(
            storage.resume(&id, 0),
            Err(Error::NoSuchRun { .. })
        ));
    });
}

#[test]
fn a_run_moves_to_another_database_with_its_id_or_is_taken_back() {
    each(Options::default(), |place| {
        let storage = &place.storage;
        let known = NewRun {
            id: Some("0123456789ab".to_owned()),
            ..new("a")
        };
        let recorder = storage.begin(&known).unwrap();
        assert_eq!(recorder.id(), "0123456789ab");
        assert!(storage.begin(&known).is_err(), "it is there already");
        recorder.discard().unwrap();
        assert_eq!(storage.runs(&RunQuery::default()).unwrap(), []);
    });
}

#[test]
fn a_run_that_reports_nothing_for_long_is_kept_alive() {
    let quick = Options {
        period: Duration::from_millis(20),
        patience: Duration::from_millis(400),
        ..Options::default()
    };
    each(quick, |place| {
        let Place { storage, look, .. } = place;
        let recorder = storage.begin(&new("slow")).unwrap();
        let id = recorder.id().to_owned();
        let viewer = look();
        let start = Instant::now();
        while start.elapsed() < 2 * quick.patience {
            std::thread::sleep(quick.period);
            assert_eq!(viewer.details(&id).unwrap().row.state, State::Running);
        }
        drop(recorder);
        let row = viewer.details(&id).unwrap().row;
        assert_eq!(row.state, State::Interrupted);
        assert!(row.spent >= 800 && row.spent < 60_000, "{}", row.spent);
    });
}

#[test]
fn the_values_of_the_step_that_is_kept_are_read_together() {
    each(Options::default(), |place| {
        let storage = &place.storage;
        let mut recorder = storage.begin(&new("a")).unwrap();
        for (step, loss, accuracy) in [(1, 1.0, 0.5), (2, 0.5, 0.75), (3, 0.25, 0.7)] {
            let values = [("loss", loss), ("accuracy", accuracy)];
            recorder.metrics(step, &values).unwrap();
        }
        let row = || {
            let query = RunQuery {
                metrics: vec!["loss".to_owned(), "accuracy".to_owned()],
                ..RunQuery::default()
            };
            storage.runs(&query).unwrap().remove(0)
        };
        let kept = |name: &str| {
            let point = row().metrics[name].kept.unwrap();
            (point.step, point.value)
        };
        assert_eq!((row().kept, kept("loss")), (None, (3, 0.25)), "the last");
        recorder.keep(1).unwrap();
        recorder.keep(2).unwrap();
        assert_eq!((row().kept, kept("loss")), (Some(2), (2, 0.5)));
        assert_eq!(kept("accuracy"), (2, 0.75));
        let id = recorder.id().to_owned();
        let details = storage.details(&id).unwrap();
        assert_eq!(details.row, storage_row(storage, &id));
        assert!(!details.environment.contains_key("kept.step"));
        // What comes after the checkpoint that it goes on from was not kept.
        drop(recorder);
        let recorder = storage.resume(&id, 1).unwrap();
        assert_eq!((row().kept, kept("loss")), (None, (1, 1.0)));
        drop(recorder);
    });
}

/// Runs of a few metrics, whose kept values are known.
fn listed(storage: &Storage) -> Vec<String> {
    let runs = [
        ("a", "train", 0.9, State::Complete),
        ("b", "train", f64::NAN, State::Failed),
        ("c", "search", 0.7, State::Complete),
        ("d", "train", 0.8, State::Complete),
        ("e", "train", 0.9, State::Interrupted),
    ];
    let record = |(name, kind, accuracy, state): (&str, &str, f64, State)| {
        let mut recorder = storage
            .begin(&NewRun {
                kind: kind.to_owned(),
                ..new(name)
            })
            .unwrap();
        // What is better at another step does not count.
        recorder.metrics(1, &[("accuracy", 0.99)]).unwrap();
        recorder
            .metrics(2, &[("accuracy", accuracy), ("loss", 1.0 - accuracy)])
            .unwrap();
        recorder.metrics(3, &[("accuracy", 0.1)]).unwrap();
        recorder.keep(2).unwrap();
        let id = recorder.id().to_owned();
        recorder.finish(state).unwrap();
        id
    };
    runs.into_iter().map(record).collect()
}

fn names(storage: &Storage, query: &RunQuery) -> String {
    let rows = storage.runs(query).unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

#[test]
fn a_list_is_filtered_sorted_and_cut_into_pages() {
    each(Options::default(), |place| {
        let storage = &place.storage;
        listed(storage);
        let all = RunQuery::default();
        assert_eq!(names(storage, &all), "edcba");
        let best = |metric: &str| RunQuery {
            order: Order::Best(metric.to_owned()),
            ..RunQuery::default()
        };
        assert_eq!(names(storage, &best("accuracy")), "eadcb");
        assert_eq!(names(storage, &best("loss")), "eadcb");
        assert_eq!(names(storage, &best("none")), "edcba");
        let complete = RunQuery {
            state: Some(State::Complete),
            kind: Some("train".to_owned()),
            ..best("accuracy")
        };
        assert_eq!(names(storage, &complete), "ad");
        assert_eq!(storage.count(&complete).unwrap(), 2);
        for (skip, limit, expected) in [
            (0, Some(2), "ea"),
            (2, Some(2), "dc"),
            (4, Some(2), "b"),
            (5, Some(2), ""),
            (3, None, "cb"),
            (0, Some(0), ""),
            (u64::MAX, Some(u64::MAX), ""),
        ] {
            let page = RunQuery {
                skip,
                limit,
                metrics: vec!["accuracy".to_owned()],
                parameters: vec!["optimizer.rate".to_owned()],
                ..best("accuracy")
            };
            assert_eq!(names(storage, &page), expected, "{skip} {limit:?}");
            assert_eq!(storage.count(&page).unwrap(), 5);
            // The rows of a page have what was asked for.
            for row in storage.runs(&page).unwrap() {
                assert_eq!(row.metrics["accuracy"].kept.unwrap().step, 2);
                assert_eq!(row.parameters["optimizer.rate"], "0.001");
            }
        }
    });
}

#[test]
fn runs_are_compared_at_the_steps_that_they_keep() {
    each(Options::default(), |place| {
        let runs = listed(&place.storage);
        let runs: Vec<_> = (runs.iter())
            .map(|id| place.storage.details(id).unwrap())
            .collect();
        let compared = Comparison::new(&runs);
        let best = (0..runs.len()).map(|run| compared.value(run, "accuracy").unwrap().is_best);
        assert!(best.eq([true, false, false, false, true]));
    });
}

/// Numbers that are the same in every run of the test (Knuth's generator, MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % end
    }
}

/// Records the same in a storage, whatever the clock says: what it answers then.
fn history(storage: &Storage, seed: u64, folder: &std::path::Path) -> String {
    const VALUES: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5, 1.0, -2.0];
    const METRICS: [&str; 3] = ["loss", "accuracy", "rate"];
    let mut numbers = Numbers(seed);
    let mut recorders: Vec<Option<Recorder>> = Vec::new();
    let id = |run: usize| format!("{run:012x}");
    let mut answers = String::new();
    let mut answer = |said: &dyn std::fmt::Debug| answers += &format!("{said:?}\n");
    for _ in 0..60 {
        let run = numbers.below(4) as usize;
        if run >= recorders.len() {
            let known = NewRun {
                id: Some(id(recorders.len())),
                kind: ["train", "search"][recorders.len() % 2].to_owned(),
                ..new(["one", "other"][recorders.len() % 2])
            };
            recorders.push(Some(storage.begin(&known).unwrap()));
            continue;
        }
        let step = numbers.below(6);
        let Some(recorder) = &mut recorders[run] else {
            if numbers.below(2) == 0 {
                recorders[run] = storage.resume(&id(run), step).ok();
            }
            continue;
        };
        match numbers.below(10) {
            0 => answer(&recorder.keep(step).is_ok()),
            1 => answer(
                &recorder
                    .note("host", ["here", "there"][step as usize % 2])
                    .is_ok(),
            ),
            2 => {
                let file = folder.join(step.to_string());
                fs::write(&file, "x").unwrap();
                answer(
                    &recorder
                        .artefact(["b", "a"][step as usize % 2], &file)
                        .is_ok(),
                );
            }
            3 => {
                // Another takes it over: the one before can do nothing more.
                let other = storage.resume(&id(run), step).unwrap();
                answer(&recorder.metrics(1, &[("loss", 0.0)]).unwrap_err().kind());
                recorders[run] = Some(other);
            }
            4 => {
                let state = State::ALL[step as usize % 4];
                answer(&recorders[run].take().unwrap().finish(state).is_ok());
            }
            _ => {
                let mut value = || {
                    let metric = METRICS[numbers.below(3) as usize];
                    (metric, VALUES[numbers.below(6) as usize])
                };
                let values = [value(), value()];
                answer(&recorder.metrics(step, &values).is_ok());
            }
        }
    }
    let still = |row: RunRow| RunRow {
        started: 0,
        ended: row.ended.map(|_| 0),
        spent: 0,
        ..row
    };
    for run in 0..recorders.len() {
        let details = storage.details(&id(run)).unwrap();
        answer(&(still(details.row), details.environment, details.artefacts));
        for metric in METRICS {
            answer(&storage.series(&id(run), metric).unwrap());
        }
    }
    let orders = METRICS.map(|metric| Order::Best(metric.to_owned()));
    let states = State::ALL.map(Some).into_iter().chain([None]);
    for (place, state) in states.enumerate() {
        for order in orders.iter().cloned().chain([Order::Newest]) {
            let query = RunQuery {
                kind: (place % 2 == 0).then(|| "train".to_owned()),
                state,
                order,
                skip: place as u64 / 3,
                limit: Some(2),
                metrics: METRICS.map(str::to_owned).to_vec(),
                parameters: vec!["optimizer.rate".to_owned()],
            };
            let rows = storage.runs(&query).unwrap();
            answer(&rows.into_iter().map(still).collect::<Vec<_>>());
            answer(&storage.count(&query).unwrap());
        }
    }
    answer(&(
        storage.metric_names().unwrap(),
        storage.parameter_names().unwrap(),
    ));
    for wanted in ["one", "other", "0000", "000000000001", ""] {
        answer(&storage.find(wanted).map_err(|error| error.to_string()));
    }
    answers
}

#[test]
fn every_storage_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..40 {
        let storages = STORAGES.into_iter().filter_map(|(name, place)| {
            let place = place(Options::default())?;
            Some((name, history(&place.storage, seed, folder.path())))
        });
        let answers: Vec<(&str, String)> = storages.collect();
        for (name, other) in &answers[1..] {
            for (own, other) in answers[0].1.lines().zip(other.lines()) {
                assert_eq!(own, other, "{} and {name}, seed {seed}", answers[0].0);
            }
            assert_eq!(answers[0].1.len(), other.len());
        }
    }
}

#[test]
fn a_run_that_gives_no_sign_of_life_is_listed_as_interrupted() {
    let options = Options {
        period: Duration::from_secs(3600),
        patience: Duration::from_millis(20),
        ..Options::default()
    };
    each(options, |place| {
        let storage = &place.storage;
        let mut recorder = storage.begin(&new("a")).unwrap();
        let in_state = |state| {
            let query = RunQuery {
                state: Some(state),
                ..RunQuery::default()
            };
            let rows = (place.look)().runs(&query).unwrap();
            assert!(rows.iter().all(|row| row.state == state));
            rows.len()
        };
        std::thread::sleep(3 * options.patience);
        assert_eq!(
            (in_state(State::Running), in_state(State::Interrupted)),
            (0, 1)
        );
        recorder.metrics(1, &[]).unwrap();
        recorder.finish(State::Failed).unwrap();
        assert_eq!(
            (in_state(State::Failed), in_state(State::Interrupted)),
            (1, 0)
        );
    });
}

/// A run as a list has it, with all that its details have.
fn storage_row(storage: &Storage, id: &str) -> RunRow {
    let details = storage.details(id).unwrap().row;
    let query = RunQuery {
        metrics: details.metrics.keys().cloned().collect(),
        parameters: details.parameters.keys().cloned().collect(),
        ..RunQuery::default()
    };
    let mut rows = storage.runs(&query).unwrap().into_iter();
    rows.find(|row| row.id == id).unwrap()
}

//! Runs as they are written and read: values, breaks, several writers, and databases that are none.
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use study::{Error, Goal, NewRun, Options, Point, RunQuery, State, Storage};

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home/runs.sqlite");
    (folder, path)
}

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
    let (folder, path) = place();
    let storage = Storage::open(&path).unwrap();
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

    let viewer = Storage::open_read_only(&path).unwrap();
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

    let refused = viewer.remove(std::slice::from_ref(&id));
    assert!(
        matches!(refused, Err(Error::ReadOnly { .. })),
        "{refused:?}"
    );
    storage.remove(std::slice::from_ref(&id)).unwrap();
    assert!(matches!(viewer.details(&id), Err(Error::NoSuchRun { .. })));
    let connection = Connection::open(&path).unwrap();
    for table in [
        "run_points",
        "run_metrics",
        "run_parameters",
        "run_environment",
        "run_artefacts",
    ] {
        let text = format!("SELECT count(*) FROM {table}");
        let left: i64 = connection.query_row(&text, [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
}

#[test]
fn a_list_reads_what_it_is_asked_for_and_runs_are_found_by_id_prefix_or_name() {
    let (_folder, path) = place();
    let storage = Storage::open(&path).unwrap();
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
}

#[test]
fn a_resumed_run_replaces_what_came_after_its_checkpoint() {
    let (_folder, path) = place();
    let storage = Storage::open(&path).unwrap();
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
}

#[test]
fn a_run_moves_to_another_database_with_its_id_or_is_taken_back() {
    let (_folder, path) = place();
    let storage = Storage::open(&path).unwrap();
    let known = NewRun {
        id: Some("0123456789ab".to_owned()),
        ..new("a")
    };
    let recorder = storage.begin(&known).unwrap();
    assert_eq!(recorder.id(), "0123456789ab");
    assert!(storage.begin(&known).is_err(), "it is there already");
    recorder.discard().unwrap();
    assert_eq!(storage.runs(&RunQuery::default()).unwrap(), []);
}

/// Not a test of its own: what the processes of the tests below do.
#[test]
#[ignore = "started by other tests"]
fn writer_process() {
    let Some(path) = std::env::var_os("STUDY_TEST_PATH") else {
        return;
    };
    let steps: u64 = std::env::var("STUDY_TEST_STEPS").unwrap().parse().unwrap();
    let storage = Storage::open(Path::new(&path)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let storage = &storage;
            scope.spawn(move || {
                let mut recorder = storage.begin(&new(&format!("t{thread}"))).unwrap();
                for step in 1..=steps {
                    recorder
                        .metrics(step, &[("loss", 1.0 / step as f64), ("accuracy", 0.5)])
                        .unwrap();
                }
                if std::env::var_os("STUDY_TEST_HANG").is_some() {
                    println!("ready");
                    std::thread::sleep(Duration::from_secs(600));
                }
                recorder.finish(State::Complete).unwrap();
            });
        }
    });
}

fn writer(path: &Path, steps: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "writer_process", "--ignored", "--nocapture"])
        .env("STUDY_TEST_PATH", path)
        .env("STUDY_TEST_STEPS", steps.to_string())
        .stdout(Stdio::piped());
    command
}

#[test]
fn several_processes_and_threads_write_at_once_and_nothing_is_lost() {
    let (_folder, path) = place();
    const STEPS: u64 = 100;
    // All of them make the database too.
    let processes: Vec<_> = (0..4)
        .map(|_| writer(&path, STEPS).spawn().unwrap())
        .collect();
    let mut seen = 0;
    for process in processes {
        if let Ok(viewer) = Storage::open_read_only(&path) {
            seen += viewer.runs(&RunQuery::default()).unwrap().len();
        }
        let done = process.wait_with_output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
    assert!(seen > 0);
    let viewer = Storage::open_read_only(&path).unwrap();
    let runs = viewer.runs(&RunQuery::default()).unwrap();
    assert_eq!(runs.len(), 8);
    for run in runs {
        assert_eq!(run.state, State::Complete);
        let expected: Vec<_> = (1..=STEPS).map(|step| (step, 1.0 / step as f64)).collect();
        assert_eq!(values(&viewer.series(&run.id, "loss").unwrap()), expected);
    }
}

#[test]
fn a_killed_process_leaves_interrupted_runs_that_can_be_resumed() {
    let (_folder, path) = place();
    let mut process = writer(&path, 3)
        .env("STUDY_TEST_HANG", "1")
        .spawn()
        .unwrap();
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
    let mut ready = 0;
    while ready < 2 {
        ready += usize::from(lines.next().unwrap().unwrap().contains("ready"));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let patience = Duration::from_millis(50);
    std::thread::sleep(2 * patience);
    let impatient = Options {
        patience,
        ..Options::default()
    };
    let viewer = Storage::open_read_only_with(&path, impatient).unwrap();
    let runs = viewer.runs(&RunQuery {
        state: Some(State::Interrupted),
        ..RunQuery::default()
    });
    let runs = runs.unwrap();
    assert_eq!(runs.len(), 2);
    // Nothing that was reported is lost, and resuming waits for nobody's patience.
    let id = &runs[0].id;
    let storage = Storage::open(&path).unwrap();
    let mut recorder = storage.resume(id, 3).unwrap();
    recorder.metrics(4, &[("loss", 0.25)]).unwrap();
    recorder.finish(State::Complete).unwrap();
    assert_eq!(viewer.series(id, "loss").unwrap().len(), 4);
    assert_eq!(viewer.details(id).unwrap().row.state, State::Complete);
}

#[test]
fn a_run_that_reports_nothing_for_long_is_kept_alive() {
    let (_folder, path) = place();
    let quick = Options {
        period: Duration::from_millis(20),
        patience: Duration::from_millis(400),
        ..Options::default()
    };
    let storage = Storage::open_with(&path, quick).unwrap();
    let recorder = storage.begin(&new("slow")).unwrap();
    let id = recorder.id().to_owned();
    let viewer = Storage::open_read_only_with(&path, quick).unwrap();
    let start = Instant::now();
    while start.elapsed() < 2 * quick.patience {
        std::thread::sleep(quick.period);
        assert_eq!(viewer.details(&id).unwrap().row.state, State::Running);
    }
    drop(storage);
    drop(recorder);
    let row = viewer.details(&id).unwrap().row;
    assert_eq!(row.state, State::Interrupted);
    assert!(row.spent >= 800 && row.spent < 60_000, "{}", row.spent);
}

#[test]
fn what_cannot_be_written_now_is_written_with_the_next_report() {
    let (_folder, path) = place();
    let hasty = Options {
        busy: Duration::from_millis(20),
        ..Options::default()
    };
    let storage = Storage::open_with(&path, hasty).unwrap();
    let mut recorder = storage.begin(&new("a")).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = recorder.metrics(1, &[("loss", 1.0)]);
    assert!(matches!(locked, Err(Error::Locked { .. })), "{locked:?}");
    let locked = recorder.keep(1);
    assert!(matches!(locked, Err(Error::Locked { .. })), "{locked:?}");
    // Looking is possible all the while.
    assert_eq!(
        Storage::open_read_only(&path)
            .unwrap()
            .runs(&RunQuery::default())
            .unwrap()
            .len(),
        1
    );
    other.execute_batch("ROLLBACK").unwrap();
    recorder.metrics(2, &[("loss", 0.5)]).unwrap();
    let id = recorder.id().to_owned();
    assert_eq!(
        values(&storage.series(&id, "loss").unwrap()),
        [(1, 1.0), (2, 0.5)]
    );
    let kept = |storage: &Storage| storage.details(&id).unwrap().row.kept;
    assert_eq!(kept(&storage), Some(1));
    // A later step that is kept is not overwritten by what was written already.
    recorder.keep(2).unwrap();
    recorder.metrics(3, &[("loss", 0.75)]).unwrap();
    assert_eq!(kept(&storage), Some(2));
}

#[test]
fn files_that_are_no_database_of_runs_are_told_and_left_alone() {
    let (folder, path) = place();
    let missing = Storage::open_read_only(&path);
    assert!(
        matches!(missing, Err(Error::NothingThere { .. })),
        "{missing:?}"
    );
    assert!(!path.exists());
    for opened in [
        Storage::open(folder.path()),
        Storage::open_read_only(folder.path()),
    ] {
        assert!(
            matches!(opened, Err(Error::CannotOpen { .. })),
            "{opened:?}"
        );
    }
    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "no database, but more than a hundred bytes of text ".repeat(20),
    )
    .unwrap();
    let before = fs::read(&text).unwrap();
    for opened in [Storage::open(&text), Storage::open_read_only(&text)] {
        assert!(
            matches!(opened, Err(Error::NotADatabase { .. })),
            "{opened:?}"
        );
    }
    assert_eq!(fs::read(&text).unwrap(), before);

    let foreign = folder.path().join("register.sqlite");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE animals (name TEXT)")
        .unwrap();
    let before = fs::read(&foreign).unwrap();
    for opened in [Storage::open(&foreign), Storage::open_read_only(&foreign)] {
        assert!(matches!(opened, Err(Error::Foreign { .. })), "{opened:?}");
    }
    assert_eq!(fs::read(&foreign).unwrap(), before);

    let optuna = folder.path().join("optuna.sqlite");
    let tables =
        "CREATE TABLE version_info (x); CREATE TABLE studies (x); CREATE TABLE trials (x);";
    Connection::open(&optuna)
        .unwrap()
        .execute_batch(tables)
        .unwrap();
    assert!(matches!(
        Storage::open_read_only(&optuna),
        Err(Error::NothingThere { .. })
    ));
    Storage::open(&optuna).unwrap();
    assert_eq!(
        Storage::open_read_only(&optuna)
            .unwrap()
            .runs(&RunQuery::default())
            .unwrap(),
        []
    );

    let connection = Connection::open(&optuna).unwrap();
    connection
        .execute("INSERT INTO runs_schema VALUES (99)", [])
        .unwrap();
    for opened in [Storage::open(&optuna), Storage::open_read_only(&optuna)] {
        assert!(
            matches!(opened, Err(Error::Newer { found: 99, .. })),
            "{opened:?}"
        );
    }
    let size = fs::metadata(&optuna).unwrap().len() as usize;
    drop(connection);
    let header = fs::read(&optuna).unwrap()[..100].to_vec();
    fs::write(&optuna, [header, vec![7; size - 100]].concat()).unwrap();
    for opened in [Storage::open(&optuna), Storage::open_read_only(&optuna)] {
        assert!(matches!(opened, Err(Error::Damaged { .. })), "{opened:?}");
    }
    let inside = text.join("runs.sqlite");
    assert!(matches!(
        Storage::open(&inside),
        Err(Error::CannotOpen { .. })
    ));
}

#[test]
fn the_values_of_the_step_that_is_kept_are_read_together() {
    let (_folder, path) = place();
    let storage = Storage::open(&path).unwrap();
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
    assert_eq!(details.row, storage_row(&storage, &id));
    assert!(!details.environment.contains_key("kept.step"));
    // What comes after the checkpoint that it goes on from was not kept.
    drop(recorder);
    let recorder = storage.resume(&id, 1).unwrap();
    assert_eq!((row().kept, kept("loss")), (None, (1, 1.0)));
    drop(recorder);
}

/// A run as a list has it, with all that its details have.
fn storage_row(storage: &Storage, id: &str) -> study::RunRow {
    let details = storage.details(id).unwrap().row;
    let query = RunQuery {
        metrics: details.metrics.keys().cloned().collect(),
        parameters: details.parameters.keys().cloned().collect(),
        ..RunQuery::default()
    };
    let mut rows = storage.runs(&query).unwrap().into_iter();
    rows.find(|row| row.id == id).unwrap()
}

//! What is SQLite's alone: several processes, files that are no database of runs, and those of an older
//! museau. What every storage does is in `contract.rs`.
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
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
fn of_a_run_that_is_removed_no_row_stays() {
    let (_folder, path) = place();
    let storage = Storage::open(&path).unwrap();
    let mut recorder = storage.begin(&new("a")).unwrap();
    recorder
        .metrics(1, &[("loss", 1.0), ("rate", 0.1)])
        .unwrap();
    recorder.artefact("database", &path).unwrap();
    let id = recorder.id().to_owned();
    let connection = Connection::open(&path).unwrap();
    let rows = || {
        let tables = [
            "run_points",
            "run_metrics",
            "run_parameters",
            "run_environment",
            "run_artefacts",
        ];
        tables.map(|table| {
            let text = format!("SELECT count(*) FROM {table}");
            connection
                .query_row(&text, [], |row| row.get::<_, i64>(0))
                .unwrap()
        })
    };
    assert!(rows().iter().all(|rows| *rows > 0), "{:?}", rows());
    let viewer = Storage::open_read_only(&path).unwrap();
    let refused = viewer.remove(std::slice::from_ref(&id));
    assert!(
        matches!(refused, Err(Error::ReadOnly { .. })),
        "{refused:?}"
    );
    storage.remove(&[id]).unwrap();
    assert_eq!(rows(), [0; 5]);
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

/// A database as a museau before version 2 of the tables left it.
fn version_1(folder: &Path) -> PathBuf {
    let path = folder.join("runs.sqlite");
    let connection = Connection::open(&path).unwrap();
    // A dump names tables before it makes them.
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    let text = include_str!("databases/version-1.sql");
    connection.execute_batch(text).unwrap();
    path
}

/// What `version-1.sql` says, in this version's values.
fn of_version_1(storage: &Storage) {
    let query = RunQuery {
        metrics: vec!["val_loss".to_owned(), "val_accuracy".to_owned()],
        parameters: vec!["train.seed".to_owned()],
        ..RunQuery::default()
    };
    let rows = storage.runs(&query).unwrap();
    let told: Vec<_> = (rows.iter())
        .map(|row| (row.name.as_str(), row.state, row.step, row.kept))
        .collect();
    let expected = [
        ("second-seed3", State::Interrupted, None, None),
        ("first-seed2", State::Complete, Some(6), Some(5)),
        ("first-seed1", State::Complete, Some(6), Some(3)),
    ];
    assert_eq!(told, expected);
    assert!(rows[0].metrics.is_empty());
    let kept = |row: usize, metric: &str| rows[row].metrics[metric].kept.unwrap();
    let point = |step, value| Point { step, value };
    assert_eq!(kept(1, "val_accuracy"), point(5, 0.75));
    assert_eq!(kept(2, "val_accuracy"), point(3, 1.0));
    assert_eq!(kept(2, "val_loss"), point(3, 0.209_626_407_490_605_77));
    assert_eq!(rows[2].parameters["train.seed"], "1");
    let details = storage.details(&rows[2].id).unwrap();
    assert!(!details.environment.contains_key("kept.step"));
    assert_eq!(details.environment["host"], "kennel");
    assert_eq!(details.artefacts.len(), 9);
    assert_eq!(storage.series(&rows[2].id, "val_loss").unwrap().len(), 6);
}

#[test]
fn a_database_of_an_older_museau_is_looked_at_unchanged_and_then_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = version_1(folder.path());
    let before = fs::read(&path).unwrap();
    of_version_1(&Storage::open_read_only(&path).unwrap());
    assert!(
        fs::read(&path).unwrap() == before,
        "who looks writes nothing"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);

    let storage = Storage::open(&path).unwrap();
    of_version_1(&storage);
    of_version_1(&Storage::open_read_only(&path).unwrap());
    // What came after the checkpoint was not kept.
    let id = storage.find("first-seed2").unwrap();
    drop(storage.resume(&id, 4).unwrap());
    assert_eq!(storage.details(&id).unwrap().row.kept, None);
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

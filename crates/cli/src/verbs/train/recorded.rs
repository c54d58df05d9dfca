//! A training as a recorded run: joins what `train` reports and what `study` keeps.
use crate::context::Context;
use crate::storage::{StorageArguments, failure, place, said};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;
use study::{Error, Goal, NewRun, Recorder, State, Storage};
use train::run::{Ended, Outcome, names};
use train::{Beginning, Flow, Recipe, TrainError, Watch};
use words::RunMessage;

/// Which values of what a training reports are good.
const GOALS: [(&str, Goal); 7] = [
    ("loss", Goal::Least),
    ("accuracy", Goal::Most),
    ("val_loss", Goal::Least),
    ("val_accuracy", Goal::Most),
    ("rate", Goal::None),
    ("seconds", Goal::Least),
    ("photos_per_second", Goal::Most),
];

/// The files of a run's folder, and what each is.
const FILES: [(&str, &str); 7] = [
    ("recipe", names::RECIPE),
    ("about", names::ABOUT),
    ("metrics", names::METRICS),
    ("report", names::CURVE),
    ("checkpoint", names::CHECKPOINT),
    ("checkpoint", names::OLDER_CHECKPOINT),
    ("photos", names::PHOTOS),
];

/// Opens the database to record into. What is wrong with it is told before a training begins.
pub fn open(context: &Context, arguments: &StorageArguments) -> Result<Storage> {
    Storage::open(&place(arguments)).map_err(|error| failure(context, &error))
}

/// Observes one training and records what it reports. A record that cannot be written is told
/// once and stops no training.
pub struct Recorded<'a> {
    context: &'a Context,
    storage: &'a Storage,
    folder: &'a Path,
    /// Where the run is not begun in the database yet.
    new: NewRun,
    recorder: Option<Recorder>,
    begun: bool,
    told: BTreeSet<&'static str>,
    say: &'a dyn Fn(&str),
}

impl<'a> Recorded<'a> {
    /// A training that begins in `folder`; [`Recorded::id`] is the record that it is told to.
    pub fn begin(
        context: &'a Context,
        storage: &'a Storage,
        recipe: &Recipe,
        name: &str,
        folder: &'a Path,
        say: &'a dyn Fn(&str),
    ) -> Self {
        let mut recorded = Recorded::resume(context, storage, recipe, name, None, folder, say);
        let begun = storage.begin(&recorded.new);
        recorded.recorder = recorded.kept(begun);
        recorded
    }

    /// The training in `folder` goes on: in the same run, from the step that the training says when
    /// it begins. `id` is what its `run.json` names; another database is told what it missed.
    pub fn resume(
        context: &'a Context,
        storage: &'a Storage,
        recipe: &Recipe,
        name: &str,
        id: Option<String>,
        folder: &'a Path,
        say: &'a dyn Fn(&str),
    ) -> Self {
        Recorded {
            context,
            storage,
            folder,
            new: new(context, recipe, name, id, folder),
            recorder: None,
            begun: false,
            told: BTreeSet::new(),
            say,
        }
    }

    /// The run's id; nothing where it could not be begun.
    pub fn id(&self) -> Option<&str> {
        self.recorder.as_ref().map(Recorder::id)
    }

    /// Records how the training ended. One that was refused before it began was no run.
    pub fn end(mut self, result: &Result<Outcome, TrainError>) {
        let Some(mut recorder) = self.recorder.take() else {
            return;
        };
        if !self.begun {
            let discarded = recorder.discard();
            self.kept(discarded);
            return;
        }
        let package = result
            .as_ref()
            .ok()
            .and_then(|outcome| outcome.package.as_deref());
        let files = FILES.map(|(kind, name)| (kind, self.folder.join(name)));
        let card = package.map(|_| ("card", self.folder.join(names::CARD)));
        let package = package.map(|path| ("package", path.to_owned()));
        for (kind, path) in files.into_iter().chain(card).chain(package) {
            if path.is_file() {
                let recorded = recorder.artefact(kind, &path);
                self.kept(recorded);
            }
        }
        let state = match result {
            Ok(outcome) if outcome.ended == Ended::Interrupted => State::Interrupted,
            Ok(_) => State::Complete,
            Err(error) => {
                let noted = recorder.note("error", &error.to_string());
                self.kept(noted);
                State::Failed
            }
        };
        let finished = recorder.finish(state);
        self.kept(finished);
    }

    /// What was recorded; an error is told, each kind once.
    fn kept<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if self.told.insert(error.kind()) {
                    let text = said(self.context, &error);
                    let then = self.context.say(match error {
                        Error::Locked { .. } | Error::DiskFull { .. } => RunMessage::GoesOn,
                        _ => RunMessage::Unrecorded,
                    });
                    (self.say)(&format!("{text} {then}"));
                }
                None
            }
        }
    }

    /// Goes on in the run of the database, or in a new one that knows the epochs until now.
    fn go_on(&mut self, epoch: u32) {
        let known = match &self.new.id {
            Some(id) => self.storage.resume(id, u64::from(epoch)),
            None => Err(Error::NoSuchRun {
                wanted: String::new(),
            }),
        };
        self.recorder = match known {
            Err(Error::NoSuchRun { .. }) => {
                if self.new.id.is_some() && !self.context.quiet {
                    (self.say)(&self.context.say(RunMessage::BeginsAnew));
                }
                let begun = self.storage.begin(&self.new);
                let mut recorder = self.kept(begun);
                if let Some(recorder) = &mut recorder {
                    let missed = missed(self.folder, epoch, recorder);
                    self.kept(missed);
                }
                recorder
            }
            known => self.kept(known),
        };
    }
}

impl Watch for Recorded<'_> {
    fn begins(&mut self, beginning: &Beginning) {
        if self.recorder.is_none() {
            self.go_on(beginning.epoch);
        }
        self.begun = true;
        if let Some(recorder) = &mut self.recorder {
            let facts = [
                ("threads", beginning.threads.to_string()),
                ("network.parameters", beginning.parameters.to_string()),
                ("memory.bytes", beginning.bytes().to_string()),
                ("photos.train", beginning.train_photos.to_string()),
                ("photos.validation", beginning.validation_photos.to_string()),
            ];
            let noted = facts
                .iter()
                .try_for_each(|(name, value)| recorder.note(name, value));
            self.kept(noted);
        }
    }

    fn report(&mut self, step: u64, metrics: &[(&str, f64)]) -> Flow {
        if let Some(recorder) = &mut self.recorder {
            let recorded = recorder.metrics(step, metrics);
            self.kept(recorded);
        }
        Flow::Continue
    }

    fn keeps(&mut self, epoch: u32) {
        if let Some(recorder) = &mut self.recorder {
            let noted = recorder.keep(u64::from(epoch));
            self.kept(noted);
        }
    }
}

fn new(
    context: &Context,
    recipe: &Recipe,
    name: &str,
    id: Option<String>,
    folder: &Path,
) -> NewRun {
    let environment = [
        ("museau", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "system",
            format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        ),
        (
            "host",
            gethostname::gethostname().to_string_lossy().into_owned(),
        ),
        ("instructions", context.isa.name().to_owned()),
    ];
    NewRun {
        id,
        name: name.to_owned(),
        kind: "train".to_owned(),
        seed: Some(recipe.train.seed),
        folder: Some(folder.to_owned()),
        parameters: recipe.flat(),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        goals: GOALS.map(|(name, goal)| (name.to_owned(), goal)).to_vec(),
    }
}

/// Records the epochs until `epoch` from the run's own `metrics.csv`; lines that are no numbers are
/// left out.
fn missed(folder: &Path, epoch: u32, recorder: &mut Recorder) -> Result<(), Error> {
    let Ok(text) = tensor::read_text(&folder.join(names::METRICS)) else {
        return Ok(());
    };
    let mut lines = text.lines();
    let names: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split(',')
        .skip(1)
        .collect();
    for line in lines {
        let mut cells = line.split(',');
        let step = cells.next().and_then(|cell| cell.parse::<u64>().ok());
        let Some(step) = step.filter(|step| *step <= u64::from(epoch)) else {
            continue;
        };
        let values = names.iter().copied().zip(cells);
        let values: Vec<(&str, f64)> = values
            .filter_map(|(name, cell)| Some((name, cell.parse().ok()?)))
            .collect();
        recorder.metrics(step, &values)?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use study::{Options, Point, RunQuery};

    fn context() -> Context {
        Context {
            quiet: false,
            ..Context::of_tests(2)
        }
    }

    pub(crate) fn beginning(epoch: u32) -> Beginning {
        Beginning {
            train_photos: 8,
            validation_photos: 2,
            classes: vec!["a".to_owned(), "b".to_owned()],
            parameters: 334_000,
            memory: engine::TrainingMemory {
                parameters: 1,
                gradients: 2,
                working: 3,
            },
            optimizer_bytes: 0,
            other_bytes: 0,
            threads: 2,
            epochs: 4,
            epoch,
            validation: None,
        }
    }

    fn outcome(ended: Ended) -> Result<Outcome, TrainError> {
        Ok(Outcome {
            ended,
            epochs: 2,
            kept_epoch: 2,
            metrics: Vec::new(),
            package: None,
            seconds: 1.0,
        })
    }

    fn refusal() -> Result<Outcome, TrainError> {
        Err(TrainError::NoSource)
    }

    #[test]
    fn every_metric_of_a_training_has_a_goal() {
        assert_eq!(GOALS.map(|(name, _)| name), train::METRICS);
    }

    #[test]
    fn a_training_is_one_run_whatever_breaks_it_and_wherever_it_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let (context, folder) = (context(), home.path().join("run"));
        std::fs::create_dir(&folder).unwrap();
        let csv = "epoch,loss,val_loss\n1,2,\n2,1,\n3,0.5,\nodd,1,\n";
        std::fs::write(folder.join(names::METRICS), csv).unwrap();
        let arguments = StorageArguments {
            storage: Some(home.path().join("a.sqlite")),
        };
        let storage = open(&context, &arguments).unwrap();
        let recipe = Recipe::default();
        let said = RefCell::new(Vec::new());
        let say = |text: &str| said.borrow_mut().push(text.to_owned());
        let mut recorded = Recorded::begin(&context, &storage, &recipe, "x", &folder, &say);
        let id = recorded.id().unwrap().to_owned();
        recorded.begins(&beginning(0));
        for (step, loss) in [(1, 2.0), (2, 1.0), (3, 0.5)] {
            assert_eq!(recorded.report(step, &[("loss", loss)]), Flow::Continue);
        }
        recorded.keeps(2);
        recorded.end(&outcome(Ended::Interrupted));
        let details = storage.details(&id).unwrap();
        assert_eq!(details.row.state, State::Interrupted);
        assert_eq!(details.row.seed, Some(recipe.train.seed));
        assert_eq!(details.row.parameters.len(), recipe.flat().len());
        assert_eq!(
            (details.row.kept, details.environment["threads"].as_str()),
            (Some(2), "2")
        );
        assert_eq!(details.artefacts[0].path, Path::new(names::METRICS));
        assert!(said.borrow().is_empty(), "{:?}", said.borrow());

        // In the same database, and in one that knows nothing of it.
        let other = Storage::open(&home.path().join("b.sqlite")).unwrap();
        for storage in [&storage, &other] {
            let known = Some(id.clone());
            let mut recorded =
                Recorded::resume(&context, storage, &recipe, "x", known, &folder, &say);
            recorded.begins(&beginning(2));
            recorded.report(3, &[("loss", 0.25)]);
            recorded.end(&outcome(Ended::Complete));
            let runs = storage.runs(&RunQuery::default()).unwrap();
            assert_eq!((runs.len(), runs[0].id.as_str()), (1, id.as_str()));
            assert_eq!(runs[0].state, State::Complete);
            let point = |(step, value)| Point { step, value };
            let expected = [(1, 2.0), (2, 1.0), (3, 0.25)].map(point);
            assert_eq!(storage.series(&id, "loss").unwrap(), expected);
        }
        assert_eq!(said.borrow().len(), 1, "{:?}", said.borrow());
    }

    #[test]
    fn a_training_that_is_refused_is_no_run_and_one_that_fails_is_a_failed_one() {
        let home = tempfile::tempdir().unwrap();
        let (context, recipe) = (context(), Recipe::default());
        let storage = Storage::open(&home.path().join("a.sqlite")).unwrap();
        let (folder, say) = (home.path(), |_: &str| {});
        let recorded = Recorded::begin(&context, &storage, &recipe, "x", folder, &say);
        recorded.end(&refusal());
        assert!(storage.runs(&RunQuery::default()).unwrap().is_empty());
        let mut recorded = Recorded::begin(&context, &storage, &recipe, "x", folder, &say);
        recorded.begins(&beginning(0));
        recorded.end(&refusal());
        let runs = storage.runs(&RunQuery::default()).unwrap();
        assert_eq!(runs[0].state, State::Failed);
        let details = storage.details(&runs[0].id).unwrap();
        assert_eq!(
            details.environment["error"],
            TrainError::NoSource.to_string()
        );
    }

    #[test]
    fn what_cannot_be_recorded_is_told_once_and_stops_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (context, recipe) = (context(), Recipe::default());
        let path = home.path().join("a.sqlite");
        let hasty = Options {
            busy: std::time::Duration::from_millis(1),
            ..Options::default()
        };
        let storage = Storage::open_with(&path, hasty).unwrap();
        let said = RefCell::new(Vec::new());
        let say = |text: &str| said.borrow_mut().push(text.to_owned());
        let mut recorded = Recorded::begin(&context, &storage, &recipe, "x", home.path(), &say);
        let id = recorded.id().unwrap().to_owned();
        recorded.begins(&beginning(0));
        storage.remove(std::slice::from_ref(&id)).unwrap();
        for step in 1..4 {
            assert_eq!(recorded.report(step, &[("loss", 1.0)]), Flow::Continue);
        }
        recorded.end(&outcome(Ended::Complete));
        let said = said.borrow();
        assert!(said.len() == 1 && said[0].contains(&id), "{said:?}");
    }
}

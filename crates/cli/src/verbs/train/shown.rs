//! What a person sees of trainings while they run: a line each, alive on a terminal, else a line now
//! and then.
use crate::context::Context;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use train::recipe::From;
use train::{Beginning, Flow, Live, Notice, Watch};
use words::{FileMessage, TrainMessage, plain_line};

/// Two observers; each may end the training.
pub struct Both<'a>(pub &'a mut dyn Watch, pub &'a mut dyn Watch);

impl Watch for Both<'_> {
    fn begins(&mut self, beginning: &Beginning) {
        self.0.begins(beginning);
        self.1.begins(beginning);
    }

    fn live(&mut self, live: &Live) {
        self.0.live(live);
        self.1.live(live);
    }

    fn notice(&mut self, notice: &Notice) {
        self.0.notice(notice);
        self.1.notice(notice);
    }

    fn report(&mut self, step: u64, metrics: &[(&str, f64)]) -> Flow {
        match [self.0.report(step, metrics), self.1.report(step, metrics)] {
            [Flow::Continue, Flow::Continue] => Flow::Continue,
            _ => Flow::Stop,
        }
    }

    fn keeps(&mut self, epoch: u32) {
        self.0.keeps(epoch);
        self.1.keeps(epoch);
    }
}

/// The place where all trainings of a command are shown.
#[derive(Debug, Default)]
pub struct Board {
    bars: MultiProgress,
}

/// One training's line, and the other observers.
pub struct Shown<'a> {
    context: &'a Context,
    board: &'a Board,
    name: String,
    bar: ProgressBar,
    plain: bool,
    /// The last plain line.
    last: Option<Instant>,
    epochs: u32,
    /// Validation photos predicted correctly after the last epoch, and after the one that is kept so far.
    validation: Option<(f64, f64)>,
    /// The epoch that is kept so far; none where that is always the last.
    kept: Option<u32>,
    /// Who records.
    also: &'a mut dyn Watch,
}

/// The line of a training that does not learn yet: twins are looked for, photos are decoded.
pub struct Preparing<'a> {
    board: &'a Board,
    name: String,
    /// What is being done.
    stage: String,
    bar: ProgressBar,
    plain: bool,
    /// The last plain line.
    last: Mutex<Instant>,
}

impl<'a> Preparing<'a> {
    /// Of the training of this name; shown from the first photo on.
    pub fn new(context: &Context, board: &'a Board, name: &str) -> Self {
        let bar = ProgressBar::hidden();
        let style = ProgressStyle::with_template("{prefix} {msg} {wide_bar} {pos}/{len} {eta}");
        let stage = context.say(TrainMessage::StageDecoding);
        Preparing {
            bar: bar
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(plain_line(name).into_owned())
                .with_message(stage.clone()),
            stage,
            plain: board.bars.is_hidden() && !context.quiet,
            board,
            name: plain_line(name).into_owned(),
            last: Mutex::new(Instant::now()),
        }
    }

    /// So many photos of all are done.
    pub fn now(&self, done: usize, all: usize) {
        if self.plain {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= PAUSE {
                *last = Instant::now();
                eprintln!("{}: {} {done}/{all}", self.name, self.stage);
            }
        } else if done >= all {
            self.board.bars.remove(&self.bar);
        } else {
            if self.bar.is_hidden() {
                self.board.bars.add(self.bar.clone());
            }
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
        }
    }
}

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        self.board.bars.remove(&self.bar);
    }
}

/// Plain lines are at least this far apart.
const PAUSE: Duration = Duration::from_secs(5);

impl Board {
    /// Prints above the lines.
    pub fn say(&self, text: &str) {
        self.hidden(|| eprintln!("{text}"));
    }

    /// Takes the lines away while something else is printed.
    pub fn hidden<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bars.suspend(print)
    }
}

impl<'a> Shown<'a> {
    /// A line for the training of this name; `also` is told everything too.
    pub fn new(
        context: &'a Context,
        board: &'a Board,
        name: String,
        also: &'a mut dyn Watch,
    ) -> Self {
        let bar = if context.quiet {
            ProgressBar::hidden()
        } else {
            board.bars.add(ProgressBar::new(0))
        };
        let name = plain_line(&name).into_owned();
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg} {eta}");
        let bar = bar
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(name.clone());
        Shown {
            plain: bar.is_hidden() && !context.quiet,
            context,
            board,
            name,
            bar,
            last: None,
            epochs: 0,
            validation: None,
            kept: None,
            also,
        }
    }

    fn numbers(&self, epoch: u32, loss: f64, accuracy: f64) -> String {
        let language = self.context.language;
        let percent = |share: f64| train::evaluate::percent(language, share);
        let mut text = self.context.say(TrainMessage::Epoch {
            epoch: &epoch.to_string(),
            epochs: &self.epochs.to_string(),
            loss: &words::number(language, loss, 3),
            accuracy: &percent(accuracy),
        });
        if let Some((last, kept)) = self.validation {
            let message = TrainMessage::EpochValidation {
                last: &percent(last),
                kept: &percent(kept),
            };
            text = format!("{text}, {}", self.context.say(message));
        }
        text
    }
}

impl Watch for Shown<'_> {
    fn begins(&mut self, beginning: &Beginning) {
        self.epochs = beginning.epochs;
        self.validation = beginning.validation;
        self.bar.set_length(u64::from(beginning.epochs) * 1000);
        self.bar.set_position(u64::from(beginning.epoch) * 1000);
        self.bar.reset_eta();
        if !self.context.quiet {
            let text = self.context.say(TrainMessage::Begins {
                name: &self.name,
                train: &beginning.train_photos.to_string(),
                validation: &beginning.validation_photos.to_string(),
                classes: &beginning.classes.len().to_string(),
                parameters: &beginning.parameters.to_string(),
                memory: &beginning.bytes().div_ceil(1_000_000).to_string(),
                threads: &beginning.threads.to_string(),
            });
            self.board.say(&text);
        }
        self.also.begins(beginning);
    }

    fn live(&mut self, live: &Live) {
        let share = live.batch as f64 / live.batches.max(1) as f64;
        let done = f64::from(live.epoch) + share;
        self.bar.set_position((done * 1000.0) as u64);
        let numbers = self.numbers(live.epoch + 1, live.loss, live.accuracy);
        self.bar
            .set_message(format!("{numbers} {:.0}/s", live.photos_per_second));
        self.also.live(live);
    }

    fn notice(&mut self, notice: &Notice) {
        if !self.context.quiet {
            let text = said(self.context, notice);
            self.board.say(&format!("{}: {text}", self.name));
        }
        self.also.notice(notice);
    }

    fn report(&mut self, step: u64, metrics: &[(&str, f64)]) -> Flow {
        let metric = |name: &str| metrics.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        if let Some(now) = metric("val_accuracy") {
            // Not the best of these: what is kept may be chosen by the loss.
            let before = self.validation.map_or(now, |(_, kept)| kept);
            let is_kept = self.kept.is_none_or(|kept| u64::from(kept) == step);
            self.validation = Some((now, if is_kept { now } else { before }));
        }
        let due = self.last.is_none_or(|last| last.elapsed() >= PAUSE);
        if self.plain && (due || step == u64::from(self.epochs)) {
            self.last = Some(Instant::now());
            let (loss, accuracy) = (metric("loss"), metric("accuracy"));
            let numbers = self.numbers(
                step as u32,
                loss.unwrap_or(f64::NAN),
                accuracy.unwrap_or(f64::NAN),
            );
            eprintln!("{}: {numbers}", self.name);
        }
        self.also.report(step, metrics)
    }

    fn keeps(&mut self, epoch: u32) {
        self.kept = Some(epoch);
        self.also.keeps(epoch);
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn said(context: &Context, notice: &Notice) -> String {
    match notice {
        Notice::Threads { before, now } => context.say(TrainMessage::Threads {
            before: &before.to_string(),
            now: &now.to_string(),
        }),
        Notice::Instructions { before, now } => {
            context.say(TrainMessage::Instructions { before, now })
        }
        Notice::OlderCheckpoint { reason } => context.say(TrainMessage::OlderCheckpoint { reason }),
        Notice::MovedAside { from, to } => context.say(TrainMessage::MovedAside {
            from: &from.display().to_string(),
            to: &to.display().to_string(),
        }),
        Notice::Large { parameters } => context.say(TrainMessage::Large {
            parameters: &parameters.to_string(),
        }),
        Notice::NoCurve { path, reason } => context.say(FileMessage::CannotWrite {
            path: &path.display().to_string(),
            reason,
        }),
        Notice::LeftOut { count } => context.say(TrainMessage::LeftOut {
            count: &count.to_string(),
        }),
        Notice::NoValidation { keys } => context.say(TrainMessage::NoValidation { keys }),
        Notice::PlateauOfTraining => context.say(TrainMessage::PlateauOfTraining),
        Notice::Uncalibrated { count, all, path } => context.say(TrainMessage::Uncalibrated {
            count: &count.to_string(),
            all: &all.to_string(),
            path,
        }),
        Notice::FeaturesUnkept { path, reason } => context.say(TrainMessage::FeaturesUnkept {
            path: &path.display().to_string(),
            reason,
        }),
        Notice::Stage {
            number,
            all,
            from,
            epochs,
        } => {
            let [number, all] = [number, all].map(ToString::to_string);
            let (number, all, epochs) = (&*number, &*all, &*epochs.to_string());
            match from {
                From::Head => context.say(TrainMessage::StageHead {
                    number,
                    all,
                    epochs,
                }),
                From::All => context.say(TrainMessage::StageAll {
                    number,
                    all,
                    epochs,
                }),
                From::Layer(from) => context.say(TrainMessage::Stage {
                    number,
                    all,
                    from,
                    epochs,
                }),
            }
        }
        Notice::LearntNothing { accuracy, guessed } => context.say(TrainMessage::LearntNothing {
            accuracy: &train::evaluate::percent(context.language, *accuracy),
            guessed: &train::evaluate::percent(context.language, *guessed),
        }),
        Notice::NoGate { photos, not_dogs } => context.say(TrainMessage::NoGate {
            photos: &photos.to_string(),
            not_dogs: &not_dogs.to_string(),
        }),
        Notice::FeaturesMixed => context.say(TrainMessage::FeaturesMixed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use train::Unwatched;

    fn context() -> Context {
        Context::of_tests(1)
    }

    #[test]
    fn a_training_that_goes_on_shows_what_is_kept_so_far() {
        let context = context();
        let (board, mut nobody) = (Board::default(), Unwatched);
        let mut shown = Shown::new(&context, &board, "x".to_owned(), &mut nobody);
        shown.begins(&Beginning {
            validation: Some((0.6, 0.8)),
            ..crate::verbs::train::recorded::tests::beginning(2)
        });
        shown.keeps(1);
        let ends = |shown: &Shown<'_>, end: &str| {
            let numbers = shown.numbers(3, 1.0, 0.5);
            assert!(numbers.ends_with(end), "{numbers}");
        };
        ends(&shown, "validation accuracy 60.0% (kept epoch: 80.0%)");
        let _ = shown.report(3, &[("val_accuracy", 0.9)]);
        ends(&shown, "validation accuracy 90.0% (kept epoch: 80.0%)");
        // Its loss is less, though it tells fewer photos right.
        shown.keeps(4);
        let _ = shown.report(4, &[("val_accuracy", 0.7)]);
        ends(&shown, "validation accuracy 70.0% (kept epoch: 70.0%)");
    }

    #[test]
    fn a_training_that_keeps_its_last_epoch_shows_that() {
        let (board, mut nobody) = (Board::default(), Unwatched);
        let context = context();
        let mut shown = Shown::new(&context, &board, "x".to_owned(), &mut nobody);
        for (epoch, right) in [(1, 0.9), (2, 0.7)] {
            let _ = shown.report(epoch, &[("val_accuracy", right)]);
        }
        let numbers = shown.numbers(2, 1.0, 0.5);
        let end = "validation accuracy 70.0% (kept epoch: 70.0%)";
        assert!(numbers.ends_with(end), "{numbers}");
    }
}

//! `museau classify`: photos in, one answer a photo out, as text, JSON or CSV.
mod explain;
mod print;

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use crate::photos::{self, Found, Unanswered, load};
use crate::prior::PriorArguments;
use anyhow::Result;
use clap::Args;
use classify::{Classifier, ClassifyOptions};
use data::parallel;
use print::{Form, Outcome, Printer};
use std::path::PathBuf;
use std::time::Instant;
use tensor::Pool;

/// Options of `museau classify`.
#[derive(Debug, Args)]
pub struct ClassifyArguments {
    /// Photos, or folders of photos
    #[arg(required = true, value_name = "PHOTO|FOLDER")]
    pub photos: Vec<PathBuf>,
    /// A model: file, run folder, listed name, or `default` [default: the embedded model]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub prior: PriorArguments,
    /// How many breeds to give
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
    /// Print one JSON object per line
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values, one line per photo
    #[arg(long)]
    pub csv: bool,
    /// All photos show the same animal: one answer for all
    #[arg(long)]
    pub together: bool,
    /// Of one photo, also write a picture of what the answer rests on (PNG)
    #[arg(long, value_name = "FILE", conflicts_with = "together")]
    pub explain: Option<PathBuf>,
}

impl ClassifyArguments {
    fn form(&self) -> Form {
        match (self.json, self.csv) {
            (true, _) => Form::Json,
            (_, true) => Form::Csv,
            _ => Form::Text,
        }
    }
}

/// Answers all photos, in order; fails at the end where any of them could not be read.
pub fn run(context: &Context, arguments: &ClassifyArguments) -> Result<()> {
    let found = photos::find(context, &arguments.photos);
    if let Some(path) = &arguments.explain {
        return explain::run(context, arguments, found, path);
    }
    let classifier = model::open(context, arguments.model.as_deref(), &arguments.prior)?;
    let options = ClassifyOptions {
        top: usize::from(arguments.top),
        together: arguments.together,
    };
    let form = arguments.form();
    let mut printer = Printer::new(context, form)?;
    let mut failed: Option<Status> = None;
    let mut show = |outcome: Outcome| {
        if let Err(why) = &outcome.result {
            // That the model cannot be used says more than that a photo cannot.
            let known = failed.filter(|status| *status == Status::Unusable);
            failed = known.or(Some(why.status()));
        }
        printer.outcome(&outcome)
    };
    let asked = Asked {
        context,
        classifier,
        options,
    };
    if arguments.together {
        asked.together(found, &mut show)?;
    } else {
        asked.each(found, &mut show)?;
    }
    failed.map_or(Ok(()), |status| Err(Failure::silent(status)))
}

/// What is asked of all photos.
struct Asked<'a> {
    context: &'a Context,
    classifier: Classifier,
    options: ClassifyOptions,
}

impl Asked<'_> {
    /// One answer for all photos; those that cannot be read are said first.
    fn together(
        &self,
        found: Vec<Found>,
        show: &mut impl FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        let pool = Pool::new(self.context.threads);
        let (mut paths, mut seen, mut decode) = (Vec::new(), Vec::new(), 0.0);
        for one in found {
            let begun = Instant::now();
            match load(self.context, one) {
                Ok((path, photo)) => {
                    decode += milliseconds(begun);
                    // Each photo is let go before the next is read: there may be hundreds.
                    match self.classifier.look(&pool, &photo) {
                        Ok(look) => {
                            paths.push(path);
                            seen.push(look);
                        }
                        Err(error) => {
                            let why = Unanswered::model(self.context.language, &error);
                            show(Outcome::one(path, Err(why)))?;
                        }
                    }
                }
                Err((path, why)) => show(Outcome::one(path, Err(why)))?,
            }
        }
        let Some(path) = paths.first().cloned() else {
            return Ok(());
        };
        for mut answer in self.classifier.answers(seen, &self.options) {
            answer.milliseconds.decode = decode;
            show(Outcome {
                path: path.clone(),
                together: paths.clone(),
                result: Ok(answer),
            })?;
        }
        Ok(())
    }

    /// One answer for each photo. A single photo has all threads; of several each has one, so that
    /// reading a photo and looking at another go on at the same time.
    fn each(&self, found: Vec<Found>, show: &mut impl FnMut(Outcome) -> Result<()>) -> Result<()> {
        let workers = self.context.threads.min(found.len());
        if workers <= 1 {
            let pool = Pool::new(self.context.threads);
            for one in found {
                show(self.answer(&pool, one))?;
            }
            return Ok(());
        }
        // Work is handed out in rounds, so that the answers that wait for a slow photo stay few.
        for round in found.chunks(workers * 16) {
            let outcomes = parallel::map(workers, round.len(), &|_, _| {}, |index| {
                let one = round[index].clone();
                self.answer(&Pool::serial(), one)
            });
            outcomes.into_iter().try_for_each(&mut *show)?;
        }
        Ok(())
    }

    fn answer(&self, pool: &Pool, one: Found) -> Outcome {
        let begun = Instant::now();
        let (path, photo) = match load(self.context, one) {
            Ok(read) => read,
            Err((path, why)) => {
                return Outcome::one(path, Err(why));
            }
        };
        let decode = milliseconds(begun);
        let result = match self
            .classifier
            .classify(pool, &[photo], &self.options)
            .map(|mut all| all.pop())
        {
            Ok(Some(mut answer)) => {
                answer.milliseconds.decode = decode;
                Ok(answer)
            }
            Ok(None) => unreachable!("one photo has one answer"),
            Err(error) => Err(Unanswered::model(self.context.language, &error)),
        };
        Outcome::one(path, result)
    }
}

fn milliseconds(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1000.0
}

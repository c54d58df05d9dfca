//! `museau classify`: photos in, one answer a photo out, as text, JSON or CSV.
use crate::arguments::ClassifyArguments;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::photos::{self, Found};
use crate::{model, print};
use anyhow::Result;
use classify::{Answer, Classifier, ClassifyOptions};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;
use tensor::Pool;
use vision::{DecodeError, Limits, Photo};
use words::Message;

/// What became of one photo.
pub struct Outcome {
    /// As it was named, or the first of several that show one animal.
    pub path: PathBuf,
    /// All photos that an answer for several rests on; empty where each has its own.
    pub together: Vec<PathBuf>,
    /// The answer, or why there is none.
    pub result: Result<Answer, Unanswered>,
}

impl Outcome {
    fn one(path: PathBuf, result: Result<Answer, Unanswered>) -> Self {
        Outcome {
            path,
            together: Vec::new(),
            result,
        }
    }
}

/// Why a photo has no answer: what machines and what people are told.
pub struct Unanswered {
    /// The kind, stable from release to release.
    pub kind: &'static str,
    /// The sentence, with what to do, in the person's language.
    pub message: String,
}

/// Answers all photos, in order; fails at the end where any of them could not be read.
pub fn run(context: &Context, arguments: &ClassifyArguments) -> Result<()> {
    let classifier = model::open(context, arguments.model.as_deref())?;
    let found = photos::find(context, &arguments.photos);
    let options = ClassifyOptions {
        top: usize::from(arguments.top),
        together: arguments.together,
    };
    let mut printer = print::Printer::new(context, arguments)?;
    let mut failed = false;
    let mut show = |outcome: Outcome| {
        failed |= outcome.result.is_err();
        printer.outcome(&outcome)
    };
    if arguments.together {
        together(context, &classifier, found, &options, &mut show)?;
    } else {
        each(context, &classifier, found, &options, &mut show)?;
    }
    if failed {
        Err(Failure::silent(Status::Failed))
    } else {
        Ok(())
    }
}

/// One answer for all photos; those that cannot be read are said first.
fn together(
    context: &Context,
    classifier: &Classifier,
    found: Vec<Found>,
    options: &ClassifyOptions,
    show: &mut impl FnMut(Outcome) -> Result<()>,
) -> Result<()> {
    let begun = Instant::now();
    let (mut paths, mut read) = (Vec::new(), Vec::new());
    for one in found {
        match load(context, one) {
            Ok((path, photo)) => {
                paths.push(path);
                read.push(photo);
            }
            Err((path, why)) => show(Outcome::one(path, Err(why)))?,
        }
    }
    let decode = milliseconds(begun);
    let Some(path) = paths.first().cloned() else {
        return Ok(());
    };
    let pool = Pool::new(context.threads);
    for mut answer in classifier.classify(&pool, &read, options)? {
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
fn each(
    context: &Context,
    classifier: &Classifier,
    found: Vec<Found>,
    options: &ClassifyOptions,
    show: &mut impl FnMut(Outcome) -> Result<()>,
) -> Result<()> {
    let workers = context.threads.min(found.len());
    if workers <= 1 {
        let pool = Pool::new(context.threads);
        for one in found {
            show(answer(context, classifier, &pool, one, options))?;
        }
        return Ok(());
    }
    // Work is handed out in rounds, so that the answers that wait for a slow photo stay few.
    for round in found.chunks(workers * 16) {
        for outcome in side_by_side(workers, round, |one| {
            answer(context, classifier, &Pool::serial(), one.clone(), options)
        }) {
            show(outcome)?;
        }
    }
    Ok(())
}

/// The results of `work` on each item, in the items' order, on so many threads.
fn side_by_side<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    if sender.send((index, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
    });
    drop(sender);
    let mut results: Vec<_> = receiver.iter().collect();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn answer(
    context: &Context,
    classifier: &Classifier,
    pool: &Pool,
    one: Found,
    options: &ClassifyOptions,
) -> Outcome {
    let begun = Instant::now();
    let (path, photo) = match load(context, one) {
        Ok(read) => read,
        Err((path, why)) => {
            return Outcome::one(path, Err(why));
        }
    };
    let decode = milliseconds(begun);
    let result = match classifier
        .classify(pool, &[photo], options)
        .map(|mut all| all.pop())
    {
        Ok(Some(mut answer)) => {
            answer.milliseconds.decode = decode;
            Ok(answer)
        }
        Ok(None) => Err(Unanswered {
            kind: "model",
            message: "no answer".to_owned(),
        }),
        Err(error) => Err(Unanswered {
            kind: "model",
            message: error.to_string(),
        }),
    };
    Outcome::one(path, result)
}

/// Reads and decodes one photo.
pub fn load(context: &Context, one: Found) -> Result<(PathBuf, Photo), (PathBuf, Unanswered)> {
    let path = one.map_err(|(path, message)| {
        (
            path,
            Unanswered {
                kind: "cannot_read",
                message,
            },
        )
    })?;
    match read(&path) {
        Ok(photo) => Ok((path, photo)),
        Err(why) => {
            let why = explain(context, &path, why);
            Err((path, why))
        }
    }
}

/// Why a photo cannot be looked at.
pub enum Unread {
    /// Its file cannot be read.
    File(std::io::Error),
    /// Its bytes are no photo.
    Photo(DecodeError),
}

fn read(path: &Path) -> Result<Photo, Unread> {
    let limits = Limits::default();
    // One byte more than the limit is enough for the decoder to refuse a huge file by its size.
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(Unread::File)?;
    file.take(limits.bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(Unread::File)?;
    vision::decode(&bytes, &limits).map_err(Unread::Photo)
}

/// What is told about it.
pub fn explain(context: &Context, path: &Path, why: Unread) -> Unanswered {
    match why {
        Unread::Photo(error) => Unanswered {
            kind: error.kind(),
            message: context.say(classify::photo_message(&error)),
        },
        Unread::File(error) => {
            let path = path.display().to_string();
            if error.kind() == std::io::ErrorKind::NotFound {
                let message = context.say(Message::FileNotFound { path: &path });
                return Unanswered {
                    kind: "not_found",
                    message,
                };
            }
            let reason = words::reason(context.language, &error);
            let message = context.say(Message::FileCannotRead {
                path: &path,
                reason: &reason,
            });
            Unanswered {
                kind: "cannot_read",
                message,
            }
        }
    }
}

fn milliseconds(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1000.0
}

//! Answers as text for people, as JSON lines, or as CSV.
use crate::context::Context;
use crate::photos::Unanswered;
use crate::terminal;
use anyhow::Result;
use classify::{Answer, AnswerKind, BreedGuess};
use serde::Serialize;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use words::{AnswerMessage, Language, Say, plain_line};

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
    /// Of one photo.
    pub fn one(path: PathBuf, result: Result<Answer, Unanswered>) -> Self {
        Outcome {
            path,
            together: Vec::new(),
            result,
        }
    }
}

/// Prints outcomes one after the other; what is printed for one is there before the next begins.
pub struct Printer<'a> {
    context: &'a Context,
    form: Form,
    out: BufWriter<Box<dyn Write>>,
}

/// How outcomes are printed.
pub enum Form {
    /// For people
    Text,
    /// One JSON object per line
    Json,
    /// Comma-separated values, a line a photo
    Csv,
}

/// A line of `--json`: the photo's name before the answer's own fields, or the error.
#[derive(Serialize)]
struct Line<'a> {
    photo: String,
    /// All photos of one animal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    photos: Vec<String>,
    #[serde(flatten)]
    answer: Option<&'a Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<LineError<'a>>,
}

#[derive(Serialize)]
struct LineError<'a> {
    kind: &'a str,
    message: &'a str,
}

/// The columns of `--csv`.
const COLUMNS: &str = "photo,answer,dog_probability,id,name,probability,second_id,second_name,\
                       second_probability,mixed,group,type,error";

impl<'a> Printer<'a> {
    /// In this form.
    pub fn new(context: &'a Context, form: Form) -> Result<Self> {
        let is_table = matches!(form, Form::Csv);
        let mut out = BufWriter::new(match is_table {
            true => terminal::table(),
            false => Box::new(terminal::stdout()),
        });
        if is_table {
            writeln!(out, "{COLUMNS}")?;
        }
        Ok(Printer { context, form, out })
    }

    /// Prints what became of one photo: an error on stderr, or in the line where programs read it.
    pub fn outcome(&mut self, outcome: &Outcome) -> Result<()> {
        let photo = outcome.path.display().to_string();
        match self.form {
            Form::Json => {
                let (answer, error) = match &outcome.result {
                    Ok(answer) => (Some(answer), None),
                    Err(why) => (
                        None,
                        Some(LineError {
                            kind: why.kind,
                            message: &why.message,
                        }),
                    ),
                };
                let together = outcome.together.iter();
                let line = Line {
                    photo,
                    photos: together.map(|path| path.display().to_string()).collect(),
                    answer,
                    error,
                };
                writeln!(self.out, "{}", serde_json::to_string(&line)?)?;
            }
            Form::Csv => self.csv(&photo, outcome)?,
            Form::Text => match &outcome.result {
                Ok(answer) => {
                    let language = self.context.language;
                    let together = outcome.together.iter();
                    let all: Vec<_> = together.map(|path| path.display().to_string()).collect();
                    let shown = if all.is_empty() {
                        photo
                    } else {
                        all.join(", ")
                    };
                    let shown = plain_line(&shown);
                    writeln!(self.out, "{shown}: {}", answer.summary(language))?;
                    for line in details(answer, language) {
                        writeln!(self.out, "  {}", plain_line(&line))?;
                    }
                }
                Err(why) => {
                    self.out.flush()?;
                    // Some reasons name the file themselves.
                    match why.message.contains(&photo) {
                        true => eprintln!("{}", why.message),
                        false => eprintln!("{}: {}", plain_line(&photo), why.message),
                    }
                }
            },
        }
        self.out.flush()?;
        Ok(())
    }

    fn csv(&mut self, photo: &str, outcome: &Outcome) -> Result<()> {
        let language = self.context.language;
        let mut cells = vec![photo.to_owned()];
        match &outcome.result {
            Ok(answer) => {
                cells.push(
                    serde_json::to_value(answer.answer)?
                        .as_str()
                        .unwrap_or_default()
                        .into(),
                );
                cells.push(answer.dog_probability.to_string());
                for place in 0..2 {
                    match answer.breeds.get(place) {
                        Some(breed) => cells.extend([
                            breed.id.clone(),
                            breed.name_in(language).to_owned(),
                            breed.probability.to_string(),
                        ]),
                        None => cells.extend([const { String::new() }; 3]),
                    }
                }
                cells.push(answer.mixed.to_string());
                cells.push(
                    answer
                        .group
                        .as_ref()
                        .map(|group| group.id.clone())
                        .unwrap_or_default(),
                );
                let breed_type = answer.breed_type.as_ref();
                cells.push(breed_type.map(|found| found.id.clone()).unwrap_or_default());
                cells.push(String::new());
            }
            Err(why) => {
                cells.extend([const { String::new() }; 11]);
                cells.push(why.kind.to_owned());
            }
        }
        Ok(write!(self.out, "{}", data::table_line(cells))?)
    }
}

/// The lines under the answer: the next breeds, look-alikes, quality and notices.
fn details(answer: &Answer, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let colon = if language == Language::French {
        "\u{a0}:"
    } else {
        ":"
    };
    if answer.answer != AnswerKind::NotADog {
        let is_named = answer.answer == AnswerKind::Dog && answer.breed_type.is_none();
        let skipped = usize::from(is_named);
        let with_percent = |breed: &BreedGuess| {
            let percent = words::percent(language, breed.probability.into());
            format!("{} {percent}", breed.name_in(language))
        };
        let others: Vec<_> = answer
            .breeds
            .iter()
            .skip(skipped)
            .map(with_percent)
            .collect();
        if !others.is_empty() {
            let label = match is_named {
                true => AnswerMessage::Others,
                false => AnswerMessage::Closest,
            };
            let label = label.text(language);
            lines.push(format!("{label}{colon} {}", others.join(", ")));
        }
        let alike: Vec<_> = answer
            .look_alikes
            .iter()
            .filter_map(|id| words::breed(id))
            .map(|breed| breed.name(language))
            .collect();
        if answer.answer == AnswerKind::Dog && !alike.is_empty() {
            let label = AnswerMessage::LookAlikes.text(language);
            lines.push(format!("{label}{colon} {}", alike.join(", ")));
        }
    }
    for message in answer.remarks() {
        lines.push(message.message(language));
    }
    lines
}

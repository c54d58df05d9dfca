//! `museau compare`: two groups of models, trained alike but for one thing, pair by pair on the same
//! photos: does that thing gain or lose?
use crate::context::Context;
use crate::data_set::{Source, open};
use crate::failure::{Failure, Status};
use crate::table::{Cell, Table};
use crate::verbs::evaluate::subject::{self, PartName, Subject, part, unusable};
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;
use data::check::last_names;
use data::score::{self, GroupAccuracy, Interval, Paired};
use data::{Manifest, Part};
use package::TrainingRecord;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use train::evaluate::{EvaluateError, PairError, Pairs};
use words::EvaluateMessage;

/// Options of `museau compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    #[command(flatten)]
    source: Source,
    /// Baseline models, one per seed: files, run folders, listed names or tables
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    base: Vec<PathBuf>,
    /// Candidate models, with the same seeds in the same order
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    with: Vec<PathBuf>,
    /// The split to compare on; the test split only if named
    /// [default: val, or all of a data set that is not split]
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartName>,
    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// What decides the draws of a test of many pairs.
const SEED: u64 = 1;
/// The most photos that are named.
const MOST_NAMED: usize = 5;

/// One group's accuracy.
#[derive(Serialize)]
struct Group {
    #[serde(flatten)]
    accuracy: GroupAccuracy,
    /// The settings in which its models differ among themselves, but for their seeds: empty where it
    /// is not mixed, none where not all models say how they were trained.
    mixed: Option<Vec<String>>,
    /// Of the photos compared on, how many any of its models was trained on, as far as they say.
    seen: usize,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Compared {
    part: &'static str,
    photos: usize,
    base: Group,
    with: Group,
    /// In the accuracy.
    mean_difference: f64,
    /// None of one pair, of which chance can say nothing.
    paired: Option<Paired>,
    /// The settings in which the models of a pair differ, but for names; none where not all models
    /// say how they were trained.
    differences: Option<Vec<String>>,
    verdict: String,
}

/// Compares and prints.
pub fn run(context: &Context, arguments: &CompareArguments) -> Result<()> {
    if arguments.base.len() != arguments.with.len() {
        let said = context.say(EvaluateMessage::CompareUneven {
            base: &arguments.base.len().to_string(),
            with: &arguments.with.len().to_string(),
        });
        return Err(Failure::error(Status::Usage, said));
    }
    each_once(context, arguments)?;
    let judged = judge_pairs(context, &arguments.base, &arguments.with)?;
    let (manifest, ..) = open(context, &arguments.source)?;
    let wanted = part(context, &manifest, arguments.source.path(), arguments.part)?;
    // Those that the first model answered, by which all others are measured.
    let mut photos: Option<(PathBuf, BTreeSet<usize>)> = None;
    let (differences, [base_mixed, with_mixed]) = match judged {
        Some(Pairs {
            differences,
            within,
        }) => (Some(differences), within.map(Some)),
        None => (None, [None, None]),
    };
    // By any model, for the caution.
    let mut seen_by_any = BTreeSet::new();
    let mut group = |models: &[PathBuf], mixed: Option<Vec<String>>| -> Result<Group> {
        let mut accuracies = Vec::new();
        let mut seen = BTreeSet::new();
        for model in models {
            // One after the other: memory for all of them is more than a machine may have.
            let subject = Subject::open(context, model)?;
            let Told {
                right,
                answered,
                left_out,
                trained_on,
            } = told(context, &subject, &manifest, wanted)?;
            seen.extend(trained_on);
            accuracies.push(right as f64 / answered.len() as f64);
            match &photos {
                None => {
                    if !left_out.is_empty() && !context.quiet {
                        eprintln!("{left_out}");
                    }
                    photos = Some((model.clone(), answered));
                }
                Some(first) => same_photos(context, &manifest, first, (model, &answered))?,
            }
        }
        seen_by_any.extend(seen.iter().copied());
        Ok(Group {
            accuracy: GroupAccuracy::of(accuracies),
            mixed,
            seen: seen.len(),
        })
    };
    let base = group(&arguments.base, base_mixed)?;
    let with = group(&arguments.with, with_mixed)?;
    if !seen_by_any.is_empty() && !context.quiet {
        let count = &seen_by_any.len().to_string();
        eprintln!("{}", context.say(EvaluateMessage::CompareSeen { count }));
    }
    let [of_base, of_with] = [&base.accuracy, &with.accuracy];
    let mean_difference = of_with.mean - of_base.mean;
    let paired = (of_base.accuracies.len() > 1)
        .then(|| score::paired(&of_base.accuracies, &of_with.accuracies, SEED));
    let compared = Compared {
        part: data::part_name(wanted),
        photos: photos.map_or(0, |(_, photos)| photos.len()),
        verdict: match &paired {
            Some(paired) => paired.text(context.language),
            None => context.say(EvaluateMessage::CompareOnePair {
                difference: &shown(context, mean_difference),
            }),
        },
        mean_difference,
        differences,
        base,
        with,
        paired,
    };
    let mut out = terminal::stdout();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&compared)?)?;
        return Ok(());
    }
    drop(out);
    print(context, &compared)
}

/// Prints the groups as a table, and under it what the difference means.
fn print(context: &Context, compared: &Compared) -> Result<()> {
    let headings = [
        EvaluateMessage::CompareGroup,
        EvaluateMessage::CompareMean,
        EvaluateMessage::CompareLow,
        EvaluateMessage::CompareHigh,
        EvaluateMessage::CompareModels,
    ];
    let mut table = Table::new(headings.map(|heading| context.say(heading)).to_vec());
    for (name, group) in GROUPS.into_iter().zip([&compared.base, &compared.with]) {
        let group = &group.accuracy;
        let [low, high] = match group.interval {
            Some(Interval { low, high }) => [low, high].map(|v| shown(context, v)),
            None => ["-", "-"].map(str::to_owned),
        };
        let models = group.accuracies.len().to_string();
        let mut row = vec![Cell::text(format!("--{name}"))];
        row.extend([shown(context, group.mean), low, high, models].map(Cell::number));
        table.rows.push(row);
    }
    let mut out = terminal::styled();
    table.write(&mut out, 0, terminal::width())?;
    writeln!(out, "{}", compared.verdict)?;
    Ok(())
}

/// Refuses a model that did not answer the same photos as the first: their shares are of different
/// things, whether there are as many or not.
fn same_photos(
    context: &Context,
    manifest: &Manifest,
    (first, of_first): &(PathBuf, BTreeSet<usize>),
    (second, of_second): (&Path, &BTreeSet<usize>),
) -> Result<()> {
    if of_first == of_second {
        return Ok(());
    }
    let listed = |alone: Vec<&usize>| {
        let named = alone.iter().take(MOST_NAMED);
        let named = named.map(|&&place| last_names(&manifest.all_entries()[place].path));
        let mut names: Vec<&str> = named.collect();
        if alone.len() > MOST_NAMED {
            names.push("…");
        }
        match alone.is_empty() {
            true => "0".to_owned(),
            false => format!("{} ({})", alone.len(), names.join(", ")),
        }
    };
    let said = context.say(EvaluateMessage::CompareOtherPhotos {
        first: &first.display().to_string(),
        first_only: &listed(of_first.difference(of_second).collect()),
        second: &second.display().to_string(),
        second_only: &listed(of_second.difference(of_first).collect()),
    });
    Err(Failure::error(Status::Unusable, said))
}

/// Refuses a model that is named twice: the same again says nothing more.
fn each_once(context: &Context, arguments: &CompareArguments) -> Result<()> {
    let mut known = HashSet::new();
    for model in arguments.base.iter().chain(&arguments.with) {
        let place = match subject::is_table(model) {
            true => Some(model.clone()),
            false => model::find(context, Some(model))?,
        };
        if !known.insert(place.map(|place| place.canonicalize().unwrap_or(place))) {
            let model = &model.display().to_string();
            let said = context.say(EvaluateMessage::CompareTwice { model });
            return Err(Failure::error(Status::Usage, said));
        }
    }
    Ok(())
}

/// The groups, as options and messages name them.
const GROUPS: [&str; 2] = ["base", "with"];

/// Refuses pairs that are none, and says in what the two groups differ, as far as the models tell how
/// they were trained; none where not all do.
fn judge_pairs(context: &Context, bases: &[PathBuf], withs: &[PathBuf]) -> Result<Option<Pairs>> {
    // All are read, also after one that has none: what is no model is said before any is evaluated.
    let records = |group: &[PathBuf]| -> Result<Vec<Option<TrainingRecord>>> {
        let record = |model: &PathBuf| subject::training(context, model);
        group.iter().map(record).collect()
    };
    let all = |records: Vec<Option<TrainingRecord>>| -> Option<Vec<TrainingRecord>> {
        records.into_iter().collect()
    };
    let (bases, withs) = (records(bases)?, records(withs)?);
    let (Some(bases), Some(withs)) = (all(bases), all(withs)) else {
        if !context.quiet {
            eprintln!("{}", context.say(EvaluateMessage::CompareNoRecord));
        }
        return Ok(None);
    };
    let pairs = Pairs::judge(&bases, &withs).map_err(|error| {
        let said = match &error {
            PairError::SeedTwice { group, seed } => {
                context.say(EvaluateMessage::CompareSeedTwice {
                    group: GROUPS[*group],
                    seed,
                })
            }
            PairError::Seeds { pair, base, with } => context.say(EvaluateMessage::CompareSeeds {
                pair: &(pair + 1).to_string(),
                base,
                with,
            }),
        };
        Failure::error(Status::Usage, said)
    })?;
    if context.quiet {
        return Ok(Some(pairs));
    }
    for (group, within) in GROUPS.into_iter().zip(&pairs.within) {
        if !within.is_empty() {
            let keys = &within.join(", ");
            eprintln!(
                "{}",
                context.say(EvaluateMessage::CompareMixed { group, keys })
            );
        }
    }
    let keys = &pairs.differences.join(", ");
    let message = match pairs.differences.len() {
        0 => EvaluateMessage::CompareAlike,
        1 => EvaluateMessage::CompareDiffers { keys },
        _ => EvaluateMessage::CompareSeveral { keys },
    };
    eprintln!("{}", context.say(message));
    Ok(Some(pairs))
}

/// What a model tells of a part's photos.
struct Told {
    /// Photos predicted correctly.
    right: usize,
    /// Of these, by their places among all of the manifest.
    answered: BTreeSet<usize>,
    /// What the others of the part are, in words; empty where there are none.
    left_out: String,
    /// Those that the model was trained on, as far as it says.
    trained_on: Vec<usize>,
}

fn told(context: &Context, model: &Subject, manifest: &Manifest, part: Part) -> Result<Told> {
    let predicted = model.predicted(context, manifest, part)?;
    let all: Vec<usize> = (0..predicted.labels.len()).collect();
    let outcomes = predicted
        .outcomes(&all, None)
        .map_err(|error| unusable(context, &EvaluateError::Score(error)))?;
    if outcomes.is_empty() {
        return Err(unusable(context, &EvaluateError::NoPhoto));
    }
    let fitted = predicted.training.as_ref().map(|training| &training.fitted);
    Ok(Told {
        right: outcomes.iter().filter(|outcome| outcome.is_right()).count(),
        left_out: predicted.left_out(context.language).join("\n"),
        answered: predicted.photos.iter().map(|photo| photo.entry).collect(),
        trained_on: fitted.map_or_else(Vec::new, |fitted| predicted.among(fitted, manifest)),
    })
}

/// In points of per cent, with one decimal.
fn shown(context: &Context, share: f64) -> String {
    words::number(context.language, 100.0 * share, 1)
}

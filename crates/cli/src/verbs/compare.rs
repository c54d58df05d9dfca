//! `museau compare`: two groups of models, trained alike but for one thing, pair by pair on the same
//! photos: does that thing gain or lose?
use crate::context::Context;
use crate::data_set::{Source, open};
use crate::failure::{Failure, Status};
use crate::verbs::evaluate::subject::{self, PartName, Subject, part, unusable};
use anyhow::Result;
use clap::Args;
use classify::TrainingRecord;
use data::check::last_names;
use data::score::{self, Interval, Paired};
use data::{Manifest, Part};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use train::evaluate::{EvaluateError, SIGNIFICANT};
use words::Message;

/// Options of `museau compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    #[command(flatten)]
    source: Source,
    /// The models to compare with: one for each seed
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    base: Vec<PathBuf>,
    /// The models that are compared, in the order of the same seeds
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    with: Vec<PathBuf>,
    /// The split to compare on; the test split only if named
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
    /// Of each model.
    accuracies: Vec<f64>,
    mean: f64,
    /// 95 %, Student's over the models; none of one model, or where all have the same share.
    interval: Option<Interval>,
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

/// In what models differ, as their trainings say.
struct Judged {
    /// Those of any pair.
    pairs: Vec<String>,
    /// Those within the base, and within the others.
    within: [Vec<String>; 2],
}

/// Compares and prints.
pub fn run(context: &Context, arguments: &CompareArguments) -> Result<()> {
    if arguments.base.len() != arguments.with.len() {
        let said = context.say(Message::CompareUneven {
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
        Some(Judged { pairs, within }) => (Some(pairs), within.map(Some)),
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
            mean: accuracies.iter().sum::<f64>() / accuracies.len() as f64,
            interval: Some(score::student(&accuracies))
                .filter(Interval::is_some)
                // Few models of much scatter reach out of what a share can be.
                .map(|Interval { low, high }| Interval {
                    low: low.max(0.0),
                    high: high.min(1.0),
                }),
            accuracies,
            mixed,
            seen: seen.len(),
        })
    };
    let base = group(&arguments.base, base_mixed)?;
    let with = group(&arguments.with, with_mixed)?;
    if !seen_by_any.is_empty() && !context.quiet {
        let count = &seen_by_any.len().to_string();
        eprintln!("{}", context.say(Message::CompareSeen { count }));
    }
    let mean_difference = with.mean - base.mean;
    let paired = (base.accuracies.len() > 1)
        .then(|| score::paired(&base.accuracies, &with.accuracies, SEED));
    let compared = Compared {
        part: data::part_name(wanted),
        photos: photos.map_or(0, |(_, photos)| photos.len()),
        verdict: match &paired {
            Some(paired) => verdict(context, paired),
            None => context.say(Message::CompareOnePair {
                difference: &shown(context, mean_difference),
            }),
        },
        mean_difference,
        differences,
        base,
        with,
        paired,
    };
    let mut out = crate::terminal::stdout();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&compared)?)?;
        return Ok(());
    }
    for (name, group) in [("base", &compared.base), ("with", &compared.with)] {
        let [low, high] = match group.interval {
            Some(Interval { low, high, .. }) => [low, high].map(|v| shown(context, v)),
            None => ["-", "-"].map(str::to_owned),
        };
        let mean = shown(context, group.mean);
        writeln!(
            out,
            "{name}\t{mean} %\t{low}\t{high}\t{}",
            group.accuracies.len()
        )?;
    }
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
    let said = context.say(Message::CompareOtherPhotos {
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
        if !known.insert(model.canonicalize().unwrap_or_else(|_| model.clone())) {
            let model = &model.display().to_string();
            let said = context.say(Message::CompareTwice { model });
            return Err(Failure::error(Status::Usage, said));
        }
    }
    Ok(())
}

/// Settings that are not compared: names, and what makes the members of a group different.
const OF_ITS_OWN: [&str; 3] = ["train.name", "train.seed", "data.source"];

/// Refuses pairs that are none, and says in what the two groups differ, as far as the models tell how
/// they were trained; none where not all do.
fn judge_pairs(context: &Context, bases: &[PathBuf], withs: &[PathBuf]) -> Result<Option<Judged>> {
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
            eprintln!("{}", context.say(Message::CompareNoRecord));
        }
        return Ok(None);
    };
    let seed = |record: &TrainingRecord| {
        record
            .settings
            .get("train.seed")
            .cloned()
            .unwrap_or_default()
    };
    let mut within = [const { Vec::new() }; 2];
    let groups = [("base", &bases), ("with", &withs)];
    for ((name, group), within) in groups.into_iter().zip(&mut within) {
        let mut known = HashSet::new();
        if let Some(twice) = group
            .iter()
            .map(seed)
            .find(|seed| !known.insert(seed.clone()))
        {
            let said = context.say(Message::CompareSeedTwice {
                group: name,
                seed: &twice,
            });
            return Err(Failure::error(Status::Usage, said));
        }
        let others = group
            .iter()
            .flat_map(|record| differences(&group[0], record));
        *within = Vec::from_iter(others.collect::<BTreeSet<String>>());
        if !within.is_empty() && !context.quiet {
            let keys = &within.join(", ");
            eprintln!(
                "{}",
                context.say(Message::CompareMixed { group: name, keys })
            );
        }
    }
    let mut keys = BTreeSet::new();
    for (place, (base, with)) in bases.iter().zip(&withs).enumerate() {
        let seeds = [seed(base), seed(with)];
        if seeds[0] != seeds[1] {
            let said = context.say(Message::CompareSeeds {
                pair: &(place + 1).to_string(),
                base: &seeds[0],
                with: &seeds[1],
            });
            return Err(Failure::error(Status::Usage, said));
        }
        keys.extend(differences(base, with));
    }
    let pairs: Vec<String> = keys.into_iter().collect();
    if !context.quiet {
        let listed = &pairs.join(", ");
        let message = match pairs.len() {
            0 => Message::CompareAlike,
            1 => Message::CompareDiffers { keys: listed },
            _ => Message::CompareSeveral { keys: listed },
        };
        eprintln!("{}", context.say(message));
    }
    Ok(Some(Judged { pairs, within }))
}

/// The settings in which two trainings differ; `photos` where they saw others.
fn differences(one: &TrainingRecord, other: &TrainingRecord) -> Vec<String> {
    let names: BTreeSet<&String> = one.settings.keys().chain(other.settings.keys()).collect();
    let differs = |name: &&String| {
        !OF_ITS_OWN.contains(&name.as_str()) && one.settings.get(*name) != other.settings.get(*name)
    };
    let mut keys: Vec<String> = names.into_iter().filter(differs).cloned().collect();
    if one.photos != other.photos {
        keys.push("photos".to_owned());
    }
    keys
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

fn verdict(context: &Context, paired: &Paired) -> String {
    let significant = paired.p_value < SIGNIFICANT;
    // 'A loss of 2 points', but 'no difference: -2 points'.
    let said = match significant {
        true => paired.mean_difference.abs(),
        false => paired.mean_difference,
    };
    let difference = &shown(context, said);
    let Interval { low, high } = paired.interval;
    let (low, high) = (&shown(context, low), &shown(context, high));
    let interval = &context.say(match paired.interval.is_some() {
        true => Message::CompareInterval { low, high },
        false => Message::CompareNoInterval,
    });
    let pairs = &paired.pairs.to_string();
    let p = &words::number(context.language, paired.p_value, 3);
    let gains = paired.mean_difference > 0.0;
    let mut text = context.say(match (significant, gains) {
        (true, true) => Message::CompareGain {
            difference,
            interval,
            pairs,
            p,
        },
        (true, false) => Message::CompareLoss {
            difference,
            interval,
            pairs,
            p,
        },
        (false, _) => Message::CompareNoDifference {
            difference,
            interval,
            pairs,
            p,
        },
    });
    let can_show = |pairs: &usize| score::least_p_value(*pairs) < SIGNIFICANT;
    if !can_show(&paired.pairs)
        && let Some(needed) = (paired.pairs..).find(can_show)
    {
        let needed = &needed.to_string();
        text += " ";
        text += &context.say(Message::CompareTooFew { needed });
    }
    text
}

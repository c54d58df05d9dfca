//! `museau data`: import a data set, split it, check it, look at it.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::progress::Shown;
use anyhow::Result;
use clap::{Args, Subcommand};
use data::check::decisions::Decisions;
use data::{AtomicFile, Error, ImportOptions, Imported, Manifest, Part, Problem, ProblemKind};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use words::Message;

/// The verbs under `museau data`.
#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// Fetch a published data set: its archives, checked, resumed after a break
    Fetch(crate::fetch::FetchArguments),
    /// Make a manifest of a data set; its photos stay where they are
    Import(ImportArguments),
    /// Say which photos are for fitting, choosing and testing
    Split(SplitArguments),
    /// Look for what spoils training: twins, unreadable and odd photos
    Check(CheckArguments),
    /// Decide about what a check found, on a local page
    Review(crate::review::ReviewArguments),
    /// Make a page of charts and samples
    Explore(ExploreArguments),
    /// Make a page of photos and what an augmentation makes of them
    Preview(crate::preview::PreviewArguments),
}

/// Where the photos are.
#[derive(Debug, Args)]
pub struct Source {
    /// A manifest; or a folder for each class, Stanford Dogs' folders or archives, a tar, a table
    #[arg(value_name = "DATASET")]
    pub source: PathBuf,
    /// Decisions about photos, to be honoured
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
}

impl Source {
    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.source
    }
}

/// Options of `museau data import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// A folder for each class, Stanford Dogs' folders or archives, a tar, a table of labels
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// The manifest to write (CSV); what is wrong goes beside it, into NAME.problems.csv
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The folder that a table's paths start from [default: the table's]
    #[arg(long, value_name = "FOLDER")]
    photos: Option<PathBuf>,
    /// The table's column of paths [default: path, file, filename, image, id, ...]
    #[arg(long, value_name = "NAME")]
    path_column: Option<String>,
    /// The table's column of classes [default: label, class, breed, ...]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// The table's encoding, such as latin1 [default: UTF-8, or UTF-16 by its mark]
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Write over a manifest that shares no photo or cannot be read, too; one that shares any is
    /// always replaced
    #[arg(long)]
    force: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Options of `museau data split`.
#[derive(Debug, Args)]
pub struct SplitArguments {
    #[command(flatten)]
    source: Source,
    /// The manifest to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Keep the test of the data set; without it all photos are drawn anew
    #[arg(long)]
    official: bool,
    /// Draw all photos anew, those of the data set's own test too
    #[arg(long, conflicts_with = "official")]
    redraw: bool,
    /// The share of the photos kept for testing
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share, conflicts_with = "official")]
    test: f64,
    /// The share of the other photos that is for choosing
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    val: f64,
    /// What decides the draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Classes to keep: a number (3, 4, 5) or names joined by commas
    #[arg(long, value_name = "N|NAMES")]
    classes: Option<String>,
    /// At most so many photos of a class in each part
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    most: Option<u32>,
    /// Write over a manifest that shares no photo or cannot be read, too; one that shares any is
    /// always replaced
    #[arg(long)]
    force: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Options of `museau data check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    source: Source,
    /// The folder for report.html, check.json and decisions.csv (which is never overwritten)
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Look for wrong labels among photos that a model sees alike (of the test, with --with-test)
    #[arg(long)]
    suspects: bool,
    /// The model for --suspects [default: the one inside]
    #[arg(long, value_name = "FILE", requires = "suspects")]
    model: Option<PathBuf>,
    /// Judge them by confident learning rather than by neighbours: by what a head says of a photo that
    /// was trained on the features of others. Its probabilities go into FILE (CSV), if one is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, requires = "suspects", conflicts_with = "probabilities")]
    out_of_fold: Option<Option<PathBuf>>,
    /// Look for wrong labels by these out-of-fold probabilities (CSV: path, a column a class)
    #[arg(long, value_name = "FILE")]
    probabilities: Option<PathBuf>,
    /// Judge the labels of the photos kept for testing too
    #[arg(long)]
    with_test: bool,
    /// Print the counts as one JSON object
    #[arg(long)]
    json: bool,
}

/// Options of `museau data explore`.
#[derive(Debug, Args)]
pub struct ExploreArguments {
    #[command(flatten)]
    source: Source,
    /// The folder for explore.html and explore.json
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Look at the photos kept for testing too
    #[arg(long)]
    with_test: bool,
    /// Draw the map of the classes as a model sees their photos
    #[arg(long)]
    map: bool,
    /// The model for --map [default: the one inside]
    #[arg(long, value_name = "FILE", requires = "map")]
    model: Option<PathBuf>,
    /// What decides which samples are shown
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs a verb under `museau data`.
pub fn run(context: &Context, verb: &DataVerb) -> Result<()> {
    match verb {
        DataVerb::Fetch(arguments) => crate::fetch::run(context, arguments),
        DataVerb::Import(arguments) => import(context, arguments),
        DataVerb::Split(arguments) => split(context, arguments),
        DataVerb::Check(arguments) => check(context, arguments),
        DataVerb::Review(arguments) => crate::review::run(context, arguments),
        DataVerb::Explore(arguments) => explore(context, arguments),
        DataVerb::Preview(arguments) => crate::preview::run(context, arguments),
    }
}

fn import(context: &Context, arguments: &ImportArguments) -> Result<()> {
    // Both places are tried before the work is done.
    let (file, before) = begin_manifest(
        context,
        &arguments.output,
        &arguments.source,
        arguments.force,
    )?;
    let beside = problems_beside(&arguments.output);
    let mut problems = begin(context, &beside)?;
    let options = ImportOptions {
        photos: arguments.photos.clone(),
        path_column: arguments.path_column.clone(),
        label_column: arguments.label_column.clone(),
        encoding: arguments.encoding.clone(),
        threads: context.threads,
    };
    let imported = import_source(context, &arguments.source, &options)?;
    may_replace(
        context,
        &arguments.output,
        before.as_ref(),
        &imported.manifest,
    )?;
    let unwritten = |source| {
        let path = beside.clone();
        unusable(context)(Error::Write { path, source })
    };
    Problem::write_all(&imported.problems, &mut problems).map_err(unwritten)?;
    // The manifest comes last: where it stands, all of the import does.
    problems.commit().map_err(unwritten)?;
    imported
        .manifest
        .save_into(file)
        .map_err(unusable(context))?;
    if !context.quiet {
        for problem in imported.problems.iter().take(MOST_NAMED) {
            eprintln!(
                "{}: {} {}",
                problem.kind.name(),
                problem.path,
                problem.detail
            );
        }
        if imported.problems.len() > MOST_NAMED {
            eprintln!("... {}", beside.display());
        }
    }
    let mut summary = counts(&imported.manifest);
    for kind in ProblemKind::ALL {
        let count = imported
            .problems
            .iter()
            .filter(|problem| problem.kind == kind)
            .count();
        if count > 0 {
            summary.push((kind.name(), count));
        }
    }
    print(&summary, &[], arguments.json)
}

/// How many problems are named on the terminal; all are in the file.
const MOST_NAMED: usize = 10;

fn split(context: &Context, arguments: &SplitArguments) -> Result<()> {
    let source = &arguments.source.source;
    let (file, before) = begin_manifest(context, &arguments.output, source, arguments.force)?;
    let (mut manifest, _, _) = open(context, &arguments.source)?;
    let sealed = manifest.test_entries().next().is_some();
    if sealed && !arguments.official && !arguments.redraw {
        let said = context.say(Message::SplitSealed);
        return Err(Failure::error(Status::Usage, said));
    }
    let mut chosen = Vec::new();
    if let Some(request) = &arguments.classes {
        // Twins are looked for among these alone.
        chosen = data::split::choose_classes(&manifest, request).map_err(unusable(context))?;
        manifest =
            manifest.restricted(|entry| chosen.iter().any(|c| c == manifest.class_name(entry)));
    }
    let shown = Shown::of_items(context, "split");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let twins = data::check::twins(&manifest, context.threads, &progress);
    shown.finish();
    let options = data::split::SplitOptions {
        official: arguments.official,
        test: arguments.test,
        validation: arguments.val,
        seed: arguments.seed,
        classes: Vec::new(),
        most: arguments.most.map(|most| most as usize),
    };
    let done = data::split::split(&manifest, &data::check::pairs(&twins), &options);
    if done.manifest.all_entries().is_empty() {
        let path = arguments.source.source.clone();
        return Err(unusable(context)(Error::Nothing { path }));
    }
    may_replace(context, &arguments.output, before.as_ref(), &done.manifest)?;
    done.manifest.save_into(file).map_err(unusable(context))?;
    let mut summary = counts(&done.manifest);
    summary.push(("twins", twins.len()));
    summary.push(("left_out", done.left_out.len()));
    if !context.quiet {
        for path in &done.left_out {
            eprintln!("{}", context.say(Message::SplitLeftOut { path }));
        }
    }
    print(&summary, &chosen, arguments.json)
}

fn check(context: &Context, arguments: &CheckArguments) -> Result<()> {
    // A source that is none leaves no folder behind.
    let (manifest, problems, decisions) = open(context, &arguments.source)?;
    let page = begin(context, &arguments.output.join("report.html"))?;
    let numbers = begin(context, &arguments.output.join("check.json"))?;
    let table = match &arguments.out_of_fold {
        Some(Some(path)) => Some(begin(context, path)?),
        _ => None,
    };
    let shown = Shown::of_items(context, "check");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let mut features = match arguments.suspects {
        true => Some(crate::features::of_manifest(
            context,
            &manifest,
            arguments.with_test,
            arguments.model.as_deref(),
            &progress,
        )?),
        false => None,
    };
    let probabilities = match &arguments.probabilities {
        Some(file) => Some(
            data::check::Probabilities::open(file, &manifest, arguments.with_test)
                .map_err(unusable(context))?,
        ),
        None => match features.take_if(|_| arguments.out_of_fold.is_some()) {
            Some(features) => Some(out_of_fold(
                context, &manifest, &features, table, &progress,
            )?),
            None => None,
        },
    };
    let evidence = data::check::Evidence {
        problems: &problems,
        features: features.as_ref(),
        probabilities: probabilities.as_ref(),
    };
    let checked = data::check::check(&manifest, &evidence, &decisions, context.threads, &progress);
    let html = data::check::report(
        &manifest,
        &checked,
        context.language,
        context.threads,
        &progress,
    );
    shown.finish();
    let json = serde_json::to_vec_pretty(&checked.json())?;
    finish(context, page, html.as_bytes())?;
    finish(context, numbers, &json)?;
    let to_decide = arguments.output.join("decisions.csv");
    if !to_decide.exists() {
        let lines = checked.open_decisions(&manifest);
        lines.save(&to_decide).map_err(unusable(context))?;
    }
    let mut summary = vec![("photos", checked.photos), ("decided", checked.decided)];
    summary.extend(
        checked
            .counts()
            .into_iter()
            .map(|(kind, count)| (kind.name(), count)),
    );
    print(&summary, &[], arguments.json)
}

/// Out-of-fold probabilities by a head on features, written to a table if there is one.
fn out_of_fold(
    context: &Context,
    manifest: &Manifest,
    features: &data::Features,
    table: Option<AtomicFile>,
    progress: data::Progress<'_>,
) -> Result<data::check::Probabilities> {
    let twins = data::check::twins(manifest, context.threads, progress);
    let options = train::OutOfFoldOptions::default();
    let rows = train::out_of_fold(
        manifest,
        features,
        &data::check::pairs(&twins),
        &options,
        context.threads,
        progress,
    )
    .map_err(|error| Failure::error(Status::Unusable, error.message(context.language)))?;
    if let Some(file) = table {
        let predicted = manifest.all_entries().iter().zip(&rows);
        let row = |(entry, row): (&data::Entry, &Option<Vec<f32>>)| {
            Some(data::Prediction {
                path: entry.path.clone(),
                label: manifest.class_name(entry).to_owned(),
                probabilities: row.clone()?,
            })
        };
        let classes = manifest.classes().iter();
        let table = data::Predictions {
            classes: classes.map(|class| class.folder.clone()).collect(),
            rows: predicted.filter_map(row).collect(),
        };
        table.save_into(file).map_err(unusable(context))?;
    }
    Ok(data::check::Probabilities::new(manifest, &rows))
}

fn explore(context: &Context, arguments: &ExploreArguments) -> Result<()> {
    let (manifest, _, _) = open(context, &arguments.source)?;
    let page_path = arguments.output.join("explore.html");
    let page = begin(context, &page_path)?;
    let numbers = begin(context, &arguments.output.join("explore.json"))?;
    let shown = Shown::of_items(context, "explore");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let explored =
        data::explore::explore(&manifest, arguments.with_test, context.threads, &progress);
    let map = match arguments.map {
        true => {
            let features = crate::features::of_manifest(
                context,
                &manifest,
                arguments.with_test,
                arguments.model.as_deref(),
                &progress,
            )?;
            Some(explored.map(&manifest, &features))
        }
        false => None,
    };
    shown.finish();
    let html = explored.page(
        &manifest,
        context.language,
        map.as_ref(),
        arguments.seed,
        context.threads,
    );
    let mut json = serde_json::to_value(&explored.numbers)?;
    json["map"] = serde_json::to_value(&map)?;
    let json = serde_json::to_vec_pretty(&json)?;
    finish(context, page, html.as_bytes())?;
    finish(context, numbers, &json)?;
    println!("{}", page_path.display());
    Ok(())
}

/// The data set's manifest, and what importing it showed where it was not imported before.
pub(crate) fn manifest(context: &Context, source: &Path) -> Result<(Manifest, Vec<Problem>)> {
    if data::is_manifest(source) {
        let manifest = Manifest::open(source).map_err(unusable(context))?;
        let beside = problems_beside(source);
        let problems = match beside.is_file() {
            true => Problem::read_all(&beside).map_err(unusable(context))?,
            false => Vec::new(),
        };
        return Ok((manifest, problems));
    }
    let options = ImportOptions {
        threads: context.threads,
        ..ImportOptions::default()
    };
    let imported = import_source(context, source, &options)?;
    Ok((imported.manifest, imported.problems))
}

/// A manifest or any data set, less what the decisions drop; what importing it showed; the
/// decisions.
pub fn open(context: &Context, source: &Source) -> Result<(Manifest, Vec<Problem>, Decisions)> {
    let (manifest, problems) = manifest(context, &source.source)?;
    let Some(path) = &source.decisions else {
        return Ok((manifest, problems, Decisions::default()));
    };
    let (decided, decisions) = decided(context, &manifest, path)?;
    Ok((decided, problems, decisions))
}

/// The data set as a file of decisions has it, and the decisions.
pub fn decided(
    context: &Context,
    manifest: &Manifest,
    path: &Path,
) -> Result<(Manifest, Decisions)> {
    let decisions = Decisions::open(path).map_err(unusable(context))?;
    let (decided, unmet) = decisions.apply(manifest);
    if !context.quiet {
        for path in unmet {
            eprintln!("{}", context.say(Message::DecisionUnmet { path: &path }));
        }
    }
    if decided.all_entries().is_empty() {
        let path = path.to_owned();
        return Err(unusable(context)(Error::Nothing { path }));
    }
    Ok((decided, decisions))
}

fn import_source(context: &Context, source: &Path, options: &ImportOptions) -> Result<Imported> {
    let shown = Shown::of_items(context, "import");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let imported = data::import(source, options, &progress);
    shown.finish();
    imported.map_err(unusable(context))
}

/// Photos in all and by part, and classes.
fn counts(manifest: &Manifest) -> Vec<(&'static str, usize)> {
    let of = |part| {
        manifest
            .all_entries()
            .iter()
            .filter(|entry| entry.part == part)
            .count()
    };
    let mut counts = vec![
        ("photos", manifest.all_entries().len()),
        ("classes", manifest.classes().len()),
    ];
    for (name, part) in [
        ("train", Part::Train),
        ("val", Part::Validation),
        ("test", Part::Test),
        ("unsplit", Part::Unsaid),
    ] {
        counts.push((name, of(part)));
    }
    counts
}

/// Prints the counts, and the names of the classes where some were chosen.
fn print(summary: &[(&'static str, usize)], chosen: &[String], json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let mut object: serde_json::Map<String, serde_json::Value> = summary
            .iter()
            .map(|(name, count)| ((*name).to_owned(), (*count).into()))
            .collect();
        if !chosen.is_empty() {
            object.insert("chosen".to_owned(), chosen.into());
        }
        writeln!(out, "{}", serde_json::Value::Object(object))?;
    } else {
        for (name, count) in summary {
            writeln!(out, "{name}\t{count}")?;
        }
        for name in chosen {
            writeln!(out, "chosen\t{name}")?;
        }
    }
    Ok(())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("0 <= SHARE < 1".to_owned()),
    }
}

/// Where an import says what was wrong: `NAME.problems.csv` beside the manifest.
fn problems_beside(manifest: &Path) -> PathBuf {
    manifest.with_extension("problems.csv")
}

/// Begins a manifest. What stands in its place already is written over only where it is a manifest,
/// and not the source itself: a mistyped name must not cost a table of labels or an archive. Gives
/// what is to be written over, for [`may_replace`] to judge; not where it does not matter (`force`).
fn begin_manifest(
    context: &Context,
    path: &Path,
    source: &Path,
    force: bool,
) -> Result<(AtomicFile, Option<Manifest>)> {
    let is_source = || match (path.canonicalize(), source.canonicalize()) {
        (Ok(path), Ok(source)) => path == source,
        _ => false,
    };
    if path.is_file() && (!data::is_manifest(path) || is_source()) {
        let path = &path.display().to_string();
        let said = context.say(Message::ManifestOverOther { path });
        return Err(Failure::error(Status::Usage, said));
    }
    let before = match path.is_file() && !force {
        true => Some(Manifest::open(path).map_err(|error| {
            let said = context.say(Message::ManifestDamaged {
                reason: &error.message(context.language),
            });
            Failure::error(Status::Usage, said)
        })?),
        false => None,
    };
    Ok((create(context, path)?, before))
}

/// Whether a new manifest may stand in the place of an old one: where they have a photo in common,
/// as after a second import or split of the same data set. Then it is said what the old one had.
fn may_replace(
    context: &Context,
    path: &Path,
    before: Option<&Manifest>,
    now: &Manifest,
) -> Result<()> {
    let Some(before) = before else {
        return Ok(());
    };
    let known = |manifest: &Manifest| -> HashMap<String, (String, Part)> {
        let entries = manifest.all_entries().iter();
        let known = entries.map(|entry| {
            let class = manifest.class_name(entry).to_owned();
            (manifest.whole_name(entry), (class, entry.part))
        });
        known.collect()
    };
    let (old, new) = (known(before), known(now));
    let shared: Vec<&String> = old.keys().filter(|name| new.contains_key(*name)).collect();
    let path = &path.display().to_string();
    let photos = &old.len().to_string();
    if shared.is_empty() {
        let said = context.say(Message::ManifestOfOthers { path, photos });
        return Err(Failure::error(Status::Usage, said));
    }
    if !context.quiet {
        let changed = shared.iter().filter(|name| old[**name] != new[**name]);
        let said = context.say(Message::ManifestReplaced {
            path,
            photos,
            gone: &(old.len() - shared.len()).to_string(),
            added: &(new.len() - shared.len()).to_string(),
            changed: &changed.count().to_string(),
        });
        eprintln!("{said}");
    }
    Ok(())
}

/// Begins a file that will appear whole, over anything but a manifest.
pub fn begin(context: &Context, path: &Path) -> Result<AtomicFile> {
    if path.is_file() && data::is_manifest(path) {
        let path = &path.display().to_string();
        let said = context.say(Message::ManifestUnder { path });
        return Err(Failure::error(Status::Usage, said));
    }
    create(context, path)
}

fn create(context: &Context, path: &Path) -> Result<AtomicFile> {
    AtomicFile::create(path).map_err(|source| {
        let path = path.to_owned();
        failed(context)(Error::Write { path, source })
    })
}

/// Writes the rest of a file that was begun, and puts it in its place.
pub fn finish(context: &Context, file: AtomicFile, rest: &[u8]) -> Result<()> {
    let path = file.path().to_owned();
    file.finish(rest)
        .map_err(|source| failed(context)(Error::Write { path, source }))
}

/// A data set or a table that cannot be used; what cannot be written has failed.
pub fn unusable(context: &Context) -> impl Fn(Error) -> anyhow::Error + '_ {
    |error| match error {
        Error::Write { .. } => failed(context)(error),
        _ => Failure::error(Status::Unusable, error.message(context.language)),
    }
}

fn failed(context: &Context) -> impl Fn(Error) -> anyhow::Error + '_ {
    |error| Failure::error(Status::Failed, error.message(context.language))
}

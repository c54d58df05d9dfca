//! `museau data check`: what spoils training, as a page, numbers and decisions to take.
use super::summary::{Count, print};
use crate::context::Context;
use crate::data_set::{Source, cache, open, unusable};
use crate::failure::{Failure, Status};
use crate::features;
use crate::outputs::{Kind, argument, begin, finish, told};
use crate::progress::Shown;
use anyhow::Result;
use clap::Args;
use data::files::stamped_object;
use data::{AtomicFile, Manifest};
use std::path::PathBuf;
use words::{DataMessage, Say};

/// Options of `museau data check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    source: Source,
    /// The folder for report.html, check.json and decisions.csv (which is never overwritten)
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Find doubtful labels from a model's features (nearest neighbours); test photos only with --with-test
    #[arg(long)]
    suspects: bool,
    /// The model for --suspects: file, run folder, listed name, or `default` [default: the embedded model]
    #[arg(long, value_name = "FILE", requires = "suspects")]
    model: Option<PathBuf>,
    /// Use confident learning instead of nearest neighbours: out-of-fold predictions of a classifier head on
    /// the features. With =FILE, also write the probabilities (CSV)
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, requires = "suspects", conflicts_with = "probabilities")]
    out_of_fold: Option<Option<PathBuf>>,
    /// Find doubtful labels from these out-of-fold probabilities (CSV: path, one column per class)
    #[arg(long, value_name = "FILE")]
    probabilities: Option<PathBuf>,
    /// Check the labels of test photos too
    #[arg(long)]
    with_test: bool,
    /// Print the counts as one JSON object
    #[arg(long)]
    json: bool,
}

/// Checks.
pub fn run(context: &Context, arguments: &CheckArguments) -> Result<()> {
    // A source that is none leaves no folder behind.
    let (manifest, problems, decisions) = open(context, &arguments.source)?;
    let [report, figures] = ["report.html", "check.json"].map(|name| arguments.output.join(name));
    let page = begin(context, &report, Kind::Page)?;
    let numbers = begin(context, &figures, Kind::Check)?;
    let table = match &arguments.out_of_fold {
        Some(Some(path)) => Some(begin(context, path, Kind::Predictions)?),
        _ => None,
    };
    let shown = Shown::of_items(context, "check");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let mut features = match arguments.suspects {
        true => Some(features::of_manifest(
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
    let cache = cache();
    let evidence = data::check::Evidence {
        cache: Some(&cache),
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
    let json = stamped_object(&serde_json::to_string_pretty(&checked.json())?);
    finish(context, page, html.as_bytes())?;
    finish(context, numbers, json.as_bytes())?;
    let to_decide = arguments.output.join("decisions.csv");
    // What was decided there is a person's own.
    if to_decide.symlink_metadata().is_err() {
        let file = begin(context, &to_decide, Kind::Decisions)?;
        let lines = checked.open_decisions(&manifest);
        lines.save_into(file).map_err(unusable(context))?;
    }
    let mut summary = vec![
        Count::of("photos", DataMessage::CountPhotos, checked.photos),
        Count::of("decided", DataMessage::CountDecided, checked.decided),
    ];
    let counts = checked.counts().into_iter();
    summary.extend(counts.map(|(kind, count)| Count::of(kind.name(), kind.message(), count)));
    print(context, &summary, &[], arguments.json)?;
    let mut written = vec![report.as_path(), &figures, &to_decide];
    written.extend(arguments.out_of_fold.iter().flatten().map(PathBuf::as_path));
    let review = format!(
        "museau data review {} --check {}",
        argument(arguments.source.path()),
        argument(&arguments.output)
    );
    let is_found = checked.counts().iter().any(|(_, count)| *count > 0);
    told(context, &written, is_found.then_some(review.as_str()));
    Ok(())
}

/// Out-of-fold probabilities by a head on features, written to a table if there is one.
fn out_of_fold(
    context: &Context,
    manifest: &Manifest,
    features: &data::Features,
    table: Option<AtomicFile>,
    progress: data::Progress<'_>,
) -> Result<data::check::Probabilities> {
    let twins = data::check::twins(manifest, Some(&cache()), context.threads, progress);
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

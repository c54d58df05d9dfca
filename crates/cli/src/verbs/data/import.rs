//! `museau data import`: a manifest of a data set, and what is wrong with it.
use super::summary::{Count, counts, print};
use crate::context::Context;
use crate::data_set::{import_source, problems_beside, unusable};
use crate::outputs::{Kind, argument, begin, begin_manifest, may_replace, told};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use data::{Error, ImportOptions, Problem, ProblemKind};
use std::path::PathBuf;
use words::plain_line;

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
    /// Also replace a manifest that shares no photo or could not be read; one that shares photos is
    /// always replaced
    #[arg(long)]
    force: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Imports.
pub fn run(context: &Context, arguments: &ImportArguments) -> Result<()> {
    // Both places are tried before the work is done.
    let (file, before) = begin_manifest(
        context,
        &arguments.output,
        &arguments.source,
        arguments.force,
    )?;
    let beside = problems_beside(&arguments.output);
    let mut problems = begin(context, &beside, Kind::Problems)?;
    let options = ImportOptions {
        photos: arguments.photos.clone(),
        path_column: arguments.path_column.clone(),
        label_column: arguments.label_column.clone(),
        encoding: arguments.encoding.clone(),
        threads: context.threads,
        ..ImportOptions::default()
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
                context.say(problem.kind.message()),
                plain_line(&problem.path),
                plain_line(&problem.detail)
            );
        }
        if imported.problems.len() > MOST_NAMED {
            eprintln!("... {}", terminal::shown(&beside));
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
            summary.push(Count::of(kind.name(), kind.message(), count));
        }
    }
    print(context, &summary, &[], arguments.json)?;
    let mut written = vec![arguments.output.as_path()];
    if !imported.problems.is_empty() {
        written.push(&beside);
    }
    let check = format!(
        "museau data check {} -o checked",
        argument(&arguments.output)
    );
    told(context, &written, Some(&check));
    Ok(())
}

/// How many problems are named on the terminal; all are in the file.
const MOST_NAMED: usize = 10;

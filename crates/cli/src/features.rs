//! Features of a data set's photos by the model that was named, kept in the person's own folder.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::{model, outputs, terminal};
use anyhow::Result;
use data::{Manifest, Progress};
use std::path::{Path, PathBuf};
use train::features::{FeatureOptions, FeaturesError, KeptFeatures};
use words::Say;

/// Where features are kept from one command to the next.
pub fn folder() -> Option<PathBuf> {
    model::home().map(|home| home.join("features"))
}

/// Features of the photos of a manifest, of test photos only `with_test`. Says where the file is that
/// keeps them.
pub fn of_manifest(
    context: &Context,
    manifest: &Manifest,
    with_test: bool,
    package: Option<&Path>,
    progress: Progress<'_>,
) -> Result<data::Features> {
    let hash = model::hash(context, package)?;
    let options = FeatureOptions {
        open: classify::OpenOptions {
            memory_limit: None,
            ..model::options(context, 1)
        },
        threads: context.threads,
        with_test,
        folder: folder(),
    };
    let read = model::read(context, package)?;
    let made = train::features::features(read, &hash, manifest, &options, progress);
    let KeptFeatures { features, written } = made.map_err(|error| match error {
        FeaturesError::Open(error) => model::unusable(context, None, &error),
        FeaturesError::Classify(error) => model::unanswered(context, package, &error),
        FeaturesError::Nothing { model } => {
            let path = PathBuf::from(model);
            let said = data::Error::Nothing { path }.message(context.language);
            Failure::error(Status::Unusable, said)
        }
    })?;
    match written {
        Some((file, Ok(()))) => outputs::told(context, &[&file], None),
        Some((file, Err(error))) => eprintln!("{}: {error}", terminal::shown(&file)),
        _ => {}
    }
    Ok(features)
}

//! `museau models make`: a package from published weights, calibrated on photos.
use crate::arguments::MakeArguments;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use anyhow::{Context as _, Result};
use classify::make::{self, CalibrationPhotos, Classes, Examples, Recipe};
use indicatif::ProgressBar;
use std::io::Write;
use std::path::Path;
use tensor::Pool;

/// Makes the package and says what it was calibrated to.
pub fn run(context: &Context, arguments: &MakeArguments) -> Result<()> {
    let backbone = model::backbone(&arguments.backbone, &[])?;
    let views = match &arguments.views {
        Some(text) => Some(
            make::parse_views(text)
                .map_err(|error| Failure::error(Status::Usage, format!("--views: {error}")))?,
        ),
        None => None,
    };
    let stem = |path: &Path| {
        path.file_stem()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let recipe = Recipe {
        backbone,
        size: arguments.size.map(usize::from),
        weights: &arguments.weights,
        origin: arguments.origin.clone().unwrap_or_else(|| {
            let name = arguments.weights.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        }),
        licence: arguments
            .licence
            .clone()
            .unwrap_or_else(|| "unknown".into()),
        seen: arguments
            .seen
            .clone()
            .unwrap_or_else(|| "What they have seen is unknown.".into()),
        classes: classes(&arguments.classes)?,
        views,
        name: (arguments.name.clone())
            .or_else(|| stem(&arguments.output))
            .unwrap_or_else(|| "model".into()),
        version: arguments.model_version.clone(),
    };
    let unusable =
        |error: &dyn std::error::Error| Failure::error(Status::Unusable, error.to_string());
    let mut package = make::assemble(&recipe).map_err(|error| unusable(&error))?;
    if let Some(folder) = &arguments.calibrate {
        let photos = CalibrationPhotos {
            dogs: Examples::in_folder(
                folder,
                &package.about.labels,
                usize::from(arguments.photos_per_class),
            )
            .map_err(|error| unusable(&error))?,
            not_dogs: match &arguments.not_dogs {
                Some(folder) => Examples::files(folder).map_err(|error| unusable(&error))?,
                None => Vec::new(),
            },
        };
        let bar = if context.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        let pool = Pool::new(context.threads);
        make::calibrate(&mut package, &photos, &pool, &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        })
        .map_err(|error| unusable(&error))?;
        bar.finish_and_clear();
    }
    package
        .save(&arguments.output)
        .map_err(|error| Failure::error(Status::Failed, error.text(context.language)))?;
    std::io::stdout().write_all(package.about.card.as_bytes())?;
    Ok(())
}

/// `stanford`, or a file with one class id a line, in the order of the network's outputs.
fn classes(list: &str) -> Result<Classes> {
    if list == "stanford" {
        return Ok(Classes::Stanford);
    }
    let text = std::fs::read_to_string(list).with_context(|| format!("--classes {list}"))?;
    let ids: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect();
    if ids.is_empty() {
        return Err(Failure::error(
            Status::Usage,
            format!("--classes {list}: no class in it"),
        ));
    }
    Ok(Classes::All(ids))
}

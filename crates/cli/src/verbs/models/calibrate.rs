//! `museau models calibrate`: a copy of a model with its temperature and thresholds fitted to photos.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::{self, Kind, begin, finish};
use crate::prior::PriorArguments;
use crate::progress::Shown;
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;
use indicatif::ProgressBar;
use package::{Calibration, Package};
use std::io::Write;
use std::path::{Path, PathBuf};
use tensor::Pool;
use train::make::{self, CalibrationPhotos, MakeError};
use words::{ModelMessage, Say};

/// Options of `museau models calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArguments {
    /// A model: file, run folder, listed name, or `default`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Photos of dogs that the weights were not fitted to (any data set); test photos are left out
    #[arg(long, value_name = "DATASET")]
    dogs: PathBuf,
    /// Photos without a dog, to fit the 'no dog' threshold too, of a model that has one
    #[arg(long, value_name = "DATASET")]
    not_dogs: Option<PathBuf>,
    /// Photos per class
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    photos_per_class: u16,
    #[command(flatten)]
    prior: PriorArguments,
    /// Say that a crossbreed is likely where two breeds have 70% together; a model of a few breeds that
    /// was trained here says none
    #[arg(long)]
    crosses: bool,
    /// The copy's name [default: the model's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The copy's version [default: the model's]
    #[arg(long, value_name = "VERSION")]
    model_version: Option<String>,
    /// Where to write the copy
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Fits, writes the copy and says what it was fitted to.
pub fn run(context: &Context, arguments: &CalibrateArguments) -> Result<()> {
    outputs::not_over(context, &arguments.output, [&arguments.model])?;
    let file = begin(context, &arguments.output, Kind::Package)?;
    let mut package = model::read(context, Some(&arguments.model))?;
    arguments.prior.apply(context, &mut package.about)?;
    let about = &mut package.about;
    about.name = arguments.name.clone().unwrap_or_else(|| about.name.clone());
    let version = arguments.model_version.clone();
    about.version = version.unwrap_or_else(|| about.version.clone());
    if arguments.crosses {
        let usual = Calibration::default();
        about.calibration.mixed_together = usual.mixed_together;
        about.calibration.mixed_share = usual.mixed_share;
    }
    let photos = Photos {
        dogs: &arguments.dogs,
        not_dogs: arguments.not_dogs.as_deref(),
        per_class: usize::from(arguments.photos_per_class),
    };
    let pool = Pool::new(context.threads);
    fit(context, &photos, &mut package, &pool)
        .map_err(|error| Failure::error(Status::Unusable, error.message(context.language)))?;
    let bytes = package
        .to_bytes()
        .map_err(|error| Failure::error(Status::Failed, error.message(context.language)))?;
    finish(context, file, &bytes)?;
    terminal::stdout().write_all(package.about.card.as_bytes())?;
    Ok(())
}

/// What a model is fitted to.
pub(super) struct Photos<'a> {
    pub dogs: &'a Path,
    pub not_dogs: Option<&'a Path>,
    pub per_class: usize,
}

/// Calibrates the package on the photos that were named; says how many could not be read.
pub(super) fn fit(
    context: &Context,
    photos: &Photos<'_>,
    package: &mut Package,
    pool: &Pool,
) -> Result<(), MakeError> {
    let opened = Shown::of_items(context, "import");
    let photos = CalibrationPhotos::open(
        photos.dogs,
        photos.not_dogs,
        &package.about.labels,
        photos.per_class,
        context.threads,
        &|done, all| opened.now(done as u64, all as u64),
    );
    opened.finish();
    let photos = photos?;
    let bar = if context.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(0)
    };
    let fit = make::calibrate(package, &photos, pool, &mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let all = photos.count();
    let read: usize = fit.photos.iter().sum();
    if read < all && !context.quiet {
        let (count, all) = (&(all - read).to_string(), &all.to_string());
        eprintln!(
            "{}",
            context.say(ModelMessage::MakeUnreadable { count, all })
        );
    }
    Ok(())
}

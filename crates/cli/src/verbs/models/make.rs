//! `museau models make`: a package from published weights, calibrated on photos.
use super::calibrate;
use crate::context::Context;
use crate::data_set::unreadable;
use crate::failure::{Failure, Status};
use crate::outputs::{Kind, begin, finish};
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use tensor::Pool;
use train::make::{self, Classes, MakeError, Published};
use words::{ModelMessage, Say, UsageMessage};

/// What `--views` takes, in signs.
const VIEWS: &str = "(stretch | crop:FRACTION | letterbox[:GRAY])[:mirror] [+ ...]";

/// Options of `museau models make`.
#[derive(Debug, Args)]
#[command(after_help = crate::model::backbones())]
pub struct MakeArguments {
    /// The weights file: .h5, .weights.h5, .keras, .pth, .safetensors, .onnx, .tflite
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// The backbone (listed below)
    #[arg(long, value_name = "NAME")]
    pub backbone: String,
    /// The classes to keep: `stanford` or a file with one class id per line
    #[arg(long, value_name = "LIST", default_value = "stanford")]
    pub classes: String,
    /// Training photos to fit the temperature and the thresholds on (any data set)
    #[arg(long, value_name = "DATASET")]
    pub calibrate: Option<PathBuf>,
    /// Photos per class to calibrate on
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    pub photos_per_class: u16,
    /// Photos without a dog, for the 'no dog' threshold (needs --calibrate)
    #[arg(long, value_name = "DATASET", requires = "calibrate")]
    pub not_dogs: Option<PathBuf>,
    /// Views of a photo (how it is fitted to the input): stretch, crop:FRACTION, letterbox; several joined by
    /// `+`; `:mirror` behind one for its mirror image [default: the backbone's]
    #[arg(long, value_name = "VIEWS")]
    pub views: Option<String>,
    /// Height and width of the network's input, from 16 to 2048 [default: the backbone's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(16..=2048))]
    pub size: Option<u16>,
    /// The package's name [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The package's version
    #[arg(long, value_name = "VERSION", default_value = "1.0")]
    pub model_version: String,
    /// The weights' name and origin, for the model card [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    pub origin: Option<String>,
    /// The weights' licence (SPDX), for the model card
    #[arg(long, value_name = "NAME")]
    pub licence: Option<String>,
    /// What the weights have seen, for the model card
    #[arg(long, value_name = "TEXT")]
    pub seen: Option<String>,
    /// Where to write the package
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// Makes the package and says what it was calibrated to.
pub fn run(context: &Context, arguments: &MakeArguments) -> Result<()> {
    let backbone = model::backbone(context, &arguments.backbone, &[])?;
    let views = match &arguments.views {
        Some(text) => Some(graph::parse_views(text).map_err(|error| {
            let message = UsageMessage::WrongValue {
                argument: "--views",
                value: &error.0,
                wanted: VIEWS,
            };
            Failure::error(Status::Usage, message.text(context.language))
        })?),
        None => None,
    };
    let published = Published {
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
        classes: classes(context, &arguments.classes)?,
        views,
        name: (arguments.name.clone())
            .or_else(|| {
                let stem = arguments.output.file_stem();
                stem.map(|name| name.to_string_lossy().into_owned())
            })
            .unwrap_or_else(|| "model".into()),
        version: arguments.model_version.clone(),
    };
    let unmade =
        |error: MakeError| Failure::error(Status::Unusable, error.message(context.language));
    // What is wrong with a file's content does not name the file.
    let unfit = |error: MakeError| match error {
        MakeError::Format(_) | MakeError::Mismatch(_) => {
            let weights = terminal::shown(&arguments.weights);
            let said = format!("{weights}: {}", error.message(context.language));
            Failure::error(Status::Unusable, said)
        }
        error => unmade(error),
    };
    // The place is tried before the work is done.
    let file = begin(context, &arguments.output, Kind::Package)?;
    let mut package = make::assemble(&published).map_err(unfit)?;
    let pool = Pool::new(context.threads);
    make::check_outputs(&package, &pool).map_err(unmade)?;
    if let Some(folder) = &arguments.calibrate {
        let photos = calibrate::Photos {
            dogs: folder,
            not_dogs: arguments.not_dogs.as_deref(),
            per_class: usize::from(arguments.photos_per_class),
        };
        calibrate::fit(context, &photos, &mut package, &pool).map_err(unmade)?;
    }
    let bytes = package
        .to_bytes()
        .map_err(|error| Failure::error(Status::Failed, error.message(context.language)))?;
    finish(context, file, &bytes)?;
    terminal::stdout().write_all(package.about.card.as_bytes())?;
    Ok(())
}

/// `stanford`, or a file with one class id per line, in the order of the network's outputs.
fn classes(context: &Context, list: &str) -> Result<Classes> {
    if list == "stanford" {
        return Ok(Classes::Stanford);
    }
    let path = Path::new(list);
    let text = tensor::read_text(path).map_err(unreadable(context, path))?;
    Classes::listed(&text).ok_or_else(|| {
        let said = context.say(ModelMessage::MakeNoClassListed { path: list });
        Failure::error(Status::Usage, said)
    })
}

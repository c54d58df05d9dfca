//! `museau weights import`: a backbone's weights from a file, strictly.
use super::store;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::{Kind, begin};
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;

use std::path::{Path, PathBuf};
use train::make::MakeError;
use train::weights::{Imported, Top, import};
use words::{FileMessage, ModelMessage, Say, WeightsMessage};

/// Options of `museau weights import`.
#[derive(Debug, Args)]
#[command(after_help = model::backbones())]
pub struct ImportArguments {
    /// The file: .h5, .weights.h5, .keras, .pth, .safetensors, .onnx, .tflite
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The backbone (listed below)
    #[arg(long, value_name = "NAME")]
    backbone: String,
    /// Import the backbone without its classifier head
    #[arg(long)]
    no_top: bool,
    /// Where to write the weights, as safetensors [default: museau's folder of weights]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs `museau weights import`.
pub fn run(context: &Context, arguments: &ImportArguments) -> Result<()> {
    let backbone = model::backbone(context, &arguments.backbone, &[])?;
    let output = match &arguments.output {
        // The place is tried before the work is done.
        Some(path) => Some(begin(context, path, Kind::Package)?),
        None => None,
    };
    let bytes = read(context, &arguments.file)?;
    let top = match arguments.no_top {
        true => Top::LeftAside,
        false => Top::AsFound,
    };
    let imported = import(&bytes, backbone, top)
        .map_err(|error| unusable(context, &arguments.file, &error, top))?;
    let name = arguments.file.file_name().unwrap_or_default();
    let card = imported.card(backbone, &name.to_string_lossy(), &bytes);
    drop(bytes);
    say_what_was_left(context, &imported);
    let file = match output {
        Some(file) => file,
        None => store::begin(context, &store::folder(), &card)?,
    };
    store::write(context, backbone, &imported, &card, file)
}

/// The bytes of a regular file.
pub fn read(context: &Context, path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    tensor::open_regular(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| {
            let said = FileMessage::CannotRead {
                path: &terminal::shown(path),
                reason: &error.message(context.language),
            };
            let said = said.say(context.language);
            let said = said.because(&error, context.language);
            Failure::error(Status::Unusable, said.to_string())
        })?;
    Ok(bytes)
}

/// That a file does not hold the backbone's weights, and why.
pub fn unusable(context: &Context, path: &Path, error: &MakeError, top: Top) -> anyhow::Error {
    let mut text = format!(
        "{}: {}",
        terminal::shown(path),
        error.message(context.language)
    );
    if matches!(error, MakeError::Mismatch(_)) && top == Top::AsFound {
        text = format!("{text}\n{}", context.say(WeightsMessage::TryNoTop));
    }
    Failure::error(Status::Unusable, text)
}

/// Most names that are shown.
const SHOWN: usize = 8;

/// Says what of the file is not in the weights.
fn say_what_was_left(context: &Context, imported: &Imported) {
    if context.quiet {
        return;
    }
    if imported.without_background {
        eprintln!("{}", context.say(WeightsMessage::Background));
    }
    if imported.left.is_empty() {
        return;
    }
    let count = &imported.left.len().to_string();
    eprintln!("{}", context.say(WeightsMessage::Left { count }));
    for (name, shape) in imported.left.iter().take(SHOWN) {
        eprintln!("  `{}` {shape}", words::plain_line(name));
    }
    if imported.left.len() > SHOWN {
        let count = &(imported.left.len() - SHOWN).to_string();
        eprintln!(
            "  {}",
            ModelMessage::MakeMore { count }.text(context.language)
        );
    }
}

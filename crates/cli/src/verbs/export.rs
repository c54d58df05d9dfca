//! `museau export`: a model for other programs, read back before it appears.
use crate::context::Context;
use crate::data_set::failed;
use crate::failure::{Failure, Status};
use crate::model;
use crate::outputs::{self, Kind};
use crate::verbs::weights;
use anyhow::Result;
use clap::{Args, ValueEnum};
use data::Error;
use formats::Target;
use package::{Package, PackageError};
use std::io::Write;
use std::path::{Path, PathBuf};
use train::export::Export;
use train::make::MakeError;
use words::{ModelMessage, Say};

/// Options of `museau export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// A package, the folder of a run, the name of a listed model, or weights that `museau weights`
    /// keeps [default: the embedded model]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    to: Format,
    /// Where to write it [default: the model's name, with the format's extension]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What `--to` takes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// ONNX, for ONNX Runtime, OpenVINO and many others
    Onnx,
    /// safetensors: the arrays, the network as text
    Safetensors,
    /// Keras 3's whole model
    Keras,
    /// Keras's older whole model
    H5,
    /// Keras 3's weights alone
    #[value(name = "weights.h5")]
    WeightsH5,
}

impl From<Format> for Target {
    fn from(format: Format) -> Self {
        match format {
            Format::Onnx => Target::Onnx,
            Format::Safetensors => Target::Safetensors,
            Format::Keras => Target::Keras,
            Format::H5 => Target::KerasLegacy,
            Format::WeightsH5 => Target::KerasWeights,
        }
    }
}

/// Runs `museau export`.
pub fn run(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let target = Target::from(arguments.to);
    let path = match &arguments.output {
        Some(path) => path.clone(),
        None => default_path(arguments.model.as_deref(), target),
    };
    let export = open(context, arguments.model.as_deref())?;
    let labels = export.labels_table();
    // That of another format is there already, the same to the byte.
    let labels = labels.map(|table| (beside(&path), table));
    let labels = labels.filter(|(path, table)| {
        !tensor::read_regular(path, 1 << 30).is_ok_and(|found| found == table.as_bytes())
    });
    // Both places are tried before the work is done.
    let mut file = outputs::begin(context, &path, Kind::Package)?;
    let labels = match labels {
        Some((path, table)) => Some((outputs::begin(context, &path, Kind::Package)?, table)),
        None => None,
    };
    let unmade =
        |status| move |error: MakeError| Failure::error(status, error.message(context.language));
    let unwritten = |source| {
        let path = path.clone();
        failed(context)(Error::Write { path, source })
    };
    let bytes = export.write(target).map_err(unmade(Status::Unusable))?;
    file.write_all(&bytes).map_err(unwritten)?;
    drop(bytes);
    let written = file.read_back().map_err(unwritten)?;
    export
        .compare(target, &written)
        .map_err(unmade(Status::Failed))?;
    drop(written);
    let mut paths = vec![path.clone()];
    if let Some((file, table)) = labels {
        paths.push(file.path().to_owned());
        outputs::finish(context, file, table.as_bytes())?;
    }
    outputs::finish(context, file, &[])?;
    told(context, &export, target, &paths);
    Ok(())
}

/// Says what was written, and what its reader must know.
fn told(context: &Context, export: &Export, target: Target, paths: &[PathBuf]) {
    if context.quiet {
        return;
    }
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    outputs::told(context, &paths, None);
    let metadata = export.metadata(target);
    let said = |key: &str| metadata.get(key).map_or("", String::as_str);
    let input = &format!(
        "{} x {}, {}, {}",
        said("input_height"),
        said("input_width"),
        said("layout"),
        said("colour_order")
    );
    let output = said("output");
    eprintln!(
        "{}",
        context.say(ModelMessage::ExportInput { input, output })
    );
    if let Some(temperature) = export.temperature {
        let temperature = &words::number(context.language, f64::from(temperature), 3);
        let message = ModelMessage::ExportTemperature { temperature };
        eprintln!("{}", context.say(message));
    }
}

/// The model of this name, or weights that are kept.
fn open(context: &Context, named: Option<&Path>) -> Result<Export> {
    let Some(path) = model::find(context, named)? else {
        return Ok(Export::of_package(model::read(context, None)?));
    };
    let bytes = weights::read(context, &path)?;
    let unusable = |error: PackageError| model::unusable(context, Some(&path), &error.into());
    match Package::read(&bytes) {
        Ok(package) => Ok(Export::of_package(package)),
        Err(error @ PackageError::ForeignSafetensors) => {
            let found = Export::of_weights(&bytes)
                .map_err(|error| weights::unusable(context, &path, &error))?;
            found.ok_or_else(|| unusable(error))
        }
        Err(error) if formats::read(&bytes).is_ok() => {
            let path = &path.display().to_string();
            let said = context.say(ModelMessage::ExportNotAModel { path });
            drop(error);
            Err(Failure::error(Status::Unusable, said))
        }
        Err(error) => Err(unusable(error)),
    }
}

/// A file in the current folder, called after what the person typed.
fn default_path(named: Option<&Path>, target: Target) -> PathBuf {
    let stem = named.and_then(Path::file_stem);
    let stem = stem.unwrap_or(model::DEFAULT_NAME.as_ref());
    with_ending(Path::new(stem), target.ending())
}

/// Where the names of the classes go: `model.labels.csv` for `model.onnx`.
fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    with_ending(&path.with_file_name(stem), "labels.csv")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

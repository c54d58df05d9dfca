//! Which model to use: the embedded model, a file, or one of the models folder by its name.
use crate::context::{Context, not_one_of};
use crate::failure::{Failure, Status};
use crate::terminal;
use anyhow::Result;
use classify::{Classifier, ClassifyError, OpenError, OpenOptions};
use engine::Kernels;
use package::{Package, PackageError};
use std::fs::File;
use std::path::{Path, PathBuf};
use tensor::memory;
use words::Say;

/// The model that is inside the binary.
pub const DEFAULT: &[u8] = include_bytes!("../model/default.museau");

/// What a package file ends with.
pub const EXTENSION: &str = "museau";

/// Makes a model ready to answer.
pub fn open(context: &Context, model: Option<&Path>) -> Result<Classifier> {
    let options = options(context, context.threads);
    match model {
        None => {
            Classifier::open(DEFAULT, &options).map_err(|error| unusable(context, None, &error))
        }
        Some(model) => {
            let path = find(model);
            Classifier::open_file(&path, &options)
                .map_err(|error| unusable(context, Some(&path), &error))
        }
    }
}

/// How a model is made ready for pools of so many threads.
pub fn options(context: &Context, threads: usize) -> OpenOptions {
    OpenOptions {
        kernels: Kernels::Fast(context.isa),
        threads,
        memory_limit: memory::free(),
    }
}

/// Reads and checks a package.
pub fn read(context: &Context, model: Option<&Path>) -> Result<Package> {
    match model {
        None => Package::read(DEFAULT).map_err(|error| unusable(context, None, &error.into())),
        Some(model) => {
            let path = find(model);
            Package::read_file(&path).map_err(|error| unusable(context, Some(&path), &error.into()))
        }
    }
}

/// The BLAKE3 of a package's file.
pub fn hash(context: &Context, model: Option<&Path>) -> Result<blake3::Hash> {
    let Some(model) = model else {
        return Ok(blake3::hash(DEFAULT));
    };
    let path = find(model);
    let mut hasher = blake3::Hasher::new();
    File::open(&path)
        .and_then(|file| hasher.update_reader(file).map(|read| read.finalize()))
        .map_err(|source| {
            let error = PackageError::Read {
                path: path.clone(),
                source,
            };
            unusable(context, Some(&path), &error.into())
        })
}

/// The backbone of a name that was given to `--backbone`; `others` are names that it could have been
/// beside those of the zoo.
pub fn backbone(context: &Context, name: &str, others: &[&str]) -> Result<&'static zoo::Backbone> {
    zoo::find(name).ok_or_else(|| {
        let zoo = zoo::all().iter().map(|backbone| backbone.name);
        let known: Vec<_> = others.iter().copied().chain(zoo).collect();
        not_one_of(context.language, "--backbone", name, &known.join(", "))
    })
}

/// The path itself where there is such a file, the model in it where it is the folder of a run, else
/// the model of this name in the models folder.
fn find(model: &Path) -> PathBuf {
    if model.is_file() {
        return model.to_path_buf();
    }
    let of_run = model.join(train::run::names::PACKAGE);
    if of_run.is_file() {
        return of_run;
    }
    folder()
        .map(|folder| {
            let mut name = model.as_os_str().to_owned();
            name.push(format!(".{EXTENSION}"));
            folder.join(name)
        })
        .filter(|path| path.is_file())
        .unwrap_or_else(|| model.to_path_buf())
}

/// Where museau keeps what is a person's own: `MUSEAU_HOME`, or the platform's data folder.
pub fn home() -> Option<PathBuf> {
    if let Some(home) = std::env::var_os("MUSEAU_HOME") {
        return Some(PathBuf::from(home));
    }
    use etcetera::AppStrategy;
    let strategy = etcetera::choose_app_strategy(etcetera::AppStrategyArgs {
        top_level_domain: "org".to_owned(),
        author: "museau".to_owned(),
        app_name: "museau".to_owned(),
    });
    Some(strategy.ok()?.data_dir())
}

/// Where a person's own models are: `models` in [`home`].
pub fn folder() -> Option<PathBuf> {
    Some(home()?.join("models"))
}

/// That a model cannot answer, and why, in the person's language.
pub fn unanswered(context: &Context, path: Option<&Path>, error: &ClassifyError) -> anyhow::Error {
    let said = error.message(context.language);
    let text = match path {
        Some(path) => format!("{}: {said}", terminal::shown(path)),
        None => said,
    };
    Failure::error(Status::Unusable, text)
}

/// What a wrong model file is told to be, in the person's language.
pub fn unusable(context: &Context, path: Option<&Path>, error: &OpenError) -> anyhow::Error {
    let said = error.message(context.language);
    let text = match path {
        Some(path) if !error.names_the_file() => format!("{}: {said}", terminal::shown(path)),
        _ => said,
    };
    Failure::error(Status::Unusable, text)
}

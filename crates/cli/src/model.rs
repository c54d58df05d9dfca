//! Which model to use: the embedded model, a file, or one of the models folder by its name.
use crate::context::{Context, not_one_of};
use crate::failure::{Failure, Status};
use crate::prior::PriorArguments;
use crate::terminal;
use anyhow::Result;
use classify::{Classifier, ClassifyError, OpenError, OpenOptions};
use engine::Kernels;
use package::{Package, PackageError};
use std::path::{Path, PathBuf};
use tensor::memory;
use words::{ModelMessage, Say};

/// The model that is inside the binary.
pub const DEFAULT: &[u8] = include_bytes!("../model/default.museau");

/// What it is called on the command line, beside its own name.
pub const DEFAULT_NAME: &str = "default";

/// What a package file ends with.
pub const EXTENSION: &str = "museau";

/// Makes a model ready to answer.
pub fn open(context: &Context, model: Option<&Path>, prior: &PriorArguments) -> Result<Classifier> {
    let path = find(context, model)?;
    let mut package = read_found(context, path.as_deref())?;
    prior.apply(context, &mut package.about)?;
    let classifier = Classifier::from_package(package, &options(context, context.threads))
        .map_err(|error| unusable(context, path.as_deref(), &error))?;
    let gate = classifier.about().calibration.gate;
    let gate = gate.and_then(|_| self::gate(context, context.threads));
    Ok(match gate {
        Some(gate) => classifier.guarded_by(gate),
        None => classifier,
    })
}

/// The embedded model, to be asked before one of a few breeds; `None` where memory is short of it.
pub fn gate(context: &Context, threads: usize) -> Option<Classifier> {
    Classifier::open(DEFAULT, &options(context, threads)).ok()
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
    read_found(context, find(context, model)?.as_deref())
}

/// The same of one that was found: the file, or the embedded model.
fn read_found(context: &Context, path: Option<&Path>) -> Result<Package> {
    package(path).map_err(|error| unusable(context, path, &error))
}

/// The same without a word where it cannot be read.
pub fn package(path: Option<&Path>) -> Result<Package, OpenError> {
    let read = match path {
        None => Package::read(DEFAULT),
        Some(path) => Package::read_file(path),
    };
    Ok(read?)
}

/// The BLAKE3 of a package's file.
pub fn hash(context: &Context, model: Option<&Path>) -> Result<blake3::Hash> {
    let Some(path) = find(context, model)? else {
        return Ok(blake3::hash(DEFAULT));
    };
    let mut hasher = blake3::Hasher::new();
    tensor::open_named(&path)
        .and_then(|file| hasher.update_reader(file).map(|read| read.finalize()))
        .map_err(|source| {
            let error = PackageError::Read {
                path: path.clone(),
                source,
            };
            unusable(context, Some(&path), &error.into())
        })
}

/// The backbones that there are, for the help.
pub fn backbones() -> String {
    let names: Vec<&str> = zoo::all().iter().map(|backbone| backbone.name).collect();
    format!("Backbones: {}", names.join(", "))
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

/// Where the model is that a person names; none for the embedded one. A name is the first of these
/// that there is: a file; the folder of a run, for the model in it; [`DEFAULT_NAME`]; a file of the
/// models folder, with or without its ending; the name that `museau models list` shows of a model.
pub fn find(context: &Context, named: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(named) = named else {
        return Ok(None);
    };
    let first_file = |files: [PathBuf; 2]| files.into_iter().find(|file| file.is_file());
    let of_run = named.join(train::run::names::PACKAGE);
    if let Some(file) = first_file([named.to_path_buf(), of_run]) {
        return Ok(Some(file));
    }
    if named == Path::new(DEFAULT_NAME) {
        return Ok(None);
    }
    let mut with_ending = named.as_os_str().to_owned();
    with_ending.push(format!(".{EXTENSION}"));
    let own = folder().and_then(|own| first_file([own.join(named), own.join(with_ending)]));
    if own.is_some() {
        return Ok(own);
    }
    let is_called = |package: Result<Package, PackageError>| {
        package.is_ok_and(|package| named == Path::new(&package.about.name))
    };
    let mut listed = own_models();
    listed.retain(|path| is_called(Package::read_file(path)));
    if let [path] = &listed[..] {
        return Ok(Some(path.clone()));
    }
    let name = &terminal::shown(named);
    if !listed.is_empty() {
        let paths: Vec<String> = listed.iter().map(|path| terminal::shown(path)).collect();
        let paths = &paths.join(", ");
        let said = context.say(ModelMessage::Ambiguous { name, paths });
        return Err(Failure::error(Status::Usage, said));
    }
    if is_called(Package::read(DEFAULT)) {
        return Ok(None);
    }
    // What is there and no file, or cannot be looked at, is told when it is read.
    let is_absent = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    if named
        .symlink_metadata()
        .as_ref()
        .err()
        .is_some_and(is_absent)
    {
        let said = context.say(ModelMessage::NoSuch { name });
        return Err(Failure::error(Status::Unusable, said));
    }
    Ok(Some(named.to_path_buf()))
}

/// The packages of the models folder, in the order of their names.
pub fn own_models() -> Vec<PathBuf> {
    let entries = folder().and_then(|folder| std::fs::read_dir(folder).ok());
    let entries = entries.into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_package = |path: &PathBuf| path.extension().is_some_and(|found| found == EXTENSION);
    let mut paths: Vec<PathBuf> = paths.filter(is_package).collect();
    paths.sort();
    paths
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
fn folder() -> Option<PathBuf> {
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

//! The weights that a training starts from, as a recipe names them: a model, a file of weights, a
//! backbone whose weights were imported, or `random`.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::verbs::weights::store;
use crate::{model, terminal};
use anyhow::Result;
use package::Package;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use train::recipe::Architecture;
use train::{Initial, RANDOM, Recipe, TrainError};
use words::{FileMessage, Say, TrainMessage};
use zoo::Backbone;

/// Initial weights that were read, so that several trainings read each once.
#[derive(Default)]
pub struct Initials(HashMap<String, Arc<Initial>>);

impl Initials {
    /// Those that a recipe names; none where it names none.
    pub fn open(&mut self, context: &Context, recipe: &Recipe) -> Result<Option<Arc<Initial>>> {
        let Some(name) = &recipe.model.initial else {
            return Ok(None);
        };
        if let Some(known) = self.0.get(name) {
            return Ok(Some(known.clone()));
        }
        let backbone = match *recipe.model.network {
            Architecture::Backbone(backbone) => Some(backbone),
            Architecture::LeNet => None,
        };
        let initial = Arc::new(read(context, name, backbone)?);
        self.0.insert(name.clone(), initial.clone());
        Ok(Some(initial))
    }
}

/// Reads the weights of this name; `backbone` is what the recipe says of them.
fn read(context: &Context, name: &str, backbone: Option<&'static Backbone>) -> Result<Initial> {
    let path = Path::new(name);
    let refused = |error: TrainError| told(context, None, &error);
    if !path.exists() {
        if name == RANDOM {
            let name = name.to_owned();
            let backbone = backbone.ok_or(TrainError::InitialBackbone { name });
            return backbone.and_then(Initial::random).map_err(refused);
        }
        if let Some(backbone) = zoo::find(name) {
            let path = imported(context, backbone)?;
            return of_weights(context, name, &path, Some(backbone));
        }
    }
    let is_weights = path.is_file() && Package::read_file(path).is_err();
    let has_other_ending = path.extension().is_none_or(|end| end != model::EXTENSION);
    if is_weights && has_other_ending {
        return of_weights(context, name, path, backbone);
    }
    let hash = model::hash(context, Some(path))?;
    let package = model::read(context, Some(path))?;
    Initial::of_package(name, package, &hash).map_err(refused)
}

/// Weights of a backbone from a file.
fn of_weights(
    context: &Context,
    name: &str,
    path: &Path,
    backbone: Option<&'static Backbone>,
) -> Result<Initial> {
    let bytes = tensor::read_named(path).map_err(|error| {
        let reason = &error.message(context.language);
        let path = &terminal::shown(path);
        let said = context.say(FileMessage::CannotRead { path, reason });
        Failure::error(Status::Unusable, said)
    })?;
    Initial::of_weights(name, &bytes, backbone).map_err(|error| told(context, Some(path), &error))
}

/// The file of a backbone's weights in the folder of imported ones: the published one if it is there,
/// else the only one.
fn imported(context: &Context, backbone: &Backbone) -> Result<PathBuf> {
    let mut kept = store::kept(&store::folder());
    kept.retain(|kept| kept.card.backbone == backbone.name);
    if kept.iter().any(|kept| kept.card.published) {
        kept.retain(|kept| kept.card.published);
    }
    // Of the same weights with and without their classifier, those with it know more.
    kept.sort_by_key(|kept| kept.card.classes.is_none());
    let is_with_top = |kept: &store::Kept| kept.card.classes.is_some();
    let several = match kept.iter().filter(|kept| is_with_top(kept)).count() {
        0 => kept.len(),
        with_top => with_top,
    };
    let name = backbone.name;
    match (several, kept.into_iter().next()) {
        (1, Some(kept)) => Ok(kept.path),
        (0, _) | (_, None) => {
            let said = context.say(TrainMessage::InitialNone { name });
            Err(Failure::error(Status::Unusable, said))
        }
        _ => {
            let said = context.say(TrainMessage::InitialSeveral { name });
            Err(Failure::error(Status::Usage, said))
        }
    }
}

/// What is wrong with initial weights, with the file's name where it is of a file.
fn told(context: &Context, path: Option<&Path>, error: &TrainError) -> anyhow::Error {
    let said = error.message(context.language);
    let status = match error {
        TrainError::InitialBackbone { .. } => Status::Usage,
        _ => Status::Unusable,
    };
    match path {
        Some(path) => Failure::error(status, format!("{}: {said}", terminal::shown(path))),
        None => Failure::error(status, said),
    }
}

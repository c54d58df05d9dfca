//! The photos of recipes: data sets opened once for several trainings, several joined as one.
use super::failure;
use crate::context::Context;
use crate::data_set::{self, Source, unusable};
use anyhow::Result;
use data::check::decisions::Decisions;
use data::split::{ClassRequest, choose_classes};
use data::{ClassMap, JoinSource, Manifest, Problem, ProblemKind, join};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use train::recipe::DataSection;
use train::{Recipe, TrainError};

/// Data sets that were opened, so that several trainings open each once.
#[derive(Default)]
pub struct Manifests(HashMap<String, Opened>);

struct Opened {
    manifest: Arc<Manifest>,
    /// A class that has a folder and no photo.
    empty: Option<String>,
}

impl Manifests {
    /// The photos of a recipe.
    pub fn open(&mut self, context: &Context, recipe: &Recipe) -> Result<Arc<Manifest>> {
        let data = &recipe.data;
        let sources: Vec<&str> = data.all_sources().collect();
        if sources.is_empty() {
            return Err(failure(context, &TrainError::NoSource));
        }
        let drawn = (data.validation.to_bits(), data.seed);
        let key = format!(
            "{sources:?} {:?} {:?} {drawn:?}",
            data.class_map, data.decisions
        );
        if !self.0.contains_key(&key) {
            let opened = match &sources[..] {
                [one] if data.class_map.is_none() => of_one(context, one, data)?,
                _ => of_several(context, &sources, data)?,
            };
            self.0.insert(key.clone(), opened);
        }
        let opened = &self.0[&key];
        // All classes are asked for, and the network would never have heard of this one.
        if *data.classes == ClassRequest::All
            && let Some(class) = opened.empty.clone()
        {
            return Err(failure(context, &TrainError::EmptyClass { class }));
        }
        Ok(opened.manifest.clone())
    }
}

/// Classes that have a folder and no photo.
fn empty_classes(problems: Vec<Problem>) -> impl Iterator<Item = String> {
    let is_empty = |problem: &Problem| problem.kind == ProblemKind::EmptyClass;
    let problems = problems.into_iter().filter(is_empty);
    problems.map(|problem| problem.path)
}

fn of_one(context: &Context, source: &str, data: &DataSection) -> Result<Opened> {
    let source = Source {
        source: PathBuf::from(source),
        decisions: data.decisions.as_ref().map(PathBuf::from),
    };
    let (manifest, problems, _) = data_set::open(context, &source)?;
    Ok(Opened {
        manifest: Arc::new(manifest),
        empty: empty_classes(problems).next(),
    })
}

/// The data sets as one; the decisions may be about photos of any of them.
fn of_several(context: &Context, sources: &[&str], data: &DataSection) -> Result<Opened> {
    let map = data.class_map.as_ref().map(Path::new).map(ClassMap::open);
    let map = map
        .transpose()
        .map_err(unusable(context))?
        .unwrap_or_default();
    let mut opened = Vec::new();
    let mut empty = Vec::new();
    for &name in sources {
        let (manifest, problems) = data_set::manifest(context, Path::new(name))?;
        empty.extend(empty_classes(problems));
        let name = name.to_owned();
        opened.push(JoinSource { name, manifest });
    }
    if let Some(path) = &data.decisions {
        let decisions = Decisions::open(Path::new(path)).map_err(unusable(context))?;
        let applied = opened
            .iter()
            .map(|source| decisions.apply(&source.manifest));
        let applied: Vec<_> = applied.collect();
        data_set::say_decided(context, &applied);
        for (source, applied) in opened.iter_mut().zip(applied) {
            source.manifest = applied.manifest;
        }
    }
    let joined = join(opened, &map, data.validation, data.seed).map_err(unusable(context))?;
    // Another data set may have photos of it.
    let is_missing = |class: &String| {
        choose_classes(&joined, &ClassRequest::Names(vec![class.clone()])).is_err()
    };
    Ok(Opened {
        empty: empty.into_iter().find(is_missing),
        manifest: Arc::new(joined),
    })
}

//! `--prior`: how frequent the breeds are where a model is used.
use crate::context::Context;
use crate::data_set;
use crate::failure::{Failure, Status};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use package::{About, Label, Prior, PriorError};
use std::path::{Path, PathBuf};
use words::ModelMessage;

/// What `--prior` takes beside a file: no prior, and that of France.
const NONE: &str = "none";
const FRANCE: &str = "france";

/// The strength where neither the model nor the person says one: measured on dogs of other sets than
/// the model was fitted to, it put 50 photos of 923 right and one wrong; twice as much gains little
/// more and costs the rare breeds.
const STRENGTH: f32 = 0.25;

/// Options of the verbs that answer.
#[derive(Debug, Default, Args)]
pub struct PriorArguments {
    /// How frequent the breeds are: `none`, `france`, or a table with the columns breed and count
    /// [default: what the model says]
    #[arg(long, value_name = "none|france|FILE")]
    prior: Option<PathBuf>,
    /// How far these frequencies count, from 0 (not at all) to 1 (in full)
    /// [default: what the model says, else 0.25]
    #[arg(long, value_name = "S", value_parser = strength)]
    prior_strength: Option<f32>,
}

fn strength(text: &str) -> Result<f32, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "0..=1".to_owned())
}

impl PriorArguments {
    /// Puts the prior in the place of the model's own, where one was asked for.
    pub fn apply(&self, context: &Context, about: &mut About) -> Result<()> {
        let own = about.calibration.prior.take();
        let default = own.as_ref().map_or(STRENGTH, |own| own.strength);
        let strength = self.prior_strength.unwrap_or(default);
        about.calibration.prior = match self.prior.as_deref() {
            None => own.map(|own| Prior { strength, ..own }),
            Some(named) if named == Path::new(NONE) => None,
            Some(named) if named == Path::new(FRANCE) => Some(of_france(context, about, strength)?),
            Some(path) => Some(of_table(context, about, path, strength)?),
        };
        Ok(())
    }
}

/// The breed that a class of a model is.
fn breed_of(label: &Label) -> Option<&'static words::Breed> {
    words::breed(&label.id)
        .or_else(|| words::find(&label.name))
        .or_else(|| words::find(&label.id))
}

/// By the registrations of each class's breed.
fn of_france(context: &Context, about: &About, strength: f32) -> Result<Prior> {
    let registrations = |label| breed_of(label).and_then(|breed| breed.registrations);
    let counts = about
        .labels
        .iter()
        .map(|label| registrations(label).map_or(0.0, f64::from));
    let counts: Vec<f64> = counts.collect();
    let prior = Prior::of_counts(&counts, strength, words::REGISTRATIONS_SOURCE);
    match prior {
        Ok(prior) => Ok(Prior {
            france: true,
            ..prior
        }),
        Err(PriorError::Nothing | PriorError::NotACount) => {
            let said = context.say(ModelMessage::PriorNoFigures);
            Err(Failure::error(Status::Usage, said))
        }
    }
}

/// By a person's own table. Breeds that the model does not know are left out.
fn of_table(context: &Context, about: &About, path: &Path, strength: f32) -> Result<Prior> {
    let rows = data::frequencies(path).map_err(data_set::unusable(context))?;
    let shown = terminal::shown(path);
    let refuse =
        |message: ModelMessage<'_>| Err(Failure::error(Status::Unusable, context.say(message)));
    let mut counts: Vec<Option<f64>> = vec![None; about.labels.len()];
    for row in &rows {
        let line = &row.line.to_string();
        let breed = data::breed_of_folder(&row.breed).or_else(|| words::find(&row.breed));
        let name = &row.breed;
        let is_meant = |label: &&Label| {
            let same_breed = breed.is_some()
                && breed_of(label).map(|own| &own.id) == breed.map(|breed| &breed.id);
            label.id == *name || same_breed || words::fold(&label.name) == words::fold(name)
        };
        let Some(place) = about.labels.iter().position(|label| is_meant(&label)) else {
            if breed.is_some() {
                continue;
            }
            let known = about.labels.iter().map(|label| label.name.as_str());
            let known = known.chain(words::breeds().iter().flat_map(words::Breed::names));
            let path = &shown;
            return refuse(
                match words::nearest(name, known.map(|known| (known, known))) {
                    Some(near) => ModelMessage::PriorUnknownNear {
                        path,
                        line,
                        name,
                        near,
                    },
                    None => ModelMessage::PriorUnknown { path, line, name },
                },
            );
        };
        if counts[place].replace(row.count).is_some() {
            return refuse(ModelMessage::PriorTwice {
                path: &shown,
                line,
                name,
            });
        }
    }
    let counts: Vec<f64> = counts.into_iter().map(Option::unwrap_or_default).collect();
    match Prior::of_counts(&counts, strength, &shown) {
        Ok(prior) => Ok(prior),
        Err(PriorError::Nothing) => refuse(ModelMessage::PriorNothing { path: &shown }),
        Err(PriorError::NotACount) => refuse(ModelMessage::PriorTooLarge { path: &shown }),
    }
}

//! An augmentation as it is typed, and what the loading of its photos can fail of.
use crate::context::Context;
use crate::failure::{Failure, Status};
use anyhow::Result;
use data::loader::LoaderError;
use vision::augment::Augmentation;
use words::Say;

/// Reads an augmentation that was given to an option.
pub fn parse(context: &Context, option: &str, text: &str) -> Result<Augmentation> {
    Augmentation::parse(text).map_err(|error| {
        let said = data::loader::step_said(&error, context.language).to_string();
        Failure::error(Status::Usage, format!("{option}: {said}"))
    })
}

/// What stopped the loader, in the person's language.
pub fn failed(context: &Context, error: &LoaderError) -> anyhow::Error {
    let status = match error {
        LoaderError::File(data::Error::Write { .. }) | LoaderError::Thread => Status::Failed,
        _ => Status::Unusable,
    };
    Failure::error(status, error.message(context.language))
}

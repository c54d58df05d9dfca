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

/// The steps that can be written, a line each.
pub fn steps() -> String {
    let mut text = String::from("Steps:\n");
    for kind in vision::augment::registry() {
        let parameters: Vec<String> = kind
            .parameters
            .iter()
            .map(|parameter| {
                let default = parameter
                    .default
                    .map_or(String::new(), |value| format!(" [default: {value}]"));
                let (least, most) = (parameter.least, parameter.most);
                format!("{} from {least} to {most}{default}", parameter.name)
            })
            .collect();
        text.push_str(&format!("  {}: {}", kind.usage(), kind.purpose));
        if !parameters.is_empty() {
            text.push_str(&format!(" ({})", parameters.join("; ")));
        }
        text.push('\n');
    }
    text
}

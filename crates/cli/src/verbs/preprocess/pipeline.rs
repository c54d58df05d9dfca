//! A pipeline as it is typed.
use crate::context::Context;
use crate::failure::{Failure, Status};
use anyhow::Result;
use vision::filters::Pipeline;
use words::PreprocessMessage;

/// The pipeline of a text that has steps.
pub fn pipeline(context: &Context, text: &str) -> Result<Pipeline> {
    let wrong = |message: String| Failure::error(Status::Usage, message);
    let pipeline: Pipeline = text
        .parse()
        .map_err(|error| wrong(data::loader::step_said(&error, context.language).to_string()))?;
    if pipeline.is_empty() {
        return Err(wrong(context.say(PreprocessMessage::NoStep)));
    }
    Ok(pipeline)
}

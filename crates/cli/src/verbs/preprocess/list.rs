//! `museau preprocess list`: the steps with their parameters.
use crate::context::Context;
use anyhow::Result;
use std::io::Write;
use vision::filters::registry;
use words::PreprocessMessage;

/// Prints the steps.
pub fn run(context: &Context) -> Result<()> {
    let mut out = crate::terminal::stdout();
    for kind in registry() {
        writeln!(out, "{}", kind.usage())?;
        if let Some(about) = about(kind.name) {
            writeln!(out, "    {}", context.say(about))?;
        }
        for parameter in kind.parameters {
            let (name, range) = (parameter.name, parameter.range);
            let default = parameter.default;
            let default = default.map_or(String::new(), |value| format!(" [{value}]"));
            writeln!(out, "    {name}: {range} {}{default}", parameter.unit)?;
        }
    }
    Ok(())
}

/// What a step does.
fn about(step: &str) -> Option<PreprocessMessage<'static>> {
    Some(match step {
        "resize" => PreprocessMessage::FilterResize,
        "crop" => PreprocessMessage::FilterCrop,
        "gray" => PreprocessMessage::FilterGray,
        "gamma" => PreprocessMessage::FilterGamma,
        "exposure" => PreprocessMessage::FilterExposure,
        "contrast" => PreprocessMessage::FilterContrast,
        "equalise" => PreprocessMessage::FilterEqualise,
        "clahe" => PreprocessMessage::FilterClahe,
        "gaussian" => PreprocessMessage::FilterGaussian,
        "median" => PreprocessMessage::FilterMedian,
        "bilateral" => PreprocessMessage::FilterBilateral,
        "non_local_means" => PreprocessMessage::FilterNonLocalMeans,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_told_about() {
        for kind in registry() {
            assert!(about(kind.name).is_some(), "{}", kind.name);
        }
    }
}

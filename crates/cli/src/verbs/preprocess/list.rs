//! `museau preprocess list`: the steps with their parameters.
use crate::context::Context;
use anyhow::Result;
use data::loader::range_text;
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
            let range = range_text(parameter.range, context.language);
            let unit = unit(parameter.unit).map(|unit| context.say(unit));
            let unit = unit.map_or(String::new(), |unit| format!(" ({unit})"));
            let default = parameter.default.map(|value| {
                let value = &value.to_string();
                format!(
                    " [{}]",
                    context.say(PreprocessMessage::AllowedDefault { value })
                )
            });
            let default = default.unwrap_or_default();
            writeln!(out, "    {}{unit}: {range}{default}", parameter.name)?;
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

/// What a parameter is counted in; `None` for a pure number.
fn unit(unit: &str) -> Option<PreprocessMessage<'static>> {
    Some(match unit {
        "pixels" => PreprocessMessage::UnitPixels,
        "levels" => PreprocessMessage::UnitLevels,
        "per cent" => PreprocessMessage::UnitPerCent,
        "tiles per side" => PreprocessMessage::UnitTiles,
        "times the mean count" => PreprocessMessage::UnitMeanCount,
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
            for parameter in kind.parameters {
                let known = unit(parameter.unit).is_some();
                assert_eq!(known, !parameter.unit.is_empty(), "{}", parameter.name);
            }
        }
    }
}

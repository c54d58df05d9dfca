//! The classic filters: a registry of steps, each with its parameters, and pipelines made of them.
//!
//! A step is one file here and one line in [`registry`]. All work on 8-bit pixels as users of OpenCV
//! know them: borders mirrored about the outer pixels, contrast on the lightness alone. The results
//! are the same for any number of threads and any set of instructions.
mod area;
mod bilateral;
mod border;
mod clahe;
mod colors;
mod contrast;
mod crop;
mod equalise;
mod exposure;
mod gamma;
mod gaussian;
mod gray;
mod median;
mod non_local_means;
mod picture;
mod pipeline;
mod resize;

use picture::Picture;

pub use crate::steps::Range;
pub use area::shrunk;
pub use picture::Workers;
pub use pipeline::{Pipeline, Ran, Region, Step};

/// A kind of step: what it is called and what it takes.
#[derive(Debug)]
pub struct Kind {
    /// The name in a pipeline's text.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Its parameters, in order.
    pub parameters: &'static [Parameter],
    apply: fn(Picture, &[Value], &Given<'_>) -> Picture,
}

impl Kind {
    /// How the step is written, `clahe(limit,tiles)`.
    pub fn usage(&self) -> String {
        let names: Vec<&str> = self.parameters.iter().map(|p| p.name).collect();
        match names.is_empty() {
            true => self.name.to_owned(),
            false => format!("{}({})", self.name, names.join(",")),
        }
    }
}

/// A parameter of a step.
#[derive(Debug)]
pub struct Parameter {
    /// The name, for `name=value` and for messages.
    pub name: &'static str,
    /// What it may be.
    pub range: Range,
    /// What it is where the text does not say; `None` where the text must.
    pub default: Option<Value>,
    /// The unit, in a word; empty for a pure number.
    pub unit: &'static str,
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number; a whole one where the range says so.
    Number(f64),
    /// Columns and rows.
    Size(u32, u32),
    /// A word of the range.
    Choice(&'static str),
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Number(number) => write!(formatter, "{number}"),
            Value::Size(width, height) if width == height => write!(formatter, "{width}"),
            Value::Size(width, height) => write!(formatter, "{width}x{height}"),
            Value::Choice(word) => formatter.write_str(word),
        }
    }
}

impl Value {
    /// The number.
    fn number(self) -> f64 {
        match self {
            Value::Number(number) => number,
            _ => unreachable!("the parser gives numbers to parameters that are numbers"),
        }
    }

    /// The number of a parameter that is whole.
    fn whole(self) -> usize {
        self.number() as usize
    }

    fn word(self) -> &'static str {
        match self {
            Value::Choice(word) => word,
            _ => unreachable!("the parser gives words to parameters that are words"),
        }
    }

    fn size(self) -> (usize, usize) {
        match self {
            Value::Size(width, height) => (width as usize, height as usize),
            _ => unreachable!("the parser gives sizes to parameters that are sizes"),
        }
    }
}

/// What a step is given beside the picture and its parameters.
struct Given<'a> {
    workers: Workers<'a>,
    /// The part that matters, in the picture's pixels, while no step has changed its geometry.
    region: Option<Region>,
}

/// Every kind of step.
pub fn registry() -> &'static [Kind] {
    static STEPS: &[Kind] = &[
        resize::STEP,
        crop::STEP,
        gray::STEP,
        gamma::STEP,
        exposure::STEP,
        contrast::STEP,
        equalise::STEP,
        clahe::STEP,
        gaussian::STEP,
        median::STEP,
        bilateral::STEP,
        non_local_means::STEP,
    ];
    STEPS
}

/// A parameter that is a number.
const fn number(
    name: &'static str,
    least: f64,
    most: f64,
    default: f64,
    unit: &'static str,
) -> Parameter {
    Parameter {
        name,
        range: Range::Number(least, most),
        default: Some(Value::Number(default)),
        unit,
    }
}

/// A parameter that is an odd number of pixels.
const fn odd(name: &'static str, most: u32, default: f64) -> Parameter {
    Parameter {
        name,
        range: Range::Odd(1, most),
        default: Some(Value::Number(default)),
        unit: "pixels",
    }
}

#[cfg(test)]
mod tests;

//! Pipelines as text: `clahe(2,8) | bilateral(9,75,75) | resize(224,crop)`.
//!
//! Steps are joined by `|`. Parameters stand in order, or as `name=value`; the last ones may be left
//! out. The printed form names every value, so that a recorded pipeline means the same for ever.
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use kernels::Isa;
use tensor::Pool;

use super::{Given, Kind, Parameter, Picture, Range, Value, Workers, registry};
use crate::Photo;
use crate::steps::{self, Argument, StepError, StepFault};

/// A step with its values, one for each parameter of its kind.
#[derive(Clone, Debug)]
pub struct Step {
    kind: &'static Kind,
    values: Vec<Value>,
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.kind.name == other.kind.name && self.values == other.values
    }
}

impl Step {
    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The values of the kind's parameters.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether it looks for the photo's box, as `resize(224,box)` does.
    pub fn wants_box(&self) -> bool {
        self.values.contains(&Value::Choice("box"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.name)?;
        for (index, value) in self.values.iter().enumerate() {
            let before = if index == 0 { "(" } else { "," };
            write!(formatter, "{before}{value}")?;
        }
        if self.values.is_empty() {
            return Ok(());
        }
        formatter.write_str(")")
    }
}

/// Steps, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    steps: Vec<Step>,
}

/// A rectangle of a photo, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Columns before it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Region {
    /// The part inside of a picture: at least a pixel.
    pub(super) fn inside(self, width: usize, height: usize) -> Self {
        let left = self.left.min(width - 1);
        let top = self.top.min(height - 1);
        Region {
            left,
            top,
            width: self.width.clamp(1, width - left),
            height: self.height.clamp(1, height - top),
        }
    }
}

/// What a step made, and how long it took.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The photo after the step.
    pub photo: Photo,
    /// The time of the step alone.
    pub time: Duration,
}

impl Pipeline {
    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The photo after all steps. `region` is the photo's box, which `resize(...,box)` looks for.
    pub fn run(&self, photo: &Photo, region: Option<Region>, workers: Workers<'_>) -> Photo {
        let mut picture = Picture::of(photo);
        let mut given = Given { workers, region };
        for step in &self.steps {
            picture = step.run(picture, &mut given);
        }
        picture.into_photo()
    }

    /// The photo after all steps, on the caller's thread alone.
    pub fn run_alone(&self, photo: &Photo, region: Option<Region>) -> Photo {
        let pool = Pool::serial();
        let workers = Workers {
            pool: &pool,
            isa: Isa::best(),
        };
        self.run(photo, region, workers)
    }

    /// The photo after each step, with the time of each.
    pub fn run_timed(
        &self,
        photo: &Photo,
        region: Option<Region>,
        workers: Workers<'_>,
    ) -> Vec<Ran> {
        let mut picture = Picture::of(photo);
        let mut given = Given { workers, region };
        let mut ran = Vec::new();
        for step in &self.steps {
            let start = Instant::now();
            picture = step.run(picture, &mut given);
            let time = start.elapsed();
            let photo = picture.clone().into_photo();
            ran.push(Ran { photo, time });
        }
        ran
    }
}

impl Step {
    fn run(&self, picture: Picture, given: &mut Given<'_>) -> Picture {
        let size = (picture.width, picture.height);
        let picture = (self.kind.apply)(picture, &self.values, given);
        if (picture.width, picture.height) != size || self.kind.name == "crop" {
            given.region = None;
        }
        picture
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let before = if index == 0 { "" } else { " | " };
            write!(formatter, "{before}{step}")?;
        }
        Ok(())
    }
}

impl FromStr for Pipeline {
    type Err = StepError;

    /// Empty text is the pipeline that does nothing.
    fn from_str(text: &str) -> Result<Self, StepError> {
        let steps = steps::split(text)?;
        let steps = steps.iter().map(Step::read).collect::<Result<_, _>>()?;
        Ok(Pipeline { steps })
    }
}

impl Step {
    fn read(step: &steps::Step<'_>) -> Result<Self, StepError> {
        let kind = step.find(registry(), |kind| kind.name)?;
        let wrong_count = |position: usize| {
            let (step, usage) = (kind.name, kind.usage());
            StepError::new(position, StepFault::Count { step, usage })
        };
        let mut values = vec![None; kind.parameters.len()];
        let mut next = 0;
        for argument in &step.arguments {
            let (index, argument) = match argument.text.split_once('=') {
                Some((name, _)) => named(kind, name.trim_end(), argument)?,
                None => (next, *argument),
            };
            let parameter = kind.parameters.get(index);
            let parameter = parameter.ok_or_else(|| wrong_count(argument.position))?;
            let value = parameter.read(argument.text);
            let value = value.ok_or_else(|| argument.refused(parameter.name, parameter.range))?;
            if values[index].replace(value).is_some() {
                return Err(wrong_count(argument.position));
            }
            next = index + 1;
        }
        let mut known = Vec::with_capacity(values.len());
        for (parameter, value) in kind.parameters.iter().zip(values) {
            let value = value.or(parameter.default);
            known.push(value.ok_or_else(|| wrong_count(step.position))?);
        }
        Ok(Step {
            kind,
            values: known,
        })
    }
}

/// The parameter that `name=value` is for, and the value.
fn named<'text>(
    kind: &'static Kind,
    name: &str,
    argument: &Argument<'text>,
) -> Result<(usize, Argument<'text>), StepError> {
    let found = kind.parameters.iter().position(|p| p.name == name);
    let Some(index) = found else {
        let (step, usage) = (kind.name, kind.usage());
        let fault = match kind.parameters.is_empty() {
            true => StepFault::Count { step, usage },
            false => StepFault::UnknownParameter {
                name: name.to_owned(),
                known: kind.parameters.iter().map(|p| p.name).collect(),
                step,
                usage,
            },
        };
        return Err(StepError::new(argument.position, fault));
    };
    let start = argument.text.find('=').map_or(0, |sign| sign + 1);
    let text = argument.text[start..].trim_start();
    let before = &argument.text[..argument.text.len() - text.len()];
    let position = argument.position + before.chars().count();
    Ok((index, Argument { text, position }))
}

impl Parameter {
    fn read(&self, word: &str) -> Option<Value> {
        let whole = |word: &str, least: u32, most: u32| {
            // No sign, no exponent: what is printed is what was written.
            let digits = word.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = word.parse().ok().filter(|_| digits)?;
            (least..=most).contains(&number).then_some(number)
        };
        match self.range {
            Range::Number(least, most) => {
                let number: f64 = word.parse().ok()?;
                // -0 prints as such: plain 0 is meant.
                let number = number + 0.0;
                (least..=most)
                    .contains(&number)
                    .then_some(Value::Number(number))
            }
            Range::Whole(least, most) => whole(word, least, most).map(|n| Value::Number(n.into())),
            Range::Odd(least, most) => whole(word, least, most)
                .filter(|number| number % 2 == 1)
                .map(|number| Value::Number(number.into())),
            Range::Size(most) => {
                let (width, height) = word.split_once('x').unwrap_or((word, word));
                Some(Value::Size(whole(width, 1, most)?, whole(height, 1, most)?))
            }
            Range::Choice(words) => {
                let known = words.iter().find(|known| **known == word)?;
                Some(Value::Choice(known))
            }
        }
    }
}

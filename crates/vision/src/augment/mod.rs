//! Augmentation for training: a chain of random steps, read from text, that changes the pixels of a
//! photo by (seed, epoch, index) and by nothing else.
//!
//! `flip | rotate(15) | zoom(0.8,1.2) | trivial | mixup(0.2)`: the steps that move the picture
//! (flip, rotate, zoom, shift, shear, crop, resized_crop, those of trivial) are composed into one
//! map, so that pixels are interpolated once; it is done first, wherever these steps stand. The
//! steps that change values follow in their order. The steps that mix two photos come last.
use tensor::Random;

use std::sync::Arc;

use crate::steps::{self, StepError};

mod affine;
mod brightness;
mod color;
mod contrast;
mod crop;
mod cutmix;
mod erase;
mod flip;
mod mixup;
mod resized_crop;
mod rotate;
mod shear;
mod shift;
mod tone;
mod trivial;
mod zoom;

use affine::Affine;

/// A parameter of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The least value.
    pub least: f32,
    /// The greatest value.
    pub most: f32,
    /// The value where none is given; `None`: the step decides.
    pub default: Option<f32>,
}

/// A kind of step: one entry of the [`registry`].
#[derive(Clone, Copy)]
pub struct Kind {
    /// The name, as texts have it.
    pub name: &'static str,
    /// What it does, in one English sentence.
    pub purpose: &'static str,
    /// Its parameters, in their order.
    pub parameters: &'static [Parameter],
    /// A text of it that changes nothing; `None` where there is none.
    pub idle: Option<&'static str>,
    make: fn(&[Option<f32>]) -> Box<dyn Step>,
}

/// Every kind of step.
pub fn registry() -> &'static [Kind] {
    &[
        flip::HORIZONTAL,
        flip::VERTICAL,
        rotate::KIND,
        zoom::KIND,
        shift::KIND,
        shear::KIND,
        crop::KIND,
        resized_crop::KIND,
        brightness::KIND,
        contrast::KIND,
        color::KIND,
        erase::KIND,
        trivial::KIND,
        mixup::KIND,
        cutmix::KIND,
    ]
}

impl Kind {
    /// How the step is written: `zoom(least,most)`.
    pub fn usage(&self) -> String {
        if self.parameters.is_empty() {
            return self.name.to_owned();
        }
        let names: Vec<&str> = self.parameters.iter().map(|p| p.name).collect();
        format!("{}({})", self.name, names.join(","))
    }
}

/// One step with its parameters. Each method is given the step's own random numbers for this photo;
/// a step that does not override one does nothing there.
trait Step: Send + Sync {
    /// Where each point of the new picture comes from in the old one.
    fn warp(&self, _random: &mut Random, _frame: &Frame) -> Affine {
        Affine::IDENTITY
    }

    /// Changes the values of a picture.
    fn paint(&self, _random: &mut Random, _picture: &mut Picture<'_>) {}

    /// Whether [`Step::mix`] does anything.
    fn mixes(&self) -> bool {
        false
    }

    /// Mixes two photos, each with the other: the share of its own label that each keeps.
    fn mix(&self, _random: &mut Random, _pair: &mut Pair<'_>) -> f32 {
        1.0
    }
}

/// Sizes that a warp depends on, in pixels.
struct Frame {
    /// Columns and rows of the new picture. A warp maps points of it, measured from its centre.
    width: f64,
    height: f64,
    /// How many pixels of the stored picture lie side by side in one of the new picture.
    across: f64,
    down: f64,
}

/// A picture whose values are changed: rows of 3 bytes a pixel.
struct Picture<'pixels> {
    width: usize,
    height: usize,
    rgb: &'pixels mut [u8],
}

/// Two inputs of a network that are mixed: height x width x 3 each.
struct Pair<'pixels> {
    width: usize,
    height: usize,
    one: &'pixels mut [f32],
    other: &'pixels mut [f32],
}

/// A stored picture that is read: rows of 3 bytes a pixel.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'pixels> {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height * 3` bytes.
    pub rgb: &'pixels [u8],
}

/// Which random numbers a photo gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The seed of the training.
    pub seed: u64,
    /// The epoch.
    pub epoch: u32,
    /// The photo: its index in the data set, below 2^56.
    pub index: u64,
}

impl Draw {
    /// The random numbers of one step, whatever other steps draw.
    fn of_step(&self, step: usize) -> Random {
        Random::new(self.seed, self.epoch, self.index << 8 | step as u64)
    }
}

/// Steps that a chain may have: each has random numbers of its own.
const MOST_STEPS: usize = 64;

/// A chain of random steps; by default none.
#[derive(Clone, Default)]
pub struct Augmentation {
    text: String,
    steps: Arc<[Box<dyn Step>]>,
}

impl Augmentation {
    /// Reads a chain. An empty text changes nothing.
    ///
    /// # Errors
    /// What is wrong in the text, and where.
    pub fn parse(text: &str) -> Result<Self, StepError> {
        let written = steps::split(text)?;
        if let Some(step) = written.get(MOST_STEPS) {
            return Err(StepError::new(step.position, steps::StepFault::TooLong));
        }
        let mut made = Vec::with_capacity(written.len());
        for step in &written {
            let kind = step.find(registry(), |kind| kind.name)?;
            let most = kind.parameters.len();
            step.expect_arguments(0..=most, kind.name, &kind.usage())?;
            let mut values = Vec::with_capacity(most);
            for (index, parameter) in kind.parameters.iter().enumerate() {
                values.push(if index < step.arguments.len() {
                    let range = parameter.least..=parameter.most;
                    Some(step.number(index, parameter.name, range, 0.0)?)
                } else {
                    parameter.default
                });
            }
            made.push((kind.make)(&values));
        }
        let written: Vec<String> = written.iter().map(ToString::to_string).collect();
        Ok(Augmentation {
            text: written.join(" | "),
            steps: made.into(),
        })
    }

    /// The chain as text, which [`Augmentation::parse`] reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether photos are mixed in pairs.
    pub fn mixes(&self) -> bool {
        self.steps.iter().any(|step| step.mixes())
    }

    /// Makes a picture of `width` x `height` from a stored one of any size. Without steps that move
    /// it, the whole stored picture fills the new one; beyond its sides lies its mirror image.
    ///
    /// # Panics
    /// Where a side is 0, or pixels do not fit their sizes.
    pub fn apply(&self, stored: Stored<'_>, draw: Draw, width: usize, rgb: &mut [u8]) {
        assert!(width > 0 && stored.width > 0 && stored.height > 0);
        assert_eq!(stored.rgb.len(), stored.width * stored.height * 3);
        assert!(!rgb.is_empty() && rgb.len().is_multiple_of(width * 3));
        let height = rgb.len() / (width * 3);
        let frame = Frame {
            width: width as f64,
            height: height as f64,
            across: stored.width as f64 / width as f64,
            down: stored.height as f64 / height as f64,
        };
        let mut map = Affine::IDENTITY;
        for (number, step) in self.steps.iter().enumerate() {
            map = map.after(&step.warp(&mut draw.of_step(number), &frame));
        }
        affine::warp(stored, &map, &frame, width, rgb);
        let mut picture = Picture { width, height, rgb };
        for (number, step) in self.steps.iter().enumerate() {
            step.paint(&mut draw.of_step(number), &mut picture);
        }
    }

    /// Mixes two inputs of a network (height x `width` x 3 each), each with the other: the share of
    /// its own label that each keeps; the rest is the other's. Of several steps that mix, one is
    /// drawn. `draw.index` is that of the first photo.
    ///
    /// # Panics
    /// Where the two differ in size, or hold no rows of `width`.
    pub fn mix(&self, draw: Draw, width: usize, one: &mut [f32], other: &mut [f32]) -> f32 {
        let mixing: Vec<usize> = (0..self.steps.len())
            .filter(|number| self.steps[*number].mixes())
            .collect();
        if mixing.is_empty() {
            return 1.0;
        }
        assert!(width > 0 && one.len() == other.len());
        assert!(one.len().is_multiple_of(width * 3));
        let height = one.len() / (width * 3);
        // No step has this number, so its random numbers are used by nothing else.
        let chosen = draw.of_step(MOST_STEPS).below(mixing.len() as u32);
        let number = mixing[chosen as usize];
        let mut pair = Pair {
            width,
            height,
            one,
            other,
        };
        self.steps[number].mix(&mut draw.of_step(number), &mut pair)
    }
}

impl std::fmt::Debug for Augmentation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Augmentation({})", self.text)
    }
}

/// Uniform between two numbers, in either order.
fn between(random: &mut Random, one: f32, other: f32) -> f32 {
    one + (other - one) * random.uniform_f32()
}

/// 1 plus or minus at most `strength`.
fn around_one(random: &mut Random, strength: f32) -> f32 {
    between(random, 1.0 - strength, 1.0 + strength)
}

/// Whether something of this probability happens.
fn happens(random: &mut Random, probability: f32) -> bool {
    random.uniform_f32() < probability
}

#[cfg(test)]
mod tests;

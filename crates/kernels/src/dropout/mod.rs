//! Dropout: values, or whole samples, zeroed at random while training.
//!
//! What is dropped follows from the seed, the step and the place alone, so that the backward pass
//! finds it again and nothing is kept.
pub mod reference;

use crate::gemm::SharedOutput;
use tensor::{Pool, Random};

/// Which random numbers a dropout draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The training's seed.
    pub seed: u64,
    /// The step of the training.
    pub step: u32,
    /// Tells the dropouts of one network apart.
    pub layer: u32,
}

impl Draw {
    /// The numbers of one sample of the batch.
    pub fn of(self, sample: usize) -> Random {
        let index = u64::from(self.layer) << 32 | sample as u64 & u64::from(u32::MAX);
        Random::new(self.seed, self.step, index)
    }
}

/// `output = input` with values dropped (whole samples, where `per_sample`) and the others times
/// `1 / (1 - rate)`; the gradient passes the same way. With `add` to what is there, else in its
/// place. Both are `images` samples of one size.
///
/// # Panics
/// Where the lengths differ or are no whole samples.
pub fn dropout(
    pool: &Pool,
    images: usize,
    rate: f32,
    per_sample: bool,
    draw: Draw,
    add: bool,
    input: &[f32],
    output: &mut [f32],
) {
    assert_eq!(input.len(), output.len(), "input and output");
    assert!(
        images > 0 && input.len().is_multiple_of(images),
        "whole samples"
    );
    let size = input.len() / images;
    let output = SharedOutput::new(output.as_mut_ptr());
    pool.run(images, &|image| {
        let range = image * size..(image + 1) * size;
        // SAFETY: inside of `output`, and no two images overlap.
        let output =
            unsafe { std::slice::from_raw_parts_mut(output.pointer().add(range.start), size) };
        if !add {
            output.fill(0.0);
        }
        reference::add_kept(rate, per_sample, draw.of(image), &input[range], output);
    });
}

//! Packed weights that are stored as f16, for products of few rows: reading the weights is all the
//! time that they take, so half the bytes are half the time.
use super::panels::{Epilogue, Layout, Panels, SharedOutput};
use super::source::Source;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::ops::Range;
use tensor::AlignedBuffer;

/// Weights that are turned into f32 at a time: half of a first-level cache (32 KiB).
const TURNED_VALUES: usize = 4 * 1024;

/// Packed weights, each of them an f16 to the last bit.
#[derive(Clone, Debug)]
pub(crate) struct HalfPanels {
    layout: Layout,
    weights: Vec<f16>,
    bias: AlignedBuffer,
    zeros: AlignedBuffer,
}

impl HalfPanels {
    /// The same weights; none where one of them is not an f16.
    pub fn of(panels: &Panels) -> Option<HalfPanels> {
        let (layout, weights, bias) = panels.parts();
        let halves: Option<Vec<f16>> = weights
            .iter()
            .map(|&weight| {
                let half = f16::from_f32(weight);
                (half.to_f32() == weight).then_some(half)
            })
            .collect();
        Some(HalfPanels {
            layout: layout.clone(),
            weights: halves?,
            bias: AlignedBuffer::from(bias),
            zeros: AlignedBuffer::zeroed(bias.len()),
        })
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.weights[..]) + (self.bias.len() + self.zeros.len()) * size_of::<f32>()
    }

    /// Computes all rows of the panels `panels`, of [`Layout::panels`].
    ///
    /// # Safety
    /// `source` must be flat and hold `rows` rows, `output` be valid for `outputs` f32 of each, the
    /// panels' with no other user.
    pub unsafe fn run(
        &self,
        panels: Range<usize>,
        source: &Source<'_>,
        rows: usize,
        output: SharedOutput,
        epilogue: Epilogue,
    ) {
        let mut turned = [0.0; TURNED_VALUES];
        for panel in panels {
            let values = self.layout.panel_range(panel);
            let inputs = source.channels;
            let width = values.len() / inputs;
            let block = TURNED_VALUES / width;
            for first in (0..inputs).step_by(block) {
                let count = block.min(inputs - first);
                let halves = &self.weights[values.start + first * width..][..count * width];
                let weights = &mut turned[..count * width];
                halves.convert_to_f32_slice(weights);
                let layout = self.layout.part(panel, count);
                let part = Source {
                    input: &source.input[first..],
                    channels: count,
                    ..*source
                };
                // What the inputs before gave is added; what is done to sums waits for the last.
                let (bias, before) = match first {
                    0 => (&self.bias, std::ptr::null()),
                    _ => (&self.zeros, output.pointer().cast_const()),
                };
                let after = match first + count == inputs {
                    true => epilogue,
                    false => Epilogue::NONE,
                };
                // SAFETY: as the caller vouches.
                unsafe {
                    let packed = layout.packed_part(weights, bias);
                    packed.run(&part, 0, 0..rows, before, output, after);
                }
            }
        }
    }

    /// How many panels there are.
    pub fn panels(&self) -> usize {
        self.layout.panels()
    }
}

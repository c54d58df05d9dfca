//! Packed weights that are stored as f16, for products of few rows: reading the weights is all the
//! time that they take, so half the bytes are half the time.
#![expect(
    clippy::needless_range_loop,
    reason = "an index says which register of a tile is meant"
)]

use super::panels::{Epilogue, Layout, SharedOutput};
use super::source::Source;
use crate::elementwise::activate;
use crate::isa::{Isa, MOST_VECTORS, Simd, Work};
use half::f16;
use std::ops::Range;
use tensor::AlignedBuffer;

/// Most rows whose sums are held at a time beside the weights.
const MOST_ROWS: usize = 3;

/// Packed weights that are f16.
#[derive(Clone, Debug)]
pub(crate) struct HalfPanels {
    layout: Layout,
    weights: AlignedBuffer<f16>,
    bias: AlignedBuffer,
}

impl HalfPanels {
    /// Packs `weights` (`[inputs, outputs]`, row-major) and `bias` (`[outputs]`, zeros if none).
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn new(
        isa: Isa,
        inputs: usize,
        outputs: usize,
        weights: &[f16],
        bias: Option<&[f32]>,
    ) -> HalfPanels {
        let layout = Layout::new(isa, inputs, outputs);
        let mut packed = AlignedBuffer::zeroed(layout.weight_values());
        // SAFETY: the buffer has this length, and is this thread's alone.
        unsafe { layout.pack_as((0, 1), weights, packed.as_mut_ptr()) };
        let bias = layout.pack_bias(bias);
        HalfPanels {
            layout,
            weights: packed,
            bias,
        }
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.weights[..]) + self.bias.len() * size_of::<f32>()
    }

    /// How many panels there are.
    pub fn panels(&self) -> usize {
        self.layout.panels()
    }

    /// Computes all rows of the panels `panels`: as for each panel's few rows its weights are read
    /// again, this is for few.
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
        let isa = self.layout.isa();
        for panel in panels {
            let (outputs, vectors) = self.layout.panel_outputs(panel);
            let weights = &self.weights[self.layout.panel_range(panel)];
            for first in (0..rows).step_by(MOST_ROWS) {
                let count = MOST_ROWS.min(rows - first);
                let strip = HalfStrip {
                    input: source.input[first * source.stride..].as_ptr(),
                    stride: source.stride,
                    inputs: source.channels,
                    weights: weights.as_ptr().cast(),
                    bias: self.bias[outputs.start..].as_ptr(),
                    output: output
                        .pointer()
                        .wrapping_add(first * self.layout.outputs() + outputs.start),
                    outputs: outputs.len(),
                    output_stride: self.layout.outputs(),
                };
                dispatch(isa, &strip, count, vectors);
                for row in 0..count {
                    // SAFETY: as the caller vouches.
                    let results = unsafe {
                        let start = strip.output.add(row * strip.output_stride);
                        std::slice::from_raw_parts_mut(start, outputs.len())
                    };
                    activate(isa, epilogue.activation, results);
                }
            }
        }
    }
}

/// One panel's sums of a few rows.
///
/// Whoever makes one vouches for its pointers: the rows readable, the weights and biases those of a
/// whole panel, the outputs writable.
struct HalfStrip {
    input: *const f32,
    /// f32 from one row to the next.
    stride: usize,
    inputs: usize,
    weights: *const u16,
    bias: *const f32,
    output: *mut f32,
    /// Channels of the panel that are outputs.
    outputs: usize,
    output_stride: usize,
}

fn dispatch(isa: Isa, strip: &HalfStrip, rows: usize, vectors: usize) {
    macro_rules! sizes {
        ($($rows:literal: $($vectors:literal)+;)+) => {
            match (rows, vectors) {
                $($(($rows, $vectors) => isa.run(Sums::<'_, $rows, $vectors>(strip)),)+)+
                _ => unreachable!("no sums of {rows} rows by {vectors} vectors"),
            }
        };
    }
    sizes! {
        1: 1 2 3 4;
        2: 1 2 3 4;
        3: 1 2 3 4;
    }
}

struct Sums<'a, const ROWS: usize, const VECTORS: usize>(&'a HalfStrip);

impl<const ROWS: usize, const VECTORS: usize> Work for Sums<'_, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        const { assert!(ROWS <= MOST_ROWS && VECTORS <= MOST_VECTORS) };
        let strip = self.0;
        // SAFETY: as whoever made the strip vouches.
        unsafe {
            let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
            for v in 0..VECTORS {
                let bias = simd.load(strip.bias.add(v * S::LANES));
                for i in 0..ROWS {
                    sums[i][v] = bias;
                }
            }
            let mut weights = strip.weights;
            for k in 0..strip.inputs {
                let mut loaded = [simd.splat(0.0); VECTORS];
                for v in 0..VECTORS {
                    loaded[v] = simd.load_halves(weights.add(v * S::LANES));
                }
                weights = weights.add(VECTORS * S::LANES);
                for i in 0..ROWS {
                    let value = simd.splat(*strip.input.add(i * strip.stride + k));
                    for v in 0..VECTORS {
                        sums[i][v] = simd.mul_add(value, loaded[v], sums[i][v]);
                    }
                }
            }
            for i in 0..ROWS {
                let output = strip.output.add(i * strip.output_stride);
                for v in 0..VECTORS {
                    let left = strip.outputs - v * S::LANES;
                    let at = output.add(v * S::LANES);
                    simd.store_first(at, sums[i][v], left.min(S::LANES));
                }
            }
        }
    }
}

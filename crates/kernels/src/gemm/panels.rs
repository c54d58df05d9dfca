//! Packed weights, and how a product is cut into blocks, panels and threads.
use super::source::{self, Source};
use super::tile::{self, Ahead, Strip};
use crate::isa::{Isa, MOST_VECTORS};
use crate::{Activation, elementwise};
use std::ops::Range;
use tensor::AlignedBuffer;

/// f32 of input that a block of pixels may have: a quarter of a small second-level cache (512 KiB),
/// so that they are still there for the next panel.
const BLOCK_VALUES: usize = 32 * 1024;

/// f32 of windows that are gathered at a time: half of a small first-level cache (32 KiB).
const GATHERED_VALUES: usize = 4 * 1024;

/// f32 of weights from which on the next panel's are fetched ahead; fewer are no wait to speak of.
const FETCHED_VALUES: usize = 16 * 1024;

/// Weights `[inputs, outputs]` cut into panels of a few vectors of outputs; in a panel the weights
/// of one input lie side by side.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    isa: Isa,
    outputs: usize,
    panels: Vec<Panel>,
    weights: AlignedBuffer,
    bias: AlignedBuffer,
}

#[derive(Clone, Copy, Debug)]
struct Panel {
    first_output: usize,
    vectors: usize,
    weights: usize,
    bias: usize,
}

/// What happens to the sums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epilogue {
    pub activation: Activation,
    /// Whether the residual is added to what the activation gives, rather than to what it is given.
    pub residual_last: bool,
}

/// A pointer that several threads write through, each to its own places.
#[derive(Clone, Copy)]
pub(crate) struct SharedOutput(*mut f32);

// SAFETY: whoever makes one sees to it that no two threads write to the same place.
unsafe impl Send for SharedOutput {}
// SAFETY: as above.
unsafe impl Sync for SharedOutput {}

impl SharedOutput {
    pub fn new(pointer: *mut f32) -> SharedOutput {
        SharedOutput(pointer)
    }

    pub fn pointer(self) -> *mut f32 {
        self.0
    }
}

impl Panels {
    /// Packs `weights` (`[inputs, outputs]`, row-major) and `bias` (`[outputs]`, zeros if none).
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn new(
        isa: Isa,
        inputs: usize,
        outputs: usize,
        weights: &[f32],
        bias: Option<&[f32]>,
    ) -> Panels {
        assert_eq!(
            weights.len(),
            inputs * outputs,
            "weights of {inputs} by {outputs}"
        );
        assert!(
            bias.is_none_or(|bias| bias.len() == outputs),
            "a bias of {outputs}"
        );
        let lanes = isa.lanes();
        let mut panels = Vec::new();
        let mut first_output = 0;
        for vectors in widths(isa, outputs.div_ceil(lanes)) {
            panels.push(Panel {
                first_output,
                vectors,
                weights: first_output * inputs,
                bias: first_output,
            });
            first_output += vectors * lanes;
        }
        let mut packed = AlignedBuffer::zeroed(first_output * inputs);
        for panel in &panels {
            let width = panel.vectors * lanes;
            let used = width.min(outputs - panel.first_output);
            for input in 0..inputs {
                let from = input * outputs + panel.first_output;
                let to = panel.weights + input * width;
                packed[to..to + used].copy_from_slice(&weights[from..from + used]);
            }
        }
        let mut padded_bias = AlignedBuffer::zeroed(first_output);
        if let Some(bias) = bias {
            padded_bias[..outputs].copy_from_slice(bias);
        }
        Panels {
            isa,
            outputs,
            panels,
            weights: packed,
            bias: padded_bias,
        }
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<f32>()
    }

    fn panel_weights(&self, panel: &Panel) -> &[f32] {
        let inputs = self.weights.len() / self.bias.len().max(1);
        &self.weights[panel.weights..][..inputs * panel.vectors * self.isa.lanes()]
    }

    fn weight_values(&self) -> usize {
        self.weights.len()
    }

    /// Computes output pixels `pixels` (counted from the row `first_output_row`) of all panels, on
    /// the caller's thread.
    ///
    /// # Safety
    /// `output` (and `residual`, unless null) must be valid for `outputs` f32 of each of the
    /// pixels, counted from pixel 0, with no other user; `source` must hold the rows that they see.
    pub unsafe fn run(
        &self,
        source: &Source<'_>,
        first_output_row: usize,
        pixels: Range<usize>,
        residual: *const f32,
        output: SharedOutput,
        epilogue: Epilogue,
    ) {
        let window = source.window;
        if source.is_gathered() {
            // SAFETY: as the caller vouches.
            return unsafe {
                self.run_gathered(source, first_output_row, pixels, residual, output, epilogue)
            };
        }
        let per_pixel = source.channels * window.stride_height * window.stride_width;
        let block = (BLOCK_VALUES / per_pixel.max(1)).max(48);
        let mut first = pixels.start;
        while first < pixels.end {
            let end = (first + block).min(pixels.end);
            for index in 0..self.panels.len() {
                // SAFETY: as the caller vouches.
                unsafe {
                    let part = first..end;
                    self.run_panel(
                        index,
                        source,
                        first_output_row,
                        part,
                        residual,
                        output,
                        epilogue,
                    )
                };
            }
            first = end;
        }
    }

    /// As [`Panels::run`], by way of copied windows.
    ///
    /// # Safety
    /// As for [`Panels::run`].
    unsafe fn run_gathered(
        &self,
        source: &Source<'_>,
        first_output_row: usize,
        pixels: Range<usize>,
        residual: *const f32,
        output: SharedOutput,
        epilogue: Epilogue,
    ) {
        let window = source.window;
        let depth = window.kernel_height * window.kernel_width * source.channels;
        let mut gathered = [0.0; GATHERED_VALUES];
        let block = GATHERED_VALUES / depth;
        let mut first = pixels.start;
        while first < pixels.end {
            let count = block.min(pixels.end - first);
            let target = &mut gathered[..count * depth];
            source::gather(
                self.isa,
                source,
                first_output_row,
                first..first + count,
                target,
            );
            let flat = Source {
                input: target,
                channels: depth,
                flat: true,
                ..*source
            };
            let offset = first * self.outputs;
            let output = SharedOutput(output.0.wrapping_add(offset));
            let residual = if residual.is_null() {
                residual
            } else {
                residual.wrapping_add(offset)
            };
            for index in 0..self.panels.len() {
                // SAFETY: as the caller vouches, from pixel `first` on.
                unsafe { self.run_panel(index, &flat, 0, 0..count, residual, output, epilogue) };
            }
            first += count;
        }
    }

    /// Computes part `part` of `parts` of output pixels 0 to `pixels`: parts of equal work that
    /// together are the whole.
    ///
    /// # Safety
    /// As for [`Panels::run`].
    pub unsafe fn run_part(
        &self,
        (part, parts): (usize, usize),
        source: &Source<'_>,
        pixels: usize,
        residual: *const f32,
        output: SharedOutput,
        epilogue: Epilogue,
    ) {
        let widest = self.panels.first().map_or(1, |panel| panel.vectors);
        let tiles = pixels / tile::most_rows(self.isa, widest).max(1);
        // Each thread reads all that is not split: the larger side is.
        let by_pixels = source.is_gathered()
            || tiles >= 4 * parts && source.input.len() >= self.weight_values();
        if parts == 1 || by_pixels {
            let range = pixels * part / parts..pixels * (part + 1) / parts;
            // SAFETY: as the caller vouches; the ranges of two parts share no pixel.
            return unsafe { self.run(source, 0, range, residual, output, epilogue) };
        }
        // The work as one line, panel after panel, cut into equal parts: a panel that lies on a cut
        // is shared by pixels.
        let vectors: usize = self.panels.iter().map(|panel| panel.vectors).sum();
        let all = vectors * pixels;
        let (start, end) = (all * part / parts, all * (part + 1) / parts);
        let mut done = 0;
        for (index, panel) in self.panels.iter().enumerate() {
            let from = start
                .saturating_sub(done)
                .div_ceil(panel.vectors)
                .min(pixels);
            let to = end.saturating_sub(done).div_ceil(panel.vectors).min(pixels);
            done += panel.vectors * pixels;
            if from < to {
                // SAFETY: as the caller vouches; two parts share no pixel of a panel.
                unsafe {
                    self.run_panel(index, source, 0, from..to, residual, output, epilogue);
                }
            }
        }
    }

    /// # Safety
    /// As for [`Panels::run`].
    unsafe fn run_panel(
        &self,
        index: usize,
        source: &Source<'_>,
        first_output_row: usize,
        pixels: Range<usize>,
        residual: *const f32,
        output: SharedOutput,
        epilogue: Epilogue,
    ) {
        let panel = self.panels[index];
        let width = panel.vectors * self.isa.lanes();
        let used = width.min(self.outputs - panel.first_output);
        let offset = panel.first_output;
        let (lower, upper, simple) = match epilogue.activation {
            Activation::Identity => (f32::NEG_INFINITY, f32::INFINITY, true),
            Activation::Relu => (0.0, f32::INFINITY, true),
            Activation::Relu6 => (0.0, 6.0, true),
            _ => (f32::NEG_INFINITY, f32::INFINITY, false),
        };
        let residual = if residual.is_null() {
            residual
        } else {
            residual.wrapping_add(offset)
        };
        let last = epilogue.residual_last && !residual.is_null();
        let strip = Strip {
            source,
            weights: self.panel_weights(&panel).as_ptr(),
            bias: self.bias[panel.bias..].as_ptr(),
            residual: if last { std::ptr::null() } else { residual },
            output: output.0.wrapping_add(offset),
            stride: self.outputs,
            last_lanes: used - (panel.vectors - 1) * self.isa.lanes(),
            lower,
            upper,
            first_pixel: pixels.start,
            pixels: pixels.len(),
            first_output_row,
            ahead: Ahead::of(match self.panels.get(index + 1) {
                Some(next) if self.weights.len() > FETCHED_VALUES => self.panel_weights(next),
                _ => &[],
            }),
        };
        // SAFETY: the panel's own weights and biases; the rest as the caller vouches.
        unsafe { tile::run(self.isa, &strip, panel.vectors) };
        if !simple || last {
            // The panel's results are still in the first-level cache.
            for pixel in pixels {
                let at = pixel * self.outputs;
                // SAFETY: the caller vouches for these channels of the pixel.
                unsafe {
                    let results = std::slice::from_raw_parts_mut(strip.output.add(at), used);
                    if !simple {
                        elementwise::activate(self.isa, epilogue.activation, results);
                    }
                    if last {
                        let residual = std::slice::from_raw_parts(residual.add(at), used);
                        elementwise::add_assign(self.isa, results, residual);
                    }
                }
            }
        }
    }
}

/// How `vectors` are cut into panels: as wide as the set's tiles go, but none of a single vector
/// where a wider one can be had (few sums in flight leave the multipliers waiting).
fn widths(isa: Isa, vectors: usize) -> Vec<usize> {
    let preferred = tile::panel_vectors(isa);
    let allowed = |vectors| vectors <= MOST_VECTORS && tile::most_rows(isa, vectors) > 0;
    let mut widths = vec![preferred; vectors / preferred];
    match vectors % preferred {
        0 => {}
        1 if !widths.is_empty() && allowed(preferred + 1) => {
            widths.pop();
            widths.push(preferred + 1);
        }
        1 if !widths.is_empty() && preferred > 2 => {
            widths.pop();
            widths.extend([preferred - 1, 2]);
        }
        rest => widths.push(rest),
    }
    widths
}

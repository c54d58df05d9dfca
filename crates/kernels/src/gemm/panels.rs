//! Packed weights, and how a product is cut into blocks, panels and threads.
use super::source::{self, Source};
use super::tile::{self, Ahead, Strip};
use crate::isa::{Isa, MOST_VECTORS};
use crate::share::share;
use crate::{Activation, elementwise};
use std::ops::Range;
use tensor::{AlignedBuffer, Element};

/// f32 of input that a block of pixels may have: a quarter of a small second-level cache (512 KiB),
/// so that they are still there for the next panel.
const BLOCK_VALUES: usize = 32 * 1024;

/// f32 of windows that are gathered at a time: half of a small first-level cache (32 KiB).
const GATHERED_VALUES: usize = 4 * 1024;

/// f32 of weights from which on the next panel's are fetched ahead; fewer are no wait to speak of.
const FETCHED_VALUES: usize = 16 * 1024;

/// How weights `[inputs, outputs]` are cut into panels of a few vectors of outputs; in a panel the
/// weights of one input lie side by side.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    isa: Isa,
    inputs: usize,
    outputs: usize,
    panels: Vec<Panel>,
}

/// Weights that lie as a layout says, somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    layout: &'a Layout,
    weights: &'a [f32],
    bias: &'a [f32],
}

/// Packed weights in memory of their own.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    layout: Layout,
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

impl Epilogue {
    /// The sums are the results: no activation, no residual after it.
    pub const NONE: Epilogue = Epilogue {
        activation: Activation::Identity,
        residual_last: false,
    };
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

impl Layout {
    pub fn new(isa: Isa, inputs: usize, outputs: usize) -> Layout {
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
        Layout {
            isa,
            inputs,
            outputs,
            panels,
        }
    }

    /// The outputs, rounded up to whole vectors: f32 of the packed biases.
    pub fn padded_outputs(&self) -> usize {
        self.outputs.next_multiple_of(self.isa.lanes())
    }

    /// f32 of the packed weights.
    pub fn weight_values(&self) -> usize {
        self.padded_outputs() * self.inputs
    }

    /// The panels that part `part` of `parts` packs.
    fn share(&self, (part, parts): (usize, usize)) -> &[Panel] {
        &self.panels[share(self.panels.len(), part, parts)]
    }

    /// f32 of the packed weights of a panel.
    fn panel_values(&self, panel: &Panel) -> Range<usize> {
        let width = panel.vectors * self.isa.lanes();
        panel.weights..panel.weights + self.inputs * width
    }

    /// How many panels there are.
    pub fn panels(&self) -> usize {
        self.panels.len()
    }

    /// Where the packed weights of a panel lie.
    pub fn panel_range(&self, panel: usize) -> Range<usize> {
        self.panel_values(&self.panels[panel])
    }

    /// The outputs of a panel, and how many vectors they take.
    pub fn panel_outputs(&self, panel: usize) -> (Range<usize>, usize) {
        let panel = &self.panels[panel];
        let end = panel.first_output + panel.vectors * self.isa.lanes();
        (panel.first_output..end.min(self.outputs), panel.vectors)
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Where the packed weights of the panels lie that part `part` of `parts` packs.
    pub fn share_of_weights(&self, share: (usize, usize)) -> impl Iterator<Item = Range<usize>> {
        let panels = self.share(share).iter();
        panels.map(|panel| self.panel_values(panel))
    }

    /// Packs `weights` (`[inputs, outputs]`, row-major): the share of one of several parts, into its
    /// places of `packed`.
    ///
    /// # Safety
    /// `packed` must be valid for [`Layout::weight_values`], with no other user of the part's share.
    pub unsafe fn pack(&self, share: (usize, usize), weights: &[f32], packed: SharedOutput) {
        // SAFETY: as the caller vouches.
        unsafe { self.pack_as(share, weights, packed.0) };
    }

    /// As [`Layout::pack`], of any type of number.
    ///
    /// # Safety
    /// As for [`Layout::pack`].
    pub unsafe fn pack_as<T: Element + Default>(
        &self,
        share: (usize, usize),
        weights: &[T],
        packed: *mut T,
    ) {
        assert_eq!(
            weights.len(),
            self.inputs * self.outputs,
            "weights of {} by {}",
            self.inputs,
            self.outputs
        );
        for panel in self.share(share) {
            let range = self.panel_values(panel);
            let width = panel.vectors * self.isa.lanes();
            let used = width.min(self.outputs - panel.first_output);
            // SAFETY: the panel's own place, inside of what the caller vouches for.
            let target =
                unsafe { std::slice::from_raw_parts_mut(packed.add(range.start), range.len()) };
            for (input, row) in target.chunks_exact_mut(width).enumerate() {
                let from = input * self.outputs + panel.first_output;
                row[..used].copy_from_slice(&weights[from..from + used]);
                row[used..].fill(T::default());
            }
        }
    }

    /// Packs the transposed weights of a backward product: `weights` is `[taps, outputs, depth]` and
    /// the inputs are `[taps, depth]`, the taps in the opposite order where `flipped`.
    ///
    /// # Safety
    /// As for [`Layout::pack`].
    pub unsafe fn pack_transposed(
        &self,
        share: (usize, usize),
        (taps, flipped): (usize, bool),
        weights: &[f32],
        packed: SharedOutput,
    ) {
        /// Inputs that are moved together: their lines stay in the first-level cache.
        const TOGETHER: usize = 16;
        assert_eq!(weights.len(), self.inputs * self.outputs, "the weights");
        let depth = self.inputs / taps;
        for panel in self.share(share) {
            let range = self.panel_values(panel);
            let width = panel.vectors * self.isa.lanes();
            let used = width.min(self.outputs - panel.first_output);
            // SAFETY: the panel's own place, inside of what the caller vouches for.
            let target =
                unsafe { std::slice::from_raw_parts_mut(packed.0.add(range.start), range.len()) };
            for tap in 0..taps {
                let from = if flipped { taps - 1 - tap } else { tap };
                let matrix = &weights[from * self.outputs * depth..][..self.outputs * depth];
                let target = &mut target[tap * depth * width..][..depth * width];
                for (block, rows) in target.chunks_mut(TOGETHER * width).enumerate() {
                    let first = block * TOGETHER;
                    let count = rows.len() / width;
                    for output in 0..used {
                        let column = &matrix[(panel.first_output + output) * depth + first..];
                        for (row, &weight) in column[..count].iter().enumerate() {
                            rows[row * width + output] = weight;
                        }
                    }
                    if used < width {
                        for row in rows.chunks_exact_mut(width) {
                            row[used..].fill(0.0);
                        }
                    }
                }
            }
        }
    }

    /// Biases, one an output (zeros if none), in whole vectors.
    ///
    /// # Panics
    /// Where there are not as many as outputs.
    pub fn pack_bias(&self, bias: Option<&[f32]>) -> AlignedBuffer {
        let mut packed = AlignedBuffer::zeroed(self.padded_outputs());
        if let Some(bias) = bias {
            packed[..self.outputs].copy_from_slice(bias);
        }
        packed
    }

    /// Weights packed by this layout, and biases, [`Layout::padded_outputs`] of them.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn packed<'a>(&'a self, weights: &'a [f32], bias: &'a [f32]) -> Packed<'a> {
        assert_eq!(weights.len(), self.weight_values(), "packed weights");
        assert_eq!(bias.len(), self.padded_outputs(), "packed biases");
        Packed {
            layout: self,
            weights,
            bias,
        }
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
        let layout = Layout::new(isa, inputs, outputs);
        let bias = layout.pack_bias(bias);
        let mut packed = AlignedBuffer::zeroed(layout.weight_values());
        // SAFETY: the buffer has this length, and is this thread's alone.
        unsafe { layout.pack((0, 1), weights, SharedOutput::new(packed.as_mut_ptr())) };
        Panels {
            layout,
            weights: packed,
            bias,
        }
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<f32>()
    }

    /// The weights, to be multiplied with.
    pub fn packed(&self) -> Packed<'_> {
        Packed {
            layout: &self.layout,
            weights: &self.weights,
            bias: &self.bias,
        }
    }
}

impl Packed<'_> {
    fn panel_weights(&self, panel: &Panel) -> &[f32] {
        &self.weights[self.layout.panel_values(panel)]
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
            for index in 0..self.layout.panels.len() {
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

    /// As [`Packed::run`], by way of copied windows.
    ///
    /// # Safety
    /// As for [`Packed::run`].
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
                self.layout.isa,
                source,
                first_output_row,
                first..first + count,
                target,
                depth,
            );
            let flat = Source {
                input: target,
                channels: depth,
                stride: depth,
                flat: true,
                ..*source
            };
            let offset = first * self.layout.outputs;
            let output = SharedOutput(output.0.wrapping_add(offset));
            let residual = if residual.is_null() {
                residual
            } else {
                residual.wrapping_add(offset)
            };
            for index in 0..self.layout.panels.len() {
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
    /// As for [`Packed::run`].
    pub unsafe fn run_part(
        &self,
        (part, parts): (usize, usize),
        source: &Source<'_>,
        pixels: usize,
        residual: *const f32,
        output: SharedOutput,
        epilogue: Epilogue,
    ) {
        let widest = self.layout.panels.first().map_or(1, |panel| panel.vectors);
        let tiles = pixels / tile::most_rows(self.layout.isa, widest).max(1);
        // Each thread reads all that is not split: the larger side is.
        let by_pixels = source.is_gathered()
            || tiles >= 4 * parts && source.input.len() >= self.weight_values();
        if parts == 1 || by_pixels {
            let range = share(pixels, part, parts);
            // SAFETY: as the caller vouches; the ranges of two parts share no pixel.
            return unsafe { self.run(source, 0, range, residual, output, epilogue) };
        }
        // The work as one line, panel after panel, cut into equal parts: a panel that lies on a cut
        // is shared by pixels.
        let vectors: usize = self.layout.panels.iter().map(|panel| panel.vectors).sum();
        let all = vectors * pixels;
        let Range { start, end } = share(all, part, parts);
        let mut done = 0;
        for (index, panel) in self.layout.panels.iter().enumerate() {
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
    /// As for [`Packed::run`].
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
        let panel = self.layout.panels[index];
        let width = panel.vectors * self.layout.isa.lanes();
        let used = width.min(self.layout.outputs - panel.first_output);
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
            stride: self.layout.outputs,
            last_lanes: used - (panel.vectors - 1) * self.layout.isa.lanes(),
            lower,
            upper,
            first_pixel: pixels.start,
            pixels: pixels.len(),
            first_output_row,
            ahead: Ahead::of(match self.layout.panels.get(index + 1) {
                Some(next) if self.weights.len() > FETCHED_VALUES => self.panel_weights(next),
                _ => &[],
            }),
        };
        // SAFETY: the panel's own weights and biases; the rest as the caller vouches.
        unsafe { tile::run(self.layout.isa, &strip, panel.vectors) };
        if !simple || last {
            // The panel's results are still in the first-level cache.
            for pixel in pixels {
                let at = pixel * self.layout.outputs;
                // SAFETY: the caller vouches for these channels of the pixel.
                unsafe {
                    let results = std::slice::from_raw_parts_mut(strip.output.add(at), used);
                    if !simple {
                        elementwise::activate(self.layout.isa, epilogue.activation, results);
                    }
                    if last {
                        let residual = std::slice::from_raw_parts(residual.add(at), used);
                        elementwise::add_assign(self.layout.isa, results, residual);
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

//! Depthwise convolutions over NHWC: each channel by itself, channels in vectors.

pub mod reference;
mod tile;
pub mod training;

use crate::conv2d::check_input_rows;
use crate::gemm::SharedOutput;
use crate::share::share;
use crate::{Activation, Isa, Window, elementwise};
use std::ops::Range;
use tensor::{AlignedBuffer, Pool};
use tile::Strip;

/// A depthwise convolution whose weights are packed for a set of instructions. Gives
/// `activation(convolution + bias)`.
#[derive(Clone, Debug)]
pub struct PackedDepthwise {
    isa: Isa,
    window: Window,
    channels: usize,
    /// `[C / LANES, KH, KW, LANES]`
    weights: AlignedBuffer,
    /// `[C / LANES, LANES]`
    bias: AlignedBuffer,
    activation: Activation,
    /// C zeros, read in place of the padding.
    zeros: AlignedBuffer,
}

impl PackedDepthwise {
    /// Packs `kernel` (`[KH, KW, C]`, row-major) and `bias` (`[C]`).
    ///
    /// # Panics
    /// Where a length does not agree with the window and the channels.
    pub fn new(
        isa: Isa,
        window: &Window,
        channels: usize,
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> PackedDepthwise {
        let taps = window.kernel_height * window.kernel_width;
        assert_eq!(
            kernel.len(),
            taps * channels,
            "a kernel of {taps} by {channels}"
        );
        assert!(
            bias.is_none_or(|bias| bias.len() == channels),
            "a bias of {channels}"
        );
        let lanes = isa.lanes();
        let vectors = channels.div_ceil(lanes);
        let mut weights = AlignedBuffer::zeroed(vectors * taps * lanes);
        for (tap, row) in kernel.chunks_exact(channels.max(1)).enumerate() {
            for (channel, &weight) in row.iter().enumerate() {
                let (vector, lane) = (channel / lanes, channel % lanes);
                weights[(vector * taps + tap) * lanes + lane] = weight;
            }
        }
        let mut padded_bias = AlignedBuffer::zeroed(vectors * lanes);
        if let Some(bias) = bias {
            padded_bias[..channels].copy_from_slice(bias);
        }
        PackedDepthwise {
            isa,
            window: *window,
            channels,
            weights,
            bias: padded_bias,
            activation,
            zeros: AlignedBuffer::zeroed(channels),
        }
    }

    /// The window that it was made for.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Bytes of the packed weights.
    pub fn packed_bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<f32>()
    }

    /// Computes one image: `input` is `[H, W, C]`, `output` `[out_height, out_width, C]`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn run(&self, pool: &Pool, input: &[f32], output: &mut [f32]) {
        let window = &self.window;
        let rows = window.out_height;
        assert_eq!(
            input.len(),
            window.in_height * window.in_width * self.channels,
            "the input"
        );
        assert_eq!(
            output.len(),
            rows * window.out_width * self.channels,
            "the output"
        );
        let output = SharedOutput::new(output.as_mut_ptr());
        let vectors = self.channels.div_ceil(self.isa.lanes());
        let parts = pool.threads();
        // Rows where they can be shared out nearly evenly; else channels, in runs of whole cache
        // lines (each thread's prefetcher then fetches lines that the other writes).
        let by_rows = rows.div_ceil(parts) * parts * 4 <= rows * 5;
        let line = (16 / self.isa.lanes()).max(1);
        let lines = vectors.div_ceil(line);
        pool.run(parts, &|part| {
            let (rows, vectors) = if by_rows {
                (share(rows, part, parts), 0..vectors)
            } else {
                let lines = share(lines, part, parts);
                (0..rows, lines.start * line..(lines.end * line).min(vectors))
            };
            // SAFETY: the lengths were checked; parts share no value of the output.
            unsafe { self.run_part(rows, vectors, input, 0, output.pointer()) };
        });
    }

    /// Computes the output rows `rows` on the caller's thread. `input` holds whole rows of the image
    /// from `first_input_row` on, at least those of [`Window::input_rows`]; `output` holds just the
    /// output rows `rows`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn run_rows(
        &self,
        rows: Range<usize>,
        input: &[f32],
        first_input_row: usize,
        output: &mut [f32],
    ) {
        let window = &self.window;
        assert!(
            rows.start <= rows.end && rows.end <= window.out_height,
            "rows {rows:?}"
        );
        check_input_rows(window, self.channels, &rows, input.len(), first_input_row);
        let row_values = window.out_width * self.channels;
        assert_eq!(output.len(), rows.len() * row_values, "the output");
        let vectors = self.channels.div_ceil(self.isa.lanes());
        let origin = output.as_mut_ptr().wrapping_sub(rows.start * row_values);
        // SAFETY: the lengths were checked; only the rows `rows` are written, and these are there.
        unsafe { self.run_part(rows, 0..vectors, input, first_input_row, origin) };
    }

    /// Computes vectors of channels of some rows; `output` points at row 0.
    ///
    /// # Safety
    /// The input must hold the rows that the output rows see; the output rows must be there.
    unsafe fn run_part(
        &self,
        rows: Range<usize>,
        vectors: Range<usize>,
        input: &[f32],
        first_input_row: usize,
        output: *mut f32,
    ) {
        if rows.is_empty() || vectors.is_empty() {
            return;
        }
        let (lower, upper, simple) = match self.activation {
            Activation::Identity => (f32::NEG_INFINITY, f32::INFINITY, true),
            Activation::Relu => (0.0, f32::INFINITY, true),
            Activation::Relu6 => (0.0, 6.0, true),
            _ => (f32::NEG_INFINITY, f32::INFINITY, false),
        };
        let strip = Strip {
            window: &self.window,
            channels: self.channels,
            input: input.as_ptr(),
            first_input_row,
            weights: self.weights.as_ptr(),
            bias: self.bias.as_ptr(),
            zeros: self.zeros.as_ptr(),
            output,
            lower,
            upper,
            vectors: vectors.clone(),
            rows: rows.clone(),
        };
        // SAFETY: as the caller vouches.
        unsafe { tile::run(self.isa, &strip) };
        if !simple {
            let first_channel = vectors.start * self.isa.lanes();
            let channels = (vectors.end * self.isa.lanes()).min(self.channels) - first_channel;
            for pixel in rows.start * self.window.out_width..rows.end * self.window.out_width {
                // SAFETY: the channels of a pixel of the output.
                let results = unsafe {
                    let at = output.wrapping_add(pixel * self.channels + first_channel);
                    std::slice::from_raw_parts_mut(at, channels)
                };
                elementwise::activate(self.isa, self.activation, results);
            }
        }
    }
}

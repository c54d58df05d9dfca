//! Convolutions over NHWC: every size of window, as a matrix product that reads the image in place.

mod layout;
pub mod reference;
pub mod training;
pub mod winograd;

use crate::gemm::{Epilogue, Panels, SharedOutput, Source};
use crate::{Activation, Isa, Window};
use std::ops::Range;
use tensor::Pool;

/// A convolution whose weights are packed for a set of instructions.
///
/// Gives `activation(convolution + bias + residual)`, or with
/// [`PackedConv2d::with_residual_last`] `activation(convolution + bias) + residual`.
#[derive(Clone, Debug)]
pub struct PackedConv2d {
    window: Window,
    in_channels: usize,
    out_channels: usize,
    panels: Panels,
    epilogue: Epilogue,
    zeros: Vec<f32>,
}

impl PackedConv2d {
    /// Packs `kernel` (`[KH, KW, C, OC]`, row-major) and `bias` (`[OC]`).
    ///
    /// # Panics
    /// Where a length does not agree with the window and the channels.
    pub fn new(
        isa: Isa,
        window: &Window,
        in_channels: usize,
        out_channels: usize,
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> PackedConv2d {
        let inputs = window.kernel_height * window.kernel_width * in_channels;
        PackedConv2d {
            window: *window,
            in_channels,
            out_channels,
            panels: Panels::new(isa, inputs, out_channels, kernel, bias),
            epilogue: Epilogue {
                activation,
                residual_last: false,
            },
            zeros: vec![0.0; window.kernel_width * in_channels],
        }
    }

    /// The same, with the residual added after the activation.
    pub fn with_residual_last(mut self) -> PackedConv2d {
        self.epilogue.residual_last = true;
        self
    }

    /// The window that it was made for.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Bytes of the packed weights.
    pub fn packed_bytes(&self) -> usize {
        self.panels.bytes()
    }

    /// Computes one image: `input` is `[H, W, C]`, `residual` and `output`
    /// `[out_height, out_width, OC]`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn run(&self, pool: &Pool, input: &[f32], residual: Option<&[f32]>, output: &mut [f32]) {
        let window = &self.window;
        let pixels = window.out_height * window.out_width;
        assert_eq!(
            input.len(),
            window.in_height * window.in_width * self.in_channels,
            "the input"
        );
        assert_eq!(output.len(), pixels * self.out_channels, "the output");
        let residual = check_residual(residual, output.len());
        let source = self.source(input, 0);
        let output = SharedOutput::new(output.as_mut_ptr());
        let residual = SharedOutput::new(residual.cast_mut());
        let parts = pool.threads();
        pool.run(parts, &|part| {
            let (output, residual) = (output, residual.pointer());
            // SAFETY: the lengths were checked; parts share no value of the output.
            unsafe {
                let whole = (part, parts);
                self.panels.packed().run_part(
                    whole,
                    &source,
                    pixels,
                    residual,
                    output,
                    self.epilogue,
                );
            }
        });
    }

    /// Computes the output rows `rows` on the caller's thread. `input` holds whole rows of the image
    /// from `first_input_row` on, at least those of [`Window::input_rows`]; `residual` and `output`
    /// hold just the output rows `rows`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn run_rows(
        &self,
        rows: Range<usize>,
        input: &[f32],
        first_input_row: usize,
        residual: Option<&[f32]>,
        output: &mut [f32],
    ) {
        let window = &self.window;
        assert!(
            rows.start <= rows.end && rows.end <= window.out_height,
            "rows {rows:?}"
        );
        check_input_rows(
            window,
            self.in_channels,
            &rows,
            input.len(),
            first_input_row,
        );
        let pixels = rows.len() * window.out_width;
        assert_eq!(output.len(), pixels * self.out_channels, "the output");
        let residual = check_residual(residual, output.len());
        let mut source = self.source(input, first_input_row);
        if source.flat {
            // A flat source counts its pixels from the first of `rows`.
            let skipped = (rows.start - first_input_row) * window.in_width * self.in_channels;
            source.input = &source.input[skipped..];
        }
        let output = SharedOutput::new(output.as_mut_ptr());
        // SAFETY: the lengths were checked, and the output is this thread's alone.
        unsafe {
            self.panels.packed().run(
                &source,
                rows.start,
                0..pixels,
                residual,
                output,
                self.epilogue,
            )
        };
    }

    fn source<'a>(&'a self, input: &'a [f32], first_row: usize) -> Source<'a> {
        Source {
            input,
            first_row,
            zeros: &self.zeros,
            window: &self.window,
            channels: self.in_channels,
            flat: self.window.is_pointwise(),
            stride: self.in_channels,
        }
    }
}

pub(crate) fn check_residual(residual: Option<&[f32]>, length: usize) -> *const f32 {
    assert!(
        residual.is_none_or(|residual| residual.len() == length),
        "the residual"
    );
    residual.map_or(std::ptr::null(), <[f32]>::as_ptr)
}

/// Panics where `input` does not hold, from `first_row` on, what the output rows `rows` see.
pub(crate) fn check_input_rows(
    window: &Window,
    channels: usize,
    rows: &Range<usize>,
    length: usize,
    first_row: usize,
) {
    let needed = window.input_rows(rows.clone());
    let width = window.in_width * channels;
    assert!(
        length.is_multiple_of(width.max(1))
            && first_row <= needed.start
            && first_row + length / width.max(1) >= needed.end,
        "input rows {needed:?} for output rows {rows:?}"
    );
}

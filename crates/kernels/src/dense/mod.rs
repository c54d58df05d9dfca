//! Dense layers: `x W + b` over the last dimension.

pub mod reference;

use crate::gemm::{Epilogue, Panels, SharedOutput, Source};
use crate::{Activation, Isa, Window};
use tensor::Pool;

/// A dense layer whose weights are packed for a set of instructions.
#[derive(Clone, Debug)]
pub struct PackedDense {
    inputs: usize,
    units: usize,
    panels: Panels,
    epilogue: Epilogue,
}

impl PackedDense {
    /// Packs `weights` (`[inputs, units]`, row-major) and `bias` (`[units]`).
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn new(
        isa: Isa,
        inputs: usize,
        units: usize,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> PackedDense {
        PackedDense {
            inputs,
            units,
            panels: Panels::new(isa, inputs, units, weights, bias),
            epilogue: Epilogue {
                activation,
                residual_last: false,
            },
        }
    }

    /// Bytes of the packed weights.
    pub fn packed_bytes(&self) -> usize {
        self.panels.bytes()
    }

    /// Computes any number of rows: `input` is `[rows, inputs]`, `output` `[rows, units]`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn run(&self, pool: &Pool, input: &[f32], output: &mut [f32]) {
        let rows = input.len() / self.inputs.max(1);
        assert_eq!(input.len(), rows * self.inputs, "the input");
        assert_eq!(output.len(), rows * self.units, "the output");
        let window = Window {
            in_height: 1,
            in_width: rows,
            out_height: 1,
            out_width: rows,
            kernel_height: 1,
            kernel_width: 1,
            stride_height: 1,
            stride_width: 1,
            pad_top: 0,
            pad_left: 0,
        };
        let source = Source {
            input,
            first_row: 0,
            zeros: &[],
            window: &window,
            channels: self.inputs,
            flat: true,
            stride: self.inputs,
        };
        let output = SharedOutput::new(output.as_mut_ptr());
        let parts = pool.threads();
        pool.run(parts, &|part| {
            let none = std::ptr::null();
            // SAFETY: the lengths were checked; parts share no value of the output.
            unsafe {
                self.panels.packed().run_part(
                    (part, parts),
                    &source,
                    rows,
                    none,
                    output,
                    self.epilogue,
                );
            }
        });
    }
}

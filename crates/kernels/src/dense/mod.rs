//! Dense layers: `x W + b` over the last dimension.

pub mod reference;

use crate::gemm::{Epilogue, HalfPanels, Panels, SharedOutput, Source};
use crate::share::share;
use crate::{Activation, Isa, Window};
use half::f16;
use tensor::Pool;

/// Weights from which on f16 are kept as such: more f32 than a large second-level cache (4 MiB) has.
const LARGE: usize = 1024 * 1024;

/// A dense layer whose weights are packed for a set of instructions.
#[derive(Clone, Debug)]
pub struct PackedDense {
    inputs: usize,
    units: usize,
    weights: Weights,
    epilogue: Epilogue,
}

#[derive(Clone, Debug)]
enum Weights {
    Whole(Panels),
    /// Many f16: the results are the same but for the order of the sums.
    Halves(HalfPanels),
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
        let panels = Panels::new(isa, inputs, units, weights, bias);
        PackedDense::of(inputs, units, Weights::Whole(panels), activation)
    }

    /// As [`PackedDense::new`], of weights that are f16, which many stay.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn of_f16(
        isa: Isa,
        inputs: usize,
        units: usize,
        weights: &[f16],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> PackedDense {
        if weights.len() < LARGE {
            let weights: Vec<f32> = weights.iter().map(|weight| weight.to_f32()).collect();
            return PackedDense::new(isa, inputs, units, &weights, bias, activation);
        }
        let panels = HalfPanels::new(isa, inputs, units, weights, bias);
        PackedDense::of(inputs, units, Weights::Halves(panels), activation)
    }

    fn of(inputs: usize, units: usize, weights: Weights, activation: Activation) -> PackedDense {
        PackedDense {
            inputs,
            units,
            weights,
            epilogue: Epilogue {
                activation,
                residual_last: false,
            },
        }
    }

    /// Bytes of the packed weights.
    pub fn packed_bytes(&self) -> usize {
        match &self.weights {
            Weights::Whole(panels) => panels.bytes(),
            Weights::Halves(panels) => panels.bytes(),
        }
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
            let epilogue = self.epilogue;
            // SAFETY: the lengths were checked; parts share no value of the output.
            unsafe {
                match &self.weights {
                    Weights::Whole(panels) => {
                        let (packed, none) = (panels.packed(), std::ptr::null());
                        packed.run_part((part, parts), &source, rows, none, output, epilogue);
                    }
                    Weights::Halves(panels) => {
                        let own = share(panels.panels(), part, parts);
                        panels.run(own, &source, rows, output, epilogue);
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{LARGE, PackedDense, Weights, reference};
    use crate::tests::{assert_near, values};
    use crate::{Activation, Isa};
    use half::f16;
    use tensor::Pool;

    /// Many weights that are f16 give what the plain sum gives, whatever rows, panels and blocks are
    /// left over; few become f32.
    #[test]
    fn large_layers_of_f16_agree_with_the_plain_sum() {
        let (inputs, units) = (9001, 133);
        assert!(inputs * units > LARGE);
        let weights: Vec<f16> = values(1, inputs * units)
            .into_iter()
            .map(|value| f16::from_f32(value / 100.0))
            .collect();
        let exact: Vec<f64> = weights.iter().map(|weight| weight.to_f64()).collect();
        let bias = values(2, units);
        for isa in Isa::available() {
            for (rows, threads) in [(1, 2), (2, 1), (3, 1), (17, 3)] {
                let activation = Activation::Relu;
                let packed =
                    PackedDense::of_f16(isa, inputs, units, &weights, Some(&bias), activation);
                assert!(matches!(packed.weights, Weights::Halves(_)));
                assert!(packed.packed_bytes() < 3 * inputs * units);
                let input = values(3, rows * inputs);
                let mut output = vec![f32::NAN; rows * units];
                packed.run(&Pool::new(threads), &input, &mut output);
                let f64s =
                    |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
                let mut wanted = vec![0.0; rows * units];
                reference::forward(
                    rows,
                    inputs,
                    units,
                    &f64s(&input),
                    &exact,
                    Some(&f64s(&bias)),
                    &mut wanted,
                );
                for value in &mut wanted {
                    *value = value.max(0.0);
                }
                assert_near(&output, &wanted, &format!("{isa} {rows} {threads}"));
            }
        }
        let (few, identity) = (&weights[..10 * units], Activation::Identity);
        let packed = PackedDense::of_f16(Isa::PORTABLE, 10, units, few, None, identity);
        assert!(matches!(packed.weights, Weights::Whole(_)));
    }
}

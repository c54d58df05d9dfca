//! Formula weights: parameters that any program can make from their names alone, so that two
//! implementations of one network can be compared without a file of weights.
//!
//! Element i (row-major) of the array NAME has the draw u in [0, 1): the upper 24 bits, over 2^24,
//! of SplitMix64's i-th output (i from 0) when its state starts at the 64-bit FNV-1a hash of NAME's
//! bytes. The last part of NAME (after `/`) says what becomes of u, in f64, then rounded to f32:
//!
//! | last part | value |
//! |---|---|
//! | `kernel` | (2u - 1) 2 / sqrt(fan-in); fan-in: KH KW C of `[KH, KW, C, OC]`, KH KW of `[KH, KW, C]` (depthwise), in of `[in, units]` |
//! | `gamma`, `moving_variance` | 0.5 + u; `gamma` of a `..project_bn` a quarter of that |
//! | `beta`, `bias`, `moving_mean` | (2u - 1) / 10 |
//! | anything else (pixels) | 2u - 1 |
//!
//! The 2 is a little less than keeps the variance through a ReLU (sqrt 6): with that, Keras's own
//! f32 and f64 runs of MobileNetV2 are 9e-5 apart, too near the tolerance; with 2, below 1e-5. The
//! quarter keeps the sums over EfficientNet's many blocks small: without it they reach millions, where
//! rounding alone decides how a gate opens.
//!
//! `tests/golden/formula.py` is the same in Python; a golden file pins the two together.
use tensor::{NamedTensors, Shape, Tensor};

/// The parameters of these names and shapes.
pub fn formula_parameters(specs: impl IntoIterator<Item = (String, Shape)>) -> NamedTensors {
    let tensor = |(name, shape): (String, Shape)| {
        let tensor = formula_values(&name, shape);
        (name, tensor)
    };
    specs.into_iter().map(tensor).collect()
}

/// The array `name` of this shape.
pub fn formula_values(name: &str, shape: impl Into<Shape>) -> Tensor {
    let mut tensor = Tensor::zeros(shape);
    let value = rule(name, tensor.shape());
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut state = name.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
    for element in tensor.values_mut() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let draw = (mixed ^ (mixed >> 31)) >> 40;
        *element = value(draw as f64 / f64::from(1 << 24)) as f32;
    }
    tensor
}

fn rule(name: &str, shape: Shape) -> Box<dyn Fn(f64) -> f64> {
    match name.rsplit('/').next().unwrap_or(name) {
        "kernel" => {
            let fan_in: usize = match *shape.dimensions() {
                [kh, kw, _] => kh * kw,
                [ref inputs @ .., _] => inputs.iter().product(),
                [] => 1,
            };
            let limit = 2.0 / (fan_in.max(1) as f64).sqrt();
            Box::new(move |draw| (2.0 * draw - 1.0) * limit)
        }
        "gamma" if name.ends_with("project_bn/gamma") => Box::new(|draw| (0.5 + draw) / 4.0),
        "gamma" | "moving_variance" => Box::new(|draw| 0.5 + draw),
        "beta" | "bias" | "moving_mean" => Box::new(|draw| (2.0 * draw - 1.0) / 10.0),
        _ => Box::new(|draw| 2.0 * draw - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn python_makes_the_same() {
        let lines = String::from_utf8(golden("formula.txt")).unwrap();
        let mut checked = 0;
        for line in lines.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [name, shape, bits @ ..] = &fields[..] else {
                panic!("{line}")
            };
            let shape: Vec<usize> = shape.split('x').map(|d| d.parse().unwrap()).collect();
            let made = formula_values(name, shape.as_slice());
            for (value, bits) in made.values().iter().zip(bits) {
                assert_eq!(
                    value.to_bits(),
                    u32::from_str_radix(bits, 16).unwrap(),
                    "{name}"
                );
                checked += 1;
            }
        }
        assert!(checked >= 40, "{checked}");
    }

    #[test]
    fn values_are_spread_as_told() {
        let kernel = formula_values("a/kernel", [3, 3, 16, 32]);
        let limit = 2f32 / 12.0;
        let (mut low, mut high, mut sum) = (0f32, 0f32, 0f64);
        for &value in &*kernel.values() {
            (low, high, sum) = (low.min(value), high.max(value), sum + f64::from(value));
        }
        assert!(low >= -limit && high <= limit && high - low > 1.99 * limit);
        assert!((sum / kernel.values().len() as f64).abs() < f64::from(limit) / 50.0);
        let variance = formula_values("a/moving_variance", [1000]);
        assert!(variance.values().iter().all(|&v| (0.5..1.5).contains(&v)));
    }
}

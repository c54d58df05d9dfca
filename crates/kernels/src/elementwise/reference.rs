//! What is done to each value by itself, in its plainest form: activations, affine, sum, product.
use crate::{Activation, Float};

/// The function of one value.
pub fn activate<F: Float>(activation: Activation, value: F) -> F {
    match activation {
        Activation::Identity => value,
        Activation::Relu => value.larger(F::ZERO),
        Activation::Relu6 => value.larger(F::ZERO).smaller(F::from_f64(6.0)),
        Activation::Swish => value * sigmoid(value),
        Activation::Sigmoid => sigmoid(value),
        Activation::Tanh => value.tanh(),
    }
}

/// `1 / (1 + exp(-x))`; no overflow on either side, since 1 / infinity is 0.
fn sigmoid<F: Float>(value: F) -> F {
    F::ONE / (F::ONE + (-value).exp())
}

/// The activation of each value.
///
/// # Panics
/// Where the lengths differ.
pub fn activation<F: Float>(activation: Activation, input: &[F], output: &mut [F]) {
    assert_eq!(input.len(), output.len());
    for (result, &value) in output.iter_mut().zip(input) {
        *result = activate(activation, value);
    }
}

/// `output = input * scale + offset`
///
/// # Panics
/// Where the lengths differ.
pub fn affine<F: Float>(scale: F, offset: F, input: &[F], output: &mut [F]) {
    assert_eq!(input.len(), output.len());
    for (result, &value) in output.iter_mut().zip(input) {
        *result = value * scale + offset;
    }
}

/// `output = left + right`
///
/// # Panics
/// Where the lengths differ.
pub fn add<F: Float>(left: &[F], right: &[F], output: &mut [F]) {
    assert!(left.len() == output.len() && right.len() == output.len());
    for ((result, &left), &right) in output.iter_mut().zip(left).zip(right) {
        *result = left + right;
    }
}

/// `output[i] = left[i] * right[i % right.len()]`: `[H, W, C]` by the same, or by `[1, 1, C]`.
///
/// # Panics
/// Where the lengths of left and output differ, or are no multiple of right's.
pub fn multiply<F: Float>(left: &[F], right: &[F], output: &mut [F]) {
    assert_eq!(left.len(), output.len());
    assert_eq!(left.len() % right.len(), 0);
    for (index, (result, &left)) in output.iter_mut().zip(left).enumerate() {
        *result = left * right[index % right.len()];
    }
}

/// The derivative of the function of one value. At a corner it is 0, as Keras has it.
pub fn slope<F: Float>(activation: Activation, value: F) -> F {
    match activation {
        Activation::Identity => F::ONE,
        Activation::Relu if value > F::ZERO => F::ONE,
        Activation::Relu6 if value > F::ZERO && value < F::from_f64(6.0) => F::ONE,
        Activation::Relu | Activation::Relu6 => F::ZERO,
        Activation::Swish => {
            let sigmoid = sigmoid(value);
            sigmoid * (F::ONE + value * (F::ONE - sigmoid))
        }
        Activation::Sigmoid => {
            let sigmoid = sigmoid(value);
            sigmoid * (F::ONE - sigmoid)
        }
        Activation::Tanh => F::ONE - value.tanh() * value.tanh(),
    }
}

/// The gradient of [`activation`]'s input, added to what is there.
///
/// # Panics
/// Where the lengths differ.
pub fn activation_backward<F: Float>(
    activation: Activation,
    input: &[F],
    gradient: &[F],
    input_gradient: &mut [F],
) {
    assert!(input.len() == gradient.len() && input.len() == input_gradient.len());
    for ((result, &value), &above) in input_gradient.iter_mut().zip(input).zip(gradient) {
        *result += above * slope(activation, value);
    }
}

/// The gradients of [`multiply`], each added to what is there.
///
/// # Panics
/// Where the lengths do not agree.
pub fn multiply_backward<F: Float>(
    left: &[F],
    right: &[F],
    gradient: &[F],
    left_gradient: &mut [F],
    right_gradient: &mut [F],
) {
    assert!(left.len() == gradient.len() && left.len() == left_gradient.len());
    assert!(right.len() == right_gradient.len() && left.len().is_multiple_of(right.len()));
    for (index, &above) in gradient.iter().enumerate() {
        left_gradient[index] += above * right[index % right.len()];
        right_gradient[index % right.len()] += above * left[index];
    }
}

/// `sums += values * scale`
///
/// # Panics
/// Where the lengths differ.
pub fn add_scaled<F: Float>(values: &[F], scale: F, sums: &mut [F]) {
    assert_eq!(values.len(), sums.len());
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_activations_hold_at_their_landmarks() {
        let at = |activation, value: f64| activate(activation, value);
        assert_eq!(
            [-1.0, 0.5, 9.0].map(|x| at(Activation::Relu, x)),
            [0.0, 0.5, 9.0]
        );
        assert_eq!(
            [-1.0, 0.5, 9.0].map(|x| at(Activation::Relu6, x)),
            [0.0, 0.5, 6.0]
        );
        assert_eq!(at(Activation::Sigmoid, 0.0), 0.5);
        assert_eq!(at(Activation::Sigmoid, -1e5), 0.0);
        assert_eq!(at(Activation::Sigmoid, 1e5), 1.0);
        assert_eq!(at(Activation::Swish, -1e3), 0.0);
        assert_eq!(at(Activation::Tanh, 1.0), 1f64.tanh());
        assert_eq!(at(Activation::Identity, -3.0), -3.0);
        // sigmoid(x) + sigmoid(-x) = 1, swish(x) - swish(-x) = x
        for x in [-3.0, -0.1, 0.7, 5.0] {
            let sum = at(Activation::Sigmoid, x) + at(Activation::Sigmoid, -x);
            assert!((sum - 1.0).abs() < 1e-12);
            let difference = at(Activation::Swish, x) - at(Activation::Swish, -x);
            assert!((difference - x).abs() < 1e-12);
        }
        for activation in [Activation::Relu, Activation::Relu6, Activation::Swish] {
            assert!(at(activation, f64::NAN).is_nan(), "a NaN must stay visible");
        }
    }

    #[test]
    fn the_factors_of_a_product_repeat_over_the_pixels() {
        let mut output = [0f32; 4];
        multiply(&[1.0, 2.0, 3.0, 4.0], &[10.0, 100.0], &mut output);
        assert_eq!(output, [10.0, 200.0, 30.0, 400.0]);
        add(&[1.0, 2.0, 3.0, 4.0], &output.clone(), &mut output);
        assert_eq!(output, [11.0, 202.0, 33.0, 404.0]);
        affine(2.0, -1.0, &[0.0, 1.0, 2.0, 3.0], &mut output);
        assert_eq!(output, [-1.0, 1.0, 3.0, 5.0]);
    }
}

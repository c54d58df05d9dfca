//! How far two tensors are apart, as the project measures it everywhere.

/// The relative error of a tensor against the true one: `max|a - b| / max|b|`; 0 where both are
/// all zero, infinite where the truth is all zero alone or anything is not finite.
///
/// # Panics
/// With unequal lengths.
pub fn relative_error(values: &[f32], truth: &[f32]) -> f32 {
    assert_eq!(values.len(), truth.len(), "as many values as true ones");
    let mut difference = 0f32;
    let mut largest = 0f32;
    for (&a, &b) in values.iter().zip(truth) {
        if !a.is_finite() || !b.is_finite() {
            return f32::INFINITY;
        }
        difference = difference.max((a - b).abs());
        largest = largest.max(b.abs());
    }
    if difference == 0.0 {
        0.0
    } else {
        difference / largest
    }
}

/// The relative error of a gradient: `||a - b|| / max(||b||, 1e-6 sqrt n)`, summed in f64;
/// infinite where anything is not finite.
///
/// # Panics
/// With unequal lengths.
pub fn gradient_error(values: &[f32], truth: &[f32]) -> f64 {
    assert_eq!(values.len(), truth.len(), "as many values as true ones");
    let norm = |squares: f64| squares.sqrt();
    let pairs = values
        .iter()
        .zip(truth)
        .map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let difference = norm(pairs.clone().map(|(a, b)| (a - b).powi(2)).sum());
    let length = norm(pairs.map(|(_, b)| b * b).sum());
    let error = difference / length.max(1e-6 * (values.len() as f64).sqrt());
    match (values.is_empty(), error.is_finite()) {
        (true, _) => 0.0,
        (false, true) => error,
        (false, false) => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measure_by_the_truth() {
        assert_eq!(relative_error(&[1.0, 2.0], &[1.0, 4.0]), 0.5);
        assert_eq!(relative_error(&[0.0], &[0.0]), 0.0);
        assert_eq!(relative_error(&[1.0], &[0.0]), f32::INFINITY);
        assert_eq!(relative_error(&[f32::NAN], &[1.0]), f32::INFINITY);
        assert!((gradient_error(&[3.0, 4.0], &[3.0, 0.0]) - 4.0 / 3.0).abs() < 1e-9);
        assert_eq!(gradient_error(&[0.0; 4], &[0.0; 4]), 0.0);
        assert_eq!(gradient_error(&[f32::NAN], &[1.0]), f64::INFINITY);
    }
}

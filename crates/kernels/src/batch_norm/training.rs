//! Batch norms while training: statistics from partial sums, what readers apply, and the gradient.
//!
//! The coefficients of a batch norm are `[4, C]`: mean, `1 / sqrt(variance + epsilon)`, scale and
//! shift, so that its result is `(value - mean) * scale + shift`. Mean and shift in one would cost
//! digits where the mean is large, and with them sides of a ReLU's corner.
use crate::Isa;
use crate::elementwise::add_assign;
use crate::gemm::SharedOutput;
use crate::normed::{self, Normed};
use crate::share::share;
use tensor::Pool;

/// f32 of rows that are worked on at a time: they stay in the second-level cache.
const BLOCK_VALUES: usize = 16 * 1024;

/// f32 of what [`Partial`] needs of a part.
pub(crate) const fn partial_values(channels: usize) -> usize {
    3 * channels
}

/// The mean and the variance (biased) of rows of which each of `parts` summed up distances:
/// `partial(p)` gives the number of its rows and `[3, C]`, a shift, the distances from it and their
/// squares.
pub(crate) fn finish_statistics<'a>(
    parts: usize,
    partial: impl Fn(usize) -> (usize, &'a [f32]),
    mean: &mut [f32],
    variance: &mut [f32],
) {
    let channels = mean.len();
    for channel in 0..channels {
        let (mut total, mut average, mut squares) = (0.0, 0.0, 0.0);
        for part in 0..parts {
            let (count, partial) = partial(part);
            let count = count as f64;
            if count == 0.0 {
                continue;
            }
            let at = |index: usize| f64::from(partial[index * channels + channel]);
            let own_mean = at(0) + at(1) / count;
            let own_squares = (at(2) - at(1) * at(1) / count).max(0.0);
            // Chan, Golub and LeVeque's rule for two samples together.
            let distance = own_mean - average;
            let all = total + count;
            average += distance * count / all;
            squares += own_squares + distance * distance * total * count / all;
            total = all;
        }
        mean[channel] = average as f32;
        variance[channel] = (squares / total.max(1.0)) as f32;
    }
}

/// What readers apply: fills the coefficients `[4, C]` from statistics and parameters.
///
/// # Panics
/// Where a length does not agree.
pub fn coefficients(
    epsilon: f32,
    gamma: Option<&[f32]>,
    beta: &[f32],
    mean: &[f32],
    variance: &[f32],
    coefficients: &mut [f32],
) {
    let channels = beta.len();
    assert!(mean.len() == channels && variance.len() == channels);
    assert_eq!(coefficients.len(), 4 * channels);
    for channel in 0..channels {
        let inverse = 1.0 / (f64::from(variance[channel]) + f64::from(epsilon)).sqrt();
        let scale = inverse * gamma.map_or(1.0, |gamma| f64::from(gamma[channel]));
        coefficients[channel] = mean[channel];
        coefficients[channels + channel] = inverse as f32;
        coefficients[2 * channels + channel] = scale as f32;
        coefficients[3 * channels + channel] = beta[channel];
    }
}

/// `moving = moving * momentum + now * (1 - momentum)`
pub fn move_statistics(momentum: f32, now: &[f32], moving: &mut [f32]) {
    for (moving, &now) in moving.iter_mut().zip(now) {
        *moving = *moving * momentum + now * (1.0 - momentum);
    }
}

/// The factors `[3, C]` of the gradient below a batch norm (see [`crate::Above`]) from the sums
/// `[2, C]` over `rows` rows, and the gradients of gamma and beta, added to what is there.
///
/// # Panics
/// Where a length does not agree.
pub fn backward_factors(
    rows: usize,
    coefficients: &[f32],
    sums: &[f32],
    factors: &mut [f32],
    gamma_gradient: Option<&mut [f32]>,
    beta_gradient: Option<&mut [f32]>,
) {
    let channels = coefficients.len() / 4;
    assert!(sums.len() == 2 * channels && factors.len() == 3 * channels);
    let (totals, products) = sums.split_at(channels);
    let inverses = &coefficients[channels..2 * channels];
    let share = 1.0 / rows as f64;
    for channel in 0..channels {
        let inverse = f64::from(inverses[channel]);
        let scale = f64::from(coefficients[2 * channels + channel]);
        let product = f64::from(products[channel]) * inverse;
        factors[channel] = scale as f32;
        factors[channels + channel] = (-scale * inverse * product * share) as f32;
        factors[2 * channels + channel] = (-scale * f64::from(totals[channel]) * share) as f32;
    }
    if let Some(gradient) = gamma_gradient {
        for ((gradient, &product), &inverse) in gradient.iter_mut().zip(products).zip(inverses) {
            *gradient += product * inverse;
        }
    }
    if let Some(gradient) = beta_gradient {
        for (gradient, &total) in gradient.iter_mut().zip(totals) {
            *gradient += total;
        }
    }
}

/// The factors of the gradient below a batch norm with fixed statistics.
///
/// # Panics
/// Where a length does not agree.
pub fn fixed_factors(coefficients: &[f32], factors: &mut [f32]) {
    let channels = coefficients.len() / 4;
    factors[..channels].copy_from_slice(&coefficients[2 * channels..3 * channels]);
    factors[channels..].fill(0.0);
}

/// f32 that [`sum_gradient`] and [`statistics`] work in.
pub fn scratch_values(channels: usize, threads: usize) -> usize {
    threads * partial_values(channels)
}

/// The statistics of stored rows, by themselves.
///
/// # Panics
/// Where a length does not agree.
pub fn statistics(
    isa: Isa,
    pool: &Pool,
    values: &[f32],
    mean: &mut [f32],
    variance: &mut [f32],
    scratch: &mut [f32],
) {
    let channels = mean.len();
    let rows = values.len() / channels;
    assert!(rows > 0 && values.len() == rows * channels && variance.len() == channels);
    let own = partial_values(channels);
    let parts = pool.threads().min(scratch.len() / own).min(rows);
    let partials = &mut scratch[..parts * own];
    pool.for_each_chunk(partials, own, |part, partial| {
        let rows = share(rows, part, parts);
        let (shift, sums) = partial.split_at_mut(channels);
        shift.copy_from_slice(&values[rows.start * channels..][..channels]);
        sums.fill(0.0);
        let block = (BLOCK_VALUES / channels).max(8);
        let mut first = rows.start;
        while first < rows.end {
            let end = (first + block).min(rows.end);
            // SAFETY: whole rows of `values`; `shift` and `sums` are this part's alone.
            unsafe {
                let (shift, sums) = (shift.as_ptr(), sums.as_mut_ptr());
                normed::add_statistics(isa, values.as_ptr(), channels, first..end, shift, sums);
            }
            first = end;
        }
    });
    let partial = |part| {
        (
            share(rows, part, parts).len(),
            &partials[part * own..][..own],
        )
    };
    finish_statistics(parts, partial, mean, variance);
}

/// The sums `[2, C]` that the gradient of a batch norm needs, from the gradient of what its readers
/// saw; see [`backward_factors`].
///
/// # Panics
/// Where a length does not agree.
pub fn sum_gradient(
    isa: Isa,
    pool: &Pool,
    input: &Normed<'_>,
    gradient: &[f32],
    sums: &mut [f32],
    scratch: &mut [f32],
) {
    let channels = sums.len() / 2;
    let rows = gradient.len() / channels;
    input.check(gradient.len(), channels);
    assert!(rows > 0 && sums.len() == 2 * channels);
    let own = partial_values(channels);
    let parts = pool.threads().min(scratch.len() / own).min(rows);
    let partials = &mut scratch[..parts * own];
    pool.for_each_chunk(partials, own, |part, partial| {
        let rows = share(rows, part, parts);
        let partial = &mut partial[..2 * channels];
        partial.fill(0.0);
        let block = (BLOCK_VALUES / channels).max(8);
        let mut first = rows.start;
        while first < rows.end {
            let end = (first + block).min(rows.end);
            // SAFETY: whole rows; the gradient is only read; the sums are this part's alone.
            unsafe {
                let (gradient, sums) = (gradient.as_ptr(), partial.as_mut_ptr());
                normed::sum_below(isa, input, channels, first..end, gradient, sums);
            }
            first = end;
        }
    });
    sums.fill(0.0);
    for partial in partials.chunks_exact(own) {
        add_assign(isa, sums, &partial[..2 * channels]);
    }
}

/// `output = what readers see of input (+ residual)`, stored.
///
/// # Panics
/// Where a length does not agree.
pub fn apply(
    isa: Isa,
    pool: &Pool,
    input: &Normed<'_>,
    channels: usize,
    residual: Option<&[f32]>,
    output: &mut [f32],
) {
    input.check(output.len(), channels);
    assert!(residual.is_none_or(|residual| residual.len() == output.len()));
    let rows = output.len() / channels;
    let parts = pool.threads().min(rows);
    let pointer = SharedOutput::new(output.as_mut_ptr());
    pool.run(parts, &|part| {
        let rows = share(rows, part, parts);
        let block = (BLOCK_VALUES / channels).max(8);
        let mut first = rows.start;
        while first < rows.end {
            let end = (first + block).min(rows.end);
            // SAFETY: the parts' rows lie apart, inside of `output`.
            unsafe {
                let target = pointer.pointer().add(first * channels);
                normed::read_rows(isa, input, channels, first..end, target, channels);
                if let Some(residual) = residual {
                    let range = first * channels..end * channels;
                    let target = std::slice::from_raw_parts_mut(target, range.len());
                    add_assign(isa, target, &residual[range]);
                }
            }
            first = end;
        }
    });
}

/// The gradient of a batch norm's input, from its output's: in place of what is there, or added.
///
/// # Panics
/// Where a length does not agree.
pub fn backward(
    isa: Isa,
    pool: &Pool,
    above: &crate::Above<'_>,
    channels: usize,
    add: bool,
    below: &mut [f32],
) {
    above.check(below.len(), channels);
    let rows = below.len() / channels;
    let parts = pool.threads().min(rows);
    let pointer = SharedOutput::new(below.as_mut_ptr());
    pool.run(parts, &|part| {
        let rows = share(rows, part, parts);
        // SAFETY: the parts' rows lie apart, inside of `below`.
        unsafe {
            let target = pointer.pointer().add(rows.start * channels);
            normed::read_gradient(isa, above, channels, rows, target, channels, add);
        }
    });
}

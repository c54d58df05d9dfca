//! The exponential and what is made of it, a vector at a time.
use crate::isa::Simd;

/// The exponential of each lane, with a relative error under 3e-7 where the result is a normal
/// number; arguments outside of -87.3 to 88.3 are taken as those bounds.
///
/// The argument is n ln 2 + r with |r| <= ln 2 / 2; exp(r) is Cephes's `expf` polynomial.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let x = simd.min(simd.splat(88.3), simd.max(simd.splat(-87.3), x));
    // Adding 1.5 * 2^23 leaves the nearest whole number in the last bits.
    let magic = simd.splat(12_582_912.0);
    let n = simd.sub(
        simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), magic),
        magic,
    );
    // ln 2 in two parts, so that n times the first is exact.
    let r = simd.mul_add(n, simd.splat(-0.693_359_4), x);
    let r = simd.mul_add(n, simd.splat(2.121_944_4e-4), r);
    let mut sum = simd.splat(1.987_569_1e-4);
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        sum = simd.mul_add(sum, r, simd.splat(coefficient));
    }
    let polynomial = simd.add(simd.mul_add(sum, simd.mul(r, r), r), simd.splat(1.0));
    simd.mul(polynomial, simd.power_of_two(n))
}

/// `1 / (1 + exp(-x))`, with an absolute error under 2e-7.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    let minus = simd.sub(simd.splat(0.0), x);
    simd.div(one, simd.add(one, exp(simd, minus)))
}

/// `x * sigmoid(x)`, with an error under 3e-7 max(1, |x|).
#[inline(always)]
pub(crate) fn swish<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let minus = simd.sub(simd.splat(0.0), x);
    simd.div(x, simd.add(simd.splat(1.0), exp(simd, minus)))
}

/// `tanh(x)` as `1 - 2 / (exp(2x) + 1)`, with an absolute error under 3e-7.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    let power = exp(simd, simd.add(x, x));
    simd.sub(one, simd.div(simd.splat(2.0), simd.add(power, one)))
}

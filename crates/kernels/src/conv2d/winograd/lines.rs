//! The transforms of both sizes of tile, a line of vectors at a time.
//!
//! Of tiles of 2x2 outputs, with the points 0, 1, -1 and infinity:
//!
//! ```text
//!      1  0 -1  0          1    0    0
//! B' = 0  1  1  0    G =  1/2  1/2  1/2    A' = 1  1  1  0
//!      0 -1  1  0         1/2 -1/2  1/2         0  1 -1 -1
//!      0  1  0 -1          0    0    1
//! ```
//!
//! Of tiles of 4x4 outputs, with the points 0, r, -r, 1/r, -1/r and infinity, where r is the square root
//! of two: with them the results are as near to the exact ones as those of the plain sum (with the
//! usual 0, 1, -1, 2, -2 four times as far):
//!
//! ```text
//!      1   0   -5/2   0   1  0          1     0     0
//!      0  -r   -2    r/2  1  0        -2/3  -r/3  -1/3
//! B' = 0   r   -2   -r/2  1  0    G = -2/3   r/3  -1/3    A' = 1   1     1    1    1   0
//!      0 -r/2 -1/2    r   1  0         1/6   r/6   1/3         0  r/2  -r/2   r   -r   0
//!      0  r/2 -1/2   -r   1  0         1/6  -r/6   1/3         0  1/2   1/2   2    2   0
//!      0   1    0   -5/2  0  1          0     0     1          0  r/4  -r/4  2r  -2r   1
//! ```
use crate::isa::Simd;
use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

/// One side of a transform: a line of `FROM` vectors of channels becomes one of `TO`.
pub(super) trait Line<const FROM: usize, const TO: usize> {
    fn line<S: Simd>(simd: S, line: [S::Vector; FROM]) -> [S::Vector; TO];
}

/// B'
pub(super) struct Input;

impl Line<4, 4> for Input {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 4] {
        [
            simd.sub(a, c),
            simd.add(b, c),
            simd.sub(c, b),
            simd.sub(b, d),
        ]
    }
}

/// B
pub(super) struct InputBack;

impl Line<4, 4> for InputBack {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 4] {
        [
            a,
            simd.add(simd.sub(b, c), d),
            simd.sub(simd.add(b, c), a),
            simd.sub(simd.splat(0.0), d),
        ]
    }
}

/// A'
pub(super) struct Output;

impl Line<4, 2> for Output {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 2] {
        [simd.add(simd.add(a, b), c), simd.sub(simd.sub(b, c), d)]
    }
}

/// A
pub(super) struct OutputBack;

impl Line<2, 4> for OutputBack {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b]: [S::Vector; 2]) -> [S::Vector; 4] {
        [
            a,
            simd.add(a, b),
            simd.sub(a, b),
            simd.sub(simd.splat(0.0), b),
        ]
    }
}

/// G
pub(super) struct Kernel;

impl Line<3, 4> for Kernel {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c]: [S::Vector; 3]) -> [S::Vector; 4] {
        let half = simd.splat(0.5);
        let (outer, middle) = (simd.mul(half, simd.add(a, c)), simd.mul(half, b));
        [a, simd.add(outer, middle), simd.sub(outer, middle), c]
    }
}

/// G'
pub(super) struct KernelBack;

impl Line<4, 3> for KernelBack {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 3] {
        let half = simd.splat(0.5);
        let sum = simd.mul(half, simd.add(b, c));
        [
            simd.add(a, sum),
            simd.mul(half, simd.sub(b, c)),
            simd.add(sum, d),
        ]
    }
}

/// B' of tiles of 4x4 outputs
pub(super) struct WideInput;

impl Line<6, 6> for WideInput {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::Vector; 6]) -> [S::Vector; 6] {
        let r = simd.splat(SQRT_2);
        let half = simd.splat(-0.5);
        let five = simd.splat(-2.5);
        // What two points of opposite sign share: the even terms, and the odd ones.
        let even = simd.mul_add(simd.splat(-2.0), c, e);
        let odd = simd.mul(r, simd.mul_add(half, d, b));
        let even_inverse = simd.mul_add(half, c, e);
        let odd_inverse = simd.mul(r, simd.mul_add(half, b, d));
        [
            simd.add(simd.mul_add(five, c, a), e),
            simd.sub(even, odd),
            simd.add(even, odd),
            simd.add(even_inverse, odd_inverse),
            simd.sub(even_inverse, odd_inverse),
            simd.add(simd.mul_add(five, d, b), f),
        ]
    }
}

/// A' of tiles of 4x4 outputs
pub(super) struct WideOutput;

impl Line<6, 4> for WideOutput {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::Vector; 6]) -> [S::Vector; 4] {
        let (sum, difference) = (simd.add(b, c), simd.sub(b, c));
        let (sum_inverse, difference_inverse) = (simd.add(d, e), simd.sub(d, e));
        let (r, inverse) = (simd.splat(SQRT_2), simd.splat(FRAC_1_SQRT_2));
        let (half, two) = (simd.splat(0.5), simd.splat(2.0));
        let odd = simd.mul(inverse, difference);
        let odd_inverse = simd.mul(r, difference_inverse);
        [
            simd.add(simd.add(a, sum), sum_inverse),
            simd.add(odd, odd_inverse),
            simd.mul_add(half, sum, simd.mul(two, sum_inverse)),
            simd.add(simd.mul_add(half, odd, simd.mul(two, odd_inverse)), f),
        ]
    }
}

/// G of tiles of 4x4 outputs, row by row: its values are made once, so they may cost f64.
pub(super) fn wide_kernel([a, b, c]: [f64; 3]) -> [f64; 6] {
    let r = std::f64::consts::SQRT_2;
    let near = (-2.0 * a - c) / 3.0;
    let far = a / 6.0 + c / 3.0;
    [
        a,
        near - r / 3.0 * b,
        near + r / 3.0 * b,
        far + r / 6.0 * b,
        far - r / 6.0 * b,
        c,
    ]
}

//! The numbers that the reference kernels are generic over: f32, and f64 for finite differences.
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// f32 or f64.
pub trait Float:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Send
    + Sync
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Minus infinity, the neutral value of a maximum.
    const NEG_INFINITY: Self;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;

    /// The number as f64.
    fn to_f64(self) -> f64;

    /// e to the power of `self`.
    fn exp(self) -> Self;

    /// The natural logarithm.
    fn ln(self) -> Self;

    /// The square root.
    fn sqrt(self) -> Self;

    /// The hyperbolic tangent.
    fn tanh(self) -> Self;

    /// A count as a number.
    fn from_count(count: usize) -> Self {
        Self::from_f64(count as f64)
    }

    /// The larger of two; a NaN on either side is passed on.
    fn larger(self, other: Self) -> Self {
        // A comparison with a NaN is false: `self` is kept where it is one.
        if other > self || is_nan(other) {
            other
        } else {
            self
        }
    }

    /// The smaller of two; a NaN on either side is passed on.
    fn smaller(self, other: Self) -> Self {
        if other < self || is_nan(other) {
            other
        } else {
            self
        }
    }
}

#[expect(clippy::eq_op, reason = "a NaN is the only number unequal to itself")]
fn is_nan<F: Float>(value: F) -> bool {
    value != value
}

macro_rules! float {
    ($type:ty) => {
        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = <$type>::NEG_INFINITY;

            fn from_f64(value: f64) -> Self {
                value as $type
            }

            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            fn exp(self) -> Self {
                self.exp()
            }

            fn ln(self) -> Self {
                self.ln()
            }

            fn sqrt(self) -> Self {
                self.sqrt()
            }

            fn tanh(self) -> Self {
                self.tanh()
            }
        }
    };
}

float!(f32);
float!(f64);

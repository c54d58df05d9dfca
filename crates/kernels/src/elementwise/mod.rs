//! What is done to each value by itself, or to two tensors value by value.

mod exponential;
pub mod reference;
pub mod training;

use crate::isa::{Isa, Loops, Simd, Work};
use crate::{Activation, gemm::SharedOutput, share};
pub(crate) use exponential::{exp, sigmoid, swish, tanh};
use tensor::Pool;

/// Values below which a second thread costs more than it saves.
const LEAST_SHARE: usize = 16 * 1024;

/// A function of vectors at the same place of up to two inputs.
trait Map: Copy {
    fn apply<S: Simd>(self, simd: S, a: S::Vector, b: S::Vector) -> S::Vector;
}

/// `output[i] = map(a[i], b[i])`, or `+=` where `ADD`; `output` may be `a`.
struct Values<M, const ADD: bool = false> {
    map: M,
    a: *const f32,
    b: *const f32,
    output: *mut f32,
    length: usize,
}

impl<M: Map, const ADD: bool> Work for Values<M, ADD> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let whole = self.length - self.length % S::LANES;
        let mut at = 0;
        // SAFETY: whoever made this vouches for `length` values of each.
        unsafe {
            while at < whole {
                let (a, b) = (simd.load(self.a.add(at)), simd.load(self.b.add(at)));
                let mut result = self.map.apply(simd, a, b);
                if ADD {
                    result = simd.add(simd.load(self.output.add(at)), result);
                }
                simd.store(self.output.add(at), result);
                at += S::LANES;
            }
            let rest = self.length - whole;
            if rest > 0 {
                let a = simd.load_first(self.a.add(at), rest);
                let b = simd.load_first(self.b.add(at), rest);
                let mut result = self.map.apply(simd, a, b);
                if ADD {
                    result = simd.add(simd.load_first(self.output.add(at), rest), result);
                }
                simd.store_first(self.output.add(at), result, rest);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Sum;

impl Map for Sum {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, a: S::Vector, b: S::Vector) -> S::Vector {
        simd.add(a, b)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map for Product {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, a: S::Vector, b: S::Vector) -> S::Vector {
        simd.mul(a, b)
    }
}

#[derive(Clone, Copy)]
struct Scale {
    scale: f32,
    offset: f32,
}

impl Map for Scale {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, a: S::Vector, _: S::Vector) -> S::Vector {
        simd.mul_add(a, simd.splat(self.scale), simd.splat(self.offset))
    }
}

#[derive(Clone, Copy)]
struct Clamp {
    lower: f32,
    upper: f32,
}

impl Map for Clamp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, a: S::Vector, _: S::Vector) -> S::Vector {
        simd.min(simd.splat(self.upper), simd.max(simd.splat(self.lower), a))
    }
}

macro_rules! named_map {
    ($($name:ident = $function:path;)+) => {$(
        #[derive(Clone, Copy)]
        struct $name;

        impl Map for $name {
            #[inline(always)]
            fn apply<S: Simd>(self, simd: S, a: S::Vector, _: S::Vector) -> S::Vector {
                $function(simd, a)
            }
        }
    )+};
}

named_map! {
    Swish = exponential::swish;
    Sigmoid = exponential::sigmoid;
    Tanh = exponential::tanh;
}

/// `values = activation(values)` on the caller's thread.
pub(crate) fn activate(isa: Isa, activation: Activation, values: &mut [f32]) {
    let output = values.as_mut_ptr();
    // SAFETY: both sides are the slice itself.
    unsafe { activate_raw(isa, activation, output, output, values.len()) };
}

/// # Safety
/// `input` and `output` must be valid for `length` values.
unsafe fn activate_raw(
    isa: Isa,
    activation: Activation,
    input: *const f32,
    output: *mut f32,
    length: usize,
) {
    macro_rules! map {
        ($map:expr) => {
            isa.run(Values::<_, false> {
                map: $map,
                a: input,
                b: input,
                output,
                length,
            })
        };
    }
    match activation {
        Activation::Identity => map!(Clamp {
            lower: f32::NEG_INFINITY,
            upper: f32::INFINITY
        }),
        Activation::Relu => map!(Clamp {
            lower: 0.0,
            upper: f32::INFINITY
        }),
        Activation::Relu6 => map!(Clamp {
            lower: 0.0,
            upper: 6.0
        }),
        Activation::Swish => map!(Swish),
        Activation::Sigmoid => map!(Sigmoid),
        Activation::Tanh => map!(Tanh),
    }
}

/// `values += others` on the caller's thread.
pub(crate) fn add_assign(isa: Isa, values: &mut [f32], others: &[f32]) {
    assert_eq!(values.len(), others.len());
    let output = values.as_mut_ptr();
    isa.run(Values::<_, false> {
        map: Sum,
        a: output,
        b: others.as_ptr(),
        output,
        length: values.len(),
    });
}

/// `output = activation(input)`, value by value.
///
/// Swish, sigmoid and tanh are within 3e-7 max(1, |x|) of the truth.
///
/// # Panics
/// Where the lengths differ.
pub fn activation(
    isa: Isa,
    pool: &Pool,
    activation: Activation,
    input: &[f32],
    output: &mut [f32],
) {
    assert_eq!(input.len(), output.len(), "input and output");
    share(pool, output, |at, output| {
        let input = &input[at..at + output.len()];
        // SAFETY: both slices have this length.
        unsafe {
            activate_raw(
                isa,
                activation,
                input.as_ptr(),
                output.as_mut_ptr(),
                output.len(),
            );
        }
    });
}

/// `output = activation(a + b)`, value by value.
///
/// # Panics
/// Where the lengths differ.
pub fn add(
    isa: Isa,
    pool: &Pool,
    a: &[f32],
    b: &[f32],
    activation: Activation,
    output: &mut [f32],
) {
    assert!(
        a.len() == output.len() && b.len() == output.len(),
        "inputs and output"
    );
    share(pool, output, |at, output| {
        let range = at..at + output.len();
        zip(isa, Sum, &a[range.clone()], &b[range], false, output);
        if activation != Activation::Identity {
            activate(isa, activation, output);
        }
    });
}

/// `sums += values`
///
/// # Panics
/// Where the lengths differ.
pub fn accumulate(isa: Isa, pool: &Pool, values: &[f32], sums: &mut [f32]) {
    assert_eq!(values.len(), sums.len(), "values and sums");
    share(pool, sums, |at, sums| {
        add_assign(isa, sums, &values[at..at + sums.len()]);
    });
}

/// `output = a * b`, value by value; where `add`, added to what is there. The gradient of either
/// factor is such a product with the other.
///
/// # Panics
/// Where the lengths differ.
pub fn multiply(isa: Isa, pool: &Pool, a: &[f32], b: &[f32], add: bool, output: &mut [f32]) {
    assert!(
        a.len() == output.len() && b.len() == output.len(),
        "inputs and output"
    );
    share(pool, output, |at, output| {
        let range = at..at + output.len();
        zip(isa, Product, &a[range.clone()], &b[range], add, output);
    });
}

/// `output[n, p, c] = input[n, p, c] * factors[n, c]` over images `[N, pixels, C]` (squeeze and
/// excitation's last step); where `add`, added to what is there.
///
/// # Panics
/// Where the lengths do not agree.
pub fn multiply_channels(
    isa: Isa,
    pool: &Pool,
    channels: usize,
    input: &[f32],
    factors: &[f32],
    add: bool,
    output: &mut [f32],
) {
    assert!(
        !factors.is_empty() && factors.len().is_multiple_of(channels),
        "rows of {channels} factors"
    );
    assert_eq!(input.len(), output.len(), "input and output");
    let image = output.len() / (factors.len() / channels);
    assert!(
        image.is_multiple_of(channels) && image * (factors.len() / channels) == output.len(),
        "pixels of {channels}"
    );
    share_rows(pool, output, channels, |at, mut output| {
        // A share may end within an image, whose factors are then those of the next share too.
        let mut at = at;
        while !output.is_empty() {
            let number = at / image;
            let length = ((number + 1) * image - at).min(output.len());
            let (own, rest) = output.split_at_mut(length);
            isa.compile(RowProducts {
                input: &input[at..at + length],
                factors: &factors[number * channels..][..channels],
                add,
                output: own,
            });
            output = rest;
            at += length;
        }
    });
}

/// Rows of C values times the same C factors.
struct RowProducts<'a> {
    input: &'a [f32],
    factors: &'a [f32],
    add: bool,
    output: &'a mut [f32],
}

impl Loops for RowProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.factors.len();
        let rows = self.input.chunks_exact(channels);
        for (output, input) in self.output.chunks_exact_mut(channels).zip(rows) {
            let values = output.iter_mut().zip(input).zip(self.factors);
            if self.add {
                for ((output, &input), &factor) in values {
                    *output += input * factor;
                }
            } else {
                for ((output, &input), &factor) in values {
                    *output = input * factor;
                }
            }
        }
    }
}

/// `output = input * scale + offset`; where `add`, added to what is there. Its gradient is the same
/// without the offset.
///
/// # Panics
/// Where the lengths differ.
pub fn affine(
    isa: Isa,
    pool: &Pool,
    input: &[f32],
    scale: f32,
    offset: f32,
    add: bool,
    output: &mut [f32],
) {
    assert_eq!(input.len(), output.len(), "input and output");
    share(pool, output, |at, output| {
        let input = &input[at..at + output.len()];
        zip(isa, Scale { scale, offset }, input, input, add, output);
    });
}

/// `output = input`
///
/// # Panics
/// Where the lengths differ.
pub fn copy(pool: &Pool, input: &[f32], output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "input and output");
    share(pool, output, |at, output| {
        output.copy_from_slice(&input[at..at + output.len()]);
    });
}

/// `output = map(a, b)`, or `+=`, on the caller's thread.
fn zip<M: Map>(isa: Isa, map: M, a: &[f32], b: &[f32], add: bool, output: &mut [f32]) {
    assert!(a.len() == output.len() && b.len() == output.len());
    let length = output.len();
    let output = output.as_mut_ptr();
    let (a, b) = (a.as_ptr(), b.as_ptr());
    if add {
        isa.run(Values::<_, true> {
            map,
            a,
            b,
            output,
            length,
        });
    } else {
        isa.run(Values::<_, false> {
            map,
            a,
            b,
            output,
            length,
        });
    }
}

/// Gives each thread an equal run of `output` and the place where it starts.
fn share(pool: &Pool, output: &mut [f32], task: impl Fn(usize, &mut [f32]) + Sync) {
    share_rows(pool, output, 1, task);
}

/// Gives each thread an equal run of rows of `width` values, and the place where it starts.
pub(crate) fn share_rows(
    pool: &Pool,
    output: &mut [f32],
    width: usize,
    task: impl Fn(usize, &mut [f32]) + Sync,
) {
    let rows = output.len() / width;
    let parts = pool.threads().min(output.len() / LEAST_SHARE).max(1);
    if parts == 1 {
        return task(0, output);
    }
    let pointer = SharedOutput::new(output.as_mut_ptr());
    pool.run(parts, &|part| {
        let pointer = pointer.pointer();
        let rows = share::share(rows, part, parts);
        let (start, end) = (rows.start * width, rows.end * width);
        // SAFETY: inside of `output`, and no two parts overlap.
        task(start, unsafe {
            std::slice::from_raw_parts_mut(pointer.add(start), end - start)
        });
    });
}

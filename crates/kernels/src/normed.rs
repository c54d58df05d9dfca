//! Values that are stored before their batch norm and activation, which whoever reads them applies, and
//! what that means for gradients. Nothing between two convolutions of a network need then be stored
//! but the first one's sums.
use crate::Activation;
use crate::elementwise::{sigmoid, swish, tanh};
use crate::isa::{Isa, Simd, Work};
use std::ops::Range;

/// Rows of C values as they are stored, and what is applied to them:
/// `activation((value - mean) * scale + shift)`, channel by channel.
#[derive(Clone, Copy, Debug)]
pub struct Normed<'a> {
    /// `[rows, C]`
    pub values: &'a [f32],
    /// A batch norm's [`coefficients`](crate::batch_norm::training), `[4, C]`; none for none.
    pub norm: Option<&'a [f32]>,
    /// What follows.
    pub activation: Activation,
}

impl<'a> Normed<'a> {
    /// Values as they are.
    pub fn plain(values: &'a [f32]) -> Self {
        Normed {
            values,
            norm: None,
            activation: Activation::Identity,
        }
    }

    /// Whether nothing is applied.
    pub fn is_plain(&self) -> bool {
        self.norm.is_none() && self.activation == Activation::Identity
    }

    pub(crate) fn check(&self, length: usize, channels: usize) {
        assert_eq!(self.values.len(), length, "the input");
        assert!(
            self.norm.is_none_or(|norm| norm.len() == 4 * channels),
            "coefficients"
        );
    }
}

/// The gradient of the output of a convolution whose batch norm and activation others applied:
/// `factor_0 * gradient * slope + factor_1 * (value - mean) + factor_2`, channel by channel.
#[derive(Clone, Copy, Debug)]
pub struct Above<'a> {
    /// The gradient of what follows, `[rows, C]`: of the activation's result, or where `activation`
    /// is the identity of what the activation was given.
    pub gradient: &'a [f32],
    /// The convolution's output, `[rows, C]`; empty where neither norm nor activation needs it.
    pub values: &'a [f32],
    /// The batch norm's coefficients, `[4, C]`, and its gradient's factors, `[3, C]`.
    pub norm: Option<(&'a [f32], &'a [f32])>,
    /// What followed.
    pub activation: Activation,
}

impl<'a> Above<'a> {
    /// A gradient as it is.
    pub fn plain(gradient: &'a [f32]) -> Self {
        Above {
            gradient,
            values: &[],
            norm: None,
            activation: Activation::Identity,
        }
    }

    /// Whether it is the gradient itself.
    pub fn is_plain(&self) -> bool {
        self.norm.is_none() && self.activation == Activation::Identity
    }

    pub(crate) fn check(&self, length: usize, channels: usize) {
        assert_eq!(self.gradient.len(), length, "the gradient");
        assert!(self.is_plain() || self.values.len() == length, "the values");
        if let Some((norm, factors)) = self.norm {
            assert!(norm.len() == 4 * channels && factors.len() == 3 * channels);
        }
    }
}

/// A vector, or its first `count` lanes.
///
/// # Safety
/// `source` must be readable for them.
#[inline(always)]
pub(crate) unsafe fn load_some<S: Simd, const WHOLE: bool>(
    simd: S,
    source: *const f32,
    count: usize,
) -> S::Vector {
    // SAFETY: as the caller vouches.
    unsafe {
        if WHOLE {
            simd.load(source)
        } else {
            simd.load_first(source, count)
        }
    }
}

/// Writes a vector, or its first `count` lanes.
///
/// # Safety
/// `target` must be writable for them.
#[inline(always)]
pub(crate) unsafe fn store_some<S: Simd, const WHOLE: bool>(
    simd: S,
    target: *mut f32,
    value: S::Vector,
    count: usize,
) {
    // SAFETY: as the caller vouches.
    unsafe {
        if WHOLE {
            simd.store(target, value);
        } else {
            simd.store_first(target, value, count);
        }
    }
}

/// A function of one value and its derivative, a vector at a time.
pub(crate) trait Curve: Copy {
    fn apply<S: Simd>(simd: S, value: S::Vector) -> S::Vector;

    /// `gradient` times the derivative at `value`.
    fn slope<S: Simd>(simd: S, value: S::Vector, gradient: S::Vector) -> S::Vector;
}

macro_rules! curves {
    ($($name:ident: |$simd:ident, $value:ident, $gradient:ident| $apply:expr, $slope:expr;)+) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl Curve for $name {
            #[inline(always)]
            fn apply<S: Simd>($simd: S, $value: S::Vector) -> S::Vector {
                $apply
            }

            #[inline(always)]
            fn slope<S: Simd>($simd: S, $value: S::Vector, $gradient: S::Vector) -> S::Vector {
                $slope
            }
        }
    )+};
}

curves! {
    Identity: |_simd, value, gradient| value, { let _ = value; gradient };
    Relu: |simd, value, gradient|
        simd.max(simd.splat(0.0), value),
        simd.where_positive(value, gradient);
    Relu6: |simd, value, gradient|
        simd.min(simd.splat(6.0), simd.max(simd.splat(0.0), value)),
        {
            let below = simd.where_positive(simd.sub(simd.splat(6.0), value), gradient);
            simd.where_positive(value, below)
        };
    Swish: |simd, value, gradient|
        swish(simd, value),
        {
            let (one, part) = (simd.splat(1.0), sigmoid(simd, value));
            let slope = simd.mul_add(simd.mul(value, part), simd.sub(one, part), part);
            simd.mul(gradient, slope)
        };
    Sigmoid: |simd, value, gradient|
        sigmoid(simd, value),
        {
            let part = sigmoid(simd, value);
            simd.mul(gradient, simd.mul(part, simd.sub(simd.splat(1.0), part)))
        };
    Tanh: |simd, value, gradient|
        tanh(simd, value),
        {
            let result = tanh(simd, value);
            simd.mul(gradient, simd.sub(simd.splat(1.0), simd.mul(result, result)))
        };
}

/// Runs an expression with the type `$curve` standing for an activation's curve.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $run:expr) => {
        $crate::normed::with_curve!(
            $activation, $curve => $run, Identity Relu Relu6 Swish Sigmoid Tanh
        )
    };
    ($activation:expr, $curve:ident => $run:expr, $($name:ident)+) => {
        match $activation {
            $(Activation::$name => {
                type $curve = $crate::normed::$name;
                $run
            })+
        }
    };
}
pub(crate) use with_curve;

/// Writes what readers see of the rows `rows` to `target`, a row every `stride`, whole vectors where
/// there is room for them.
///
/// # Safety
/// The rows must be there; `target` must be writable for them, each row up to `stride` or to a whole
/// vector, whichever is less.
pub(crate) unsafe fn read_rows(
    isa: Isa,
    input: &Normed<'_>,
    channels: usize,
    rows: Range<usize>,
    target: *mut f32,
    stride: usize,
) {
    with_curve!(input.activation, C => isa.run(ReadRows::<C> {
        input,
        channels,
        rows,
        target,
        stride,
        curve: std::marker::PhantomData,
    }));
}

struct ReadRows<'a, C> {
    input: &'a Normed<'a>,
    channels: usize,
    rows: Range<usize>,
    target: *mut f32,
    stride: usize,
    curve: std::marker::PhantomData<C>,
}

impl<C: Curve> Work for ReadRows<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.channels;
        let norm = self.input.norm.map(|norm| {
            let (scale, shift) = norm[2 * channels..].split_at(channels);
            (norm.as_ptr(), scale.as_ptr(), shift.as_ptr())
        });
        let whole = channels / S::LANES * S::LANES;
        let rest = channels - whole;
        for (index, row) in self.rows.enumerate() {
            // SAFETY: as `read_rows` asks of its caller; coefficients have C values each.
            unsafe {
                let from = self.input.values.as_ptr().add(row * channels);
                let to = self.target.add(index * self.stride);
                let mut at = 0;
                while at < whole {
                    let mut value = simd.load(from.add(at));
                    if let Some((mean, scale, shift)) = norm {
                        let distance = simd.sub(value, simd.load(mean.add(at)));
                        let (scale, shift) = (simd.load(scale.add(at)), simd.load(shift.add(at)));
                        value = simd.mul_add(distance, scale, shift);
                    }
                    simd.store(to.add(at), C::apply(simd, value));
                    at += S::LANES;
                }
                if rest > 0 {
                    let mut value = simd.load_first(from.add(at), rest);
                    if let Some((mean, scale, shift)) = norm {
                        let distance = simd.sub(value, simd.load_first(mean.add(at), rest));
                        let scale = simd.load_first(scale.add(at), rest);
                        value = simd.mul_add(distance, scale, simd.load_first(shift.add(at), rest));
                    }
                    simd.store_first(to.add(at), C::apply(simd, value), rest);
                }
            }
        }
    }
}

/// Writes the gradient of the convolution's output for the rows `rows` to `target`, a row every
/// `stride`; where `add`, adds it to what is there.
///
/// # Safety
/// As for [`read_rows`].
pub(crate) unsafe fn read_gradient(
    isa: Isa,
    above: &Above<'_>,
    channels: usize,
    rows: Range<usize>,
    target: *mut f32,
    stride: usize,
    add: bool,
) {
    with_curve!(above.activation, C => isa.run(ReadGradient::<C> {
        above,
        channels,
        rows,
        target,
        stride,
        add,
        curve: std::marker::PhantomData,
    }));
}

struct ReadGradient<'a, C> {
    above: &'a Above<'a>,
    channels: usize,
    rows: Range<usize>,
    target: *mut f32,
    stride: usize,
    add: bool,
    curve: std::marker::PhantomData<C>,
}

impl<C: Curve> ReadGradient<'_, C> {
    /// # Safety
    /// As for [`read_gradient`]; `count` channels from `at` on.
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(
        &self,
        simd: S,
        row: usize,
        at: usize,
        count: usize,
        target: *mut f32,
    ) {
        let channels = self.channels;
        // SAFETY: as the caller vouches.
        unsafe {
            macro_rules! load {
                ($pointer:expr) => {
                    load_some::<S, WHOLE>(simd, $pointer, count)
                };
            }
            let mut gradient = load!(self.above.gradient.as_ptr().add(row * channels + at));
            if let Some((norm, factors)) = self.above.norm {
                let value = load!(self.above.values.as_ptr().add(row * channels + at));
                let (norm, factors) = (norm.as_ptr().add(at), factors.as_ptr().add(at));
                let distance = simd.sub(value, load!(norm));
                let scaled = simd.mul_add(
                    distance,
                    load!(norm.add(2 * channels)),
                    load!(norm.add(3 * channels)),
                );
                gradient = C::slope(simd, scaled, gradient);
                let rest = simd.mul_add(
                    distance,
                    load!(factors.add(channels)),
                    load!(factors.add(2 * channels)),
                );
                gradient = simd.mul_add(gradient, load!(factors), rest);
            } else if !self.above.values.is_empty() {
                let value = load!(self.above.values.as_ptr().add(row * channels + at));
                gradient = C::slope(simd, value, gradient);
            }
            if self.add {
                gradient = simd.add(gradient, load!(target.add(at)));
            }
            store_some::<S, WHOLE>(simd, target.add(at), gradient, count);
        }
    }
}

impl<C: Curve> Work for ReadGradient<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.channels;
        let whole = channels / S::LANES * S::LANES;
        for (index, row) in self.rows.clone().enumerate() {
            // SAFETY: as `read_gradient` asks of its caller.
            unsafe {
                let target = self.target.add(index * self.stride);
                let mut at = 0;
                while at < whole {
                    self.vector::<S, true>(simd, row, at, S::LANES, target);
                    at += S::LANES;
                }
                if at < channels {
                    self.vector::<S, false>(simd, row, at, channels - at, target);
                }
            }
        }
    }
}

/// What is done to all rows of some vectors of channels.
pub(crate) trait Columns {
    /// # Safety
    /// `VECTORS` vectors from `channel` on, of the last of them `count` channels, must be there.
    unsafe fn column<S: Simd, const VECTORS: usize, const WHOLE: bool>(
        &self,
        simd: S,
        channel: usize,
        count: usize,
    );
}

/// What is done to one vector of channels and then the next: work that adds up nothing over rows, and
/// so gains nothing from several at a time.
pub(crate) trait Vectors {
    /// # Safety
    /// `count` channels from `channel` on must be there: all lanes where `WHOLE`.
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, channel: usize, count: usize);
}

impl<V: Vectors> Columns for V {
    /// # Safety
    /// As for [`Columns::column`].
    #[inline(always)]
    unsafe fn column<S: Simd, const VECTORS: usize, const WHOLE: bool>(
        &self,
        simd: S,
        channel: usize,
        count: usize,
    ) {
        for v in 0..VECTORS {
            // SAFETY: as the caller vouches.
            unsafe { self.vector::<S, WHOLE>(simd, channel + v * S::LANES, count) };
        }
    }
}

/// All channels: two vectors at a time, then one, then what is left.
///
/// # Safety
/// So many channels must be there.
#[inline(always)]
pub(crate) unsafe fn over_channels<S: Simd>(simd: S, channels: usize, columns: &impl Columns) {
    let mut channel = 0;
    // SAFETY: the caller vouches for the channels.
    unsafe {
        while channel + 2 * S::LANES <= channels {
            columns.column::<S, 2, true>(simd, channel, S::LANES);
            channel += 2 * S::LANES;
        }
        while channel + S::LANES <= channels {
            columns.column::<S, 1, true>(simd, channel, S::LANES);
            channel += S::LANES;
        }
        if channel < channels {
            columns.column::<S, 1, false>(simd, channel, channels - channel);
        }
    }
}

/// Turns the gradient of what readers saw of the rows `rows`, in place, into that of what the
/// activation was given, and adds up what the batch norm's gradient needs: `sums[0, c]` gets the
/// gradients, `sums[1, c]` the gradients times (value - mean).
///
/// # Safety
/// `gradient` must point at row 0 of `[rows, C]`, its rows `rows` with no other user; `sums` must be
/// null or valid for 2 C values.
pub(crate) unsafe fn finish_below(
    isa: Isa,
    input: &Normed<'_>,
    channels: usize,
    rows: Range<usize>,
    gradient: *mut f32,
    sums: *mut f32,
) {
    if input.is_plain() {
        return;
    }
    with_curve!(input.activation, C => isa.run(FinishBelow::<C> {
        input,
        channels,
        rows,
        gradient,
        sums,
        write: true,
        curve: std::marker::PhantomData,
    }));
}

/// Adds up as [`finish_below`], and leaves the gradient as it is.
///
/// # Safety
/// As for [`finish_below`]; the gradient is only read.
pub(crate) unsafe fn sum_below(
    isa: Isa,
    input: &Normed<'_>,
    channels: usize,
    rows: Range<usize>,
    gradient: *const f32,
    sums: *mut f32,
) {
    with_curve!(input.activation, C => isa.run(FinishBelow::<C> {
        input,
        channels,
        rows,
        gradient: gradient.cast_mut(),
        sums,
        write: false,
        curve: std::marker::PhantomData,
    }));
}

struct FinishBelow<'a, C> {
    input: &'a Normed<'a>,
    channels: usize,
    rows: Range<usize>,
    gradient: *mut f32,
    sums: *mut f32,
    write: bool,
    curve: std::marker::PhantomData<C>,
}

impl<C: Curve> Columns for FinishBelow<'_, C> {
    /// Some vectors of channels, for all rows: a cache line of them at a time.
    ///
    /// # Safety
    /// As for [`finish_below`]; `count` channels of the last vector.
    #[inline(always)]
    unsafe fn column<S: Simd, const VECTORS: usize, const WHOLE: bool>(
        &self,
        simd: S,
        channel: usize,
        count: usize,
    ) {
        let channels = self.channels;
        // SAFETY: as the caller vouches.
        unsafe {
            macro_rules! load {
                ($pointer:expr) => {
                    load_some::<S, WHOLE>(simd, $pointer, count)
                };
            }
            let zero = [simd.splat(0.0); VECTORS];
            let (mut totals, mut products) = (zero, zero);
            let (mut means, mut scales, mut shifts) = (zero, [simd.splat(1.0); VECTORS], zero);
            if let Some(norm) = self.input.norm {
                let norm = norm.as_ptr().add(channel);
                for v in 0..VECTORS {
                    let norm = norm.add(v * S::LANES);
                    means[v] = load!(norm);
                    scales[v] = load!(norm.add(2 * channels));
                    shifts[v] = load!(norm.add(3 * channels));
                }
            }
            let mut value = self
                .input
                .values
                .as_ptr()
                .add(self.rows.start * channels + channel);
            let mut gradient = self.gradient.add(self.rows.start * channels + channel);
            for _ in self.rows.clone() {
                for v in 0..VECTORS {
                    let stored = load!(value.add(v * S::LANES));
                    let at = gradient.add(v * S::LANES);
                    let distance = simd.sub(stored, means[v]);
                    let scaled = simd.mul_add(distance, scales[v], shifts[v]);
                    let slope = C::slope(simd, scaled, load!(at));
                    totals[v] = simd.add(totals[v], slope);
                    products[v] = simd.mul_add(slope, distance, products[v]);
                    if self.write {
                        store_some::<S, WHOLE>(simd, at, slope, count);
                    }
                }
                value = value.wrapping_add(channels);
                gradient = gradient.wrapping_add(channels);
            }
            if !self.sums.is_null() {
                for v in 0..VECTORS {
                    let at = self.sums.add(channel + v * S::LANES);
                    let total = simd.add(load!(at), totals[v]);
                    let at_products = at.add(channels);
                    let product = simd.add(load!(at_products), products[v]);
                    store_some::<S, WHOLE>(simd, at, total, count);
                    store_some::<S, WHOLE>(simd, at_products, product, count);
                }
            }
        }
    }
}

impl<C: Curve> Work for FinishBelow<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: as `finish_below` asks of its caller.
        unsafe { over_channels(simd, self.channels, &self) }
    }
}

/// Adds up the distances of rows from `shift` and their squares: `sums` is `[2, C]`, `shift` `[C]`.
///
/// # Safety
/// `values` must point at row 0 of `[rows, C]`, readable for the rows; the others be valid.
pub(crate) unsafe fn add_statistics(
    isa: Isa,
    values: *const f32,
    channels: usize,
    rows: Range<usize>,
    shift: *const f32,
    sums: *mut f32,
) {
    isa.run(AddStatistics {
        values,
        channels,
        rows,
        shift,
        sums,
    });
}

struct AddStatistics {
    values: *const f32,
    channels: usize,
    rows: Range<usize>,
    shift: *const f32,
    sums: *mut f32,
}

impl Columns for AddStatistics {
    /// # Safety
    /// As for [`add_statistics`]; `count` channels of the last vector.
    #[inline(always)]
    unsafe fn column<S: Simd, const VECTORS: usize, const WHOLE: bool>(
        &self,
        simd: S,
        channel: usize,
        count: usize,
    ) {
        // SAFETY: as the caller vouches.
        unsafe {
            macro_rules! load {
                ($pointer:expr) => {
                    load_some::<S, WHOLE>(simd, $pointer, count)
                };
            }
            let zero = [simd.splat(0.0); VECTORS];
            let (mut totals, mut squares, mut shifts) = (zero, zero, zero);
            for (v, shift) in shifts.iter_mut().enumerate() {
                *shift = load!(self.shift.add(channel + v * S::LANES));
            }
            let mut value = self.values.add(self.rows.start * self.channels + channel);
            for _ in self.rows.clone() {
                for v in 0..VECTORS {
                    let distance = simd.sub(load!(value.add(v * S::LANES)), shifts[v]);
                    totals[v] = simd.add(totals[v], distance);
                    squares[v] = simd.mul_add(distance, distance, squares[v]);
                }
                value = value.wrapping_add(self.channels);
            }
            for v in 0..VECTORS {
                for (values, part) in [(totals[v], 0), (squares[v], 1)] {
                    let at = self.sums.add(part * self.channels + channel + v * S::LANES);
                    let sum = simd.add(load!(at), values);
                    store_some::<S, WHOLE>(simd, at, sum, count);
                }
            }
        }
    }
}

impl Work for AddStatistics {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: as `add_statistics` asks of its caller.
        unsafe { over_channels(simd, self.channels, &self) }
    }
}

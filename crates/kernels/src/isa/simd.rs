//! What a kernel asks of a set of vector instructions: one short list that each set implements.

/// Most vectors of output channels that one tile of a matrix product may span.
pub(crate) const MOST_VECTORS: usize = 4;

/// Proof that a set of vector instructions may be executed, and those instructions. Kernels are
/// written once over this trait and compiled once for each set.
///
/// # Safety
/// A value must exist only where the processor has the set's instructions, and the methods must
/// touch no memory but what their comments say.
pub(crate) unsafe trait Simd: Copy + Send + Sync + 'static {
    /// Some f32, as many as `LANES`.
    type Vector: Copy;

    /// f32 in a vector.
    const LANES: usize;

    /// By the number of vectors that a tile of a matrix product spans: how many rows it may have so
    /// that its sums, the weights and a value stay in registers; 0 where that width is not used.
    const TILE_ROWS: [usize; MOST_VECTORS + 1];

    /// Vectors that most panels of packed weights have.
    const PANEL_VECTORS: usize;

    /// All lanes the same.
    fn splat(self, value: f32) -> Self::Vector;

    /// # Safety
    /// `source` must be readable for `LANES` f32.
    unsafe fn load(self, source: *const f32) -> Self::Vector;

    /// # Safety
    /// `target` must be writable for `LANES` f32.
    unsafe fn store(self, target: *mut f32, value: Self::Vector);

    /// The first `count` lanes from memory, zero in the others.
    ///
    /// # Safety
    /// `count` must be at most `LANES` and `source` readable for `count` f32.
    unsafe fn load_first(self, source: *const f32, count: usize) -> Self::Vector;

    /// The first `count` lanes to memory.
    ///
    /// # Safety
    /// `count` must be at most `LANES` and `target` writable for `count` f32.
    unsafe fn store_first(self, target: *mut f32, value: Self::Vector, count: usize);

    /// f16, as many as `LANES`, by their bits.
    ///
    /// # Safety
    /// `source` must be readable for `LANES` of them.
    unsafe fn load_halves(self, source: *const u16) -> Self::Vector;

    /// `a + b`
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a - b`
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b`
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a / b`
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b + c`, rounded once or twice.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// The smaller of each lane; `value` where either is not a number.
    fn min(self, bound: Self::Vector, value: Self::Vector) -> Self::Vector;

    /// The larger of each lane; `value` where either is not a number.
    fn max(self, bound: Self::Vector, value: Self::Vector) -> Self::Vector;

    /// Two to the power of each lane, which must hold whole numbers from -126 to 127 (or not a
    /// number, for which any result may come).
    fn power_of_two(self, exponent: Self::Vector) -> Self::Vector;

    /// `value` in the lanes where `gate` is above 0, else 0.
    fn where_positive(self, gate: Self::Vector, value: Self::Vector) -> Self::Vector;
}

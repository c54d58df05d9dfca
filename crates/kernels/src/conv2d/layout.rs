//! How the memory that a convolution works in is laid out.
/// f32 between two parts' memory, so that no cache line is shared.
const LINE: usize = 16;

/// Whole cache lines.
pub(super) fn lines(values: usize) -> usize {
    values.next_multiple_of(LINE)
}

/// An odd number of cache lines, so that a column of rows spreads over all sets of a cache.
pub(super) fn spread(values: usize) -> usize {
    let lines = values.div_ceil(LINE);
    (lines | 1) * LINE
}

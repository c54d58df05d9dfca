//! What a file of weights may hold: far above what any network has, far below what would exhaust the
//! memory.

/// Most tensors, and most texts beside them. The largest networks of the zoo's kinds have some
/// thousands, with an optimiser's state some ten thousands.
pub(crate) const MOST_TENSORS: usize = 100_000;

/// Longest name of a tensor, bytes.
pub(crate) const LONGEST_NAME: usize = 1000;

/// Most values for each byte of the file: one is what numbers of 8 bits need; some files are
/// compressed a little, or have several views of one storage.
pub(crate) const EXPANSION: usize = 4;

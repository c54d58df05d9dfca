//! How work is cut for threads: equal shares, the same for the same number of parts.
use std::ops::Range;

/// Those of `all` that part `part` of `parts` has.
pub(crate) fn share(all: usize, part: usize, parts: usize) -> Range<usize> {
    all * part / parts..all * (part + 1) / parts
}

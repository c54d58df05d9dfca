//! Damaged copies of a file, the same at every run: what a reader must refuse without a panic.
use std::ops::Range;

/// Calls `read` on copies of `bytes`: cut at each of `cuts`, and with one byte of each of `cuts`
/// changed in three ways (inverted, zeroed, and its lowest bit flipped).
pub fn damage(bytes: &[u8], cuts: impl IntoIterator<Item = usize>, mut read: impl FnMut(&[u8])) {
    for at in cuts {
        read(&bytes[..at]);
        let mut copy = bytes.to_vec();
        for changed in [!bytes[at], 0, bytes[at] ^ 1] {
            copy[at] = changed;
            read(&copy);
        }
    }
}

/// `count` positions of `range`, evenly spread.
pub fn spread(range: Range<usize>, count: usize) -> impl Iterator<Item = usize> {
    let length = range.len();
    (0..count.min(length)).map(move |index| range.start + index * length / count.min(length))
}

//! Pixels beyond the border.

/// The index that stands for one outside of `0..length`, mirrored about the first and the last
/// pixel, which are not repeated (OpenCV's `BORDER_REFLECT_101`).
pub(super) fn mirrored(index: isize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let last = length as isize - 1;
    let place = index.rem_euclid(2 * last);
    place.min(2 * last - place) as usize
}

/// The index that stands for one outside of `0..length`: the nearest (`BORDER_REPLICATE`).
pub(super) fn nearest(index: isize, length: usize) -> usize {
    index.clamp(0, length as isize - 1) as usize
}

/// Writes a row of pixels of `channels` values with `radius` pixels more on both sides, which
/// `outside` chooses.
pub(super) fn pad_row<T: Copy>(
    row: &[T],
    channels: usize,
    radius: usize,
    outside: fn(isize, usize) -> usize,
    padded: &mut [T],
) {
    padded[radius * channels..][..row.len()].copy_from_slice(row);
    pad_ends(row.len() / channels, channels, radius, outside, padded);
}

/// Fills the `radius` pixels on both sides of the `width` pixels that stand between them.
pub(super) fn pad_ends<T: Copy>(
    width: usize,
    channels: usize,
    radius: usize,
    outside: fn(isize, usize) -> usize,
    padded: &mut [T],
) {
    for index in (0..radius).chain(radius + width..width + 2 * radius) {
        let inside = radius + outside(index as isize - radius as isize, width);
        for channel in 0..channels {
            padded[index * channels + channel] = padded[inside * channels + channel];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_is_mirrored_however_far() {
        let of = |length| -> Vec<usize> { (-5..8).map(|i| mirrored(i, length)).collect() };
        assert_eq!(of(3), [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
        assert_eq!(of(2), [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(of(1), [0; 13]);
    }

    #[test]
    fn rows_are_padded_by_pixels() {
        let mut padded = [0; 10];
        pad_row(&[1, 2, 3, 4], 2, 1, mirrored, &mut padded[..8]);
        assert_eq!(padded[..8], [3, 4, 1, 2, 3, 4, 1, 2]);
        pad_row(&[1, 2, 3, 4], 1, 3, nearest, &mut padded);
        assert_eq!(padded, [1, 1, 1, 1, 2, 3, 4, 4, 4, 4]);
    }
}

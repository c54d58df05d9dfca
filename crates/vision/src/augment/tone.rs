//! Changes of value that work on one pixel at a time: by table, or by a matrix of its colours.
use super::Picture;

/// Shares of red, green and blue in the gray of a pixel (ITU-R BT.601).
pub(super) const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Puts every value through a function of one byte.
pub(super) fn by_table(picture: &mut Picture<'_>, function: impl Fn(f32) -> f32) {
    let mut table = [0u8; 256];
    for (value, entry) in table.iter_mut().enumerate() {
        *entry = byte(function(value as f32));
    }
    for value in picture.rgb.iter_mut() {
        *value = table[usize::from(*value)];
    }
}

/// Multiplies the colours of every pixel by a matrix, row by row.
pub(super) fn by_matrix(picture: &mut Picture<'_>, matrix: [[f32; 3]; 3]) {
    for pixel in picture.rgb.as_chunks_mut::<3>().0 {
        let [red, green, blue] = pixel.map(f32::from);
        *pixel = matrix.map(|row| byte(row[0] * red + row[1] * green + row[2] * blue));
    }
}

/// The mean gray of a picture, 0 to 255.
pub(super) fn mean_gray(picture: &Picture<'_>) -> f32 {
    let mut sums = [0u64; 3];
    for pixel in picture.rgb.as_chunks::<3>().0 {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    let count = (picture.rgb.len() / 3) as f64;
    let means = sums.map(|sum| (sum as f64 / count) as f32);
    means
        .iter()
        .zip(LUMA)
        .map(|(mean, share)| mean * share)
        .sum()
}

/// Rounded, 0 to 255.
pub(super) fn byte(value: f32) -> u8 {
    // A float becomes an integer within its range.
    (value + 0.5) as u8
}

//! Small pictures for reports.
use report::Picture;

/// JPEG's quality, of 100: a small picture to be recognised by.
const QUALITY: u8 = 70;

/// A small picture from pixels, row by row, 3 bytes each: red, green, blue. `alternative` says what it
/// shows.
///
/// # Panics
/// Where a side is 0 or over 65,535, or `rgb` does not hold `width * height * 3` bytes.
pub(crate) fn picture(width: usize, height: usize, rgb: &[u8], alternative: &str) -> Picture {
    let jpeg = vision::encode::small_jpeg(width, height, rgb, QUALITY).expect("a small picture");
    Picture::from_jpeg(width, height, jpeg, alternative)
}

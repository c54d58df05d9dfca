//! Small pictures that stand inside of the page.

use base64::Engine as _;
use jpeg_encoder::{ColorType, Encoder};

use crate::escape::escape;

/// JPEG's quality, of 100: a small picture to be recognised by.
const QUALITY: u8 = 70;

/// A small picture, with the text for who cannot see it.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    jpeg: Vec<u8>,
    alternative: String,
}

impl Picture {
    /// From pixels, row by row, 3 bytes each: red, green, blue. `alternative` says what it shows.
    ///
    /// # Panics
    /// Where a side is 0 or over 65,535, or `rgb` does not hold `width * height * 3` bytes.
    pub fn from_rgb(width: usize, height: usize, rgb: &[u8], alternative: &str) -> Self {
        Picture::with_quality(width, height, rgb, alternative, QUALITY)
    }

    /// The same in another quality, from 1 to 100.
    ///
    /// # Panics
    /// As [`Picture::from_rgb`].
    pub fn with_quality(
        width: usize,
        height: usize,
        rgb: &[u8],
        alternative: &str,
        quality: u8,
    ) -> Self {
        assert_eq!(rgb.len(), width * height * 3);
        let side = |side: usize| u16::try_from(side).expect("a small picture");
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, quality)
            .encode(rgb, side(width), side(height), ColorType::Rgb)
            .expect("writing into memory does not fail");
        Picture {
            width,
            height,
            jpeg,
            alternative: alternative.to_owned(),
        }
    }

    pub(crate) fn html(&self) -> String {
        format!(
            "<img width={} height={} alt=\"{}\" src=\"data:image/jpeg;base64,{}\">",
            self.width,
            self.height,
            escape(&self.alternative),
            base64::engine::general_purpose::STANDARD.encode(&self.jpeg)
        )
    }
}

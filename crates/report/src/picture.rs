//! Small pictures that stand inside of the page.

use base64::Engine as _;

use crate::escape::escape;

/// A small picture, with the text for who cannot see it.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    jpeg: Vec<u8>,
    alternative: String,
}

impl Picture {
    /// From the bytes of a JPEG of so many columns and rows. `alternative` says what it shows.
    pub fn from_jpeg(width: usize, height: usize, jpeg: Vec<u8>, alternative: &str) -> Self {
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

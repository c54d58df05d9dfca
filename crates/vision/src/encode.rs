//! Pixels as the bytes of a file: the one encoder of JPEG and PNG.
use jpeg_encoder::{ColorType, Encoder};

use crate::Photo;

/// What every file says it was written by: in PNG's field `Software`, in JPEG's last application segment.
const WRITTEN_BY: &str = "written by museau";
/// Bytes within which a file says so.
const HEAD: usize = 512;

/// Whether a file that begins with these bytes (512 are enough) was written by this module.
pub fn written_here(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    head.windows(WRITTEN_BY.len())
        .any(|window| window == WRITTEN_BY.as_bytes())
}

/// Why a photo cannot be written in a format.
#[derive(Debug, thiserror::Error)]
#[error("a photo of {width} x {height} cannot be written: {detail}")]
pub struct EncodeError {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What the format's library says, in English.
    pub detail: String,
}

impl EncodeError {
    fn new((width, height): (usize, usize), detail: impl std::fmt::Display) -> Self {
        EncodeError {
            width,
            height,
            detail: detail.to_string(),
        }
    }
}

/// As PNG, without loss.
///
/// # Errors
/// Where a side is over what the format holds.
pub fn png(photo: &Photo) -> Result<Vec<u8>, EncodeError> {
    let size = (photo.width(), photo.height());
    let side = |side: usize| u32::try_from(side).map_err(|error| EncodeError::new(size, error));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(photo.width())?, side(photo.height())?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    encoder
        .add_text_chunk("Software".to_owned(), WRITTEN_BY.to_owned())
        .and_then(|()| encoder.write_header())
        .and_then(|mut writer| {
            writer.write_image_data(photo.rgb())?;
            writer.finish()
        })
        .map_err(|error| EncodeError::new(size, error))?;
    Ok(bytes)
}

/// As JPEG of a quality from 1 to 100, for a file of its own.
///
/// # Errors
/// Where a side is over 65,535.
pub fn jpeg(photo: &Photo, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let size = (photo.width(), photo.height());
    encoded(size, photo.rgb(), quality, Some(WRITTEN_BY))
}

/// Pixels, row by row, as JPEG of a quality from 1 to 100, to stand inside of a page or an answer: it
/// does not say by whom it was written, so that none who keeps it as a file loses it to museau.
///
/// # Errors
/// Where a side is 0 or over 65,535, or `rgb` does not hold `width * height * 3` bytes.
pub fn small_jpeg(
    width: usize,
    height: usize,
    rgb: &[u8],
    quality: u8,
) -> Result<Vec<u8>, EncodeError> {
    encoded((width, height), rgb, quality, None)
}

fn encoded(
    size: (usize, usize),
    rgb: &[u8],
    quality: u8,
    written_by: Option<&str>,
) -> Result<Vec<u8>, EncodeError> {
    let side = |side: usize| u16::try_from(side).map_err(|error| EncodeError::new(size, error));
    let (width, height) = (side(size.0)?, side(size.1)?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    if let Some(text) = written_by {
        encoder
            .add_app_segment(15, text.as_bytes().to_vec())
            .map_err(|error| EncodeError::new(size, error))?;
    }
    encoder
        .encode(rgb, width, height, ColorType::Rgb)
        .map_err(|error| EncodeError::new(size, error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, decode};

    #[test]
    fn what_is_written_is_read() {
        let rgb = (0..7 * 5 * 3).map(|index| (index * 2) as u8).collect();
        let photo = Photo::from_rgb(7, 5, rgb);
        let read = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap();
        assert_eq!(read(&png(&photo).unwrap()).rgb(), photo.rgb());
        assert!(written_here(&png(&photo).unwrap()) && written_here(&jpeg(&photo, 95).unwrap()));
        let theirs = include_bytes!("../../../tests/photos/beagle_14.jpg");
        assert!(!written_here(theirs) && !written_here(b""));
        let lossy = read(&jpeg(&photo, 95).unwrap());
        assert_eq!((lossy.width(), lossy.height()), (7, 5));
        let small = small_jpeg(7, 5, photo.rgb(), 95).unwrap();
        assert!(!written_here(&small) && read(&small).rgb() == lossy.rgb());
        assert!(small_jpeg(7, 6, photo.rgb(), 95).is_err());
        let wide = Photo::from_rgb(70_000, 1, vec![0; 210_000]);
        assert!(jpeg(&wide, 95).is_err() && png(&wide).is_ok());
    }
}

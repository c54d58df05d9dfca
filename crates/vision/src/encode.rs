//! A photo as the bytes of a file.
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
    fn new(photo: &Photo, detail: impl std::fmt::Display) -> Self {
        EncodeError {
            width: photo.width(),
            height: photo.height(),
            detail: detail.to_string(),
        }
    }
}

/// As PNG, without loss.
///
/// # Errors
/// Where a side is over what the format holds.
pub fn png(photo: &Photo) -> Result<Vec<u8>, EncodeError> {
    let side = |side: usize| u32::try_from(side).map_err(|error| EncodeError::new(photo, error));
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
        .map_err(|error| EncodeError::new(photo, error))?;
    Ok(bytes)
}

/// As JPEG of a quality from 1 to 100.
///
/// # Errors
/// Where a side is over 65,535.
pub fn jpeg(photo: &Photo, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let side = |side: usize| u16::try_from(side).map_err(|error| EncodeError::new(photo, error));
    let (width, height) = (side(photo.width())?, side(photo.height())?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder
        .add_app_segment(15, WRITTEN_BY.as_bytes().to_vec())
        .map_err(|error| EncodeError::new(photo, error))?;
    encoder
        .encode(photo.rgb(), width, height, ColorType::Rgb)
        .map_err(|error| EncodeError::new(photo, error))?;
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
        let wide = Photo::from_rgb(70_000, 1, vec![0; 210_000]);
        assert!(jpeg(&wide, 95).is_err() && png(&wide).is_ok());
    }
}

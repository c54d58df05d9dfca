//! Bytes to an upright sRGB photo: tells the format, checks the limits, decodes, converts the
//! colours, turns upright.
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::color::{self, Samples};
use crate::orientation::apply;
use crate::photo::Found;
use crate::{DecodeError, Excess, Format, Limits, Orientation, Photo};

mod bmp;
mod gif;
#[cfg(feature = "heic")]
mod heic;
mod jpeg;
mod jpeg_markers;
mod orientation;
mod png;
mod tiff;
mod webp;

/// What a format's decoder returns: samples as stored, and what is still to be done to them.
struct Stored {
    width: usize,
    height: usize,
    samples: Samples,
    orientation: Orientation,
    /// The embedded ICC profile.
    profile: Option<Vec<u8>>,
}

/// Decodes a photo of any format that is read.
///
/// A file that ends before its picture does is an error (`truncated`), never a half-gray photo; a
/// JPEG that has all its pixels and lacks only the end marker is accepted. Of animations and files
/// of several pictures the first is taken. What is transparent lies on white.
///
/// # Errors
/// See [`DecodeError`]. No content panics; what a decoder library panics on is `damaged`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    check(Excess::Bytes, bytes.len() as u64, limits.bytes as u64)?;
    let format = Format::of(bytes)?;
    let decoder: fn(&[u8], &Limits) -> Result<Stored, DecodeError> = match format {
        Format::Jpeg => jpeg::decode,
        Format::Png => png::decode,
        Format::WebP => webp::decode,
        Format::Gif => gif::decode,
        Format::Bmp => bmp::decode,
        Format::Tiff => tiff::decode,
        #[cfg(feature = "heic")]
        Format::Heic => heic::decode,
        #[cfg(not(feature = "heic"))]
        Format::Heic => return Err(DecodeError::UnsupportedFormat { name: "HEIC" }),
    };
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let stored = decoder(bytes, limits)?;
        let pixels = color::to_srgb(stored.samples, stored.profile.as_deref());
        let (rgb, profile_converted) = pixels;
        let (width, height, orientation) = (stored.width, stored.height, stored.orientation);
        // A decoder that says one size and gives another, or nothing: a crop in a HEIC may be empty.
        if rgb.is_empty() || rgb.len() != width * height * 3 {
            return Err(DecodeError::damaged(
                format,
                "its pixels do not fit its size",
            ));
        }
        let found = Found {
            format,
            width,
            height,
            orientation,
            profile_converted,
        };
        let (width, height, rgb) = apply(orientation, width, height, rgb);
        Ok(Photo::decoded(width, height, rgb, found))
    }));
    decoded.unwrap_or_else(|_| Err(DecodeError::damaged(format, "the decoder gave up")))
}

/// Refuses more than the limit.
fn check(what: Excess, found: u64, limit: u64) -> Result<(), DecodeError> {
    if found > limit {
        return Err(DecodeError::TooLarge { what, found, limit });
    }
    Ok(())
}

/// Refuses a picture of more pixels than allowed, or of none.
fn check_pixels(
    format: Format,
    width: impl Into<u64>,
    height: impl Into<u64>,
    limits: &Limits,
) -> Result<(), DecodeError> {
    let (width, height) = (width.into(), height.into());
    if width == 0 || height == 0 {
        return Err(DecodeError::damaged(
            format,
            format!("a picture of {width} x {height} pixels"),
        ));
    }
    check(Excess::Pixels, width.saturating_mul(height), limits.pixels)
}

/// An error of reading from memory can only be the end of the data.
fn is_end(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof
}

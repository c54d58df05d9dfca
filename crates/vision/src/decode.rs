//! Bytes to an upright sRGB photo: tells the format, checks the limits, decodes, turns upright.
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::orientation;
use crate::photo::Found;
use crate::{DecodeError, Excess, Format, Limits, Orientation, Photo};

mod exif_orientation;
mod jpeg;
mod jpeg_markers;
mod png;

/// What a format's decoder returns: pixels as stored, and what is still to be done to them.
struct Stored {
    width: usize,
    height: usize,
    /// Row-major RGB, 3 bytes a pixel.
    rgb: Vec<u8>,
    orientation: Orientation,
    profile_converted: bool,
}

/// Decodes a photo of any format that is read.
///
/// A file that ends before its picture does is an error (`truncated`), never a half-gray photo; a
/// JPEG that has all its pixels and lacks only the end marker is accepted.
///
/// # Errors
/// See [`DecodeError`]. No content panics or hangs; what a decoder library panics on is `damaged`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    if bytes.len() > limits.bytes {
        return Err(DecodeError::TooLarge {
            what: Excess::Bytes,
            found: bytes.len() as u64,
            limit: limits.bytes as u64,
        });
    }
    let format = Format::of(bytes)?;
    let decoder = match format {
        Format::Jpeg => jpeg::decode,
        Format::Png => png::decode,
        _ => {
            return Err(DecodeError::UnsupportedFormat {
                name: format.name(),
            });
        }
    };
    let stored = catch_unwind(AssertUnwindSafe(|| decoder(bytes, limits)))
        .unwrap_or_else(|_| Err(DecodeError::damaged(format, "the decoder gave up")))?;
    let found = Found {
        format,
        width: stored.width,
        height: stored.height,
        orientation: stored.orientation,
        profile_converted: stored.profile_converted,
    };
    let (width, height, rgb) =
        orientation::apply(stored.orientation, stored.width, stored.height, stored.rgb);
    Ok(Photo::decoded(width, height, rgb, found))
}

/// Refuses a picture of more pixels than allowed, or of none.
fn check_pixels(
    format: Format,
    width: u64,
    height: u64,
    limits: &Limits,
) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::damaged(
            format,
            format!("a picture of {width} x {height} pixels"),
        ));
    }
    let pixels = width.saturating_mul(height);
    if pixels > limits.pixels {
        return Err(DecodeError::TooLarge {
            what: Excess::Pixels,
            found: pixels,
            limit: limits.pixels,
        });
    }
    Ok(())
}

/// RGBA laid on white, as a browser shows it on an ordinary page.
fn on_white(rgba: &[u8]) -> Vec<u8> {
    let over = |color: u8, alpha: u8| mix_with_white(color, alpha);
    rgba.as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, a]| [over(r, a), over(g, a), over(b, a)])
        .collect()
}

/// Gray with alpha laid on white.
fn gray_on_white(gray_alpha: &[u8]) -> Vec<u8> {
    gray_alpha
        .as_chunks::<2>()
        .0
        .iter()
        .flat_map(|&[gray, a]| [mix_with_white(gray, a); 3])
        .collect()
}

fn gray_to_rgb(gray: &[u8]) -> Vec<u8> {
    gray.iter().flat_map(|&gray| [gray; 3]).collect()
}

/// (color * alpha + 255 * (255 - alpha)) / 255, rounded.
fn mix_with_white(color: u8, alpha: u8) -> u8 {
    let (color, alpha) = (u32::from(color), u32::from(alpha));
    ((color * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

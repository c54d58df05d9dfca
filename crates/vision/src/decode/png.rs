//! PNG of every depth and colour type; transparency is laid on white.
use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::{Stored, check_pixels, exif_orientation};
use crate::{DecodeError, Format, Limits, Orientation};

const PNG: Format = Format::Png;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    // The library's own limit guards the text and profile chunks; pixels are checked below.
    decoder.set_limits(png::Limits { bytes: 256 << 20 });
    decoder.ignore_checksums(false);
    let header = decoder.read_header_info().map_err(of_library)?;
    let (width, height) = (header.width, header.height);
    check_pixels(PNG, u64::from(width), u64::from(height), limits)?;
    let mut reader = decoder.read_info().map_err(of_library)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| DecodeError::damaged(PNG, "its size overflows"))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(of_library)?;
    debug_assert_eq!(frame.bit_depth, BitDepth::Eight);
    samples.truncate(frame.buffer_size());
    let rgb = match frame.color_type {
        ColorType::Rgb => samples,
        ColorType::Rgba => super::on_white(&samples),
        ColorType::Grayscale => super::gray_to_rgb(&samples),
        ColorType::GrayscaleAlpha => super::gray_on_white(&samples),
        ColorType::Indexed => return Err(DecodeError::damaged(PNG, "its palette is missing")),
    };
    let orientation = reader
        .info()
        .exif_metadata
        .as_deref()
        .map_or(Orientation::Upright, exif_orientation::of_block);
    Ok(Stored {
        width: frame.width as usize,
        height: frame.height as usize,
        rgb,
        orientation,
        profile_converted: false,
    })
}

fn of_library(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: PNG }
        }
        error => DecodeError::damaged(PNG, error),
    }
}

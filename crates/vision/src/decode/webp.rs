//! WebP: lossy, lossless, with opacity; of an animation the first frame.
use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::{Stored, check_pixels, is_end, orientation};
use crate::color::Samples;
use crate::{DecodeError, Format, Limits};

const WEBP: Format = Format::WebP;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    // The container states its length: less than that is a file cut off.
    let stated = bytes
        .get(4..8)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let cut = stated.is_none_or(|stated| bytes.len() < stated as usize + 8 - (stated as usize & 1));
    let of_library = |error| of_library(error, cut);

    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(of_library)?;
    let (width, height) = decoder.dimensions();
    check_pixels(WEBP, width, height, limits)?;
    // Room for the canvas, its frame and the tables of the decoder.
    decoder.set_memory_limit(
        (width as usize * height as usize)
            .saturating_mul(16)
            .max(1 << 24),
    );
    let profile = decoder.icc_profile().ok().flatten();
    let exif = decoder.exif_metadata().ok().flatten();
    let xmp = decoder.xmp_metadata().ok().flatten();
    let alpha = decoder.has_alpha();
    let size = decoder
        .output_buffer_size()
        .ok_or_else(|| DecodeError::damaged(WEBP, "its size overflows"))?;
    let mut values = vec![0; size];
    if decoder.is_animated() {
        decoder.read_frame(&mut values).map_err(of_library)?;
    } else {
        decoder.read_image(&mut values).map_err(of_library)?;
    }
    if cut {
        return Err(DecodeError::Truncated { format: WEBP });
    }
    Ok(Stored {
        width: width as usize,
        height: height as usize,
        samples: if alpha {
            Samples::Rgba(values)
        } else {
            Samples::Rgb(values)
        },
        orientation: orientation::find(exif.as_deref(), xmp.as_deref()),
        profile,
    })
}

fn of_library(error: DecodingError, cut: bool) -> DecodeError {
    match error {
        DecodingError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: WEBP },
        _ if cut => DecodeError::Truncated { format: WEBP },
        error => DecodeError::damaged(WEBP, error),
    }
}

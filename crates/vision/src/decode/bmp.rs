//! Windows bitmaps.
use zune_bmp::{BmpDecoder, BmpDecoderErrors};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use super::{Stored, check_pixels};
use crate::color::Samples;
use crate::{DecodeError, Format, Limits, Orientation};

const BMP: Format = Format::Bmp;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    // The library's limits are on sides, ours is on pixels.
    let side = i32::MAX as usize;
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side);
    let mut decoder = BmpDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(of_library)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| DecodeError::damaged(BMP, "it has no size"))?;
    check_pixels(BMP, width as u64, height as u64, limits)?;
    let color = decoder.colorspace();
    let values = decoder.decode().map_err(of_library)?;
    let samples = match color {
        Some(ColorSpace::RGB) => Samples::Rgb(values),
        Some(ColorSpace::RGBA) => Samples::Rgba(values),
        Some(ColorSpace::Luma) => Samples::Gray(values),
        color => return Err(DecodeError::unsupported(BMP, format!("colours {color:?}"))),
    };
    Ok(Stored {
        width,
        height,
        samples,
        orientation: Orientation::Upright,
        profile: None,
    })
}

fn of_library(error: BmpDecoderErrors) -> DecodeError {
    match error {
        BmpDecoderErrors::IoErrors(_) => DecodeError::Truncated { format: BMP },
        error => DecodeError::damaged(BMP, format!("{error:?}")),
    }
}

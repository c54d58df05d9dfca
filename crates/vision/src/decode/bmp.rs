//! Windows bitmaps.
use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use super::{Need, Room, Stored, check_pixels, is_end};
use crate::color::Samples;
use crate::{DecodeError, Format, Orientation};

const BMP: Format = Format::Bmp;

pub(super) fn decode(bytes: &[u8], room: &Room<'_>) -> Result<Stored, DecodeError> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(of_library)?;
    let (width, height) = decoder.dimensions();
    check_pixels(BMP, width, height, room)?;
    let color = decoder.color_type();
    let size = usize::try_from(decoder.total_bytes())
        .map_err(|_| DecodeError::damaged(BMP, "its size overflows"))?;
    room.take(&Need {
        width: width.into(),
        height: height.into(),
        channels: color.channel_count().into(),
        decoder: size as u64,
        turned: false,
    })?;
    let mut values = vec![0; size];
    decoder.read_image(&mut values).map_err(of_library)?;
    let samples = match color {
        ColorType::Rgb8 => Samples::Rgb(values),
        ColorType::Rgba8 => Samples::Rgba(values),
        ColorType::L8 => Samples::Gray(values),
        color => return Err(DecodeError::unsupported(BMP, format!("colours {color:?}"))),
    };
    Ok(Stored {
        width: width as usize,
        height: height as usize,
        samples,
        orientation: Orientation::Upright,
        profile: None,
    })
}

fn of_library(error: ImageError) -> DecodeError {
    match error {
        ImageError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: BMP },
        ImageError::Unsupported(feature) => DecodeError::unsupported(BMP, feature.to_string()),
        error => DecodeError::damaged(BMP, error),
    }
}

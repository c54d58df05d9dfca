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
    check_runs(bytes, height)?;
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

/// Refuses runs (RLE4 and RLE8) that end before the last row: the library leaves what is missing black.
fn check_runs(bytes: &[u8], height: u32) -> Result<(), DecodeError> {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    };
    // Where the pixels lie, and how they are stored: headers of 40 bytes and more say it here.
    let (Some(start), Some(header), Some(compression)) = (number(10), number(14), number(30))
    else {
        return Ok(());
    };
    let halves = match compression {
        1 => false,
        2 => true,
        _ => return Ok(()),
    };
    if header < 40 {
        return Ok(());
    }
    let mut data = bytes.get(start as usize..).unwrap_or_default().iter();
    let (mut row, mut column) = (0, 0);
    while let (Some(&count), Some(&value)) = (data.next(), data.next()) {
        match (count, value) {
            (0, 0) => (row, column) = (row + 1, 0),
            (0, 1) => break,
            (0, 2) => {
                column += data.next().map_or(0, |right| usize::from(*right));
                row += data.next().map_or(0, |down| u32::from(*down));
            }
            (0, pixels) => {
                let pixels = usize::from(pixels);
                let stored = if halves { pixels.div_ceil(2) } else { pixels };
                // Whole words of 16 bits.
                data.nth(stored.next_multiple_of(2) - 1);
                column += pixels;
            }
            (count, _) => column += usize::from(count),
        }
    }
    // The last row may go without its own end.
    match row < height && (row + 1 < height || column == 0) {
        true => Err(DecodeError::Truncated { format: BMP }),
        false => Ok(()),
    }
}

fn of_library(error: ImageError) -> DecodeError {
    match error {
        ImageError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: BMP },
        ImageError::Unsupported(feature) => DecodeError::unsupported(BMP, feature.to_string()),
        error => DecodeError::damaged(BMP, error),
    }
}

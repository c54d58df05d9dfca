//! GIF: the first frame, on the whole canvas.
use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::{Need, Room, Stored, check_pixels, is_end};
use crate::color::Samples;
use crate::{DecodeError, Format, Orientation};

const GIF: Format = Format::Gif;

pub(super) fn decode(bytes: &[u8], room: &Room<'_>) -> Result<Stored, DecodeError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(bytes).map_err(of_library)?;
    let (width, height) = (decoder.width(), decoder.height());
    check_pixels(GIF, width, height, room)?;
    let Some(frame) = decoder.next_frame_info().map_err(of_library)? else {
        return Err(DecodeError::damaged(GIF, "there is no frame"));
    };
    check_pixels(GIF, frame.width, frame.height, room)?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let (width, height) = (usize::from(width), usize::from(height));
    let whole = (left, top, frame_width, frame_height) == (0, 0, width, height);
    let of_frame = frame_width * frame_height * 4;
    let canvas = if whole { 0 } else { width * height * 4 };
    room.take(&Need {
        width: width as u64,
        height: height as u64,
        channels: 4,
        // The library unpacks the indices of a frame before it looks at its palette.
        decoder: (of_frame + frame_width * frame_height + canvas) as u64,
        turned: false,
    })?;
    let mut pixels = vec![0; of_frame];
    decoder.read_into_buffer(&mut pixels).map_err(of_library)?;

    if !whole {
        // The frame covers a part of the canvas: the rest is transparent.
        let mut canvas = vec![0; width * height * 4];
        for (row, line) in pixels.chunks_exact(frame_width * 4).enumerate() {
            let (row, columns) = (top + row, frame_width.min(width.saturating_sub(left)));
            if row < height && columns > 0 {
                canvas[(row * width + left) * 4..][..columns * 4]
                    .copy_from_slice(&line[..columns * 4]);
            }
        }
        pixels = canvas;
    }
    Ok(Stored {
        width,
        height,
        samples: Samples::Rgba(pixels),
        orientation: Orientation::Upright,
        profile: decoder.icc_profile().map(<[u8]>::to_vec),
    })
}

fn of_library(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::UnexpectedEof => DecodeError::Truncated { format: GIF },
        DecodingError::Io(error) if is_end(&error) => DecodeError::Truncated { format: GIF },
        error => DecodeError::damaged(GIF, error),
    }
}

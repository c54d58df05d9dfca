//! WebP: lossy, lossless, with opacity; of an animation the first frame.
use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::{Need, Room, Stored, check_pixels, is_end, orientation};
use crate::color::Samples;
use crate::{DecodeError, Format};

const WEBP: Format = Format::WebP;

pub(super) fn decode(bytes: &[u8], room: &Room<'_>) -> Result<Stored, DecodeError> {
    // The container states its length: less than that is a file cut off.
    let stated = bytes
        .get(4..8)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let cut = stated.is_none_or(|stated| bytes.len() < stated as usize + 8 - (stated as usize & 1));
    let of_library = |error| of_library(error, cut);

    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(of_library)?;
    let (width, height) = decoder.dimensions();
    check_pixels(WEBP, width, height, room)?;
    let coding = Coding::of(bytes);
    // The library sees only after decoding that a frame is not as large as its canvas.
    if coding.lossy_width > width || coding.lossy_height > height {
        return Err(DecodeError::damaged(
            WEBP,
            "a frame is larger than its canvas",
        ));
    }
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
    let beside = [&profile, &exif, &xmp].map(|part| part.as_ref().map_or(0, Vec::len));
    let orientation = orientation::find(exif.as_deref(), xmp.as_deref());
    room.take(&Need {
        width: width.into(),
        height: height.into(),
        channels: if alpha { 4 } else { 3 },
        decoder: (size + beside.iter().sum::<usize>()) as u64 + coding.need(width, height, alpha),
        turned: orientation.swaps_sides(),
    })?;
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
        orientation,
        profile,
    })
}

/// How the pictures of the file are coded.
#[derive(Default)]
struct Coding {
    /// The largest sides of lossy frames; 0 where there are none.
    lossy_width: u32,
    lossy_height: u32,
    lossless: bool,
    /// Opacity beside a lossy frame.
    opacity: bool,
    animated: bool,
}

impl Coding {
    /// By the heads of the chunks, also of those inside of an animation's frames.
    fn of(bytes: &[u8]) -> Self {
        let mut coding = Coding::default();
        let mut at = 12;
        while let Some(head) = bytes.get(at..at + 8) {
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let content = at + 8;
            at = content + length.next_multiple_of(2);
            match &head[..4] {
                // A frame has 16 bytes of its own before its chunks.
                b"ANMF" => {
                    coding.animated = true;
                    at = content + 16;
                }
                b"VP8L" => coding.lossless = true,
                b"ALPH" => coding.opacity = true,
                b"VP8 " => {
                    // Three bytes of a tag and three of a mark, then 14 bits each (RFC 6386, 9.1).
                    let side = |at: usize| match bytes.get(at..at + 2) {
                        Some(&[low, high]) => u32::from(u16::from_le_bytes([low, high]) & 0x3FFF),
                        _ => 0,
                    };
                    coding.lossy_width = coding.lossy_width.max(side(content + 6));
                    coding.lossy_height = coding.lossy_height.max(side(content + 8));
                }
                _ => {}
            }
        }
        coding
    }

    /// Bytes that the library takes beside the picture, at most.
    fn need(&self, width: u32, height: u32, alpha: bool) -> u64 {
        // Macroblocks of 16 x 16, blocks of transforms of 4 x 4.
        let padded = |side: u32| u64::from(side.next_multiple_of(16));
        let pixels = padded(width) * padded(height);
        // Brightness, half as much of colours, and what is noted of each macroblock.
        let lossy = if self.lossy_width > 0 { 2 } else { 0 };
        // Three transforms and the places of the codes have an entry for every block.
        const BLOCKS: u64 = 2;
        // Opacity is coded as a picture of four channels of its own, then taken out of it.
        let opacity = if self.opacity { 4 + 1 + BLOCKS } else { 0 };
        let lossless = match (self.lossless, alpha) {
            (true, true) => BLOCKS,
            (true, false) => 4 + BLOCKS,
            (false, _) => 0,
        };
        // The canvas, and a frame.
        let animated = if self.animated { 4 + 4 + BLOCKS } else { 0 };
        pixels * (lossy + opacity + lossless + animated)
    }
}

fn of_library(error: DecodingError, cut: bool) -> DecodeError {
    match error {
        DecodingError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: WEBP },
        _ if cut => DecodeError::Truncated { format: WEBP },
        error => DecodeError::damaged(WEBP, error),
    }
}

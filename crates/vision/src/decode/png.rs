//! PNG of every depth and colour type; transparency is laid on white.
use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::{MOST_PROFILE_BYTES, Need, Room, Stored, check_pixels, is_end, orientation};
use crate::color::Samples;
use crate::{DecodeError, Format};

const PNG: Format = Format::Png;

/// The keyword of a block of XMP.
const XMP: &[u8] = b"XML:com.adobe.xmp";

/// Bytes of XMP that are read for an orientation: far more than cameras write.
const MOST_XMP_BYTES: usize = 1 << 20;

pub(super) fn decode(bytes: &[u8], room: &Room<'_>) -> Result<Stored, DecodeError> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    // The library's own limit guards what it keeps of text and profiles, as stored and unpacked;
    // pixels are checked below.
    let beside = 3 * beside(bytes) + MOST_PROFILE_BYTES;
    decoder.set_limits(png::Limits { bytes: beside });
    decoder.ignore_checksums(false);
    let header = decoder.read_header_info().map_err(of_library)?;
    let (width, height) = (header.width, header.height);
    check_pixels(PNG, width, height, room)?;
    let mut reader = decoder.read_info().map_err(of_library)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| DecodeError::damaged(PNG, "its size overflows"))?;
    let says = |what| memchr::memmem::find(bytes, what).is_some();
    room.take(&Need {
        width: width.into(),
        height: height.into(),
        channels: reader.output_color_type().0.samples() as u64,
        decoder: (size + beside) as u64,
        // It may stand behind the pixels.
        turned: says(b"eXIf") || says(XMP),
    })?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(of_library)?;
    debug_assert_eq!(frame.bit_depth, BitDepth::Eight);
    samples.truncate(frame.buffer_size());
    let samples = match frame.color_type {
        ColorType::Rgb => Samples::Rgb(samples),
        ColorType::Rgba => Samples::Rgba(samples),
        ColorType::Grayscale => Samples::Gray(samples),
        ColorType::GrayscaleAlpha => Samples::GrayAlpha(samples),
        ColorType::Indexed => return Err(DecodeError::damaged(PNG, "its palette is missing")),
    };
    let info = reader.info();
    let xmp = info
        .utf8_text
        .iter()
        .find(|text| text.keyword.as_bytes() == XMP);
    // A compressed text may grow a thousandfold: it is not unpacked beyond what an orientation takes.
    let xmp = xmp.and_then(|text| {
        let mut text = text.clone();
        text.decompress_text_with_limit(MOST_XMP_BYTES).ok()?;
        text.get_text().ok()
    });
    let orientation = orientation::find(
        info.exif_metadata.as_deref(),
        xmp.as_deref().map(str::as_bytes),
    );
    Ok(Stored {
        width: frame.width as usize,
        height: frame.height as usize,
        samples,
        orientation,
        profile: info.icc_profile.as_ref().map(|profile| profile.to_vec()),
    })
}

/// Bytes of all chunks but those of pixels.
fn beside(bytes: &[u8]) -> usize {
    let (mut at, mut beside) = (8, 0);
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if !matches!(&head[4..], b"IDAT" | b"fdAT") {
            beside += length.min(bytes.len() - at);
        }
        // Length, name and checksum have 4 bytes each.
        at += 12 + length;
    }
    beside
}

fn of_library(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: PNG },
        error => DecodeError::damaged(PNG, error),
    }
}

//! PNG of every depth and colour type; transparency is laid on white.
use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::{Stored, check_pixels, is_end, orientation};
use crate::color::Samples;
use crate::{DecodeError, Format, Limits};

const PNG: Format = Format::Png;

/// Bytes of XMP that are read for an orientation: far more than cameras write.
const MOST_XMP_BYTES: usize = 1 << 20;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    // The library's own limit guards the text and profile chunks; pixels are checked below.
    decoder.set_limits(png::Limits { bytes: 256 << 20 });
    decoder.ignore_checksums(false);
    let header = decoder.read_header_info().map_err(of_library)?;
    let (width, height) = (header.width, header.height);
    check_pixels(PNG, width, height, limits)?;
    let mut reader = decoder.read_info().map_err(of_library)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| DecodeError::damaged(PNG, "its size overflows"))?;
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
        .find(|text| text.keyword == "XML:com.adobe.xmp");
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

fn of_library(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: PNG },
        error => DecodeError::damaged(PNG, error),
    }
}

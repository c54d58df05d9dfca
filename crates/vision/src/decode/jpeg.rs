//! JPEG: baseline and progressive; gray, YCbCr, RGB, CMYK and YCCK.
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::jpeg_markers::{Frame, Survey, survey};
use super::{Stored, check_pixels, exif_orientation};
use crate::{DecodeError, Excess, Format, Limits, Orientation};

const JPEG: Format = Format::Jpeg;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    let survey = survey(bytes);
    let Some(frame) = &survey.frame else {
        return Err(match survey.ended {
            true => DecodeError::damaged(JPEG, "there is no frame header"),
            false => DecodeError::Truncated { format: JPEG },
        });
    };
    check_pixels(
        JPEG,
        u64::from(frame.width),
        u64::from(frame.height),
        limits,
    )?;
    check_process(frame)?;
    if survey.scans > limits.scans {
        return Err(DecodeError::TooLarge {
            what: Excess::Scans,
            found: survey.scans as u64,
            limit: limits.scans as u64,
        });
    }
    if survey.scans == 0 {
        return Err(match survey.ended {
            true => DecodeError::damaged(JPEG, "there is no scan"),
            false => DecodeError::Truncated { format: JPEG },
        });
    }
    let pixels = if survey.ended {
        decode_pixels(bytes, frame, limits, false)?
    } else {
        decode_without_end(bytes, &survey, frame, limits)?
    };
    let orientation = survey
        .exif
        .map_or(Orientation::Upright, exif_orientation::of_block);
    Ok(Stored {
        width: usize::from(frame.width),
        height: usize::from(frame.height),
        rgb: to_rgb(pixels),
        orientation,
        profile_converted: false,
    })
}

/// Names the kinds of JPEG that the decoder does not read.
fn check_process(frame: &Frame) -> Result<(), DecodeError> {
    let feature = match frame.process {
        0..=2 if frame.precision == 8 => return Ok(()),
        0..=2 => format!("{} bits a sample", frame.precision),
        3 => "lossless coding".to_owned(),
        5..=7 => "hierarchical coding".to_owned(),
        _ => "arithmetic coding".to_owned(),
    };
    Err(DecodeError::unsupported(JPEG, feature))
}

/// Samples as decoded, and what they are.
struct Samples {
    colors: ColorSpace,
    values: Vec<u8>,
}

fn decode_pixels(
    bytes: &[u8],
    frame: &Frame,
    limits: &Limits,
    strict: bool,
) -> Result<Samples, DecodeError> {
    let colors = match frame.components.len() {
        4 => ColorSpace::CMYK,
        _ => ColorSpace::RGB,
    };
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .set_strict_mode(strict)
        .jpeg_set_max_scans(limits.scans)
        .jpeg_set_out_colorspace(colors);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let values = decoder.decode().map_err(of_library)?;
    Ok(Samples { colors, values })
}

fn of_library(error: DecodeErrors) -> DecodeError {
    match error {
        DecodeErrors::Unsupported(scheme) => DecodeError::unsupported(JPEG, format!("{scheme:?}")),
        DecodeErrors::ExhaustedData => DecodeError::Truncated { format: JPEG },
        error => DecodeError::damaged(JPEG, format!("{error:?}")),
    }
}

/// Decodes a JPEG without end marker if only the marker is missing.
///
/// Whether pixels are missing too shows by decoding twice with different bytes behind the end: where
/// the decoder still wants data, the pictures differ. A progressive JPEG must also have all its
/// scans.
fn decode_without_end(
    bytes: &[u8],
    survey: &Survey<'_>,
    frame: &Frame,
    limits: &Limits,
) -> Result<Samples, DecodeError> {
    let truncated = || DecodeError::Truncated { format: JPEG };
    if survey.cut_segment || (frame.process == 2 && !survey.complete) {
        return Err(truncated());
    }
    // A lone 0xFF at the end would swallow the first byte that is added.
    let bytes = bytes.strip_suffix(b"\xFF").unwrap_or(bytes);
    let with_tail = |tail: &[u8]| {
        let longer = [bytes, tail, b"\xFF\xD9"].concat();
        decode_pixels(&longer, frame, limits, false).map_err(|_| truncated())
    };
    let zeros = with_tail(&[0x00; 1024])?;
    let ones = with_tail(&[0xA5; 1024])?;
    if zeros.values != ones.values {
        return Err(truncated());
    }
    Ok(zeros)
}

/// Any samples to RGB.
fn to_rgb(samples: Samples) -> Vec<u8> {
    match samples.colors {
        // Adobe's programs store CMYK inverted, and so does every other in practice.
        ColorSpace::CMYK => samples
            .values
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[c, m, y, k]| [multiply(c, k), multiply(m, k), multiply(y, k)])
            .collect(),
        _ => samples.values,
    }
}

/// a * b / 255, rounded.
fn multiply(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

//! JPEG: baseline and progressive; gray, YCbCr, RGB, CMYK and YCCK.
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::jpeg_markers::{Frame, Survey, survey};
use super::{Need, Room, Stored, check, check_pixels, orientation};
use crate::color::Samples;
use crate::{DecodeError, Excess, Format, Limits};

const JPEG: Format = Format::Jpeg;

/// Scans that a picture of as many pixels as allowed may have; encoders write about 10.
const LARGEST_SCANS: u64 = 20;

pub(super) fn decode(bytes: &[u8], limits: &Room<'_>) -> Result<Stored, DecodeError> {
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
    // Each scan of a progressive JPEG is a pass over the picture: a large one may have fewer of them.
    let pixels = u64::from(frame.width) * u64::from(frame.height);
    let passes = (limits.pixels.saturating_mul(LARGEST_SCANS) / pixels).min(limits.scans as u64);
    check(Excess::Scans, survey.scans as u64, passes)?;
    if survey.scans == 0 {
        return Err(match survey.ended {
            true => DecodeError::damaged(JPEG, "there is no scan"),
            false => DecodeError::Truncated { format: JPEG },
        });
    }
    let orientation = orientation::find(survey.exif, survey.xmp);
    limits.take(&need(bytes, &survey, frame, orientation.swaps_sides()))?;
    let samples = if survey.ended {
        decode_pixels(bytes, &survey, frame, limits)?
    } else {
        decode_without_end(bytes, &survey, frame, limits)?
    };
    Ok(Stored {
        width: usize::from(frame.width),
        height: usize::from(frame.height),
        samples,
        orientation,
        profile: survey.assembled_profile(),
    })
}

/// What decoding takes: the samples; for scans of single components or bits also every coefficient, of
/// two bytes each; without an end marker a second picture to compare with.
fn need(bytes: &[u8], survey: &Survey<'_>, frame: &Frame, turned: bool) -> Need {
    let padded = |side: u16| u64::from(side.next_multiple_of(16));
    let channels = frame.components.len() as u64;
    let samples = padded(frame.width) * padded(frame.height) * channels;
    let coefficients = if survey.scans > 1 { 2 * samples } else { 0 };
    let pictures = if survey.ended { 1 } else { 2 };
    let copies = if survey.ended { 1 } else { 2 };
    Need {
        width: frame.width.into(),
        height: frame.height.into(),
        channels,
        decoder: samples * pictures + coefficients + (bytes.len() * copies) as u64,
        turned,
    }
}

/// Names the kinds of JPEG that the decoder does not read.
fn check_process(frame: &Frame) -> Result<(), DecodeError> {
    let feature = match frame.process {
        0..=2 if frame.precision == 8 => return Ok(()),
        0..=2 if frame.precision == 12 => "12 bits a sample".to_owned(),
        // No JPEG of these kinds has another precision.
        0..=2 => {
            let detail = format!("{} bits a sample", frame.precision);
            return Err(DecodeError::damaged(JPEG, detail));
        }
        3 => "lossless coding".to_owned(),
        5..=7 => "hierarchical coding".to_owned(),
        _ => "arithmetic coding".to_owned(),
    };
    Err(DecodeError::unsupported(JPEG, feature))
}

/// Decodes the samples. The decoder is told to accept no fault in the data; a JPEG that has only
/// superfluous bytes in its header is decoded without them.
fn decode_pixels(
    bytes: &[u8],
    survey: &Survey<'_>,
    frame: &Frame,
    limits: &Limits,
) -> Result<Samples, DecodeError> {
    let colors = match (frame.components.len(), survey.adobe_transform) {
        (1, _) => ColorSpace::Luma,
        (3, _) => ColorSpace::RGB,
        (4, Some(2)) => ColorSpace::YCCK,
        (4, _) => ColorSpace::CMYK,
        (count, _) => {
            return Err(DecodeError::unsupported(
                JPEG,
                format!("{count} components"),
            ));
        }
    };
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .set_strict_mode(true)
        .jpeg_set_max_scans(limits.scans)
        .jpeg_set_out_colorspace(colors);
    let decode =
        |bytes: &[u8]| JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode();
    let mut values = decode(bytes)
        .or_else(|error| survey.tidied().map_or(Err(error), |tidied| decode(&tidied)))
        .map_err(of_library)?;
    Ok(match colors {
        ColorSpace::Luma => Samples::Gray(values),
        ColorSpace::RGB => Samples::Rgb(values),
        _ => {
            if colors == ColorSpace::YCCK {
                ycck_to_cmyk(&mut values);
            }
            // Adobe's programs store CMYK inverted, and so does every other in practice.
            values.iter_mut().for_each(|value| *value = 255 - *value);
            Samples::Cmyk(values)
        }
    })
}

/// YCCK to CMYK as Adobe stores both: the first three are the RGB of the picture without its black,
/// inverted.
fn ycck_to_cmyk(values: &mut [u8]) {
    for pixel in values.as_chunks_mut::<4>().0 {
        let [y, cb, cr] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        let rgb = [
            y + 1.402 * cr,
            y - 0.344_136 * cb - 0.714_136 * cr,
            y + 1.772 * cb,
        ];
        for (value, color) in pixel.iter_mut().zip(rgb) {
            *value = 255 - color.round() as u8;
        }
    }
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
        let tailed = super::jpeg_markers::survey(&longer);
        decode_pixels(&longer, &tailed, frame, limits).map_err(|_| truncated())
    };
    let zeros = with_tail(&[0x00; 1024])?;
    let ones = with_tail(&[0xA5; 1024])?;
    match (&zeros, &ones) {
        (Samples::Gray(a), Samples::Gray(b))
        | (Samples::Rgb(a), Samples::Rgb(b))
        | (Samples::Cmyk(a), Samples::Cmyk(b))
            if a == b =>
        {
            Ok(zeros)
        }
        _ => Err(truncated()),
    }
}

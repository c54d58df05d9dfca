//! TIFF: the first picture; 1 to 16 bits, gray, palette, RGB, CMYK.
use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits as LibraryLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::{Stored, check, check_pixels, is_end};
use crate::color::Samples;
use crate::{DecodeError, Excess, Format, Limits, Orientation};

const TIFF: Format = Format::Tiff;

/// DNG's version tag: a file that has it is a camera's RAW.
const DNG_VERSION: Tag = Tag::Unknown(50706);
/// The tag of the embedded colour profile.
const ICC_PROFILE: Tag = Tag::Unknown(34675);

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    let gray_indices = palette_as_gray(bytes);
    let palette = gray_indices.is_some();
    let bytes = gray_indices.as_deref().unwrap_or(bytes);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(of_library)?;
    if decoder.find_tag(DNG_VERSION).ok().flatten().is_some() || is_camera_raw(&mut decoder) {
        return Err(DecodeError::CameraRaw);
    }
    let (width, height) = decoder.dimensions().map_err(of_library)?;
    check_pixels(TIFF, width, height, limits)?;
    let chunks = decoder
        .strip_count()
        .or_else(|_| decoder.tile_count())
        .unwrap_or(0);
    check(Excess::Frames, u64::from(chunks), limits.frames as u64)?;

    let mut allowed = LibraryLimits::default();
    // At most 4 samples of 2 bytes, and some room for the padding of tiles.
    allowed.decoding_buffer_size = (limits.pixels as usize).saturating_mul(8);
    allowed.intermediate_buffer_size = allowed.decoding_buffer_size;
    allowed.ifd_value_size = 16 << 20;
    let mut decoder = decoder.with_limits(allowed);

    let color = decoder.colortype().map_err(of_library)?;
    let orientation = decoder
        .find_tag_unsigned::<u32>(Tag::Orientation)
        .ok()
        .flatten()
        .map_or(Orientation::Upright, Orientation::from_exif);
    let profile = decoder
        .find_tag(ICC_PROFILE)
        .ok()
        .flatten()
        .and_then(|v| v.into_u8_vec().ok());
    let pixels = width as usize * height as usize;
    let values = match decoder.read_image().map_err(of_library)? {
        DecodingResult::U8(values) => values,
        // The upper byte, as every viewer takes it.
        DecodingResult::U16(values) => values.iter().map(|value| (value >> 8) as u8).collect(),
        _ => {
            return Err(DecodeError::unsupported(
                TIFF,
                "samples that are not whole numbers of 1 to 16 bits",
            ));
        }
    };
    let (bits, channels) = match color {
        ColorType::Gray(bits) => (bits, 1),
        ColorType::GrayA(bits) => (bits, 2),
        ColorType::RGB(bits) | ColorType::YCbCr(bits) => (bits, 3),
        ColorType::RGBA(bits) | ColorType::CMYK(bits) => (bits, 4),
        ColorType::CMYKA(bits) => (bits, 5),
        other => return Err(DecodeError::unsupported(TIFF, format!("colours {other:?}"))),
    };
    let values = match bits {
        8 | 16 => values,
        1 | 2 | 4 if channels == 1 => unpack(&values, width as usize, u32::from(bits), !palette),
        bits => {
            return Err(DecodeError::unsupported(
                TIFF,
                format!("{bits} bits a sample"),
            ));
        }
    };
    if channels > 1 && is_planar(&mut decoder) {
        return Err(DecodeError::unsupported(
            TIFF,
            "one plane for each colour (planar)",
        ));
    }
    if values.len() < pixels * channels {
        return Err(DecodeError::Truncated { format: TIFF });
    }
    let samples = match color {
        ColorType::Gray(bits) if palette => {
            Samples::Rgb(through_palette(&mut decoder, &values, bits)?)
        }
        ColorType::Gray(_) => Samples::Gray(values),
        ColorType::GrayA(_) => Samples::GrayAlpha(values),
        ColorType::RGB(_) => Samples::Rgb(values),
        ColorType::RGBA(_) => Samples::Rgba(values),
        ColorType::CMYK(_) => Samples::Cmyk(values),
        ColorType::YCbCr(_) => Samples::Rgb(from_ycbcr(values)),
        other => return Err(DecodeError::unsupported(TIFF, format!("colours {other:?}"))),
    };
    Ok(Stored {
        width: width as usize,
        height: height as usize,
        samples,
        orientation,
        profile,
    })
}

/// The same file with its first picture called gray where it has a palette: the library refuses
/// palettes, but reads their indices as grays.
fn palette_as_gray(bytes: &[u8]) -> Option<Vec<u8>> {
    const PHOTOMETRIC: u16 = 262;
    const GRAY: u16 = 1;
    const PALETTE: u16 = 3;
    let little = bytes.starts_with(b"II");
    let short = |at: usize| -> Option<u16> {
        let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        })
    };
    let directory = bytes.get(4..8)?.try_into().ok()?;
    let directory = if little {
        u32::from_le_bytes(directory)
    } else {
        u32::from_be_bytes(directory)
    } as usize;
    let entries = usize::from(short(directory)?);
    let entry = (0..entries)
        .map(|entry| directory + 2 + 12 * entry)
        .find(|at| short(*at) == Some(PHOTOMETRIC))?;
    if short(entry + 8)? != PALETTE {
        return None;
    }
    let mut gray = bytes.to_vec();
    let value = if little {
        GRAY.to_le_bytes()
    } else {
        GRAY.to_be_bytes()
    };
    gray[entry + 8..entry + 10].copy_from_slice(&value);
    Some(gray)
}

/// Whether the first picture is a small copy beside others, as in the RAW files of cameras that are
/// TIFFs by their first bytes (NEF, ARW, PEF).
fn is_camera_raw(decoder: &mut Decoder<Cursor<&[u8]>>) -> bool {
    let reduced = decoder
        .find_tag_unsigned::<u32>(Tag::NewSubfileType)
        .ok()
        .flatten()
        .is_some_and(|kind| kind & 1 == 1);
    reduced && decoder.find_tag(Tag::SubIfd).ok().flatten().is_some()
}

/// Whether all reds come before all greens, rather than pixel by pixel. The library then gives the
/// first plane alone.
fn is_planar(decoder: &mut Decoder<Cursor<&[u8]>>) -> bool {
    const PLANAR: u32 = 2;
    let stored = decoder.find_tag_unsigned::<u32>(Tag::PlanarConfiguration);
    stored.ok().flatten() == Some(PLANAR)
}

/// Samples of 1, 2 or 4 bits, rows padded to whole bytes, to one byte each; `spread` over 0 to 255.
fn unpack(packed: &[u8], width: usize, bits: u32, spread: bool) -> Vec<u8> {
    let per_byte = 8 / bits as usize;
    let largest = (1u32 << bits) - 1;
    let factor = if spread { 255 / largest } else { 1 };
    let mut values = Vec::with_capacity(packed.len() * per_byte);
    for row in packed.chunks_exact(width.div_ceil(per_byte)) {
        values.extend((0..width).map(|column| {
            let shift = 8 - bits * (column % per_byte) as u32 - bits;
            ((u32::from(row[column / per_byte]) >> shift & largest) * factor) as u8
        }));
    }
    values
}

fn through_palette(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    indices: &[u8],
    bits: u8,
) -> Result<Vec<u8>, DecodeError> {
    if bits > 8 {
        return Err(DecodeError::unsupported(
            TIFF,
            format!("a palette of {bits} bits"),
        ));
    }
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(of_library)?;
    let entries = 1 << bits;
    if map.len() < 3 * entries {
        return Err(DecodeError::damaged(TIFF, "its palette is too short"));
    }
    // All reds, then all greens, then all blues, of 16 bits each.
    let table: Vec<[u8; 3]> = (0..entries)
        .map(|entry| [0, 1, 2].map(|channel| (map[channel * entries + entry] >> 8) as u8))
        .collect();
    Ok(indices
        .iter()
        .flat_map(|&index| table[usize::from(index) % entries])
        .collect())
}

/// YCbCr of full range (BT.601, as JPEG's) to RGB.
fn from_ycbcr(mut values: Vec<u8>) -> Vec<u8> {
    for pixel in values.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        *pixel = [
            y + 1.402 * cr,
            y - 0.344_136 * cb - 0.714_136 * cr,
            y + 1.772 * cb,
        ]
        .map(|value| value.round() as u8);
    }
    values
}

fn of_library(error: TiffError) -> DecodeError {
    match error {
        TiffError::IoError(error) if is_end(&error) => DecodeError::Truncated { format: TIFF },
        TiffError::UnsupportedError(feature) => DecodeError::unsupported(TIFF, feature.to_string()),
        TiffError::LimitsExceeded => DecodeError::damaged(TIFF, "it asks for too much memory"),
        error => DecodeError::damaged(TIFF, error),
    }
}

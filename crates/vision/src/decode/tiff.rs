//! TIFF: the first picture; 1 to 16 bits, gray, palette, RGB, CMYK.
use std::io::Cursor;
use std::ops::Range;

use tiff::decoder::{ChunkType, Decoder, Limits as LibraryLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::jpeg::{self, Colors};
use super::{MOST_PROFILE_BYTES, Need, Room, Stored, check, check_pixels, is_end};
use crate::color::Samples;
use crate::{DecodeError, Excess, Format, Limits, Orientation};

const TIFF: Format = Format::Tiff;

/// DNG's version tag: a file that has it is a camera's RAW.
const DNG_VERSION: Tag = Tag::Unknown(50706);
/// The tag of the embedded colour profile.
const ICC_PROFILE: Tag = Tag::Unknown(34675);

pub(super) fn decode(bytes: &[u8], room: &Room<'_>) -> Result<Stored, DecodeError> {
    let gray_indices = palette_as_gray(bytes);
    let palette = gray_indices.is_some();
    let bytes = gray_indices.as_deref().unwrap_or(bytes);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(of_library)?;
    if decoder.find_tag(DNG_VERSION).ok().flatten().is_some() || is_camera_raw(&mut decoder) {
        return Err(DecodeError::CameraRaw);
    }
    let (width, height) = decoder.dimensions().map_err(of_library)?;
    check_pixels(TIFF, width, height, room)?;
    let layout = Layout::of(&mut decoder, palette, room)?;
    let ranges = ranges(&mut decoder, bytes.len())?;
    let compression = number(&mut decoder, Tag::Compression).unwrap_or(1);
    let mut of_jpeg = 0;
    let mut jpegs = None;
    if compression == JPEG {
        of_jpeg = check_jpegs(bytes, &ranges, layout.part)?;
        jpegs = Some(Jpegs::of(&mut decoder, bytes, ranges.clone(), room)?);
    }
    let orientation =
        number(&mut decoder, Tag::Orientation).map_or(Orientation::Upright, Orientation::from_exif);
    let turned_bits = number(&mut decoder, Tag::FillOrder) == Some(2) && compression != JPEG;
    let copies = usize::from(palette) + usize::from(turned_bits);
    room.take(&Need {
        width: width.into(),
        height: height.into(),
        channels: layout.samples as u64,
        decoder: layout.need() + of_jpeg + (copies * bytes.len()) as u64,
        turned: orientation.swaps_sides(),
    })?;
    let turned;
    if turned_bits {
        turned = turn_bits(bytes, ranges)?;
        decoder = Decoder::new(Cursor::new(&turned[..])).map_err(of_library)?;
    }

    let mut allowed = LibraryLimits::default();
    // At most 8 samples of 2 bytes.
    allowed.decoding_buffer_size = (room.pixels as usize).saturating_mul(16);
    allowed.intermediate_buffer_size = allowed.decoding_buffer_size;
    allowed.ifd_value_size = MOST_PROFILE_BYTES;
    let mut decoder = decoder.with_limits(allowed);
    let profile = profile(&mut decoder);
    let values = layout.read(&mut decoder, jpegs.as_ref())?;
    let samples = match (layout.color, layout.opacity) {
        (Color::Palette, _) => Samples::Rgb(through_palette(&mut decoder, &values, layout.bits)?),
        (Color::Gray, Opacity::None) => Samples::Gray(values),
        (Color::Gray, Opacity::Straight) => Samples::GrayAlpha(values),
        (Color::Rgb, Opacity::None) => Samples::Rgb(values),
        (Color::Rgb, Opacity::Straight) => Samples::Rgba(values),
        (Color::Rgb, Opacity::Multiplied) => Samples::Premultiplied(values),
        (Color::YCbCr, Opacity::None) if jpegs.is_some() => Samples::Rgb(values),
        (Color::YCbCr, Opacity::None) => Samples::Rgb(from_ycbcr(values)),
        (Color::Cmyk, Opacity::None) => Samples::Cmyk(values),
        (color, _) => {
            return Err(DecodeError::unsupported(
                TIFF,
                format!("{color:?} with opacity"),
            ));
        }
    };
    Ok(Stored {
        width: width as usize,
        height: height as usize,
        samples,
        orientation,
        profile,
    })
}

/// The tag Compression of JPEG data.
const JPEG: u32 = 7;

/// Samples of a pixel that are looked at: colours, an opacity and a few others of a layered file.
const MOST_SAMPLES: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Color {
    Gray,
    Palette,
    Rgb,
    YCbCr,
    Cmyk,
}

/// What the sample behind the colours says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Opacity {
    None,
    /// The opacity of colours that are themselves.
    Straight,
    /// The opacity by which the colours have been multiplied already (associated alpha).
    Multiplied,
}

/// How the first picture is stored.
struct Layout {
    width: usize,
    height: usize,
    color: Color,
    opacity: Opacity,
    /// Bits of a sample.
    bits: u8,
    /// Samples of a pixel as the library gives them: it leaves others out.
    samples: usize,
    /// Columns and rows of a strip or tile.
    part: (usize, usize),
    /// Strips or tiles.
    parts: u32,
}

impl Layout {
    /// By the tags; refused where it is a variant that is not read, or asks for too much.
    fn of(
        decoder: &mut Decoder<Cursor<&[u8]>>,
        palette: bool,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let unsupported = |feature: String| Err(DecodeError::unsupported(TIFF, feature));
        let (width, height) = decoder.dimensions().map_err(of_library)?;
        let mut part = decoder.chunk_dimensions();
        let parts = match decoder.get_chunk_type() {
            ChunkType::Strip => {
                // Encoders write any great number for 'all rows'.
                part.1 = part.1.min(height);
                decoder.strip_count()
            }
            ChunkType::Tile => decoder.tile_count(),
        };
        let parts = parts.map_err(of_library)?;
        check(Excess::Frames, u64::from(parts), limits.frames as u64)?;
        // The library makes room for a row of a tile, however much of it lies outside.
        check(Excess::Side, u64::from(part.0.max(part.1)), limits.side)?;
        let stored = number(decoder, Tag::SamplesPerPixel).unwrap_or(1);
        if stored > MOST_SAMPLES {
            return unsupported(format!("{stored} samples a pixel"));
        }
        let formats = decoder.find_tag_unsigned_vec::<u32>(Tag::SampleFormat);
        if formats
            .ok()
            .flatten()
            .is_some_and(|all| all.iter().any(|format| *format != 1))
        {
            return unsupported("samples that are not whole numbers from 0".to_owned());
        }
        if stored > 1 && number(decoder, Tag::PlanarConfiguration) == Some(2) {
            return unsupported("one plane for each colour (planar)".to_owned());
        }
        let extra = decoder.find_tag_unsigned_vec::<u32>(Tag::ExtraSamples);
        let opacity = match extra.ok().flatten().unwrap_or_default()[..] {
            [1, ..] => Opacity::Multiplied,
            [2, ..] => Opacity::Straight,
            _ => Opacity::None,
        };
        let color = decoder.colortype().map_err(of_library)?;
        let black_is_zero = number(decoder, Tag::PhotometricInterpretation) == Some(1);
        let (kind, opacity, bits) = match color {
            ColorType::Gray(bits) if palette => (Color::Palette, Opacity::None, bits),
            ColorType::Gray(bits) => (Color::Gray, Opacity::None, bits),
            ColorType::Multiband {
                bit_depth,
                num_samples: 2,
            } if black_is_zero && opacity == Opacity::Straight => (Color::Gray, opacity, bit_depth),
            ColorType::RGB(bits) => (Color::Rgb, Opacity::None, bits),
            // Programs that write four samples and say nothing of the fourth mean an opacity.
            ColorType::RGBA(bits) if opacity == Opacity::None => {
                (Color::Rgb, Opacity::Straight, bits)
            }
            ColorType::RGBA(bits) => (Color::Rgb, opacity, bits),
            ColorType::YCbCr(bits) => (Color::YCbCr, Opacity::None, bits),
            ColorType::CMYK(bits) => (Color::Cmyk, Opacity::None, bits),
            other => return unsupported(format!("colours {other:?}")),
        };
        let samples = usize::from(color.num_samples());
        match bits {
            8 => {}
            16 if !palette => {}
            1 | 2 | 4 if samples == 1 => {}
            bits => return unsupported(format!("{bits} bits a sample")),
        }
        // The library leaves samples out before it adds up differences, which are of all samples.
        let differences = number(decoder, Tag::Predictor).unwrap_or(1) != 1;
        if differences && samples != stored as usize {
            return unsupported("differences of samples that are left out".to_owned());
        }
        Ok(Layout {
            width: width as usize,
            height: height as usize,
            color: kind,
            opacity,
            bits,
            samples,
            part: (part.0 as usize, part.1 as usize),
            parts,
        })
    }

    /// Bytes of a row of a part, as the library gives it.
    fn row_bytes(&self, width: usize) -> usize {
        (width * self.samples * usize::from(self.bits)).div_ceil(8)
    }

    /// Bytes that reading takes at most: a part, a row of it, and the whole where it is not the part.
    fn need(&self) -> u64 {
        let part = self.row_bytes(self.part.0) * (self.part.1.min(self.height) + 1);
        let whole = self.width * self.height * self.samples;
        (part + if self.is_whole() { 0 } else { whole }) as u64
    }

    /// Whether the only part is the picture, a byte or two for each sample.
    fn is_whole(&self) -> bool {
        self.parts == 1 && self.part == (self.width, self.height) && self.bits >= 8
    }

    /// The samples, 8 bits each: part by part, so that the many bits of one part alone are held.
    fn read(
        &self,
        decoder: &mut Decoder<Cursor<&[u8]>>,
        jpegs: Option<&Jpegs<'_>>,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut part = Vec::new();
        let mut whole = match self.is_whole() {
            true => Vec::new(),
            false => vec![0; self.width * self.height * self.samples],
        };
        let across = self.width.div_ceil(self.part.0);
        for index in 0..self.parts {
            let (width, height) = decoder.chunk_data_dimensions(index);
            let (width, height) = (width as usize, height as usize);
            match jpegs {
                Some(jpegs) => part = jpegs.part(index as usize, [width, height], self)?,
                None => {
                    part.clear();
                    part.resize(self.row_bytes(width) * height, 0);
                    decoder
                        .read_chunk_bytes(index, &mut part)
                        .map_err(of_library)?;
                }
            }
            if self.bits == 16 {
                upper_bytes(&mut part);
            }
            if self.is_whole() {
                return Ok(part);
            }
            let (across, down) = (index as usize % across, index as usize / across);
            let (left, top) = (across * self.part.0, down * self.part.1);
            for (row, values) in part.chunks_exact(part.len() / height).enumerate() {
                let start = ((top + row) * self.width + left) * self.samples;
                let out = &mut whole[start..][..width * self.samples];
                match self.bits {
                    8 | 16 => out.copy_from_slice(values),
                    bits => unpack(values, bits.into(), self.color != Color::Palette, out),
                }
            }
        }
        Ok(whole)
    }
}

/// The upper bytes of samples of 16 bits in the machine's own order, in place: what every viewer
/// takes.
fn upper_bytes(samples: &mut Vec<u8>) {
    let count = samples.len() / 2;
    let upper = usize::from(cfg!(target_endian = "little"));
    for index in 0..count {
        samples[index] = samples[2 * index + upper];
    }
    samples.truncate(count);
}

/// A tag that is one number.
fn number(decoder: &mut Decoder<Cursor<&[u8]>>, tag: Tag) -> Option<u32> {
    decoder.find_tag_unsigned(tag).ok().flatten()
}

/// The embedded colour profile.
fn profile(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<Vec<u8>> {
    // As bytes: a list of values takes 32 times as much.
    let mut directory = decoder.image_ifd();
    let length = directory.find_entry(ICC_PROFILE)?.count();
    let length = usize::try_from(length).ok();
    let mut profile = vec![0; length.filter(|length| *length <= MOST_PROFILE_BYTES)?];
    let read = directory.find_tag_bytes(ICC_PROFILE, &mut profile, 0);
    (read.ok()?? == profile.len()).then_some(profile)
}

/// Where the strips or tiles lie in the file.
fn ranges(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    length: usize,
) -> Result<Vec<Range<usize>>, DecodeError> {
    let mut list = |strips, tiles| {
        let found = decoder
            .find_tag_unsigned_vec::<u64>(strips)
            .map_err(of_library)?;
        let found = match found {
            None => decoder
                .find_tag_unsigned_vec::<u64>(tiles)
                .map_err(of_library)?,
            found => found,
        };
        Ok(found.unwrap_or_default())
    };
    let starts = list(Tag::StripOffsets, Tag::TileOffsets)?;
    let lengths = list(Tag::StripByteCounts, Tag::TileByteCounts)?;
    let within = |at: u64| usize::try_from(at).map_or(length, |at| at.min(length));
    let ranges = starts.iter().zip(&lengths);
    Ok(ranges
        .map(|(&start, &bytes)| within(start)..within(start.saturating_add(bytes)))
        .collect())
}

/// Refuses JPEG data of a larger picture than the part that they are for, which the library would
/// decode first; gives the bytes that decoding the largest takes.
fn check_jpegs(
    bytes: &[u8],
    ranges: &[Range<usize>],
    (width, height): (usize, usize),
) -> Result<u64, DecodeError> {
    let mut most = 0;
    for range in ranges {
        let data = &bytes[range.clone()];
        let Some(([across, down], components)) = jpeg::measure(data) else {
            continue;
        };
        let size = (across, down);
        if size.0 > width.next_multiple_of(16) || size.1 > height.next_multiple_of(16) {
            return Err(DecodeError::damaged(
                TIFF,
                "a strip's JPEG is larger than the strip",
            ));
        }
        // Each sample as a byte, and as a coefficient of two.
        let samples = size.0.next_multiple_of(16) * size.1.next_multiple_of(16);
        most = most.max(3 * samples * components + 2 * data.len());
    }
    Ok(most as u64)
}

/// The JPEGs that are the strips or tiles of a picture. The library's decoder of them does not tell
/// early ends, and takes some samplings for others; museau's own does.
struct Jpegs<'a> {
    bytes: &'a [u8],
    ranges: Vec<Range<usize>>,
    /// What stands before the scans of each of them: segments with tables.
    tables: Vec<u8>,
    limits: &'a Limits,
    /// Whether 0 is white.
    inverted: bool,
}

impl<'a> Jpegs<'a> {
    fn of(
        decoder: &mut Decoder<Cursor<&[u8]>>,
        bytes: &'a [u8],
        ranges: Vec<Range<usize>>,
        limits: &'a Limits,
    ) -> Result<Self, DecodeError> {
        let tables = decoder.find_tag(Tag::JPEGTables).map_err(of_library)?;
        let tables = tables.map(|tables| tables.into_u8_vec().map_err(of_library));
        // A JPEG without frame and scans: between its start and its end marker are the tables.
        let mut tables = tables.transpose()?.unwrap_or_default();
        if tables.ends_with(END) {
            tables.truncate(tables.len() - END.len());
        }
        if tables.starts_with(START) {
            tables.drain(..START.len());
        }
        Ok(Jpegs {
            bytes,
            ranges,
            tables,
            limits,
            inverted: number(decoder, Tag::PhotometricInterpretation) == Some(0),
        })
    }

    /// The samples of a strip or tile, of which this much lies in the picture.
    fn part(
        &self,
        index: usize,
        [width, height]: [usize; 2],
        layout: &Layout,
    ) -> Result<Vec<u8>, DecodeError> {
        let damaged = |what: &str| DecodeError::damaged(TIFF, what);
        let range = self.ranges.get(index).cloned();
        let data = &self.bytes[range.ok_or_else(|| damaged("a strip is missing"))?];
        let data = data.strip_prefix(START);
        let data = data.ok_or_else(|| damaged("a strip that is no JPEG"))?;
        let whole = [START, &self.tables, data].concat();
        let colors = match layout.color {
            Color::Gray => Colors::Gray,
            Color::Rgb if layout.samples == 3 => Colors::Rgb,
            Color::YCbCr => Colors::Ycc,
            Color::Cmyk => Colors::Cmyk,
            color => {
                let feature = format!("JPEG of {} samples of {color:?}", layout.samples);
                return Err(DecodeError::unsupported(TIFF, feature));
            }
        };
        let decoded = jpeg::decode_piece(&whole, colors, self.limits);
        let ([across, down], mut values) = decoded.map_err(|error| match error {
            DecodeError::Truncated { .. } => DecodeError::Truncated { format: TIFF },
            DecodeError::Damaged { detail, .. } => DecodeError::damaged(TIFF, detail),
            error => error,
        })?;
        if across < width || down < height {
            return Err(damaged("a strip's JPEG is smaller than the strip"));
        }
        // Ink as it is: only JPEG files by themselves have it inverted.
        if self.inverted || colors == Colors::Cmyk {
            values.iter_mut().for_each(|value| *value = 255 - *value);
        }
        let samples = colors.channels();
        if across > width {
            let rows = values.chunks_exact(across * samples).take(height);
            return Ok(rows
                .flat_map(|row| &row[..width * samples])
                .copied()
                .collect());
        }
        values.truncate(width * height * samples);
        Ok(values)
    }
}

/// The markers that a JPEG begins and ends with.
const START: &[u8] = &[0xFF, 0xD8];
const END: &[u8] = &[0xFF, 0xD9];

/// The file with the bits of its picture's bytes the other way round (FillOrder 2), which the library
/// takes no notice of.
fn turn_bits(bytes: &[u8], mut ranges: Vec<Range<usize>>) -> Result<Vec<u8>, DecodeError> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    ranges.dedup();
    if ranges.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(DecodeError::damaged(TIFF, "its strips overlap"));
    }
    let mut turned = bytes.to_vec();
    for range in ranges {
        for byte in &mut turned[range] {
            *byte = byte.reverse_bits();
        }
    }
    Ok(turned)
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

/// A row of samples of 1, 2 or 4 bits to one byte each; `spread` over 0 to 255.
fn unpack(packed: &[u8], bits: u32, spread: bool, out: &mut [u8]) {
    let per_byte = 8 / bits as usize;
    let largest = (1u32 << bits) - 1;
    let factor = if spread { 255 / largest } else { 1 };
    for (column, value) in out.iter_mut().enumerate() {
        let shift = 8 - bits * (column % per_byte) as u32 - bits;
        *value = ((u32::from(packed[column / per_byte]) >> shift & largest) * factor) as u8;
    }
}

fn through_palette(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    indices: &[u8],
    bits: u8,
) -> Result<Vec<u8>, DecodeError> {
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

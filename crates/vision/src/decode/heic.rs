//! HEIC, what iPhones make. The container's own crop, rotation and mirror are applied by the
//! library; the EXIF orientation says the same a second time and is not applied.
use std::collections::HashMap;

use heifer::heifer_hevc_dec::nal::{NalUnit, split_annex_b};
use heifer::heifer_hevc_dec::params::Sps;
use heifer::heifer_isobmff::{self, HeifFile, ItemId};
use heifer::{Error, Options, heifer_hevc_dec};

use super::{Need, Room, Stored, check, check_pixels};
use crate::color::Samples;
use crate::{DecodeError, Excess, Format, Limits, Orientation};

const HEIC: Format = Format::Heic;

pub(super) fn decode(bytes: &[u8], room: &Room<'_>) -> Result<Stored, DecodeError> {
    let file = HeifFile::parse(bytes).map_err(|error| of_library(error.into()))?;
    let of_container = |error: heifer_isobmff::Error| of_library(error.into());
    let kind = file.primary_item().map_err(of_container)?.item_type;
    if kind.0 == *b"av01" {
        return Err(DecodeError::UnsupportedFormat { name: "AVIF" });
    }
    let size = file.image_size(file.primary_id).map_err(of_container)?;
    if let Some((width, height)) = size {
        check_pixels(HEIC, width, height, room)?;
    }
    let most = (bytes.len() as u64)
        .saturating_mul(READ_AGAIN)
        .saturating_add(READ_FREELY);
    let work = Parts::new(&file, room, most).work(file.primary_id, 0)?;
    let (width, height) = size.map_or((0, 0), |(width, height)| (width.into(), height.into()));
    room.take(&Need {
        width,
        height,
        channels: 4,
        decoder: work.need(width * height),
        // The library has done it.
        turned: false,
    })?;

    let options = Options {
        // The caller's thread alone: several photos are decoded side by side.
        max_threads: 1,
        max_pixels: room.pixels,
    };
    let image = heifer::decode_rgba8(bytes, &options).map_err(of_library)?;
    let profile = file
        .icc_profile(file.primary_id)
        .ok()
        .flatten()
        .map(<[u8]>::to_vec);
    Ok(Stored {
        width: image.width as usize,
        height: image.height as usize,
        samples: Samples::Rgba(image.data),
        orientation: Orientation::Upright,
        profile,
    })
}

/// How many times the file's own length its coded pictures may have, each as often as it is used ...
const READ_AGAIN: u64 = 2;

/// ... and bytes that they may have besides, for small files whose tiles share their parameter sets.
const READ_FREELY: u64 = 1 << 20;

/// What decoding an item will cost.
#[derive(Clone, Copy)]
struct Work {
    /// Bytes of the samples of the largest coded picture, as the library keeps them.
    samples: u64,
    /// Items that are looked at.
    pictures: u64,
    /// Of their coded pictures, which may be larger than what is shown of them.
    pixels: u64,
    /// Bytes of coded pictures that are read.
    bytes: u64,
}

/// The items that items are made of. Many references may name one item, which the library reads and
/// decodes each time; here each is looked at once.
struct Parts<'file> {
    file: &'file HeifFile<'file>,
    limits: &'file Limits,
    /// Bytes of coded pictures that may be read.
    most_bytes: u64,
    /// Of each item its tiles and its opacity.
    of: HashMap<ItemId, Vec<ItemId>>,
    known: HashMap<ItemId, Work>,
}

impl<'file> Parts<'file> {
    fn new(file: &'file HeifFile<'file>, limits: &'file Limits, most_bytes: u64) -> Self {
        let mut of: HashMap<ItemId, Vec<ItemId>> = HashMap::new();
        for reference in &file.references {
            match &reference.ref_type.0 {
                b"dimg" => of.entry(reference.from).or_default().extend(&reference.to),
                b"auxl" => {
                    for &item in &reference.to {
                        of.entry(item).or_default().push(reference.from);
                    }
                }
                _ => {}
            }
        }
        Parts {
            file,
            limits,
            most_bytes,
            of,
            known: HashMap::new(),
        }
    }

    /// The work for an item, its tiles and its opacity; refused where it is too much.
    fn work(&mut self, id: ItemId, depth: usize) -> Result<Work, DecodeError> {
        // The library's own bound. An item that is a part of itself is deeper than any.
        const DEEPEST: usize = 4;
        if let Some(work) = self.known.get(&id) {
            return Ok(*work);
        }
        if depth > DEEPEST {
            return Err(DecodeError::damaged(
                HEIC,
                "its items are nested too deeply",
            ));
        }
        let mut work = coded(self.file, id, self.limits)?;
        self.check(&work)?;
        for part in self.of.get(&id).cloned().unwrap_or_default() {
            let of_part = self.work(part, depth + 1)?;
            work.pictures = work.pictures.saturating_add(of_part.pictures);
            work.pixels = work.pixels.saturating_add(of_part.pixels);
            work.bytes = work.bytes.saturating_add(of_part.bytes);
            work.samples = work.samples.max(of_part.samples);
            self.check(&work)?;
        }
        self.known.insert(id, work);
        Ok(work)
    }

    fn check(&self, work: &Work) -> Result<(), DecodeError> {
        // A picture, its opacity, and the padding of their tiles.
        const COVERS: u64 = 3;
        check(Excess::Frames, work.pictures, self.limits.frames as u64)?;
        check(Excess::Pixels, work.pixels / COVERS, self.limits.pixels)?;
        check(Excess::Bytes, work.bytes, self.most_bytes)
    }
}

impl Work {
    /// Bytes that the library takes at most, for a picture that says to have so many pixels.
    fn need(&self, pixels: u64) -> u64 {
        let pixels = pixels.max(self.pixels);
        // The picture, and what it is turned from or its opacity, while a coded picture is put in; or,
        // before, a coded picture with a copy that is smoothed, and what is noted of its blocks.
        (2 * 4 * pixels + self.samples).max(3 * self.samples)
    }
}

/// The work for an item alone: its coded picture's bytes, and its pixels by its largest sequence
/// parameter set; none for an item that is not coded. Refused where a side is too long.
fn coded(file: &HeifFile<'_>, id: ItemId, limits: &Limits) -> Result<Work, DecodeError> {
    let stream = file.hevc_bitstream(id).unwrap_or_default();
    let sizes = split_annex_b(&stream).filter_map(|unit| {
        let unit_type = unit.first()? >> 1 & 0x3F;
        // 33: a sequence parameter set (H.265, table 7-1).
        let unit = (unit_type == 33).then(|| NalUnit::parse(unit).ok())??;
        let set = Sps::parse(&unit.rbsp).ok()?;
        let size = [
            set.pic_width_in_luma_samples,
            set.pic_height_in_luma_samples,
        ];
        // Two bytes each: brightness, and two colours for every pixel, every second or every fourth.
        let bytes: u64 = match set.chroma_format_idc {
            0 => 2,
            1 => 3,
            2 => 4,
            _ => 6,
        };
        Some((size.map(u64::from), bytes))
    });
    let (mut pixels, mut samples) = (0, 0);
    for ([width, height], bytes) in sizes {
        check(Excess::Side, width.max(height), limits.side)?;
        pixels = pixels.max(width * height);
        samples = samples.max(width * height * bytes);
    }
    Ok(Work {
        samples,
        pictures: 1,
        pixels,
        bytes: stream.len() as u64,
    })
}

fn of_library(error: Error) -> DecodeError {
    match error {
        Error::Unsupported(feature) => DecodeError::unsupported(HEIC, feature),
        Error::Container(heifer_isobmff::Error::UnexpectedEof)
        | Error::Hevc(heifer_hevc_dec::Error::UnexpectedEof) => {
            DecodeError::Truncated { format: HEIC }
        }
        Error::Hevc(heifer_hevc_dec::Error::Unimplemented(feature))
        | Error::Container(heifer_isobmff::Error::Unimplemented(feature)) => {
            DecodeError::unsupported(HEIC, feature)
        }
        error => DecodeError::damaged(HEIC, error),
    }
}

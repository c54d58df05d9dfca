//! HEIC, what iPhones make. The container's own crop, rotation and mirror are applied by the
//! library; the EXIF orientation says the same a second time and is not applied.
use heifer::heifer_hevc_dec::nal::{NalUnit, split_annex_b};
use heifer::heifer_hevc_dec::params::Sps;
use heifer::heifer_isobmff::{self, HeifFile, ItemId};
use heifer::{Error, Options, heifer_hevc_dec};

use super::{Stored, check, check_pixels};
use crate::color::Samples;
use crate::{DecodeError, Excess, Format, Limits, Orientation};

const HEIC: Format = Format::Heic;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, DecodeError> {
    let file = HeifFile::parse(bytes).map_err(|error| of_library(error.into()))?;
    let of_container = |error: heifer_isobmff::Error| of_library(error.into());
    let kind = file.primary_item().map_err(of_container)?.item_type;
    if kind.0 == *b"av01" {
        return Err(DecodeError::UnsupportedFormat { name: "AVIF" });
    }
    if let Some((width, height)) = file.image_size(file.primary_id).map_err(of_container)? {
        check_pixels(HEIC, width, height, limits)?;
    }
    let mut work = Work {
        pictures: 0,
        pixels: 0,
    };
    work.add(&file, file.primary_id, limits, 0)?;

    let options = Options {
        // The caller's thread alone: several photos are decoded side by side.
        max_threads: 1,
        max_pixels: limits.pixels,
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

/// What decoding an item will cost: its tiles may all name one coded picture of a few hundred bytes,
/// larger than what is shown of it.
struct Work {
    pictures: u64,
    pixels: u64,
}

impl Work {
    /// Adds an item, its tiles and its opacity.
    fn add(
        &mut self,
        file: &HeifFile<'_>,
        id: ItemId,
        limits: &Limits,
        depth: usize,
    ) -> Result<(), DecodeError> {
        // The library's own bound.
        const DEEPEST: usize = 4;
        // A picture, its opacity, and the padding of their tiles.
        const COVERS: u64 = 3;
        self.pictures += 1;
        check(Excess::Frames, self.pictures, limits.frames as u64)?;
        self.pixels = self.pixels.saturating_add(coded_pixels(file, id));
        check(Excess::Pixels, self.pixels / COVERS, limits.pixels)?;
        if depth < DEEPEST {
            for part in file.referenced_items(id, b"dimg") {
                self.add(file, *part, limits, depth + 1)?;
            }
            for opacity in file.referencing_items(id, b"auxl") {
                self.add(file, opacity, limits, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// The pixels of an item's coded picture, by its largest sequence parameter set; 0 for an item that
/// is not coded.
fn coded_pixels(file: &HeifFile<'_>, id: ItemId) -> u64 {
    let Ok(stream) = file.hevc_bitstream(id) else {
        return 0;
    };
    let sets = split_annex_b(&stream).filter_map(|unit| {
        let unit_type = unit.first()? >> 1 & 0x3F;
        // 33: a sequence parameter set (H.265, table 7-1).
        let unit = (unit_type == 33).then(|| NalUnit::parse(unit).ok())??;
        let set = Sps::parse(&unit.rbsp).ok()?;
        Some(u64::from(set.pic_width_in_luma_samples) * u64::from(set.pic_height_in_luma_samples))
    });
    sets.max().unwrap_or(0)
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

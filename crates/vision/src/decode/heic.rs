//! HEIC, what iPhones make. The container's own crop, rotation and mirror are applied by the
//! library; the EXIF orientation says the same a second time and is not applied.
use heifer::heifer_isobmff::{self, HeifFile};
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
    let tiles = file.referenced_items(file.primary_id, b"dimg").len();
    check(Excess::Frames, tiles as u64, limits.frames as u64)?;

    let options = Options {
        max_threads: 0,
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

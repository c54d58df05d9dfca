//! The orientation in a block of EXIF data.
use crate::Orientation;

/// The orientation that a block of EXIF data (a small TIFF, with or without `Exif\0\0` before it)
/// asks for; upright where the block is damaged or does not say.
pub(super) fn of_block(block: &[u8]) -> Orientation {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    let parsed = match reader.read_raw(block.to_vec()) {
        Ok(parsed) => parsed,
        Err(error) => match error.distill_partial_result(|_| {}) {
            Ok(parsed) => parsed,
            Err(_) => return Orientation::Upright,
        },
    };
    parsed
        .get_field(exif::Tag::Orientation, exif::In::PRIMARY)
        .and_then(|field| field.value.get_uint(0))
        .map_or(Orientation::Upright, Orientation::from_exif)
}

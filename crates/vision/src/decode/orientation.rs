//! The orientation that a file's metadata asks for.
use crate::Orientation;

/// The orientation of a block of EXIF data (a small TIFF, with or without `Exif\0\0` before it), else
/// that of a block of XMP; upright where neither says.
pub(super) fn find(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    exif.and_then(of_exif)
        .or_else(|| xmp.and_then(of_xmp))
        .unwrap_or_default()
}

fn of_exif(block: &[u8]) -> Option<Orientation> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    let parsed = reader
        .read_raw(block.to_vec())
        .or_else(|error| error.distill_partial_result(|_| {}))
        .ok()?;
    let field = parsed.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?;
    field.value.get_uint(0).map(Orientation::from_exif)
}

/// `tiff:Orientation="6"` or `<tiff:Orientation>6</tiff:Orientation>`.
fn of_xmp(block: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = memchr::memmem::find(block, NAME)? + NAME.len();
    let digit = block[at..]
        .iter()
        .find(|byte| !matches!(byte, b'=' | b'"' | b'\'' | b'>' | b' '))?;
    digit
        .is_ascii_digit()
        .then(|| Orientation::from_exif(u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian EXIF block with only the orientation.
    fn exif_block(value: u16) -> Vec<u8> {
        let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        block.extend_from_slice(&value.to_le_bytes());
        block.extend_from_slice(&[0; 6]);
        block
    }

    #[test]
    fn exif_before_xmp() {
        let xmp = b"<x tiff:Orientation=\"8\"/>";
        for value in 1..=8 {
            let expected = Orientation::from_exif(u32::from(value));
            assert_eq!(find(Some(&exif_block(value)), Some(xmp)), expected);
            let with_head = [b"Exif\0\0", &exif_block(value)[..]].concat();
            assert_eq!(find(Some(&with_head), None), expected);
        }
        assert_eq!(find(None, Some(xmp)), Orientation::Rotate270);
        assert_eq!(
            find(None, Some(b"<tiff:Orientation>3</tiff:Orientation>")),
            Orientation::Rotate180
        );
    }

    #[test]
    fn nonsense_is_upright() {
        for block in [
            &b""[..],
            b"Exif\0\0",
            b"II*\0",
            &exif_block(0),
            &exif_block(9),
            &exif_block(6)[..12],
        ] {
            assert_eq!(
                find(Some(block), Some(b"tiff:Orientation")),
                Orientation::Upright
            );
        }
    }
}

//! Which format a file has, told by its first bytes and never by its name.
use std::path::Path;

use crate::DecodeError;

/// A photo format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG and APNG (its default picture).
    Png,
    /// WebP, lossy, lossless, animated (first frame).
    WebP,
    /// GIF, its first frame.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF, its first picture.
    Tiff,
    /// HEIC, what iPhones make.
    Heic,
}

impl Format {
    /// The format's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::WebP => "WebP",
            Format::Gif => "GIF",
            Format::Bmp => "BMP",
            Format::Tiff => "TIFF",
            Format::Heic => "HEIC",
        }
    }

    /// What its files' names end with, in lower case.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Format::Png => &["png"],
            Format::WebP => &["webp"],
            Format::Gif => &["gif"],
            Format::Bmp => &["bmp", "dib"],
            Format::Tiff => &["tif", "tiff"],
            Format::Heic => &["heic", "heif", "hif"],
        }
    }

    /// All of them.
    pub const ALL: [Format; 7] = [
        Format::Jpeg,
        Format::Png,
        Format::WebP,
        Format::Gif,
        Format::Bmp,
        Format::Tiff,
        Format::Heic,
    ];

    /// The format of a file by its content.
    ///
    /// # Errors
    /// `Empty`; `UnsupportedFormat`, `Video` and `CameraRaw` for what is known and not read; else
    /// `NotAPhoto`.
    pub fn of(bytes: &[u8]) -> Result<Format, DecodeError> {
        if bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        let read = [
            (&b"\xFF\xD8\xFF"[..], Format::Jpeg),
            (b"\x89PNG\r\n\x1A\n", Format::Png),
            (b"GIF87a", Format::Gif),
            (b"GIF89a", Format::Gif),
            (b"BM", Format::Bmp),
        ];
        for (magic, format) in read {
            if bytes.starts_with(magic) {
                return Ok(format);
            }
        }
        if bytes.starts_with(b"RIFF") {
            match bytes.get(8..12) {
                Some(b"WEBP") => return Ok(Format::WebP),
                Some(b"AVI ") => return Err(DecodeError::Video),
                _ => {}
            }
        }
        if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
            return match bytes.get(8..11) {
                Some(b"CR\x02") => Err(DecodeError::CameraRaw),
                _ => Ok(Format::Tiff),
            };
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return of_brands(bytes);
        }
        for (magic, name) in NAMED {
            if bytes.starts_with(magic) {
                return Err(unsupported(name));
            }
        }
        if CAMERA_RAW.iter().any(|magic| bytes.starts_with(magic)) {
            return Err(DecodeError::CameraRaw);
        }
        if bytes.starts_with(MATROSKA) {
            return Err(DecodeError::Video);
        }
        if is_svg(bytes) {
            return Err(unsupported("SVG"));
        }
        Err(DecodeError::NotAPhoto)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Endings of photos that are not read, but named as what they are rather than passed over.
const ENDINGS_OF_OTHERS: [&str; 3] = ["avif", "jxl", "jp2"];

/// Whether a file's name ends as a photo's does, in upper or lower case. What it truly is, its
/// content tells ([`Format::of`]).
pub fn has_photo_ending(path: &Path) -> bool {
    let Some(ending) = path.extension().and_then(|ending| ending.to_str()) else {
        return false;
    };
    let read = Format::ALL.iter().flat_map(|format| format.endings());
    read.chain(&ENDINGS_OF_OTHERS)
        .any(|known| known.eq_ignore_ascii_case(ending))
}

/// The first bytes of pictures that are not read, with the format's name: a proper name, since it
/// stands in messages of any language.
const NAMED: [(&[u8], &str); 30] = [
    (b"\x00\x00\x00\x0CJXL \r\n\x87\n", "JPEG XL"),
    (b"\xFF\x0A", "JPEG XL"),
    (b"\x00\x00\x00\x0CjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xFF\x4F\xFF\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"%PDF-", "PDF"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x02\x00", "CUR"),
    (b"DDS ", "DDS"),
    (b"P1\n", "PNM"),
    (b"P2\n", "PNM"),
    (b"P3\n", "PNM"),
    (b"P4\n", "PNM"),
    (b"P5\n", "PNM"),
    (b"P6\n", "PNM"),
    (b"P5 ", "PNM"),
    (b"P6 ", "PNM"),
    (b"P7 332", "XV"),
    (b"P7\n", "PAM"),
    (b"\x01\xDA", "SGI"),
    (b"\x59\xA6\x6A\x95", "Sun Raster"),
    (b"qoif", "QOI"),
    (b"\x76\x2F\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"gimp xcf", "GIMP (XCF)"),
    (b"icns", "ICNS"),
    (b"II\xBC\x01", "JPEG XR"),
    (b"II\x2B\x00", "BigTIFF"),
    (b"MM\x00\x2B", "BigTIFF"),
];

/// The first bytes of cameras' RAW formats; most others are a TIFF by their first bytes.
const CAMERA_RAW: [&[u8]; 4] = [b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\x00"];

/// The first bytes of WebM and Matroska films.
const MATROSKA: &[u8] = b"\x1A\x45\xDF\xA3";

fn unsupported(name: &'static str) -> DecodeError {
    DecodeError::UnsupportedFormat { name }
}

/// Tells the formats that share the container of MP4 by their brands: the main one first, then the
/// compatible ones.
fn of_brands(bytes: &[u8]) -> Result<Format, DecodeError> {
    let size = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let end = size.clamp(8, bytes.len());
    let brands = bytes[8..end]
        .chunks_exact(4)
        .enumerate()
        .filter(|(index, _)| *index != 1);
    let mut general = false;
    if matches!(bytes.get(8..12), Some(b"M4A " | b"M4B ")) {
        // Sound alone.
        return Err(DecodeError::NotAPhoto);
    }
    for (_, brand) in brands {
        match brand {
            b"avif" | b"avis" => return Err(unsupported("AVIF")),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => return Ok(Format::Heic),
            b"crx " => return Err(DecodeError::CameraRaw),
            b"jxl " => return Err(unsupported("JPEG XL")),
            b"mif1" | b"msf1" | b"mif2" => general = true,
            _ => {}
        }
    }
    if general {
        Ok(Format::Heic)
    } else {
        Err(DecodeError::Video)
    }
}

/// Whether a text's first element is `<svg`, after the declaration, comments and white space.
fn is_svg(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let head = String::from_utf8_lossy(head);
    let head = head.trim_start_matches('\u{FEFF}').trim_start();
    head.starts_with("<svg") || (head.starts_with("<?xml") && head.contains("<svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_told_by_their_ending_in_any_case() {
        for name in ["a/b.JPG", "x.heic", "y.tiff", "z.avif"] {
            assert!(has_photo_ending(Path::new(name)), "{name}");
        }
        for name in ["b.txt", "jpg", ".jpg", "a.jpg.part"] {
            assert!(!has_photo_ending(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn text_with_any_name_is_no_photo() {
        let page = b"<!doctype html><html></html>";
        for bytes in [
            &b"hello, world"[..],
            b"\0\0\0\0\0\0\0\0",
            page,
            b"x",
            b"version https://git-lfs",
            b"RIFF\x24\0\0\0WAVEfmt ",
            b"\0\0\0\x14ftypM4A \0\0\0\0isom",
        ] {
            assert_eq!(Format::of(bytes), Err(DecodeError::NotAPhoto));
        }
        assert_eq!(Format::of(b""), Err(DecodeError::Empty));
    }

    #[test]
    fn what_is_not_read_is_named() {
        let named = [
            (&b"\0\0\0\x18ftypavif\0\0\0\0avifmif1"[..], "AVIF"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0miafavif", "AVIF"),
            (b"<?xml version='1.0'?>\n<svg xmlns=''>", "SVG"),
            (b"8BPS\0\x01", "Photoshop (PSD)"),
        ];
        for (bytes, name) in named {
            assert_eq!(Format::of(bytes), Err(unsupported(name)));
        }
    }

    #[test]
    fn names_are_proper_names() {
        for (magic, name) in NAMED {
            assert_eq!(Format::of(magic), Err(unsupported(name)));
            for word in name.split(' ') {
                let first = word.trim_start_matches('(').chars().next();
                assert!(
                    first.is_some_and(|c| c.is_uppercase() || c.is_ascii_digit()),
                    "'{name}' is a phrase"
                );
            }
        }
    }

    #[test]
    fn films_and_raw_photos_are_told_as_such() {
        for bytes in [
            &b"\0\0\0\x14ftypisom\0\0\0\0mp41"[..],
            b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
            b"\0\0\0\x18ftypM4V \0\0\0\0M4A isom",
            b"RIFF\x24\0\0\0AVI LIST",
            MATROSKA,
        ] {
            assert_eq!(Format::of(bytes), Err(DecodeError::Video));
        }
        for bytes in [
            &b"II*\0\x10\0\0\0CR\x02\0"[..],
            b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
        ]
        .into_iter()
        .chain(CAMERA_RAW)
        {
            assert_eq!(Format::of(bytes), Err(DecodeError::CameraRaw));
        }
    }

    #[test]
    fn heic_is_told_from_avif_by_its_brands() {
        assert_eq!(
            Format::of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
            Ok(Format::Heic)
        );
        assert_eq!(
            Format::of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"),
            Ok(Format::Heic)
        );
    }

    #[test]
    fn no_beginning_of_a_file_is_too_short_for_the_tests() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        for end in 0..heic.len() {
            let _ = Format::of(&heic[..end]);
        }
    }
}

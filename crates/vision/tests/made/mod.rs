//! A small maker of TIFFs, of any tags.
#![allow(dead_code, reason = "not every test makes every kind")]

/// Tags of a TIFF with one picture, and its strips or tiles.
pub struct Tiff {
    pub big_endian: bool,
    /// Numbers of 16 bits, or of 32 where one of them is greater.
    pub tags: Vec<(u16, Vec<u32>)>,
    pub parts: Vec<Vec<u8>>,
}

pub const BITS: u16 = 258;
pub const COMPRESSION: u16 = 259;
pub const PHOTOMETRIC: u16 = 262;
pub const FILL_ORDER: u16 = 266;
pub const SAMPLES: u16 = 277;
pub const ROWS: u16 = 278;
pub const PLANAR: u16 = 284;
pub const PREDICTOR: u16 = 317;
pub const COLOR_MAP: u16 = 320;
pub const TILE_WIDTH: u16 = 322;
pub const TILE_HEIGHT: u16 = 323;
pub const EXTRA: u16 = 338;
pub const SAMPLE_FORMAT: u16 = 339;
/// Bytes rather than numbers.
pub const JPEG_TABLES: u16 = 347;

impl Tiff {
    /// Uncompressed, in one strip.
    pub fn new(width: u32, height: u32, photometric: u32, bits: &[u32], pixels: Vec<u8>) -> Self {
        let samples = bits.len() as u32;
        Tiff {
            big_endian: false,
            tags: vec![
                (256, vec![width]),
                (257, vec![height]),
                (BITS, bits.to_vec()),
                (COMPRESSION, vec![1]),
                (PHOTOMETRIC, vec![photometric]),
                (SAMPLES, vec![samples]),
                (ROWS, vec![height]),
            ],
            parts: vec![pixels],
        }
    }

    /// With a tag set, in the place of one of this number.
    pub fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.tags.retain(|(number, _)| *number != tag);
        self.tags.push((tag, values.to_vec()));
        self
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let short = |value: u16| match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        let long = |value: u32| match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        let mut bytes = if self.big_endian {
            b"MM\0*".to_vec()
        } else {
            b"II*\0".to_vec()
        };
        bytes.extend([0; 4]);
        let (mut starts, mut lengths) = (Vec::new(), Vec::new());
        for part in &self.parts {
            starts.push(bytes.len() as u32);
            lengths.push(part.len() as u32);
            bytes.extend(part);
        }
        let tiled = self.tags.iter().any(|(tag, _)| *tag == TILE_WIDTH);
        let mut tags = self.tags.clone();
        tags.push((if tiled { 324 } else { 273 }, starts));
        tags.push((if tiled { 325 } else { 279 }, lengths));
        if tiled {
            tags.retain(|(tag, _)| *tag != ROWS);
        }
        tags.sort();
        let mut entries = Vec::new();
        for (tag, values) in &tags {
            let wide = values.iter().any(|value| *value > u32::from(u16::MAX));
            let bytes_alone = *tag == JPEG_TABLES;
            let mut written: Vec<u8> = match wide {
                _ if bytes_alone => values.iter().map(|&value| value as u8).collect(),
                true => values.iter().flat_map(|&value| long(value)).collect(),
                false => values
                    .iter()
                    .flat_map(|&value| short(value as u16))
                    .collect(),
            };
            if written.len() > 4 {
                let start = bytes.len() as u32;
                bytes.extend(&written);
                written = long(start).to_vec();
            }
            written.resize(4, 0);
            entries.extend(short(*tag));
            let kind = match wide {
                _ if bytes_alone => 7,
                true => 4,
                false => 3,
            };
            entries.extend(short(kind));
            entries.extend(long(values.len() as u32));
            entries.extend(written);
        }
        let directory = bytes.len() as u32;
        bytes[4..8].copy_from_slice(&long(directory));
        bytes.extend(short(tags.len() as u16));
        bytes.extend(entries);
        bytes.extend([0; 4]);
        bytes
    }
}

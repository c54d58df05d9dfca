//! How a cache of photos lies in its file: pixels, then a table, then a trailer that is written last.
//!
//! A file that ends early, or whose trailer or table has one wrong byte, is no cache. All numbers are
//! little-endian.
//!
//! | part | holds |
//! |---|---|
//! | pixels | for each photo height x width x 3 bytes |
//! | table | for each photo: length of its file and time of its last change (8 bytes each), the first 16 bytes of BLAKE3 of its pixels |
//! | trailer | key (32), number of photos (8), width (4), height (4), BLAKE3 of the table (32), [`MAGIC`] (16), BLAKE3 of the trailer so far (32) |

/// What the trailer holds beside its hashes; the digit is the version of the layout.
const MAGIC: &[u8; 16] = b"museau photos 1\n";

/// Bytes of the trailer.
const TRAILER: usize = 32 + 8 + 4 + 4 + 32 + 16 + 32;

/// Bytes of a row of the table.
const ROW: usize = 32;

/// What the table says of a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Length of the file that it was read from.
    pub bytes: u64,
    /// When that file was changed last: nanoseconds since 1970, 0 where the system does not tell.
    pub changed: u64,
    /// Of its pixels; see [`pixel_hash`].
    pub pixels: [u8; 16],
}

/// What stands behind the pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// What the photos and their preparation are; see `cache::key`.
    pub key: [u8; 32],
    /// Columns of each picture.
    pub width: u32,
    /// Rows of each picture.
    pub height: u32,
    /// The photos, in the order of their pixels.
    pub rows: Vec<Row>,
}

/// The hash of a photo's pixels in the table.
pub fn pixel_hash(pixels: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(pixels).as_bytes()[..16]);
    short
}

/// Whether a whole file ends as a cache does, damaged or not.
pub fn is_cache(file: &[u8]) -> bool {
    let trailer = file.len().checked_sub(TRAILER).map(|at| &file[at..]);
    trailer.is_some_and(|trailer| &trailer[80..96] == MAGIC)
}

impl Tail {
    /// The table and the trailer.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows.len() * ROW + TRAILER);
        for row in &self.rows {
            bytes.extend(row.bytes.to_le_bytes());
            bytes.extend(row.changed.to_le_bytes());
            bytes.extend(row.pixels);
        }
        let table = blake3::hash(&bytes);
        let start = bytes.len();
        bytes.extend(self.key);
        bytes.extend((self.rows.len() as u64).to_le_bytes());
        bytes.extend(self.width.to_le_bytes());
        bytes.extend(self.height.to_le_bytes());
        bytes.extend(table.as_bytes());
        bytes.extend(MAGIC);
        let trailer = blake3::hash(&bytes[start..]);
        bytes.extend(trailer.as_bytes());
        bytes
    }

    /// From a whole file; `None` where anything but the pixels is not as it was written.
    pub fn of_file(file: &[u8]) -> Option<Tail> {
        let (body, trailer) = file.split_at_checked(file.len().checked_sub(TRAILER)?)?;
        let (said, hash) = trailer.split_at(TRAILER - 32);
        if blake3::hash(said) != *<&[u8; 32]>::try_from(hash).ok()? {
            return None;
        }
        let number = |at: usize| u64::from_le_bytes(said[at..at + 8].try_into().expect("8 bytes"));
        let side = |at: usize| u32::from_le_bytes(said[at..at + 4].try_into().expect("4 bytes"));
        let (count, width, height) = (number(32), side(40), side(44));
        if &said[80..96] != MAGIC {
            return None;
        }
        let picture = u64::from(width)
            .checked_mul(u64::from(height))?
            .checked_mul(3)?;
        let pixels = usize::try_from(picture.checked_mul(count)?).ok()?;
        let table = body.get(pixels..)?;
        if table.len() as u64 != count.checked_mul(ROW as u64)?
            || blake3::hash(table).as_bytes() != &said[48..80]
        {
            return None;
        }
        let rows = table.as_chunks::<ROW>().0.iter().map(|row| Row {
            bytes: u64::from_le_bytes(row[..8].try_into().expect("8 bytes")),
            changed: u64::from_le_bytes(row[8..16].try_into().expect("8 bytes")),
            pixels: row[16..].try_into().expect("16 bytes"),
        });
        Some(Tail {
            key: said[..32].try_into().expect("32 bytes"),
            width,
            height,
            rows: rows.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (Tail, Vec<u8>) {
        let pictures: [[u8; 12]; 3] = [[1; 12], [2; 12], [3; 12]];
        let tail = Tail {
            key: [9; 32],
            width: 2,
            height: 2,
            rows: pictures
                .iter()
                .map(|pixels| Row {
                    bytes: 5,
                    changed: 6,
                    pixels: pixel_hash(pixels),
                })
                .collect(),
        };
        let mut bytes = pictures.concat();
        bytes.extend(tail.to_bytes());
        (tail, bytes)
    }

    #[test]
    fn what_is_written_is_read() {
        let (tail, bytes) = file();
        assert_eq!(Tail::of_file(&bytes), Some(tail));
        assert!(is_cache(&bytes) && !is_cache(&bytes[1..][..bytes.len() - 2]) && !is_cache(b"x"));
    }

    #[test]
    fn no_wrong_byte_and_no_missing_end_is_taken_for_whole() {
        let (_, bytes) = file();
        for length in 0..bytes.len() {
            assert_eq!(Tail::of_file(&bytes[..length]), None);
            assert_eq!(Tail::of_file(&bytes[length + 1..]), None);
        }
        for at in 36..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Tail::of_file(&damaged), None, "byte {at}");
        }
        // The pixels have hashes of their own, row by row.
        let mut damaged = bytes.clone();
        damaged[13] ^= 1;
        let tail = Tail::of_file(&damaged).unwrap();
        assert_eq!(tail.rows[0].pixels, pixel_hash(&damaged[..12]));
        assert_ne!(tail.rows[1].pixels, pixel_hash(&damaged[12..24]));
    }
}

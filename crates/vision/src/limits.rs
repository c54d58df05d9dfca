//! How much a photo may ask for before it is refused.
use std::time::Duration;

/// Bounds that are checked on the header, before anything of the picture's size is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Pixels of the picture (width times height), as stored.
    pub pixels: u64,
    /// Pixels of each of its sides: what follows a long side costs more than its pixels say.
    pub side: u64,
    /// Scans of a progressive JPEG: each one is a pass over the whole picture, so a small file with
    /// thousands of them keeps a decoder busy for minutes.
    pub scans: usize,
    /// Tiles of a HEIC, strips and tiles of a TIFF. Animations are not counted: only their first
    /// frame is decoded.
    pub frames: usize,
    /// How long to wait for memory that other photos hold; for ever where there is none. Who holds a
    /// photo while it waits for another needs some.
    pub patience: Option<Duration>,
}

impl Default for Limits {
    /// 64 MiB, 100 megapixels (twice the largest phone sensors' full-size photos), 65,535 pixels a side
    /// (JPEG's own limit), 100 scans
    /// (libjpeg-turbo's encoder writes 10), 65,536 tiles or strips; any
    /// wait.
    fn default() -> Self {
        Limits {
            bytes: 64 << 20,
            pixels: 100_000_000,
            side: 65_535,
            scans: 100,
            frames: 1 << 16,
            patience: None,
        }
    }
}

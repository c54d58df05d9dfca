//! Opens and decodes a photo that somebody names.
use std::io::{self, Read as _};
use std::path::Path;

use vision::{DecodeError, Limits, Photo};

/// Why a photo cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// Its bytes are no photo.
    #[error(transparent)]
    Photo(#[from] DecodeError),
}

/// Reads and decodes one photo.
///
/// # Errors
/// See [`Unread`]. What is no regular file is refused, but what a shell hands over already open.
pub fn read_photo(path: &Path) -> Result<Photo, Unread> {
    let limits = Limits::default();
    let file = tensor::open_named(path)?;
    // One byte more than the limit is enough for the decoder to refuse a huge file by its size.
    let mut bytes = Vec::new();
    file.take(limits.bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(vision::decode(&bytes, &limits)?)
}

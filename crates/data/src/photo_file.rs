//! Opens and decodes a photo that somebody names, and words why it cannot be read.
use std::io::{self, Read as _};
use std::path::Path;

use vision::{DecodeError, Limits, Photo};
use words::PhotoMessage;

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

/// What a photo that cannot be read is told to be.
pub fn photo_message(error: &DecodeError) -> PhotoMessage<'_> {
    match error {
        DecodeError::Empty => PhotoMessage::Empty,
        DecodeError::NotAPhoto => PhotoMessage::NotAPhoto,
        DecodeError::Truncated { .. } => PhotoMessage::Truncated,
        DecodeError::Damaged { .. } => PhotoMessage::Damaged,
        DecodeError::TooLarge { .. } => PhotoMessage::TooLarge,
        DecodeError::Busy => PhotoMessage::Busy,
        DecodeError::UnsupportedFormat { name } => PhotoMessage::UnsupportedFormat { format: name },
        DecodeError::Video => PhotoMessage::Video,
        DecodeError::CameraRaw => PhotoMessage::CameraRaw,
        DecodeError::UnsupportedFeature { .. } => PhotoMessage::UnsupportedFeature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use words::{Language, Say};

    #[test]
    fn a_film_and_a_raw_photo_are_said_in_the_persons_language() {
        for (error, french, english) in [
            (DecodeError::Video, "vidéo", "screenshot"),
            (DecodeError::Busy, "Réessayez", "Try again"),
            (
                DecodeError::CameraRaw,
                "Exportez-la en JPEG",
                "Export it as JPEG",
            ),
        ] {
            let message = photo_message(&error);
            assert_eq!(message.kind(), format!("photo.{}", error.kind()));
            let said = message.message(Language::French);
            assert!(said.contains(french), "{said}");
            let said = message.message(Language::English);
            assert!(said.contains(english), "{said}");
        }
    }
}

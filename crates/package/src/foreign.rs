//! Names a file that is no package as what it is.
use crate::error::PackageError;
use words::ModelMessage;

/// A file that is text where a model is expected: the two that people really meet, or another.
pub(crate) fn known_text(bytes: &[u8]) -> Option<PackageError> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]);
    let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if start.starts_with("version https://git-lfs.github.com/spec/") {
        let size = start
            .lines()
            .find_map(|line| line.strip_prefix("size ")?.trim().parse().ok());
        return Some(PackageError::GitLfsPointer { size });
    }
    let lower = start.to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return Some(PackageError::HtmlPage);
    }
    None
}

/// Names a foreign file by its first bytes.
pub(crate) fn not_a_package(bytes: &[u8]) -> PackageError {
    let found = match bytes {
        [b'P', b'K', 3, 4, ..] => ModelMessage::LooksZip,
        [0x89, b'H', b'D', b'F', ..] => ModelMessage::LooksHdf5,
        [0x80, 2..=5, ..] => ModelMessage::LooksPickle,
        [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] => ModelMessage::LooksPicture,
        [0x08, ..] if bytes.windows(4).take(256).any(|four| four == b"onnx") => {
            ModelMessage::LooksOnnx
        }
        [b'G', b'G', b'U', b'F', ..] => ModelMessage::LooksGguf,
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => ModelMessage::LooksTflite,
        [0x1f, 0x8b, ..] => ModelMessage::LooksGzip,
        bytes if is_text(bytes) => kind_of_text(bytes),
        _ => ModelMessage::LooksOther,
    };
    PackageError::NotAPackage { found }
}

/// Bytes by which a text is known to be one.
const TEXT_HEAD: usize = 4096;

/// Whether a file is text: UTF-8 without control characters but spaces. Of a package the fourth byte
/// is 0 already, unless it is longer than any.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(TEXT_HEAD)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end within a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    bytes.len() >= 4
        && text
            .chars()
            .all(|c| !c.is_control() || c.is_ascii_whitespace())
}

/// What a text is: those kinds that are near at hand where models are.
fn kind_of_text(bytes: &[u8]) -> ModelMessage<'static> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_HEAD)]);
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let first = lines.find(|line| !(line.trim().is_empty() || line.starts_with('#')));
    let first = first.unwrap_or_default().trim();
    let key = first.split_once('=').map(|(key, _)| key.trim());
    let is_key =
        key.is_some_and(|key| key.chars().all(|c| c.is_alphanumeric() || "._".contains(c)));
    if first.starts_with("path,offset,bytes,hash,") {
        ModelMessage::LooksManifest
    } else if first.starts_with('{') || first.starts_with("[{") {
        ModelMessage::LooksJson
    } else if is_key || (first.starts_with('[') && first.ends_with(']')) {
        ModelMessage::LooksRecipe
    } else {
        ModelMessage::LooksText
    }
}

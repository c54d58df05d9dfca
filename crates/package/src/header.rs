//! The header of a package: its metadata, and the hash over the whole file, which is checked first.
use crate::error::PackageError;
use crate::foreign::{is_text, known_text, not_a_package};
use formats::Header;
use std::collections::BTreeMap;

/// What `format` says in every package.
pub(crate) const FORMAT: &str = "museau";
/// The newest layout that is understood; grows when a reader of today would misread a new file.
pub(crate) const FORMAT_VERSION: u64 = 2;
/// The layout of a package without int8 kernels, which any museau reads.
pub(crate) const FORMAT_VERSION_F16: u64 = 1;
/// The key that says how kernels are stored, where they are not f16.
pub(crate) const KERNELS: &str = "kernels";
/// The key under which the hash stands, with the bytes before its digits.
const HASH_KEY: &str = "\"content_hash\":\"";
/// Hexadecimal digits of a blake3 hash.
pub(crate) const HASH_DIGITS: usize = 64;

/// The metadata of a file that is a package, whole and undamaged.
pub(crate) fn checked_metadata(bytes: &[u8]) -> Result<BTreeMap<String, String>, PackageError> {
    let header = header(bytes)?;
    let not_read = |error: serde_json::Error| match hash_place(bytes) {
        Some(_) => PackageError::Damaged {
            reason: format!("its header cannot be read ({error})"),
        },
        // JSON, but no header that museau would write.
        None if error.is_data() => PackageError::ForeignSafetensors,
        None => not_a_package(bytes),
    };
    let Header { metadata, values } = serde_json::from_slice(header).map_err(not_read)?;
    let field = |key: &str| metadata.get(key).map(String::as_str);
    if field("format") != Some(FORMAT) {
        return Err(PackageError::ForeignSafetensors);
    }
    let version: u64 = field("format_version")
        .and_then(|version| version.parse().ok())
        .ok_or_else(|| PackageError::Damaged {
            reason: "its format version is not a number".into(),
        })?;
    if version > FORMAT_VERSION {
        return Err(PackageError::Newer {
            version,
            known: FORMAT_VERSION,
        });
    }
    let expected = values.saturating_add(8 + header_length(bytes));
    let found = bytes.len() as u64;
    if found < expected {
        return Err(PackageError::Truncated { expected, found });
    }
    check_hash(bytes)?;
    Ok(metadata)
}

/// The number in the first eight bytes.
fn header_length(bytes: &[u8]) -> u64 {
    let mut length = [0; 8];
    length.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(length)
}

/// The header's bytes, or what the file is instead.
fn header(bytes: &[u8]) -> Result<&[u8], PackageError> {
    /// No header of a network that fits a computer is longer (the safetensors format's own limit).
    const LONGEST: u64 = 100_000_000;
    if bytes.is_empty() {
        return Err(PackageError::Empty);
    }
    if let Some(what) = known_text(bytes) {
        return Err(what);
    }
    let found = bytes.len() as u64;
    if bytes.len() < 8 {
        return Err(match is_text(bytes) {
            true => not_a_package(bytes),
            false => PackageError::Truncated { expected: 8, found },
        });
    }
    let length = header_length(bytes);
    if !(2..=LONGEST).contains(&length) || bytes.get(8).is_some_and(|&byte| byte != b'{') {
        return Err(not_a_package(bytes));
    }
    match bytes.get(8..8 + length as usize) {
        Some(header) => Ok(header),
        None => Err(PackageError::Truncated {
            expected: 8 + length,
            found,
        }),
    }
}

/// Where the digits of the hash stand: in the header, after their key. A name or a card cannot
/// hold the key, since quotes are escaped inside of JSON's strings.
pub(crate) fn hash_place(bytes: &[u8]) -> Option<usize> {
    let end = 8usize.checked_add(usize::try_from(header_length(bytes)).ok()?)?;
    let header = bytes.get(8..end.min(bytes.len()))?;
    let place = header
        .windows(HASH_KEY.len())
        .position(|window| window == HASH_KEY.as_bytes())?;
    let place = 8 + place + HASH_KEY.len();
    (place + HASH_DIGITS <= end).then_some(place)
}

fn check_hash(bytes: &[u8]) -> Result<(), PackageError> {
    let place = hash_place(bytes).ok_or_else(|| PackageError::Damaged {
        reason: "its content hash is missing".into(),
    })?;
    let stored = &bytes[place..place + HASH_DIGITS];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..place]);
    hasher.update(&[b'0'; HASH_DIGITS]);
    hasher.update(&bytes[place + HASH_DIGITS..]);
    if hasher.finalize().to_hex().as_bytes() != stored {
        return Err(PackageError::WrongHash);
    }
    Ok(())
}

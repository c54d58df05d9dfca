//! A class of photos, and the breed that its name tells.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use words::Breed;

/// One class: a folder.
#[derive(Clone, Debug)]
pub struct Class {
    /// The folder's name, [`composed`].
    pub folder: String,
    /// The breed that its name tells, if any.
    pub breed: Option<&'static Breed>,
}

/// A name as it is compared and kept: with composed letters (Unicode's NFC). macOS writes `é` in file
/// names as `e` and an accent (NFD), tables and other systems as one letter: the same class.
pub fn composed(name: &str) -> String {
    match is_nfc(name) {
        true => name.to_owned(),
        false => name.nfc().collect(),
    }
}

/// The name with its letters taken apart, as macOS writes those of files.
pub(crate) fn decomposed(name: &str) -> String {
    name.nfd().collect()
}

/// The breed that the name of a class's folder tells: by its synset (`n02085620-Chihuahua`), else
/// by its name in either language (`cane_corso`, `Berger de Brie`).
pub fn breed_of_folder(folder: &str) -> Option<&'static Breed> {
    let (synset, rest) = folder.split_at_checked(9).unwrap_or((folder, ""));
    if (rest.is_empty() || rest.starts_with(['-', '_', ' ', '.']))
        && let Some(breed) = words::breed(synset)
    {
        return Some(breed);
    }
    words::breed(folder).or_else(|| words::find(folder))
}

/// The synset that a name begins with: `n02085620-Chihuahua`, `n02085620_10074.jpg`.
pub(crate) fn synset_of(name: &str) -> Option<&str> {
    let (synset, rest) = name.split_at_checked(9)?;
    let digits = synset.strip_prefix('n')?;
    (digits.bytes().all(|byte| byte.is_ascii_digit())
        && (rest.is_empty() || rest.starts_with(['-', '_', ' ', '.'])))
    .then_some(synset)
}

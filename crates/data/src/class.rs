//! A class of photos, and the breed that its name tells.

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use words::Breed;

/// One class: a folder.
#[derive(Clone, Debug)]
pub struct Class {
    /// The folder's name, as `class_name` has it.
    pub folder: String,
    /// The breed that its name tells, if any.
    pub breed: Option<&'static Breed>,
}

/// A class's name as it is compared and kept, [`composed`] and without spaces around: one behind a
/// folder's name is seen by nobody.
pub fn class_name(name: &str) -> String {
    composed(name.trim())
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

/// A class's name without ImageNet's number before it.
pub(crate) fn shown_class(folder: &str) -> &str {
    match synset_of(folder) {
        Some(_) => folder
            .get(10..)
            .filter(|rest| !rest.is_empty())
            .unwrap_or(folder),
        None => folder,
    }
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

/// Names of classes that differ by nothing but the case of their letters, each group in the order given:
/// two classes to whoever compares bytes, and most likely one to whoever named them.
pub fn alike<'names>(names: impl IntoIterator<Item = &'names str>) -> Vec<Vec<&'names str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        groups.entry(name.to_lowercase()).or_default().push(name);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.retain(|group| group.len() > 1);
    groups
}

/// The synset that a name begins with: `n02085620-Chihuahua`, `n02085620_10074.jpg`.
pub(crate) fn synset_of(name: &str) -> Option<&str> {
    let (synset, rest) = name.split_at_checked(9)?;
    let digits = synset.strip_prefix('n')?;
    (digits.bytes().all(|byte| byte.is_ascii_digit())
        && (rest.is_empty() || rest.starts_with(['-', '_', ' ', '.'])))
    .then_some(synset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_whatever_their_spelling_and_the_spaces_around() {
        for name in ["é", "e\u{301}", " é", "é\u{a0}", "e\u{301}\t"] {
            assert_eq!(class_name(name), "é", "{name:?}");
        }
        assert_eq!(class_name(" cane corso"), "cane corso");
        assert_eq!(alike(["Pug", "beagle", "pug"]), [["Pug", "pug"]]);
        assert_eq!(alike(["É", "é", "e"]), [["É", "é"]]);
        assert!(alike(["pug", "pugs"]).is_empty());
    }
}

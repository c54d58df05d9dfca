//! Sets of photos, known again by their content.
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// A set of photos, known by the beginnings of their contents' BLAKE3: 48 bits each, so that among
/// ten thousand photos and ten thousand others the chance that any two are taken for the same is
/// below one in a million.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhotoIds(String);

impl PhotoIds {
    /// Hexadecimal digits of a photo.
    const DIGITS: usize = 12;

    /// The set of photos with these contents.
    pub fn of<'hash>(hashes: impl Iterator<Item = &'hash blake3::Hash>) -> Self {
        let ids = hashes.map(|hash| hash.to_hex()[..Self::DIGITS].to_owned());
        let sorted: BTreeSet<String> = ids.collect();
        PhotoIds(sorted.into_iter().collect())
    }

    /// The photos of both sets.
    #[must_use]
    pub fn with(&self, other: &PhotoIds) -> Self {
        let ids = self.0.as_bytes().chunks(Self::DIGITS);
        let ids = ids.chain(other.0.as_bytes().chunks(Self::DIGITS));
        let sorted: BTreeSet<&[u8]> = ids.collect();
        let digits: Vec<u8> = sorted.into_iter().flatten().copied().collect();
        PhotoIds(String::from_utf8_lossy(&digits).into_owned())
    }

    /// How many photos there are, each content once.
    pub fn len(&self) -> usize {
        self.0.len() / Self::DIGITS
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a photo of this content is among them.
    pub fn contains(&self, hash: &blake3::Hash) -> bool {
        let hex = hash.to_hex();
        let wanted = &hex.as_bytes()[..Self::DIGITS];
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let found = &self.0.as_bytes()[middle * Self::DIGITS..][..Self::DIGITS];
            match found.cmp(wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return true,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sets_together_have_each_photo_once() {
        let hash = |number: u8| blake3::hash(&[number]);
        let set = |numbers: &[u8]| {
            let hashes: Vec<_> = numbers.iter().copied().map(hash).collect();
            PhotoIds::of(hashes.iter())
        };
        let both = set(&[1, 2, 3]).with(&set(&[3, 4]));
        assert_eq!(both, set(&[4, 2, 1, 3]));
        assert!(both.contains(&hash(4)) && !both.contains(&hash(5)));
        assert_eq!(set(&[]).with(&set(&[])), PhotoIds::default());
    }
}

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

//! A range of numbers: what is checked is what is said of it, in one notation throughout.
use crate::{Language, UsageMessage};
use std::fmt;

/// Finite numbers between bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Both ends belong to it.
    FromTo(f64, f64),
    /// This number and all above.
    AtLeast(f64),
    /// All above this number.
    Above(f64),
    /// The first number belongs to it, the second does not.
    Below(f64, f64),
    /// Neither end belongs to it.
    Between(f64, f64),
}

impl Range {
    /// Whether a number lies in it; what is not finite lies in none.
    pub fn contains(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Range::FromTo(least, most) => (least..=most).contains(&value),
                Range::AtLeast(least) => value >= least,
                Range::Above(least) => value > least,
                Range::Below(least, most) => (least..most).contains(&value),
                Range::Between(least, most) => value > least && value < most,
            }
    }

    /// In words: `from 8 to 1024`.
    pub fn text(self, language: Language) -> String {
        let (first, second) = match self {
            Range::FromTo(least, most)
            | Range::Below(least, most)
            | Range::Between(least, most) => (least, most),
            Range::AtLeast(least) | Range::Above(least) => (least, least),
        };
        let written = |number: f64| match language {
            Language::French => number.to_string().replace('.', ","),
            Language::English => number.to_string(),
        };
        let (least, most) = (&written(first), &written(second));
        let message = match self {
            Range::FromTo(..) => UsageMessage::RangeFromTo { least, most },
            Range::AtLeast(_) => UsageMessage::RangeAtLeast { least },
            Range::Above(_) => UsageMessage::RangeAbove { least },
            Range::Below(..) => UsageMessage::RangeBelow { least, most },
            Range::Between(..) => UsageMessage::RangeBetween { least, most },
        };
        message.text(language)
    }
}

impl fmt::Display for Range {
    /// In English.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_its_words_say() {
        let (ends, middle) = ([0.0, 0.9], 0.5);
        for (range, holds, english, french) in [
            (
                Range::FromTo(0.0, 0.9),
                [true, true],
                "from 0 to 0.9",
                "de 0 à 0,9",
            ),
            (
                Range::AtLeast(0.0),
                [true, true],
                "at least 0",
                "au moins 0",
            ),
            (Range::Above(0.0), [false, true], "more than 0", "plus de 0"),
            (
                Range::Below(0.0, 0.9),
                [true, false],
                "at least 0 and less than 0.9",
                "au moins 0 et moins de 0,9",
            ),
            (
                Range::Between(0.0, 0.9),
                [false, false],
                "more than 0 and less than 0.9",
                "plus de 0 et moins de 0,9",
            ),
        ] {
            assert_eq!(ends.map(|end| range.contains(end)), holds, "{range}");
            assert!(range.contains(middle) && !range.contains(-0.1), "{range}");
            assert!(!range.contains(f64::NAN) && !range.contains(f64::INFINITY));
            assert_eq!(range.to_string(), english);
            assert_eq!(range.text(Language::French), french);
        }
    }
}

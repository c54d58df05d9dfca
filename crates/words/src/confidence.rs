//! A probability in words: very likely, likely, perhaps, unlikely.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{AnswerMessage, Language};

/// How sure an answer is, in words. The thresholds stand in `data/confidence.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Below every threshold.
    Unlikely,
    /// 'peut-être'
    Maybe,
    /// 'probable'
    Likely,
    /// 'très probable'
    VeryLikely,
}

/// From which probability each word is used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    very_likely: f64,
    likely: f64,
    maybe: f64,
}

static THRESHOLDS: LazyLock<Thresholds> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/confidence.toml"))
        .expect("data/confidence.toml is read by a test")
});

impl Confidence {
    /// The word in `language`, in lower case.
    pub fn text(self, language: Language) -> String {
        let word = match self {
            Confidence::VeryLikely => AnswerMessage::ConfidenceVeryLikely,
            Confidence::Likely => AnswerMessage::ConfidenceLikely,
            Confidence::Maybe => AnswerMessage::ConfidenceMaybe,
            Confidence::Unlikely => AnswerMessage::ConfidenceUnlikely,
        };
        word.text(language)
    }
}

/// The word for a calibrated probability, 0 to 1.
pub fn confidence(probability: f64) -> Confidence {
    let thresholds = &*THRESHOLDS;
    if probability >= thresholds.very_likely {
        Confidence::VeryLikely
    } else if probability >= thresholds.likely {
        Confidence::Likely
    } else if probability >= thresholds.maybe {
        Confidence::Maybe
    } else {
        Confidence::Unlikely
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fall_with_the_probability() {
        let Thresholds {
            very_likely,
            likely,
            maybe,
        } = *THRESHOLDS;
        assert!(1.0 > very_likely && very_likely > likely && likely > maybe && maybe > 0.0);
        assert_eq!(confidence(very_likely), Confidence::VeryLikely);
        assert_eq!(confidence(likely), Confidence::Likely);
        assert_eq!(confidence(maybe), Confidence::Maybe);
        assert_eq!(confidence(f64::NAN), Confidence::Unlikely);
        let falling: Vec<_> = (0..=100)
            .rev()
            .map(|per_cent| confidence(f64::from(per_cent) / 100.0))
            .collect();
        assert!(falling.is_sorted_by(|more, less| more >= less));
        assert_eq!(
            Confidence::VeryLikely.text(Language::French),
            "très probable"
        );
    }
}

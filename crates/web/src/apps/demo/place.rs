//! Where a person stands in the game, as the address has it.
use super::texts::Texts;
use words::fill;

/// Where a person stands: the draw, the photo's number from 0, the scores before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seed: u64,
    pub(super) number: u64,
    pub(super) you: Score,
    pub(super) model: Score,
}

/// Right answers among those given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) right: u32,
    pub(super) count: u32,
}

impl Score {
    /// From `3-5`; what makes no sense counts as nothing.
    pub(super) fn parse(text: &str) -> Score {
        text.split_once('-')
            .and_then(|(right, count)| {
                let (right, count) = (right.parse().ok()?, count.parse().ok()?);
                (right <= count && count < u32::MAX).then_some(Score { right, count })
            })
            .unwrap_or_default()
    }

    pub(super) fn with(self, right: bool) -> Score {
        Score {
            right: self.right + u32::from(right),
            count: self.count + 1,
        }
    }

    pub(super) fn written(self) -> String {
        format!("{}-{}", self.right, self.count)
    }

    pub(super) fn said(self, text: &Texts) -> String {
        let (right, count) = (self.right.to_string(), self.count.to_string());
        fill(&text.score_of, &[("right", &right), ("count", &count)])
    }
}

impl Place {
    pub(super) fn start(seed: u64) -> Self {
        Place {
            seed,
            number: 0,
            you: Score::default(),
            model: Score::default(),
        }
    }

    pub(super) fn query(self) -> String {
        format!(
            "seed={}&n={}&you={}&model={}",
            self.seed,
            self.number + 1,
            self.you.written(),
            self.model.written()
        )
    }
}

//! The stages of a training that starts from weights: `head 10 0.001 | block7 5 0.0001 | all 2 0.00001`.
use super::written::FromText;
use crate::TrainError;

/// Stages, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Stages(pub Vec<Stage>);

/// A stage: from which layer up it trains, for how long, and at which rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The lowest layers that it trains.
    pub from: From,
    /// Passes over the train photos, at least 1.
    pub epochs: u32,
    /// The learning rate; the optimiser's where none is given.
    pub rate: Option<f32>,
}

/// The lowest layers that are trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The new head alone.
    Head,
    /// The first layer whose name begins with this text, and all that comes after it.
    Layer(String),
    /// All of them.
    All,
}

/// What stands between two stages, as between the steps of an augmentation.
const BETWEEN: char = '|';

impl FromText for Stages {
    fn from_text(text: &str) -> Result<Self, TrainError> {
        let wrong = || TrainError::Stages {
            text: text.to_owned(),
        };
        let stages: Option<Vec<Stage>> = text.split(BETWEEN).map(stage).collect();
        stages.map(Stages).ok_or_else(wrong)
    }
}

fn stage(text: &str) -> Option<Stage> {
    let mut words = text.split_whitespace();
    let from = match words.next()? {
        "head" => From::Head,
        "all" => From::All,
        layer => From::Layer(layer.to_owned()),
    };
    let epochs = words.next()?.parse().ok().filter(|epochs| *epochs > 0)?;
    let rate = match words.next() {
        Some(rate) => Some(rate.parse::<f32>().ok()?),
        None => None,
    };
    let is_rate = |rate: f32| rate.is_finite() && rate >= 0.0;
    let is_whole = words.next().is_none() && rate.is_none_or(is_rate);
    is_whole.then_some(Stage { from, epochs, rate })
}

impl Stages {
    /// Epochs of all of them.
    pub fn epochs(&self) -> u32 {
        let epochs = self.0.iter().map(|stage| stage.epochs);
        epochs.fold(0, u32::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_and_what_is_none_is_named() {
        let stages = Stages::from_text("head 10 0.001 | block_13 5 1e-4|all 2").unwrap();
        assert_eq!(stages.epochs(), 17);
        let stage = |from, epochs, rate| Stage { from, epochs, rate };
        let expected = [
            stage(From::Head, 10, Some(0.001)),
            stage(From::Layer("block_13".to_owned()), 5, Some(1e-4)),
            stage(From::All, 2, None),
        ];
        assert_eq!(stages.0, expected);
        for text in [
            "",
            "head",
            "head 0 0.1",
            "head 3 0.1 9",
            "head 3 fast",
            "head 3 nan",
            "head 3 -0.1",
            "head 3 | ",
            "head 3.5 0.1",
            "10 0.001",
        ] {
            let error = Stages::from_text(text).unwrap_err();
            assert!(
                matches!(error, TrainError::Stages { .. }),
                "{text}: {error}"
            );
        }
    }
}

//! From the network's outputs to probabilities that can be believed: temperatures, and the
//! thresholds of the three answers.
use crate::prior::Prior;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// What a temperature may be: below, every answer is certain, and above, none says anything.
pub const TEMPERATURES: RangeInclusive<f32> = 0.05..=20.0;

/// The numbers fitted once, when a package is made, on photos set aside for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The breeds' logits are divided by it before their softmax; one of [`TEMPERATURES`].
    pub temperature: f32,
    /// How frequent the breeds are where the model is used; `None` for a model that takes all alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
    /// How the dog probability is read off the network's whole head; `None` for a network whose
    /// classes are all dogs: its dog probability is 1.
    pub dog: Option<DogRule>,
    /// Below this dog probability the answer is 'not a dog', 0 to 1.
    pub not_a_dog_below: f32,
    /// A first breed below this probability makes the answer 'unsure', 0 to 1.
    pub unsure_below: f32,
    /// A largest logit of the breeds below this value makes it 'unsure' too: the network has seen
    /// nothing like it, though one breed may stand out among the others. `None`: not looked at.
    pub unfamiliar_below: Option<f32>,
    /// Probabilities that are spread over more breeds than this make it 'unsure' too: the entropy, in
    /// nats, of what the network says before the prior. `None`: not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_above: Option<f32>,
    /// An unsure answer names a group from this probability of its breeds on, 0 to 1.
    pub group_from: f32,
    /// A cross is likely where two breeds that are not look-alikes have at least this probability
    /// together ...
    pub mixed_together: f32,
    /// ... and the second of them at least this share of it, 0 to 0.5.
    pub mixed_share: f32,
    /// How a model of many breeds is asked before this one, which takes every photo for a dog of its few
    /// breeds; `None` where none is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateRule>,
    /// The notice about the legal categories is given from this probability of the breeds of that
    /// look on, 0 to 1.
    pub category_from: f32,
    /// What the numbers were fitted on, in words.
    pub fitted_on: String,
}

/// `sigmoid(slope * log_odds + offset)`, where the log odds compare the network's outputs that are
/// dogs with all others: `logsumexp(dogs) - logsumexp(others)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DogRule {
    /// The outputs that show a dog, as inclusive ranges.
    pub outputs: Vec<[usize; 2]>,
    /// Above 0.
    pub slope: f32,
    /// Moves the odds between photos with and without a dog.
    pub offset: f32,
    /// The outputs that are compared, the first and the last; all of them where `None`. A network whose
    /// head was replaced keeps the old one beside it for this rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<[usize; 2]>,
}

/// When what another model says of a photo makes the answer 'unsure'. That model has its own rule for
/// 'not a dog'.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRule {
    /// The other model's probability of the breeds that this one knows, 0 to 1: below, the answer is
    /// 'unsure'.
    pub known_below: f32,
}

impl Default for Calibration {
    /// A network whose outputs are taken as they are: temperature 1, all classes dogs.
    fn default() -> Self {
        Calibration {
            temperature: 1.0,
            prior: None,
            dog: None,
            not_a_dog_below: 0.5,
            unsure_below: 0.45,
            unfamiliar_below: None,
            spread_above: None,
            group_from: 0.6,
            mixed_together: 0.7,
            mixed_share: 0.35,
            gate: None,
            category_from: 0.1,
            fitted_on: "nothing: the network's own probabilities".into(),
        }
    }
}

impl Calibration {
    /// The logits of the classes, in the labels' order, weighed by the prior: what
    /// `softmax(_, temperature)` makes the calibrated probabilities of.
    pub fn weighed<'a>(
        &'a self,
        logits: impl Iterator<Item = f32> + Clone + 'a,
    ) -> impl Iterator<Item = f32> + Clone + 'a {
        let prior = self.prior.as_ref();
        logits.enumerate().map(move |(class, logit)| match prior {
            // A finite logit stays finite.
            Some(prior) => {
                (logit + self.temperature * prior.log_weight(class)).clamp(f32::MIN, f32::MAX)
            }
            None => logit,
        })
    }

    /// Whether the numbers make sense for a network of so many outputs; else what does not.
    pub(crate) fn check(&self, outputs: usize) -> Result<(), String> {
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if !TEMPERATURES.contains(&self.temperature) {
            let (low, high) = (TEMPERATURES.start(), TEMPERATURES.end());
            let temperature = self.temperature;
            return Err(format!(
                "the temperature is {temperature}, it must be {low} to {high}"
            ));
        }
        for (name, share) in [
            ("not_a_dog_below", self.not_a_dog_below),
            ("unsure_below", self.unsure_below),
            ("group_from", self.group_from),
            ("mixed_together", self.mixed_together),
            ("mixed_share", self.mixed_share),
            ("category_from", self.category_from),
            (
                "known_below",
                self.gate.map_or(0.0, |gate| gate.known_below),
            ),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("`{name}` is {share}, it must be 0 to 1"));
            }
        }
        if let Some(least) = self.unfamiliar_below.filter(|least| !least.is_finite()) {
            return Err(format!("`unfamiliar_below` is {least}"));
        }
        if let Some(most) = self.spread_above.filter(|most| !most.is_finite()) {
            return Err(format!("`spread_above` is {most}"));
        }
        let Some(rule) = &self.dog else {
            return Ok(());
        };
        if !positive(rule.slope) || !rule.offset.is_finite() {
            return Err("the rule of the dog probability is not a number".into());
        }
        if rule.outputs.len() > outputs {
            let ranges = rule.outputs.len();
            return Err(format!("{ranges} ranges of {outputs} outputs are dogs"));
        }
        let outside = |&&[first, last]: &&[usize; 2]| first > last || last >= outputs;
        let mut all = rule.among.iter().chain(&rule.outputs);
        match all.find(outside) {
            Some([first, last]) => Err(format!("outputs {first} to {last} of {outputs} are dogs")),
            None => Ok(()),
        }
    }
}

impl DogRule {
    /// Whether this output shows a dog.
    pub fn is_dog(&self, output: usize) -> bool {
        self.outputs
            .iter()
            .any(|&[first, last]| (first..=last).contains(&output))
    }

    /// The probability that there is a dog, from the logits of the whole head.
    pub fn probability(&self, logits: &[f32]) -> f32 {
        let odds = self.log_odds(logits);
        (1.0 / (1.0 + (-(f64::from(self.slope) * odds + f64::from(self.offset))).exp())) as f32
    }

    /// `logsumexp(dogs) - logsumexp(others)`, for any finite logits.
    pub fn log_odds(&self, logits: &[f32]) -> f64 {
        let [first, last] = self.among.unwrap_or([0, usize::MAX]);
        let compared = logits
            .iter()
            .skip(first)
            .take(last.saturating_sub(first).saturating_add(1));
        // Of differences to the largest, since a logarithm is lost beside a value of 1e38.
        let largest = compared.copied().fold(f32::NEG_INFINITY, f32::max);
        let side = |dog: bool| {
            let values = logits
                .iter()
                .enumerate()
                .filter(move |&(output, _)| (first..=last).contains(&output))
                .filter(move |&(output, _)| self.is_dog(output) == dog)
                .map(|(_, &logit)| f64::from(logit) - f64::from(largest));
            log_sum_exp(values)
        };
        side(true) - side(false)
    }
}

/// `ln(sum(exp(values)))`, without overflow; minus infinity for none.
pub fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest
        + values
            .map(|value| (value - largest).exp())
            .sum::<f64>()
            .ln()
}

/// The softmax of `logits / temperature`, in the logits' order; of any finite logits and any temperature
/// above 0 it sums to 1.
pub fn softmax(logits: impl Iterator<Item = f32> + Clone, temperature: f32) -> Vec<f32> {
    let largest = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    // As above: the largest counts exp(0), so that the sum is at least 1 and no more than their number.
    let shares = logits
        .map(|logit| ((f64::from(logit) - f64::from(largest)) / f64::from(temperature)).exp());
    let sum: f64 = shares.clone().sum();
    shares.map(|share| (share / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_temperature_flattens() {
        let logits = [1.0f32, 3.0, 500.0, 499.0];
        let sharp = softmax(logits.iter().copied(), 1.0);
        let flat = softmax(logits.iter().copied(), 100.0);
        assert!((sharp.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((flat.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(sharp[2] > flat[2] && (sharp[2] / sharp[3] - 1f32.exp()).abs() < 1e-4);
    }

    #[test]
    fn a_softmax_of_any_finite_logits_is_a_distribution() {
        let extremes = [f32::MAX, 3e38, 1e30, 1.0, 0.0, -1.0, -1e30, -3e38, f32::MIN];
        let temperatures = [f32::MIN_POSITIVE, 1e-30, 0.05, 1.0, 20.0, f32::MAX];
        for first in extremes {
            for second in extremes {
                for logits in [vec![first, second, first], vec![first; 1000], vec![first]] {
                    for temperature in temperatures {
                        let found = softmax(logits.iter().copied(), temperature);
                        let sum: f64 = found.iter().copied().map(f64::from).sum();
                        assert!(
                            (sum - 1.0).abs() < 1e-4,
                            "{logits:?} / {temperature}: {sum}"
                        );
                        // Equal logits have equal probabilities.
                        assert_eq!(found.first(), found.last());
                    }
                }
            }
        }
        assert_eq!(
            softmax([3e38, -3e38, 3e38].into_iter(), 1.0),
            [0.5, 0.0, 0.5]
        );
        let rule = DogRule {
            outputs: vec![[0, 1]],
            slope: 1.0,
            offset: 0.0,
            among: None,
        };
        assert!((rule.probability(&[3e38; 3]) - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(rule.probability(&[f32::MIN, f32::MIN, f32::MAX]), 0.0);
        assert_eq!(rule.probability(&[f32::MAX, f32::MIN, f32::MIN]), 1.0);
    }

    #[test]
    fn dog_probability_follows_the_share_of_the_dog_outputs() {
        let rule = DogRule {
            outputs: vec![[1, 2], [4, 4]],
            slope: 1.0,
            offset: 0.0,
            among: None,
        };
        // With slope 1 and offset 0 it is the softmax mass of outputs 1, 2 and 4.
        let logits = [0.3, 1.0, -2.0, 0.7, 0.1];
        let mass = softmax(logits.iter().copied(), 1.0);
        assert!((rule.probability(&logits) - (mass[1] + mass[2] + mass[4])).abs() < 1e-6);
        assert!(rule.probability(&[0.0, 1000.0, 0.0, 0.0, 0.0]) > 0.999);
        assert!(rule.probability(&[1000.0, 0.0, 0.0, 0.0, 0.0]) < 0.001);
        // Another head's outputs beside them change nothing.
        let beside = DogRule {
            outputs: vec![[3, 4], [6, 6]],
            among: Some([2, 6]),
            ..rule.clone()
        };
        let both = [&[3e38, -7.0], &logits[..], &[50.0]].concat();
        assert_eq!(beside.probability(&both), rule.probability(&logits));
    }
}

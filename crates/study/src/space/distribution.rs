//! What one parameter may be, as Optuna tells it apart and writes it.
use super::{SpaceError, same};
use serde_json::{Value, json};

/// What one parameter may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// A number from `low` to `high`, both included.
    Float {
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
        /// Whether equal ratios count the same rather than equal differences.
        log: bool,
        /// The distance between values, from `low` on; any value where there is none.
        step: Option<f64>,
    },
    /// A whole number from `low` to `high`, both included.
    Int {
        /// The lower end.
        low: i64,
        /// The upper end.
        high: i64,
        /// Whether equal ratios count the same rather than equal differences.
        log: bool,
        /// The distance between values, from `low` on.
        step: i64,
    },
    /// One of several values without an order: texts, numbers, yes or no, none.
    Categorical {
        /// The values.
        choices: Vec<Value>,
    },
}

/// The largest whole number below which every one is an f64.
const EXACT: i64 = 1 << 53;

impl Distribution {
    /// Whole numbers from `low` to `high`.
    pub fn whole(low: i64, high: i64) -> Self {
        Distribution::Int {
            low,
            high,
            log: false,
            step: 1,
        }
    }

    /// Numbers from `low` to `high`.
    pub fn number(low: f64, high: f64) -> Self {
        Distribution::Float {
            low,
            high,
            log: false,
            step: None,
        }
    }

    /// Whether there is a value at all, and whether the scale makes sense.
    pub(super) fn check(&self, name: &str) -> Result<(), SpaceError> {
        let parameter = name.to_owned();
        let (low, high, log, step) = match self {
            Distribution::Categorical { choices } => {
                let again =
                    |(place, choice)| choices[..place].iter().any(|known| same(known, choice));
                return match choices.is_empty() || choices.iter().enumerate().any(again) {
                    true => Err(SpaceError::Choices { parameter }),
                    false => Ok(()),
                };
            }
            Distribution::Float {
                low,
                high,
                log,
                step,
            } => (*low, *high, *log, *step),
            Distribution::Int {
                low,
                high,
                log,
                step,
            } => (*low as f64, *high as f64, *log, Some(*step as f64)),
        };
        let whole = matches!(self, Distribution::Int { .. });
        let exact = |end: f64| end.is_finite() && (!whole || end.abs() <= EXACT as f64);
        if low > high || !exact(low) || !exact(high) {
            Err(SpaceError::UpsideDown {
                parameter,
                low,
                high,
            })
        } else if log && low <= 0.0 {
            Err(SpaceError::LogOverZero { parameter, low })
        } else if let Some(step) = step
            && (!step.is_finite() || step <= 0.0 || log && (!whole || step != 1.0))
        {
            Err(SpaceError::Step { parameter, step })
        } else {
            Ok(())
        }
    }

    /// How many values there are; none where they are endless.
    pub fn count(&self) -> Option<u64> {
        match self {
            Distribution::Float {
                low,
                high,
                step: Some(step),
                ..
            } => Some(((high - low) / step + 1e-9) as u64 + 1),
            Distribution::Float { low, high, .. } => (low == high).then_some(1),
            Distribution::Int {
                low, high, step, ..
            } => Some(high.abs_diff(*low) / step.unsigned_abs() + 1),
            Distribution::Categorical { choices } => Some(choices.len() as u64),
        }
    }

    /// The value of this place, counted from 0, of those that [`Distribution::count`] counts.
    pub fn at(&self, place: u64) -> f64 {
        match self {
            Distribution::Float {
                low, high, step, ..
            } => (low + place as f64 * step.unwrap_or(0.0)).min(*high),
            Distribution::Int { low, step, .. } => *low as f64 + place as f64 * *step as f64,
            Distribution::Categorical { .. } => place as f64,
        }
    }

    /// The ends of the scale on which all values count the same: of values with a distance half of it
    /// beyond the outermost ones, and logarithms where equal ratios count.
    pub fn scale(&self) -> (f64, f64) {
        let half = |step: f64| step / 2.0;
        let (low, high, log) = match self {
            Distribution::Float { low, step, log, .. } => {
                // The last value may lie below the upper end.
                let margin = step.map_or(0.0, half);
                let last = self.count().filter(|_| step.is_some());
                let high = last.map_or(self.high(), |count| self.at(count - 1));
                (low - margin, high + margin, *log)
            }
            Distribution::Int { low, step, log, .. } => {
                let margin = half(*step as f64);
                let last = self.at(self.count().unwrap_or(1) - 1);
                (*low as f64 - margin, last + margin, *log)
            }
            Distribution::Categorical { choices } => (0.0, choices.len() as f64, false),
        };
        match log {
            true => (low.ln(), high.ln()),
            false => (low, high),
        }
    }

    /// Where a value lies on [`Distribution::scale`].
    pub fn to_scale(&self, value: f64) -> f64 {
        match self {
            Distribution::Float { log: true, .. } | Distribution::Int { log: true, .. } => {
                value.ln()
            }
            Distribution::Categorical { .. } => value + 0.5,
            _ => value,
        }
    }

    /// The value nearest to a place on [`Distribution::scale`].
    pub fn from_scale(&self, place: f64) -> f64 {
        let nearest = |value: f64, low: f64, step: f64| {
            let last = self.count().unwrap_or(1) - 1;
            let number = ((value - low) / step).round().clamp(0.0, last as f64);
            self.at(number as u64)
        };
        match self {
            Distribution::Float {
                low,
                high,
                log,
                step,
            } => {
                let value = if *log { place.exp() } else { place };
                match step {
                    Some(step) => nearest(value, *low, *step),
                    None => value.clamp(*low, *high),
                }
            }
            Distribution::Int { low, log, step, .. } => {
                let value = if *log { place.exp() } else { place };
                nearest(value, *low as f64, *step as f64)
            }
            Distribution::Categorical { choices } => place
                .floor()
                .clamp(0.0, choices.len().saturating_sub(1) as f64),
        }
    }

    /// The value at a share of the scale: 0 is its beginning, 1 its end.
    pub fn quantile(&self, share: f64) -> f64 {
        let (low, high) = self.scale();
        self.from_scale(low + share * (high - low))
    }

    fn high(&self) -> f64 {
        match self {
            Distribution::Float { high, .. } => *high,
            Distribution::Int { high, .. } => *high as f64,
            Distribution::Categorical { choices } => choices.len() as f64,
        }
    }

    /// Whether a value as it is stored is one of these.
    pub fn contains(&self, value: f64) -> bool {
        match self {
            Distribution::Float { low, high, .. } => (*low..=*high).contains(&value),
            Distribution::Int { low, high, .. } => (*low as f64..=*high as f64).contains(&value),
            Distribution::Categorical { choices } => {
                value.fract() == 0.0 && (0.0..choices.len() as f64).contains(&value)
            }
        }
    }

    /// A value as it is stored, as a person sees it.
    pub fn external(&self, value: f64) -> Value {
        match self {
            Distribution::Float { .. } => json!(value),
            Distribution::Int { .. } => json!(value.round() as i64),
            Distribution::Categorical { choices } => {
                choices.get(value as usize).cloned().unwrap_or(Value::Null)
            }
        }
    }

    /// A value as a person writes it, as it is stored; none where it is not one of these.
    pub fn internal(&self, value: &Value) -> Option<f64> {
        let stored = match self {
            Distribution::Categorical { choices } => {
                choices.iter().position(|choice| same(choice, value))? as f64
            }
            Distribution::Int { .. } => value.as_f64().filter(|value| value.fract() == 0.0)?,
            Distribution::Float { .. } => value.as_f64()?,
        };
        self.contains(stored).then_some(stored)
    }

    /// As Optuna writes it.
    pub fn to_json(&self) -> Value {
        match self {
            Distribution::Float {
                low,
                high,
                log,
                step,
            } => json!({
                "name": "FloatDistribution",
                "attributes": {"step": step, "low": low, "high": high, "log": log},
            }),
            Distribution::Int {
                low,
                high,
                log,
                step,
            } => json!({
                "name": "IntDistribution",
                "attributes": {"log": log, "step": step, "low": low, "high": high},
            }),
            Distribution::Categorical { choices } => json!({
                "name": "CategoricalDistribution",
                "attributes": {"choices": choices},
            }),
        }
    }

    /// From what Optuna writes; none where it is something else.
    pub fn from_json(json: &Value) -> Option<Self> {
        let attributes = json.get("attributes")?;
        let of = |name: &str| attributes.get(name);
        let log = || of("log").and_then(Value::as_bool).unwrap_or(false);
        match json.get("name")?.as_str()? {
            "FloatDistribution" => Some(Distribution::Float {
                low: of("low")?.as_f64()?,
                high: of("high")?.as_f64()?,
                log: log(),
                step: of("step").and_then(Value::as_f64),
            }),
            "IntDistribution" => Some(Distribution::Int {
                low: of("low")?.as_i64()?,
                high: of("high")?.as_i64()?,
                log: log(),
                step: of("step").and_then(Value::as_i64).unwrap_or(1),
            }),
            "CategoricalDistribution" => Some(Distribution::Categorical {
                choices: of("choices")?.as_array()?.clone(),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One of each kind.
    pub(crate) fn each() -> Vec<Distribution> {
        let float = |low, high, log, step| Distribution::Float {
            low,
            high,
            log,
            step,
        };
        let int = |low, high, log, step| Distribution::Int {
            low,
            high,
            log,
            step,
        };
        vec![
            float(-1.0, 2.0, false, None),
            float(1e-4, 0.1, true, None),
            float(0.0, 0.6, false, Some(0.25)),
            int(-3, 4, false, 1),
            int(8, 65, false, 8),
            int(1, 100, true, 1),
            Distribution::Categorical {
                choices: vec![json!("a"), Value::Null, json!(true), json!(1.5), json!(3)],
            },
        ]
    }

    #[test]
    fn it_is_read_back_from_what_optuna_reads() {
        for distribution in each() {
            let text = distribution.to_json().to_string();
            let json = serde_json::from_str(&text).unwrap();
            assert_eq!(Distribution::from_json(&json), Some(distribution));
        }
        assert_eq!(
            Distribution::from_json(&json!({"name": "Other", "attributes": {}})),
            None
        );
    }

    #[test]
    fn every_share_of_the_scale_is_a_value_and_every_value_has_its_share() {
        for distribution in each() {
            assert_eq!(distribution.check("x"), Ok(()));
            let mut seen = std::collections::BTreeMap::new();
            let shares = 10_000;
            for place in 0..shares {
                let value = distribution.quantile((f64::from(place) + 0.5) / f64::from(shares));
                assert!(distribution.contains(value), "{distribution:?}: {value}");
                let back = distribution.from_scale(distribution.to_scale(value));
                assert!(
                    (back - value).abs() < 1e-12,
                    "{distribution:?}: {value} {back}"
                );
                assert_eq!(
                    distribution.internal(&distribution.external(value)),
                    Some(value)
                );
                *seen.entry(value.to_string()).or_insert(0) += 1;
            }
            let Some(count) = distribution.count() else {
                continue;
            };
            assert_eq!(seen.len() as u64, count, "{distribution:?}");
            let log = matches!(distribution, Distribution::Int { log: true, .. });
            let even = shares / i32::try_from(count).unwrap();
            for (value, seen) in seen {
                assert!(
                    log || (even - 1..=even + 1).contains(&seen),
                    "{distribution:?} {value}"
                );
            }
        }
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        let float = |low, high, log, step| Distribution::Float {
            low,
            high,
            log,
            step,
        };
        let check = |distribution: Distribution| distribution.check("x").unwrap_err();
        assert!(matches!(
            check(float(2.0, 1.0, false, None)),
            SpaceError::UpsideDown { .. }
        ));
        assert!(matches!(
            check(float(0.0, f64::NAN, false, None)),
            SpaceError::UpsideDown { .. }
        ));
        assert!(matches!(
            check(float(0.0, 1.0, true, None)),
            SpaceError::LogOverZero { .. }
        ));
        assert!(matches!(
            check(float(1.0, 2.0, true, Some(0.5))),
            SpaceError::Step { .. }
        ));
        assert!(matches!(
            check(float(1.0, 2.0, false, Some(0.0))),
            SpaceError::Step { .. }
        ));
        let none = Distribution::Categorical {
            choices: Vec::new(),
        };
        assert!(matches!(check(none), SpaceError::Choices { .. }));
        let twice = Distribution::Categorical {
            choices: vec![json!(1), json!(1.0)],
        };
        assert!(matches!(check(twice), SpaceError::Choices { .. }));
    }
}

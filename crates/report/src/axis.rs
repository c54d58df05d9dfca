//! An axis of a drawing: what it measures, and where a value stands on it.

/// What an axis measures.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// How values are spread.
    pub scale: Scale,
}

/// How values are spread over an axis.
#[derive(Clone, Debug)]
pub enum Scale {
    /// Numbers from one end to the other, equal differences apart.
    Linear(f64, f64),
    /// Numbers from one end to the other, equal ratios apart; both above 0.
    Logarithmic(f64, f64),
    /// These names, of which a value is the place.
    Names(Vec<String>),
}

/// The most places with a number.
const MOST_TICKS: usize = 5;

impl Axis {
    /// Where a value stands: 0 is the beginning, 1 the end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let between = |low: f64, high: f64, value: f64| match high > low {
            true => ((value - low) / (high - low)).clamp(0.0, 1.0),
            false => 0.5,
        };
        match &self.scale {
            Scale::Linear(low, high) => between(*low, *high, value),
            Scale::Logarithmic(low, high) => {
                between(low.ln(), high.ln(), value.max(f64::MIN_POSITIVE).ln())
            }
            Scale::Names(names) => (value + 0.5) / names.len().max(1) as f64,
        }
    }

    /// The places that have a text, and the texts.
    pub(crate) fn ticks(&self, text: &dyn Fn(f64) -> String) -> Vec<(f64, String)> {
        let numbers = |values: Vec<f64>| {
            let ticks = values
                .into_iter()
                .map(|value| (self.share(value), text(value)));
            let mut ticks: Vec<(f64, String)> = ticks.collect();
            ticks.dedup_by(|one, other| one.1 == other.1);
            ticks
        };
        match &self.scale {
            Scale::Names(names) => (0u32..)
                .zip(names)
                .map(|(place, name)| (self.share(f64::from(place)), name.clone()))
                .collect(),
            Scale::Linear(low, high) => {
                let share = |place: usize| place as f64 / (MOST_TICKS - 1) as f64;
                numbers(
                    (0..MOST_TICKS)
                        .map(|place| low + share(place) * (high - low))
                        .collect(),
                )
            }
            Scale::Logarithmic(low, high) => {
                let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
                let powers = (first..=last).map(|power| 10f64.powi(power));
                let mut values: Vec<f64> =
                    std::iter::once(*low).chain(powers).chain([*high]).collect();
                // A power beside an end would be written over it.
                values.dedup_by(|one, other| (self.share(*one) - self.share(*other)).abs() < 0.08);
                numbers(values)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_scale_puts_them() {
        let axis = |scale| Axis {
            name: "x".to_owned(),
            scale,
        };
        assert_eq!(axis(Scale::Linear(0.0, 4.0)).share(1.0), 0.25);
        let log = axis(Scale::Logarithmic(1e-4, 1.0));
        assert!((log.share(1e-2) - 0.5).abs() < 1e-12);
        assert!((log.share(1e-3) - 0.25).abs() < 1e-12);
        let names = axis(Scale::Names(["a", "b"].map(str::to_owned).to_vec()));
        assert_eq!([0.0, 1.0].map(|place| names.share(place)), [0.25, 0.75]);
        let ticks = log.ticks(&|value| format!("{value}"));
        assert_eq!(ticks.len(), 5, "{ticks:?}");
        // One value alone stands in the middle.
        assert_eq!(axis(Scale::Linear(2.0, 2.0)).share(2.0), 0.5);
    }
}

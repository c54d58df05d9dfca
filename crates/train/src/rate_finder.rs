//! The learning-rate finder: a short training at rates that grow from step to step (Smith 2017).

/// The rates that are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateRange {
    /// The first rate.
    pub first: f32,
    /// The last rate.
    pub last: f32,
    /// Steps from one to the other; the rate grows by the same factor each time.
    pub steps: usize,
}

impl Default for RateRange {
    /// From 1e-6 to 1 in 100 steps.
    fn default() -> Self {
        RateRange {
            first: 1e-6,
            last: 1.0,
            steps: 100,
        }
    }
}

/// What a finder saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rates that were tried.
    pub rates: Vec<f32>,
    /// The loss of each step, smoothed.
    pub losses: Vec<f32>,
    /// The rate at which the loss fell fastest; none where it never fell.
    pub steepest: Option<f32>,
    /// A tenth of the rate at which the loss was least: a cautious choice for a whole training.
    pub suggestion: Option<f32>,
}

/// How much of the smoothed loss each step leaves.
pub(crate) const SMOOTHING: f64 = 0.9;

/// A loss of this many times the least one ends the search.
const DIVERGED: f64 = 4.0;

/// Calls `step(rate)`, which trains one batch at that rate and gives its loss, at growing rates,
/// until the last or until the loss diverges. The network must be thrown away or set back afterwards.
///
/// # Errors
/// Those of `step`.
pub fn find_rate<E>(
    range: RateRange,
    mut step: impl FnMut(f32) -> Result<f32, E>,
) -> Result<Finding, E> {
    let growth = (f64::from(range.last) / f64::from(range.first))
        .powf(1.0 / range.steps.saturating_sub(1).max(1) as f64);
    let (mut rates, mut losses) = (Vec::new(), Vec::new());
    let (mut smoothed, mut least) = (0.0, f64::INFINITY);
    for index in 0..range.steps {
        let rate = (f64::from(range.first) * growth.powf(index as f64)) as f32;
        let loss = f64::from(step(rate)?);
        smoothed = SMOOTHING * smoothed + (1.0 - SMOOTHING) * loss;
        // Without the zero that it began with.
        let now = smoothed / (1.0 - SMOOTHING.powf(index as f64 + 1.0));
        if !now.is_finite() || now > DIVERGED * least {
            break;
        }
        least = least.min(now);
        rates.push(rate);
        losses.push(now as f32);
    }
    let falls = losses
        .windows(2)
        .enumerate()
        .map(|(at, pair)| (at, pair[0] - pair[1]));
    let steepest = falls
        .filter(|&(_, fall)| fall > 0.0)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| rates[at]);
    let lowest = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b]));
    let suggestion = steepest.and(lowest).map(|at| rates[at] / 10.0);
    Ok(Finding {
        rates,
        losses,
        steepest,
        suggestion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain descent on x^2 / 2 converges below a rate of 2 and diverges above.
    #[test]
    fn a_parabola_has_its_known_bound() {
        let mut x = 100f32;
        let found = find_rate(
            RateRange {
                last: 100.0,
                ..RateRange::default()
            },
            |rate| {
                let loss = x * x / 2.0;
                x -= rate * x;
                Ok::<f32, ()>(loss)
            },
        )
        .unwrap();
        assert!(found.rates.len() < 100, "it diverges before the end");
        let (steepest, suggestion) = (found.steepest.unwrap(), found.suggestion.unwrap());
        assert!((0.01..2.0).contains(&steepest), "{steepest}");
        assert!((0.01..2.0).contains(&suggestion), "{suggestion}");
    }

    #[test]
    fn a_loss_that_only_grows_suggests_nothing() {
        let mut loss = 1.0;
        let found = find_rate(RateRange::default(), |_| {
            loss *= 1.5;
            Ok::<f32, ()>(loss)
        })
        .unwrap();
        assert_eq!((found.steepest, found.suggestion), (None, None));
        let nan = find_rate(RateRange::default(), |_| Ok::<f32, ()>(f32::NAN)).unwrap();
        assert!(nan.rates.is_empty() && nan.suggestion.is_none());
    }
}

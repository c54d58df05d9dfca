//! Ends a trial that has not become better for some steps.
use super::Kind;

pub(super) const PATIENT: Kind = Kind {
    name: "patient",
    prunes: |_, judged| {
        let costs: Vec<f64> = judged
            .reported
            .values()
            .map(|value| judged.direction.cost(*value))
            .collect();
        let best = |costs: &[f64]| costs.iter().copied().fold(f64::INFINITY, f64::min);
        let Some(before) = costs
            .len()
            .checked_sub(PATIENCE)
            .filter(|before| *before > 0)
        else {
            return false;
        };
        best(&costs[before..]) >= best(&costs[..before])
    },
};

/// Steps without a better value.
const PATIENCE: usize = 5;

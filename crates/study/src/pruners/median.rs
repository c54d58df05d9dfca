//! Ends a trial whose best value until now is worse than the median of the others at the same step.
use super::{Judged, Kind, Pruner, best_until};
use crate::studies::TrialState;

pub(super) const MEDIAN: Kind = Kind {
    name: "median",
    prunes: |pruner, judged| behind(pruner, judged, 0.5),
};

pub(super) const PERCENTILE: Kind = Kind {
    name: "percentile",
    prunes: |pruner, judged| behind(pruner, judged, BEST),
};

/// The share of the others that a trial must be among.
const BEST: f64 = 0.25;

/// Whether the best value until now is worse than that of this share of the complete trials at this step.
pub(super) fn behind(pruner: &Pruner, judged: &Judged<'_>, share: f64) -> bool {
    let complete = judged
        .trials
        .iter()
        .filter(|trial| trial.state == TrialState::Complete);
    let mut others: Vec<f64> = complete
        .filter_map(|trial| {
            judged
                .direction
                .cost(*trial.reported.get(&judged.step)?)
                .into()
        })
        .collect();
    let Some(own) = best_until(judged, judged.reported, judged.step) else {
        return false;
    };
    if others.len() < pruner.startup.max(1) {
        return false;
    }
    others.sort_by(f64::total_cmp);
    own > percentile(&others, share)
}

/// The value below which a share of sorted values lies, between neighbours by a straight line.
pub(super) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    match place.fract() {
        // Two infinities have no difference.
        0.0 => below,
        rest => below * (1.0 - rest) + above * rest,
    }
}

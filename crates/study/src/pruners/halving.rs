//! Asynchronous successive halving: at the steps 1, 3, 9, ... only a third of the trials that came so far
//! go on (Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht and Talwalkar, 'A System for Massively Parallel
//! Hyperparameter Tuning', 2020).
use super::{Kind, best_until};

pub(super) const HALVING: Kind = Kind {
    name: "asha",
    prunes: |pruner, judged| {
        // Rungs count from the first step at which anything is pruned.
        let mut rung = (pruner.warm_up + 1).max(1);
        while rung < judged.step {
            rung *= FACTOR;
        }
        if rung != judged.step {
            return false;
        }
        let Some(own) = best_until(judged, judged.reported, rung) else {
            return false;
        };
        let reached = judged
            .trials
            .iter()
            .filter(|trial| trial.reported.contains_key(&rung));
        let others = reached.filter_map(|trial| best_until(judged, &trial.reported, rung));
        let mut all: Vec<f64> = others.chain([own]).collect();
        if all.len() <= pruner.startup {
            return false;
        }
        all.sort_by(f64::total_cmp);
        let go_on = (all.len() / FACTOR as usize).max(1);
        own > all[go_on - 1]
    },
};

/// One in so many goes on at each rung, which lies so many times farther than the one before.
const FACTOR: i64 = 3;

//! What a study costs beside its trials, for `benches/search`: milliseconds to claim a trial, to sample it and
//! to report, with so many finished ones.
//!
//!     claims STORAGE TRIALS
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use study::{Direction, Distribution, NewStudy, Parameter, Space, Storage, TrialState, samplers};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, trials] = &arguments[..] else {
        panic!("claims STORAGE TRIALS");
    };
    let trials: u64 = trials.parse().expect("a number");
    let parameter = |number: u32| Parameter {
        name: format!("x{number}"),
        distribution: Distribution::number(0.0, 1.0),
        when: None,
    };
    let space = Space::new((0..8).map(parameter).collect()).expect("a space");
    let storage = Storage::open(Path::new(place)).expect("a storage");
    let study = storage
        .new_study(&NewStudy {
            name: format!("claims-{}", std::process::id()),
            directions: vec![Direction::Minimize],
            attributes: BTreeMap::new(),
        })
        .expect("a study");
    let random = samplers::find("random").expect("a sampler");
    let tpe = samplers::find("tpe").expect("a sampler");
    let mut claims = Vec::new();
    let mut samples = Vec::new();
    let mut reports = Vec::new();
    for number in 0..trials + 50 {
        let start = Instant::now();
        let mut trial = study.claim(u64::MAX).expect("a claim").expect("a trial");
        claims.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let sampler = if number < trials { random } else { tpe };
        trial.sample(&space, sampler, 1).expect("values");
        samples.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let sum: f64 = trial.trial().assignment().values().sum();
        trial.report(1, sum).expect("a report");
        reports.push(start.elapsed().as_secs_f64() * 1e3);
        trial.finish(TrialState::Complete, &[sum]).expect("an end");
    }
    let last = |values: &[f64]| {
        let mut last = values[values.len() - 50..].to_vec();
        last.sort_by(f64::total_cmp);
        format!("{:.2} (most {:.2})", last[25], last[49])
    };
    println!("with {trials} finished trials, median of 50, ms:");
    println!("claim {}", last(&claims));
    println!("sample by TPE {}", last(&samples));
    println!("report {}", last(&reports));
}

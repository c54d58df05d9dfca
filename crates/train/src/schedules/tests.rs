//! Each schedule against Keras's or PyTorch's own; `tests/golden/optimizers.py` writes a line a case: the
//! options as JSON, then the rate of each step.
use super::*;
use testkit::golden;

fn rates(schedule: &dyn Schedule, count: usize, steps: u64) -> Vec<f32> {
    (0..count as u64)
        .map(|step| {
            let progress = Progress {
                step,
                steps_per_epoch: 10,
                steps,
            };
            schedule.rate(0.5, progress)
        })
        .collect()
}

#[test]
fn rates_are_those_of_keras_and_pytorch() {
    let text = String::from_utf8(golden("schedules.txt")).unwrap();
    let mut seen = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (options, values) = line.split_once('|').unwrap();
        let options: ScheduleOptions = serde_json::from_str(options).unwrap();
        let wanted: Vec<f32> = values
            .split_whitespace()
            .map(|v| v.parse().unwrap())
            .collect();
        let mut schedule = options.build().unwrap();
        let found = if options.name == "plateau" {
            // One rate an epoch, of losses that fall for five epochs and then stay.
            let losses = (0..wanted.len()).map(|epoch| 1.0 - epoch.min(5) as f32 / 10.0);
            let mut found = Vec::new();
            for loss in losses {
                let kept = schedule.kept();
                schedule = options.build().unwrap();
                schedule.resume(&kept);
                schedule.epoch_ended(loss);
                found.extend(rates(&*schedule, 1, 40));
            }
            found
        } else {
            rates(&*schedule, wanted.len(), 40)
        };
        for (step, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let error = (found - wanted).abs();
            assert!(error <= 1e-6, "{options:?} {step}: {found} {wanted}");
        }
        seen.push(options.name);
    }
    for entry in all().iter().filter(|entry| entry.name != "constant") {
        assert!(
            seen.iter().any(|name| name == entry.name),
            "no golden case of {}",
            entry.name
        );
    }
}

#[test]
fn no_schedule_leaves_its_bounds() {
    for entry in all() {
        let options = ScheduleOptions {
            name: entry.name.into(),
            ..ScheduleOptions::default()
        };
        let schedule = options.build().unwrap();
        for rate in rates(&*schedule, 60, 40) {
            assert!((0.0..=0.5).contains(&rate), "{}: {rate}", entry.name);
        }
    }
}

/// Every schedule with each of its options at each of some values, at every step of every small
/// training: a rate that is no number, or below 0, would spoil the weights.
#[test]
fn every_rate_of_every_small_training_is_a_number_from_0_to_the_recipes() {
    const RATE: f32 = 0.5;
    let values = |option: &str| -> &'static [f32] {
        match option {
            "warm_up" => &[0.0, 0.5, 1.0, 1.5, 100.0],
            "every" => &[f32::MIN_POSITIVE, 0.1, 0.5, 1.0, 3.0, f32::MAX],
            "factor" => &[f32::MIN_POSITIVE, 0.5, 1.0 - f32::EPSILON],
            "least" => &[0.0, 0.5, 1.0],
            "patience" => &[0.0, 1.0, 2.0],
            "threshold" => &[0.0, 0.5, f32::MAX],
            "rise" => &[
                f32::MIN_POSITIVE,
                0.1,
                0.25,
                1.0 / 3.0,
                0.5,
                0.75,
                1.0 - f32::EPSILON,
            ],
            other => panic!("no values of `{other}`"),
        }
    };
    for entry in all() {
        let mut cases = vec![ScheduleOptions {
            name: entry.name.into(),
            ..ScheduleOptions::default()
        }];
        for &option in entry.options {
            let with = |options: &ScheduleOptions, value: f32| {
                let mut options = options.clone();
                match option {
                    "warm_up" => options.warm_up = Some(value),
                    "every" => options.every = Some(value),
                    "factor" => options.factor = Some(value),
                    "least" => options.least = Some(value),
                    "patience" => options.patience = Some(value as u32),
                    "threshold" => options.threshold = Some(value),
                    _ => options.rise = Some(value),
                }
                options
            };
            let more: Vec<_> = (cases.iter())
                .flat_map(|options| {
                    values(option)
                        .iter()
                        .map(move |&value| with(options, value))
                })
                .collect();
            cases.extend(more);
        }
        for options in cases {
            for steps_per_epoch in 0..4 {
                for epochs in 0..5 {
                    let mut schedule = options.build().unwrap();
                    let steps = steps_per_epoch * epochs;
                    for step in 0..steps + 3 {
                        let progress = Progress {
                            step,
                            steps_per_epoch,
                            steps,
                        };
                        let rate = schedule.rate(RATE, progress);
                        assert!(
                            (0.0..=RATE).contains(&rate),
                            "{options:?} {progress:?}: {rate}"
                        );
                        schedule
                            .epoch_ended([1.0, f32::NAN, 0.5, f32::INFINITY][step as usize % 4]);
                    }
                }
            }
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let options = |name: &str, factor| ScheduleOptions {
        name: name.into(),
        factor: Some(factor),
        ..ScheduleOptions::default()
    };
    assert!(matches!(
        options("cosine", 0.5).build(),
        Err(TrainError::Option { .. })
    ));
    assert!(matches!(
        options("step", 1.5).build(),
        Err(TrainError::Range { .. })
    ));
    assert!(matches!(
        options("sted", 0.5).build(),
        Err(TrainError::Unknown { .. })
    ));
    assert!(options("step", 0.5).build().is_ok());
}

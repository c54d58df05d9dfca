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

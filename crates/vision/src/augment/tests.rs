//! Tests that walk the registry of augmentations, and what holds for every chain.
use super::*;
use crate::steps::StepFault;

fn pattern(width: usize, height: usize) -> Vec<u8> {
    // Smooth, and different in each channel.
    (0..width * height * 3)
        .map(|i| {
            let (pixel, channel) = (i / 3, i % 3);
            let (x, y) = ((pixel % width) as f32, (pixel / width) as f32);
            let wave = (x * 0.11 + channel as f32).sin() + (y * 0.07).cos();
            (128.0 + 60.0 * wave) as u8
        })
        .collect()
}

fn applied(text: &str, draw: Draw, size: (usize, usize)) -> Vec<u8> {
    let rgb = pattern(48, 40);
    let stored = Stored {
        width: 48,
        height: 40,
        rgb: &rgb,
    };
    let mut out = vec![0; size.0 * size.1 * 3];
    let augmentation = Augmentation::parse(text).unwrap();
    augmentation.apply(stored, draw, size.0, &mut out);
    out
}

fn draw(index: u64) -> Draw {
    Draw {
        seed: 3,
        epoch: 4,
        index,
    }
}

/// Two inputs, mixed.
fn mixed(text: &str, draw: Draw) -> (f32, Vec<f32>, Vec<f32>) {
    let mut one = vec![1.0; 9 * 7 * 3];
    let mut other = vec![-3.0; 9 * 7 * 3];
    let augmentation = Augmentation::parse(text).unwrap();
    let share = augmentation.mix(draw, 9, &mut one, &mut other);
    (share, one, other)
}

#[test]
fn every_kind_changes_nothing_at_strength_0() {
    for kind in registry() {
        let Some(idle) = kind.idle else { continue };
        for index in 0..20 {
            assert_eq!(
                applied(idle, draw(index), (48, 40)),
                pattern(48, 40),
                "{idle}"
            );
            let (share, one, other) = mixed(idle, draw(index));
            assert!(
                share == 1.0 && one == [1.0; 189] && other == [-3.0; 189],
                "{idle}"
            );
        }
    }
}

#[test]
fn every_kind_changes_something_and_depends_on_the_draw_alone() {
    for kind in registry() {
        let plain = Augmentation::parse(kind.name).unwrap();
        // From a larger picture, so that a crop has its margin.
        let whole = applied("", draw(0), (32, 30));
        let results: Vec<_> = (0..40)
            .map(|index| {
                let one = applied(kind.name, draw(index), (32, 30));
                assert_eq!(one, applied(kind.name, draw(index), (32, 30)));
                let pair = mixed(kind.name, draw(index));
                assert_eq!(pair, mixed(kind.name, draw(index)));
                (one, pair)
            })
            .collect();
        let changed = results
            .iter()
            .filter(|(one, pair)| *one != whole || pair.0 != 1.0)
            .count();
        assert!(changed > 10, "{}: {changed} of 40", kind.name);
        assert!(
            results.iter().any(|result| *result != results[0]),
            "{}",
            kind.name
        );
        let other = Draw {
            epoch: 5,
            ..draw(1)
        };
        let differs = (0..40).any(|index| {
            let moved = Draw { index, ..other };
            applied(kind.name, moved, (32, 30)) != results[index as usize].0
                || mixed(kind.name, moved) != results[index as usize].1
        });
        assert!(differs, "{}", kind.name);
        assert_eq!(plain.text(), kind.name);
    }
}

#[test]
fn every_range_is_held_and_named() {
    for kind in registry() {
        let too_many = format!("{}({})", kind.name, ["0.5"; 9].join(","));
        let error = Augmentation::parse(&too_many).unwrap_err();
        assert!(matches!(error.fault, StepFault::Count { .. }), "{error}");
        for (index, parameter) in kind.parameters.iter().enumerate() {
            assert!(parameter.least < parameter.most);
            let mut values: Vec<String> =
                kind.parameters.iter().map(|p| p.most.to_string()).collect();
            let text = |values: &[String]| format!("{}({})", kind.name, values.join(","));
            assert!(
                Augmentation::parse(&text(&values)).is_ok(),
                "{}",
                text(&values)
            );
            for wrong in [parameter.most + 0.5, parameter.least - 0.5, f32::NAN] {
                values[index] = wrong.to_string();
                let error = Augmentation::parse(&text(&values)).unwrap_err();
                assert!(error.position > kind.name.len() + 1);
                let said = error.to_string();
                assert!(said.contains(parameter.name), "{said}");
                assert!(said.contains(&parameter.most.to_string()), "{said}");
            }
        }
        if let Some(idle) = kind.idle {
            assert!(idle.starts_with(kind.name));
        }
    }
    let error = Augmentation::parse("flip | rotaet(3)").unwrap_err();
    assert_eq!(error.position, 8);
    let StepFault::UnknownName { name, known } = &error.fault else {
        panic!("{error}");
    };
    assert!(name == "rotaet" && known.contains(&"rotate"), "{error}");
}

#[test]
fn flipping_twice_is_not_flipping() {
    for kind in ["flip(1)", "flip_vertical(1)"] {
        let once = applied(kind, draw(1), (48, 40));
        assert_ne!(once, pattern(48, 40));
        let twice = format!("{kind} | {kind}");
        assert_eq!(applied(&twice, draw(1), (48, 40)), pattern(48, 40));
    }
    let both = applied("flip(1) | flip_vertical(1)", draw(1), (48, 40));
    let mut turned = pattern(48, 40);
    turned.as_chunks_mut::<3>().0.reverse();
    assert_eq!(both, turned);
}

#[test]
fn a_chain_of_moves_interpolates_once() {
    // There and back again: two interpolations would blur the picture.
    let rgb: Vec<u8> = (0..48 * 40 * 3).map(|i| (i * 7919 % 256) as u8).collect();
    let frame = Frame {
        width: 48.0,
        height: 40.0,
        across: 1.0,
        down: 1.0,
    };
    let there = Affine::rotated(33.0).after(&Affine::sheared(0.2, 0.0));
    let back = Affine::sheared(-0.2, 0.0).after(&Affine::rotated(-33.0));
    let stored = Stored {
        width: 48,
        height: 40,
        rgb: &rgb,
    };
    let mut out = vec![0; rgb.len()];
    affine::warp(stored, &there.after(&back), &frame, 48, &mut out);
    assert_eq!(out, rgb);
}

#[test]
fn a_crop_of_a_stored_margin_copies_its_pixels() {
    let rgb = pattern(48, 40);
    let rows: Vec<&[u8]> = rgb.chunks_exact(48 * 3).collect();
    let mut places = std::collections::BTreeSet::new();
    for index in 0..200 {
        let window = applied("crop", draw(index), (42, 35));
        let place = (0..=5)
            .flat_map(|top| (0..=6).map(move |left| (top, left)))
            .find(|(top, left)| {
                window
                    .chunks_exact(42 * 3)
                    .enumerate()
                    .all(|(row, line)| line == &rows[top + row][left * 3..][..42 * 3])
            });
        places.insert(place.expect("a window of the picture"));
    }
    assert_eq!(places.len(), 42);
}

#[test]
fn tones_follow_their_formulas() {
    // Of one strength the factor is drawn: it must explain every value.
    let before = pattern(48, 40);
    for index in 0..10 {
        let after = applied("brightness(0.5)", draw(index), (48, 40));
        let factor = 0.5 + draw(index).of_step(0).uniform_f32();
        for (before, after) in before.iter().zip(&after) {
            let wanted = (f32::from(*before) * factor).clamp(0.0, 255.0);
            assert!((f32::from(*after) - wanted).abs() <= 0.51, "{factor}");
        }
        let after = applied("contrast(0.5)", draw(index), (48, 40));
        let mean: f32 = before
            .as_chunks::<3>()
            .0
            .iter()
            .map(|[r, g, b]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b))
            .sum::<f32>()
            / (48.0 * 40.0);
        for (before, after) in before.iter().zip(&after) {
            let wanted = (mean + (f32::from(*before) - mean) * factor).clamp(0.0, 255.0);
            assert!((f32::from(*after) - wanted).abs() <= 0.6, "{factor}");
        }
    }
}

#[test]
fn erasing_fills_one_rectangle_of_the_right_size() {
    let before = pattern(48, 40);
    for index in 0..50 {
        let after = applied("erase(1,0.1,0.2)", draw(index), (48, 40));
        let changed: Vec<usize> = (0..48 * 40)
            .filter(|pixel| before[pixel * 3..][..3] != after[pixel * 3..][..3])
            .collect();
        let columns = changed.iter().map(|pixel| pixel % 48);
        let rows = changed.iter().map(|pixel| pixel / 48);
        let across = columns.clone().max().unwrap() - columns.min().unwrap() + 1;
        let down = rows.clone().max().unwrap() - rows.min().unwrap() + 1;
        let area = (across * down) as f32 / (48.0 * 40.0);
        assert!((0.08..0.22).contains(&area), "{area}");
    }
}

#[test]
fn shares_of_labels_are_those_of_the_pixels() {
    for text in ["mixup(0.4)", "cutmix(1)", "mixup(0.4) | cutmix(1)"] {
        for index in 0..200 {
            let (share, one, other) = mixed(text, draw(index));
            assert!((0.0..=1.0).contains(&share));
            // The means of the pixels (1 and -3) are mixed as the labels are; their sum stays.
            let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
            assert!((mean(&one) - (share - 3.0 * (1.0 - share))).abs() < 1e-4);
            assert!((mean(&one) + mean(&other) + 2.0).abs() < 1e-4);
        }
    }
    let kinds = (0..100).map(|index| mixed("mixup | cutmix", draw(index)).1);
    let cut = kinds
        .filter(|one| one.iter().all(|v| *v == 1.0 || *v == -3.0))
        .count();
    assert!((20..80).contains(&cut), "{cut}");
}

#[test]
fn any_chain_suits_any_size() {
    let text = "flip | rotate(180) | zoom(0.1,10) | shift(1) | shear(60,60) | crop(0.1) | \
                resized_crop(0.01,1) | brightness(1) | contrast(1) | color(1,0.5) | erase(1,0,1) | \
                trivial | trivial | trivial";
    let augmentation = Augmentation::parse(text).unwrap();
    for (width, height) in [(1, 1), (1, 50), (50, 1), (3, 2)] {
        let rgb = pattern(width, height);
        let stored = Stored {
            width,
            height,
            rgb: &rgb,
        };
        for index in 0..200 {
            for (new_width, new_height) in [(1, 1), (5, 3), (1, 9)] {
                let mut out = vec![0; new_width * new_height * 3];
                augmentation.apply(stored, draw(index), new_width, &mut out);
            }
        }
    }
}

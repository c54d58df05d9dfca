//! JPEGs of every kind, made by an encoder of the tests' own: each becomes the picture that it was
//! made of, or is refused by the right name.
mod encoder;

use encoder::{Codes, Colors, Recipe, Scan, orders, samplings, scripts};
use vision::{DecodeError, Limits, Photo, decode};

fn decoded(bytes: &[u8]) -> Result<Photo, DecodeError> {
    decode(bytes, &Limits::default())
}

fn kind(bytes: &[u8]) -> &'static str {
    decoded(bytes).map_or_else(|error| error.kind(), |_| "photo")
}

/// Decodes, and holds the picture against what was meant: within a step or two on average, which
/// is the quantisation and what is lost between coarse samples.
#[track_caller]
fn right(recipe: &Recipe) -> Photo {
    let photo = decoded(&recipe.encode()).unwrap_or_else(|error| panic!("{error}: {recipe:?}"));
    assert_eq!(
        (photo.width(), photo.height()),
        (recipe.width, recipe.height)
    );
    let (mut sum, mut worst) = (0.0, 0.0f64);
    for row in 0..recipe.height {
        for column in 0..recipe.width {
            let pixel = &photo.rgb()[(row * recipe.width + column) * 3..][..3];
            for (value, meant) in pixel.iter().zip(recipe.rgb(column, row)) {
                let difference = (f64::from(*value) - meant).abs();
                sum += difference;
                worst = worst.max(difference);
            }
        }
    }
    let mean = sum / (recipe.width * recipe.height * 3) as f64;
    assert!(
        mean < 2.5 && worst < 25.0,
        "{mean:.2}, {worst:.1}: {recipe:?}"
    );
    photo
}

/// One scan, a scan a component in any order, and progressive scripts are ways to store the same
/// coefficients: the same picture, to the last bit, and the right one.
#[test]
fn any_sampling_in_any_order_of_scans() {
    for (number, sampling) in samplings().iter().enumerate() {
        // Sides that no unit divides, and in turn ones that it does.
        let (width, height) = [(70, 53), (64, 64), (33, 90)][number % 3];
        let recipe = Recipe::new(width, height, Colors::Ycc, sampling);
        let photo = right(&recipe);
        for other in orders(&recipe) {
            let same = right(&other);
            assert!(same.rgb() == photo.rgb(), "another picture: {other:?}");
        }
    }
}

#[test]
fn any_size() {
    for size in (1..=18).chain([31, 32, 33]) {
        for sampling in [[1, 1], [2, 1], [1, 2], [2, 2]] {
            for (width, height) in [(size, 1), (1, size), (size, size), (size, 40)] {
                let sampling = [sampling, [1, 1], [1, 1]];
                let recipe = Recipe::new(width, height, Colors::Ycc, &sampling);
                let photo = right(&recipe);
                for other in [recipe.clone().separate(&[0, 1, 2]), recipe.progressive(0)] {
                    assert!(right(&other).rgb() == photo.rgb(), "{other:?}");
                }
            }
        }
    }
}

#[test]
fn any_colors() {
    let four = [[1, 1]; 4];
    for (colors, sampling) in [
        (Colors::Rgb, vec![[1, 1]; 3]),
        (Colors::Rgb, vec![[1, 1], [2, 2], [1, 1]]),
        (Colors::Cmyk, four.to_vec()),
        (Colors::Ycck, four.to_vec()),
        (Colors::Ycck, vec![[2, 2], [1, 1], [1, 1], [2, 2]]),
        (Colors::Gray, vec![[1, 1]]),
        // A component alone is beside no others, whatever its factors say.
        (Colors::Gray, vec![[2, 2]]),
        (Colors::Gray, vec![[3, 1]]),
        (Colors::Gray, vec![[1, 4]]),
    ] {
        let recipe = Recipe::new(50, 41, colors, &sampling);
        let photo = right(&recipe);
        let order: Vec<usize> = (0..sampling.len()).rev().collect();
        for other in [
            recipe.clone().separate(&order),
            recipe.clone().progressive(0),
            recipe.clone().progressive(2),
            Recipe {
                interval: 2,
                ..recipe.clone()
            },
        ] {
            assert!(right(&other).rgb() == photo.rgb(), "{other:?}");
        }
    }
}

/// Adobe's segment says what the colours are, but not against JFIF's; the names of the components
/// say it where neither is there.
#[test]
fn colors_by_the_segments() {
    let ycc = Recipe::new(40, 30, Colors::Ycc, &[[1, 1]; 3]);
    for (jfif, adobe) in [
        (true, Some(0)),
        (true, Some(1)),
        (true, None),
        (false, Some(1)),
        (false, None),
    ] {
        right(&Recipe {
            jfif,
            adobe,
            ..ycc.clone()
        });
    }
    for adobe in [Some(0), None] {
        let rgb = Recipe::new(40, 30, Colors::Rgb, &[[1, 1]; 3]);
        right(&Recipe { adobe, ..rgb });
    }
    // A segment too short to be JFIF's, though it begins so, is another's.
    let rgb = Recipe {
        adobe: Some(0),
        ..Recipe::new(40, 30, Colors::Rgb, &[[1, 1]; 3])
    };
    let bytes = rgb.encode();
    let short = b"\xFF\xE0\0\x0EJFIF\0\x01\x01\0\0\x01\0\x01";
    let with_short = [&bytes[..2], short, &bytes[2..]].concat();
    let (plain, other) = (decoded(&bytes).unwrap(), decoded(&with_short).unwrap());
    assert!(plain.rgb() == other.rgb(), "a short segment");
    let cmyk = Recipe::new(40, 30, Colors::Cmyk, &[[1, 1]; 4]);
    for adobe in [Some(0), None] {
        right(&Recipe {
            adobe,
            ..cmyk.clone()
        });
    }
}

/// What may stand in a file beside its picture leaves the picture as it is.
#[test]
fn any_way_to_write_it_down() {
    for colors in [Colors::Ycc, Colors::Gray] {
        let sampling = match colors {
            Colors::Gray => vec![[1, 1]],
            _ => vec![[2, 2], [1, 1], [1, 1]],
        };
        let plain = Recipe::new(75, 60, colors, &sampling);
        let photo = right(&plain);
        let standard = Recipe {
            codes: Codes::Standard,
            ..plain.clone()
        };
        let mut ways = vec![
            Recipe {
                codes: Codes::Long,
                ..plain.clone()
            },
            Recipe {
                without_tables: true,
                ..standard.clone()
            },
            standard,
            Recipe {
                wide_factors: true,
                ..plain.clone()
            },
            Recipe {
                late_lines: true,
                ..plain.clone()
            },
            Recipe {
                filling: 3,
                interval: 2,
                ..plain.clone()
            },
            Recipe {
                without_end: true,
                ..plain.clone()
            },
        ];
        for interval in [1, 2, 7, 1000] {
            ways.push(Recipe {
                interval,
                ..plain.clone()
            });
            ways.push(Recipe {
                interval,
                ..plain.clone().progressive(0)
            });
        }
        ways.push(Recipe {
            codes: Codes::Long,
            without_end: true,
            ..plain.clone().progressive(0)
        });
        for way in ways {
            assert!(right(&way).rgb() == photo.rgb(), "{way:?}");
        }
        // Factors beyond a byte: coarser, and still the picture.
        right(&Recipe {
            wide_factors: true,
            factor: 8,
            ..plain
        });
    }
}

/// The markers of `bytes`: where each one's 0xFF stands, and what it is.
fn markers(bytes: &[u8]) -> Vec<(usize, u8)> {
    let pairs = bytes.windows(2).enumerate();
    pairs
        .filter(|(_, pair)| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))
        .map(|(at, pair)| (at, pair[1]))
        .collect()
}

/// Data that stop early are missing, whatever follows them: nothing, or an end marker.
#[test]
fn what_ends_early_is_truncated() {
    let baseline = Recipe::new(90, 70, Colors::Ycc, &[[2, 2], [1, 1], [1, 1]]);
    let gray = Recipe::new(90, 70, Colors::Gray, &[[1, 1]]);
    for recipe in [
        baseline.clone(),
        baseline.clone().separate(&[0, 1, 2]),
        Recipe {
            interval: 4,
            ..baseline.clone()
        },
        gray.clone(),
        gray.progressive(1),
        baseline.clone().progressive(0),
        baseline.progressive(2),
    ] {
        let bytes = recipe.encode();
        let found = markers(&bytes);
        let scans: Vec<usize> = found
            .iter()
            .filter(|(_, marker)| *marker == 0xDA)
            .map(|(at, _)| *at)
            .collect();
        let first = scans[0] + 14;
        for cut in (first..bytes.len() - 3).step_by(7) {
            let with_end = [&bytes[..cut], b"\xFF\xD9"].concat();
            // Before the header of a further scan a progressive file is a whole one of less detail.
            let before_a_scan = recipe.progressive
                && scans[1..]
                    .iter()
                    .any(|scan| (scan - 1..scan + 2).contains(&cut));
            if !before_a_scan {
                assert_eq!(kind(&with_end), "truncated", "at {cut} of {}", bytes.len());
            }
            assert_eq!(kind(&bytes[..cut]), "truncated", "at {cut}, without end");
        }
    }
}

/// A progressive file may end after any scan: a picture of less detail, and still the right one.
#[test]
fn a_progressive_file_may_have_fewer_scans() {
    let whole = Recipe::new(64, 48, Colors::Ycc, &[[2, 2], [1, 1], [1, 1]]);
    for scans in 7..scripts(3)[0].len() {
        let mut recipe = whole.clone().progressive(0);
        recipe.script.truncate(scans);
        right(&recipe);
    }
    // Without any scan of a component nothing says what its picture is.
    let missing = Recipe {
        script: vec![Scan::whole(&[0]), Scan::whole(&[1])],
        ..whole
    };
    assert_eq!(kind(&missing.encode()), "truncated");
}

/// The rest of a file whose room was taken before its content came is zeros, which can be code words.
#[test]
fn zeros_in_place_of_the_rest_are_missing_data() {
    // The zeros may begin inside of a segment, which is then damaged.
    let missing = |bytes: &[u8]| matches!(kind(bytes), "truncated" | "damaged");
    let baseline = Recipe::new(200, 150, Colors::Ycc, &[[2, 2], [1, 1], [1, 1]]);
    for recipe in [
        baseline.clone(),
        baseline.clone().separate(&[0, 1, 2]),
        Recipe::new(200, 150, Colors::Gray, &[[1, 1]]),
        baseline.progressive(0),
    ] {
        let bytes = recipe.encode();
        for percent in [30, 50, 70, 90] {
            let kept = bytes.len() * percent / 100;
            let mut zeros = bytes.clone();
            zeros[kept..].fill(0);
            assert!(missing(&zeros), "{percent} %: {recipe:?}");
            zeros.extend(b"\xFF\xD9");
            assert!(missing(&zeros), "{percent} % and an end: {recipe:?}");
        }
        // Zeros behind the end marker, as sectors are filled up with, say nothing.
        right(&recipe);
        let filled = [&bytes[..], &[0; 4096]].concat();
        assert_eq!(
            decoded(&filled).unwrap().rgb(),
            decoded(&bytes).unwrap().rgb()
        );
    }
}

/// A restart marker that is missing, superfluous or another one: data have been lost.
#[test]
fn wrong_restart_markers_are_damage() {
    let recipe = Recipe {
        interval: 2,
        ..Recipe::new(90, 70, Colors::Ycc, &[[2, 1], [1, 1], [1, 1]])
    };
    let bytes = recipe.encode();
    let restarts: Vec<usize> = markers(&bytes)
        .iter()
        .filter(|(_, marker)| matches!(marker, 0xD0..=0xD7))
        .map(|(at, _)| *at)
        .collect();
    assert!(restarts.len() > 10);
    let [second, third] = [restarts[1], restarts[2]];
    let without = [&bytes[..second], &bytes[second + 2..]].concat();
    let without_part = [&bytes[..second], &bytes[third..]].concat();
    let twice = [
        &bytes[..second],
        &bytes[second..second + 2],
        &bytes[second..],
    ]
    .concat();
    let mut renamed = bytes.clone();
    renamed[second + 1] ^= 2;
    for damaged in [without, without_part, twice, renamed] {
        assert_eq!(kind(&damaged), "damaged");
    }
    // Of a file that says nothing of restarts.
    let plain = Recipe {
        interval: 0,
        ..recipe
    }
    .encode();
    let middle = plain.len() * 3 / 4;
    let inside = [&plain[..middle], b"\xFF\xD0", &plain[middle..]].concat();
    assert_eq!(kind(&inside), "damaged");
}

/// The kinds that are not read are named, and not taken for damage.
#[test]
fn rare_kinds_are_named() {
    let bytes = Recipe::new(20, 20, Colors::Ycc, &[[1, 1]; 3]).encode();
    let frame = markers(&bytes).iter().find(|(_, m)| *m == 0xC1).unwrap().0;
    for marker in [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF] {
        let mut rare = bytes.clone();
        rare[frame + 1] = marker;
        assert_eq!(kind(&rare), "unsupported_feature", "{marker:#x}");
    }
    let mut deep = bytes.clone();
    deep[frame + 4] = 12;
    assert_eq!(kind(&deep), "unsupported_feature");
    let two = Recipe::new(20, 20, Colors::Ycc, &[[1, 1]; 2]).encode();
    assert_eq!(kind(&two), "unsupported_feature");
    let five = Recipe::new(20, 20, Colors::Ycc, &[[1, 1]; 5]).separate(&[0, 1, 2, 3, 4]);
    assert_eq!(kind(&five.encode()), "unsupported_feature");
}

/// Half a picture's pixels from few bytes: refused before memory is taken for them.
#[test]
fn more_blocks_than_bits_are_truncated() {
    let mut bytes = Recipe::new(20, 20, Colors::Ycc, &[[1, 1]; 3]).encode();
    let frame = markers(&bytes).iter().find(|(_, m)| *m == 0xC1).unwrap().0;
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    assert_eq!(kind(&bytes), "truncated");
}

/// Bits turned at random: an error or a picture, and no panic that a debug build would have.
#[test]
fn damage_to_every_kind_is_survived() {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let limits = Limits {
        pixels: 1 << 20,
        ..Limits::default()
    };
    for sampling in samplings() {
        let recipe = Recipe::new(40, 33, Colors::Ycc, &sampling);
        let kinds = [
            recipe.clone(),
            recipe.clone().separate(&[1, 0, 2]),
            recipe.clone().progressive(0),
            Recipe {
                interval: 2,
                codes: Codes::Long,
                ..recipe.progressive(2)
            },
        ];
        for recipe in kinds {
            let bytes = recipe.encode();
            for _ in 0..20 {
                let mut damaged = bytes.clone();
                for _ in 0..1 + random(6) {
                    let at = random(damaged.len() - 2) + 2;
                    damaged[at] = random(256) as u8;
                }
                let outcome = decode(&damaged, &limits);
                if let Err(DecodeError::Damaged { detail, .. }) = &outcome {
                    assert_ne!(detail, "the decoder gave up", "{recipe:?}");
                }
            }
        }
    }
}

//! Files cut off, damaged or made to do harm: an error of the right kind, never a panic, and soon.
use std::time::{Duration, Instant};

use vision::{Budget, DecodeError, Excess, Limits, decode, decode_within};

fn photo(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/photos/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn golden(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn kind(bytes: &[u8]) -> &'static str {
    decode(bytes, &Limits::default()).map_or_else(|error| error.kind(), |_| "photo")
}

#[test]
fn a_jpeg_cut_at_any_twentieth_is_truncated() {
    let files = [
        photo("saint_bernard_187.jpg"),
        photo("beagle_14.jpg"),
        golden("formats/progressive_420.jpg"),
        golden("formats/progressive_444.jpg"),
        golden("formats/sampling_422.jpg"),
        golden("formats/gray.jpg"),
        golden("formats/cmyk.jpg"),
        golden("formats/restarts.jpg"),
    ];
    for bytes in files {
        for twentieth in 1..20 {
            let cut = &bytes[..bytes.len() * twentieth / 20];
            assert_eq!(
                kind(cut),
                "truncated",
                "at {twentieth}/20 of {}",
                bytes.len()
            );
        }
        // Every single cut in the last MCU rows, but for the end marker itself and the bits that
        // fill up the last byte before it.
        for missing in 12..200.min(bytes.len() / 2) {
            assert_eq!(
                kind(&bytes[..bytes.len() - missing]),
                "truncated",
                "without {missing}"
            );
        }
    }
}

#[test]
fn a_jpeg_without_its_end_marker_is_a_photo() {
    for name in [
        "formats/sampling_420.jpg",
        "formats/progressive_420.jpg",
        "formats/gray.jpg",
    ] {
        let bytes = golden(name);
        let whole = decode(&bytes, &Limits::default()).unwrap();
        for missing in [1, 2] {
            let without = decode(&bytes[..bytes.len() - missing], &Limits::default()).unwrap();
            assert_eq!(whole.rgb(), without.rgb(), "{name}");
        }
    }
}

#[test]
fn other_formats_cut_short_are_broken() {
    let names = [
        "formats/palette_8.png",
        "formats/rgb_16.png",
        "formats/lossy.webp",
        "formats/lossless.webp",
        "formats/animated.webp",
        "formats/plain.gif",
        "formats/bits_24.bmp",
        "formats/rgb.tif",
        #[cfg(feature = "heic")]
        "heic/plain.heic",
        #[cfg(feature = "heic")]
        "heic/grid.heic",
    ];
    for name in names {
        let bytes = golden(name);
        for twentieth in 1..20 {
            let kind = kind(&bytes[..bytes.len() * twentieth / 20]);
            // Of a TIFF the directory stands at the end, of an animation later frames do.
            let later_frame = name.contains("animated") && kind == "photo";
            assert!(
                matches!(kind, "truncated" | "damaged") || later_frame,
                "{name} at {twentieth}/20: {kind}"
            );
        }
    }
}

/// Runs of a bitmap that end before its last row leave the rest black, without a word of it.
#[test]
fn a_bitmap_of_runs_that_end_early_is_truncated() {
    // 8 columns, 3 rows, a palette of 256 grays.
    let bitmap = |compression: u32, runs: &[u8]| {
        let mut bytes = b"BM".to_vec();
        let start = 14 + 40 + 4 * 256;
        bytes.extend((start + runs.len() as u32).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(start.to_le_bytes());
        for value in [40u32, 8, 3] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([1, 0, if compression == 1 { 8 } else { 4 }, 0]);
        bytes.extend(compression.to_le_bytes());
        bytes.extend((runs.len() as u32).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(if compression == 1 { 256u32 } else { 16 }.to_le_bytes());
        bytes.extend([0; 4]);
        for gray in 0..=255u8 {
            bytes.extend([gray, gray, gray, 0]);
        }
        bytes.extend(runs);
        bytes
    };
    let kind = |bytes: &[u8]| {
        decode(bytes, &Limits::default()).map_or_else(|error| error.kind(), |_| "photo")
    };
    for compression in [1, 2] {
        let row: &[u8] = &[8, 0x22, 0, 0];
        let end: &[u8] = &[0, 1];
        assert_eq!(
            kind(&bitmap(compression, &[row, row, row, end].concat())),
            "photo"
        );
        // The last row without its own end.
        assert_eq!(
            kind(&bitmap(compression, &[row, row, &row[..2], end].concat())),
            "photo"
        );
        assert_eq!(
            kind(&bitmap(compression, &[row, row, end].concat())),
            "truncated"
        );
        assert_eq!(
            kind(&bitmap(compression, &[row, end].concat())),
            "truncated"
        );
        assert_eq!(kind(&bitmap(compression, row)), "truncated");
        // Values as they are, three of them, and a step of two rows.
        let plain: &[u8] = if compression == 1 {
            &[0, 3, 1, 2, 3, 0, 0, 0]
        } else {
            &[0, 3, 0x12, 0x30, 0, 0]
        };
        assert_eq!(
            kind(&bitmap(compression, &[plain, plain, plain, end].concat())),
            "photo"
        );
        assert_eq!(
            kind(&bitmap(compression, &[plain, end].concat())),
            "truncated"
        );
        assert_eq!(
            kind(&bitmap(compression, &[row, &[0, 2, 1, 1], end].concat())),
            "photo"
        );
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_allocated() {
    // The header of a PNG of 30,000 x 30,000 and a little of its data.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0".to_vec();
    bomb.extend_from_slice(&crc(&bomb[12..]).to_be_bytes());
    bomb.extend_from_slice(b"\0\0\0\x10IDAT");
    bomb.extend_from_slice(&[0x78; 20]);
    let start = Instant::now();
    assert_eq!(
        decode(&bomb, &Limits::default()).unwrap_err(),
        DecodeError::TooLarge {
            what: Excess::Pixels,
            found: 900_000_000,
            limit: 100_000_000
        }
    );
    assert!(start.elapsed() < Duration::from_millis(100));

    let limits = Limits {
        bytes: 100,
        ..Limits::default()
    };
    assert!(matches!(
        decode(&[0xFF; 101], &limits),
        Err(DecodeError::TooLarge {
            what: Excess::Bytes,
            found: 101,
            limit: 100
        })
    ));
    let limits = Limits {
        pixels: 44 * 30 - 1,
        ..Limits::default()
    };
    for name in [
        "plain.gif",
        "lossy.webp",
        "lossless.webp",
        "gray_8.png",
        "gray.tif",
        "bits_8.bmp",
    ] {
        let error = decode(&golden(&format!("formats/{name}")), &limits).unwrap_err();
        assert_eq!(error.kind(), "too_large", "{name}: {error}");
    }
    #[cfg(feature = "heic")]
    for name in ["plain.heic", "grid.heic"] {
        let error = decode(&golden(&format!("heic/{name}")), &limits).unwrap_err();
        assert_eq!(error.kind(), "too_large", "{name}: {error}");
    }
    // A side of 44 pixels, of a picture with few.
    let limits = Limits {
        side: 43,
        ..Limits::default()
    };
    let mut names = vec!["formats/progressive_420.jpg"];
    names.extend([
        "formats/plain.gif",
        "formats/lossy.webp",
        "formats/lossless.webp",
    ]);
    names.extend([
        "formats/gray_8.png",
        "formats/gray.tif",
        "formats/bits_8.bmp",
    ]);
    #[cfg(feature = "heic")]
    names.extend(["heic/plain.heic", "heic/grid.heic"]);
    for name in names {
        let error = decode(&golden(name), &limits).unwrap_err();
        let side = matches!(
            error,
            DecodeError::TooLarge {
                what: Excess::Side,
                ..
            }
        );
        assert!(side, "{name}: {error}");
    }
    let limits = Limits {
        scans: 5,
        ..Limits::default()
    };
    assert!(matches!(
        decode(&golden("formats/progressive_420.jpg"), &limits),
        Err(DecodeError::TooLarge {
            what: Excess::Scans,
            ..
        })
    ));
}

#[test]
fn a_photo_too_large_for_the_memory_is_told_from_one_that_must_wait() {
    let bytes = golden("formats/gray_8.png");
    let limits = Limits {
        patience: Some(Duration::ZERO),
        ..Limits::default()
    };
    let error = decode_within(&bytes, &limits, &Budget::new(1000)).unwrap_err();
    let DecodeError::TooLarge {
        what: Excess::Memory,
        found,
        limit: 1000,
    } = error
    else {
        panic!("{error}")
    };
    // Room for one such photo while it is decoded, not for another beside it.
    let budget = Budget::new(found as usize);
    let photo = decode_within(&bytes, &limits, &budget).unwrap();
    assert_eq!(budget.taken(), photo.rgb().len());
    let second = decode_within(&bytes, &limits, &budget);
    assert_eq!(second, Err(DecodeError::Busy));
    // A copy and a part are counted with it, until they are dropped.
    let (copy, part) = (photo.clone(), photo.crop(0, 0, 10, 10).unwrap());
    assert_eq!(budget.taken(), 2 * photo.rgb().len() + 300);
    drop((photo, copy, part));
    assert_eq!(budget.taken(), 0);
    assert!(decode_within(&bytes, &limits, &budget).is_ok());
}

/// Where the content of a box of this kind begins: the only one of a file of `golden`.
#[cfg(feature = "heic")]
fn content(file: &[u8], kind: &[u8; 4]) -> usize {
    let mut found = file.windows(4).enumerate().filter(|(_, name)| name == kind);
    found.next().unwrap().0 + 4
}

/// A grid of 1,600 tiles that are one item, whose coded picture is followed by 4 MB of filler: 6.7 GB
/// to copy and to look through.
#[cfg(feature = "heic")]
#[test]
fn a_heic_that_reads_one_item_many_times_is_refused_at_once() {
    const FILLER: u32 = 4 << 20;
    let mut bytes = golden("heic/bomb.heic");
    let grow = |bytes: &mut [u8], at: usize, by: u32| {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes[at..at + 4].copy_from_slice(&(size + by).to_be_bytes());
    };
    // The second entry of `iloc`, of 14 bytes like the first; its length stands last.
    let length = content(&bytes, b"iloc") + 8 + 2 * 14 - 4;
    grow(&mut bytes, length, FILLER + 4);
    let media = content(&bytes, b"mdat") - 8;
    grow(&mut bytes, media, FILLER + 4);
    bytes.extend(FILLER.to_be_bytes());
    // A unit of filler data (38).
    bytes.extend([38 << 1, 1]);
    bytes.resize(bytes.len() + FILLER as usize - 2, 0xFF);

    let limits = Limits {
        pixels: 1_000_000_000,
        ..Limits::default()
    };
    let start = Instant::now();
    let error = decode(&bytes, &limits).unwrap_err();
    let took = start.elapsed();
    assert!(
        matches!(
            error,
            DecodeError::TooLarge {
                what: Excess::Bytes,
                ..
            }
        ),
        "{error}"
    );
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// A picture of one tile, which says that it is made of the picture.
#[cfg(feature = "heic")]
#[test]
fn a_heic_whose_items_are_parts_of_each_other_is_damaged() {
    let mut bytes = golden("heic/bomb.heic");
    let grid = content(&bytes, b"mdat");
    bytes[grid + 2..grid + 8].copy_from_slice(&[0, 0, 0, 8, 0, 8]);
    // The only box of references becomes three of the same length together.
    let start = content(&bytes, b"dimg") - 8;
    let size = u32::from_be_bytes(bytes[start..start + 4].try_into().unwrap());
    let part = |of: u8, to: u8| [&[0, 0, 0, 14], &b"dimg"[..], &[0, of, 0, 1, 0, to]].concat();
    let rest = size - 28;
    let to = u16::try_from((rest - 12) / 2).unwrap();
    let rest = [&rest.to_be_bytes()[..], b"none", &[0, 9], &to.to_be_bytes()];
    let boxes = [part(1, 2), part(2, 1), rest.concat()].concat();
    bytes[start..start + boxes.len()].copy_from_slice(&boxes);
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("nested too deeply"), "{error}");
}

/// The checksum of PNG's chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

#[test]
fn text_with_the_name_of_a_photo_is_no_photo() {
    assert_eq!(kind(b""), "empty");
    assert_eq!(kind(b"Dear diary, today I met a dog."), "not_a_photo");
    assert_eq!(kind(b"<html><body>404</body></html>"), "not_a_photo");
}

/// Bytes changed at random and files cut at random, from every sample at hand: whatever comes out,
/// it comes soon and without a panic that reaches the caller.
#[test]
fn damage_at_random_is_survived() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut paths: Vec<_> = ["formats", "heic"]
        .iter()
        .flat_map(|sub| std::fs::read_dir(format!("{folder}/{sub}")).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    // A fixed sequence, so that a failure repeats (Marsaglia's xorshift).
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let rounds: usize = std::env::var("MUSEAU_DAMAGE_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20);
    let mut slowest = (Duration::ZERO, String::new());
    // A damaged header may ask for a large picture: at most this many pixels are tried.
    let limits = Limits {
        pixels: 4_000_000,
        ..Limits::default()
    };
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        for round in 0..rounds {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random(8) {
                let at = random(damaged.len());
                // The header matters most: half of the damage is there.
                let at = if random(2) == 0 {
                    at.min(random(400))
                } else {
                    at
                };
                damaged[at] = match random(4) {
                    0 => 0xFF,
                    1 => 0,
                    _ => random(256) as u8,
                };
            }
            if random(4) == 0 {
                damaged.truncate(1 + random(damaged.len()));
            }
            let start = Instant::now();
            let _ = decode(&damaged, &limits);
            let time = start.elapsed();
            if time > slowest.0 {
                slowest = (time, format!("{} round {round}", path.display()));
            }
        }
    }
    println!("slowest damaged file: {:.0?}, {}", slowest.0, slowest.1);
    assert!(slowest.0 < Duration::from_secs(20), "{slowest:?}");
}

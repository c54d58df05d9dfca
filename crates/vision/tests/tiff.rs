//! Variants of TIFF, made here: what each pixel must be, or that the variant is refused.
#[path = "jpeg/encoder.rs"]
#[allow(
    dead_code,
    reason = "its other colours and orders have tests of their own"
)]
mod encoder;
mod made;

use encoder::{Colors, Recipe};
use made::*;
use vision::{Limits, decode};

const GRAY: u32 = 1;
const WHITE_IS_ZERO: u32 = 0;
const RGB: u32 = 2;
const PALETTE: u32 = 3;
const CMYK: u32 = 5;

fn rgb(tiff: &Tiff) -> Vec<u8> {
    let photo = decode(&tiff.to_bytes(), &Limits::default());
    photo
        .unwrap_or_else(|error| panic!("{error}"))
        .rgb()
        .to_vec()
}

fn kind(tiff: &Tiff) -> &'static str {
    decode(&tiff.to_bytes(), &Limits::default())
        .unwrap_err()
        .kind()
}

/// Four pixels: opaque, half, clear, and one whose colours are greater than its opacity.
const FOUR: [u8; 16] = [
    200, 100, 0, 255, 100, 50, 0, 128, 0, 0, 0, 0, 9, 9, 255, 250,
];
/// The first three colours of each, plus what the opacity leaves of white.
const FOUR_ON_WHITE: [u8; 12] = [200, 100, 0, 227, 177, 127, 255, 255, 255, 14, 14, 255];

#[test]
fn associated_alpha_is_multiplied_already() {
    let eight = Tiff::new(4, 1, RGB, &[8; 4], FOUR.to_vec()).with(EXTRA, &[1]);
    assert_eq!(rgb(&eight), FOUR_ON_WHITE);
    // Of 16 bits in both orders of bytes.
    for big_endian in [false, true] {
        let wide = FOUR.iter().flat_map(|&value| {
            let value = u16::from(value) * 257;
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        });
        let mut sixteen = Tiff::new(4, 1, RGB, &[16; 4], wide.collect()).with(EXTRA, &[1]);
        sixteen.big_endian = big_endian;
        assert_eq!(rgb(&sixteen), FOUR_ON_WHITE);
    }
    // As differences.
    let mut differences = FOUR;
    for index in (4..16).rev() {
        differences[index] = differences[index].wrapping_sub(differences[index - 4]);
    }
    let differing = Tiff::new(4, 1, RGB, &[8; 4], differences.to_vec())
        .with(EXTRA, &[1])
        .with(PREDICTOR, &[2]);
    assert_eq!(rgb(&differing), FOUR_ON_WHITE);
    // In tiles of 16 x 16, of which the picture has a corner each.
    let mut tiled = Tiff::new(4, 1, RGB, &[8; 4], Vec::new())
        .with(EXTRA, &[1])
        .with(TILE_WIDTH, &[16])
        .with(TILE_HEIGHT, &[16]);
    tiled.parts[0] = FOUR.to_vec();
    tiled.parts[0].resize(16 * 16 * 4, 77);
    assert_eq!(rgb(&tiled), FOUR_ON_WHITE);
}

#[test]
fn other_samples_behind_the_colours() {
    let straight = Tiff::new(2, 1, RGB, &[8; 4], vec![200, 100, 0, 51, 1, 2, 3, 255]);
    let on_white = [244, 224, 204, 1, 2, 3];
    assert_eq!(rgb(&straight.with(EXTRA, &[2])), on_white);
    // Programs that name no kind of the fourth mean an opacity.
    let unnamed = Tiff::new(2, 1, RGB, &[8; 4], vec![200, 100, 0, 51, 1, 2, 3, 255]);
    assert_eq!(rgb(&unnamed), on_white);
    // One that means nothing is left out, and so is one behind an opacity.
    let nothing = Tiff::new(2, 1, RGB, &[8; 4], vec![200, 100, 0, 51, 1, 2, 3, 255]);
    let nothing = nothing.with(EXTRA, &[0]);
    assert_eq!(rgb(&nothing), [200, 100, 0, 1, 2, 3]);
    let fifth = Tiff::new(1, 1, RGB, &[8; 5], vec![100, 50, 0, 128, 9]).with(EXTRA, &[1, 0]);
    assert_eq!(rgb(&fifth), [227, 177, 127]);
    // The library adds up differences after it has left a sample out.
    assert_eq!(kind(&nothing.with(PREDICTOR, &[2])), "unsupported_feature");
    let gray = Tiff::new(2, 1, GRAY, &[8; 2], vec![0, 255, 100, 51]).with(EXTRA, &[2]);
    assert_eq!(rgb(&gray), [0, 0, 0, 224, 224, 224]);
    let gray = Tiff::new(1, 1, GRAY, &[8; 2], vec![100, 51]).with(EXTRA, &[1]);
    assert_eq!(kind(&gray), "unsupported_feature");
    let ink = Tiff::new(1, 1, CMYK, &[8; 5], vec![1, 2, 3, 4, 51]).with(EXTRA, &[1]);
    assert_eq!(kind(&ink), "unsupported_feature");
}

#[test]
fn bits_may_be_the_other_way_round() {
    let pixels = [0b1010_0000, 0b0111_0000];
    let expected: Vec<u8> = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
        .iter()
        .flat_map(|bit| [255 * bit; 3])
        .collect();
    // The first byte has 8 pixels, the second 5: 0 1 1 1 0.
    let expected = [&expected[..8 * 3], &[0; 3], &[255; 9], &[0; 3]].concat();
    let straight = Tiff::new(13, 1, GRAY, &[1], pixels.to_vec());
    assert_eq!(rgb(&straight), expected);
    let turned = pixels.map(u8::reverse_bits).to_vec();
    let tiff = Tiff::new(13, 1, GRAY, &[1], turned.clone()).with(FILL_ORDER, &[2]);
    assert_eq!(rgb(&tiff), expected);
    let inverted: Vec<u8> = expected.iter().map(|value| 255 - value).collect();
    let tiff = Tiff::new(13, 1, WHITE_IS_ZERO, &[1], turned.clone()).with(FILL_ORDER, &[2]);
    assert_eq!(rgb(&tiff), inverted);
    // Packed (PackBits: one more than the first byte follow), and turned as a whole.
    let packed = [1, pixels[0], pixels[1]].map(u8::reverse_bits).to_vec();
    let tiff = Tiff::new(13, 1, GRAY, &[1], packed).with(FILL_ORDER, &[2]);
    assert_eq!(rgb(&tiff.with(COMPRESSION, &[32773])), expected);
    // Of 8 bits, in two strips.
    let mut two = Tiff::new(1, 2, GRAY, &[8], vec![1u8.reverse_bits()]).with(FILL_ORDER, &[2]);
    two.parts.push(vec![200u8.reverse_bits()]);
    assert_eq!(rgb(&two.with(ROWS, &[1])), [1, 1, 1, 200, 200, 200]);
    // A palette's indices too.
    let mut map = vec![0; 6];
    (map[1], map[3], map[5]) = (0x1100, 0x2200, 0x3300);
    let tiff = Tiff::new(2, 1, PALETTE, &[1], vec![0b10u8]).with(COLOR_MAP, &map);
    assert_eq!(
        rgb(&tiff.with(FILL_ORDER, &[2])),
        [0, 0, 0, 0x11, 0x22, 0x33]
    );
}

#[test]
fn strips_tiles_and_depths_make_the_same_picture() {
    let (width, height) = (37, 21);
    let pixels: Vec<u8> = (0..width * height * 3)
        .map(|i| (i * 7919 % 256) as u8)
        .collect();
    let (columns, rows) = (width as usize, height as usize);
    for depth in [8, 16] {
        let stored = |values: &[u8]| -> Vec<u8> {
            match depth {
                8 => values.to_vec(),
                _ => values.iter().flat_map(|&value| [99, value]).collect(),
            }
        };
        let whole = Tiff::new(width, height, RGB, &[depth; 3], stored(&pixels));
        assert_eq!(rgb(&whole), pixels);
        let mut strips = Tiff::new(width, height, RGB, &[depth; 3], Vec::new()).with(ROWS, &[4]);
        strips.parts = pixels.chunks(columns * 3 * 4).map(stored).collect();
        assert_eq!(rgb(&strips), pixels);
        let mut tiles = Tiff::new(width, height, RGB, &[depth; 3], Vec::new())
            .with(TILE_WIDTH, &[16])
            .with(TILE_HEIGHT, &[16]);
        tiles.parts.clear();
        for top in (0..rows).step_by(16) {
            for left in (0..columns).step_by(16) {
                let mut tile = vec![5; 16 * 16 * 3];
                for row in top..rows.min(top + 16) {
                    let length = (columns - left).min(16) * 3;
                    let line = &pixels[(row * columns + left) * 3..][..length];
                    tile[(row - top) * 16 * 3..][..length].copy_from_slice(line);
                }
                tiles.parts.push(stored(&tile));
            }
        }
        assert_eq!(rgb(&tiles), pixels);
    }
}

#[test]
fn what_asks_for_too_much_is_refused_before_it_is_taken() {
    let small = || Tiff::new(1, 1, RGB, &[8; 3], vec![1, 2, 3]);
    let tile = small()
        .with(TILE_WIDTH, &[1 << 31])
        .with(TILE_HEIGHT, &[16]);
    assert_eq!(kind(&tile), "too_large");
    let tile = small()
        .with(TILE_WIDTH, &[16])
        .with(TILE_HEIGHT, &[1 << 31]);
    assert_eq!(kind(&tile), "too_large");
    let many = small().with(SAMPLES, &[65_535]).with(BITS, &[8]);
    assert_eq!(kind(&many), "unsupported_feature");
    let planes = small().with(PLANAR, &[2]);
    assert!(matches!(kind(&planes), "unsupported_feature" | "damaged"));
    let signed = small().with(SAMPLE_FORMAT, &[2]);
    assert_eq!(kind(&signed), "unsupported_feature");
    // A JPEG of 4,000 x 4,000 in a strip of one pixel.
    let mut jpeg = b"\xFF\xD8\xFF\xC0\0\x11\x08\x0F\xA0\x0F\xA0\x03".to_vec();
    jpeg.extend(b"\x01\x11\0\x02\x11\0\x03\x11\0\xFF\xD9");
    let mut strip = small().with(COMPRESSION, &[7]);
    strip.parts = vec![jpeg];
    let error = decode(&strip.to_bytes(), &Limits::default()).unwrap_err();
    assert!(
        error.to_string().contains("larger than the strip"),
        "{error}"
    );
    // Strips that lie upon each other cannot be turned, each for itself.
    let mut overlapping = Tiff::new(1, 2, GRAY, &[8], vec![1, 2]).with(FILL_ORDER, &[2]);
    overlapping.parts.push(vec![3, 4]);
    let overlapping = overlapping.with(ROWS, &[1]);
    assert!(decode(&overlapping.to_bytes(), &Limits::default()).is_ok());
    let mut bytes = overlapping.to_bytes();
    // The second strip's start, of 16 bits, behind the first's.
    let starts = bytes
        .windows(4)
        .position(|window| window == [8, 0, 10, 0])
        .unwrap();
    bytes[starts + 2] = 9;
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("overlap"), "{error}");
}

/// A TIFF whose strips are JPEGs.
fn of_jpegs(recipe: &Recipe, photometric: u32, strips: Vec<Vec<u8>>) -> Tiff {
    let bits = vec![8; recipe.sampling.len()];
    let (width, height) = (recipe.width as u32, recipe.height as u32);
    let mut tiff = Tiff::new(width, height, photometric, &bits, Vec::new()).with(COMPRESSION, &[7]);
    tiff.parts = strips;
    tiff
}

/// A JPEG in a strip is read as one in a file: whatever its sampling and the order of its scans.
#[test]
fn strips_of_jpeg_are_read_as_files_of_jpeg() {
    const YCBCR: u32 = 6;
    for sampling in [
        vec![[1, 1], [1, 1], [1, 1]],
        vec![[2, 2], [1, 1], [1, 1]],
        vec![[1, 2], [1, 1], [1, 1]],
        vec![[2, 1], [1, 1], [1, 1]],
    ] {
        let together = Recipe::new(70, 53, Colors::Ycc, &sampling);
        for recipe in [
            together.clone(),
            together.clone().separate(&[0, 1, 2]),
            together.clone().progressive(0),
        ] {
            let bytes = recipe.encode();
            let file = decode(&bytes, &Limits::default()).unwrap();
            let tiff = of_jpegs(&recipe, YCBCR, vec![bytes]);
            assert_eq!(rgb(&tiff), file.rgb(), "{recipe:?}");
        }
    }
    let gray = Recipe::new(70, 53, Colors::Gray, &[[1, 1]]);
    let bytes = gray.encode();
    let file = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(rgb(&of_jpegs(&gray, GRAY, vec![bytes.clone()])), file.rgb());
    let white: Vec<u8> = file.rgb().iter().map(|value| 255 - value).collect();
    assert_eq!(rgb(&of_jpegs(&gray, WHITE_IS_ZERO, vec![bytes])), white);
}

/// The tables may stand apart, once for all strips.
#[test]
fn strips_of_jpeg_may_share_their_tables() {
    let recipe = Recipe::new(48, 32, Colors::Gray, &[[1, 1]]);
    let bytes = recipe.encode();
    let file = decode(&bytes, &Limits::default()).unwrap();
    // The segments, after the start marker and before the scan's data.
    let mut tables = vec![0xFF, 0xD8];
    let mut rest = vec![0xFF, 0xD8];
    let mut at = 2;
    while bytes[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let of_tables = matches!(bytes[at + 1], 0xC4 | 0xDB);
        let segments = if of_tables { &mut tables } else { &mut rest };
        segments.extend(&bytes[at..end]);
        at = end;
    }
    tables.extend([0xFF, 0xD9]);
    rest.extend(&bytes[at..]);
    let values: Vec<u32> = tables.iter().map(|&byte| u32::from(byte)).collect();
    let mut tiff = of_jpegs(&recipe, GRAY, vec![rest.clone(), rest]);
    tiff = tiff
        .with(257, &[64])
        .with(ROWS, &[32])
        .with(JPEG_TABLES, &values);
    assert_eq!(rgb(&tiff), [file.rgb(), file.rgb()].concat());
}

/// A strip's JPEG that ends early is missing data, as a file's is; a smaller one is damage.
#[test]
fn a_strip_of_jpeg_that_ends_early_is_truncated() {
    let recipe = Recipe::new(90, 70, Colors::Gray, &[[1, 1]]);
    let bytes = recipe.encode();
    for part in [3, 2] {
        let cut = bytes.len() - bytes.len() / part;
        for end in [&b""[..], b"\xFF\xD9"] {
            let strip = [&bytes[..cut], end].concat();
            assert_eq!(kind(&of_jpegs(&recipe, GRAY, vec![strip])), "truncated");
        }
    }
    let smaller = Recipe::new(80, 70, Colors::Gray, &[[1, 1]]).encode();
    assert_eq!(kind(&of_jpegs(&recipe, GRAY, vec![smaller])), "damaged");
}

//! Made-up photos for tests: patches and lines drawn by a seed, so that corners are there to find.

use tensor::Random;

/// A scene as RGB pixels: 60 rectangles of random colours over a slope.
pub(crate) fn pixels(seed: u64, width: usize, height: usize) -> Vec<u8> {
    let mut random = Random::new(seed, 0, 0);
    let mut rgb: Vec<u8> = (0..width * height)
        .flat_map(|place| {
            [
                (place % width * 200 / width) as u8,
                (place / width * 200 / height) as u8,
                90,
            ]
        })
        .collect();
    for _ in 0..60 {
        let size =
            |random: &mut Random, side: usize| 1 + random.below(side as u32 / 4 + 1) as usize;
        let (across, down) = (size(&mut random, width), size(&mut random, height));
        let left = random.below(width as u32) as usize;
        let top = random.below(height as u32) as usize;
        let color = [(); 3].map(|()| random.below(256) as u8);
        for row in top..(top + down).min(height) {
            for column in left..(left + across).min(width) {
                rgb[(row * width + column) * 3..][..3].copy_from_slice(&color);
            }
        }
    }
    rgb
}

/// Pixels as a JPEG.
pub(crate) fn encode(rgb: &[u8], width: usize, height: usize, quality: u8) -> Vec<u8> {
    vision::encode::small_jpeg(width, height, rgb, quality).unwrap()
}

/// A scene as a JPEG.
pub(crate) fn jpeg(seed: u64, width: usize, height: usize) -> Vec<u8> {
    encode(&pixels(seed, width, height), width, height, 90)
}

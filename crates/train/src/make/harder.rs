//! Harder photos from good ones, as people take them: the dog small or cut off, dark, pale, of a
//! tint, out of focus. A temperature fitted on the photos that the network has learnt from would
//! be too confident on others; these stand in for the others.
use vision::Photo;

/// The same photo, taken worse. The same `seed` gives the same pixels.
pub(crate) fn harder(photo: &Photo, seed: u64) -> Photo {
    let mut random = Random(seed);
    let mut photo = cut(photo, &mut random);
    if random.chance(0.35) {
        photo = further_away(&photo, &mut random);
    }
    let mut rgb = photo.rgb().to_vec();
    tint(&mut rgb, &mut random);
    if random.chance(0.4) {
        // A box of 3 pixels twice is about a Gaussian of deviation 1.2, at a shorter side of 256.
        for _ in 0..2 {
            blur(&mut rgb, photo.width(), photo.height());
        }
    }
    Photo::from_rgb(photo.width(), photo.height(), rgb)
}

/// A part of at least 45 % of the photo, of another aspect, anywhere in it.
fn cut(photo: &Photo, random: &mut Random) -> Photo {
    let (width, height) = (photo.width() as f64, photo.height() as f64);
    let area = random.between(0.45, 1.0) * width * height;
    let aspect = random.between(0.7, 1.4) * width / height;
    let part_width = (area * aspect).sqrt().min(width);
    let part_height = (area / aspect).sqrt().min(height);
    let left = random.between(0.0, width - part_width);
    let top = random.between(0.0, height - part_height);
    photo
        .crop(
            left as usize,
            top as usize,
            part_width as usize,
            part_height as usize,
        )
        .unwrap_or_else(|| photo.clone())
}

/// The photo within a wider one: its mirror images, out of focus, around it.
fn further_away(photo: &Photo, random: &mut Random) -> Photo {
    let (width, height) = (photo.width(), photo.height());
    let factor = random.between(1.2, 1.8);
    let wide = ((width as f64 * factor) as usize).max(width);
    let tall = ((height as f64 * factor) as usize).max(height);
    let left = random.between(0.0, (wide - width) as f64) as usize;
    let top = random.between(0.0, (tall - height) as f64) as usize;
    let mirrored = |position: usize, offset: usize, length: usize| {
        let position = (position + 2 * length - offset) % (2 * length);
        position.min(2 * length - 1 - position)
    };
    let mut rgb = Vec::with_capacity(wide * tall * 3);
    for row in 0..tall {
        for column in 0..wide {
            let at = mirrored(row, top, height) * width + mirrored(column, left, width);
            rgb.extend_from_slice(&photo.rgb()[3 * at..][..3]);
        }
    }
    for _ in 0..8 {
        blur(&mut rgb, wide, tall);
    }
    for row in 0..height {
        let from = &photo.rgb()[3 * row * width..][..3 * width];
        rgb[3 * ((top + row) * wide + left)..][..3 * width].copy_from_slice(from);
    }
    Photo::from_rgb(wide, tall, rgb)
}

/// Exposure, contrast, colour and tint, each in some of the photos.
fn tint(rgb: &mut [u8], random: &mut Random) {
    let gamma = if random.chance(0.6) {
        random.between(-0.8, 0.8).exp2()
    } else {
        1.0
    };
    let contrast = if random.chance(0.5) {
        random.between(0.6, 1.3)
    } else {
        1.0
    };
    let colour = if random.chance(0.5) {
        random.between(0.4, 1.5)
    } else {
        1.0
    };
    let tinted = random.chance(0.5);
    let gains = [(); 3].map(|()| {
        if tinted {
            random.between(0.85, 1.15)
        } else {
            1.0
        }
    });
    let mean = rgb.iter().map(|&value| f64::from(value)).sum::<f64>() / rgb.len().max(1) as f64;
    for pixel in rgb.chunks_exact_mut(3) {
        let exposed = [pixel[0], pixel[1], pixel[2]].map(|value| {
            let exposed = (f64::from(value) / 255.0).powf(gamma) * 255.0;
            (exposed - mean) * contrast + mean
        });
        let gray = exposed.iter().sum::<f64>() / 3.0;
        for ((value, exposed), gain) in pixel.iter_mut().zip(exposed).zip(gains) {
            *value = ((gray + (exposed - gray) * colour) * gain)
                .round()
                .clamp(0.0, 255.0) as u8;
        }
    }
}

/// The mean of 3 x 3 pixels, the border repeated.
fn blur(rgb: &mut [u8], width: usize, height: usize) {
    let from = rgb.to_vec();
    for row in 0..height {
        for column in 0..width {
            for channel in 0..3 {
                let mut sum = 0u32;
                for y in [row.saturating_sub(1), row, (row + 1).min(height - 1)] {
                    for x in [
                        column.saturating_sub(1),
                        column,
                        (column + 1).min(width - 1),
                    ] {
                        sum += u32::from(from[3 * (y * width + x) + channel]);
                    }
                }
                rgb[3 * (row * width + column) + channel] = ((sum + 4) / 9) as u8;
            }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): a few random numbers of no great quality.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.between(0.0, 1.0) < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeatable_and_of_sensible_size() {
        let rgb: Vec<u8> = (0..40 * 30 * 3)
            .map(|value| (value * 7 % 251) as u8)
            .collect();
        let photo = Photo::from_rgb(40, 30, rgb);
        for seed in 0..50 {
            let one = harder(&photo, seed);
            let two = harder(&photo, seed);
            assert_eq!(one.rgb(), two.rgb());
            assert!((20..=72).contains(&one.width()), "{}", one.width());
            assert!((12..=54).contains(&one.height()), "{}", one.height());
            assert_ne!(one.rgb(), photo.rgb());
        }
        let dot = Photo::from_rgb(1, 1, vec![1, 2, 3]);
        for seed in 0..50 {
            assert!(harder(&dot, seed).width() >= 1);
        }
    }
}

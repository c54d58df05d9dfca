//! How like two photos of one size are: PSNR and SSIM.
use crate::Photo;

/// Peak signal-to-noise ratio over all values, in decibels: infinite for equal photos. `None` where
/// the sizes differ.
pub fn psnr(one: &Photo, other: &Photo) -> Option<f64> {
    if (one.width(), one.height()) != (other.width(), other.height()) {
        return None;
    }
    let squares = one.rgb().iter().zip(other.rgb()).map(|(a, b)| {
        let difference = u64::from(a.abs_diff(*b));
        difference * difference
    });
    let mean = squares.sum::<u64>() as f64 / one.rgb().len() as f64;
    Some(10.0 * (255.0 * 255.0 / mean).log10())
}

/// The mean structural similarity of the lumas, at most 1: Wang and others, 'Image Quality
/// Assessment', IEEE 2004, with its Gaussian window of 11 pixels and deviation 1.5, mirrored at the
/// borders. `None` where the sizes differ.
pub fn ssim(one: &Photo, other: &Photo) -> Option<f64> {
    let size = (one.width(), one.height());
    if size != (other.width(), other.height()) {
        return None;
    }
    let (a, b) = (luma(one), luma(other));
    let product =
        |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let mean_a = blurred(&a, size);
    let mean_b = blurred(&b, size);
    let square_a = blurred(&product(&a, &a), size);
    let square_b = blurred(&product(&b, &b), size);
    let both = blurred(&product(&a, &b), size);
    // (0.01 * 255)^2 and (0.03 * 255)^2.
    let (small, less_small) = (6.5025, 58.5225);
    let mut sum = 0.0;
    for index in 0..a.len() {
        let (mean_a, mean_b) = (f64::from(mean_a[index]), f64::from(mean_b[index]));
        let variance_a = f64::from(square_a[index]) - mean_a * mean_a;
        let variance_b = f64::from(square_b[index]) - mean_b * mean_b;
        let covariance = f64::from(both[index]) - mean_a * mean_b;
        sum += (2.0 * mean_a * mean_b + small) * (2.0 * covariance + less_small)
            / ((mean_a * mean_a + mean_b * mean_b + small)
                * (variance_a + variance_b + less_small));
    }
    Some(sum / a.len() as f64)
}

fn luma(photo: &Photo) -> Vec<f32> {
    let pixels = photo.rgb().as_chunks::<3>().0.iter();
    let gray = |[red, green, blue]: &[u8; 3]| {
        0.299 * f32::from(*red) + 0.587 * f32::from(*green) + 0.114 * f32::from(*blue)
    };
    pixels.map(gray).collect()
}

fn blurred(values: &[f32], (width, height): (usize, usize)) -> Vec<f32> {
    const RADIUS: usize = 5;
    let weights: Vec<f32> = (0..=2 * RADIUS)
        .map(|place| (-0.5 * ((place as f32 - RADIUS as f32) / 1.5).powi(2)).exp())
        .collect();
    let total: f32 = weights.iter().sum();
    let pass =
        |values: &[f32], index: &dyn Fn(usize, usize) -> usize, length: usize, lines: usize| {
            let mut out = vec![0.0; values.len()];
            let mirrored = |place: isize| {
                let period = 2 * length as isize;
                let place = place.rem_euclid(period);
                place.min(period - 1 - place) as usize
            };
            for line in 0..lines {
                for place in 0..length {
                    let sum: f32 = weights
                        .iter()
                        .enumerate()
                        .map(|(tap, weight)| {
                            let from = mirrored((place + tap) as isize - RADIUS as isize);
                            weight * values[index(line, from)]
                        })
                        .sum();
                    out[index(line, place)] = sum / total;
                }
            }
            out
        };
    let across = pass(values, &|row, column| row * width + column, width, height);
    pass(&across, &|column, row| row * width + column, height, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(noise: u32) -> Photo {
        let value = |index: u32| {
            let slope = index / 3 % 40 * 4 + index / 120;
            slope + (index.wrapping_mul(2_654_435_761) >> 16) % (noise + 1)
        };
        Photo::from_rgb(40, 30, (0..3600).map(|index| value(index) as u8).collect())
    }

    #[test]
    fn equal_photos_are_most_alike() {
        assert_eq!(psnr(&photo(0), &photo(0)), Some(f64::INFINITY));
        assert!((ssim(&photo(0), &photo(0)).unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn noise_makes_them_less_so() {
        let clean = photo(0);
        let [little, much] = [4, 50].map(photo);
        assert!(psnr(&clean, &little) > psnr(&clean, &much));
        assert!(ssim(&clean, &little) > ssim(&clean, &much));
        let one = Photo::from_rgb(1, 1, vec![0; 3]);
        let ten = Photo::from_rgb(1, 1, vec![10; 3]);
        assert!((psnr(&one, &ten).unwrap() - 28.13).abs() < 0.01);
        assert!(psnr(&one, &clean).is_none() && ssim(&one, &clean).is_none());
    }
}

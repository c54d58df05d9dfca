//! The small picture of a photo that a page shows: it also shows what a browser cannot (HEIC), and
//! carries none of the file's metadata.
use vision::Photo;

/// The longest side, pixels.
const LONGEST_SIDE: usize = 480;
/// JPEG quality, 1 to 100.
const QUALITY: u8 = 80;
/// The longest side of a whole photo that is shown large.
const LARGE_SIDE: usize = 1600;

/// A JPEG of at most [`LONGEST_SIDE`] pixels a side.
pub(crate) fn jpeg(photo: &Photo) -> Vec<u8> {
    encode(photo, LONGEST_SIDE)
}

/// A JPEG to look at in full, of at most [`LARGE_SIDE`] pixels a side.
pub(crate) fn large_jpeg(photo: &Photo) -> Vec<u8> {
    encode(photo, LARGE_SIDE)
}

fn encode(photo: &Photo, longest: usize) -> Vec<u8> {
    let (width, height, rgb) = shrink(photo, longest);
    let mut jpeg = Vec::new();
    let side = |pixels: usize| u16::try_from(pixels).unwrap_or(u16::MAX);
    // Writing to memory does not fail, and the sides fit: a JPEG's go to 65,535.
    let encoded = jpeg_encoder::Encoder::new(&mut jpeg, QUALITY).encode(
        &rgb,
        side(width),
        side(height),
        jpeg_encoder::ColorType::Rgb,
    );
    if let Err(error) = encoded {
        tracing::error!("a small picture was not made: {error}");
    }
    jpeg
}

/// The photo shrunk to `longest` pixels on its longer side, each pixel the mean of those it covers.
/// A smaller photo stays as it is.
fn shrink(photo: &Photo, longest: usize) -> (usize, usize, Vec<u8>) {
    let (width, height) = (photo.width(), photo.height());
    let longer = width.max(height);
    if longer <= longest {
        return (width, height, photo.rgb().to_vec());
    }
    let scaled = |side: usize| (side * longest / longer).max(1);
    let (small_width, small_height) = (scaled(width), scaled(height));
    let mut small = Vec::with_capacity(small_width * small_height * 3);
    let mut sums = vec![[0u32; 3]; small_width];
    for row in 0..small_height {
        let (top, bottom) = (
            row * height / small_height,
            (row + 1) * height / small_height,
        );
        sums.fill([0; 3]);
        for line in photo.rgb()[top * width * 3..bottom * width * 3].chunks_exact(width * 3) {
            for (column, sum) in sums.iter_mut().enumerate() {
                let left = column * width / small_width;
                let right = (column + 1) * width / small_width;
                for pixel in line[left * 3..right * 3].chunks_exact(3) {
                    for (total, &value) in sum.iter_mut().zip(pixel) {
                        *total += u32::from(value);
                    }
                }
            }
        }
        for (column, sum) in sums.iter().enumerate() {
            let columns = (column + 1) * width / small_width - column * width / small_width;
            let covered = (columns * (bottom - top)) as u32;
            small.extend(sum.map(|total| ((total + covered / 2) / covered) as u8));
        }
    }
    (small_width, small_height, small)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrunk_photo_keeps_its_aspect_and_its_mean() {
        let (width, height) = (1001, 333);
        let rgb: Vec<u8> = (0..width * height * 3)
            .map(|index| ((index * 7919) % 251) as u8)
            .collect();
        let mean = |rgb: &[u8]| rgb.iter().map(|&v| f64::from(v)).sum::<f64>() / rgb.len() as f64;
        let photo = Photo::from_rgb(width, height, rgb);
        let (small_width, small_height, small) = shrink(&photo, 480);
        assert_eq!((small_width, small_height), (480, 159));
        assert_eq!(small.len(), 480 * 159 * 3);
        assert!((mean(&small) - mean(photo.rgb())).abs() < 0.5);
    }

    #[test]
    fn the_thinnest_photo_still_has_a_picture() {
        let photo = Photo::from_rgb(5000, 1, vec![200; 15_000]);
        let jpeg = jpeg(&photo);
        assert!(jpeg.starts_with(&[0xFF, 0xD8, 0xFF]));
    }
}

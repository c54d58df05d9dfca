//! The small picture of a photo that a page shows: it also shows what a browser cannot (HEIC), and
//! carries none of the file's metadata.
use vision::Photo;
use vision::encode::small_jpeg;

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
    let small = vision::shrunk(photo, longest);
    let encoded = small_jpeg(small.width(), small.height(), small.rgb(), QUALITY);
    encoded.unwrap_or_else(|error| {
        tracing::error!("a small picture was not made: {error}");
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thinnest_photo_still_has_a_picture() {
        let photo = Photo::from_rgb(5000, 1, vec![200; 15_000]);
        let jpeg = jpeg(&photo);
        assert!(jpeg.starts_with(&[0xFF, 0xD8, 0xFF]));
    }
}

//! Bytes to an upright sRGB photo: tells the format, checks the limits, decodes, converts the
//! colours, turns upright.
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Once};

use crate::budget::{Permit, Refused};
use crate::color::{self, Samples};
use crate::orientation::apply;
use crate::photo::Found;
use crate::{Budget, DecodeError, Excess, Format, Limits, Orientation, Photo};

mod bmp;
mod gif;
#[cfg(feature = "heic")]
mod heic;
mod jpeg;
mod orientation;
mod png;
mod tiff;
mod webp;

/// What a format's decoder returns: samples as stored, and what is still to be done to them.
struct Stored {
    width: usize,
    height: usize,
    samples: Samples,
    orientation: Orientation,
    /// The embedded ICC profile.
    profile: Option<Vec<u8>>,
}

/// Bytes of an ICC profile that is used: those of printers have up to 3 MB. A larger one is left out.
const MOST_PROFILE_BYTES: usize = 4 << 20;

/// What a decoder may take. It takes its memory once, before anything of the picture's size: whoever
/// held some and waited for more could wait for ever.
struct Room<'a> {
    limits: &'a Limits,
    budget: &'a Arc<Budget>,
    permit: Cell<Option<Permit>>,
}

impl std::ops::Deref for Room<'_> {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        self.limits
    }
}

/// What a header says that a picture will need.
struct Need {
    width: u64,
    height: u64,
    /// Samples of each pixel as they come out of the format's decoder, a byte each.
    channels: u64,
    /// Bytes at the decoder's peak, these samples among them.
    decoder: u64,
    /// Whether the picture may have to be turned.
    turned: bool,
}

impl Room<'_> {
    /// Takes what decoding will need at its peak: while the samples are decoded, or converted, or
    /// turned upright.
    fn take(&self, need: &Need) -> Result<(), DecodeError> {
        /// Profiles, tables of colours and of codes, rows, and what the libraries keep beside.
        const BESIDE: u64 = 2 * MOST_PROFILE_BYTES as u64;
        let pixels = need.width.saturating_mul(need.height);
        // Where there are more than 3 samples, the colours take their place.
        let (converting, colors) = match need.channels {
            0..3 => (need.channels + 3, 3),
            channels => (channels, channels),
        };
        let turning = if need.turned { colors + 3 } else { 0 };
        let peak = pixels.saturating_mul(converting.max(turning));
        let found = peak.max(need.decoder).saturating_add(BESIDE);
        let bytes = usize::try_from(found).unwrap_or(usize::MAX);
        match self.budget.take(bytes, self.limits.patience) {
            Ok(permit) => {
                self.permit.set(Some(permit));
                Ok(())
            }
            Err(Refused::Busy) => Err(DecodeError::Busy),
            Err(Refused::TooMuch) => Err(DecodeError::TooLarge {
                what: Excess::Memory,
                found,
                limit: self.budget.total() as u64,
            }),
        }
    }
}

/// Decodes a photo of any format that is read, within the memory that the whole process shares for it
/// ([`Budget::shared`]).
///
/// A file that ends before its picture does is an error (`truncated`), never a half-gray photo; a
/// JPEG that has all its pixels and lacks only the end marker is accepted. Of animations and files
/// of several pictures the first is taken. What is transparent lies on white.
///
/// # Errors
/// See [`DecodeError`]. No content panics; what a decoder library panics on is `damaged`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    decode_within(bytes, limits, Budget::shared())
}

/// [`decode`] within another budget.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(
    bytes: &[u8],
    limits: &Limits,
    budget: &Arc<Budget>,
) -> Result<Photo, DecodeError> {
    check(Excess::Bytes, bytes.len() as u64, limits.bytes as u64)?;
    let format = Format::of(bytes)?;
    let decoder: fn(&[u8], &Room<'_>) -> Result<Stored, DecodeError> = match format {
        Format::Jpeg => jpeg::decode,
        Format::Png => png::decode,
        Format::WebP => webp::decode,
        Format::Gif => gif::decode,
        Format::Bmp => bmp::decode,
        Format::Tiff => tiff::decode,
        #[cfg(feature = "heic")]
        Format::Heic => heic::decode,
        #[cfg(not(feature = "heic"))]
        Format::Heic => return Err(DecodeError::UnsupportedFormat { name: "HEIC" }),
    };
    let room = Room {
        limits,
        budget,
        permit: Cell::default(),
    };
    let decoded = quietly(|| {
        let mut stored = decoder(bytes, &room)?;
        let profile = stored.profile.take();
        let profile = profile.filter(|profile| profile.len() <= MOST_PROFILE_BYTES);
        let pixels = color::to_srgb(stored.samples, profile.as_deref());
        let (rgb, profile_converted) = pixels;
        let (width, height, orientation) = (stored.width, stored.height, stored.orientation);
        // A decoder that says one size and gives another, or nothing: a crop in a HEIC may be empty.
        if rgb.is_empty() || rgb.len() != width * height * 3 {
            return Err(DecodeError::damaged(
                format,
                "its pixels do not fit its size",
            ));
        }
        let found = Found {
            format,
            width,
            height,
            orientation,
            profile_converted,
        };
        let (width, height, rgb) = apply(orientation, width, height, rgb);
        let permit = room.permit.take();
        let permit = permit.expect("every decoder takes its memory before it decodes");
        Ok(Photo::decoded(width, height, rgb, found, permit))
    });
    decoded.unwrap_or_else(|| Err(DecodeError::damaged(format, "the decoder gave up")))
}

thread_local! {
    /// Whether a decoder is at work on this thread, whose panics are caught.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives; `None` where it panics. Nothing of such a panic is printed: what people are
/// told is the error. Panics of other threads, and of this one elsewhere, are printed as ever.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let printing = take_hook();
        set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                printing(panic);
            }
        }));
    });
    let before = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(before);
    result.ok()
}

/// Refuses more than the limit.
fn check(what: Excess, found: u64, limit: u64) -> Result<(), DecodeError> {
    if found > limit {
        return Err(DecodeError::TooLarge { what, found, limit });
    }
    Ok(())
}

/// Refuses a picture of more pixels than allowed, of a longer side, or of none.
fn check_pixels(
    format: Format,
    width: impl Into<u64>,
    height: impl Into<u64>,
    limits: &Limits,
) -> Result<(), DecodeError> {
    let (width, height) = (width.into(), height.into());
    if width == 0 || height == 0 {
        return Err(DecodeError::damaged(
            format,
            format!("a picture of {width} x {height} pixels"),
        ));
    }
    check(Excess::Side, width.max(height), limits.side)?;
    check(Excess::Pixels, width.saturating_mul(height), limits.pixels)
}

/// An error of reading from memory can only be the end of the data.
fn is_end(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quietly;

    /// In a process of its own, whose streams can be read.
    #[test]
    fn a_panic_that_is_caught_prints_nothing_and_others_do() {
        const SELF: &str = "decode::tests::a_panic_that_is_caught_prints_nothing_and_others_do";
        if std::env::var_os("MUSEAU_TEST_PANICS").is_some() {
            assert_eq!(quietly(|| -> i32 { panic!("a decoder's") }), None);
            assert_eq!(quietly(|| 7), Some(7));
            let other = std::thread::spawn(|| panic!("another thread's"));
            assert_eq!(quietly(|| other.join().is_err()), Some(true));
            panic!("this test's");
        }
        let test = std::env::current_exe().unwrap();
        let mut test = Command::new(test);
        test.args(["--exact", SELF, "--nocapture"]);
        let output = test.env("MUSEAU_TEST_PANICS", "1").output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(printed.contains("another thread's"), "{printed}");
        assert!(printed.contains("this test's"), "{printed}");
        assert!(!printed.contains("a decoder's"), "{printed}");
    }
}

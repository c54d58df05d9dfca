//! Any bytes through the decoding of photos: every format that is read, by its first bytes.
#![no_main]
use libfuzzer_sys::fuzz_target;
use vision::{Limits, decode};

fuzz_target!(|bytes: &[u8]| {
    // Small, so that a header which asks for a large picture does not stop the search.
    let limits = Limits { pixels: 1_000_000, ..Limits::default() };
    if let Ok(photo) = decode(bytes, &limits) {
        assert_eq!(photo.rgb().len(), photo.width() * photo.height() * 3);
    }
});

//! Keras's legacy `.h5`: no panic, no hang, no memory beyond the file's own measure.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        let _ = formats::read(bytes);
    }
});

//! PyTorch's files, both formats: no panic, no hang, no memory beyond the file's own measure.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // What begins otherwise is another reader's.
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0x80, 2]) {
        let _ = formats::read(bytes);
    }
});

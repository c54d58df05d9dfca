//! Gif photos, decoded and prepared.
#![no_main]
use libfuzzer_sys::fuzz_target;
use vision::Format;

fuzz_target!(|bytes: &[u8]| museau_fuzz::photo(bytes, Format::Gif));

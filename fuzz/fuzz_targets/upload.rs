//! A form with photos through the router: its content type on the first line, then the body.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::upload(bytes));

//! A recipe: what is read is written and read again the same.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::recipe(bytes));

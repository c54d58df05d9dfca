//! A tar of photos that is imported, the sums of its headers made right.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::tar(bytes));

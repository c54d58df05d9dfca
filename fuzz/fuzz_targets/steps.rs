//! The texts of classic steps and of augmentations: what is read runs on a small photo.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::steps(bytes));

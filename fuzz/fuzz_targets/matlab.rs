//! MATLAB's lists of names, an element packed anew where the first byte says so.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::matlab(bytes));

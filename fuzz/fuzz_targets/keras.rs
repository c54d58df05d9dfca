//! Keras's legacy `.h5`: no panic, no hang, no memory beyond the file's own measure.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::keras(bytes));

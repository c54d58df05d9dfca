//! A model's package, its hash made right: what a header says of network, input, labels and values.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::package(bytes));

//! The tables that people edit: manifest, predictions, decisions, labels; by the first byte.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::tables(bytes));

//! PyTorch's files, both formats, and a pickle alone put into an archive whose sums are right.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| museau_fuzz::pytorch(bytes));

//! safetensors: no panic, and what is read is written and read again the same.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok((tensors, metadata)) = formats::read_safetensors(bytes) else { return };
    let written = formats::write_safetensors(&tensors, formats::Precision::F32, &metadata).unwrap();
    let (again, metadata_again) = formats::read_safetensors(&written).unwrap();
    assert!(again.keys().eq(tensors.keys()));
    assert_eq!(metadata_again, metadata);
});

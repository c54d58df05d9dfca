//! The networks of best epochs: their files, and how a run knows its own again.
use super::content::{CHANGED, HASH, hash};
use formats::Precision;
use std::collections::BTreeMap;
use tensor::NamedTensors;

/// The run that wrote it, as the folder tells it.
const RUN: &str = "run";
const EPOCH: &str = "epoch";

/// The network of an epoch of a run, under a hash as a checkpoint is.
pub(super) fn to_bytes(parameters: &NamedTensors, run: &str, epoch: u32) -> Vec<u8> {
    let metadata = BTreeMap::from([
        (HASH.into(), hash("", parameters)),
        (RUN.into(), run.to_owned()),
        (EPOCH.into(), epoch.to_string()),
    ]);
    formats::write_safetensors(parameters, Precision::F32, &metadata)
        .expect("a header of layers' names is small")
}

/// The network that [`to_bytes`] made of this epoch; or why it is none. Earlier versions wrote neither hash
/// nor epoch.
pub(super) fn from_bytes(bytes: &[u8], epoch: u32) -> Result<NamedTensors, String> {
    let (tensors, metadata) = formats::read_safetensors(bytes).map_err(|e| e.to_string())?;
    let differs = |key: &str, value: &str| metadata.get(key).is_some_and(|said| said != value);
    if differs(HASH, &hash("", &tensors)) || differs(EPOCH, &epoch.to_string()) {
        return Err(CHANGED.into());
    }
    Ok(tensors)
}

/// Whether these bytes are the whole network of this epoch of this run.
pub(super) fn is_of(bytes: &[u8], run: &str, epoch: u32) -> bool {
    let Ok((tensors, metadata)) = formats::read_safetensors(bytes) else {
        return false;
    };
    let is = |key: &str, value: &str| metadata.get(key).is_some_and(|said| said == value);
    is(RUN, run) && is(EPOCH, &epoch.to_string()) && is(HASH, &hash("", &tensors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    fn network() -> NamedTensors {
        let tensor = Tensor::from_slice([3usize], &[1.0, -0.0, 3.5e-30]).unwrap();
        NamedTensors::from_iter([("a/kernel".to_owned(), tensor)])
    }

    #[test]
    fn a_network_with_one_bit_flipped_is_told_and_one_without_a_hash_is_read() {
        let parameters = network();
        let same = |read: &NamedTensors| {
            let bits = |tensors: &NamedTensors| -> Vec<u32> {
                let values = tensors["a/kernel"].values();
                values.iter().map(|value| value.to_bits()).collect()
            };
            bits(read) == bits(&parameters)
        };
        let mut bytes = to_bytes(&parameters, "b4", 7);
        assert!(same(&from_bytes(&bytes, 7).unwrap()) && is_of(&bytes, "b4", 7));
        for place in 0..bytes.len() {
            for bit in 0..8 {
                bytes[place] ^= 1 << bit;
                // The name of the hash itself may be hit: then it is as one of an older version.
                if let Ok(read) = from_bytes(&bytes, 7) {
                    assert!(same(&read), "byte {place}, bit {bit}");
                }
                let own = is_of(&bytes, "b4", 7);
                assert!(!own || same(&from_bytes(&bytes, 7).unwrap()));
                bytes[place] ^= 1 << bit;
            }
        }
        let old =
            formats::write_safetensors(&parameters, Precision::F32, &BTreeMap::new()).unwrap();
        assert!(same(&from_bytes(&old, 7).unwrap()) && !is_of(&old, "b4", 7));
    }

    #[test]
    fn a_network_is_of_one_run_and_one_epoch() {
        let bytes = to_bytes(&network(), "b4", 7);
        assert!(!is_of(&bytes, "b5", 7) && !is_of(&bytes, "b4", 8));
        assert!(
            from_bytes(&bytes, 8).is_err(),
            "a copy under another epoch's name"
        );
        assert!(!is_of(b"weights of mine", "b4", 7) && !is_of(b"", "b4", 7));
    }
}

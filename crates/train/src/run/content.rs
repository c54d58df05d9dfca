//! The hash by which a run's files of tensors are known to be whole.
use tensor::NamedTensors;

/// The key of the hash.
pub(super) const HASH: &str = "content_hash";
/// What is said of a file whose hash is another.
pub(super) const CHANGED: &str = "its content is not what was written";

/// Over the position (none of a best network) and every value, in their order.
pub(super) fn hash(position: &str, tensors: &NamedTensors) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(position.as_bytes());
    let mut bytes = Vec::new();
    for (name, tensor) in tensors {
        hasher.update(format!("\n{name}\n").as_bytes());
        bytes.clear();
        bytes.extend(tensor.values().iter().flat_map(|value| value.to_le_bytes()));
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

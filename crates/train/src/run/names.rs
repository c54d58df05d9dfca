//! The names of the files of a run's folder: they stand here and nowhere else.
//!
//! | file | what |
//! |---|---|
//! | `recipe.toml` | the whole recipe, with what was changed by flags |
//! | `run.json` | version, machine, photos, parameters, memory: [`super::About`] |
//! | `metrics.csv`, `curve.html` | a line an epoch, and the page that shows them |
//! | `checkpoint.safetensors`, `checkpoint.before.safetensors` | to go on from |
//! | `photos.csv` | the photos, each with its part: a manifest |
//! | `best-EPOCH.safetensors` | the network of the best epoch so far |
//! | `model.museau`, `model_card.md` | the result |
use std::ffi::OsStr;

/// The whole recipe; where it stands there is a run.
pub const RECIPE: &str = "recipe.toml";
/// What the run depended on besides.
pub const ABOUT: &str = "run.json";
/// A line an epoch.
pub const METRICS: &str = "metrics.csv";
/// The page that shows them.
pub const CURVE: &str = "curve.html";
/// The newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The checkpoint before it.
pub const OLDER_CHECKPOINT: &str = "checkpoint.before.safetensors";
/// The photos, each with its part.
pub const PHOTOS: &str = "photos.csv";
/// The result.
pub const PACKAGE: &str = "model.museau";
/// What the result says of itself.
pub const CARD: &str = "model_card.md";
/// Held while a training works in the folder.
pub(super) const LOCK: &str = "run.lock";

/// What stands before and behind the epoch in the name of its network.
const BEST: (&str, &str) = ("best-", ".safetensors");

/// What the network of this epoch is called, where it was the best.
pub(super) fn best(epoch: u32) -> String {
    format!("{}{epoch}{}", BEST.0, BEST.1)
}

/// The epoch of which a file of a run's folder is the network; none of files of other names. These
/// come and go while a training runs.
pub(super) fn best_epoch(name: &OsStr) -> Option<u32> {
    let digits = name.to_str()?.strip_prefix(BEST.0)?;
    let epoch = digits.strip_suffix(BEST.1)?.parse().ok()?;
    (name == OsStr::new(&best(epoch))).then_some(epoch)
}

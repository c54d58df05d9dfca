//! What a file of imported weights says of itself, in its metadata.
use graph::InputSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where it stands in a safetensors file's metadata, as JSON.
pub const METADATA: &str = "museau.weights";

/// What a file of imported weights says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsCard {
    /// The backbone, by its name in the zoo.
    pub backbone: String,
    /// Classes of its classifier; `None` where there is none.
    pub classes: Option<usize>,
    /// The input that these weights want.
    pub input: InputSpec,
    /// The name of the file that they come from.
    pub file: String,
    /// That file's BLAKE3.
    pub hash: String,
    /// Whether it is the published file of the backbone.
    #[serde(default)]
    pub published: bool,
}

impl WeightsCard {
    /// The card in a file's metadata; `None` where there is none.
    pub fn find(metadata: &BTreeMap<String, String>) -> Option<Self> {
        serde_json::from_str(metadata.get(METADATA)?).ok()
    }

    /// The metadata that holds this card.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let text = serde_json::to_string(self).expect("names and numbers are JSON");
        BTreeMap::from([(METADATA.to_owned(), text)])
    }

    /// The name of the file that holds such weights: the backbone, its classifier, and the beginning
    /// of the hash of the file that they come from.
    pub fn file_name(&self) -> String {
        let top = match self.classes {
            Some(classes) => classes.to_string(),
            None => "features".to_owned(),
        };
        let hash = self.hash.get(..12).unwrap_or(&self.hash);
        format!("{}-{top}-{hash}.safetensors", self.backbone)
    }
}

//! A model for other programs: what is written of a package, or of a backbone's weights, and what is
//! said beside it, so that who reads it can prepare photos and read answers.
use crate::make::MakeError;
use crate::weights::{METADATA, Top, WeightsCard, import_from};
use formats::{Model, Target, Weights};
use graph::{Filter, Graph, InputSpec, views_text};
use package::{Label, Package};
use std::collections::BTreeMap;
use tensor::{NamedTensors, Shape};
use zoo::Backbone;

/// A model to be written for other programs.
#[derive(Debug)]
pub struct Export {
    /// What it is called.
    pub name: String,
    /// The network; its outputs are logits, or features.
    pub graph: Graph,
    parameters: NamedTensors,
    /// The classes of its outputs, where they are known.
    pub labels: Vec<Label>,
    /// What the labels' logits are divided by before their softmax; of a package.
    pub temperature: Option<f32>,
    input: InputSpec,
    /// Where it comes from, by key.
    facts: BTreeMap<String, String>,
}

impl Export {
    /// Of a package.
    pub fn of_package(package: Package) -> Self {
        let about = package.about;
        let facts = [
            ("card", about.card),
            ("version", about.version),
            ("weights", about.provenance.weights),
            ("weights_licence", about.provenance.licence),
        ];
        Export {
            name: about.name,
            graph: package.graph,
            parameters: package.weights,
            labels: about.labels,
            temperature: Some(about.calibration.temperature),
            input: about.input,
            facts: facts.map(|(key, text)| (key.to_owned(), text)).into(),
        }
    }

    /// Of weights that `museau weights` keeps, whose file's bytes these are; `None` where they are not
    /// such.
    ///
    /// # Errors
    /// [`MakeError`] where the file is damaged, or does not hold what its card says.
    pub fn of_weights(bytes: &[u8]) -> Result<Option<Self>, MakeError> {
        // Of another kind of file nothing is read.
        if bytes.get(8) != Some(&b'{') {
            return Ok(None);
        }
        let source = formats::read(bytes)?;
        let card = WeightsCard::find(&source.metadata);
        let known = card.and_then(|card| Some((zoo::find(&card.backbone)?, card)));
        known
            .map(|(backbone, card)| Self::of_card(backbone, &card, &source))
            .transpose()
    }

    fn of_card(
        backbone: &Backbone,
        card: &WeightsCard,
        source: &Weights,
    ) -> Result<Self, MakeError> {
        let imported = import_from(source, backbone, Top::AsFound)?;
        let mut facts = card.metadata();
        facts.insert("weights".to_owned(), card.file.clone());
        Ok(Export {
            name: backbone.name.to_owned(),
            graph: imported.graph,
            parameters: imported.parameters,
            labels: Vec::new(),
            temperature: None,
            input: imported.input,
            facts,
        })
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`MakeError::Format`] where the format has no word for a layer, or no place for so much.
    pub fn write(&self, target: Target) -> Result<Vec<u8>, MakeError> {
        let metadata = self.metadata(target);
        Ok(target.write(&self.model(&metadata))?)
    }

    /// Reads back what was written, and compares it.
    ///
    /// # Errors
    /// [`MakeError::Format`] at the first difference.
    pub fn compare(&self, target: Target, bytes: &[u8]) -> Result<(), MakeError> {
        let metadata = self.metadata(target);
        Ok(target.compare(&self.model(&metadata), bytes)?)
    }

    fn model<'a>(&'a self, metadata: &'a BTreeMap<String, String>) -> Model<'a> {
        Model {
            name: &self.name,
            graph: &self.graph,
            parameters: &self.parameters,
            metadata,
        }
    }

    /// The names of the classes, a row each: which output it is, its id, its English and its French
    /// name, in the order of the outputs; `None` where there are none.
    pub fn labels_table(&self) -> Option<String> {
        let mut labels: Vec<&Label> = self.labels.iter().collect();
        labels.sort_by_key(|label| label.output);
        let row = |label: &Label| {
            let french = label.name_fr.as_deref().unwrap_or_default();
            data::table_line([&*label.output.to_string(), &label.id, &label.name, french])
        };
        let head = data::table_line(["output", "id", "name", "name_fr"]);
        let rows: String = labels.into_iter().map(row).collect();
        (!rows.is_empty()).then(|| head + &rows)
    }

    /// What is said of the model beside its network: how a photo becomes its input, and what its
    /// output means.
    pub fn metadata(&self, target: Target) -> BTreeMap<String, String> {
        let input = &self.input;
        let scaling = &input.scaling;
        let json = |value: Result<String, serde_json::Error>| value.expect("plain data is JSON");
        let three = |values: [f32; 3]| values.map(|value| value.to_string()).join(",");
        let (layout, channels_first) = match target {
            Target::Onnx => ("NCHW", true),
            _ => ("NHWC", false),
        };
        let shape = |shape: Shape| {
            let mut all: Vec<String> = shape.dimensions().iter().map(usize::to_string).collect();
            if channels_first {
                all.rotate_right(1);
            }
            format!("batch,{}", all.join(","))
        };
        let outputs = self
            .graph
            .outputs()
            .into_iter()
            .map(|id| self.graph.node(id).shape());
        let outputs: Vec<Shape> = outputs.collect();
        let logits = outputs.iter().all(|output| output.rank() == 1);
        let outputs: Vec<String> = outputs.into_iter().map(shape).collect();
        let mut all = self.facts.clone();
        let mut say = |key: &str, text: String| all.insert(key.to_owned(), text);
        say("name", self.name.clone());
        say("made_by", format!("museau {}", env!("CARGO_PKG_VERSION")));
        say("layout", layout.to_owned());
        say("input_height", input.height.to_string());
        say("input_width", input.width.to_string());
        say("views", views_text(&input.views));
        let filter = match input.filter {
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
        };
        say("resampling", filter.to_owned());
        say("preprocessing", input.preprocessing.clone());
        let order = if scaling.blue_first { "BGR" } else { "RGB" };
        say("colour_order", order.to_owned());
        say("mean", three(scaling.mean));
        say("deviation", three(scaling.deviation));
        say("input", json(serde_json::to_string(input)));
        let kind = if logits { "logits" } else { "features" };
        say("output", format!("{kind} {}", outputs.join(" ")));
        if let Some(temperature) = self.temperature {
            say("temperature", temperature.to_string());
        }
        if !self.labels.is_empty() {
            say("labels", json(serde_json::to_string(&self.labels)));
        }
        all.insert("how_to".to_owned(), HOW_TO.to_owned());
        all.retain(|key, _| key != METADATA || target == Target::Safetensors);
        all
    }
}

/// What the other keys mean.
const HOW_TO: &str = "\
Turn the photo upright (EXIF) and to RGB, run the steps of `preprocessing` where there are any, then make \
each of `views` (joined by +): `stretch` is the whole photo resized to input_width x input_height; \
`crop:F` resizes the shorter side to int(size / F) and cuts out the centre, as torchvision's Resize and \
CenterCrop; `letterbox:G` keeps the whole photo and fills the rest with the gray G; `:mirror` exchanges \
left and right. `resampling` is Pillow's filter of that name. Each value is (v - mean) / deviation with v \
from 0 to 255, channels in `colour_order`. Average the logits over the views. The probabilities of the \
classes are softmax(logits[labels' outputs] / temperature).";

#[cfg(test)]
mod tests;

//! The backbones: for each its builder, what files call its weights, and its input, one file each
//! and one line in [`all`].
//!
//! ```
//! let backbone = zoo::find("efficientnet_lite0").unwrap();
//! let graph = backbone.build(224, 224, zoo::Head::Classes(1000)).unwrap();
//! assert_eq!(graph.node(graph.outputs()[0]).shape().dimensions(), [1000]);
//! let names = backbone.weight_names(&graph, graph::Origin::PyTorch).unwrap();
//! // formats::assign(&graph.parameters(), formats::read(bytes)?.tensors, &names)?
//! # assert_eq!(names.rows.len(), graph.parameters().len());
//! ```

mod builder;
mod dense_head;
mod efficientnet_lite;
mod efficientnet_v2;
mod executed;
mod head;
pub mod imagenet;
mod inception_resnet_v2;
mod input;
mod lenet;
mod lookalike;
mod mobilenet_v2;
mod nasnet;
mod published;
mod torch;
mod vgg16;

pub use dense_head::DenseHead;
pub use executed::Folded;
pub use graph::{KerasLayer, keras_layers};
pub use head::select_classes;
pub use lenet::{LeNet, SMALL};
pub use lookalike::{Differs, Lookalike};
pub use published::{PUBLISHED, Published};

use graph::{Graph, GraphError, InputSpec, Origin, WeightNames};

/// A known network: how to build it, what files call its weights, what input it wants.
pub struct Backbone {
    /// As people write it: `mobilenet_v2`.
    pub name: &'static str,
    /// As people read it: `MobileNetV2`.
    pub title: &'static str,
    /// Height and width that its published weights were trained at.
    pub default_size: usize,
    /// Least height and width that it can be built at.
    pub minimum_size: usize,
    /// Kinds of files of weights whose names are known for it. Files that hold layers in the order of
    /// computation need none: see [`Backbone::weight_names`].
    pub origins: &'static [Origin],
    builder: fn(usize, usize, Head) -> Result<Graph, GraphError>,
    names: fn(&Graph, Origin) -> WeightNames,
    input: fn(usize, usize, Origin) -> InputSpec,
}

/// What stands on the last features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Nothing: the output is the last feature map, `[H, W, C]` (Keras's `include_top=False`).
    Features,
    /// The network's own classifier (layer `predictions`) with this many classes. The output is
    /// the logits: the softmax is left to who reads them.
    Classes(usize),
}

/// The layer of the classifier in every backbone.
pub const HEAD_LAYER: &str = "predictions";

/// All backbones.
pub fn all() -> &'static [Backbone] {
    const ALL: &[Backbone] = &[
        efficientnet_lite::LITE0,
        efficientnet_lite::LITE1,
        efficientnet_lite::LITE2,
        efficientnet_v2::EFFICIENTNET_V2L,
        efficientnet_v2::EFFICIENTNET_V2S,
        inception_resnet_v2::INCEPTION_RESNET_V2,
        mobilenet_v2::MOBILENET_V2,
        mobilenet_v2::MOBILENET_V2_TORCHVISION,
        nasnet::NASNET_LARGE,
        nasnet::NASNET_MOBILE,
        vgg16::VGG16,
    ];
    ALL
}

/// The backbone of this name; case, and whatever is no letter and no digit, do not matter.
pub fn find(name: &str) -> Option<&'static Backbone> {
    let plain = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.replace(|c: char| !c.is_ascii_alphanumeric(), "")
    };
    all()
        .iter()
        .find(|backbone| plain(backbone.name) == plain(name))
}

impl Backbone {
    /// The network for inputs of this height and width.
    ///
    /// # Errors
    /// [`GraphError`] where the size is so small that a layer has no output, or a head has no
    /// class.
    pub fn build(&self, height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
        (self.builder)(height, width, head)
    }

    /// What a file of this origin calls the parameters of `graph`, which [`Backbone::build`] made;
    /// `None` where no such file is known. ONNX and TensorFlow Lite are matched by the order of
    /// computation, where there is but one (see also [`Backbone::folded`]), else ONNX by museau's own
    /// names.
    pub fn weight_names(&self, graph: &Graph, origin: Origin) -> Option<WeightNames> {
        match origin {
            Origin::Safetensors => Some(WeightNames::own(&graph.parameters())),
            Origin::Onnx | Origin::TfLite => executed::executed_names(graph, origin),
            Origin::Keras | Origin::KerasArchive | Origin::PyTorch => self
                .origins
                .contains(&origin)
                .then(|| (self.names)(graph, origin)),
        }
    }

    /// What an ONNX or TensorFlow Lite file has whose batch norms were folded away; `None` where the
    /// order of computation is not sure.
    pub fn folded(&self, graph: &Graph) -> Option<Folded> {
        Folded::new(graph)
    }

    /// The input that the published weights want, for this height and width.
    pub fn input_spec(&self, height: usize, width: usize) -> InputSpec {
        self.input_spec_of(
            height,
            width,
            self.origins.first().copied().unwrap_or(Origin::Keras),
        )
    }

    /// The same, of the weights that are published in files of this origin: PyTorch's VGG16 was not
    /// trained on the pixels of Keras's.
    pub fn input_spec_of(&self, height: usize, width: usize, origin: Origin) -> InputSpec {
        (self.input)(height, width, origin)
    }
}

impl std::fmt::Debug for Backbone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Backbone")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! What a foreign file calls the parameters of a graph and how it lays them out, as rows of data:
//! a backbone writes the rows, `formats` follows them.

use crate::ParameterSpec;

/// Where a file of weights comes from; it decides how its tensors are named and laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A safetensors file that museau wrote: the graph's own names and layouts.
    Safetensors,
    /// PyTorch's `torch.save`, old or zip: names of a `state_dict`, kernels output channel first.
    PyTorch,
    /// Keras's legacy `.h5`: names `layer/weight`, kernels output channel last.
    Keras,
    /// Keras 3's `.weights.h5` and `.keras`: `layers/CLASS_n/i`, the i-th weight of the n-th layer
    /// of a class, whatever its name (`layers/conv2d_5/0`); kernels output channel last.
    KerasArchive,
    /// ONNX: layers in the order in which they are computed, `NAME/kernel` and the like, in the
    /// graph's own layouts. A batch norm is mostly folded into the convolution before it.
    Onnx,
    /// TensorFlow Lite: as ONNX, numbers of 8 bits made whole.
    TfLite,
}

/// The rows for one backbone and one kind of file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightNames {
    /// One row a parameter, in the order in which the file has them.
    pub rows: Vec<WeightRow>,
    /// How rows and tensors find each other.
    pub matching: Matching,
    /// Names of tensors that may be left over, `*` standing for any characters
    /// (`*.num_batches_tracked`, `optimizer.*`). Every other one that is left over is an error.
    pub ignored: Vec<String>,
    /// Names of tensors that may be left over where all their values are 1: factors of batch norms
    /// that have none.
    pub ones: Vec<String>,
    /// Whether whatever no row asks for may be left over: a classifier on a backbone that is taken
    /// without it. By position, that is what comes after the last row.
    pub partial: bool,
}

/// Where the value of one parameter comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightRow {
    /// The graph's name for it, `layer/kernel`.
    pub parameter: String,
    /// The file's name for it, `layer/weight` for Keras (without `:0`), the `state_dict`'s for
    /// PyTorch; several where versions differ, each tried in turn.
    pub sources: Vec<String>,
    /// How the file lays the values out.
    pub layout: Layout,
}

/// How rows and tensors find each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// By name. One prefix before all names (`module.`, the group of a nested model) is allowed.
    #[default]
    Name,
    /// By name; where not every name is found, by position as for [`Matching::Position`]. Right
    /// where names are stable but old files have others (Keras itself loads by position alone).
    NameOrPosition,
    /// The i-th layer with weights of the rows is the i-th of the file, and in it the j-th weight
    /// the j-th. For networks whose layers are numbered by the process that made them
    /// (InceptionResNetV2's `conv2d_17`). In a nested model, whose order is not the layers', the
    /// layer of the i-th lowest number is the i-th of its kind.
    Position,
    /// As [`Matching::Position`], whatever the names: the file's order is that of computation.
    Order,
}

/// How a file lays out the values of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As the graph does.
    Same,
    /// PyTorch's convolution: `[OC, C, KH, KW]` for `[KH, KW, C, OC]`.
    ConvOutputFirst,
    /// PyTorch's depthwise convolution: `[C, 1, KH, KW]` for `[KH, KW, C]`.
    DepthwiseChannelFirst,
    /// Keras's depthwise convolution: `[KH, KW, C, 1]` for `[KH, KW, C]`.
    DepthwiseTrailingOne,
    /// PyTorch's linear layer: `[units, in]` for `[in, units]`.
    DenseOutputFirst,
    /// PyTorch's linear layer on a flattened image of so many channels: `[units, C * H * W]` for
    /// `[H * W * C, units]`.
    FlattenedOutputFirst {
        /// C
        channels: usize,
    },
    /// As the graph does, but for dimensions of 1 (a dense layer written as a convolution of 1 x 1).
    Squeezed,
}

impl WeightRow {
    /// A row of one source.
    pub fn new(parameter: impl Into<String>, source: impl Into<String>, layout: Layout) -> Self {
        WeightRow {
            parameter: parameter.into(),
            sources: vec![source.into()],
            layout,
        }
    }
}

impl WeightNames {
    /// The rows of a file that has the graph's own names and layouts.
    pub fn own(parameters: &[ParameterSpec]) -> Self {
        let row = |spec: &ParameterSpec| WeightRow::new(&*spec.name, &*spec.name, Layout::Same);
        WeightNames {
            rows: parameters.iter().map(row).collect(),
            ..Self::default()
        }
    }

    /// The same rows, where the file may have more: see [`WeightNames::partial`].
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// The same rows, where the file may have the parameters of `layer` under the name of another
    /// layer (the classifier that someone put on a backbone).
    pub fn also_called(mut self, layer: &str, source_layer: &str) -> Self {
        for row in &mut self.rows {
            if let Some(name) = row
                .parameter
                .strip_prefix(layer)
                .and_then(|n| n.strip_prefix('/'))
            {
                row.sources.push(format!("{source_layer}/{name}"));
            }
        }
        self
    }
}

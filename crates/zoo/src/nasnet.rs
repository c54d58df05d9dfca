//! NASNet-A, Mobile (4 @ 1056) and Large (6 @ 4032), as `keras.applications` builds them (Zoph et
//! al. 2018).
use crate::builder::{Builder, Built, Pad, correct_pad};
use crate::input::stretched;
use crate::{Backbone, Head};
use graph::keras_names;
use graph::{
    Activation, Graph, GraphError, InputSpec, Matching, NodeId, Op, Origin, Padding, Scaling,
};

pub(crate) const NASNET_MOBILE: Backbone = Backbone {
    name: "nasnet_mobile",
    title: "NASNetMobile",
    default_size: 224,
    minimum_size: 32,
    origins: &[Origin::Keras, Origin::KerasArchive],
    builder: |height, width, head| {
        let variant = Variant {
            repeats: 4,
            filters: 1056 / 24,
            stem: 32,
            skip_reduction: false,
        };
        variant.build(height, width, head)
    },
    names: |graph, origin| keras_names(graph, origin, Matching::NameOrPosition),
    input,
};

pub(crate) const NASNET_LARGE: Backbone = Backbone {
    name: "nasnet_large",
    title: "NASNetLarge",
    default_size: 331,
    minimum_size: 32,
    origins: &[Origin::Keras, Origin::KerasArchive],
    builder: |height, width, head| {
        let variant = Variant {
            repeats: 6,
            filters: 4032 / 24,
            stem: 96,
            skip_reduction: true,
        };
        variant.build(height, width, head)
    },
    names: |graph, origin| keras_names(graph, origin, Matching::NameOrPosition),
    input,
};

/// Batch norm's epsilon and momentum.
const BATCH_NORM: (f32, f32) = (1e-3, 0.9997);

/// What tells the variants apart.
struct Variant {
    /// Normal cells between reductions.
    repeats: usize,
    /// Channels of each branch of the first normal cells; twice as many after each reduction.
    filters: usize,
    /// Channels of the stem.
    stem: usize,
    /// Whether a cell after a reduction takes, beside the reduction's output, what the reduction
    /// took as its previous one, rather than its input.
    skip_reduction: bool,
}

/// What a cell hands on: its output, and its input, which the next cell takes as the previous one.
type Cell = Result<(NodeId, NodeId), GraphError>;

impl Variant {
    fn build(&self, height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
        let (mut net, image) = Builder::new(height, width, BATCH_NORM)?;
        let x = net.conv("stem_conv1", image, self.stem, (3, 2), Pad::Valid)?;
        let x = net.batch_norm("stem_bn1", x)?;
        let (x, previous) = net.reduction_cell(x, None, self.filters / 4, "stem_1")?;
        let (mut x, mut previous) =
            net.reduction_cell(x, Some(previous), self.filters / 2, "stem_2")?;
        let mut filters = self.filters;
        for stage in 0..3 {
            if stage > 0 {
                filters *= 2;
                let id = format!("reduce_{}", stage * self.repeats);
                let (reduced, input) = net.reduction_cell(x, Some(previous), filters, &id)?;
                x = reduced;
                if !self.skip_reduction {
                    previous = input;
                }
            }
            for repeat in 0..self.repeats {
                // Keras counts the first reduction, and not the second.
                let id = stage * self.repeats + repeat + usize::from(stage > 0);
                (x, previous) = net.normal_cell(x, previous, filters, &id.to_string())?;
            }
        }
        let x = net.relu(x)?;
        let pool = net.numbered("global_average_pooling2d");
        net.head(x, &pool, None, head)
    }
}

/// The cells. Layers that Keras leaves unnamed are numbered as it numbers them: those of an input
/// of a sum are made before the other's.
impl Builder {
    fn relu(&mut self, input: NodeId) -> Built {
        let name = self.numbered("activation");
        self.activation(name, Activation::Relu, input)
    }

    /// Twice ReLU, separable convolution, batch norm; the first of the two has the stride.
    fn separable_block(
        &mut self,
        input: NodeId,
        filters: usize,
        (kernel, stride): (usize, usize),
        id: &str,
    ) -> Built {
        let mut x = input;
        for (number, stride) in [(1, stride), (2, 1)] {
            let name = format!("separable_conv_{number}_{id}");
            x = self.relu(x)?;
            let mut pad = Pad::Same;
            if stride == 2 {
                let zeros = Op::ZeroPad(correct_pad(self.size(x), kernel));
                x = self.add(format!("separable_conv_1_pad_{id}"), zeros, &[x])?;
                pad = Pad::Valid;
            }
            x = self.depthwise(format!("{name}_depthwise"), x, (kernel, stride), pad)?;
            x = self.conv(name, x, filters, (1, 1), Pad::Same)?;
            x = self.batch_norm(format!("separable_conv_{number}_bn_{id}"), x)?;
        }
        Ok(x)
    }

    /// Brings the previous cell's value to the width and the channels of this one's.
    fn adjust(
        &mut self,
        previous: Option<NodeId>,
        input: NodeId,
        filters: usize,
        id: &str,
    ) -> Built {
        let Some(previous) = previous else {
            return Ok(input);
        };
        if self.size(previous)[1] != self.size(input)[1] {
            let x = self.activation(format!("adjust_relu_1_{id}"), Activation::Relu, previous)?;
            let one = format!("adjust_avg_pool_1_{id}");
            let one = self.average_pool(one, x, (1, 2), Pad::Valid)?;
            let name = format!("adjust_conv_1_{id}");
            let one = self.conv(name, one, filters / 2, (1, 1), Pad::Same)?;
            // The other half sees the pixels between: shifted by one to the left and up.
            let (below, above) = (
                Padding {
                    bottom: 1,
                    right: 1,
                    ..Padding::default()
                },
                Padding {
                    top: 1,
                    left: 1,
                    ..Padding::default()
                },
            );
            let name = self.numbered("zero_padding2d");
            let other = self.add(name, Op::ZeroPad(below), &[x])?;
            let name = self.numbered("cropping2d");
            let other = self.add(name, Op::Crop(above), &[other])?;
            let name = format!("adjust_avg_pool_2_{id}");
            let other = self.average_pool(name, other, (1, 2), Pad::Valid)?;
            let name = format!("adjust_conv_2_{id}");
            let other = self.conv(name, other, filters / 2, (1, 1), Pad::Same)?;
            let name = self.numbered("concatenate");
            let both = self.add(name, Op::Concat, &[one, other])?;
            self.batch_norm(format!("adjust_bn_{id}"), both)
        } else if self.channels(previous) != filters {
            let x = self.relu(previous)?;
            let name = format!("adjust_conv_projection_{id}");
            let x = self.conv(name, x, filters, (1, 1), Pad::Same)?;
            self.batch_norm(format!("adjust_bn_{id}"), x)
        } else {
            Ok(previous)
        }
    }

    /// A cell that keeps the size.
    fn normal_cell(&mut self, input: NodeId, previous: NodeId, filters: usize, id: &str) -> Cell {
        let name = |part: &str| format!("normal_{part}_{id}");
        let p = self.adjust(Some(previous), input, filters, id)?;
        let h = self.relu(input)?;
        let h = self.conv(name("conv_1"), h, filters, (1, 1), Pad::Same)?;
        let h = self.batch_norm(name("bn_1"), h)?;

        let left = self.separable_block(h, filters, (5, 1), &name("left1"))?;
        let right = self.separable_block(p, filters, (3, 1), &name("right1"))?;
        let x1 = self.add(name("add_1"), Op::Add, &[left, right])?;

        let left = self.separable_block(p, filters, (5, 1), &name("left2"))?;
        let right = self.separable_block(p, filters, (3, 1), &name("right2"))?;
        let x2 = self.add(name("add_2"), Op::Add, &[left, right])?;

        let left = self.average_pool(name("left3"), h, (3, 1), Pad::Same)?;
        let x3 = self.add(name("add_3"), Op::Add, &[left, p])?;

        // Two layers that do the same: the original network's, and Keras's.
        let left = self.average_pool(name("left4"), p, (3, 1), Pad::Same)?;
        let right = self.average_pool(name("right4"), p, (3, 1), Pad::Same)?;
        let x4 = self.add(name("add_4"), Op::Add, &[left, right])?;

        let left = self.separable_block(h, filters, (3, 1), &name("left5"))?;
        let x5 = self.add(name("add_5"), Op::Add, &[left, h])?;

        let output = self.add(name("concat"), Op::Concat, &[p, x1, x2, x3, x4, x5])?;
        Ok((output, input))
    }

    /// A cell that halves the size.
    fn reduction_cell(
        &mut self,
        input: NodeId,
        previous: Option<NodeId>,
        filters: usize,
        id: &str,
    ) -> Cell {
        let name = |part: &str| format!("reduction_{part}_{id}");
        let p = self.adjust(previous, input, filters, id)?;
        let h = self.relu(input)?;
        let h = self.conv(name("conv_1"), h, filters, (1, 1), Pad::Same)?;
        let h = self.batch_norm(name("bn_1"), h)?;
        // The zeros count in the pooling below, in maxima and in means.
        let zeros = Op::ZeroPad(correct_pad(self.size(h), 3));
        let padded = self.add(name("pad_1"), zeros, &[h])?;

        let left = self.separable_block(h, filters, (5, 2), &name("left1"))?;
        let right = self.separable_block(p, filters, (7, 2), &name("right1"))?;
        let x1 = self.add(name("add_1"), Op::Add, &[left, right])?;

        let left = self.max_pool(name("left2"), padded, (3, 2), Pad::Valid)?;
        let right = self.separable_block(p, filters, (7, 2), &name("right2"))?;
        let x2 = self.add(name("add_2"), Op::Add, &[left, right])?;

        let left = self.average_pool(name("left3"), padded, (3, 2), Pad::Valid)?;
        let right = self.separable_block(p, filters, (5, 2), &name("right3"))?;
        let x3 = self.add(name("add3"), Op::Add, &[left, right])?;

        let left = self.average_pool(name("left4"), x1, (3, 1), Pad::Same)?;
        let sum = self.numbered("add");
        let x4 = self.add(sum, Op::Add, &[x2, left])?;

        let left = self.separable_block(x1, filters, (3, 1), &name("left4"))?;
        let right = self.max_pool(name("right5"), padded, (3, 2), Pad::Valid)?;
        let x5 = self.add(name("add4"), Op::Add, &[left, right])?;

        let output = self.add(name("concat"), Op::Concat, &[x2, x3, x4, x5])?;
        Ok((output, input))
    }
}

/// Keras's 'tf' mode: x / 127.5 - 1.
fn input(height: usize, width: usize, _: Origin) -> InputSpec {
    stretched(height, width, Scaling::uniform(127.5, 127.5))
}

//! What a network costs: parameters, and multiply-adds for one image.
use crate::{Graph, NodeId, Op};
use std::iter::Sum;
use std::ops::Add;

/// What a node or a whole graph costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Numbers that are learnt or kept, moving statistics among them.
    pub parameters: u64,
    /// Those that a gradient changes.
    pub trainable: u64,
    /// Multiply-adds of convolutions and dense layers for one image; additions of a bias, batch
    /// norms, activations and pooling are not counted, as is the custom.
    pub multiply_adds: u64,
}

impl Add for Costs {
    type Output = Costs;

    fn add(self, other: Costs) -> Costs {
        Costs {
            parameters: self.parameters.saturating_add(other.parameters),
            trainable: self.trainable.saturating_add(other.trainable),
            multiply_adds: self.multiply_adds.saturating_add(other.multiply_adds),
        }
    }
}

impl Sum for Costs {
    fn sum<I: Iterator<Item = Costs>>(costs: I) -> Costs {
        costs.fold(Costs::default(), Costs::add)
    }
}

impl Graph {
    /// What one node costs.
    pub fn node_costs(&self, id: NodeId) -> Costs {
        let mut costs = Costs::default();
        for spec in self.node_parameters(id) {
            let elements = spec.shape.elements() as u64;
            costs.parameters += elements;
            if spec.trainable {
                costs.trainable += elements;
            }
        }
        let node = self.node(id);
        // Each value of the output takes the product of the kernel's other dimensions.
        let channels = node
            .inputs()
            .first()
            .map_or(0, |&input| self.node(input).shape().channels());
        let each = match node.op() {
            Op::Conv2d(conv) => [conv.kernel[0], conv.kernel[1], channels],
            Op::DepthwiseConv2d(conv) => [conv.kernel[0], conv.kernel[1], 1],
            Op::Dense { .. } => [1, 1, channels],
            Op::Input { .. }
            | Op::BatchNorm { .. }
            | Op::Activation(_)
            | Op::Softmax
            | Op::Affine { .. }
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::ZeroPad(_)
            | Op::Crop(_)
            | Op::Flatten
            | Op::Dropout { .. } => [0; 3],
        };
        let each = each
            .iter()
            .fold(1u64, |product, &d| product.saturating_mul(d as u64));
        costs.multiply_adds = each.saturating_mul(node.shape().elements() as u64);
        costs
    }

    /// What the whole network costs.
    pub fn costs(&self) -> Costs {
        self.ids().map(|id| self.node_costs(id)).sum()
    }
}

//! The backward steps: from the gradient of a node's value to those of its inputs and parameters.
//!
//! A gradient is a value too. Where a node only hands it on (a sum, a flattening) its input has the
//! same one: [`Lowering::pass`]. Who adds to a gradient that another node still reads as its own
//! makes a copy first.
use super::Lowering;
use super::record::{Made, Value};
use crate::lower::{layer, parts};
use crate::work::layer::Layer;
use crate::work::training::{Gradient, Product, Work};
use crate::work::{Item, Role, Size, ValueId};
use graph::{NodeId, Op};
use kernels::{Activation, Window};

impl Lowering<'_> {
    /// Lowers the backward of a node whose readers all went back.
    pub(super) fn backward(&mut self, id: NodeId) {
        let Some(gradient) = self.record(id).gradient else {
            return;
        };
        let node = self.graph.node(id);
        let is_norm = self.batch_norm(id).is_some();
        match (self.record(id).stored, self.record(id).made) {
            (Some(value), _) if !is_norm => self.stored_backward(id, value, gradient),
            (_, Some(Made::Product { of, product, norm })) => {
                self.product_backward(id, (of, product, norm), gradient);
            }
            (_, Some(Made::MaxApart { of, window })) => {
                self.max_apart_backward(id, of, window, gradient);
            }
            (_, None) => match *node.op() {
                Op::BatchNorm { .. } => self.norm_backward(id, gradient),
                Op::Flatten | Op::Add => {
                    for &input in node.inputs() {
                        self.pass(id, gradient, input);
                    }
                }
                Op::Concat => self.concat_backward(id, gradient),
                Op::Multiply => self.multiply_backward(id, gradient),
                Op::Dropout { rate, per_sample } => {
                    self.dropout_backward(id, (rate, per_sample), gradient);
                }
                // An activation that was not stored: its reader gave the gradient below it.
                Op::Input { .. } | Op::Activation(_) => {}
                Op::Softmax
                | Op::Affine { .. }
                | Op::MaxPool(_)
                | Op::AveragePool(_)
                | Op::GlobalAveragePool { .. }
                | Op::ZeroPad(_)
                | Op::Crop(_) => self.plain_backward(id, gradient),
                Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense { .. } => {
                    unreachable!("it went forward as a product")
                }
            },
        }
        self.owners[gradient.0] -= 1;
    }

    /// Where a backward step puts the gradient of a node's value, and whether something is there to
    /// be added to; none where nothing below is trained.
    fn target(&mut self, node: NodeId) -> Option<(ValueId, bool)> {
        if !self.record(node).trained_below {
            return None;
        }
        match self.record(node).gradient {
            Some(value) if self.owners[value.0] > 1 => {
                // Another node still reads it as its own: from here on it is a copy.
                let copy = self.value_of(node);
                self.owners[value.0] -= 1;
                self.owners[copy.0] = 1;
                self.record_mut(node).gradient = Some(copy);
                let reads = vec![(Role::Input, Item::Value(value))];
                let writes = vec![(Role::Output, Item::Value(copy))];
                self.push(node, Work::Copy, reads, writes);
                Some((copy, true))
            }
            Some(value) => Some((value, true)),
            None => {
                let value = self.value_of(node);
                self.owners[value.0] = 1;
                self.record_mut(node).gradient = Some(value);
                Some((value, false))
            }
        }
    }

    /// Gives a node's gradient on to another, whose gradient is the same.
    fn pass(&mut self, id: NodeId, gradient: ValueId, to: NodeId) {
        if !self.record(to).trained_below {
            return;
        }
        if self.record(to).gradient.is_none() {
            self.record_mut(to).gradient = Some(gradient);
            self.owners[gradient.0] += 1;
        } else if let Some((target, _)) = self.target(to) {
            let reads = vec![(Role::Input, Item::Value(gradient))];
            let writes = vec![(Role::Output, Item::Value(target))];
            self.push(id, Work::Accumulate, reads, writes);
        }
    }

    /// An activation whose result was stored.
    fn stored_backward(&mut self, id: NodeId, value: Value, gradient: ValueId) {
        if let Some((norm, _)) = value.norm {
            // The batch norm takes it through the activation.
            self.record_mut(norm).pending = value.activation;
            self.pass(id, gradient, norm);
        } else if let Some((target, add)) = self.target(value.base) {
            let work = Work::NormBackward {
                channels: self.shape(id).channels(),
                activation: value.activation,
                norm: None,
                add,
            };
            let reads = vec![
                (Role::Above, Item::Value(gradient)),
                (Role::Input, value.item),
            ];
            self.push(id, work, reads, vec![(Role::Below, Item::Value(target))]);
        }
    }

    /// What a step reads to take a gradient through a batch norm: its coefficients and, where its
    /// statistics are the batch's, the sums.
    fn norm_reads(&self, norm: NodeId) -> Vec<(Role, Item)> {
        let record = self.record(norm);
        let coefficients = record.coefficients.expect("it went forward");
        let sums = record
            .sums
            .map(|sums| (Role::OutputSums, Item::Value(sums)));
        [(Role::OutputNorm, Item::Value(coefficients))]
            .into_iter()
            .chain(sums)
            .collect()
    }

    /// A batch norm: sees to the sums, and leaves the rest to the product that made its input.
    fn norm_backward(&mut self, id: NodeId, gradient: ValueId) {
        let input = self.graph.node(id).inputs()[0];
        let activation = self.record(id).pending;
        let channels = self.shape(id).channels();
        let norm = self.batch_norm(id).expect("a batch norm");
        let above = (Role::Above, Item::Value(gradient));
        let value = (Role::Input, self.item(input));
        if !norm.frozen && self.record(id).sums.is_none() {
            let mut reads = vec![above, value];
            reads.extend(self.norm_reads(id));
            let sums = self.value(Size::Fixed(2 * channels));
            self.record_mut(id).sums = Some(sums);
            let work = Work::Sums {
                channels,
                activation,
            };
            let writes = vec![(Role::OutputSums, Item::Value(sums))];
            self.push(id, work, reads, writes);
        }
        let by_product = matches!(
            self.record(input).made,
            Some(Made::Product { norm: Some(norm), .. }) if norm == id
        );
        if by_product && self.record(input).trained_below {
            self.pass(id, gradient, input);
            return;
        }
        let mut writes = self.parameter_gradients(id, &[Role::GammaGradient, Role::BetaGradient]);
        let target = self.target(input);
        if target.is_none() && writes.is_empty() {
            return;
        }
        let mut reads = vec![above, value];
        reads.extend(self.norm_reads(id));
        writes.extend(target.map(|(target, _)| (Role::Below, Item::Value(target))));
        let work = Work::NormBackward {
            channels,
            activation,
            norm: Some(norm),
            add: target.is_some_and(|(_, add)| add),
        };
        self.push(id, work, reads, writes);
    }

    fn product_backward(
        &mut self,
        id: NodeId,
        (value, product, norm): (Value, Product, Option<NodeId>),
        gradient: ValueId,
    ) {
        let mut reads = vec![(Role::Above, Item::Value(gradient))];
        let mut activation = Activation::Identity;
        let mut writes = self.parameter_gradients(id, &[Role::KernelGradient, Role::BiasGradient]);
        if let Some(norm) = norm {
            activation = self.record(norm).pending;
            reads.push((Role::Output, self.item(id)));
            reads.extend(self.norm_reads(norm));
            writes
                .extend(self.parameter_gradients(norm, &[Role::GammaGradient, Role::BetaGradient]));
        }
        reads.extend(value.reads());
        reads.extend(self.parameters(id, &[Role::Kernel]));
        let target = self.target(value.base);
        if target.is_none() && writes.is_empty() {
            return;
        }
        if let Some((target, _)) = target {
            writes.push((Role::Below, Item::Value(target)));
            writes.extend(self.input_sums(&value));
        }
        let work = Work::ProductBackward {
            product,
            activation,
            norm: norm.and_then(|norm| self.batch_norm(norm)),
            add: target.is_some_and(|(_, add)| add),
        };
        self.push(id, work, reads, writes);
    }

    /// The sums that a value's batch norm needs, to be made by the step that gives it its gradient;
    /// none where it has no norm, or a frozen one.
    fn input_sums(&mut self, value: &Value) -> Option<(Role, Item)> {
        let (norm, _) = value.norm.filter(|&(norm, _)| !self.is_frozen(norm))?;
        let sums = self.value(Size::Fixed(2 * self.shape(norm).channels()));
        self.record_mut(norm).sums = Some(sums);
        Some((Role::InputSums, Item::Value(sums)))
    }

    fn max_apart_backward(&mut self, id: NodeId, value: Value, window: Window, gradient: ValueId) {
        let Some((target, add)) = self.target(value.base) else {
            return;
        };
        debug_assert!(!add, "the only reader gives the whole gradient");
        let mut reads = vec![(Role::Above, Item::Value(gradient))];
        reads.extend(value.reads());
        let mut writes = vec![(Role::Below, Item::Value(target))];
        writes.extend(self.input_sums(&value));
        let work = Work::MaxApartBackward {
            window,
            channels: self.shape(id).channels(),
            activation: value.activation,
        };
        self.push(id, work, reads, writes);
    }

    /// A gradient that is computed as a layer without weights: of the gradient above and perhaps
    /// another value.
    fn layer_backward(
        &mut self,
        id: NodeId,
        layer: Layer,
        gradient: ValueId,
        other: Option<Item>,
        target: ValueId,
    ) {
        let mut reads = vec![(Role::Input, Item::Value(gradient))];
        reads.extend(other.map(|item| (Role::Other, item)));
        let writes = vec![(Role::Output, Item::Value(target))];
        self.push(id, Work::Layer(layer), reads, writes);
    }

    fn concat_backward(&mut self, id: NodeId, gradient: ValueId) {
        for (input, part) in parts(self.graph, id) {
            if let Some((target, add)) = self.target(input) {
                self.layer_backward(id, Layer::Split { part, add }, gradient, None, target);
            }
        }
    }

    fn multiply_backward(&mut self, id: NodeId, gradient: ValueId) {
        let &[left, right] = self.graph.node(id).inputs() else {
            unreachable!("a product has two factors")
        };
        let channels = self.shape(id).channels();
        let whole = self.shape(left) == self.shape(right);
        let factors = self.item(right);
        if let Some((target, add)) = self.target(left) {
            let layer = if whole {
                Layer::Multiply { add }
            } else {
                Layer::MultiplyChannels { channels, add }
            };
            self.layer_backward(id, layer, gradient, Some(factors), target);
        }
        let values = self.item(left);
        if let Some((target, add)) = self.target(right) {
            if whole {
                let layer = Layer::Multiply { add };
                self.layer_backward(id, layer, gradient, Some(values), target);
            } else {
                let of = Gradient::Factors { channels };
                let reads = vec![(Role::Above, Item::Value(gradient)), (Role::Other, values)];
                let writes = vec![(Role::Below, Item::Value(target))];
                self.push(id, Work::Gradient { of, add }, reads, writes);
            }
        }
    }

    fn dropout_backward(&mut self, id: NodeId, (rate, per_sample): (f32, bool), gradient: ValueId) {
        let input = self.graph.node(id).inputs()[0];
        if rate == 0.0 {
            self.pass(id, gradient, input);
        } else if let Some((target, add)) = self.target(input) {
            let work = Work::Dropout {
                rate,
                per_sample,
                layer: id.index() as u32,
                add,
            };
            let reads = vec![(Role::Input, Item::Value(gradient))];
            self.push(id, work, reads, vec![(Role::Output, Item::Value(target))]);
        }
    }

    /// A layer of one step and one input: its gradient is such a layer itself, or one of its own kind.
    fn plain_backward(&mut self, id: NodeId, gradient: ValueId) {
        let input = self.graph.node(id).inputs()[0];
        let Some((target, add)) = self.target(input) else {
            return;
        };
        let layer = layer(self.graph, id).expect("a layer of one step without weights");
        let (of, read) = match layer {
            Layer::Affine { scale, .. } => {
                let layer = Layer::Affine {
                    scale,
                    offset: 0.0,
                    add,
                };
                return self.layer_backward(id, layer, gradient, None, target);
            }
            Layer::ZeroPad { inset, .. } => {
                let layer = Layer::Crop { inset, add };
                return self.layer_backward(id, layer, gradient, None, target);
            }
            Layer::Crop { inset, .. } => {
                let layer = Layer::ZeroPad { inset, add };
                return self.layer_backward(id, layer, gradient, None, target);
            }
            Layer::Softmax { channels } => {
                let output = self.item(id);
                (Gradient::Softmax { channels }, Some((Role::Output, output)))
            }
            Layer::MaxPool { window, channels } => {
                let value = self.item(input);
                let of = Gradient::MaxPool { window, channels };
                (of, Some((Role::Input, value)))
            }
            Layer::AveragePool { window, channels } => {
                (Gradient::AveragePool { window, channels }, None)
            }
            Layer::GlobalAverage => (Gradient::GlobalAverage, None),
            Layer::Activation(_)
            | Layer::Add(_)
            | Layer::Multiply { .. }
            | Layer::MultiplyChannels { .. }
            | Layer::Join(_)
            | Layer::Split { .. } => unreachable!("{} has a backward of its own", layer.kind()),
        };
        let mut reads = vec![(Role::Above, Item::Value(gradient))];
        reads.extend(read);
        let writes = vec![(Role::Below, Item::Value(target))];
        self.push(id, Work::Gradient { of, add }, reads, writes);
    }
}

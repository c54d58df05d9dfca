//! What the lowering knows of a node: for its readers, and for its own backward step.
use crate::work::training::Product;
use crate::work::{Item, Role, ValueId};
use graph::{NodeId, Padding};
use kernels::{Activation, Window};

/// What the lowering knows of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The nodes that read it, as often as they do, of those that the logits need.
    pub readers: Vec<NodeId>,
    /// The number of its first parameter.
    pub first_parameter: usize,
    /// Whether it or a node below it has a parameter that is trained.
    pub trained_below: bool,
    /// Its value, once it went forward.
    pub value: Option<Value>,
    /// What its value was before it was stored for several readers.
    pub stored: Option<Value>,
    /// How it was computed, where its backward step must know.
    pub made: Option<Made>,
    /// Of a batch norm: its coefficients, `[4, C]`.
    pub coefficients: Option<ValueId>,
    /// Of a batch norm: the sums that its gradient needs, where a reader of its value made them.
    pub sums: Option<ValueId>,
    /// Of a batch norm: the activation that its gradient has still to pass.
    pub pending: Activation,
    /// The gradient of its value, once a reader gave one.
    pub gradient: Option<ValueId>,
}

/// How a node was computed of a value that its step worked out itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// By a layer with weights; and the batch norm whose statistics it took.
    Product {
        of: Value,
        product: Product,
        norm: Option<NodeId>,
    },
    /// By a maximum of windows that lie apart.
    MaxApart { of: Value, window: Window },
}

/// A node's value: stored, or left to its reader to work out of what is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// What is stored.
    pub item: Item,
    /// The batch norm that is applied to it, and its coefficients.
    pub norm: Option<(NodeId, ValueId)>,
    /// What is applied then.
    pub activation: Activation,
    /// The zeros around it that are not stored.
    pub padding: Padding,
    /// The node whose gradient a reader gives: the batch norm, or whose value is stored.
    pub base: NodeId,
}

impl Value {
    /// A stored value as it is.
    pub fn plain(item: Item, base: NodeId) -> Self {
        Value {
            item,
            norm: None,
            activation: Activation::Identity,
            padding: Padding::default(),
            base,
        }
    }

    pub fn is_plain(&self) -> bool {
        self.norm.is_none()
            && self.activation == Activation::Identity
            && self.padding == Padding::default()
    }

    /// What a step reads of it, as its input.
    pub fn reads(&self) -> Vec<(Role, Item)> {
        let norm = self
            .norm
            .map(|(_, coefficients)| (Role::InputNorm, Item::Value(coefficients)));
        [(Role::Input, self.item)].into_iter().chain(norm).collect()
    }
}

//! What a network is: operations, their shapes and costs, and what input it wants.
//!
//! Invariant: this crate computes nothing. A [`Graph`] is a description; the values of its
//! parameters live beside it in a `tensor::NamedTensors`, and `engine` runs it.

mod costs;
mod error;
mod graph;
mod input;
mod keras;
mod op;
mod parts;
mod shapes;
mod text;
mod views;
mod weights;

pub use costs::Costs;
pub use error::{GraphError, ShapeFault};
pub use graph::{Graph, Node, NodeId, ParameterSpec};
pub use input::{Filter, Geometry, InputFault, InputSpec, MOST_VIEWS, Scaling, View};
pub use keras::{KerasLayer, keras_layers, keras_names};
pub use op::{Activation, Conv2d, DepthwiseConv2d, Op, Padding, Pool2d};
pub use text::GraphTextError;
pub use views::{ParseViewsError, parse_views, views_text};
pub use weights::{Layout, Matching, Origin, WeightNames, WeightRow};

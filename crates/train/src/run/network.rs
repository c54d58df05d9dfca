//! The network of a recipe, and how a photo becomes its input.
use crate::finetune::Initial;
use crate::recipe::{Architecture, Recipe};
use crate::{TrainError, watch::Notice};
use graph::{Graph, InputSpec};
use std::collections::HashSet;
use zoo::Head;

/// What a recipe asks to be trained.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its output are the logits.
    pub graph: Graph,
    /// How a photo becomes its input.
    pub input: InputSpec,
    /// Parameters, moving statistics among them.
    pub parameters: u64,
    /// What comes with the initial weights; none of a network that starts at random.
    pub transfer: Option<Transfer>,
}

/// The part of a network that comes with its initial weights.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Its layers, by name.
    pub body: HashSet<String>,
    /// The layer whose values the new head's first layer with weights reads: a row.
    pub features: String,
}

impl Network {
    /// Whether a small network has become a large one.
    pub(super) fn notice(&self, recipe: &Recipe) -> Option<Notice> {
        let parameters = self.parameters;
        let is_lenet = matches!(*recipe.model.network, Architecture::LeNet);
        let is_small = is_lenet && self.transfer.is_none();
        (is_small && parameters >= zoo::SMALL).then_some(Notice::Large { parameters })
    }
}

/// The network for so many classes, on these initial weights where the recipe names some.
///
/// # Errors
/// A size that it cannot be built at, a shape that makes no sense, or initial weights that the recipe
/// names and nobody gives.
pub fn network(
    recipe: &Recipe,
    initial: Option<&Initial>,
    classes: usize,
) -> Result<Network, TrainError> {
    match (&recipe.model.initial, initial) {
        (None, _) => {}
        (Some(_), Some(initial)) => return initial.network(recipe, classes),
        (Some(name), None) => {
            let name = name.clone();
            return Err(TrainError::NoInitial { name });
        }
    }
    let size = recipe.input.size;
    let head = Head::Classes(classes);
    let (graph, mut input) = match *recipe.model.network {
        Architecture::LeNet => {
            let lenet = &recipe.model.lenet;
            (lenet.build(head)?, lenet.input_spec())
        }
        Architecture::Backbone(backbone) => (
            backbone.build(size, size, head)?,
            backbone.input_spec(size, size),
        ),
    };
    input.filter = recipe.input.filter;
    input.views.clone_from(&recipe.input.views);
    input.preprocessing = recipe.preprocess.steps.text().to_owned();
    let parameters = graph.costs().parameters;
    Ok(Network {
        graph,
        input,
        parameters,
        transfer: None,
    })
}

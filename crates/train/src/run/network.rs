//! The network of a recipe, and how a photo becomes its input.
use crate::recipe::{Architecture, Recipe};
use crate::{TrainError, watch::Notice};
use graph::{Graph, InputSpec};
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
}

impl Network {
    /// Whether a small network has become a large one.
    pub(super) fn notice(&self, recipe: &Recipe) -> Option<Notice> {
        let parameters = self.parameters;
        let is_small = matches!(*recipe.model.network, Architecture::LeNet);
        (is_small && parameters >= zoo::SMALL).then_some(Notice::Large { parameters })
    }
}

/// The network for so many classes.
///
/// # Errors
/// A size that it cannot be built at, or a shape that makes no sense.
pub fn network(recipe: &Recipe, classes: usize) -> Result<Network, TrainError> {
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
    })
}

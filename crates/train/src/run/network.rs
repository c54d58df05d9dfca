//! The network of a recipe, and how a photo becomes its input.
use crate::recipe::{LENET, Recipe};
use crate::{TrainError, watch::Notice};
use graph::{Graph, InputSpec};
use vision::augment::Augmentation;
use vision::filters::Pipeline;
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
        (recipe.model.network == LENET && parameters >= zoo::SMALL)
            .then_some(Notice::Large { parameters })
    }
}

/// The network for so many classes.
///
/// # Errors
/// An unknown network, a size that it cannot be built at, views or preprocessing that are not
/// understood.
pub fn network(recipe: &Recipe, classes: usize) -> Result<Network, TrainError> {
    let size = recipe.input.size;
    let head = Head::Classes(classes);
    let (graph, mut input) = if recipe.model.network == LENET {
        let lenet = &recipe.model.lenet;
        (lenet.build(head)?, lenet.input_spec())
    } else {
        let backbone = zoo::find(&recipe.model.network).ok_or_else(|| {
            let names = zoo::all().iter().map(|backbone| backbone.name);
            TrainError::Unknown {
                what: "model.network",
                name: recipe.model.network.clone(),
                known: [LENET]
                    .into_iter()
                    .chain(names)
                    .collect::<Vec<_>>()
                    .join(", "),
            }
        })?;
        (
            backbone.build(size, size, head)?,
            backbone.input_spec(size, size),
        )
    };
    input.filter = recipe.input.filter;
    input.views = crate::make::parse_views(&recipe.input.views)?;
    input.preprocessing = recipe.preprocess.steps.clone();
    let steps = recipe.preprocess.steps.parse::<Pipeline>();
    steps.map_err(|source| TrainError::Steps {
        key: "preprocess.steps",
        source,
    })?;
    let parameters = graph.costs().parameters;
    Ok(Network {
        graph,
        input,
        parameters,
    })
}

/// The augmentation of a recipe.
///
/// # Errors
/// Steps that are not understood.
pub(super) fn augmentation(recipe: &Recipe) -> Result<Augmentation, TrainError> {
    Augmentation::parse(&recipe.augment.steps).map_err(|source| TrainError::Steps {
        key: "augment.steps",
        source,
    })
}

//! What may be wrong with a network that is to be run, or with what it is given.
use tensor::Shape;

/// What may be wrong with a network that is to be run, or with what it is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The graph has no nodes.
    #[error("the network has no layers")]
    Empty,
    /// A parameter has no values.
    #[error("the weights have no `{name}` {shape}")]
    MissingParameter {
        /// `layer/kernel` and the like.
        name: String,
        /// The shape that the layer wants.
        shape: Shape,
    },
    /// A parameter has another shape than its layer wants.
    #[error("weights: `{name}` has {given}, the network wants {wanted}")]
    ParameterShape {
        /// `layer/kernel` and the like.
        name: String,
        /// The shape of the values.
        given: Shape,
        /// The shape that the layer wants.
        wanted: Shape,
    },
    /// An output was asked for by the name of a layer that is not there.
    #[error("the network has no layer `{name}`")]
    UnknownOutput {
        /// What was asked for.
        name: String,
    },
    /// The network needs more memory than it may have.
    #[error(
        "the network needs {needed} bytes of memory ({weights} of weights, {working} to work in), \
         and may have {limit}"
    )]
    Memory {
        /// Bytes in all.
        needed: usize,
        /// Bytes of packed weights.
        weights: usize,
        /// Bytes of the arenas.
        working: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The input is no whole number of images.
    #[error("an input of {given} values is no whole number of images of {image}")]
    Input {
        /// Values given.
        given: usize,
        /// Values of one image.
        image: usize,
    },
    /// An output's slice has the wrong length, or there are too many or too few.
    #[error("the outputs' slices have the lengths {given:?}, {wanted:?} are wanted")]
    Outputs {
        /// Lengths given.
        given: Vec<usize>,
        /// Lengths wanted.
        wanted: Vec<usize>,
    },
    /// A network that is to be trained does not end in a row of logits.
    #[error("`{name}` gives {shape}: training wants one row of logits, [classes]")]
    Logits {
        /// The output's layer.
        name: String,
        /// Its shape.
        shape: Shape,
    },
    /// There are not as many weights of classes as classes.
    #[error("{given} class weights for {classes} classes")]
    ClassWeights {
        /// Weights given.
        given: usize,
        /// Classes of the network.
        classes: usize,
    },
    /// Every layer with parameters is frozen, or there is none.
    #[error("nothing is left to train: all layers are frozen")]
    NothingTrained,
    /// A training step was given no whole images, or too many.
    #[error("a batch of {given} values is not 1 to {batch} images of {image}")]
    Batch {
        /// Values given.
        given: usize,
        /// Values of one image.
        image: usize,
        /// Most images.
        batch: usize,
    },
    /// A training step's targets are not one for each image, or name a class that is not there.
    #[error("targets of {images} images among {classes} classes are wanted")]
    Targets {
        /// Images given.
        images: usize,
        /// Classes of the network.
        classes: usize,
    },
}

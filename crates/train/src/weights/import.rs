//! The parameters of a backbone from a file, whatever its kind and its classifier.
use super::card::WeightsCard;
use crate::make::MakeError;
use formats::{Mismatch, Origin, Weights};
use graph::{Graph, InputSpec, ParameterSpec, WeightNames};
use tensor::{NamedTensors, Shape};
use zoo::{Backbone, Head};

/// Which part of a network to take from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// What the file has: with a classifier of as many classes as its own, or without.
    AsFound,
    /// The backbone alone: whatever else the file has is left aside.
    LeftAside,
}

/// The parameters of a backbone, as museau has them.
#[derive(Debug)]
pub struct Imported {
    /// Where the file comes from.
    pub origin: Origin,
    /// With or without a classifier.
    pub head: Head,
    /// The network at its default size.
    pub graph: Graph,
    /// Its parameters, in its order.
    pub parameters: NamedTensors,
    /// The input that these weights want, at the default size.
    pub input: InputSpec,
    /// Tensors that were left aside as asked: name, shape.
    pub left: Vec<(String, Shape)>,
    /// Whether the first of 1001 classes, which is 'background', was left out.
    pub without_background: bool,
}

/// Finds the parameters of `backbone` in the bytes of a file.
///
/// # Errors
/// [`MakeError`], above all where the file holds anything but exactly what the network wants: both
/// leftovers are named.
pub fn import(bytes: &[u8], backbone: &Backbone, top: Top) -> Result<Imported, MakeError> {
    import_from(&formats::read(bytes)?, backbone, top)
}

/// The same, from what was read of a file.
pub(crate) fn import_from(
    source: &Weights,
    backbone: &Backbone,
    top: Top,
) -> Result<Imported, MakeError> {
    let heads = match top {
        Top::LeftAside => vec![(Head::Features, None)],
        Top::AsFound => [(Head::Features, None)]
            .into_iter()
            .chain(classifier(source))
            .collect(),
    };
    let (mut nearest, mut known): (Option<Mismatch>, bool) = (None, false);
    for (head, layer) in heads {
        let size = backbone.default_size;
        let graph = backbone.build(size, size, head)?;
        for rules in rules(backbone, &graph, source, layer.as_deref()) {
            known = true;
            let rules = match top {
                Top::LeftAside => rules.partial(),
                Top::AsFound => rules,
            };
            match rules.find(&graph, source) {
                Ok((parameters, left)) => {
                    let found = (head, graph, parameters, left);
                    return Ok(finish(backbone, source, rules.origin, found));
                }
                Err(mismatch) => {
                    if nearest
                        .as_ref()
                        .is_none_or(|near| count(&mismatch) < count(near))
                    {
                        nearest = Some(mismatch);
                    }
                }
            }
        }
    }
    if let Some(other) = other_network(source, backbone) {
        return Err(other);
    }
    match nearest {
        Some(mismatch) if known => Err(mismatch.into()),
        _ => Err(MakeError::Names {
            backbone: backbone.name,
        }),
    }
}

/// Why the file of another network is refused that has the layers of `backbone` and computes something
/// else; `None` of any other file.
pub(crate) fn other_network(source: &Weights, backbone: &Backbone) -> Option<MakeError> {
    let names = source.tensors.iter();
    let tensors = names.map(|(name, tensor)| (name.as_str(), tensor.shape()));
    let lookalike = zoo::Lookalike::find(backbone, tensors)?;
    Some(MakeError::Lookalike {
        backbone: backbone.name,
        lookalike,
    })
}

impl Imported {
    /// The card of these weights, from the file of this name and content.
    pub fn card(&self, backbone: &Backbone, file: &str, bytes: &[u8]) -> WeightsCard {
        WeightsCard {
            backbone: backbone.name.to_owned(),
            classes: match self.head {
                Head::Features => None,
                Head::Classes(classes) => Some(classes),
            },
            input: self.input.clone(),
            file: file.to_owned(),
            hash: blake3::hash(bytes).to_hex().to_string(),
            published: false,
        }
    }
}

/// How many things are wrong.
fn count(mismatch: &Mismatch) -> usize {
    mismatch.missing.len()
        + mismatch.unused.len()
        + mismatch.shapes.len()
        + mismatch.not_finite.len()
}

/// The classifier of a file, if it has one: the last matrix. How many classes it has, and its layer.
fn classifier(source: &Weights) -> Option<(Head, Option<String>)> {
    let executed = matches!(source.origin, Origin::Onnx | Origin::TfLite);
    let matrix = |shape: Shape| match *shape.dimensions() {
        [a, b] => Some((a, b)),
        // A dense layer written as a convolution.
        [1, 1, a, b] if executed => Some((a, b)),
        _ => None,
    };
    let (name, (first, last)) = source
        .tensors
        .iter()
        .rev()
        .find_map(|(name, tensor)| Some((name, matrix(tensor.shape())?)))?;
    // PyTorch's have as many rows as classes. A safetensors file may be PyTorch's.
    let torch = source.origin == Origin::PyTorch || name.ends_with(".weight");
    let classes = if torch { first } else { last };
    let layer = name.rsplit_once('/').map(|(layer, _)| layer);
    let layer = layer.filter(|_| source.origin == Origin::Keras);
    Some((Head::Classes(classes), layer.map(str::to_owned)))
}

/// One way of finding parameters in a file.
struct Rules {
    /// Whose names they are.
    origin: Origin,
    names: WeightNames,
    folded: Option<zoo::Folded>,
}

/// The ways that may serve for this file; its classifier is called `layer`.
fn rules(backbone: &Backbone, graph: &Graph, source: &Weights, layer: Option<&str>) -> Vec<Rules> {
    let mut all = Vec::new();
    let mut add = |origin| {
        if let Some(names) = backbone.weight_names(graph, origin) {
            let names = match layer {
                Some(layer) if layer != zoo::HEAD_LAYER => {
                    names.also_called(zoo::HEAD_LAYER, layer)
                }
                _ => names,
            };
            all.push(Rules {
                origin,
                names,
                folded: None,
            });
        }
    };
    add(source.origin);
    if source.origin == Origin::Safetensors {
        add(Origin::PyTorch);
    }
    let executed = matches!(source.origin, Origin::Onnx | Origin::TfLite);
    if executed && let Some(folded) = backbone.folded(graph) {
        all.push(Rules {
            origin: source.origin,
            names: folded.names.clone(),
            folded: Some(folded),
        });
    }
    all
}

/// Parameters, and what was left aside.
type Found = (NamedTensors, Vec<(String, Shape)>);

impl Rules {
    fn partial(mut self) -> Self {
        self.names = self.names.partial();
        self
    }

    fn find(&self, graph: &Graph, source: &Weights) -> Result<Found, Mismatch> {
        let own: Vec<ParameterSpec>;
        let wanted = match &self.folded {
            Some(folded) => &folded.parameters,
            None => {
                own = graph.parameters();
                &own
            }
        };
        let fit = formats::fit(wanted, &source.tensors, &self.names)?;
        let left = fit.left.iter();
        let left = left
            .map(|&(name, shape)| (name.to_owned(), shape))
            .collect();
        let parameters = match &self.folded {
            Some(folded) => folded.complete(graph, fit.fill()),
            None => fit.fill(),
        };
        Ok((parameters, left))
    }
}

/// Classes of TensorFlow's ImageNet networks, the background first.
const WITH_BACKGROUND: usize = zoo::imagenet::CLASSES + 1;

fn finish(
    backbone: &Backbone,
    source: &Weights,
    origin: Origin,
    (mut head, mut graph, mut parameters, left): (Head, Graph, NamedTensors, Vec<(String, Shape)>),
) -> Imported {
    let mut without_background = false;
    if head == Head::Classes(WITH_BACKGROUND) {
        let classes: Vec<usize> = (1..WITH_BACKGROUND).collect();
        let size = backbone.default_size;
        let fewer = Head::Classes(classes.len());
        if let Some(selected) = zoo::select_classes(&parameters, &classes)
            && let Ok(built) = backbone.build(size, size, fewer)
        {
            (head, graph, parameters) = (fewer, built, selected);
            without_background = true;
        }
    }
    let size = backbone.default_size;
    let input = WeightsCard::find(&source.metadata)
        .map(|card| card.input)
        .unwrap_or_else(|| backbone.input_spec_of(size, size, origin));
    Imported {
        origin,
        head,
        graph,
        parameters,
        input,
        left,
        without_background,
    }
}

//! The weights that a training starts from: those of a package, or of a backbone.
use crate::evaluate::match_classes;
use crate::make::{MakeError, stanford_labels};
use crate::recipe::{Architecture, Recipe, Written};
use crate::run::{Network, Transfer};
use crate::weights::{Top, WeightsCard, import};
use crate::{TrainError, initial_parameters};
use data::Manifest;
use graph::{Activation, Graph, InputSpec, NodeId, Op, views_text};
use package::{DogRule, Label, Package, Provenance};
use std::collections::HashSet;
use tensor::{NamedTensors, Tensor};
use zoo::{Backbone, DenseHead, HEAD_LAYER, Head};

/// What a recipe calls weights that are drawn at random under a whole backbone: a trial of all that
/// comes after them.
pub const RANDOM: &str = "random";

/// The weights that a training starts from, and their network.
#[derive(Debug)]
pub struct Initial {
    /// What a recipe calls them.
    pub name: String,
    /// BLAKE3 of their file, hexadecimal.
    pub hash: String,
    /// Where they come from, their licence, and what they have seen.
    pub provenance: Provenance,
    backbone: Option<&'static Backbone>,
    graph: Graph,
    weights: NamedTensors,
    input: InputSpec,
    /// The classes of the head that is replaced.
    labels: Vec<Label>,
    /// How the dog probability is read off its outputs, and below which the answer is 'not a dog'.
    dog: Option<(DogRule, f32)>,
}

/// A network whose old head stands beside the new one, for the answer 'not a dog' alone.
pub(crate) struct BesideOldHead {
    /// Its outputs are the new head's, then the old one's.
    pub graph: Graph,
    /// The old head's values.
    pub weights: NamedTensors,
    /// The rule on these outputs, and its threshold.
    pub dog: (DogRule, f32),
}

impl Initial {
    /// Those of a package, whose file has this hash.
    ///
    /// # Errors
    /// `InitialHead` where its network has no layer that could be replaced.
    pub fn of_package(
        name: &str,
        package: Package,
        hash: &blake3::Hash,
    ) -> Result<Self, TrainError> {
        let Package {
            about,
            graph,
            weights,
        } = package;
        let calibration = about.calibration;
        if graph.head().is_none() {
            let name = name.to_owned();
            return Err(TrainError::InitialHead { name });
        }
        Ok(Initial {
            name: name.to_owned(),
            hash: hash.to_hex().to_string(),
            backbone: zoo::find(&about.provenance.backbone),
            provenance: about.provenance,
            graph,
            weights,
            input: about.input,
            labels: about.labels,
            dog: calibration
                .dog
                .map(|rule| (rule, calibration.not_a_dog_below)),
        })
    }

    /// Those of a backbone in the bytes of a file, of any kind that can be imported. Files that museau
    /// has written name their backbone.
    ///
    /// # Errors
    /// `InitialBackbone` where the backbone is not known, and what is wrong with the file.
    pub fn of_weights(
        name: &str,
        bytes: &[u8],
        backbone: Option<&'static Backbone>,
    ) -> Result<Self, TrainError> {
        let card = formats::read(bytes).map_err(MakeError::from)?.metadata;
        let card = WeightsCard::find(&card);
        let named = card.as_ref().and_then(|card| zoo::find(&card.backbone));
        let backbone = named.or(backbone).ok_or_else(|| {
            let name = name.to_owned();
            TrainError::InitialBackbone { name }
        })?;
        let imported = import(bytes, backbone, Top::AsFound)?;
        let is_imagenet = imported.head == Head::Classes(zoo::imagenet::CLASSES);
        let is_published = card.as_ref().is_some_and(|card| card.published);
        let seen = match is_published {
            true => PUBLISHED_SEEN,
            false => UNKNOWN_SEEN,
        };
        Ok(Initial {
            name: name.to_owned(),
            hash: blake3::hash(bytes).to_hex().to_string(),
            provenance: Provenance {
                backbone: backbone.name.to_owned(),
                weights: match &card {
                    Some(card) => format!("{}, from {}", backbone.title, card.file),
                    None => format!("{}, from {name}", backbone.title),
                },
                licence: NO_LICENCE.to_owned(),
                weights_hash: match &card {
                    Some(card) => card.hash.clone(),
                    None => blake3::hash(bytes).to_hex().to_string(),
                },
                seen: seen.to_owned(),
                ..Provenance::default()
            },
            backbone: Some(backbone),
            graph: imported.graph,
            weights: imported.parameters,
            input: card.map_or(imported.input, |card| card.input),
            labels: match is_imagenet {
                true => stanford_labels(),
                false => Vec::new(),
            },
            dog: None,
        })
    }

    /// Values drawn at random for a whole backbone, always the same.
    ///
    /// # Errors
    /// [`TrainError::Network`]
    pub fn random(backbone: &'static Backbone) -> Result<Self, TrainError> {
        let size = backbone.default_size;
        let graph = backbone.build(size, size, Head::Features)?;
        let weights = initial_parameters(&graph, 0);
        Ok(Initial {
            name: RANDOM.to_owned(),
            hash: blake3::hash(backbone.name.as_bytes()).to_hex().to_string(),
            provenance: Provenance {
                backbone: backbone.name.to_owned(),
                weights: format!("{}, drawn at random", backbone.title),
                licence: NO_LICENCE.to_owned(),
                seen: "They have seen nothing.".to_owned(),
                ..Provenance::default()
            },
            backbone: Some(backbone),
            graph,
            weights,
            input: backbone.input_spec(size, size),
            labels: Vec::new(),
            dog: None,
        })
    }

    /// What a recipe with these weights says where nobody says anything else: their network and their
    /// input; of the head, the layer of the classes alone.
    pub fn recipe(&self) -> Recipe {
        let mut recipe = Recipe::default();
        let text = "what is written of a network's own is understood";
        recipe.model.initial = Some(self.name.clone());
        if let Some(backbone) = self.backbone {
            recipe.model.network = Written::read(backbone.name).expect(text);
        }
        recipe.input.size = self.input.height;
        recipe.input.filter = self.input.filter;
        recipe.input.views = Written::read(&views_text(&self.input.views)).expect(text);
        recipe.preprocess.steps = Written::read(&self.input.preprocessing).expect(text);
        recipe.head = DenseHead {
            global_pooling: true,
            units: Vec::new(),
            dropout: 0.0,
        };
        recipe
    }

    /// What `finetune` does where nobody says anything else: the head alone is trained, pulled towards
    /// the rows that it starts from. The numbers are those of the trial that fitted a head of 120 breeds
    /// on features of the embedded network: a pull of 0.01, targets smoothed by 0.05, Adam.
    pub fn finetune_recipe(&self) -> Recipe {
        let mut recipe = self.recipe();
        recipe.model.freeze = Written::read(WHOLE_BODY).expect("a text of the freeze key");
        recipe.optimizer.pull = Some(0.01);
        recipe.train.epochs = 20;
        recipe.train.label_smoothing = 0.05;
        recipe
    }

    /// The values of its own network's parameters.
    pub(crate) fn weights(&self) -> &NamedTensors {
        &self.weights
    }

    /// The network of a recipe for so many classes: theirs up to its features, and a new head.
    ///
    /// # Errors
    /// `InitialNetwork` where the recipe names another, `InitialSize` where they cannot be used at its
    /// size, and a head that cannot be built.
    pub(crate) fn network(&self, recipe: &Recipe, classes: usize) -> Result<Network, TrainError> {
        if let (Architecture::Backbone(asked), Some(own)) = (*recipe.model.network, self.backbone)
            && asked.name != own.name
        {
            return Err(TrainError::InitialNetwork {
                name: self.name.clone(),
                found: own.name,
                asked: asked.name,
            });
        }
        let (whole, mut input) = self.at(recipe.input.size)?;
        let output = whole.outputs()[0];
        let top = match whole.node(output).shape().rank() {
            1 => whole.head().map(|(_, features)| features),
            _ => Some(output),
        };
        let name = self.name.clone();
        let top = top.ok_or(TrainError::InitialHead { name })?;
        let mut graph = whole.below(top);
        let body: HashSet<String> = graph.nodes().iter().map(|n| n.name().to_owned()).collect();
        let top = graph.outputs()[0];
        let is_row = graph.node(top).shape().rank() == 1;
        let head = &recipe.head;
        head.put(&mut graph, top, Activation::Relu, classes)?;
        // Pooling and flattening have no weights: what is trained reads a row.
        let features = body.len() - usize::from(is_row);
        let features = graph.nodes()[features].name().to_owned();
        input.filter = recipe.input.filter;
        input.views.clone_from(&recipe.input.views);
        recipe
            .preprocess
            .steps
            .text()
            .clone_into(&mut input.preprocessing);
        Ok(Network {
            parameters: graph.costs().parameters,
            graph,
            input,
            transfer: Some(Transfer { body, features }),
        })
    }

    /// The network, and its input, at a size.
    fn at(&self, size: usize) -> Result<(Graph, InputSpec), TrainError> {
        if size == self.input.height {
            return Ok((self.graph.clone(), self.input.clone()));
        }
        let refused = || TrainError::InitialSize {
            name: self.name.clone(),
            own: self.input.height,
            size,
        };
        let backbone = self.backbone.ok_or_else(refused)?;
        let classes = self.weights.get(&format!("{HEAD_LAYER}/kernel"));
        let classes = classes.and_then(|kernel| kernel.shape().dimensions().last().copied());
        let head = classes.map_or(Head::Features, Head::Classes);
        let graph = backbone.build(size, size, head)?;
        let has = |spec: &graph::ParameterSpec| {
            let tensor = self.weights.get(&spec.name);
            tensor.is_some_and(|tensor| tensor.shape() == spec.shape)
        };
        if !graph.parameters().iter().all(has) {
            return Err(refused());
        }
        let input = InputSpec {
            height: size,
            width: size,
            ..self.input.clone()
        };
        Ok((graph, input))
    }

    /// The initial values of a network that [`Initial::network`] made, and for how many of the
    /// manifest's classes the new head starts from the old one's row: where it is one layer on the same
    /// features, for the classes that both have, by id or by name. The other rows are drawn.
    pub(crate) fn parameters(
        &self,
        network: &Network,
        manifest: &Manifest,
        seed: u64,
    ) -> (NamedTensors, usize) {
        let mut parameters = initial_parameters(&network.graph, seed);
        let body = network.transfer.as_ref().map(|transfer| &transfer.body);
        let is_body = |name: &str| {
            let layer = name.rsplit_once('/').map_or(name, |(layer, _)| layer);
            body.is_some_and(|body| body.contains(layer))
        };
        for (name, tensor) in parameters.iter_mut().filter(|(name, _)| is_body(name)) {
            let own = self.weights.get(name);
            *tensor = own
                .expect("a parameter that the network was built of")
                .clone();
        }
        let kept = self.keep_rows(
            network,
            &match_classes(&self.labels, manifest),
            &mut parameters,
        );
        (parameters, kept)
    }

    /// A network that [`Initial::network`] made, with the old head on the same features beside the new
    /// one, so that the rule of the dog probability is what it was. `None` where there is no rule. The
    /// layers below must have kept their values.
    pub(crate) fn beside_old_head(&self, network: &Network) -> Option<BesideOldHead> {
        let (rule, threshold) = self.dog.as_ref()?;
        let (layer, first) = self.layer_of_output(rule.outputs.first()?[0])?;
        let node = self.graph.node(layer);
        let &Op::Dense { units, .. } = node.op() else {
            return None;
        };
        let mut features = *node.inputs().first()?;
        while matches!(self.graph.node(features).op(), Op::Dropout { .. }) {
            features = *self.graph.node(features).inputs().first()?;
        }
        let mut graph = network.graph.clone();
        let features = graph.find(self.graph.node(features).name())?;
        let new = graph.outputs()[0];
        let classes = graph.node(new).shape().channels();
        let name = free_name(&graph, "initial_predictions");
        let old = graph.add(name.as_str(), *node.op(), &[features]).ok()?;
        let both = free_name(&graph, "outputs");
        let both = graph.add(both, Op::Concat, &[new, old]).ok()?;
        graph.set_outputs(&[both]).ok()?;
        let value = |part: &str| {
            let tensor = self.weights.get(&format!("{}/{part}", node.name()))?;
            Some((format!("{name}/{part}"), tensor.clone()))
        };
        let moved = |[from, to]: [usize; 2]| [from - first + classes, to - first + classes];
        let rule = DogRule {
            outputs: rule.outputs.iter().copied().map(moved).collect(),
            among: Some(moved(rule.among.unwrap_or([first, first + units - 1]))),
            ..rule.clone()
        };
        Some(BesideOldHead {
            graph,
            weights: ["kernel", "bias"].into_iter().filter_map(value).collect(),
            dog: (rule, *threshold),
        })
    }

    /// The layer that makes this of the outputs, and the number of its first one.
    fn layer_of_output(&self, output: usize) -> Option<(NodeId, usize)> {
        let id = self.graph.outputs().first().copied()?;
        let node = self.graph.node(id);
        if !matches!(node.op(), Op::Concat) {
            return Some((id, 0));
        }
        let mut first = 0;
        for &input in node.inputs() {
            let count = self.graph.node(input).shape().channels();
            if output < first + count {
                return Some((input, first));
            }
            first += count;
        }
        None
    }

    /// Puts the old head's values of these classes' labels in the new head's place.
    fn keep_rows(
        &self,
        network: &Network,
        labels: &[Option<usize>],
        parameters: &mut NamedTensors,
    ) -> usize {
        let heads = [&self.graph, &network.graph].map(|graph| {
            let (layer, features) = graph.head()?;
            Some((graph.node(layer).name(), graph.node(features).name()))
        });
        let [Some((old, old_features)), Some((new, features))] = heads else {
            return 0;
        };
        // A row is what a class weighs the features by: on others it means nothing.
        if old_features != features {
            return 0;
        }
        let mut kept = 0;
        for part in ["kernel", "bias"] {
            let from = self.weights.get(&format!("{old}/{part}"));
            let to = parameters.get_mut(&format!("{new}/{part}"));
            let (Some(from), Some(to)) = (from, to) else {
                continue;
            };
            let columns = |tensor: &Tensor| tensor.shape().dimensions().last().copied();
            let (Some(old_classes), Some(classes)) = (columns(from), columns(to)) else {
                continue;
            };
            if from.values().len() / old_classes != to.values().len() / classes {
                return 0;
            }
            kept = 0;
            let values = from.values();
            for (class, label) in labels.iter().enumerate() {
                let output = label.map(|label| self.labels[label].output);
                let Some(output) = output.filter(|output| *output < old_classes) else {
                    continue;
                };
                kept += 1;
                let rows = values.chunks_exact(old_classes);
                for (row, values) in rows.zip(to.values_mut().chunks_exact_mut(classes)) {
                    values[class] = row[output];
                }
            }
        }
        kept
    }
}

/// This name, or the first with a number behind it that no layer bears.
fn free_name(graph: &Graph, name: &str) -> String {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|name| graph.find(name).is_none());
    free.expect("there are more numbers than layers")
}

/// What stands in a recipe's `model.freeze` for all layers that come with the initial weights.
pub(crate) const WHOLE_BODY: &str = "*";

/// SPDX for a licence that nobody has stated.
const NO_LICENCE: &str = "NOASSERTION";

/// What the files that Keras publishes were trained on.
const PUBLISHED_SEEN: &str = "They have seen ImageNet-1k (ILSVRC 2012). All photos of Stanford Dogs, its \
    official test photos too, come from there: accuracy on Stanford Dogs says nothing about dogs that \
    were never seen.";

const UNKNOWN_SEEN: &str = "What these weights were trained on is not known here. If it was ImageNet, \
    they have seen all photos of Stanford Dogs, its official test photos too, and accuracy on Stanford \
    Dogs says nothing about dogs that were never seen.";

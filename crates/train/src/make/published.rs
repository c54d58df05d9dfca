//! The package of published weights: read, assigned to a backbone, its labels by `words`.
use super::card::card;
use super::{MakeError, label, stanford_labels};
use crate::weights::{WeightsCard, other_network};
use graph::{InputSpec, View};
use package::{About, Calibration, DogRule, Package, PhotoIds, Provenance, Stored};
use std::path::Path;
use zoo::{Backbone, Head};

/// What to make.
#[derive(Debug)]
pub struct Published<'a> {
    /// The network.
    pub backbone: &'a Backbone,
    /// Height and width of its input; the backbone's own where `None`.
    pub size: Option<usize>,
    /// The file of its weights.
    pub weights: &'a Path,
    /// Name and origin of the weights, for the provenance.
    pub origin: String,
    /// Their licence (SPDX).
    pub licence: String,
    /// What their training has seen, in words.
    pub seen: String,
    /// The classes to answer with.
    pub classes: Classes,
    /// How photos are looked at; the backbone's own way where `None`.
    pub views: Option<Vec<View>>,
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
}

/// Which of the network's outputs are classes of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// The 120 of Stanford Dogs out of a head of ImageNet's 1000, which is kept whole: the share of
    /// its dogs tells whether there is one.
    Stanford,
    /// All outputs, in this order; every photo is taken to show a dog.
    All(Vec<String>),
}

impl Classes {
    /// All outputs by a list with a class's id a line, in their order; nothing of a list without any.
    /// Names are spelled as a data set's are ([`data::composed`]): a class is the same wherever it comes
    /// from.
    pub fn listed(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let ids = text.lines().map(str::trim).filter(|id| !id.is_empty());
        let ids: Vec<String> = ids.map(data::composed).collect();
        (!ids.is_empty()).then_some(Classes::All(ids))
    }
}

/// Makes the package with its calibration left at what the network says itself.
///
/// # Errors
/// [`MakeError`]
pub fn assemble(published: &Published<'_>) -> Result<Package, MakeError> {
    let bytes = tensor::read_named(published.weights).map_err(|source| MakeError::Io {
        path: published.weights.into(),
        source,
    })?;
    let weights_hash = blake3::hash(&bytes).to_hex().to_string();
    let source = formats::read(&bytes)?;
    drop(bytes);
    let backbone = published.backbone;
    let size = published.size.unwrap_or(backbone.default_size);
    let wanted = match &published.classes {
        Classes::Stanford => zoo::imagenet::CLASSES,
        Classes::All(ids) => ids.len(),
    };
    if let Some(other) = other_network(&source, backbone) {
        return Err(other);
    }
    let graph = backbone.build(size, size, Head::Classes(wanted))?;
    let names = backbone
        .weight_names(&graph, source.origin)
        .ok_or(MakeError::Names {
            backbone: backbone.name,
        })?;
    let weights = formats::assign(&graph.parameters(), source.tensors, &names)?;
    // Imported weights say themselves what they were trained on.
    let mut input = match WeightsCard::find(&source.metadata) {
        Some(card) => InputSpec {
            height: size,
            width: size,
            ..card.input
        },
        None => backbone.input_spec_of(size, size, source.origin),
    };
    if let Some(views) = &published.views {
        input.views.clone_from(views);
    }
    let labels = match &published.classes {
        Classes::Stanford => stanford_labels(),
        Classes::All(ids) => ids
            .iter()
            .zip(0..)
            .map(|(id, output)| label(id, id, output))
            .collect(),
    };
    let dog = (published.classes == Classes::Stanford).then(|| DogRule {
        outputs: ranges(zoo::imagenet::dog_classes()),
        slope: 1.0,
        offset: 0.0,
        among: None,
    });
    let package = Package {
        about: About {
            name: published.name.clone(),
            version: published.version.clone(),
            input,
            labels,
            calibration: Calibration {
                dog,
                ..Calibration::default()
            },
            provenance: Provenance {
                backbone: backbone.name.into(),
                weights: published.origin.clone(),
                licence: published.licence.clone(),
                weights_hash,
                seen: published.seen.clone(),
                made_by: format!("museau {}", env!("CARGO_PKG_VERSION")),
                training: None,
                calibrated: PhotoIds::default(),
            },
            card: String::new(),
            stored: Stored::F16,
        },
        graph,
        weights,
    };
    let mut package = package.rounded()?;
    package.about.card = card(&package.about, None);
    Ok(package)
}

/// Rising numbers as inclusive ranges.
fn ranges(numbers: impl Iterator<Item = usize>) -> Vec<[usize; 2]> {
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some([_, last]) if *last + 1 == number => *last = number,
            _ => ranges.push([number, number]),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_whole() {
        assert_eq!(
            ranges([1, 2, 3, 7, 9, 10].into_iter()),
            [[1, 3], [7, 7], [9, 10]]
        );
        let dogs = ranges(zoo::imagenet::dog_classes());
        assert_eq!(dogs, [[151, 268], [273, 275]]);
    }

    #[test]
    fn a_listed_class_is_spelled_as_a_data_sets() {
        let listed = Classes::listed("\u{feff}E\u{301}pagneul\r\n\n  chien nu \n").unwrap();
        let ids = ["\u{c9}pagneul", "chien nu"].map(str::to_owned);
        assert_eq!(listed, Classes::All(ids.to_vec()));
        assert_eq!(Classes::listed(" \n\n"), None);
    }
}

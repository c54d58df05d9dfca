//! Makes a package: published weights into a backbone, then its calibration on photos whose truth
//! is known.
mod error;
mod examples;
mod fit;
mod harder;
mod views;

pub use error::MakeError;
pub use examples::{Example, Examples, ExamplesError};
pub use views::{ParseViewsError, parse_views, views_text};

use crate::calibration::{Calibration, DogRule};
use crate::classifier::Classifier;
use crate::network::OpenOptions;
use crate::package::{About, Label, Package, PhotoIds, Provenance};
use graph::View;
use rows::{Rows, mean_of};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tensor::Pool;
use vision::{Limits, Photo};
use zoo::{Backbone, Head};

mod rows;
mod trained;

pub use trained::{Trained, fit_to_photos, of_trained};

/// What to make.
#[derive(Debug)]
pub struct Recipe<'a> {
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

/// What calibration is done on.
#[derive(Clone, Debug, Default)]
pub struct CalibrationPhotos {
    /// Dogs, of known class: train photos.
    pub dogs: Examples,
    /// Photos without a dog.
    pub not_dogs: Vec<PathBuf>,
}

/// What came out of a calibration, on the very photos that it was done on.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Dogs and photos without a dog that could be read.
    pub photos: [usize; 2],
    /// Share of dogs with the right first answer: as they are, and made harder.
    pub top1: [f64; 2],
    /// Share of dogs with the right class among the first five: as they are, and made harder.
    pub top5: [f64; 2],
    /// Share of dogs that are answered 'not a dog': as they are, and made harder.
    pub dogs_missed: [f64; 2],
    /// Share of the others that are not answered 'not a dog'.
    pub not_dogs_taken: f64,
    /// Share of dogs, as they are, that are answered 'unsure'.
    pub unsure: f64,
}

/// Of the dogs at most this share should be answered 'not a dog' ...
const DOGS_MISSED_ALLOWED: f64 = 0.015;
/// ... and of the others at most this share not: the threshold lies where both are furthest below.
const NOT_DOGS_TAKEN_ALLOWED: f64 = 0.03;
/// 'Unsure' may cost this share of the rightly answered train photos by the first breed's
/// probability ...
const UNSURE_QUANTILE: f64 = 0.02;
/// ... and this share by the largest logit. With 24 of the 120 classes withheld in turn, these two
/// make 7 of 10 photos of the withheld ones 'unsure' (3 of 10 by the probability alone).
const UNFAMILIAR_QUANTILE: f64 = 0.04;

/// Makes the package with its calibration left at what the network says itself.
///
/// # Errors
/// [`MakeError`]
pub fn assemble(recipe: &Recipe<'_>) -> Result<Package, MakeError> {
    let bytes = std::fs::read(recipe.weights).map_err(|source| MakeError::Io {
        path: recipe.weights.into(),
        source,
    })?;
    let weights_hash = blake3::hash(&bytes).to_hex().to_string();
    let source = formats::read(&bytes)?;
    drop(bytes);
    let backbone = recipe.backbone;
    let size = recipe.size.unwrap_or(backbone.default_size);
    let wanted = match &recipe.classes {
        Classes::Stanford => zoo::imagenet::CLASSES,
        Classes::All(ids) => ids.len(),
    };
    let graph = backbone.build(size, size, Head::Classes(wanted))?;
    let names = backbone
        .weight_names(&graph, source.origin)
        .ok_or(MakeError::Names {
            backbone: backbone.name,
        })?;
    let weights = formats::assign(&graph.parameters(), source.tensors, &names)?;
    let mut input = backbone.input_spec(size, size);
    if let Some(views) = &recipe.views {
        input.views.clone_from(views);
    }
    let labels = match &recipe.classes {
        Classes::Stanford => zoo::imagenet::stanford_classes()
            .zip(zoo::imagenet::stanford_names())
            .map(|(output, (id, name))| label(id, name, output))
            .collect(),
        Classes::All(ids) => ids
            .iter()
            .zip(0..)
            .map(|(id, output)| label(id, id, output))
            .collect(),
    };
    let dog = (recipe.classes == Classes::Stanford).then(|| DogRule {
        outputs: ranges(zoo::imagenet::dog_classes()),
        slope: 1.0,
        offset: 0.0,
    });
    let package = Package {
        about: About {
            name: recipe.name.clone(),
            version: recipe.version.clone(),
            input,
            labels,
            calibration: Calibration {
                dog,
                ..Calibration::default()
            },
            provenance: Provenance {
                backbone: backbone.name.into(),
                weights: recipe.origin.clone(),
                licence: recipe.licence.clone(),
                weights_hash,
                seen: recipe.seen.clone(),
                made_by: format!("museau {}", env!("CARGO_PKG_VERSION")),
                training: None,
                calibrated: PhotoIds::default(),
            },
            card: String::new(),
        },
        graph,
        weights,
    };
    // As it will be stored: the values rounded to f16, so that everything fitted is fitted on them.
    let mut package = Package::read(&package.to_bytes()?)?;
    package.about.card = card(&package.about, None);
    Ok(package)
}

/// A class with the names that `words` has for it.
fn label(id: &str, name: &str, output: usize) -> Label {
    let breed = words::breed(id).or_else(|| words::find(id));
    Label {
        id: id.into(),
        name: breed.map_or(name, |breed| &breed.name_en).into(),
        name_fr: breed.map(|breed| breed.name_fr.clone()),
        output,
    }
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

/// Fits the package's temperature and thresholds, and writes its card.
///
/// The temperature is fitted on the dogs as they are and made harder alike; the rule of the dog
/// probability and its threshold on the dogs and the other photos as they are; the thresholds of
/// 'unsure' on those dogs, as they are, whose first answer is right. `progress(done, all)` is called
/// after each photo. Photos that cannot be read are passed over.
///
/// # Errors
/// [`MakeError`]
pub fn calibrate(
    package: &mut Package,
    photos: &CalibrationPhotos,
    pool: &Pool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Fit, MakeError> {
    let options = OpenOptions {
        threads: pool.threads(),
        ..OpenOptions::default()
    };
    let classifier = Classifier::from_package(package.clone(), &options)?;
    let all = photos.dogs.list.len() + photos.not_dogs.len();
    let mut dogs = [Rows::default(), Rows::default()];
    for (index, example) in photos.dogs.list.iter().enumerate() {
        if let Some(photo) = example.read() {
            let seed = index as u64;
            for (rows, photo) in dogs.iter_mut().zip([&photo, &harder::harder(&photo, seed)]) {
                rows.push(classifier.outputs(pool, photo)?, example.class);
            }
        }
        progress(index + 1, all);
    }
    let mut others = Rows::default();
    for (index, path) in photos.not_dogs.iter().enumerate() {
        if let Some(photo) = read_photo(path) {
            others.push(classifier.outputs(pool, &photo)?, usize::MAX);
        }
        progress(photos.dogs.list.len() + index + 1, all);
    }
    if dogs[0].outputs.is_empty() {
        return Err(MakeError::NoDogs);
    }
    let fit = fit_to_rows(&mut package.about, &dogs, &others)?;
    package.about.card = card(&package.about, Some(&fit));
    Ok(fit)
}

/// Whether the network of a package gives finite numbers, as each of its values is one.
///
/// # Errors
/// [`ClassifyError::NotFinite`](crate::ClassifyError::NotFinite), and where the network cannot be run.
pub fn check_outputs(package: &Package, pool: &Pool) -> Result<(), MakeError> {
    let options = OpenOptions {
        threads: pool.threads(),
        ..OpenOptions::default()
    };
    let classifier = Classifier::from_package(package.clone(), &options)?;
    Ok(classifier.check_outputs(pool)?)
}

/// The same from outputs that were computed already.
fn fit_to_rows(about: &mut About, dogs: &[Rows; 2], others: &Rows) -> Result<Fit, MakeError> {
    let outputs_of_classes: Vec<usize> = about.labels.iter().map(|label| label.output).collect();
    let classes = dogs
        .each_ref()
        .map(|rows| rows.columns(&outputs_of_classes));
    let calibration = &mut about.calibration;

    let both = [classes[0].clone(), classes[1].clone()].concat();
    let truths = [dogs[0].truths.clone(), dogs[1].truths.clone()].concat();
    calibration.temperature = fit::temperature(&both, &truths);

    let (mut dogs_missed, mut not_dogs_taken) = ([0.0; 2], 0.0);
    if let Some(rule) = &mut calibration.dog {
        if others.outputs.is_empty() {
            return Err(MakeError::NoOthers);
        }
        let odds = |rows: &Rows| -> Vec<f64> {
            rows.outputs
                .iter()
                .map(|outputs| rule.log_odds(outputs))
                .collect()
        };
        let (of_dogs, of_harder, of_others) = (odds(&dogs[0]), odds(&dogs[1]), odds(others));
        let (slope, offset) = fit::logistic(&of_dogs, &of_others);
        let least = fit::threshold(
            &of_dogs,
            &of_others,
            DOGS_MISSED_ALLOWED,
            NOT_DOGS_TAKEN_ALLOWED,
        );
        (rule.slope, rule.offset) = (slope as f32, offset as f32);
        calibration.not_a_dog_below = (1.0 / (1.0 + (-(slope * least + offset)).exp())) as f32;
        let below = |odds: &f64| f64::from(u8::from(*odds < least));
        dogs_missed = [
            mean_of(of_dogs.iter().map(below)),
            mean_of(of_harder.iter().map(below)),
        ];
        not_dogs_taken = 1.0 - mean_of(of_others.iter().map(below));
    }

    let plain = firsts(&classes[0], calibration.temperature);
    let right = right_ones(&plain, &dogs[0].truths);
    let logits: Vec<f32> = right.iter().map(|(.., logit)| *logit).collect();
    fit_unsure(calibration, &right);
    calibration.unfamiliar_below = fit::quantile(&logits, UNFAMILIAR_QUANTILE);
    let least_logit = calibration.unfamiliar_below.unwrap_or(f32::NEG_INFINITY);
    let unsure = |(_, probability, logit): &(usize, f32, f32)| {
        f64::from(u8::from(
            *probability < calibration.unsure_below || *logit < least_logit,
        ))
    };
    let fit = Fit {
        photos: [dogs[0].outputs.len(), others.outputs.len()],
        top1: [0, 1].map(|kind| rows::top(&classes[kind], &dogs[kind].truths, 1)),
        top5: [0, 1].map(|kind| rows::top(&classes[kind], &dogs[kind].truths, 5)),
        dogs_missed,
        not_dogs_taken,
        unsure: mean_of(plain.iter().map(unsure)),
    };
    calibration.fitted_on = format!(
        "{} train photos of dogs, each as it is and made harder, and {} photos without a dog",
        fit.photos[0], fit.photos[1]
    );
    Ok(fit)
}

/// The first class of each row of logits, its probability and its logit.
fn firsts(rows: &[Vec<f32>], temperature: f32) -> Vec<(usize, f32, f32)> {
    rows.iter()
        .map(|row| {
            let probabilities = crate::calibration::softmax(row.iter().copied(), temperature);
            let first = (0..row.len())
                .max_by(|&a, &b| row[a].total_cmp(&row[b]))
                .unwrap_or(0);
            (first, probabilities[first], row[first])
        })
        .collect()
}

/// Those of [`firsts`] that are right.
fn right_ones(firsts: &[(usize, f32, f32)], truths: &[usize]) -> Vec<(usize, f32, f32)> {
    let pairs = firsts.iter().zip(truths);
    pairs
        .filter(|((first, ..), truth)| first == *truth)
        .map(|(found, _)| *found)
        .collect()
}

/// Sets 'unsure' by the probability of first answers that are right.
fn fit_unsure(calibration: &mut Calibration, right: &[(usize, f32, f32)]) {
    let probabilities: Vec<f32> = right
        .iter()
        .map(|&(_, probability, _)| probability)
        .collect();
    if let Some(least) = fit::quantile(&probabilities, UNSURE_QUANTILE) {
        calibration.unsure_below = least;
    }
}

/// Fits the temperature, and with it the probability below which an answer is 'unsure', to photos of
/// dogs that the network was not fitted on: val. `logits` has one row a photo, of one value a class
/// of the package in its order; `truths` the position of each photo's class. `fitted_on` says in
/// words which photos they are. The other thresholds stay, since no temperature moves them.
///
/// # Errors
/// [`MakeError::NoPhotos`]
pub fn calibrate_answers(
    about: &mut About,
    logits: &[Vec<f32>],
    truths: &[usize],
    fitted_on: &str,
) -> Result<(), MakeError> {
    if logits.is_empty() {
        return Err(MakeError::NoDogs);
    }
    let calibration = &mut about.calibration;
    calibration.temperature = fit::temperature(logits, truths);
    let firsts = firsts(logits, calibration.temperature);
    fit_unsure(calibration, &right_ones(&firsts, truths));
    calibration.fitted_on = fitted_on.to_owned();
    about.card += &format!(
        "\n## Calibrated anew\n\nTemperature {:.3}, and 'unsure' below {:.3}; fitted on {fitted_on}.\n",
        calibration.temperature, calibration.unsure_below,
    );
    Ok(())
}

/// A photo from its file, or nothing where it cannot be read.
fn read_photo(path: &Path) -> Option<Photo> {
    let mut bytes = Vec::new();
    let mut file = tensor::open_regular(path).ok()?;
    file.read_to_end(&mut bytes).ok()?;
    vision::decode(&bytes, &Limits::default()).ok()
}

/// The model card, Markdown: what it is, what it rests on, what it was fitted on, what to mind.
fn card(about: &About, fit: Option<&Fit>) -> String {
    let provenance = &about.provenance;
    let input = &about.input;
    let calibration = &about.calibration;
    let mut card = format!(
        "# {} {}\n\n\
         Tells {} classes apart. Network: {}, {} x {}, seen as `{}`.\n\n\
         ## Weights\n\n\
         {}. Licence: {}. blake3: `{}`.\n\n\
         {}\n\n\
         ## Calibration\n\n\
         Temperature {:.3}; fitted on {}.\n",
        words::plain_line(&about.name),
        words::plain_line(&about.version),
        about.labels.len(),
        provenance.backbone,
        input.width,
        input.height,
        views_text(&input.views),
        provenance.weights,
        provenance.licence,
        provenance.weights_hash,
        provenance.seen,
        calibration.temperature,
        calibration.fitted_on,
    );
    let unfamiliar = calibration
        .unfamiliar_below
        .map(|least| format!(" or its logit below {least:.2}"))
        .unwrap_or_default();
    card += &format!(
        "\n'Not a dog' below a dog probability of {:.3}. 'Unsure' where the first breed's \
         probability is below {:.3}{unfamiliar}; it is then said by group from {:.2} of the mass \
         on. A cross is likely where two breeds that are not look-alikes have {:.2} together and \
         the lesser one {:.2} of that.\n",
        calibration.not_a_dog_below,
        calibration.unsure_below,
        calibration.group_from,
        calibration.mixed_together,
        calibration.mixed_share,
    );
    if let Some(fit) = fit {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        card += &format!(
            "\nOn the very photos that it was fitted on (so too good, and the weights may have \
             learnt from them as well):\n\n\
             | | dogs as they are | made harder |\n|---|---|---|\n\
             | first answer right | {} | {} |\n\
             | among the first five | {} | {} |\n\
             | answered 'not a dog' | {} | {} |\n\n\
             'Unsure' of the dogs as they are: {}. Of the photos without a dog {} are not \
             answered 'not a dog'.\n",
            percent(fit.top1[0]),
            percent(fit.top1[1]),
            percent(fit.top5[0]),
            percent(fit.top5[1]),
            percent(fit.dogs_missed[0]),
            percent(fit.dogs_missed[1]),
            percent(fit.unsure),
            percent(fit.not_dogs_taken),
        );
    }
    card += "\n## What to mind\n\n\
        It tells what a dog looks like, not what it is: of shelter dogs few are of one breed, and \
        people who look at them are often wrong as well. Breeds outside its classes are answered \
        'unsure' at best, or as a breed that looks like them. Drawings, several dogs in one photo \
        and dogs cut off are outside what it was checked on.\n";
    card
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
    fn a_calibration_is_fitted_to_outputs() {
        let mut about = crate::package::tests::tiny().about;
        let mut dogs = [Rows::default(), Rows::default()];
        let mut others = Rows::default();
        for index in 0..300 {
            let noise = ((index * 37 % 100) as f32 - 50.0) / 100.0;
            let truth = index % 3;
            let mut outputs = vec![-4.0 + noise, 0.0, noise, 0.0];
            outputs[1 + truth] += 3.0 + noise;
            dogs[0].push(outputs.clone(), truth);
            // Half as clear, and one in ten is another class.
            let seen = if index % 10 == 0 {
                (truth + 1) % 3
            } else {
                truth
            };
            outputs.iter_mut().for_each(|value| *value /= 2.0);
            dogs[1].push(outputs, seen);
            others.push(vec![4.0 + noise, 0.0, -noise, 0.0], usize::MAX);
        }
        let fit = fit_to_rows(&mut about, &dogs, &others).unwrap();
        assert_eq!(fit.photos, [300, 300]);
        assert!(
            fit.top1[0] > 0.99 && (fit.top1[1] - 0.9).abs() < 0.05,
            "{fit:?}"
        );
        assert!(
            fit.dogs_missed[0] < 0.01 && fit.not_dogs_taken < 0.01,
            "{fit:?}"
        );
        assert!(fit.unsure < 0.07, "{fit:?}");
        let calibration = &about.calibration;
        assert!(calibration.temperature > 0.05 && calibration.temperature < 20.0);
        let card = card(&about, Some(&fit));
        assert!(card.contains("| first answer right | 100.0 % |"), "{card}");
    }

    #[test]
    fn the_answers_alone_are_calibrated_on_their_own_photos() {
        let mut about = crate::package::tests::tiny().about;
        let before = about.calibration.clone();
        // Twice as sure as it is right: three of four are the class that it says, by a margin of 2 ln 3.
        let logits = vec![vec![2.0 * 3f32.ln(), 0.0]; 400];
        let truths: Vec<usize> = (0..400).map(|index| usize::from(index % 4 == 0)).collect();
        calibrate_answers(&mut about, &logits, &truths, "400 val photos").unwrap();
        let after = &about.calibration;
        assert!(
            (after.temperature - 2.0).abs() < 0.01,
            "{}",
            after.temperature
        );
        assert!(
            (after.unsure_below - 0.75).abs() < 0.01,
            "{}",
            after.unsure_below
        );
        assert_eq!(after.unfamiliar_below, before.unfamiliar_below);
        assert_eq!(after.not_a_dog_below, before.not_a_dog_below);
        assert!(about.card.contains("fitted on 400 val photos"));
        assert!(calibrate_answers(&mut about, &[], &[], "").is_err());
    }
}

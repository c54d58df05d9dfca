//! Fits a package's temperature and thresholds on photos, and says how good it is on them.
use super::card::{TRAINING, card};
use super::rows::{self, Rows, mean_of};
use super::{CalibrationPhotos, MakeError, fit, harder};
use classify::{AnswerKind, Classifier, OpenOptions, Probabilities};
use package::{About, Calibration, Package};
use tensor::Pool;
use vision::Photo;

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
/// An answer that is right nine times of ten is never 'unsure' for its probability. Where few validation
/// photos are all predicted correctly their quantile would ask for more: of three breeds and ten such
/// photos, 11 % of the right answers about photos from elsewhere were 'unsure'; with this, and the bound
/// of few values for the logit, 6 %, and 96 % of the photos of other breeds still are (97 % before).
const SURE: f32 = 0.9;

/// And this share by the entropy, which parts dogs of breeds that the network does not know from others
/// best: of 82 photos of such breeds 38 % were above it where 5 % of 373 dogs of known breeds were (by
/// the largest logit 34 %, by the gap to the second 30 %, by the nearest training photos 9 %).
const SPREAD_QUANTILE: f64 = 0.05;

/// Fits the package's temperature and thresholds, and writes its card.
///
/// The temperature is fitted on the dogs as they are and made harder alike; the rule of the dog
/// probability and its threshold on the dogs and the other photos as they are; the thresholds of
/// 'unsure' on those dogs, as they are, whose first answer is right. `progress(done, all)` is called
/// after each photo. Photos that are gone since they were opened are passed over.
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
    let mut done = 0;
    let all = photos.count();
    let mut advance = || {
        done += 1;
        progress(done, all);
    };
    let mut dogs = [Rows::default(), Rows::default()];
    for (seed, (photo, class)) in (0..).zip(photos.dogs()) {
        if let Some(photo) = photo {
            for (rows, photo) in dogs.iter_mut().zip([&photo, &harder::harder(&photo, seed)]) {
                rows.push(classifier.outputs(pool, photo)?, class);
            }
        }
        advance();
    }
    let mut others = Rows::default();
    for photo in photos.not_dogs() {
        if let Some(photo) = photo {
            others.push(classifier.outputs(pool, &photo)?, usize::MAX);
        }
        advance();
    }
    if dogs[0].outputs.is_empty() {
        return Err(MakeError::NoDogs);
    }
    let mut fit = fit_to_rows(&mut package.about, &dogs, &others)?;
    fit.unsure = fit_spread(&mut package.about, &dogs[0]);
    // What a training said of itself stays.
    let training = package
        .about
        .card
        .find(TRAINING)
        .map(|place| package.about.card[place..].to_owned());
    package.about.card = card(&package.about, Some(&fit)) + &training.unwrap_or_default();
    Ok(fit)
}

/// Whether the network of a package gives finite numbers, as each of its values is one.
///
/// # Errors
/// [`ClassifyError::NotFinite`](classify::ClassifyError::NotFinite), and where the network cannot be run.
pub fn check_outputs(package: &Package, pool: &Pool) -> Result<(), MakeError> {
    let options = OpenOptions {
        threads: pool.threads(),
        ..OpenOptions::default()
    };
    let classifier = Classifier::from_package(package.clone(), &options)?;
    Ok(classifier.check_outputs(pool)?)
}

/// Fits the temperature and the threshold of 'unsure' of a package, on photos of dogs, each with its
/// class's place among the labels, that the weights were not fitted to. `None`,
/// and nothing changed, where there is no photo. `what` says which photos they are.
///
/// # Errors
/// [`MakeError`]
pub fn fit_to_photos(
    package: &mut Package,
    photos: impl Iterator<Item = (Photo, usize)>,
    what: &str,
    pool: &Pool,
) -> Result<Option<Fit>, MakeError> {
    let options = OpenOptions {
        threads: pool.threads(),
        ..OpenOptions::default()
    };
    let classifier = Classifier::from_package(package.clone(), &options)?;
    let mut rows = Rows::default();
    for (photo, class) in photos {
        rows.push(classifier.outputs(pool, &photo)?, class);
    }
    if rows.outputs.is_empty() {
        return Ok(None);
    }
    let count = rows.outputs.len();
    // They say nothing of photos without a dog: the rule for those stays as it is.
    let dog = package.about.calibration.dog.take();
    let fit = fit_to_rows(
        &mut package.about,
        &[rows, Rows::default()],
        &Rows::default(),
    );
    package.about.calibration.dog = dog;
    let fit = fit?;
    package.about.calibration.fitted_on = format!("{count} {what}");
    package.about.card = card(&package.about, None);
    Ok(Some(fit))
}

/// The same from outputs that were computed already: of dogs as they are, and made harder where that
/// was asked for.
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
    // A rule that was fitted before stays where there is nothing to fit it to.
    let was_fitted = calibration.fitted_on != Calibration::default().fitted_on;
    let rule = calibration.dog.as_mut();
    if let Some(rule) = rule.filter(|_| !others.outputs.is_empty() || !was_fitted) {
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

    let plain = firsts(&classes[0], calibration);
    let right = right_ones(&plain, &dogs[0].truths);
    let logits: Vec<f32> = right.iter().map(|(.., logit)| *logit).collect();
    fit_unsure(calibration, &right);
    calibration.unfamiliar_below = fit::bound_below(&logits, UNFAMILIAR_QUANTILE);
    let least_logit = calibration.unfamiliar_below.unwrap_or(f32::NEG_INFINITY);
    let unsure = |(_, probability, logit): &(usize, f32, f32)| {
        f64::from(u8::from(
            *probability < calibration.unsure_below || *logit < least_logit,
        ))
    };
    let weighed = |row: &Vec<f32>| calibration.weighed(row.iter().copied()).collect();
    let top = |count| {
        [0, 1].map(|kind| {
            let rows: Vec<Vec<f32>> = classes[kind].iter().map(weighed).collect();
            rows::top(&rows, &dogs[kind].truths, count)
        })
    };
    let fit = Fit {
        photos: [dogs[0].outputs.len(), others.outputs.len()],
        top1: top(1),
        top5: top(5),
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

/// Sets 'unsure' by the entropy of dogs whose first answer is right; gives the share of all of them that
/// are then answered 'unsure'.
fn fit_spread(about: &mut About, dogs: &Rows) -> f64 {
    let seen = Probabilities::of_rows(about, &dogs.outputs);
    let pairs = seen.iter().zip(&dogs.truths);
    let right = pairs.filter(|(seen, truth)| seen.ranking().first() == Some(truth));
    // The narrowest have the greatest value, as of the other thresholds.
    let narrow: Vec<f32> = right.map(|(seen, _)| -seen.spread).collect();
    about.calibration.spread_above = fit::quantile(&narrow, SPREAD_QUANTILE).map(|least| -least);
    let is_unsure = |seen: &Probabilities| seen.kind(&about.calibration) == AnswerKind::Unsure;
    mean_of(seen.iter().map(|seen| f64::from(u8::from(is_unsure(seen)))))
}

/// The first class of each row of logits, its probability, and the largest logit.
fn firsts(rows: &[Vec<f32>], calibration: &Calibration) -> Vec<(usize, f32, f32)> {
    rows.iter()
        .map(|row| {
            let weighed: Vec<f32> = calibration.weighed(row.iter().copied()).collect();
            let first = (0..row.len())
                .max_by(|&a, &b| weighed[a].total_cmp(&weighed[b]))
                .unwrap_or(0);
            let probabilities = package::softmax(weighed.into_iter(), calibration.temperature);
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            (first, probabilities[first], largest)
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
        calibration.unsure_below = least.min(SURE);
    }
}

/// Fits the temperature, and with it the probability below which an answer is 'unsure', to photos of
/// dogs that the network was not fitted on: val. `logits` has one row a photo, of one value a class
/// of the package in its order; `truths` the position of each photo's class. `fitted_on` says in
/// words which photos they are. The other thresholds stay, since no temperature moves them.
///
/// # Errors
/// [`MakeError::NoDogs`]
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
    let firsts = firsts(logits, calibration);
    fit_unsure(calibration, &right_ones(&firsts, truths));
    calibration.fitted_on = fitted_on.to_owned();
    about.card += &format!(
        "\n## Calibrated anew\n\nTemperature {:.3}, and 'unsure' below {:.3}; fitted on {fitted_on}.\n",
        calibration.temperature, calibration.unsure_below,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_is_fitted_to_outputs() {
        let mut about = package::samples::tiny().about;
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
    fn few_photos_that_are_all_told_apart_make_no_answer_unsure_that_is_almost_certain() {
        let mut about = package::samples::tiny().about;
        about.calibration.dog = None;
        let mut few = Rows::default();
        for index in 0..12 {
            let mut outputs = vec![0.0; 4];
            outputs[1 + index % 3] = 9.0 + (index * 5 % 12) as f32 / 6.0;
            few.push(outputs, index % 3);
        }
        let fit = fit_to_rows(&mut about, &[few, Rows::default()], &Rows::default()).unwrap();
        assert_eq!((fit.top1[0], fit.unsure), (1.0, 0.0));
        assert_eq!(about.calibration.unsure_below, 0.9);
        // Lower than the lowest of them, 9.
        let least = about.calibration.unfamiliar_below.unwrap();
        assert!((8.0..9.0).contains(&least), "{least}");
    }

    #[test]
    fn the_answers_alone_are_calibrated_on_their_own_photos() {
        let mut about = package::samples::tiny().about;
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

    /// From folders to thresholds, without a line of the command's.
    #[test]
    fn a_package_is_calibrated_on_folders_of_photos() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, number: u8, rgb: [u8; 3]| {
            let place = folder.path().join(name);
            std::fs::create_dir_all(&place).unwrap();
            let pixels = rgb
                .map(|value| value.saturating_sub(number))
                .repeat(24 * 20);
            let jpeg = vision::encode::small_jpeg(24, 20, &pixels, 95).unwrap();
            std::fs::write(place.join(format!("{number}.jpg")), jpeg).unwrap();
        };
        for number in 0..6 {
            put("dogs/red", number, [250, 20, 20]);
            put("dogs/green", number, [20, 250, 20]);
            put("dogs/blue", number, [20, 20, 250]);
            put("others/dark/deeper", number, [5, 5, 5]);
        }
        std::fs::write(folder.path().join("others/cut.jpg"), [0xff, 0xd8, 0xff]).unwrap();
        let mut package = package::samples::tiny();
        let photos = CalibrationPhotos::open(
            &folder.path().join("dogs"),
            Some(&folder.path().join("others")),
            &package.about.labels,
            4,
            2,
            &|_, _| {},
        )
        .unwrap();
        let mut seen = Vec::new();
        let mut progress = |done, all| seen.push((done, all));
        let fit = calibrate(&mut package, &photos, &Pool::serial(), &mut progress).unwrap();
        assert_eq!(fit.photos, [12, 6]);
        assert_eq!(
            (fit.top1[0], fit.dogs_missed[0], fit.not_dogs_taken),
            (1.0, 0.0, 0.0)
        );
        // One that cannot be read counts, and is not run.
        assert_eq!((photos.count(), seen.len()), (19, 18));
        let fitted_on = &package.about.calibration.fitted_on;
        assert!(
            fitted_on.starts_with("12 train photos of dogs"),
            "{fitted_on}"
        );
        package.to_bytes().unwrap();
    }
}

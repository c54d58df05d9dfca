//! A model ready to answer: the package's network, planned, with its labels and calibration.
use crate::answer::{Answer, ModelName, Quality};
use crate::decide::{Class, Probabilities, answer};
use crate::error::{ClassifyError, OpenError};
use crate::gate::{Gate, Guarded};
use crate::network::Network;
use package::{About, Package};
use std::path::Path;
use std::time::Instant;
use tensor::{Pool, Random};
use vision::Photo;
use words::Language;

use crate::network::OpenOptions;

/// A model ready to answer. It is shared freely between threads; each call runs on the pool that it
/// is given.
#[derive(Debug)]
pub struct Classifier {
    about: About,
    model: ModelName,
    classes: Vec<Class>,
    network: Network,
    gate: Option<Gate>,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassifyOptions {
    /// How many breeds to give.
    pub top: usize,
    /// Whether all photos show one animal: one answer from all of them.
    pub together: bool,
}

/// What a model saw of a photo.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As [`Classifier::outputs`].
    outputs: Vec<f32>,
    /// Preparing and running.
    milliseconds: f32,
    faults: Vec<Quality>,
    /// What the model that is asked first says.
    guarded: Option<Guarded>,
}

impl Default for ClassifyOptions {
    fn default() -> Self {
        ClassifyOptions {
            top: 5,
            together: false,
        }
    }
}

impl Classifier {
    /// Checks a package and makes its network ready.
    ///
    /// # Errors
    /// [`OpenError`]: see [`package::PackageError`] for what a wrong file is told to be.
    pub fn open(bytes: &[u8], options: &OpenOptions) -> Result<Self, OpenError> {
        Self::from_package(Package::read(bytes)?, options)
    }

    /// The same from a file.
    ///
    /// # Errors
    /// As [`Classifier::open`], and [`package::PackageError::Read`].
    pub fn open_file(path: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        Self::from_package(Package::read_file(path)?, options)
    }

    /// The same from a package in memory.
    ///
    /// # Errors
    /// [`OpenError::Prepare`] where photos cannot be prepared as it asks, [`OpenError::Engine`] where
    /// its network cannot be run here.
    pub fn from_package(package: Package, options: &OpenOptions) -> Result<Self, OpenError> {
        let Package {
            about,
            graph,
            weights,
        } = package;
        vision::check(&about.input)?;
        let network = Network::new(&graph, &weights, about.input.views.len(), options)?;
        Ok(Classifier {
            model: ModelName {
                name: about.name.clone(),
                version: about.version.clone(),
            },
            classes: about.labels.iter().map(Class::new).collect(),
            about,
            network,
            gate: None,
        })
    }

    /// The same model with another of many breeds asked before it: what that takes for no dog is none, and
    /// what it takes for breeds that this one does not know makes an answer 'unsure', as far as
    /// [`package::GateRule`] says.
    #[must_use]
    pub fn guarded_by(mut self, other: Classifier) -> Self {
        let gate = Gate::new(other, &self.about);
        self.about.calibration.not_a_dog_below = gate.not_a_dog_below();
        self.gate = Some(gate);
        self
    }

    /// The names of its classes in a language, sorted as people look them up; the English one where the
    /// French is not known.
    pub fn names<'a>(&'a self, language: Language) -> Vec<&'a str> {
        let of_class = |class: &'a Class| match (language, &class.name_fr) {
            (Language::French, Some(name)) => name.as_str(),
            _ => class.name.as_str(),
        };
        let mut names: Vec<&str> = self.classes.iter().map(of_class).collect();
        names.sort_by_key(|name| words::fold(name));
        names
    }

    pub(crate) fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// What the package says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The model's name and version, as an answer gives them.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// Which breeds the photos show: one answer a photo, or with `together` one for all of them.
    ///
    /// `milliseconds.decode` is left at 0, for the caller to fill.
    ///
    /// # Errors
    /// As [`Classifier::look`].
    pub fn classify(
        &self,
        pool: &Pool,
        photos: &[Photo],
        options: &ClassifyOptions,
    ) -> Result<Vec<Answer>, ClassifyError> {
        let seen = photos.iter().map(|photo| self.look(pool, photo));
        Ok(self.answers(seen.collect::<Result<_, _>>()?, options))
    }

    /// Looks at one photo; what is seen is to be answered by [`Classifier::answers`], when the photo
    /// may be gone already.
    ///
    /// # Errors
    /// [`ClassifyError`] where the package asks for a preparation that cannot be done, or its network
    /// gives something else than finite numbers.
    pub fn look(&self, pool: &Pool, photo: &Photo) -> Result<Seen, ClassifyError> {
        let start = Instant::now();
        let outputs = self.outputs(pool, photo)?;
        let gate = self.gate.as_ref();
        let guarded = gate.map(|gate| gate.ask(pool, photo)).transpose()?;
        let milliseconds = start.elapsed().as_secs_f32() * 1000.0;
        let faults = vision::quality(photo)
            .into_iter()
            .map(Quality::from)
            .collect();
        Ok(Seen {
            outputs,
            milliseconds,
            faults,
            guarded,
        })
    }

    /// The answers to what was seen: one a photo, or with `together` one for all of them.
    ///
    /// With `together` the outputs are averaged over the photos, but only over those in which a dog is
    /// seen, if there are any: a photo of the kennel does not make the dog less of one.
    pub fn answers(&self, mut seen: Vec<Seen>, options: &ClassifyOptions) -> Vec<Answer> {
        let calibration = &self.about.calibration;
        let mut together = None;
        if options.together && !seen.is_empty() {
            let dog = |seen: &Seen| self.seen_probabilities(seen).dog;
            let is_dog = |seen: &Seen| dog(seen) >= calibration.not_a_dog_below;
            let any = seen.iter().any(is_dog);
            let used = seen.iter().filter(|seen| !any || is_dog(seen));
            // The mean of what two unlike dogs give looks like no dog at all: that there is one is
            // the mean of the photos' own probabilities.
            let dogs: Vec<f32> = used.clone().map(dog).collect();
            together = Some(dogs.iter().sum::<f32>() / dogs.len() as f32);
            // A fault of one photo is the answer's only where every photo that it rests on has it.
            let mut faults: Vec<_> = used.clone().map(|seen| seen.faults.clone()).collect();
            let mut shared = faults.pop().unwrap_or_default();
            shared.retain(|fault| faults.iter().all(|other| other.contains(fault)));
            seen = vec![Seen {
                outputs: mean(used.clone().map(|seen| seen.outputs.as_slice())),
                milliseconds: seen.iter().map(|seen| seen.milliseconds).sum(),
                faults: shared,
                guarded: together_guarded(used.clone()),
            }];
        }
        let answers = seen.into_iter().map(|seen| {
            let mut probabilities = self.seen_probabilities(&seen);
            probabilities.dog = together.unwrap_or(probabilities.dog);
            let mut answer = answer(
                &probabilities,
                &self.classes,
                calibration,
                options.top,
                &self.model,
            );
            answer.quality = seen.faults;
            answer.milliseconds.infer = seen.milliseconds;
            answer
        });
        answers.collect()
    }

    /// The place among the labels of the likeliest class of what was seen.
    pub fn likeliest(&self, seen: &Seen) -> usize {
        self.probabilities(&seen.outputs).ranking()[0]
    }

    /// The probabilities of what was seen, by this model and by that which is asked first.
    fn seen_probabilities(&self, seen: &Seen) -> Probabilities {
        let mut probabilities = self.probabilities(&seen.outputs);
        if let Some(guarded) = seen.guarded {
            probabilities.dog = guarded.dog;
            probabilities.known = guarded.known;
        }
        probabilities
    }

    /// The network's outputs for a photo, `[outputs]`: logits, averaged over the package's views.
    ///
    /// # Errors
    /// As [`Classifier::look`].
    pub fn outputs(&self, pool: &Pool, photo: &Photo) -> Result<Vec<f32>, ClassifyError> {
        let views = vision::prepare(&self.about.input, photo)?;
        let outputs = self.network.run(pool, views.values())?;
        Ok(mean(outputs.chunks_exact(self.network.outputs().max(1))))
    }

    /// Whether the network gives finite numbers: for a black photo, a white one, and one of noise. Values
    /// that are finite each may overflow together.
    ///
    /// # Errors
    /// As [`Classifier::look`].
    pub fn check_outputs(&self, pool: &Pool) -> Result<(), ClassifyError> {
        let (width, height) = (self.about.input.width, self.about.input.height);
        let mut random = Random::new(0, 0, 0);
        let pictures: [&mut dyn FnMut() -> u8; 3] =
            [&mut || 0, &mut || 255, &mut || random.below(256) as u8];
        for pixel in pictures {
            let rgb = std::iter::repeat_with(pixel).take(width * height * 3);
            self.outputs(pool, &Photo::from_rgb(width, height, rgb.collect()))?;
        }
        Ok(())
    }

    /// The calibrated probabilities of all classes, from the outputs of [`Classifier::outputs`].
    pub fn probabilities(&self, outputs: &[f32]) -> Probabilities {
        Probabilities::new(outputs, &self.classes, &self.about.calibration)
    }
}

/// What the model that is asked first says of photos of one animal: the means.
fn together_guarded<'a>(seen: impl Iterator<Item = &'a Seen>) -> Option<Guarded> {
    let rows: Option<Vec<[f32; 2]>> = seen
        .map(|seen| seen.guarded.map(|guarded| [guarded.dog, guarded.known]))
        .collect();
    match mean(rows?.iter().map(<[f32; 2]>::as_slice))[..] {
        [dog, known] => Some(Guarded { dog, known }),
        _ => None,
    }
}

/// The mean of rows of one length; nothing of none. Summed in f64, so that finite numbers have a finite
/// mean.
fn mean<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sums: Vec<f64> = Vec::new();
    let mut count = 0;
    for row in rows {
        sums.resize(row.len(), 0.0);
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
        }
        count += 1;
    }
    let share = |sum: f64| (sum / f64::from(count)) as f32;
    sums.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::AnswerKind;
    use package::samples::tiny;
    use words::Say;

    fn photo(rgb: [u8; 3]) -> Photo {
        Photo::from_rgb(200, 150, rgb.repeat(200 * 150))
    }

    fn classifier() -> Classifier {
        let bytes = tiny().to_bytes().unwrap();
        Classifier::open(&bytes, &OpenOptions::default()).unwrap()
    }

    #[test]
    fn a_network_that_does_not_fit_is_refused_with_the_numbers() {
        let options = OpenOptions {
            memory_limit: Some(1),
            ..OpenOptions::default()
        };
        let refused = Classifier::open(&tiny().to_bytes().unwrap(), &options).unwrap_err();
        let said = refused.message(words::Language::English);
        assert!(
            said.contains("needs 1 MB of memory, and 0 MB are free"),
            "{said}"
        );
    }

    #[test]
    fn a_package_answers_photos_one_by_one() {
        let classifier = classifier();
        let photos = [photo([255, 0, 0]), photo([0, 0, 255]), photo([0, 0, 0])];
        let options = ClassifyOptions::default();
        let answers = classifier
            .classify(&Pool::serial(), &photos, &options)
            .unwrap();
        let first = |index: usize| answers[index].breeds[0].id.as_str();
        assert_eq!((answers.len(), first(0), first(1)), (3, "red", "blue"));
        assert_eq!(answers[0].answer, AnswerKind::Dog);
        assert_eq!(answers[2].answer, AnswerKind::NotADog);
        assert_eq!(answers[2].quality, [Quality::Dark]);
        assert_eq!(answers[0].breeds.len(), 3, "no more than there are classes");
        let sum: f32 = answers[0]
            .breeds
            .iter()
            .map(|breed| breed.probability)
            .sum();
        assert!((sum - 1.0).abs() < 1e-5);
        assert_eq!(answers[0].model.name, "tiny");
        assert!(answers[0].milliseconds.infer > 0.0);
        assert!(
            classifier
                .classify(&Pool::serial(), &[], &options)
                .unwrap()
                .is_empty()
        );
    }

    /// Each value is finite; what the network makes of them is not.
    #[test]
    fn a_network_that_gives_no_numbers_does_not_answer() {
        let pool = Pool::serial();
        for kernel in [f32::MAX, -f32::MAX, 3e38] {
            let mut package = tiny();
            let pool_node = package.graph.find("pool").unwrap();
            let mut graph = package.graph.clone();
            let last = graph.find("dense").unwrap();
            let huge = graph::Op::Affine {
                scale: kernel,
                offset: 0.0,
            };
            let huge = graph.add("huge", huge, &[last]).unwrap();
            let less = graph::Op::Affine {
                scale: -1.0,
                offset: 0.0,
            };
            let less = graph.add("less", less, &[huge]).unwrap();
            // An infinity less itself.
            graph.add("sum", graph::Op::Add, &[huge, less]).unwrap();
            package.graph = graph;
            let bytes = package.to_bytes().unwrap();
            let classifier = Classifier::open(&bytes, &OpenOptions::default()).unwrap();
            let not_finite = |error: ClassifyError| matches!(error, ClassifyError::NotFinite);
            assert!(not_finite(classifier.check_outputs(&pool).unwrap_err()));
            let photo = photo([200, 90, 10]);
            assert!(not_finite(classifier.look(&pool, &photo).unwrap_err()));
            let photos = [photo];
            let options = ClassifyOptions::default();
            let refused = classifier.classify(&pool, &photos, &options).unwrap_err();
            for (language, text) in [
                (words::Language::French, "infinies"),
                (words::Language::English, "infinite"),
            ] {
                let said = refused.message(language);
                assert!(said.contains(text), "{said}");
            }
            let features = crate::Features::from_package(package, &OpenOptions::default());
            assert!(
                features.unwrap().of(&pool, &photos[0]).is_ok(),
                "before the head"
            );
            assert_eq!(pool_node.index(), 1);
        }
        assert!(classifier().check_outputs(&pool).is_ok());
    }

    #[test]
    fn finite_outputs_have_finite_probabilities() {
        let mut package = tiny();
        package.about.calibration.temperature = f32::MIN_POSITIVE;
        let classifier = Classifier::from_package(package, &OpenOptions::default()).unwrap();
        for outputs in [
            [f32::MAX; 4],
            [f32::MIN; 4],
            [f32::MAX, f32::MIN, f32::MAX, f32::MIN],
        ] {
            let seen = |outputs: [f32; 4]| Seen {
                outputs: outputs.to_vec(),
                milliseconds: 1.0,
                faults: Vec::new(),
                guarded: None,
            };
            for together in [false, true] {
                let options = ClassifyOptions { top: 9, together };
                for answer in classifier.answers(vec![seen(outputs); 3], &options) {
                    let breeds = answer.breeds.iter().map(|breed| breed.probability);
                    let sum: f32 = breeds.clone().sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{outputs:?}: {sum}");
                    let all = breeds.chain([answer.dog_probability]);
                    for probability in all {
                        assert!((0.0..=1.0).contains(&probability), "{outputs:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn photos_of_one_animal_get_one_answer() {
        let classifier = classifier();
        let options = ClassifyOptions {
            top: 1,
            together: true,
        };
        let answer = |photos: &[Photo]| {
            let mut answers = classifier
                .classify(&Pool::serial(), photos, &options)
                .unwrap();
            assert_eq!(answers.len(), 1);
            answers.remove(0)
        };
        // Two photos that lean to red and one to green: red, though green is the clearest.
        let photos = [photo([200, 90, 0]), photo([200, 90, 0]), photo([0, 210, 0])];
        assert_eq!(answer(&photos).breeds[0].id, "red");
        // Without the photo of no dog the answer would be the same: it is left out.
        let with = answer(&[photo([255, 0, 0]), photo([0, 0, 0])]);
        let without = answer(&[photo([255, 0, 0])]);
        assert_eq!(with.dog_probability, without.dog_probability);
        assert_eq!(with.breeds, without.breeds);
        assert!(with.quality.is_empty(), "the dark one was left out");
        assert_eq!(answer(&[photo([0, 0, 0])]).answer, AnswerKind::NotADog);
    }

    #[test]
    fn several_views_are_averaged() {
        let mut package = tiny();
        let mut view = package.about.input.views[0];
        view.mirrored = true;
        package.about.input.views.push(view);
        let options = OpenOptions {
            threads: 2,
            ..OpenOptions::default()
        };
        let two = Classifier::from_package(package, &options).unwrap();
        let photo = photo([10, 60, 200]);
        let one = classifier().outputs(&Pool::serial(), &photo).unwrap();
        let two = two.outputs(&Pool::new(2), &photo).unwrap();
        assert_eq!(one.len(), 4);
        for (one, two) in one.iter().zip(&two) {
            assert!((one - two).abs() < 1e-3, "{one} {two}");
        }
    }

    #[test]
    fn callers_may_share_a_classifier() {
        let classifier = classifier();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let photos = [photo([0, 255, 0])];
                        let answers = classifier
                            .classify(&Pool::serial(), &photos, &ClassifyOptions::default())
                            .unwrap();
                        assert_eq!(answers[0].breeds[0].id, "green");
                    }
                });
            }
        });
    }
}

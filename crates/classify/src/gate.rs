//! A model of many breeds that is asked before one of few, which takes every photo for one of its own:
//! whether there is a dog at all, and whether it is of a breed that the other knows.
use crate::classifier::Classifier;
use crate::decide::Class;
use crate::error::ClassifyError;
use package::About;
use tensor::Pool;
use vision::Photo;

/// The asked model, and which of its classes the guarded one knows.
#[derive(Debug)]
pub struct Gate {
    classifier: Box<Classifier>,
    /// For each class of the asked model whether the guarded one knows it, or one of its type.
    known: Vec<bool>,
}

/// What the asked model says of a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guarded {
    /// The probability that there is a dog, 0 to 1.
    pub dog: f32,
    /// Given a dog, the probability of the breeds that the guarded model knows, 0 to 1.
    pub known: f32,
}

impl Gate {
    /// `classifier` asked before the model that says `guarded` of itself.
    pub fn new(classifier: Classifier, guarded: &About) -> Self {
        let guarded: Vec<Class> = guarded.labels.iter().map(Class::new).collect();
        let is_known = |class: &Class| {
            let same = |own: &Class| own.breed_id.is_some() && own.breed_id == class.breed_id;
            // Photos do not part the breeds of a type.
            let same_type = |own: &Class| {
                let own = own.breed_type.map(|it| &it.id);
                own.is_some() && own == class.breed_type.map(|it| &it.id)
            };
            guarded.iter().any(|own| same(own) || same_type(own))
        };
        Gate {
            known: classifier.classes().iter().map(is_known).collect(),
            classifier: Box::new(classifier),
        }
    }

    /// Below this probability of a dog there is none.
    pub fn not_a_dog_below(&self) -> f32 {
        self.classifier.about().calibration.not_a_dog_below
    }

    /// Asks about a photo.
    ///
    /// # Errors
    /// As [`Classifier::look`].
    pub fn ask(&self, pool: &Pool, photo: &Photo) -> Result<Guarded, ClassifyError> {
        let outputs = self.classifier.outputs(pool, photo)?;
        let said = self.classifier.probabilities(&outputs);
        let known = said.breeds.iter().zip(&self.known);
        Ok(Guarded {
            dog: said.dog,
            known: known
                .filter(|(_, known)| **known)
                .map(|(share, _)| share)
                .sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnswerKind, ClassifyOptions, OpenOptions};
    use package::samples::tiny;
    use package::{GateRule, Package};

    const BREEDS: [&str; 3] = ["n02088364", "n02110958", "n02110185"];

    /// Red is a beagle, green a pug, blue a husky; black is no dog.
    fn many() -> Package {
        let mut package = tiny();
        for (label, id) in package.about.labels.iter_mut().zip(BREEDS) {
            label.id = id.into();
        }
        package
    }

    /// The same network, which knows beagles and pugs alone and takes everything for one of them.
    fn few() -> Package {
        let mut package = many();
        package.about.labels.truncate(2);
        package.about.calibration.dog = None;
        package.about.calibration.unsure_below = 0.0;
        package.about.calibration.gate = Some(GateRule { known_below: 0.3 });
        package
    }

    fn open(package: Package) -> Classifier {
        Classifier::from_package(package, &OpenOptions::default()).unwrap()
    }

    fn kind(classifier: &Classifier, photos: &[[u8; 3]], together: bool) -> AnswerKind {
        let photo = |rgb: &[u8; 3]| Photo::from_rgb(200, 150, rgb.repeat(200 * 150));
        let photos: Vec<Photo> = photos.iter().map(photo).collect();
        let options = ClassifyOptions { top: 2, together };
        let answers = classifier.classify(&Pool::serial(), &photos, &options);
        answers.unwrap()[0].answer
    }

    #[test]
    fn a_model_of_few_breeds_is_sure_of_these_alone_when_it_is_guarded() {
        let alone = open(few());
        let guarded = open(few()).guarded_by(open(many()));
        let (red, blue, black) = ([255, 0, 0], [0, 0, 255], [0, 0, 0]);
        for (rgb, expected) in [
            (red, AnswerKind::Dog),
            (blue, AnswerKind::Unsure),
            (black, AnswerKind::NotADog),
        ] {
            assert_eq!(kind(&alone, &[rgb], false), AnswerKind::Dog);
            assert_eq!(kind(&guarded, &[rgb], false), expected, "{rgb:?}");
        }
        // Of one animal the photos with a dog count, and their mean.
        assert_eq!(kind(&guarded, &[red, black], true), AnswerKind::Dog);
        assert_eq!(kind(&guarded, &[blue, blue], true), AnswerKind::Unsure);
        assert_eq!(kind(&guarded, &[black, black], true), AnswerKind::NotADog);
    }

    #[test]
    fn breeds_that_photos_do_not_part_count_as_one() {
        let mut own = few();
        own.about.labels[1].id = "n02110063".into();
        let gate = Gate::new(open(many()), &own.about);
        let blue = Photo::from_rgb(9, 9, [0, 0, 255].repeat(81));
        let said = gate.ask(&Pool::serial(), &blue).unwrap();
        assert!(
            said.known > 0.9,
            "a malamute may look like a husky: {said:?}"
        );
    }
}

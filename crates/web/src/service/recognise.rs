//! From a form to its answers: decode, cut out the part, ask the model, make the small picture that
//! the page shows.
use crate::service::thumbnail;
use crate::service::upload::{Form, Part, Upload};
use crate::site::Failure;
use classify::{Answer, Classifier, ClassifyError, ClassifyOptions, Explainer, ModelName};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tensor::{Pool, Random};
use vision::{Budget, Limits, Photo};
use words::Language;

/// What names the breeds: [`Model`], or in tests of the pages a double with known answers.
pub trait Recognise: Send + Sync + 'static {
    /// What the photos, all of one animal, show: at most `top` breeds; `None` of no photo. Each is
    /// let go before the next is taken, for the next is not decoded before.
    ///
    /// # Errors
    /// Where the model itself fails: no photo should make it.
    fn recognise(
        &self,
        photos: &mut dyn Iterator<Item = Photo>,
        top: usize,
    ) -> anyhow::Result<Option<Answer>>;

    /// A photo with what the answer about it rests on laid over it; `None` where the network keeps no
    /// map of the photo.
    ///
    /// # Errors
    /// As [`Recognise::recognise`].
    fn explain(&self, photo: &Photo) -> anyhow::Result<Option<Photo>>;

    /// The model that answers.
    fn model(&self) -> &ModelName;

    /// The names of the breeds that it knows, in a language.
    fn breeds(&self, language: Language) -> Vec<&str>;
}

/// Opens what explains a classifier's answers.
pub type OpenExplainer = dyn Fn() -> anyhow::Result<Explainer> + Send + Sync;

/// A classifier with the threads that it runs on.
pub struct Model {
    classifier: Classifier,
    pool: Pool,
    /// Opened when the first explanation is asked for: most visitors ask for none.
    explainer: OnceLock<Option<Explainer>>,
    open_explainer: Box<OpenExplainer>,
}

/// The longer side of a photo that an explanation lies on, pixels.
const EXPLAINED_SIDE: usize = 800;

impl Model {
    /// Runs `classifier` on `threads` threads, as many as it was opened for. Where several photos
    /// are looked at in the same moment, one has the threads and the others run on their callers'.
    ///
    /// # Errors
    /// Where the model cannot answer: it is asked once, about noise, rather than by the first visitor.
    pub fn new(
        classifier: Classifier,
        open_explainer: Box<OpenExplainer>,
        threads: usize,
    ) -> Result<Self, ClassifyError> {
        let pool = Pool::new(threads);
        let input = &classifier.about().input;
        let (width, height) = (input.width, input.height);
        let mut random = Random::new(0, 0, 0);
        let noise = std::iter::repeat_with(|| random.below(256) as u8);
        let noise = noise.take(width * height * 3).collect();
        classifier.look(&pool, &Photo::from_rgb(width, height, noise))?;
        Ok(Model {
            classifier,
            pool,
            explainer: OnceLock::new(),
            open_explainer,
        })
    }
}

impl Recognise for Model {
    fn recognise(
        &self,
        photos: &mut dyn Iterator<Item = Photo>,
        top: usize,
    ) -> anyhow::Result<Option<Answer>> {
        let seen = photos.map(|photo| self.classifier.look(&self.pool, &photo));
        let seen = seen.collect::<Result<Vec<_>, _>>()?;
        let options = ClassifyOptions {
            top,
            together: seen.len() > 1,
        };
        Ok(self.classifier.answers(seen, &options).pop())
    }

    fn explain(&self, photo: &Photo) -> anyhow::Result<Option<Photo>> {
        let opened = self.explainer.get_or_init(|| {
            let opened = (self.open_explainer)();
            opened
                .inspect_err(|error| tracing::warn!("answers are not explained: {error:#}"))
                .ok()
        });
        let Some(explainer) = opened else {
            return Ok(None);
        };
        let outputs = self.classifier.outputs(&self.pool, photo)?;
        let first = self.classifier.probabilities(&outputs).ranking()[0];
        let map = explainer.heat_map(&self.pool, photo, first)?;
        Ok(Some(map.over(photo, EXPLAINED_SIDE)))
    }

    fn model(&self) -> &ModelName {
        self.classifier.model()
    }

    fn breeds(&self, language: Language) -> Vec<&str> {
        self.classifier.names(language)
    }
}

/// What became of one photo, or of several photos of one animal.
pub(crate) struct Outcome {
    /// The photos that it is about.
    pub(crate) photos: Vec<Seen>,
    /// The answer, or why there is none.
    pub(crate) result: Result<Answer, Failure>,
}

impl Outcome {
    /// Whether there was too much to do for an answer.
    pub(crate) fn is_refused(&self) -> bool {
        self.result.as_ref().is_err_and(Failure::is_refusal)
    }
}

/// A photo as the page shows it.
pub(crate) struct Seen {
    /// Its place in the form.
    pub(crate) index: usize,
    /// Its file name, or empty.
    pub(crate) name: String,
    /// What was looked at, as a JPEG; `None` where it could not be read or no page asks for it.
    pub(crate) thumbnail: Option<Vec<u8>>,
    /// Whether a part was looked at.
    pub(crate) is_part: bool,
}

/// The model, and what it may be shown.
#[derive(Clone)]
pub(super) struct Recogniser {
    pub(super) model: Arc<dyn Recognise>,
    pub(super) limits: Limits,
    /// The memory that decoding may take.
    pub(super) budget: Arc<Budget>,
}

impl Recogniser {
    /// Answers a form: one outcome a photo, or one for all that show the same animal, followed by
    /// those that could not be read.
    pub(super) fn answer(&self, form: Form, thumbnails: bool) -> Vec<Outcome> {
        let Form {
            photos,
            together,
            top,
            memory: _held_until_here,
        } = form;
        let photos = photos.into_iter().enumerate();
        let animals: Vec<Vec<(usize, Upload)>> = match together {
            true => vec![photos.collect()],
            false => photos.map(|photo| vec![photo]).collect(),
        };
        let answered = animals
            .into_iter()
            .map(|photos| self.answer_animal(photos, top, thumbnails));
        answered.flatten().collect()
    }

    /// Answers photos of one animal, each with its place in the form: one outcome for those that can
    /// be read, and one for each of the others.
    fn answer_animal(
        &self,
        photos: Vec<(usize, Upload)>,
        top: usize,
        thumbnails: bool,
    ) -> Vec<Outcome> {
        let (mut readable, mut outcomes) = (Vec::new(), Vec::new());
        let mut decoding = 0.0;
        let mut uploads = photos.into_iter();
        let mut photos = std::iter::from_fn(|| {
            for (index, upload) in uploads.by_ref() {
                let begun = Instant::now();
                let mut seen = Seen {
                    index,
                    name: upload.name,
                    thumbnail: None,
                    is_part: upload.part.is_some(),
                };
                match self.decode(upload.content, upload.part) {
                    Ok(photo) => {
                        decoding += milliseconds(begun);
                        seen.thumbnail = thumbnails.then(|| thumbnail::jpeg(&photo));
                        readable.push(seen);
                        return Some(photo);
                    }
                    Err(failure) => {
                        let failure = failure.about(&seen.name);
                        outcomes.push(Outcome {
                            photos: vec![seen],
                            result: Err(failure),
                        });
                    }
                }
            }
            None
        });
        let answer = self.ask(&mut photos, top);
        // What the model did not ask for, since it failed before, is still to be told of.
        photos.by_ref().for_each(drop);
        let result = match answer {
            Ok(Some(mut answer)) => {
                answer.milliseconds.decode = decoding;
                Ok(answer)
            }
            Ok(None) => return outcomes,
            Err(failure) => Err(failure),
        };
        let photos = readable;
        outcomes.insert(0, Outcome { photos, result });
        outcomes
    }

    fn decode(
        &self,
        content: Result<Vec<u8>, Failure>,
        part: Option<Part>,
    ) -> Result<Photo, Failure> {
        let photo = vision::decode_within(&content?, &self.limits, &self.budget);
        let photo = photo.map_err(Failure::photo)?;
        Ok(match part {
            Some(part) => cut(&photo, part).unwrap_or(photo),
            None => photo,
        })
    }

    /// Answers one photo of a data set, with every breed that the model knows.
    pub(super) fn answer_photo(
        &self,
        read: impl FnOnce(&Limits) -> Result<Vec<u8>, Failure>,
    ) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let photo = self.decode(read(&self.limits), None)?;
        let decoding = milliseconds(begun);
        let answer = self.ask(&mut std::iter::once(photo), usize::MAX)?;
        let mut answer = answer.ok_or_else(Failure::internal)?;
        answer.milliseconds.decode = decoding;
        Ok(answer)
    }

    /// What the answer about a form's only photo rests on, as a JPEG.
    pub(super) fn explain(&self, form: Form) -> Result<Vec<u8>, Failure> {
        let Form { photos, .. } = form;
        let only: Result<[Upload; 1], _> = photos.try_into();
        let [upload] = only.map_err(|_| Failure::too_many_photos(1))?;
        let photo = self.decode(upload.content, upload.part);
        let explained = photo.and_then(|photo| self.explained(&photo));
        explained.map_err(|failure| failure.about(&upload.name))
    }

    /// The same of a photo of a data set.
    pub(super) fn explain_photo(
        &self,
        read: impl FnOnce(&Limits) -> Result<Vec<u8>, Failure>,
    ) -> Result<Vec<u8>, Failure> {
        let photo = self.decode(read(&self.limits), None)?;
        self.explained(&photo)
    }

    fn explained(&self, photo: &Photo) -> Result<Vec<u8>, Failure> {
        let explained = self.model.explain(photo).map_err(failed)?;
        let explained = explained.ok_or_else(Failure::no_map)?;
        Ok(thumbnail::large_jpeg(&explained))
    }

    fn ask(
        &self,
        photos: &mut dyn Iterator<Item = Photo>,
        top: usize,
    ) -> Result<Option<Answer>, Failure> {
        self.model.recognise(photos, top).map_err(failed)
    }
}

/// What a visitor is told where the model itself fails.
fn failed(error: anyhow::Error) -> Failure {
    tracing::error!("the model failed: {error:#}");
    match error.downcast_ref() {
        Some(ClassifyError::NotFinite) => Failure::model_not_finite(),
        _ => Failure::internal(),
    }
}

/// The part of a photo, at least one pixel; `None` where nothing of it is inside.
fn cut(photo: &Photo, part: Part) -> Option<Photo> {
    let pixels = |fraction: f32, side: usize| (f64::from(fraction) * side as f64).round() as usize;
    photo.crop(
        pixels(part.x, photo.width()).min(photo.width() - 1),
        pixels(part.y, photo.height()).min(photo.height() - 1),
        pixels(part.width, photo.width()).max(1),
        pixels(part.height, photo.height()).max(1),
    )
}

fn milliseconds(begun: Instant) -> f32 {
    begun.elapsed().as_secs_f32() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Answers nothing in particular, and tells how much memory its photos held at the most.
    struct Double(ModelName, Arc<Budget>, AtomicUsize);

    impl Recognise for Double {
        fn recognise(
            &self,
            photos: &mut dyn Iterator<Item = Photo>,
            _top: usize,
        ) -> anyhow::Result<Option<Answer>> {
            photos.for_each(|_photo| {
                self.2.fetch_max(self.1.taken(), Ordering::Relaxed);
            });
            anyhow::bail!("its answer is not looked at")
        }

        fn explain(&self, _photo: &Photo) -> anyhow::Result<Option<Photo>> {
            Ok(None)
        }

        fn model(&self) -> &ModelName {
            &self.0
        }

        fn breeds(&self, _language: Language) -> Vec<&str> {
            Vec::new()
        }
    }

    #[test]
    fn photos_of_one_animal_do_not_wait_for_each_others_memory() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/photos/beagle_14.jpg"
        );
        let beagle = std::fs::read(path).unwrap();
        let alone = vision::decode(&beagle, &Limits::default()).unwrap();
        let bytes = alone.width() * alone.height() * 3;
        // What decoding one takes, with what it keeps beside; of twenty photos there is no room.
        let budget = Budget::new(12 << 20);
        let name = ModelName {
            name: "double".into(),
            version: "1".into(),
        };
        let model = Arc::new(Double(name, Arc::clone(&budget), AtomicUsize::new(0)));
        let recogniser = Recogniser {
            model: model.clone(),
            limits: Limits {
                patience: Some(Duration::ZERO),
                ..Limits::default()
            },
            budget: Arc::clone(&budget),
        };
        let upload = || Upload {
            name: String::new(),
            content: Ok(beagle.clone()),
            part: None,
        };
        let form = Form {
            photos: (0..20).map(|_| upload()).collect(),
            together: true,
            top: 5,
            memory: None,
        };
        let outcomes = recogniser.answer(form, false);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].photos.len(), 20);
        assert!((bytes..2 * bytes).contains(&model.2.load(Ordering::Relaxed)));
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn a_part_is_cut_after_the_photo_stands_upright() {
        let rgb = (0..10 * 20 * 3).map(|value| value as u8).collect();
        let photo = Photo::from_rgb(10, 20, rgb);
        let part = |x, y, width, height| Part::new([x, y, width, height]).unwrap();
        let half = cut(&photo, part(0.5, 0.5, 0.5, 0.5)).unwrap();
        assert_eq!((half.width(), half.height()), (5, 10));
        assert_eq!(half.rgb()[..3], photo.rgb()[(10 * 10 + 5) * 3..][..3]);
        let dot = cut(&photo, part(0.99, 0.99, 0.01, 0.01)).unwrap();
        assert_eq!((dot.width(), dot.height()), (1, 1));
    }
}

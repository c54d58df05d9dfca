//! From uploads to answers, on the compute pool: decode, cut out the part, ask the model, make the
//! small picture that the page shows.
use crate::service::compute::{Compute, ComputeError};
use crate::service::thumbnail;
use crate::service::upload::{Form, Part, Upload};
use crate::site::failure::Failure;
use anyhow::Context;
use classify::{Answer, Classifier, ClassifyError, ClassifyOptions, ModelName};
use std::sync::Arc;
use std::time::Instant;
use tensor::Pool;
use vision::{DecodeError, Excess, Limits, Photo};

/// What names the breeds: [`Model`], or in tests of the pages a double with known answers.
pub trait Recognise: Send + Sync + 'static {
    /// What one photo, or several photos of one animal, show; at most `top` breeds.
    ///
    /// # Errors
    /// Where the model itself fails: no photo should make it.
    fn recognise(&self, photos: &[Photo], top: usize) -> anyhow::Result<Answer>;

    /// The model that answers.
    fn model(&self) -> &ModelName;
}

/// A classifier with the threads that it runs on.
pub struct Model {
    classifier: Classifier,
    pool: Pool,
}

impl Model {
    /// Runs `classifier` on `threads` threads, as many as it was opened for. Where several photos
    /// are looked at in the same moment, one has the threads and the others run on their callers'.
    pub fn new(classifier: Classifier, threads: usize) -> Self {
        Model {
            classifier,
            pool: Pool::new(threads),
        }
    }
}

impl Recognise for Model {
    fn recognise(&self, photos: &[Photo], top: usize) -> anyhow::Result<Answer> {
        let options = ClassifyOptions {
            top,
            together: photos.len() > 1,
        };
        let answers = self.classifier.classify(&self.pool, photos, &options)?;
        answers
            .into_iter()
            .next()
            .context("no photo was asked about")
    }

    fn model(&self) -> &ModelName {
        self.classifier.model()
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

/// The model with the pool that runs it.
#[derive(Clone)]
pub(crate) struct Recogniser {
    pub(crate) model: Arc<dyn Recognise>,
    pub(crate) compute: Compute,
    pub(crate) limits: Limits,
}

impl Recogniser {
    /// Answers a form: one outcome a photo, or one for all that show the same animal, followed by
    /// those that could not be read.
    pub(crate) async fn answer(
        &self,
        form: Form,
        thumbnails: bool,
    ) -> Result<Vec<Outcome>, Failure> {
        let this = self.clone();
        self.compute
            .run(move || this.answer_now(form, thumbnails))
            .await
            .map_err(Failure::from)
    }

    /// Answers one photo of a data set, with every breed that the model knows.
    pub(crate) async fn answer_photo(
        &self,
        read: impl FnOnce(&Limits) -> Result<Vec<u8>, Failure> + Send + 'static,
    ) -> Result<Answer, Failure> {
        let this = self.clone();
        self.compute
            .run(move || {
                let begun = Instant::now();
                let bytes = read(&this.limits)?;
                let photo = vision::decode(&bytes, &this.limits).map_err(Failure::photo)?;
                this.ask(&[photo], usize::MAX, milliseconds(begun))
            })
            .await?
    }

    fn answer_now(&self, form: Form, thumbnails: bool) -> Vec<Outcome> {
        let Form {
            photos,
            together,
            top,
            memory: _held_until_here,
        } = form;
        let mut outcomes = Vec::with_capacity(photos.len());
        let mut readable = Vec::new();
        let mut seen_together = Vec::new();
        let (mut decoding, mut held) = (0.0, 0);
        for (index, upload) in photos.into_iter().enumerate() {
            let begun = Instant::now();
            let decoded = self.decode(&upload);
            let mut seen = Seen {
                index,
                name: upload.name,
                thumbnail: None,
                is_part: upload.part.is_some(),
            };
            match decoded {
                Ok(photo) => {
                    let decoded_in = milliseconds(begun);
                    // Photos that are looked at together are held together: no more pixels of all of
                    // them than one photo may have. One that is left out takes no room.
                    let with_it = held + photo.width() as u64 * photo.height() as u64;
                    if together && with_it > self.limits.pixels {
                        let error = DecodeError::TooLarge {
                            what: Excess::Pixels,
                            found: with_it,
                            limit: self.limits.pixels,
                        };
                        let failure = Failure::photo(error).about(index, &seen.name);
                        let (photos, result) = (vec![seen], Err(failure));
                        outcomes.push(Outcome { photos, result });
                        continue;
                    }
                    held = with_it;
                    seen.thumbnail = thumbnails.then(|| thumbnail::jpeg(&photo));
                    if together {
                        decoding += decoded_in;
                        readable.push(photo);
                        seen_together.push(seen);
                    } else {
                        outcomes.push(Outcome {
                            photos: vec![seen],
                            result: self.ask(&[photo], top, decoded_in),
                        });
                    }
                }
                Err(error) => {
                    let failure = Failure::photo(error).about(index, &seen.name);
                    outcomes.push(Outcome {
                        photos: vec![seen],
                        result: Err(failure),
                    });
                }
            }
        }
        if !readable.is_empty() {
            let together = Outcome {
                photos: seen_together,
                result: self.ask(&readable, top, decoding),
            };
            outcomes.insert(0, together);
        }
        outcomes
    }

    fn decode(&self, upload: &Upload) -> Result<Photo, DecodeError> {
        let photo = vision::decode(&upload.bytes, &self.limits)?;
        Ok(match upload.part {
            Some(part) => cut(&photo, part).unwrap_or(photo),
            None => photo,
        })
    }

    fn ask(&self, photos: &[Photo], top: usize, decode: f32) -> Result<Answer, Failure> {
        let mut answer = self.model.recognise(photos, top).map_err(|error| {
            tracing::error!("the model failed: {error:#}");
            match error.downcast_ref() {
                Some(ClassifyError::NotFinite) => Failure::model_not_finite(),
                _ => Failure::internal(),
            }
        })?;
        answer.milliseconds.decode = decode;
        Ok(answer)
    }
}

impl From<ComputeError> for Failure {
    fn from(error: ComputeError) -> Self {
        match error {
            ComputeError::Full => Failure::busy(),
            ComputeError::Panicked => Failure::internal(),
        }
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

//! Whether a model of a few breeds can be guarded by one of many, and from which share of the breeds that
//! it knows on: fitted on photos of its own.
use super::MakeError;
use classify::{Classifier, Gate};
use package::{GateRule, Package};
use tensor::Pool;
use vision::Photo;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GateFit {
    /// The model is guarded: of `photos` of its own `lost` are refused by it.
    Guarded {
        /// How many were looked at.
        photos: usize,
        /// Of these those that are taken for no dog or for another breed.
        lost: usize,
    },
    /// Its classes are no breeds, or it tells itself what is no dog, or there is no photo: it stays as it
    /// was.
    NotAsked,
    /// Too many of its own photos are no dogs to the other model: it stays as it was.
    Strange {
        /// How many were looked at.
        photos: usize,
        /// Of these those that are taken for no dog.
        not_dogs: usize,
    },
}

/// Of the model's own photos no more than this share may be taken for no dog.
const MOST_NOT_DOGS: f64 = 0.05;
/// This share of its own photos may be taken for another breed.
const LOST: f64 = 0.02;
/// A photo with less of the known breeds than this is not trusted, however sure all of its own are.
const KNOWN_BELOW: f32 = 0.3;

/// Fits the rule by which `other` is asked before the package, on photos of the package's own classes that
/// its weights were not fitted to.
///
/// # Errors
/// As [`Classifier::look`].
pub fn fit_gate(
    package: &mut Package,
    other: impl FnOnce() -> Option<Classifier>,
    photos: impl Iterator<Item = Photo>,
    pool: &Pool,
) -> Result<GateFit, MakeError> {
    let about = &package.about;
    let is_breed = |label: &package::Label| words::breed(&label.id).is_some();
    if about.calibration.dog.is_some() || !about.labels.iter().all(is_breed) {
        return Ok(GateFit::NotAsked);
    }
    let mut photos = photos.peekable();
    let other = other().filter(|_| photos.peek().is_some());
    let Some(other) = other else {
        return Ok(GateFit::NotAsked);
    };
    let gate = Gate::new(other, about);
    let mut known = Vec::new();
    let mut not_dogs = 0;
    for photo in photos {
        let said = gate.ask(pool, &photo)?;
        match said.dog < gate.not_a_dog_below() {
            true => not_dogs += 1,
            false => known.push(said.known),
        }
    }
    let photos = known.len() + not_dogs;
    if not_dogs as f64 > MOST_NOT_DOGS * photos as f64 {
        return Ok(GateFit::Strange { photos, not_dogs });
    }
    known.sort_by(f32::total_cmp);
    let lost = (LOST * photos as f64) as usize;
    let least = known.get(lost).copied().unwrap_or(0.0);
    let known_below = least.min(KNOWN_BELOW);
    let lost = known.iter().filter(|share| **share < known_below).count() + not_dogs;
    package.about.calibration.gate = Some(GateRule { known_below });
    Ok(GateFit::Guarded { photos, lost })
}

#[cfg(test)]
mod tests {
    use super::*;
    use classify::OpenOptions;
    use package::samples::tiny;

    fn breeds(package: &mut Package) {
        let ids = ["n02088364", "n02110958", "n02110185"];
        for (label, id) in package.about.labels.iter_mut().zip(ids) {
            label.id = id.into();
        }
    }

    fn other() -> Option<Classifier> {
        let mut many = tiny();
        breeds(&mut many);
        Classifier::from_package(many, &OpenOptions::default()).ok()
    }

    fn fit(package: &mut Package, photos: &[[u8; 3]]) -> GateFit {
        let photos = photos.iter();
        let photos = photos.map(|rgb| Photo::from_rgb(9, 9, rgb.repeat(81)));
        fit_gate(package, other, photos, &Pool::serial()).unwrap()
    }

    #[test]
    fn a_gate_is_fitted_where_the_models_own_photos_pass_it() {
        let mut few = tiny();
        breeds(&mut few);
        few.about.labels.truncate(2);
        few.about.calibration.dog = None;
        let (red, green, blue, black) = ([255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]);
        let own = [[red; 30], [green; 30]].concat();
        let fitted = fit(&mut few.clone(), &own);
        assert_eq!(
            fitted,
            GateFit::Guarded {
                photos: 60,
                lost: 0
            }
        );
        let mut guarded = few.clone();
        fit(&mut guarded, &own);
        let rule = guarded.about.calibration.gate.unwrap();
        assert_eq!(rule.known_below, KNOWN_BELOW);
        // One in fifty that looks like another breed is lost; more than that lower the threshold.
        let mut odd = few.clone();
        let one = [&own[..59], &[blue]].concat();
        assert_eq!(
            fit(&mut odd, &one),
            GateFit::Guarded {
                photos: 60,
                lost: 1
            }
        );
        let many = [&own[..40], &[blue; 20]].concat();
        assert_eq!(
            fit(&mut odd, &many),
            GateFit::Guarded {
                photos: 60,
                lost: 0
            }
        );
        assert!(odd.about.calibration.gate.unwrap().known_below < 0.1);
        // Drawings, say: the other model sees no dog in them.
        let mut drawn = few.clone();
        let strange = [&own[..50], &[black; 10]].concat();
        assert_eq!(
            fit(&mut drawn, &strange),
            GateFit::Strange {
                photos: 60,
                not_dogs: 10
            }
        );
        assert_eq!(drawn.about.calibration.gate, None);
        // No breeds, no photo, an own rule.
        let mut others = few.clone();
        others.about.labels[0].id = "teapot".into();
        assert_eq!(fit(&mut others, &own), GateFit::NotAsked);
        assert_eq!(fit(&mut few, &[]), GateFit::NotAsked);
        let mut own_rule = tiny();
        breeds(&mut own_rule);
        assert_eq!(fit(&mut own_rule, &own), GateFit::NotAsked);
    }
}

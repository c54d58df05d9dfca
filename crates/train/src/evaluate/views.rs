//! Which views of a photo are worth their time, by validation photos.
use super::Predicted;
use data::score::{SIGNIFICANT, mcnemar};
use graph::{View, parse_views};
use std::collections::HashMap;

/// Views whose logits are averaged, and how good the answers are.
#[derive(Clone, Debug)]
pub struct ViewTrial {
    /// The views; each takes a pass of the network.
    pub views: Vec<View>,
    /// What the model says with them.
    pub predicted: Predicted,
    /// Of its photos those whose first class is right.
    pub right: usize,
    /// The probability of so large a difference from the best trial by chance (McNemar).
    pub p_value: f64,
}

/// What is tried beside the package's own views.
const CANDIDATES: [&str; 7] = [
    "stretch",
    "crop:0.875",
    "stretch+stretch:mirror",
    "crop:0.875+crop:0.875:mirror",
    "crop:0.875+stretch",
    "crop:0.875+letterbox",
    "crop:0.875+stretch+crop:0.875:mirror+stretch:mirror",
];

/// Tries views, a package's own among them; `of_view` gives what the model says of the same photos with
/// one view alone. The trials by their number of views, and which of them has the fewest that are not
/// significantly worse than the best; of equally many the one with the most right answers.
///
/// # Errors
/// What `of_view` gives.
pub fn try_views<E>(
    own: &[View],
    mut of_view: impl FnMut(View) -> Result<Predicted, E>,
) -> Result<(Vec<ViewTrial>, usize), E> {
    let candidates = CANDIDATES.map(|text| parse_views(text).expect("views"));
    let mut sets = vec![own.to_vec()];
    sets.extend(candidates.into_iter().filter(|views| views != own));
    sets.sort_by_key(Vec::len);
    let mut singles: Vec<(View, Predicted)> = Vec::new();
    for &view in sets.iter().flatten() {
        if !singles.iter().any(|(known, _)| *known == view) {
            singles.push((view, of_view(view)?));
        }
    }
    let single = |view: &View| {
        let found = singles.iter().find(|(known, _)| known == view);
        &found.expect("a view that was tried").1
    };
    let rights: Vec<(Predicted, Vec<bool>)> = sets
        .iter()
        .map(|views| {
            let all: Vec<&Predicted> = views.iter().map(single).collect();
            let mean = mean(&all);
            let right = mean.photos.iter();
            let right = right.map(|photo| first(&photo.logits) == photo.label);
            let right = right.collect();
            (mean, right)
        })
        .collect();
    let count = |right: &[bool]| right.iter().filter(|right| **right).count();
    let counts = rights.iter().map(|(_, right)| count(right));
    // The first of equally good ones has the fewest views.
    let most = counts.max().unwrap_or(0);
    let best = rights.iter().find(|(_, right)| count(right) == most);
    let best = best.map(|(_, right)| right.clone()).unwrap_or_default();
    let trials: Vec<ViewTrial> = sets
        .into_iter()
        .zip(rights)
        .map(|(views, (predicted, right))| ViewTrial {
            views,
            predicted,
            right: count(&right),
            p_value: mcnemar(&best, &right).p_value,
        })
        .collect();
    let good = |trial: &ViewTrial| trial.p_value >= SIGNIFICANT;
    let fewest = trials
        .iter()
        .filter(|trial| good(trial))
        .map(|trial| trial.views.len());
    let fewest = fewest.min().unwrap_or(0);
    let chosen = (0..trials.len())
        .filter(|&place| good(&trials[place]) && trials[place].views.len() == fewest)
        .rev()
        .max_by_key(|&place| trials[place].right);
    Ok((trials, chosen.unwrap_or(0)))
}

/// What the model says with several views: the means of their logits, of the photos that all have.
fn mean(all: &[&Predicted]) -> Predicted {
    let mut mean = all[0].clone();
    for other in &all[1..] {
        let photos = other
            .photos
            .iter()
            .map(|photo| (photo.entry, &photo.logits));
        let logits: HashMap<usize, &Vec<f32>> = photos.collect();
        mean.photos
            .retain(|photo| logits.contains_key(&photo.entry));
        for photo in &mut mean.photos {
            for (sum, value) in photo.logits.iter_mut().zip(logits[&photo.entry]) {
                *sum += value;
            }
        }
    }
    for photo in &mut mean.photos {
        photo
            .logits
            .iter_mut()
            .for_each(|value| *value /= all.len() as f32);
        photo.answer = None;
    }
    mean
}

/// The place of the largest.
fn first(logits: &[f32]) -> usize {
    let places = 0..logits.len();
    places
        .max_by(|&one, &other| logits[one].total_cmp(&logits[other]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::PredictedPhoto;
    use super::*;
    use classify::ModelName;
    use package::PhotoIds;

    /// Of 40 photos of class 0 the logits of class 1 over it.
    fn predicted(of_photo: impl Fn(usize) -> f32) -> Predicted {
        let photo = |entry| PredictedPhoto {
            entry,
            label: 0,
            logits: vec![0.0, of_photo(entry)],
            answer: None,
        };
        Predicted {
            model: ModelName {
                name: "made".into(),
                version: String::new(),
            },
            labels: Vec::new(),
            log_weights: Vec::new(),
            temperature: Some(1.0),
            of_data: Vec::new(),
            photos: (0..40).map(photo).collect(),
            unknown: Vec::new(),
            unreadable: Vec::new(),
            training: None,
            calibrated: PhotoIds::default(),
        }
    }

    fn view(text: &str) -> View {
        parse_views(text).unwrap()[0]
    }

    #[test]
    fn the_fewest_views_are_chosen_that_are_not_worse_than_the_best() {
        let own = parse_views("crop:0.5").unwrap();
        let chosen = |wrong: &dyn Fn(View, usize) -> bool| {
            let mut asked = Vec::new();
            let (trials, chosen) = try_views::<()>(&own, |view| {
                asked.push(view);
                Ok(predicted(
                    |photo| if wrong(view, photo) { 3.0 } else { -2.0 },
                ))
            })
            .unwrap();
            // Each view once, the mirrored ones and the package's own among them.
            assert_eq!(asked.len(), 6);
            let trial = &trials[chosen];
            (graph::views_text(&trial.views), trial.right)
        };
        // All alike: one view, the package's own first.
        assert_eq!(chosen(&|_, _| false), ("crop:0.5".into(), 40));
        // One photo more is chance, and yet the better of two that cost the same.
        let stretch = view("stretch");
        let mostly = |asked: View, photo: usize| asked != stretch && photo == 7;
        assert_eq!(chosen(&mostly), ("stretch".into(), 40));
        // Each view is wrong about another quarter of the photos, and surer there: a mean of two is wrong
        // about two quarters, that of four about none.
        let quarters = [
            "stretch",
            "stretch:mirror",
            "crop:0.875",
            "crop:0.875:mirror",
        ]
        .map(view);
        let own_quarter = |asked: View, photo: usize| {
            let quarter = quarters.iter().position(|view| *view == asked);
            quarter.is_none_or(|quarter| photo % 4 == quarter)
        };
        let (views, right) = chosen(&own_quarter);
        assert_eq!((views.matches('+').count(), right), (3, 40), "{views}");
    }
}

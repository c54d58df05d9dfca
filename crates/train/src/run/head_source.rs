//! A head's batches: features of photos, which were computed before.
use super::photos::places;
use super::prepared::Prepared;
use super::source::{Batch, Batches, Source};
use super::surroundings::Surroundings;
use crate::TrainError;
use crate::features::{ViewOptions, Views, of_views};
use crate::watch::{Notice, Watch};
use data::Part;
use data::loader::order::shuffled;
use graph::Graph;
use vision::augment::Augmentation;
use words::Say as _;

/// Features of photos: of each training photo several views, of which an epoch takes one.
pub(super) struct Features {
    train: Rows,
    /// The views of the training photos after the first.
    more: Vec<Vec<f32>>,
    validation: Option<Rows>,
    length: usize,
    classes: usize,
    batch: usize,
    seed: u64,
}

/// A row of features an example, with its class.
struct Rows {
    values: Vec<f32>,
    classes: Vec<usize>,
}

impl Features {
    /// Those that the network `below` makes: what is not kept yet is computed. `None` where it was stopped, and goes on the next time.
    pub(super) fn open(
        prepared: &Prepared<'_>,
        below: &Graph,
        around: &Surroundings<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Option<Self>, TrainError> {
        let recipe = prepared.recipe;
        let train = of_part(prepared, below, Part::Train, around, watch)?;
        let Some((mut views, classes)) = train else {
            return Ok(None);
        };
        let validation = of_part(prepared, below, Part::Validation, around, watch)?;
        let Some((validation, of_validation)) = validation else {
            return Ok(None);
        };
        let first = |views: &mut Views, classes| Rows {
            values: std::mem::take(&mut views.rows[0]),
            classes,
        };
        let mut validation = Some(validation).filter(|_| !of_validation.is_empty());
        Ok(Some(Features {
            train: first(&mut views, classes),
            validation: validation.as_mut().map(|views| first(views, of_validation)),
            more: views.rows.split_off(1),
            length: views.length,
            classes: prepared.photos.classes().len(),
            batch: recipe.train.batch,
            seed: recipe.train.seed,
        }))
    }

    /// The rows of some examples, each of the view that `view` gives for its place.
    fn some(&self, rows: &Rows, places: &[usize], view: impl Fn(usize) -> usize) -> Examples {
        let length = self.length;
        let mut some = Examples {
            values: Vec::with_capacity(places.len() * length),
            targets: vec![0.0; places.len() * self.classes],
            classes: places.iter().map(|&place| rows.classes[place]).collect(),
        };
        for (number, &place) in places.iter().enumerate() {
            let values = match view(place) {
                0 => &rows.values,
                view => &self.more[view - 1],
            };
            some.values
                .extend_from_slice(&values[place * length..][..length]);
            some.targets[number * self.classes + some.classes[number]] = 1.0;
        }
        some
    }
}

/// Features of the photos of a part, with their classes; a row of none where it has no photo.
fn of_part(
    prepared: &Prepared<'_>,
    below: &Graph,
    part: Part,
    around: &Surroundings<'_>,
    watch: &mut dyn Watch,
) -> Result<Option<(Views, Vec<usize>)>, TrainError> {
    let recipe = prepared.recipe;
    let plain = Augmentation::default();
    let (augmentation, margin, count) = match part {
        Part::Train => (&*recipe.augment.steps, recipe.augment.margin, views(recipe)),
        _ => (&plain, 1.0, 1),
    };
    let places = places(&prepared.photos, part);
    let options = ViewOptions {
        graph: below,
        weights: &prepared.parameters,
        hash: &prepared.about.initial,
        input: &prepared.network.input,
        augmentation,
        margin,
        seed: recipe.train.seed,
        count,
        isa: around.isa,
        threads: around.threads,
        folder: around.features,
        stop: around.stop,
        progress: around.decoded,
    };
    let Some(mut views) = of_views(&prepared.photos, &places, &options)? else {
        return Ok(None);
    };
    if let Some((path, error)) = views.unkept.take() {
        let reason = error.message(around.language);
        watch.notice(&Notice::FeaturesUnkept { path, reason });
    }
    let entries = prepared.photos.all_entries();
    let classes = places.iter().map(|&place| entries[place].class).collect();
    Ok(Some((views, classes)))
}

/// Views of each training photo whose features are computed; 0 to compute them anew in each epoch.
pub(super) fn views(recipe: &crate::Recipe) -> usize {
    /// With these a head has seen more than the photos themselves, for minutes of one core.
    const AUGMENTED: usize = 4;
    let is_augmented = !recipe.augment.steps.text().is_empty();
    let default = if is_augmented { AUGMENTED } else { 1 };
    recipe.augment.views.unwrap_or(default)
}

impl Source for Features {
    fn batches(&self) -> usize {
        // As of photos: what fills no whole batch is left out, others in each epoch.
        (self.train.classes.len() / self.batch).max(1)
    }

    fn epoch(&self, epoch: u32, first: usize) -> Batches<'_> {
        let order = shuffled(self.train.classes.len(), self.seed, epoch);
        let views = 1 + self.more.len();
        // Every epoch has all views, each of as many photos, and every photo all of its views in turn.
        let view = move |place: usize| (place + epoch as usize) % views;
        Box::new((first..self.batches()).map(move |number| {
            let end = ((number + 1) * self.batch).min(order.len());
            let places = &order[number * self.batch..end];
            Ok(Box::new(self.some(&self.train, places, view)) as Box<dyn Batch>)
        }))
    }

    fn validation(&self) -> Option<Batches<'_>> {
        let rows = self.validation.as_ref()?;
        let count = rows.classes.len();
        Some(Box::new((0..count).step_by(self.batch).map(move |first| {
            let places: Vec<usize> = (first..(first + self.batch).min(count)).collect();
            Ok(Box::new(self.some(rows, &places, |_| 0)) as Box<dyn Batch>)
        })))
    }
}

/// Rows of some examples.
struct Examples {
    values: Vec<f32>,
    targets: Vec<f32>,
    classes: Vec<usize>,
}

impl Batch for Examples {
    fn examples(&self) -> usize {
        self.classes.len()
    }

    fn values(&self) -> &[f32] {
        &self.values
    }

    fn targets(&self) -> &[f32] {
        &self.targets
    }

    fn classes(&self) -> &[usize] {
        &self.classes
    }
}

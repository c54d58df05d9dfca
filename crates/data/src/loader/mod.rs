//! The loader: batches of photos for training and evaluation, made by threads ahead of their use.
//!
//! What a batch holds depends on the seed, the epoch and its number alone, never on how many threads
//! there are or which is first. A photo is chosen by [`order::shuffled`], its pixels come from the
//! [`Cache`], are augmented, scaled, and mixed with another of the batch.
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tensor::{AlignedBuffer, Shape};
use vision::Scaler;
use vision::augment::{Augmentation, Draw};

mod cache;
mod cache_file;
mod error;
pub mod order;
mod preview;

pub use cache::{Cache, Preparation, stored};
pub use error::{LoaderError, range_text, step_said};
pub use preview::{PreviewOptions, preview};

/// How batches are made.
#[derive(Debug)]
pub struct LoaderOptions {
    /// Photos of a batch, at least 1.
    pub batch: usize,
    /// Threads that make batches, at least 1.
    pub threads: usize,
    /// Batches that are made ahead of their use, at least 1.
    pub ahead: usize,
    /// What decides the order and the augmentation.
    pub seed: u64,
    /// What [`Loader::epoch`] does to the photos.
    pub augmentation: Augmentation,
    /// Whether [`Loader::epoch`] leaves out the photos that fill no whole batch (others in each
    /// epoch).
    pub whole_batches: bool,
}

/// Makes batches of a cache's photos.
#[derive(Clone, Debug)]
pub struct Loader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cache: Cache,
    options: LoaderOptions,
    scaler: Scaler,
    /// Memory of batches that are done with.
    used: Mutex<Vec<Content>>,
}

/// The memory of a batch.
#[derive(Debug)]
struct Content {
    values: AlignedBuffer,
    targets: Vec<f32>,
    classes: Vec<usize>,
    places: Vec<usize>,
    pixels: Vec<u8>,
}

/// Photos as a network takes them. Dropped, its memory serves a later batch.
#[derive(Debug)]
pub struct Batch {
    /// Always there until the batch is dropped.
    content: Option<Content>,
    inner: Arc<Inner>,
}

impl Batch {
    fn content(&self) -> &Content {
        self.content.as_ref().expect("a batch that is not dropped")
    }

    /// How many photos (N).
    pub fn len(&self) -> usize {
        self.content().places.len()
    }

    /// Whether there is none; never for a batch of a [`Pass`].
    pub fn is_empty(&self) -> bool {
        self.content().places.is_empty()
    }

    /// N, H, W, 3.
    pub fn shape(&self) -> Shape {
        let input = &self.inner.cache.preparation().input;
        Shape::from([self.len(), input.height, input.width, 3])
    }

    /// N x H x W x 3 values, scaled as the network wants them.
    pub fn values(&self) -> &[f32] {
        let input = &self.inner.cache.preparation().input;
        &self.content().values[..self.len() * input.height * input.width * 3]
    }

    /// For each photo its class.
    pub fn classes(&self) -> &[usize] {
        &self.content().classes
    }

    /// N x classes: for each photo the share of each class, 1 in all. Other than 0 and 1 where
    /// photos were mixed.
    pub fn targets(&self) -> &[f32] {
        &self.content().targets
    }

    /// For each photo its place in the cache.
    pub fn places(&self) -> &[usize] {
        &self.content().places
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(content) = self.content.take() {
            locked(&self.inner.used).push(content);
        }
    }
}

impl Loader {
    /// A loader of a cache's photos.
    ///
    /// # Panics
    /// Where a number of the options is 0.
    pub fn new(cache: Cache, options: LoaderOptions) -> Loader {
        assert!(options.batch > 0 && options.threads > 0 && options.ahead > 0);
        let scaler = Scaler::new(&cache.preparation().input.scaling);
        Loader {
            inner: Arc::new(Inner {
                cache,
                options,
                scaler,
                used: Mutex::new(Vec::new()),
            }),
        }
    }

    /// The photos.
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// How many batches an epoch has.
    pub fn batches(&self) -> usize {
        let (count, batch) = (self.inner.cache.len(), self.inner.options.batch);
        if self.inner.options.whole_batches {
            count / batch
        } else {
            count.div_ceil(batch)
        }
    }

    /// One epoch of training: every photo once in the epoch's order, augmented.
    pub fn epoch(&self, epoch: u32) -> Pass {
        self.epoch_from(epoch, 0)
    }

    /// The same from a batch on, to go on where a training was stopped.
    pub fn epoch_from(&self, epoch: u32, batch: usize) -> Pass {
        let count = self.inner.cache.len();
        let order = order::shuffled(count, self.inner.options.seed, epoch);
        Pass::start(&self.inner, order, Some(epoch), batch, self.batches())
    }

    /// Every photo once, in the cache's order, as it is: for evaluation. The last batch may be
    /// smaller.
    pub fn in_order(&self) -> Pass {
        let count = self.inner.cache.len();
        let batches = count.div_ceil(self.inner.options.batch);
        Pass::start(&self.inner, (0..count).collect(), None, 0, batches)
    }
}

impl Inner {
    /// Makes a batch of the photos at these places; augmented where there is an epoch.
    fn make(&self, places: &[usize], epoch: Option<u32>) -> Result<Content, LoaderError> {
        let input = &self.cache.preparation().input;
        let picture = input.height * input.width * 3;
        let class_count = self.cache.class_count();
        let plain = Augmentation::default();
        let augmentation = epoch.map_or(&plain, |_| &self.options.augmentation);
        let draw = |place: usize| Draw {
            seed: self.options.seed,
            epoch: epoch.unwrap_or_default(),
            index: place as u64,
        };
        let used = locked(&self.used).pop();
        let mut content = used.unwrap_or_else(|| Content {
            values: AlignedBuffer::zeroed(self.options.batch * picture),
            targets: Vec::with_capacity(self.options.batch * class_count),
            classes: Vec::with_capacity(self.options.batch),
            places: Vec::with_capacity(self.options.batch),
            pixels: vec![0; picture],
        });
        content.places.clear();
        content.places.extend_from_slice(places);
        content.classes.clear();
        content.targets.clear();
        content.targets.resize(places.len() * class_count, 0.0);
        let values = content.values.chunks_exact_mut(picture);
        for (number, (&place, values)) in places.iter().zip(values).enumerate() {
            let stored = self.cache.picture(place)?;
            augmentation.apply(stored, draw(place), input.width, &mut content.pixels);
            self.scaler.run(&content.pixels, values);
            let class = self.cache.classes()[place];
            content.classes.push(class);
            content.targets[number * class_count + class] = 1.0;
        }
        if augmentation.mixes() {
            // The order is random already, so the first is mixed with the last, and so on; one in
            // the middle stays as it is.
            for first in 0..places.len() / 2 {
                let last = places.len() - 1 - first;
                let (head, tail) = content.values.split_at_mut(last * picture);
                let share = augmentation.mix(
                    draw(places[first]),
                    input.width,
                    &mut head[first * picture..][..picture],
                    &mut tail[..picture],
                );
                for (own, other) in [(first, last), (last, first)] {
                    let (own_class, other_class) = (content.classes[own], content.classes[other]);
                    let target = &mut content.targets[own * class_count..][..class_count];
                    target[own_class] = share;
                    target[other_class] = if own_class == other_class {
                        1.0
                    } else {
                        1.0 - share
                    };
                }
            }
        }
        Ok(content)
    }
}

/// Batches of one pass over the photos, in their order; threads make them ahead. Dropped, it stops
/// them and waits until they have ended.
#[derive(Debug)]
pub struct Pass {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    inner: Arc<Inner>,
    order: Vec<usize>,
    epoch: Option<u32>,
    batches: usize,
    state: Mutex<State>,
    /// A batch is ready, or has been taken.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The batch that no thread has begun.
    next_to_make: usize,
    /// The batch that is handed out next.
    next_to_take: usize,
    ready: BTreeMap<usize, Result<Content, LoaderError>>,
    stopped: bool,
}

impl Pass {
    fn start(
        inner: &Arc<Inner>,
        order: Vec<usize>,
        epoch: Option<u32>,
        first: usize,
        batches: usize,
    ) -> Pass {
        let shared = Arc::new(Shared {
            inner: inner.clone(),
            order,
            epoch,
            batches,
            state: Mutex::new(State {
                next_to_make: first,
                next_to_take: first,
                ready: BTreeMap::new(),
                stopped: false,
            }),
            changed: Condvar::new(),
        });
        let count = inner.options.threads.min(batches.saturating_sub(first));
        let threads = (0..count)
            .map(|_| {
                let shared = shared.clone();
                std::thread::spawn(move || shared.work())
            })
            .collect();
        Pass { shared, threads }
    }
}

impl Shared {
    fn work(&self) {
        let batch = self.inner.options.batch;
        while let Some(number) = self.claim() {
            let end = ((number + 1) * batch).min(self.order.len());
            let places = &self.order[number * batch..end];
            let made = catch_unwind(AssertUnwindSafe(|| self.inner.make(places, self.epoch)));
            let made = made.unwrap_or(Err(LoaderError::Thread));
            let mut state = locked(&self.state);
            state.ready.insert(number, made);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next batch to make, once it is not too far ahead; `None` when there is none left.
    fn claim(&self) -> Option<usize> {
        let mut state = locked(&self.state);
        loop {
            if state.stopped || state.next_to_make >= self.batches {
                return None;
            }
            if state.next_to_make < state.next_to_take + self.inner.options.ahead {
                state.next_to_make += 1;
                return Some(state.next_to_make - 1);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Iterator for Pass {
    type Item = Result<Batch, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut state = locked(&self.shared.state);
        if state.stopped || state.next_to_take >= self.shared.batches {
            return None;
        }
        let number = state.next_to_take;
        let made = loop {
            if let Some(made) = state.ready.remove(&number) {
                break made;
            }
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        state.next_to_take += 1;
        // After an error nothing follows.
        state.stopped |= made.is_err();
        drop(state);
        self.shared.changed.notify_all();
        let inner = self.shared.inner.clone();
        Some(made.map(|content| Batch {
            content: Some(content),
            inner,
        }))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        locked(&self.shared.state).stopped = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let ready = std::mem::take(&mut locked(&self.shared.state).ready);
        locked(&self.shared.inner.used).extend(ready.into_values().flatten());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

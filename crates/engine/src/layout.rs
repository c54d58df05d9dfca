//! Where the values of lowered steps live, before any memory is taken.
use crate::arena::{self, Lifetime};
use crate::execute::Place;
use crate::work::{INPUT, Item, Lowered, Phase, Size, ValueId};

/// The place of every value in one block of memory.
#[derive(Debug)]
pub(crate) struct Layout {
    places: Vec<Place>,
    /// f32 of all together.
    pub floats: usize,
}

impl Layout {
    /// For batches of up to `images`, from the f32 `start` of the block on.
    pub fn of<W>(lowered: &Lowered<W>, images: usize, start: usize) -> Self {
        let lifetimes = lifetimes(lowered, images);
        let living: Vec<usize> = (0..lifetimes.len())
            .filter(|&value| lifetimes[value].is_some())
            .collect();
        let own: Vec<Lifetime> = living.iter().filter_map(|&v| lifetimes[v]).collect();
        let (offsets, floats) = arena::place(&own);
        // What no step touches is the input, which lies elsewhere.
        let mut places = vec![Place::Input; lowered.sizes.len()];
        for (value, offset) in living.into_iter().zip(offsets) {
            places[value] = Place::Memory {
                start: start.saturating_add(offset),
                size: lowered.sizes[value],
            };
        }
        Layout { places, floats }
    }

    pub fn place(&self, value: ValueId) -> Place {
        self.places[value.0]
    }
}

/// When each value is needed; none for the input and for values that no step touches.
fn lifetimes<W>(lowered: &Lowered<W>, images: usize) -> Vec<Option<Lifetime>> {
    let Lowered {
        steps,
        sizes,
        given,
        outputs,
    } = lowered;
    debug_assert!(steps.is_sorted_by_key(|step| step.phase == Phase::Batch));
    let image_steps = steps.partition_point(|step| step.phase == Phase::Image);
    let mut lifetimes: Vec<Option<Lifetime>> = vec![None; sizes.len()];
    let mut touch = |value: ValueId, first: usize, last: usize| {
        if value == INPUT {
            return;
        }
        let size = match sizes[value.0] {
            Size::Fixed(floats) => floats,
            Size::Each(floats) => floats.saturating_mul(images),
        };
        let lifetime = lifetimes[value.0].get_or_insert(Lifetime { size, first, last });
        lifetime.first = lifetime.first.min(first);
        lifetime.last = lifetime.last.max(last);
    };
    for (time, step) in steps.iter().enumerate() {
        for (_, item) in step.reads.iter().chain(&step.writes) {
            let Item::Value(value) = *item else { continue };
            match (step.phase, sizes[value.0]) {
                // The images follow each other, so what one leaves for the batch lives through all of
                // their steps.
                (Phase::Image, Size::Each(_)) => touch(value, 0, image_steps),
                _ => touch(value, time, time),
            }
        }
    }
    for &value in given {
        touch(value, 0, 0);
    }
    for &value in outputs {
        let end = match sizes[value.0] {
            Size::Fixed(_) => image_steps,
            Size::Each(_) => steps.len(),
        };
        touch(value, end, end);
    }
    lifetimes
}

//! The executor: runs bound steps, one after the other, over one block of memory.
use crate::StepTime;
use crate::operation::{Batch, Operation, Run};
use crate::work::{Item, Phase, Role, Size, Step};
use std::ops::Range;
use std::time::{Duration, Instant};
use tensor::Pool;

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the input as it was given.
    Input,
    /// From this f32 of the block on.
    Memory { start: usize, size: Size },
}

impl Place {
    /// f32 that lie here whatever the batch.
    pub fn fixed(range: &Range<usize>) -> Self {
        Place::Memory {
            start: range.start,
            size: Size::Fixed(range.len()),
        }
    }

    /// Where it lies in the block; empty for the input, which is elsewhere.
    pub fn range(&self, at: At) -> Range<usize> {
        match *self {
            Place::Input => 0..0,
            Place::Memory { start, size } => match size {
                Size::Fixed(floats) => start..start + floats,
                Size::Each(floats) => match at.image {
                    Some(image) => start + image * floats..start + (image + 1) * floats,
                    None => start..start + at.images * floats,
                },
            },
        }
    }
}

/// Which images a step works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    /// Images of the batch.
    pub images: usize,
    /// The image at work; none for all at once.
    pub image: Option<usize>,
}

/// A step that is ready to run.
#[derive(Debug)]
pub(crate) struct BoundStep {
    pub name: String,
    pub kind: &'static str,
    /// Of one image, of what multiplies with weights; 0 where they are not counted.
    pub multiply_adds: usize,
    pub phase: Phase,
    pub operation: Box<dyn Operation>,
    pub reads: Vec<(Role, Place)>,
    pub writes: Vec<(Role, Place)>,
}

impl BoundStep {
    /// A step with its operation, its values at their places.
    pub fn new<W>(
        step: Step<W>,
        kind: &'static str,
        operation: Box<dyn Operation>,
        place: impl Fn(Item) -> Place,
    ) -> Self {
        let placed = |items: Vec<(Role, Item)>| {
            let items = items.into_iter();
            items.map(|(role, item)| (role, place(item))).collect()
        };
        BoundStep {
            name: step.name,
            kind,
            multiply_adds: 0,
            phase: step.phase,
            operation,
            reads: placed(step.reads),
            writes: placed(step.writes),
        }
    }
}

/// How long each step took in each round, where that is asked for.
pub(crate) type Times = Vec<Vec<Duration>>;

/// The medians of what steps took.
pub(crate) fn medians(steps: &[BoundStep], times: Times) -> Vec<StepTime> {
    let median = |(step, mut times): (&BoundStep, Vec<Duration>)| {
        times.sort_unstable();
        StepTime {
            name: step.name.clone(),
            kind: step.kind,
            time: times[times.len() / 2],
            multiply_adds: step.multiply_adds,
        }
    };
    steps.iter().zip(times).map(median).collect()
}

/// Runs the steps of a phase; none of them has more than `MOST` values.
pub(crate) fn run_steps<const MOST: usize>(
    steps: &[BoundStep],
    phase: Phase,
    at: At,
    pool: &Pool,
    batch: Batch,
    memory: &mut [f32],
    input: &[f32],
    times: &mut Option<&mut Times>,
) {
    for (index, step) in steps.iter().enumerate() {
        if step.phase != phase {
            continue;
        }
        let start = times.is_some().then(Instant::now);
        run_step::<MOST>(step, at, pool, batch, memory, input);
        if let (Some(start), Some(times)) = (start, times.as_deref_mut()) {
            times[index].push(start.elapsed());
        }
    }
}

fn run_step<const MOST: usize>(
    step: &BoundStep,
    at: At,
    pool: &Pool,
    batch: Batch,
    memory: &mut [f32],
    input: &[f32],
) {
    let (read_count, write_count) = (step.reads.len(), step.writes.len());
    debug_assert!(read_count + write_count <= MOST, "{}", step.name);
    let mut ranges: [Range<usize>; MOST] = std::array::from_fn(|_| 0..0);
    let mut first_same = [0; MOST];
    for (index, (_, place)) in step.reads.iter().enumerate() {
        let range = place.range(at);
        // Each value once: a product of a value with itself reads it twice.
        let same = ranges[..index].iter().position(|earlier| *earlier == range);
        first_same[index] = same.unwrap_or(index);
        if same.is_none() {
            ranges[index] = range;
        }
    }
    for (range, (_, place)) in ranges[read_count..].iter_mut().zip(&step.writes) {
        *range = place.range(at);
    }
    let slices = memory
        .get_disjoint_mut(ranges)
        .expect("values that live together have places of their own");
    let mut stored: [&[f32]; MOST] = [&[]; MOST];
    let mut writes: [(Role, &mut [f32]); MOST] =
        std::array::from_fn(|_| (Role::Scratch, Default::default()));
    for (index, slice) in slices.into_iter().enumerate() {
        match index.checked_sub(read_count) {
            None => stored[index] = slice,
            Some(write) if write < write_count => writes[write] = (step.writes[write].0, slice),
            Some(_) => break,
        }
    }
    let mut reads: [(Role, &[f32]); MOST] = [(Role::Scratch, &[]); MOST];
    for (index, (role, place)) in step.reads.iter().enumerate() {
        let values = match place {
            Place::Input => input,
            Place::Memory { .. } => stored[first_same[index]],
        };
        reads[index] = (*role, values);
    }
    step.operation.run(Run {
        pool,
        images: if at.image.is_some() { 1 } else { at.images },
        batch,
        reads: &reads[..read_count],
        writes: &mut writes[..write_count],
    });
}

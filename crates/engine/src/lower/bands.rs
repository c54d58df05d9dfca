//! Groups convolutions that run band by band: what one makes is read by the next while it is still in
//! the cache, and never stored whole.
use crate::work::inference::{Residual, Work};
use crate::work::schedule::Schedule;
use crate::work::{Item, Lowered, Phase, Role, Size, Step};
use kernels::Window;

/// f32 of a thread's share of an image from which on what a depthwise convolution of 3 x 3 reads is
/// worth being made in bands: what is smaller stays in a second-level cache (512 KiB) by itself, and
/// with bands the rows at the border of two threads are made twice and some are moved. A window of
/// 5 x 5 makes twice as many rows twice, and pays off later. (Measured with MobileNetV2 and
/// EfficientNet-Lite0 on a Zen 3.)
const LARGE: usize = 48 * 1024;

fn large(window: &Window) -> usize {
    let half = (window.kernel_height / 2).max(1);
    LARGE * half * half
}

/// f32 that the rows between the stages may have on each thread: a little less than half of a small
/// second-level cache (512 KiB); weights and the input's rows want the rest.
const BUDGET: usize = 48 * 1024;

/// Rows of output that a thread must have.
const LEAST_ROWS: usize = 5;

/// Groups the steps, for images that are mostly run on `share` threads and never on more than
/// `threads`.
pub(crate) fn group(lowered: Lowered<Work>, share: usize, threads: usize) -> Lowered<Work> {
    let mut readers = vec![0usize; lowered.sizes.len()];
    let read = lowered.steps.iter().flat_map(|step| &step.reads);
    let values = read.filter_map(|(_, item)| match item {
        Item::Value(value) => Some(*value),
        Item::Parameter(_) | Item::Gradient(_) => None,
    });
    for value in values.chain(lowered.outputs.iter().copied()) {
        readers[value.0] += 1;
    }
    // Whether `second` alone reads what `first` makes, as its image.
    let feeds = |first: &Step<Work>, second: &Step<Work>| {
        let made = first.written(Role::Output);
        made == second.read(Role::Input) && made.is_some_and(|value| readers[value.0] == 1)
    };
    let floats = |step: &Step<Work>| {
        let made = step.written(Role::Output);
        made.map_or(0, |value| match lowered.sizes[value.0] {
            Size::Fixed(floats) | Size::Each(floats) => floats,
        })
    };
    let mut grouped: Vec<Step<Work>> = Vec::with_capacity(lowered.steps.len());
    for step in lowered.steps {
        let Some(last) = grouped.last() else {
            grouped.push(step);
            continue;
        };
        // A depthwise convolution is worth grouping only with the convolution of one pixel after it,
        // which shrinks the channels again; the one before joins them where what it makes is large.
        let projects = matches!(&step.work, Work::Conv2d { window, .. } if is_pointwise(window));
        let Work::Depthwise { window, .. } = &last.work else {
            grouped.push(step);
            continue;
        };
        let large = large(window);
        let high = window.out_height >= LEAST_ROWS * share;
        let images = step.phase == Phase::Image && last.phase == Phase::Image;
        if !(projects && high && images && feeds(last, &step)) {
            grouped.push(step);
            continue;
        }
        let Some(depthwise) = grouped.pop() else {
            unreachable!("it was just looked at")
        };
        let expands = grouped.last().is_some_and(|first| {
            let plain = matches!(
                first.work,
                Work::Conv2d {
                    residual: Residual::None,
                    ..
                }
            );
            plain && feeds(first, &depthwise) && floats(first) >= large * share
        });
        let mut stages = vec![depthwise, step];
        if expands {
            stages.splice(0..0, grouped.pop());
        }
        grouped.push(join(stages, threads));
    }
    Lowered {
        steps: grouped,
        ..lowered
    }
}

fn is_pointwise(window: &Window) -> bool {
    (window.kernel_height, window.kernel_width) == (1, 1)
        && (window.stride_height, window.stride_width) == (1, 1)
        && (window.in_height, window.in_width) == (window.out_height, window.out_width)
}

/// One step of several; it reads what the first reads, and the residual of the last.
fn join(mut stages: Vec<Step<Work>>, threads: usize) -> Step<Work> {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let name = names.join(" > ");
    let shapes: Vec<(Window, usize)> = stages
        .iter()
        .filter_map(|stage| match &stage.work {
            Work::Conv2d {
                window, filters, ..
            } => Some((*window, *filters)),
            Work::Depthwise {
                window, channels, ..
            } => Some((*window, *channels)),
            Work::Dense { .. } | Work::Layer(_) | Work::Bands { .. } => None,
        })
        .collect();
    let last = stages.len() - 1;
    let mut reads = std::mem::take(&mut stages[0].reads);
    let of_last = stages[last].reads.iter().copied();
    reads.extend(of_last.filter(|(role, _)| *role == Role::Other));
    Step {
        name,
        phase: stages[last].phase,
        reads,
        writes: std::mem::take(&mut stages[last].writes),
        work: Work::Bands {
            schedule: Schedule::new(&shapes, threads, BUDGET),
            stages: stages.into_iter().map(|stage| stage.work).collect(),
        },
    }
}

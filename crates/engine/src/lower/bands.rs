//! Groups convolutions that run band by band: what one makes is read by the next while it is still in
//! the cache, and never stored whole.
use super::{Draft, Drafts, Phase, Residual, ValueId, Work};
use crate::work::schedule::Schedule;
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
pub(crate) fn group(drafts: Drafts, share: usize, threads: usize) -> Drafts {
    let Drafts {
        steps,
        mut sizes,
        outputs,
    } = drafts;
    let mut readers = vec![0usize; sizes.len()];
    for value in steps.iter().flat_map(|step| &step.reads).chain(&outputs) {
        readers[value.0] += 1;
    }
    // Whether `second` alone reads what `first` makes, as its image.
    let feeds = |first: &Draft, second: &Draft| {
        first.write == second.reads[0] && readers[first.write.0] == 1
    };
    let mut grouped: Vec<Draft> = Vec::with_capacity(steps.len());
    for step in steps {
        let Some(last) = grouped.last() else {
            grouped.push(step);
            continue;
        };
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
            plain && feeds(first, &depthwise) && sizes[first.write.0] >= large * share
        });
        let mut stages = vec![depthwise, step];
        if expands {
            stages.splice(0..0, grouped.pop());
        }
        grouped.push(join(stages, threads, &mut sizes));
    }
    Drafts {
        steps: grouped,
        sizes,
        outputs,
    }
}

fn is_pointwise(window: &Window) -> bool {
    (window.kernel_height, window.kernel_width) == (1, 1)
        && (window.stride_height, window.stride_width) == (1, 1)
        && (window.in_height, window.in_width) == (window.out_height, window.out_width)
}

/// One step of several; it reads what the first reads, and the residual of the last.
fn join(stages: Vec<Draft>, threads: usize, sizes: &mut Vec<usize>) -> Draft {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let name = names.join(" > ");
    let mut reads: Vec<ValueId> = vec![stages[0].reads[0]];
    let last = &stages[stages.len() - 1];
    reads.extend(last.reads.get(1));
    let (phase, write) = (last.phase, last.write);
    let stages: Vec<Work> = stages.into_iter().map(|stage| stage.work).collect();
    let shapes: Vec<(Window, usize)> = stages
        .iter()
        .filter_map(|stage| match stage {
            Work::Conv2d {
                window, filters, ..
            } => Some((*window, *filters)),
            Work::Depthwise {
                window, channels, ..
            } => Some((*window, *channels)),
            _ => None,
        })
        .collect();
    let schedule = Schedule::new(&shapes, threads, BUDGET);
    let scratch = Some(ValueId(sizes.len()));
    sizes.push(schedule.scratch());
    let work = Work::Bands { stages, schedule };
    Draft {
        name,
        phase,
        work,
        reads,
        write,
        scratch,
    }
}

//! Convolutions in a row, run band by band: some rows of the first, what the second can make of
//! them, and so on, so that what is between them stays in the cache.
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::schedule::{Cut, Rows, Schedule};
use kernels::conv2d::PackedConv2d;
use kernels::depthwise::PackedDepthwise;
use std::ops::Range;

/// One of the convolutions.
#[derive(Debug)]
pub(crate) enum Stage {
    Conv2d(PackedConv2d),
    Depthwise {
        packed: PackedDepthwise,
        /// f32 of one input image.
        input: usize,
        /// f32 of one output image.
        output: usize,
    },
}

/// Convolutions in a row, run band by band.
#[derive(Debug)]
pub(crate) struct Bands {
    pub stages: Vec<Stage>,
    pub schedule: Schedule,
}

impl Operation for Bands {
    /// Each thread has rows of the output of its own, and makes all that they need: threads meet only
    /// at the end, at the price of some rows at their borders that both make.
    fn run(&self, mut run: Run<'_, '_>) {
        let pool = run.pool;
        let parts = pool.threads().min(self.schedule.cuts.len());
        let cut = &self.schedule.cuts[parts - 1];
        let (input, residual) = (run.read(Role::Input), run.find(Role::Other));
        let output = run.write(Role::Output);
        // One stage alone keeps nothing.
        let scratch = run.take(Role::Scratch).unwrap_or_default();
        pool.run_split(
            parts,
            (output, &cut.output_starts),
            (scratch, &cut.scratch_starts),
            |part, output, scratch| {
                let rows = cut.rows[part]..cut.rows[part + 1];
                self.run_part(cut, rows, input, residual, output, scratch);
            },
        );
    }

    fn weight_bytes(&self) -> usize {
        self.stages.iter().map(Stage::weight_bytes).sum()
    }
}

impl Bands {
    /// Computes the output's rows `rows` on the caller's thread; `output` holds just these.
    fn run_part(
        &self,
        cut: &Cut,
        rows: Range<usize>,
        input: &[f32],
        residual: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        let schedule = &self.schedule;
        let last = schedule.last();
        let mut have = Rows::default();
        for first in rows.clone().step_by(cut.band) {
            let band = first..(first + cut.band).min(rows.end);
            let needed = schedule.needed(band);
            for (stage, packed) in self.stages.iter().enumerate() {
                let row_floats = schedule.row_floats[stage];
                let wanted = needed[stage].clone();
                // Rows that the band before had made too are kept, not made again.
                let new = wanted.start.max(have[stage].end).min(wanted.end)..wanted.end;
                let (before, own) = scratch.split_at_mut(cut.buffers[stage]);
                let (source, first_row) = match stage {
                    0 => (input, 0),
                    _ => {
                        let rows = &needed[stage - 1];
                        let floats = rows.len() * schedule.row_floats[stage - 1];
                        (&before[cut.buffers[stage - 1]..][..floats], rows.start)
                    }
                };
                let result = if stage == last {
                    let start = (new.start - rows.start) * row_floats;
                    &mut output[start..][..new.len() * row_floats]
                } else {
                    keep(own, &have[stage], &wanted, row_floats);
                    let start = (new.start - wanted.start) * row_floats;
                    &mut own[start..][..new.len() * row_floats]
                };
                have[stage] = wanted;
                if new.is_empty() {
                    continue;
                }
                match packed {
                    Stage::Conv2d(packed) => {
                        let residual = residual.filter(|_| stage == last);
                        let residual = residual.map(|residual| {
                            &residual[new.start * row_floats..new.end * row_floats]
                        });
                        packed.run_rows(new, source, first_row, residual, result);
                    }
                    Stage::Depthwise { packed, .. } => {
                        packed.run_rows(new, source, first_row, result);
                    }
                }
            }
        }
    }
}

/// Moves the rows that are still wanted to the front.
fn keep(buffer: &mut [f32], have: &Range<usize>, wanted: &Range<usize>, row_floats: usize) {
    if wanted.start < have.end && wanted.start > have.start {
        let from = (wanted.start - have.start) * row_floats;
        let to = (have.end - have.start) * row_floats;
        buffer.copy_within(from..to, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Batch;
    use crate::work::schedule::MOST_STAGES;
    use kernels::{Activation, Isa, Window};
    use tensor::Pool;

    /// Repeatable random numbers.
    struct Random(u64);

    impl Random {
        fn within(&mut self, least: usize, most: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            least + (self.0 >> 33) as usize % (most - least + 1)
        }

        fn values(&mut self, count: usize) -> Vec<f32> {
            (0..count)
                .map(|_| self.within(0, 2000) as f32 / 1000.0 - 1.0)
                .collect()
        }
    }

    /// A random convolution or depthwise convolution on an image of this size.
    fn stage(random: &mut Random, [rows, columns, channels]: [usize; 3]) -> (Stage, usize) {
        let size = [
            random.within(1, rows.min(5)),
            random.within(1, columns.min(5)),
        ];
        let stride = [random.within(1, 3), random.within(1, 2)];
        let padding = [random.within(0, 3), random.within(0, 3)];
        let window = Window::new([rows, columns], size, stride, padding, [1, 0]);
        let (isa, taps) = (Isa::best(), size[0] * size[1]);
        if random.within(0, 1) == 0 {
            let filters = random.within(1, 20);
            let kernel = random.values(taps * channels * filters);
            let bias = random.values(filters);
            let activation = Activation::Relu6;
            let packed = PackedConv2d::new(
                isa,
                &window,
                channels,
                filters,
                &kernel,
                Some(&bias),
                activation,
            );
            (Stage::Conv2d(packed), filters)
        } else {
            let kernel = random.values(taps * channels);
            let packed =
                PackedDepthwise::new(isa, &window, channels, &kernel, None, Activation::Identity);
            let input = rows * columns * channels;
            let output = window.out_height * window.out_width * channels;
            (
                Stage::Depthwise {
                    packed,
                    input,
                    output,
                },
                channels,
            )
        }
    }

    fn window(stage: &Stage) -> Window {
        match stage {
            Stage::Conv2d(packed) => *packed.window(),
            Stage::Depthwise { packed, .. } => *packed.window(),
        }
    }

    fn run(
        operation: &dyn Operation,
        pool: &Pool,
        input: &[f32],
        residual: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        let mut reads = vec![(Role::Input, input)];
        reads.extend(residual.map(|residual| (Role::Other, residual)));
        operation.run(Run {
            pool,
            images: 1,
            batch: Batch::default(),
            reads: &reads,
            writes: &mut [(Role::Output, output), (Role::Scratch, scratch)],
        });
    }

    #[test]
    fn bands_give_what_whole_images_give() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let mut shape = [
                random.within(1, 17),
                random.within(1, 9),
                random.within(1, 12),
            ];
            let input = random.values(shape.iter().product());
            let (mut stages, mut shapes) = (Vec::new(), Vec::new());
            let mut wanted = input.clone();
            let count = random.within(1, MOST_STAGES);
            let serial = Pool::serial();
            let mut residual = None;
            for index in 0..count {
                let (stage, channels) = stage(&mut random, shape);
                let window = window(&stage);
                shape = [window.out_height, window.out_width, channels];
                let mut output = vec![0.0; shape.iter().product()];
                if index + 1 == count && matches!(stage, Stage::Conv2d(_)) {
                    residual = Some(random.values(output.len()));
                }
                run(
                    &stage,
                    &serial,
                    &wanted,
                    residual.as_deref(),
                    &mut output,
                    &mut [],
                );
                wanted = output;
                shapes.push((window, channels));
                stages.push(stage);
            }
            let budget = random.within(1, 2000);
            let schedule = Schedule::new(&shapes, 4, budget);
            let mut scratch = vec![f32::NAN; schedule.scratch()];
            let bands = Bands { stages, schedule };
            for threads in [1, 2, 3, 4, 6] {
                let pool = &Pool::new(threads);
                let mut output = vec![f32::NAN; wanted.len()];
                run(
                    &bands,
                    pool,
                    &input,
                    residual.as_deref(),
                    &mut output,
                    &mut scratch,
                );
                let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * b.abs().max(1.0);
                assert!(
                    output.iter().zip(&wanted).all(near),
                    "seed {seed}, {threads} threads"
                );
            }
        }
    }
}

//! The executor: runs the steps of a plan, image by image on each thread, or one image on all.
use crate::lower::Phase;
use crate::plan::{Place, Step};
use crate::{EngineError, Plan, StepTime, Workspace};
use std::ops::Range;
use std::time::{Duration, Instant};
use tensor::{AlignedBuffer, Pool, Tensor};

/// Most values that one step reads.
const MOST_READS: usize = 3;

/// Images that one lane works on, and where their results go.
struct Work<'a> {
    lane: &'a mut AlignedBuffer,
    input: &'a [f32],
    outputs: Vec<&'a mut [f32]>,
}

impl Plan {
    /// Runs as many images as `input` holds, one after the other in it, each of
    /// [`Plan::input_shape`]. `outputs` has a slice for each of [`Plan::outputs`], with room for all
    /// images.
    ///
    /// With as many images as threads each thread works on its own; fewer are run one by one on all
    /// threads. The results are the same whatever the threads.
    ///
    /// # Errors
    /// Lengths that do not agree.
    ///
    /// # Panics
    /// With a workspace of another plan.
    pub fn run(
        &self,
        pool: &Pool,
        workspace: &mut Workspace,
        input: &[f32],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), EngineError> {
        let images = self.images(input)?;
        let sizes: Vec<usize> = self.outputs().iter().map(|o| o.shape.elements()).collect();
        let wanted = || sizes.iter().map(|size| size * images);
        if !outputs.iter().map(|output| output.len()).eq(wanted()) {
            return Err(EngineError::Outputs {
                given: outputs.iter().map(|output| output.len()).collect(),
                wanted: wanted().collect(),
            });
        }
        let Workspace {
            lanes,
            lane_images,
            serial,
        } = workspace;
        let mut done = 0;
        while done < images {
            let left = images - done;
            // As many lanes as can have the same number of images.
            let used = if left >= lanes.len() {
                lanes.len().min(pool.threads())
            } else {
                1
            };
            let each = (left / used).min(*lane_images);
            let mut parts: Vec<Work<'_>> = Vec::with_capacity(used);
            for (index, lane) in lanes.iter_mut().take(used).enumerate() {
                let first = done + index * each;
                let input = &input[first * self.image..][..each * self.image];
                parts.push(Work {
                    lane,
                    input,
                    outputs: Vec::with_capacity(sizes.len()),
                });
            }
            for (output, &size) in outputs.iter_mut().zip(&sizes) {
                let pieces = output[done * size..].chunks_exact_mut(each * size);
                for (part, piece) in parts.iter_mut().zip(pieces) {
                    part.outputs.push(piece);
                }
            }
            if used == 1 {
                self.run_lane(pool, &mut parts[0], None);
            } else {
                pool.for_each(&mut parts, |_, part| self.run_lane(serial, part, None));
            }
            done += used * each;
        }
        Ok(())
    }

    /// Runs as [`Plan::run`] and gives each output as a tensor, `[N, ...]`.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn infer(
        &self,
        pool: &Pool,
        workspace: &mut Workspace,
        input: &[f32],
    ) -> Result<Vec<Tensor>, EngineError> {
        let images = self.images(input)?;
        let mut outputs: Vec<Tensor> = self
            .outputs()
            .iter()
            .map(|output| {
                let mut dimensions = vec![images];
                dimensions.extend_from_slice(output.shape.dimensions());
                Tensor::zeros(&dimensions[..])
            })
            .collect();
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Tensor::values_mut).collect();
        self.run(pool, workspace, input, &mut slices)?;
        Ok(outputs)
    }

    /// The time of each step for one image on all threads of the pool: medians over `rounds` runs.
    ///
    /// # Errors
    /// As [`Plan::run`]; the input must be one image.
    pub fn profile(
        &self,
        pool: &Pool,
        workspace: &mut Workspace,
        input: &[f32],
        rounds: usize,
    ) -> Result<Vec<StepTime>, EngineError> {
        if self.images(input)? != 1 {
            return Err(EngineError::Input {
                given: input.len(),
                image: self.image,
            });
        }
        let mut results: Vec<Vec<f32>> = self
            .outputs()
            .iter()
            .map(|output| vec![0.0; output.shape.elements()])
            .collect();
        let mut times: Vec<Vec<Duration>> = vec![Vec::new(); self.steps.len()];
        for _ in 0..rounds.max(1) {
            let outputs = results.iter_mut().map(Vec::as_mut_slice).collect();
            let mut work = Work {
                lane: &mut workspace.lanes[0],
                input,
                outputs,
            };
            self.run_lane(pool, &mut work, Some(&mut times));
        }
        let step_time = |(step, mut times): (&Step, Vec<Duration>)| {
            times.sort_unstable();
            StepTime {
                name: step.name.clone(),
                kind: step.kind,
                time: times[times.len() / 2],
                multiply_adds: step.multiply_adds,
            }
        };
        Ok(self.steps.iter().zip(times).map(step_time).collect())
    }

    /// How many images an input holds.
    fn images(&self, input: &[f32]) -> Result<usize, EngineError> {
        if input.len().is_multiple_of(self.image) {
            Ok(input.len() / self.image)
        } else {
            Err(EngineError::Input {
                given: input.len(),
                image: self.image,
            })
        }
    }

    /// Runs all steps for the images of one lane.
    fn run_lane(
        &self,
        pool: &Pool,
        work: &mut Work<'_>,
        mut times: Option<&mut Vec<Vec<Duration>>>,
    ) {
        let images = work.input.len() / self.image;
        for image in 0..images {
            let input = &work.input[image * self.image..][..self.image];
            let at = At {
                rows_base: self.image_floats,
                images,
                image: Some(image),
            };
            self.run_steps(pool, Phase::Image, at, work.lane, input, &mut times);
            for (place, output) in self.output_places.iter().zip(&mut work.outputs) {
                let size = output.len() / images;
                let output = &mut output[image * size..][..size];
                match place {
                    Place::Input => output.copy_from_slice(input),
                    Place::Image { .. } => output.copy_from_slice(&work.lane[at.range(*place)]),
                    Place::Rows { .. } => {}
                }
            }
        }
        let at = At {
            rows_base: self.image_floats,
            images,
            image: None,
        };
        self.run_steps(pool, Phase::Rows, at, work.lane, work.input, &mut times);
        for (place, output) in self.output_places.iter().zip(&mut work.outputs) {
            if let Place::Rows { .. } = place {
                output.copy_from_slice(&work.lane[at.range(*place)]);
            }
        }
    }

    fn run_steps(
        &self,
        pool: &Pool,
        phase: Phase,
        at: At,
        lane: &mut AlignedBuffer,
        input: &[f32],
        times: &mut Option<&mut Vec<Vec<Duration>>>,
    ) {
        for (index, step) in self
            .steps
            .iter()
            .enumerate()
            .filter(|(_, s)| s.phase == phase)
        {
            let start = times.is_some().then(Instant::now);
            run_step(pool, step, at, lane, input);
            if let (Some(start), Some(times)) = (start, times.as_deref_mut()) {
                times[index].push(start.elapsed());
            }
        }
    }
}

/// Which images a step works on.
#[derive(Clone, Copy)]
struct At {
    /// The f32 of a lane that the rows begin with.
    rows_base: usize,
    /// Images of the lane.
    images: usize,
    /// The image at work; none for all rows at once.
    image: Option<usize>,
}

impl At {
    /// Where a value lies in a lane; empty for the input, which is elsewhere.
    fn range(&self, place: Place) -> Range<usize> {
        match place {
            Place::Input => 0..0,
            Place::Image { start, size } => start..start + size,
            Place::Rows { start, size } => {
                let start = self.rows_base + start * self.images;
                match self.image {
                    Some(image) => start + image * size..start + (image + 1) * size,
                    None => start..start + self.images * size,
                }
            }
        }
    }
}

fn run_step(pool: &Pool, step: &Step, at: At, lane: &mut [f32], input: &[f32]) {
    let count = step.reads.len();
    debug_assert!(count <= MOST_READS);
    // Each value once: a sum of a value with itself reads it twice.
    let mut ranges: [Range<usize>; MOST_READS + 2] = Default::default();
    let mut first_same = [0; MOST_READS];
    for (index, place) in step.reads.iter().enumerate() {
        let range = at.range(*place);
        let same = ranges[..index].iter().position(|earlier| *earlier == range);
        first_same[index] = same.unwrap_or(index);
        if same.is_none() {
            ranges[index] = range;
        }
    }
    ranges[MOST_READS] = at.range(step.write);
    ranges[MOST_READS + 1] = step.scratch.map_or(0..0, |scratch| at.range(scratch));
    let [a, b, c, write, scratch] = lane
        .get_disjoint_mut(ranges)
        .expect("values that live together have places of their own");
    let stored: [&[f32]; MOST_READS] = [a, b, c];
    let mut reads: [&[f32]; MOST_READS] = [&[]; MOST_READS];
    for (index, place) in step.reads.iter().enumerate() {
        reads[index] = match place {
            Place::Input => input,
            _ => stored[first_same[index]],
        };
    }
    let run = crate::operation::Run {
        pool,
        reads: &reads[..count],
        write,
        scratch,
    };
    step.operation.run(run);
}

//! Runs an inference: image by image on each thread, or one image on all.
use crate::execute::{At, Place, Times, medians, run_steps};
use crate::operation::Batch;
use crate::work::{Phase, Size};
use crate::{EngineError, Plan, StepTime, Workspace};
use tensor::{AlignedBuffer, Pool, Tensor};

/// Most values of one step: two that it reads, the one that it writes, and memory to work in.
const MOST_VALUES: usize = 4;

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
        let mut times: Times = vec![Vec::new(); self.steps.len()];
        for _ in 0..rounds.max(1) {
            let outputs = results.iter_mut().map(Vec::as_mut_slice).collect();
            let mut work = Work {
                lane: &mut workspace.lanes[0],
                input,
                outputs,
            };
            self.run_lane(pool, &mut work, Some(&mut times));
        }
        Ok(medians(&self.steps, times))
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
    fn run_lane(&self, pool: &Pool, work: &mut Work<'_>, mut times: Option<&mut Times>) {
        let images = work.input.len() / self.image;
        let steps = run_steps::<MOST_VALUES>;
        let batch = Batch::default();
        for image in 0..images {
            let input = &work.input[image * self.image..][..self.image];
            let at = At {
                images,
                image: Some(image),
            };
            let (phase, memory) = (Phase::Image, &mut *work.lane);
            steps(
                &self.steps,
                phase,
                at,
                pool,
                batch,
                memory,
                input,
                &mut times,
            );
            for (place, output) in self.output_places.iter().zip(&mut work.outputs) {
                let size = output.len() / images;
                let output = &mut output[image * size..][..size];
                match place {
                    Place::Input => output.copy_from_slice(input),
                    Place::Memory {
                        size: Size::Fixed(_),
                        ..
                    } => output.copy_from_slice(&work.lane[place.range(at)]),
                    // Copied for all images at once, below.
                    Place::Memory {
                        size: Size::Each(_),
                        ..
                    } => {}
                }
            }
        }
        let at = At {
            images,
            image: None,
        };
        let (phase, memory) = (Phase::Batch, &mut *work.lane);
        steps(
            &self.steps,
            phase,
            at,
            pool,
            batch,
            memory,
            work.input,
            &mut times,
        );
        for (place, output) in self.output_places.iter().zip(&mut work.outputs) {
            if let Place::Memory {
                size: Size::Each(_),
                ..
            } = place
            {
                output.copy_from_slice(&work.lane[place.range(at)]);
            }
        }
    }
}

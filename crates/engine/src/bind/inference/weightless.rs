//! Steps without weights, on the fast kernels or on the readable ones.
use crate::lower::Work;
use crate::operation::{Operation, Run};
use kernels::{Activation, Isa, Window, elementwise, pooling, rearrange, softmax};
use tensor::{Pool, Shape};

/// A step without weights.
#[derive(Debug)]
pub(super) struct Weightless {
    /// The instructions of the fast kernels; none for the readable ones.
    pub isa: Option<Isa>,
    pub work: Work,
}

impl Operation for Weightless {
    fn run(&self, run: Run<'_, '_>) {
        let Run {
            pool,
            reads,
            write: output,
            ..
        } = run;
        let input = reads[0];
        // Copies have one form.
        match &self.work {
            Work::Concat {
                channels,
                all_channels,
                first,
            } => {
                rearrange::reference::concat_one(*channels, *all_channels, *first, input, output);
            }
            Work::ZeroPad { from, to, place } => {
                let (from, to, channels) = (size(from), size(to), from.channels());
                rearrange::reference::zero_pad(from, to, *place, channels, input, output);
            }
            Work::Crop { from, to, place } => {
                let (from, to, channels) = (size(from), size(to), from.channels());
                rearrange::reference::crop(from, to, *place, channels, input, output);
            }
            work => match self.isa {
                Some(isa) => fast(isa, pool, work, reads, output),
                None => readable(work, reads, output),
            },
        }
    }
}

fn size(shape: &Shape) -> [usize; 2] {
    [shape.dimensions()[0], shape.dimensions()[1]]
}

fn fast(isa: Isa, pool: &Pool, work: &Work, reads: &[&[f32]], output: &mut [f32]) {
    let input = reads[0];
    match work {
        Work::Activation(activation) => {
            elementwise::activation(isa, pool, *activation, input, output);
        }
        Work::Softmax { channels } => softmax::softmax(isa, input, *channels, output),
        Work::Affine { scale, offset } => {
            elementwise::affine(isa, pool, input, *scale, *offset, output);
        }
        Work::Add(activation) => {
            elementwise::add(isa, pool, input, second(reads), *activation, output);
        }
        Work::Multiply => elementwise::multiply(isa, pool, input, second(reads), output),
        Work::MultiplyChannels => {
            elementwise::multiply_channels(isa, pool, input, second(reads), output);
        }
        Work::MaxPool { window, channels } => {
            pooling::max_pool(isa, pool, window, *channels, input, output);
        }
        Work::AveragePool { window, channels } => {
            pooling::average_pool(isa, pool, window, *channels, input, output);
        }
        Work::GlobalAverage => pooling::global_average_pool(isa, pool, input, output),
        other => unreachable!("{} has weights or is a copy", other.kind()),
    }
}

fn readable(work: &Work, reads: &[&[f32]], output: &mut [f32]) {
    let input = reads[0];
    let max = |window: &Window, channels, output: &mut [f32]| {
        pooling::reference::max(window, channels, input, output);
    };
    match work {
        Work::Activation(activation) => {
            elementwise::reference::activation(*activation, input, output);
        }
        Work::Softmax { channels } => softmax::reference::forward(*channels, input, output),
        Work::Affine { scale, offset } => {
            elementwise::reference::affine(*scale, *offset, input, output);
        }
        Work::Add(activation) => {
            elementwise::reference::add(input, second(reads), output);
            if *activation != Activation::Identity {
                for value in output.iter_mut() {
                    *value = elementwise::reference::activate(*activation, *value);
                }
            }
        }
        Work::Multiply | Work::MultiplyChannels => {
            elementwise::reference::multiply(input, second(reads), output);
        }
        Work::MaxPool { window, channels } => max(window, *channels, output),
        Work::AveragePool { window, channels } => {
            pooling::reference::average(window, *channels, input, output);
        }
        Work::GlobalAverage => {
            let pixels = input.len() / output.len();
            pooling::reference::global_average(pixels, input, output);
        }
        other => unreachable!("{} has weights or is a copy", other.kind()),
    }
}

fn second<'a>(reads: &[&'a [f32]]) -> &'a [f32] {
    reads[1]
}

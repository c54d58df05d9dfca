//! `museau bench infer`: the time of a network on this machine, and of each of its steps.
use super::timed::{self, Timed};
use crate::context::Context;
use crate::data_set::unreadable;
use crate::failure::{Failure, Status};
use crate::model;
use crate::options::Output;
use crate::outputs::{Kind, begin, finish};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use classify::OpenError;
use engine::{Kernels, Plan, PlanOptions};
use graph::Graph;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tensor::{NamedTensors, Pool, Tensor, memory};

/// Runs before those that count: they fill the caches and wake the threads.
const WARM_UP: usize = 5;

/// Options of `museau bench infer`.
#[derive(Debug, Args)]
#[command(after_help = crate::model::backbones())]
pub struct InferArguments {
    /// A backbone (listed below), with random weights [default: the embedded model]
    #[arg(long, value_name = "NAME")]
    pub backbone: Option<String>,
    /// Weights for the backbone, in museau's own names (.safetensors)
    #[arg(long, value_name = "FILE", requires = "backbone")]
    pub weights: Option<PathBuf>,
    /// A model instead: file, run folder, listed name, or `default`
    #[arg(long, value_name = "FILE", conflicts_with = "backbone")]
    pub model: Option<PathBuf>,
    /// Photos per run, from 1 to 1024
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    /// Measured runs (after warm-up)
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// The photos' pixels as the network wants them, NHWC f32, instead of random ones
    #[arg(long, value_name = "FILE")]
    pub pixels: Option<PathBuf>,
    /// Where to write the outputs, f32
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Time each step as well
    #[arg(long)]
    pub profile: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// What `--output json` prints.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    timed: Timed,
    weight_bytes: usize,
    workspace_bytes: usize,
    steps: Vec<StepReport>,
}

/// One step of `--profile`, for one image.
#[derive(Serialize)]
struct StepReport {
    name: String,
    kind: &'static str,
    milliseconds: f64,
    multiply_adds: usize,
}

/// Times a network.
pub fn run(context: &Context, arguments: &InferArguments) -> Result<()> {
    let (network, graph, weights) = network(context, arguments)?;
    let batch = usize::from(arguments.batch);
    let options = PlanOptions {
        kernels: Kernels::Fast(context.isa),
        batch,
        threads: context.threads,
        memory_limit: memory::free(),
        ..PlanOptions::default()
    };
    let plan = Plan::for_inference(&graph, &weights, &options).map_err(|error| {
        let error = OpenError::Engine(error);
        Failure::error(Status::Failed, context.say(error))
    })?;
    drop(weights);
    let pool = Pool::new(context.threads);
    let mut workspace = plan.workspace();
    let pixels = plan.input_shape().elements() * batch;
    let input = match &arguments.pixels {
        Some(path) => read_floats(context, path)?,
        None => timed::pixels(pixels),
    };
    ensure!(
        input.len() == pixels,
        "{pixels} values are wanted for {batch} images, {} were given",
        input.len()
    );
    let logits = plan.infer(&pool, &mut workspace, &input)?;
    if let Some(path) = &arguments.results {
        let bytes: Vec<u8> = logits
            .iter()
            .flat_map(|tensor| tensor.values().into_owned())
            .flat_map(f32::to_le_bytes)
            .collect();
        finish(context, begin(context, path, Kind::Numbers)?, &bytes)?;
    }
    let mut outputs = logits;
    let mut milliseconds = Vec::with_capacity(arguments.runs as usize);
    for run in 0..WARM_UP + arguments.runs as usize {
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Tensor::values_mut).collect();
        let start = Instant::now();
        plan.run(&pool, &mut workspace, &input, &mut slices)?;
        if run >= WARM_UP {
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    milliseconds.sort_by(f64::total_cmp);
    let mut steps = Vec::new();
    if arguments.profile {
        let image = &input[..plan.input_shape().elements()];
        for step in plan.profile(&pool, &mut workspace, image, arguments.runs as usize)? {
            steps.push(StepReport {
                name: step.name,
                kind: step.kind,
                milliseconds: step.time.as_secs_f64() * 1e3,
                multiply_adds: step.multiply_adds,
            });
        }
    }
    let report = Report {
        timed: Timed {
            network,
            batch,
            threads: context.threads,
            instructions: context.isa.name(),
            milliseconds,
        },
        weight_bytes: plan.memory().weights,
        workspace_bytes: plan.memory().workspace,
        steps,
    };
    timed::print(arguments.output, &report, print)
}

fn print(out: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    writeln!(out, "{}", report.timed.line("runs", 3))?;
    writeln!(
        out,
        "memory: {:.1} MB of weights, {:.1} MB to work in",
        report.weight_bytes as f64 / 1e6,
        report.workspace_bytes as f64 / 1e6
    )?;
    for step in &report.steps {
        let speed = 2.0 * step.multiply_adds as f64 / step.milliseconds.max(1e-9) / 1e6;
        writeln!(
            out,
            "{:9.4} ms {:7.1} GFLOP/s  {:14} {}",
            step.milliseconds, speed, step.kind, step.name
        )?;
    }
    Ok(())
}

/// The network that was asked for, its name and its weights.
fn network(context: &Context, arguments: &InferArguments) -> Result<(String, Graph, NamedTensors)> {
    let backbone = match &arguments.backbone {
        Some(name) => model::backbone(context, name, &[])?,
        None => {
            let package = model::read(context, arguments.model.as_deref())?;
            return Ok((package.about.name, package.graph, package.weights));
        }
    };
    let size = backbone.default_size;
    let graph = backbone.build(size, size, zoo::Head::Classes(1000))?;
    let weights = match &arguments.weights {
        Some(path) => {
            let bytes = tensor::read_named(path).map_err(unreadable(context, path))?;
            formats::read(&bytes)
                .with_context(|| path.display().to_string())?
                .tensors
        }
        None => made_up(&graph),
    };
    Ok((backbone.name.to_owned(), graph, weights))
}

/// Weights that keep the values of a network near 1, so that no arithmetic is unusually slow.
fn made_up(graph: &Graph) -> NamedTensors {
    let mut all = NamedTensors::new();
    for spec in graph.parameters() {
        let fan_in = (spec.shape.elements() / spec.shape.channels()).max(1) as f32;
        let mut tensor = Tensor::zeros(spec.shape);
        for (index, value) in tensor.values_mut().iter_mut().enumerate() {
            // -1 to 1, in an order without a short period.
            let spread = (index * 40503 % 65536) as f32 / 32768.0 - 1.0;
            *value = match spec.name.rsplit('/').next() {
                Some("kernel") => spread * (6.0 / fan_in).sqrt(),
                Some("gamma" | "moving_variance") => 1.0 + spread / 2.0,
                _ => spread / 4.0,
            };
        }
        all.insert(spec.name, tensor);
    }
    all
}

/// A file of little-endian f32.
fn read_floats(context: &Context, path: &Path) -> Result<Vec<f32>> {
    let bytes = tensor::read_named(path).map_err(unreadable(context, path))?;
    let (values, rest) = bytes.as_chunks::<4>();
    ensure!(
        rest.is_empty(),
        "{}: no whole number of 4-byte values",
        path.display()
    );
    Ok(values
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect())
}

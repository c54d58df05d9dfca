//! `museau bench train`: the time of a training step on this machine, of each of its parts, and what
//! memory it takes.
use super::networks::NETWORKS;
use super::timed::{self, Timed};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use crate::options::Output;
use anyhow::Result;
use clap::Args;
use engine::{Plan, StepOptions, Targets, TrainingMemory, TrainingOptions};
use graph::Graph;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::time::Instant;
use tensor::{Pool, memory};
use train::{Descent, OptimizerOptions, TrainError};

/// Options of `museau bench train`.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// `lenet`, a backbone, or a small network for this benchmark alone: `nasnet-cells`, `se-blocks`
    #[arg(long, value_name = "NAME", default_value = "lenet")]
    pub backbone: String,
    /// Photos per step, from 1 to 1024
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    /// Classes
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u16).range(2..))]
    pub classes: u16,
    /// Height and width of the photos, from 8 to 1024 [default: the backbone's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=1024))]
    pub size: Option<u16>,
    /// Measured steps (after warm-up)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Time each part of a step as well
    #[arg(long)]
    pub profile: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Steps before those that count.
const WARM_UP: usize = 3;

/// What `--output json` prints.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    timed: Timed,
    /// Of the last step.
    loss: f32,
    parameter_bytes: usize,
    gradient_bytes: usize,
    working_bytes: usize,
    optimizer_bytes: usize,
    /// The most that the process ever held; null where the system does not tell.
    peak_megabytes: Option<f64>,
    /// Pages that were touched for the first time, a step; null where the system does not tell.
    page_faults: Option<f64>,
    steps: Vec<StepReport>,
}

/// One part of a step, by `--profile`.
#[derive(Serialize)]
struct StepReport {
    name: String,
    kind: &'static str,
    milliseconds: f64,
}

/// Times training steps.
pub fn run(context: &Context, arguments: &TrainArguments) -> Result<()> {
    let graph = network(context, arguments)?;
    let batch = usize::from(arguments.batch);
    let options = TrainingOptions {
        isa: context.isa,
        batch,
        threads: context.threads,
        ..TrainingOptions::default()
    };
    let plan = Plan::for_training(&graph, &options)?;
    let optimizer = OptimizerOptions::default();
    let kept = plan.memory().gradients.saturating_mul(optimizer.copies()?);
    refuse_above(memory::free(), plan.memory(), kept)
        .map_err(|error| Failure::error(Status::Failed, context.say(error)))?;
    let mut state = plan.state(&graph, &train::initial_parameters(&graph, 1))?;
    let mut descent = Descent::new(&optimizer, &state)?;
    let pool = Pool::new(context.threads);
    let pixels = timed::pixels(plan.input_shape().elements() * batch);
    let classes: Vec<u32> = (0..batch as u32)
        .map(|image| image % u32::from(arguments.classes))
        .collect();
    let mut milliseconds = Vec::with_capacity(arguments.runs as usize);
    let mut loss = 0.0;
    let mut faults = None;
    for run in 0..WARM_UP + arguments.runs as usize {
        if run == WARM_UP {
            faults = page_faults();
        }
        let start = Instant::now();
        let options = StepOptions {
            seed: 1,
            step: run as u32,
            scale: 1.0,
            accumulate: false,
        };
        let targets = Targets::Classes(&classes);
        let result = plan.step(&pool, &mut state, &pixels, targets, options)?;
        descent.apply(&mut state, descent.rate());
        if run >= WARM_UP {
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        }
        loss = result.loss;
    }
    let faults = faults
        .zip(page_faults())
        .map(|(before, after)| (after - before) as f64 / f64::from(arguments.runs));
    let peak_megabytes = peak_megabytes();
    milliseconds.sort_by(f64::total_cmp);
    let mut steps = Vec::new();
    if arguments.profile {
        let targets = Targets::Classes(&classes);
        let runs = arguments.runs as usize;
        for step in plan.profile(&pool, &mut state, &pixels, targets, runs)? {
            steps.push(StepReport {
                name: step.name,
                kind: step.kind,
                milliseconds: step.time.as_secs_f64() * 1e3,
            });
        }
    }
    let memory = plan.memory();
    let report = Report {
        timed: Timed {
            network: arguments.backbone.clone(),
            batch,
            threads: context.threads,
            instructions: context.isa.name(),
            milliseconds,
        },
        loss,
        parameter_bytes: memory.parameters,
        gradient_bytes: memory.gradients,
        working_bytes: memory.working,
        optimizer_bytes: descent.bytes(),
        peak_megabytes,
        page_faults: faults,
        steps,
    };
    timed::print(arguments.output, &report, print)
}

fn print(out: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    writeln!(out, "{}", report.timed.line("steps", 2))?;
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    writeln!(
        out,
        "memory: {:.1} MB of parameters, {:.1} MB of gradients, {:.1} MB of the optimiser, {:.1} MB to \
         work in",
        megabytes(report.parameter_bytes),
        megabytes(report.gradient_bytes),
        megabytes(report.optimizer_bytes),
        megabytes(report.working_bytes),
    )?;
    if let (Some(peak), Some(faults)) = (report.peak_megabytes, report.page_faults) {
        writeln!(
            out,
            "at most {peak:.1} MB held, {faults:.1} page faults a step"
        )?;
    }
    for step in &report.steps {
        writeln!(
            out,
            "{:9.3} ms  {:16} {}",
            step.milliseconds, step.kind, step.name
        )?;
    }
    Ok(())
}

/// Refuses a step that needs more bytes than are free, before any of them is taken; the optimiser keeps
/// `kept`.
fn refuse_above(
    limit: Option<usize>,
    memory: TrainingMemory,
    kept: usize,
) -> Result<(), TrainError> {
    let needed = memory.total().saturating_add(kept);
    match limit {
        Some(limit) if needed > limit => Err(TrainError::Memory {
            needed,
            parameters: needed - memory.working,
            working: memory.working,
            limit,
        }),
        _ => Ok(()),
    }
}

fn network(context: &Context, arguments: &TrainArguments) -> Result<Graph> {
    let head = zoo::Head::Classes(usize::from(arguments.classes));
    let size = arguments.size.map(usize::from);
    if arguments.backbone == "lenet" {
        let mut lenet = zoo::LeNet::default();
        lenet.size = size.unwrap_or(lenet.size);
        return Ok(lenet.build(head)?);
    }
    if let Some(network) = NETWORKS
        .iter()
        .find(|network| network.name == arguments.backbone)
    {
        let size = size.unwrap_or(network.size);
        return Ok((network.build)(size, usize::from(arguments.classes))?);
    }
    let others = ["lenet"]
        .into_iter()
        .chain(NETWORKS.iter().map(|network| network.name));
    let others: Vec<&str> = others.collect();
    let backbone = model::backbone(context, &arguments.backbone, &others)?;
    let size = size.unwrap_or(backbone.default_size);
    Ok(backbone.build(size, size, head)?)
}

/// Linux's count of this process's page faults.
fn page_faults() -> Option<u64> {
    let stat = tensor::read_text(Path::new("/proc/self/stat")).ok()?;
    // After the name in brackets: state is field 0, minor faults 7, major ones 9.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let [minor, major] = [fields.get(7)?, fields.get(9)?];
    Some(minor.parse::<u64>().ok()? + major.parse::<u64>().ok()?)
}

/// Linux's high-water mark of this process's memory.
fn peak_megabytes() -> Option<f64> {
    let status = tensor::read_text(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use words::Say;

    #[test]
    fn a_step_that_does_not_fit_is_refused_with_the_numbers() {
        let memory = TrainingMemory {
            parameters: 5_000_000,
            gradients: 4_000_000,
            working: 30_000_000,
        };
        let with = |limit| refuse_above(limit, memory, 8_000_000);
        assert!(with(None).is_ok() && with(Some(47_000_000)).is_ok());
        let error = with(Some(46_999_999)).unwrap_err();
        let said = error.say(words::Language::English).text;
        for number in ["47", "17", "30"] {
            assert!(said.contains(number), "{said}");
        }
    }
}

//! `museau models compare-cost`: what backbones take, told before anything is built.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use crate::table::{Cell, Table};
use crate::terminal::{self, stdout};
use anyhow::Result;
use clap::Args;
use engine::{EngineError, Kernels, Plan, PlanOptions, TrainingOptions};
use package::network_reason;
use serde::Serialize;
use std::io::Write;
use train::OptimizerOptions;
use words::{Language, ModelMessage};
use zoo::{Backbone, Head};

/// Options of `museau models compare-cost`.
#[derive(Debug, Args)]
pub struct CostArguments {
    /// Backbones, by their names in the zoo [default: all]
    #[arg(value_name = "BACKBONE")]
    backbones: Vec<String>,
    /// Height and width of the input, from 1 to 8192 [default: the backbone's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=8192))]
    size: Option<u16>,
    /// Images at a time, from 1 to 4096
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    batch: u16,
    /// Classes of the classifier
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(2..))]
    classes: u16,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// What a backbone takes.
#[derive(Serialize)]
struct Cost {
    backbone: &'static str,
    size: usize,
    batch: usize,
    classes: usize,
    parameters: u64,
    trainable: u64,
    /// Of one image.
    multiply_adds: u64,
    f32_bytes: u64,
    f16_bytes: u64,
    /// Packed weights, and what a run of the batch works in.
    inference_bytes: u64,
    /// Parameters, gradients, what the optimiser keeps, and what a step works in.
    training_bytes: u64,
}

/// Runs `museau models compare-cost`.
pub fn run(context: &Context, arguments: &CostArguments) -> Result<()> {
    let named: Result<Vec<&Backbone>> = (arguments.backbones.iter())
        .map(|name| model::backbone(context, name, &[]))
        .collect();
    let backbones = match named? {
        none if none.is_empty() => zoo::all().iter().collect(),
        named => named,
    };
    let (mut costs, mut failed) = (Vec::new(), false);
    for backbone in backbones {
        match cost(context, arguments, backbone) {
            Ok(cost) => costs.push(cost),
            Err(reason) => {
                failed = true;
                let (name, size) = (backbone.name, &size(arguments, backbone).to_string());
                let reason = &reason;
                eprintln!(
                    "museau: {}",
                    context.say(ModelMessage::CostRefused { name, size, reason })
                );
            }
        }
    }
    if arguments.json {
        let mut out = stdout();
        for cost in &costs {
            writeln!(out, "{}", serde_json::to_string(cost)?)?;
        }
    } else if !costs.is_empty() {
        print(context, arguments, &costs)?;
    }
    match failed {
        true => Err(Failure::silent(Status::Usage)),
        false => Ok(()),
    }
}

fn size(arguments: &CostArguments, backbone: &Backbone) -> usize {
    arguments.size.map_or(backbone.default_size, usize::from)
}

/// What a backbone takes, or why it cannot be had at this size.
fn cost(
    context: &Context,
    arguments: &CostArguments,
    backbone: &'static Backbone,
) -> Result<Cost, String> {
    let size = size(arguments, backbone);
    let language = context.language;
    if size < backbone.minimum_size {
        let least = &backbone.minimum_size.to_string();
        return Err(ModelMessage::CostTooSmall { least }.text(language));
    }
    let (batch, classes) = (usize::from(arguments.batch), usize::from(arguments.classes));
    let graph = backbone
        .build(size, size, Head::Classes(classes))
        .map_err(|error| network_reason(&error, language))?;
    let said = |error: EngineError| error.to_string();
    let inference = PlanOptions {
        kernels: Kernels::Fast(context.isa),
        batch,
        threads: context.threads,
        ..PlanOptions::default()
    };
    let inference = Plan::memory_for_inference(&graph, &inference).map_err(said)?;
    let training = TrainingOptions {
        isa: context.isa,
        batch,
        threads: context.threads,
        ..TrainingOptions::default()
    };
    let training = Plan::for_training(&graph, &training)
        .map_err(said)?
        .memory();
    let kept = OptimizerOptions::default().copies();
    let kept = kept.expect("the default optimiser is known");
    let costs = graph.costs();
    let training = training
        .total()
        .saturating_add(training.gradients.saturating_mul(kept));
    Ok(Cost {
        backbone: backbone.name,
        size,
        batch,
        classes,
        parameters: costs.parameters,
        trainable: costs.trainable,
        multiply_adds: costs.multiply_adds,
        f32_bytes: 4 * costs.parameters,
        f16_bytes: 2 * costs.parameters,
        inference_bytes: inference.weights.saturating_add(inference.workspace) as u64,
        training_bytes: training as u64,
    })
}

fn print(context: &Context, arguments: &CostArguments, costs: &[Cost]) -> Result<()> {
    let headings = [
        ModelMessage::CostBackbone,
        ModelMessage::ModelsInput,
        ModelMessage::CostParameters,
        ModelMessage::CostMultiplyAdds,
        ModelMessage::CostF32,
        ModelMessage::CostF16,
        ModelMessage::CostInference,
        ModelMessage::CostTraining,
    ];
    let language = context.language;
    let mut table = Table::new(headings.map(|heading| context.say(heading)).to_vec());
    table
        .rows
        .extend(costs.iter().map(|cost| row(language, cost)));
    table.write(&mut terminal::styled(), 0, terminal::width())?;
    if !context.quiet {
        let (batch, classes) = (&arguments.batch.to_string(), &arguments.classes.to_string());
        let (threads, optimizer) = (
            &context.threads.to_string(),
            &OptimizerOptions::default().name,
        );
        let note = ModelMessage::CostNote {
            batch,
            classes,
            threads,
            optimizer,
        };
        eprintln!("{}", context.say(note));
    }
    Ok(())
}

fn row(language: Language, cost: &Cost) -> Vec<Cell> {
    let millions = |count: u64| words::number(language, count as f64 / 1e6, 1) + " M";
    let bytes = |bytes: u64| Cell::number(words::bytes(language, bytes));
    vec![
        Cell::text(cost.backbone),
        Cell::number(format!("{0} x {0}", cost.size)),
        Cell::number(millions(cost.parameters)),
        Cell::number(millions(cost.multiply_adds)),
        bytes(cost.f32_bytes),
        bytes(cost.f16_bytes),
        bytes(cost.inference_bytes),
        bytes(cost.training_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(size: Option<u16>, batch: u16) -> CostArguments {
        CostArguments {
            backbones: Vec::new(),
            size,
            batch,
            classes: 1000,
            json: false,
        }
    }

    /// Every backbone of the registry: what a plan that is made really takes, and more for more.
    #[test]
    fn costs_are_those_of_the_plans_and_grow() {
        for backbone in zoo::all() {
            let least = backbone.minimum_size as u16;
            let of = |size, batch| {
                cost(
                    &Context::of_tests(2),
                    &arguments(Some(size), batch),
                    backbone,
                )
            };
            let [one, eight] = [1, 8].map(|batch| of(least + 32, batch).unwrap());
            assert!(
                one.training_bytes < eight.training_bytes,
                "{}",
                backbone.name
            );
            assert!(one.inference_bytes <= eight.inference_bytes);
            assert!(one.inference_bytes < one.training_bytes);
            // Values, gradients, and the two of Adam.
            let trained = 3 * 4 * one.trainable;
            assert!(
                one.training_bytes > one.f32_bytes + trained,
                "{}",
                backbone.name
            );
            assert_eq!(one.f32_bytes, 2 * one.f16_bytes);
            let larger = of(least + 64, 1).unwrap();
            assert!(
                one.multiply_adds < larger.multiply_adds,
                "{}",
                backbone.name
            );
            let refused = of(least - 1, 1).err().unwrap();
            assert!(refused.contains(&least.to_string()), "{refused}");
        }
    }

    #[test]
    fn the_published_figures_stand_there() {
        for (name, parameters, multiply_adds) in [
            ("efficientnet_v2l", 119_027_848, 56_079_699_008),
            ("nasnet_large", 88_949_818, 23_783_414_658),
        ] {
            let backbone = zoo::find(name).unwrap();
            let cost = cost(&Context::of_tests(2), &arguments(None, 1), backbone).unwrap();
            assert_eq!(
                (cost.parameters, cost.multiply_adds),
                (parameters, multiply_adds)
            );
            assert_eq!(cost.size, backbone.default_size);
        }
    }
}

//! What can be typed: the verbs. The options of each, and what it does, are in its own file.
use crate::options::CommonArguments;
use crate::verbs::bench::BenchVerb;
use crate::verbs::classify::ClassifyArguments;
use crate::verbs::compare::CompareArguments;
use crate::verbs::data::DataVerb;
use crate::verbs::evaluate::EvaluateArguments;
use crate::verbs::export::ExportArguments;
use crate::verbs::features::FeaturesArguments;
use crate::verbs::models::ModelsVerb;
use crate::verbs::preprocess::PreprocessVerb;
use crate::verbs::runs::RunsVerb;
use crate::verbs::search::SearchArguments;
use crate::verbs::serve::{DemoArguments, ServeArguments};
use crate::verbs::train::TrainingArguments;
use crate::verbs::weights::WeightsVerb;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Identifies the dog breeds in a photo. Without a command it serves the page on
/// http://127.0.0.1:8000.
#[derive(Debug, Parser)]
#[command(name = "museau", version, about, long_about = None)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Options of `serve`, which is what museau does without a verb.
    #[command(flatten)]
    pub serve: ServeArguments,
    /// Options of every verb.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Identify the breeds in photos
    Classify(ClassifyArguments),
    /// Serve the association's page and the API
    Serve(ServeArguments),
    /// Serve the test page: guess the breed of a random photo, then see the model's answer
    Demo(DemoArguments),
    /// List, show, verify and make models
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Write a model for other programs: ONNX, Keras, safetensors
    Export(ExportArguments),
    /// Fetch, import and list the weights of known networks
    #[command(subcommand)]
    Weights(WeightsVerb),
    /// Fetch, import, check, review, split, explore and preview data sets
    #[command(subcommand)]
    Data(DataVerb),
    /// Evaluate a model on a data set: accuracy with intervals, confusions, mistakes, calibration
    Evaluate(Box<EvaluateArguments>),
    /// Run the classic steps (CLAHE, bilateral, ...) on photos, and see what they do
    #[command(subcommand)]
    Preprocess(PreprocessVerb),
    /// Train networks from scratch, from a TOML recipe
    Train(Box<TrainingArguments>),
    /// Teach a trained network other classes: a new head on its features, or more of it
    Finetune(Box<TrainingArguments>),
    /// Write what a network makes of each photo, as a table for other programs
    Features(FeaturesArguments),
    /// Search hyper-parameters: train many variants of a recipe and find the best
    Search(Box<SearchArguments>),
    /// List, show, compare, remove and export recorded runs
    #[command(subcommand)]
    Runs(RunsVerb),
    /// Test whether one group of models is better than another (paired by seed)
    Compare(CompareArguments),
    /// Measure the speed of museau's own engine
    #[command(subcommand)]
    Bench(BenchVerb),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), or write one page per command into a folder
    Man {
        /// The folder
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
}

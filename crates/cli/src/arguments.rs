//! What can be typed: the verbs and their options. Meaning is given in each verb's own file.
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Tells which dog breeds a photo shows. Without a verb it serves the page on
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

/// Options of every verb.
#[derive(Debug, Args)]
pub struct CommonArguments {
    /// The language of messages: fr or en [default: the system's]
    #[arg(long, global = true, value_name = "LANGUAGE", env = "MUSEAU_LANG")]
    pub lang: Option<String>,
    /// Threads for computing [default: all cores]
    #[arg(long, global = true, value_name = "N", env = "MUSEAU_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Vector instructions to use: portable, avx2 or avx512 [default: the best of this processor]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "MUSEAU_ISA",
        hide = true
    )]
    pub isa: Option<String>,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more; twice for all
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Tell the breeds that photos show
    Classify(ClassifyArguments),
    /// Serve the association's page and the API
    Serve(ServeArguments),
    /// Serve the test page: a photo drawn from a data set, its true breed, two predictions
    Demo(DemoArguments),
    /// List, show, verify and make models
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Import, split, check and explore data sets
    #[command(subcommand)]
    Data(crate::data::DataVerb),
    /// Say how good a model is on a data set: scores with intervals, confusions, mistakes, calibration
    Evaluate(Box<crate::evaluate::EvaluateArguments>),
    /// Run the classic steps (CLAHE, bilateral, ...) on photos, and see what they do
    #[command(subcommand)]
    Preprocess(crate::preprocess::PreprocessVerb),
    /// Train networks from scratch, by recipes
    Train(Box<crate::train::TrainingArguments>),
    /// List, show, compare, forget and export recorded runs
    #[command(subcommand)]
    Runs(crate::runs::RunsVerb),
    /// Say whether one group of models is better than another, seed by seed
    Compare(crate::compare::CompareArguments),
    /// Measure the speed of museau's own engine
    #[command(subcommand)]
    Bench(BenchVerb),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), or write one page a verb into a folder
    Man {
        /// The folder
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
}

/// Options of `museau classify`.
#[derive(Debug, Args)]
pub struct ClassifyArguments {
    /// Photos, or folders of photos
    #[arg(required = true, value_name = "PHOTO|FOLDER")]
    pub photos: Vec<PathBuf>,
    /// A model package [default: the one inside museau]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// How many breeds to give
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
    /// One JSON object a line
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Comma-separated values, one line a photo
    #[arg(long)]
    pub csv: bool,
    /// All photos show the same animal: one answer for all
    #[arg(long)]
    pub together: bool,
}

/// Options of `museau serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    pub listen: String,
    /// A model package [default: the one inside museau]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Serve the test page too, on this data set, under /demo
    #[arg(long, value_name = "FOLDER")]
    pub demo: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// Options of `museau demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// The data set: a folder for each class, or the folder that holds Images and lists
    #[arg(value_name = "FOLDER")]
    pub dataset: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    pub listen: String,
    /// A model package [default: the one inside museau]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// The verbs under `museau models`.
#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// List the model inside museau and those of the models folder
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Print a model's card
    Show {
        /// A package, or the name of a listed model [default: the one inside museau]
        model: Option<PathBuf>,
        /// The graph as text instead
        #[arg(long)]
        graph: bool,
    },
    /// Check a package from end to end
    Verify {
        /// Packages [default: the one inside museau]
        models: Vec<PathBuf>,
    },
    /// Make a package from published weights, calibrated on photos
    Make(Box<MakeArguments>),
}

/// Options of `museau models make`.
#[derive(Debug, Args)]
pub struct MakeArguments {
    /// The weights' file (.pth, .h5, .safetensors)
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// The backbone, by its name in the zoo
    #[arg(long, value_name = "NAME")]
    pub backbone: String,
    /// The classes to keep: `stanford` or a file with one class id a line
    #[arg(long, value_name = "LIST", default_value = "stanford")]
    pub classes: String,
    /// Train photos for the temperature and the thresholds, a folder for each class
    #[arg(long, value_name = "FOLDER")]
    pub calibrate: Option<PathBuf>,
    /// Photos of each class to calibrate on
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    pub photos_per_class: u16,
    /// Photos without a dog, for the 'no dog' threshold
    #[arg(long, value_name = "FOLDER")]
    pub not_dogs: Option<PathBuf>,
    /// How a photo meets the input: stretch, crop:FRACTION, letterbox; several joined by `+`;
    /// `:mirror` behind one for its mirror image
    #[arg(long, value_name = "VIEWS")]
    pub views: Option<String>,
    /// Height and width of the network's input [default: the backbone's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(16..=2048))]
    pub size: Option<u16>,
    /// The package's name [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The package's version
    #[arg(long, value_name = "VERSION", default_value = "1.0")]
    pub model_version: String,
    /// The weights' name and origin, for the model card [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    pub origin: Option<String>,
    /// The weights' licence (SPDX), for the model card
    #[arg(long, value_name = "NAME")]
    pub licence: Option<String>,
    /// What the weights have seen, for the model card
    #[arg(long, value_name = "TEXT")]
    pub seen: Option<String>,
    /// Where to write the package
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// The verbs under `museau bench`.
#[derive(Debug, Subcommand)]
pub enum BenchVerb {
    /// Time the network on made-up pixels
    Infer(InferArguments),
    /// Time the classic steps on a photo
    Filters(crate::bench_filters::FiltersArguments),
    /// Time the decoding and resizing of photos, or the loading of cached ones
    Data(DataBenchArguments),
    /// Time a training step (forward, backward, Adam) on made-up pixels
    Train(crate::bench_train::TrainArguments),
}

/// Options of `museau bench data`.
#[derive(Debug, Args)]
pub struct DataBenchArguments {
    /// Photos, or folders of photos; with --cached a data set
    #[arg(required = true, value_name = "PHOTO|FOLDER")]
    pub photos: Vec<PathBuf>,
    /// Height and width of the input
    #[arg(long, value_name = "PIXELS", default_value_t = 224, value_parser = clap::value_parser!(u16).range(1..=2048))]
    pub size: u16,
    /// How often each photo is taken in a run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub repeat: u16,
    /// Counted runs, or epochs
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Load the photos of a data set (less those kept for testing) from the cache
    #[arg(long)]
    pub cached: bool,
    /// What is done to cached photos
    #[arg(
        long,
        value_name = "STEPS",
        default_value = "flip | crop",
        requires = "cached"
    )]
    pub augment: String,
    /// How many times larger than the input cached photos are stored
    #[arg(long, value_name = "FACTOR", default_value_t = 1.143, requires = "cached", value_parser = margin)]
    pub margin: f32,
    /// Where to write the inputs once (NHWC f32, 0 to 1), to be compared
    #[arg(long, value_name = "FILE", conflicts_with = "cached")]
    pub results: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

fn margin(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(margin) if (1.0..=4.0).contains(&margin) => Ok(margin),
        _ => Err("1 <= FACTOR <= 4".to_owned()),
    }
}

/// Options of `museau bench infer`.
#[derive(Debug, Args)]
pub struct InferArguments {
    /// A backbone of the zoo, with made-up weights [default: the model inside museau]
    #[arg(long, value_name = "NAME")]
    pub backbone: Option<String>,
    /// Weights for the backbone, in museau's own names (.safetensors)
    #[arg(long, value_name = "FILE", requires = "backbone")]
    pub weights: Option<PathBuf>,
    /// A model package instead
    #[arg(long, value_name = "FILE", conflicts_with = "backbone")]
    pub model: Option<PathBuf>,
    /// Photos a run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    /// Counted runs
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// The photos' pixels as the network wants them, NHWC f32, instead of made-up ones
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

/// How to print a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

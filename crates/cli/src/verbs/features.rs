//! `museau features`: what a network makes of each photo, as a table for other programs.
use crate::context::Context;
use crate::data_set::{Source, failed, open};
use crate::failure::{Failure, Status};
use crate::initial::Initials;
use crate::outputs::{Kind, begin, finish, told};
use crate::progress::Shown;
use crate::{features, interrupt, model};
use anyhow::Result;
use clap::Args;
use data::{Manifest, Part};
use formats::Precision;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tensor::{NamedTensors, Tensor};
use train::features::{ExportOptions, export};
use train::{Initial, Recipe};
use words::{ModelMessage, Say, TrainMessage};

/// Options of `museau features`.
#[derive(Debug, Args)]
pub struct FeaturesArguments {
    #[command(flatten)]
    source: Source,
    /// The model: a file, a name, or a backbone whose weights you imported [default: the embedded
    /// model]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The table: .npy or .safetensors; a CSV of the same name says which photo each row is
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Include the test photos
    #[arg(long)]
    with_test: bool,
}

/// How a table is written.
type Writer = fn(&Tensor, &Initial) -> Result<Vec<u8>>;

/// Runs `museau features`.
pub fn run(context: &Context, arguments: &FeaturesArguments) -> Result<()> {
    let path = &arguments.output;
    let ending = path.extension().and_then(|ending| ending.to_str());
    let write: Writer = match ending {
        Some("npy") => |table, _| Ok(formats::write_npy(table)),
        Some("safetensors") => safetensors,
        _ => {
            let path = &path.display().to_string();
            let said = context.say(ModelMessage::FeaturesEnding { path });
            return Err(Failure::error(Status::Usage, said));
        }
    };
    let table_file = begin(context, path, Kind::Numbers)?;
    let photos_path = path.with_extension("csv");
    let photos_file = begin(context, &photos_path, Kind::Numbers)?;
    let (manifest, _, _) = open(context, &arguments.source)?;
    let manifest = manifest.restricted(|entry| arguments.with_test || entry.part != Part::Test);
    let initial = initial(context, arguments)?;
    let Some(table) = table(context, &initial, &manifest)? else {
        return Err(Failure::silent(Status::Interrupted));
    };
    let bytes = write(&table, &initial)?;
    let photos = manifest.write_csv(&photos_path, Vec::new());
    let photos = photos.map_err(failed(context))?;
    finish(context, table_file, &bytes)?;
    finish(context, photos_file, &photos)?;
    told(context, &[path.as_path(), &photos_path], None);
    Ok(())
}

/// The network that was asked for.
fn initial(context: &Context, arguments: &FeaturesArguments) -> Result<std::sync::Arc<Initial>> {
    let mut recipe = Recipe::default();
    let named = arguments.model.as_ref();
    let named = named.map_or(model::DEFAULT_NAME.into(), |path| {
        path.display().to_string()
    });
    recipe.model.initial = Some(named);
    let initial = Initials::default().open(context, &recipe)?;
    Ok(initial.expect("weights that are named"))
}

/// The features of all photos; none where it was interrupted.
fn table(context: &Context, initial: &Initial, manifest: &Manifest) -> Result<Option<Tensor>> {
    let stop = interrupt::flag(context.say(TrainMessage::Interrupt));
    let shown = Shown::of_items(context, "features");
    let folder = features::folder();
    let options = ExportOptions {
        isa: context.isa,
        threads: context.threads,
        folder: folder.as_deref(),
        stop,
        progress: &|done, all| shown.now(done as u64, all as u64),
    };
    let places: Vec<usize> = (0..manifest.all_entries().len()).collect();
    let table = export(initial, manifest, &places, &options);
    shown.finish();
    table.map_err(|error| Failure::error(Status::Unusable, error.message(context.language)))
}

/// With what made it in the metadata.
fn safetensors(table: &Tensor, initial: &Initial) -> Result<Vec<u8>> {
    let tensors: NamedTensors = [("features".to_owned(), table.clone())]
        .into_iter()
        .collect();
    let metadata = BTreeMap::from([
        ("model".to_owned(), initial.name.clone()),
        ("model_hash".to_owned(), initial.hash.clone()),
    ]);
    Ok(formats::write_safetensors(
        &tensors,
        Precision::F32,
        &metadata,
    )?)
}

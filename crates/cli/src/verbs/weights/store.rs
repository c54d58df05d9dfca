//! The folder of weights: one safetensors file for each, in museau's own names.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use anyhow::Result;
use data::files::AtomicFile;
use formats::{Header, Precision};
use std::io::Read;
use std::path::{Path, PathBuf};
use train::weights::{Imported, WeightsCard};
use words::{FileMessage, Say, WeightsMessage};
use zoo::Backbone;

/// `weights` in museau's home.
pub fn folder() -> PathBuf {
    model::home().unwrap_or_default().join("weights")
}

/// A file of weights that is kept.
pub struct Kept {
    pub path: PathBuf,
    pub card: WeightsCard,
    /// Bytes of its values.
    pub bytes: u64,
}

/// The files of a folder that museau imported, in the order of their names.
pub fn kept(folder: &Path) -> Vec<Kept> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == "safetensors"))
        .collect();
    paths.sort();
    let kept = |path: PathBuf| {
        let header = header(&path)?;
        Some(Kept {
            card: WeightsCard::find(&header.metadata)?,
            bytes: header.values,
            path,
        })
    };
    paths.into_iter().filter_map(kept).collect()
}

/// Most bytes of a header that is looked at; the largest network's takes some hundred thousand.
const MOST_HEADER: u64 = 16 << 20;

/// What a safetensors file says of itself, if it is whole.
fn header(path: &Path) -> Option<Header> {
    let mut file = tensor::open_regular(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut size = [0; 8];
    file.read_exact(&mut size).ok()?;
    let size = u64::from_le_bytes(size);
    if size > MOST_HEADER {
        return None;
    }
    let header: Header = serde_json::from_reader(file.take(size)).ok()?;
    (length == 8 + size + header.values).then_some(header)
}

/// Writes weights as safetensors, and says so.
pub fn write(
    context: &Context,
    backbone: &Backbone,
    imported: &Imported,
    card: &WeightsCard,
    file: AtomicFile,
) -> Result<()> {
    let path = file.path().display().to_string();
    let values =
        formats::write_safetensors(&imported.parameters, Precision::F32, &card.metadata())?;
    file.finish(&values).map_err(|error| {
        let reason = &error.message(context.language);
        let path = &path;
        Failure::error(
            Status::Failed,
            context.say(FileMessage::CannotWrite { path, reason }),
        )
    })?;
    if !context.quiet {
        let parameters = imported.graph.costs().parameters as f64;
        let parameters = &words::number(context.language, parameters, 0);
        let (backbone, head) = (backbone.title, &head(context, card));
        eprintln!(
            "{}",
            context.say(WeightsMessage::Kept {
                backbone,
                parameters,
                head,
                path: &path,
            })
        );
    }
    Ok(())
}

/// Whether weights have a classifier, in words.
pub fn head(context: &Context, card: &WeightsCard) -> String {
    match card.classes {
        Some(classes) => {
            let count = &classes.to_string();
            WeightsMessage::WithClasses { count }.text(context.language)
        }
        None => WeightsMessage::WithoutClasses.text(context.language),
    }
}

/// Begins the file of this card in a folder.
pub fn begin(context: &Context, folder: &Path, card: &WeightsCard) -> Result<AtomicFile> {
    let path = folder.join(card.file_name());
    data::files::make_folder(folder)
        .map(data::files::MadeFolders::keep)
        .and_then(|()| AtomicFile::create(&path))
        .map_err(|error| {
            let reason = &error.message(context.language);
            let path = &path.display().to_string();
            let said = context.say(FileMessage::CannotWrite { path, reason });
            Failure::error(Status::Failed, said)
        })
}

//! Files that verbs write: begun before the work, whole or not at all, and never over what would be lost.
use crate::context::Context;
use crate::data_set::failed;
use crate::failure::{Failure, Status};
use crate::terminal::shown;
use anyhow::Result;
pub use data::files::Kind;
use data::files::{AtomicFile, Refused};
use data::{Error, Manifest, Part};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use words::{DataMessage, FileMessage, Say};

/// Begins a manifest. What stands in its place already is written over only where it is a manifest,
/// and not the source itself: a mistyped name must not cost a table of labels or an archive. Gives
/// what is to be written over, for [`may_replace`] to judge; not where it does not matter (`force`).
pub fn begin_manifest(
    context: &Context,
    path: &Path,
    source: &Path,
    force: bool,
) -> Result<(AtomicFile, Option<Manifest>)> {
    if is_same(path, source) {
        let path = &path.display().to_string();
        let said = context.say(DataMessage::ManifestOverSource { path });
        return Err(Failure::error(Status::Usage, said));
    }
    let file = begin(context, path, Kind::Manifest)?;
    let old = path.metadata().is_ok_and(|found| found.len() > 0);
    let before = match old && !force {
        true => Some(Manifest::open(path).map_err(|error| {
            let said = context.say(DataMessage::ManifestDamaged {
                reason: &error.message(context.language),
            });
            Failure::error(Status::Usage, said)
        })?),
        false => None,
    };
    Ok((file, before))
}

/// Whether a new manifest may stand in the place of an old one: where they have a photo in common,
/// as after a second import or split of the same data set. Then it is said what the old one had.
pub fn may_replace(
    context: &Context,
    path: &Path,
    before: Option<&Manifest>,
    now: &Manifest,
) -> Result<()> {
    let Some(before) = before else {
        return Ok(());
    };
    let known = |manifest: &Manifest| -> HashMap<String, (String, Part)> {
        let entries = manifest.all_entries().iter();
        let known = entries.map(|entry| {
            let class = manifest.class_name(entry).to_owned();
            (manifest.whole_name(entry), (class, entry.part))
        });
        known.collect()
    };
    let (old, new) = (known(before), known(now));
    let shared: Vec<&String> = old.keys().filter(|name| new.contains_key(*name)).collect();
    let path = &path.display().to_string();
    let photos = &old.len().to_string();
    if shared.is_empty() {
        let said = context.say(DataMessage::ManifestOfOthers { path, photos });
        return Err(Failure::error(Status::Usage, said));
    }
    if !context.quiet {
        let changed = shared.iter().filter(|name| old[**name] != new[**name]);
        let said = context.say(DataMessage::ManifestReplaced {
            path,
            photos,
            gone: &(old.len() - shared.len()).to_string(),
            added: &(new.len() - shared.len()).to_string(),
            changed: &changed.count().to_string(),
        });
        eprintln!("{said}");
    }
    Ok(())
}

/// Begins a file that will appear whole. What stands in its place is written over only where it is
/// museau's own of the same kind: a mistyped name must not cost a photo, a table or a model.
pub fn begin(context: &Context, path: &Path, kind: Kind) -> Result<AtomicFile> {
    AtomicFile::begin(path, kind).map_err(|refused| {
        let shown = &path.display().to_string();
        let said = match refused {
            Refused::Manifest => context.say(DataMessage::ManifestUnder { path: shown }),
            Refused::Other if kind == Kind::Manifest => {
                context.say(DataMessage::ManifestOverOther { path: shown })
            }
            Refused::Other => context.say(FileMessage::OverOther { path: shown }),
            Refused::Twice => context.say(FileMessage::Twice { path: shown }),
            Refused::System(source) => {
                let path = path.to_owned();
                return failed(context)(Error::Write { path, source });
            }
        };
        Failure::error(Status::Usage, said)
    })
}

/// Refuses a place of a result from which the command reads too, though its own kind may stand there.
pub fn not_over<'a>(
    context: &Context,
    path: &Path,
    inputs: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<()> {
    match inputs.into_iter().any(|input| is_same(path, input)) {
        false => Ok(()),
        true => {
            let path = &path.display().to_string();
            let said = context.say(FileMessage::OverInput { path });
            Err(Failure::error(Status::Usage, said))
        }
    }
}

/// Whether two paths lead to one thing that is there.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Writes the rest of a file that was begun, and puts it in its place.
pub fn finish(context: &Context, file: AtomicFile, rest: &[u8]) -> Result<()> {
    let path = file.path().to_owned();
    file.finish(rest)
        .map_err(|source| failed(context)(Error::Write { path, source }))
}

/// Says which files were written and, where there is one, the command that comes next.
pub fn told(context: &Context, written: &[&Path], next: Option<&str>) {
    if context.quiet {
        return;
    }
    let paths: Vec<String> = written.iter().map(|path| shown(path)).collect();
    if !paths.is_empty() {
        let paths = &paths.join(", ");
        eprintln!("{}", context.say(FileMessage::Written { paths }));
    }
    if let Some(command) = next {
        eprintln!("{}", context.say(FileMessage::Next { command }));
    }
}

/// A path as an argument of a command that a person copies.
pub fn argument(path: &Path) -> String {
    let path = shown(path);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:=,@\\".contains(c);
    match !path.is_empty() && path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// That a file cannot be written, and why.
pub fn unwritten(context: &Context, path: &Path, error: &io::Error) -> String {
    let reason = error.message(context.language);
    let path = path.display().to_string();
    let said = FileMessage::CannotWrite {
        path: &path,
        reason: &reason,
    };
    let said = said.say(context.language);
    said.because(error, context.language).to_string()
}

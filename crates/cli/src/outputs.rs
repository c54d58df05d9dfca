//! Files that verbs write: begun before the work, whole or not at all, and never over what would be lost.
use crate::context::Context;
use crate::data_set::failed;
use crate::failure::{Failure, Status};
use anyhow::Result;
use data::{AtomicFile, Error, Manifest, Part};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use words::Message;

/// Begins a manifest. What stands in its place already is written over only where it is a manifest,
/// and not the source itself: a mistyped name must not cost a table of labels or an archive. Gives
/// what is to be written over, for [`may_replace`] to judge; not where it does not matter (`force`).
pub fn begin_manifest(
    context: &Context,
    path: &Path,
    source: &Path,
    force: bool,
) -> Result<(AtomicFile, Option<Manifest>)> {
    let is_source = || match (path.canonicalize(), source.canonicalize()) {
        (Ok(path), Ok(source)) => path == source,
        _ => false,
    };
    if path.is_file() && (!data::is_manifest(path) || is_source()) {
        let path = &path.display().to_string();
        let said = context.say(match is_source() {
            true => Message::ManifestOverSource { path },
            false => Message::ManifestOverOther { path },
        });
        return Err(Failure::error(Status::Usage, said));
    }
    let before = match path.is_file() && !force {
        true => Some(Manifest::open(path).map_err(|error| {
            let said = context.say(Message::ManifestDamaged {
                reason: &error.message(context.language),
            });
            Failure::error(Status::Usage, said)
        })?),
        false => None,
    };
    Ok((create(context, path)?, before))
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
        let said = context.say(Message::ManifestOfOthers { path, photos });
        return Err(Failure::error(Status::Usage, said));
    }
    if !context.quiet {
        let changed = shared.iter().filter(|name| old[**name] != new[**name]);
        let said = context.say(Message::ManifestReplaced {
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

/// What a verb writes, by which it is seen whether what stands in its place is of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page, HTML.
    Page,
    /// JSON.
    Json,
    /// A table, CSV.
    Table,
    /// A model's package.
    Package,
}

impl Kind {
    /// Whether a file that begins so is of this kind, and may be replaced. A package never is: weights
    /// that took hours look like any others.
    fn replaces(self, head: &[u8]) -> bool {
        const PAGE: &[u8] = b"<!doctype html";
        match self {
            Kind::Page => (head.get(..PAGE.len())).is_some_and(|at| at.eq_ignore_ascii_case(PAGE)),
            Kind::Json => matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')),
            Kind::Table => {
                let line = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
                !head.contains(&0) && line.contains(&b',')
            }
            Kind::Package => false,
        }
    }
}

/// Begins a file that will appear whole. What stands in its place is written over only where it is
/// empty or of the same kind, and never a manifest: a mistyped name must not cost a photo or a model.
pub fn begin(context: &Context, path: &Path, kind: Kind) -> Result<AtomicFile> {
    /// More than any kind is known by.
    const HEAD: u64 = 4096;
    if path.is_file() {
        let shown = &path.display().to_string();
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        let refused = if data::is_manifest(path) {
            Some(Message::ManifestUnder { path: shown })
        } else if read.is_err() || !(head.is_empty() || kind.replaces(&head)) {
            Some(Message::FileOverOther { path: shown })
        } else {
            None
        };
        if let Some(message) = refused {
            return Err(Failure::error(Status::Usage, context.say(message)));
        }
    }
    create(context, path)
}

fn create(context: &Context, path: &Path) -> Result<AtomicFile> {
    AtomicFile::create(path).map_err(|source| {
        let path = path.to_owned();
        failed(context)(Error::Write { path, source })
    })
}

/// Writes the rest of a file that was begun, and puts it in its place.
pub fn finish(context: &Context, file: AtomicFile, rest: &[u8]) -> Result<()> {
    let path = file.path().to_owned();
    file.finish(rest)
        .map_err(|source| failed(context)(Error::Write { path, source }))
}

/// That a file cannot be written, and why.
pub fn unwritten(context: &Context, path: &Path, error: &io::Error) -> String {
    let reason = words::reason(context.language, error);
    let path = path.display().to_string();
    context.say(Message::FileCannotWrite {
        path: &path,
        reason: &reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_the_same_kind_is_replaced() {
        let page = b"<!DOCTYPE html><html>";
        let photo = b"\xff\xd8\xff\xe0\0\x10JFIF,\n";
        let table = b"path,a,b\nx.jpg,0.1,0.9\n";
        for (kind, own, others) in [
            (Kind::Page, &page[..], [&photo[..], table]),
            (Kind::Json, b" {\"a\": 1}", [photo, page]),
            (Kind::Table, table, [photo, page]),
        ] {
            assert!(kind.replaces(own), "{kind:?}");
            for other in others {
                assert!(!kind.replaces(other), "{kind:?}");
            }
        }
        assert!(!Kind::Package.replaces(b"\x08\0\0\0\0\0\0\0{}"));
    }
}

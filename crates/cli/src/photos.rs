//! The photos that were named: files as they are, folders walked in the order of their names.
use crate::context::Context;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use words::Message;

/// A photo to read, or why there is none where one was asked for.
pub type Found = Result<PathBuf, (PathBuf, String)>;

/// All photos of these files and folders. A named file is taken whatever it is called; links in
/// folders are followed to files, never to folders, so that no walk is endless.
pub fn find(context: &Context, named: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in named {
        if path.is_dir() {
            let before = found.len();
            walk(context, path, &mut found);
            if found.len() == before {
                let shown = path.display().to_string();
                let said = context.say(Message::FileNoPhotoInFolder { path: &shown });
                found.push(Err((path.clone(), said)));
            }
        } else {
            found.push(Ok(path.clone()));
        }
    }
    found
}

fn walk(context: &Context, folder: &Path, found: &mut Vec<Found>) {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let path = folder.display().to_string();
            let reason = words::reason(context.language, &error);
            let said = context.say(Message::FileFolderUnreadable {
                path: &path,
                reason: &reason,
            });
            found.push(Err((folder.to_path_buf(), said)));
            return;
        }
    };
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            walk(context, &path, found);
        } else if vision::has_photo_ending(&path) && path.is_file() {
            found.push(Ok(path));
        }
    }
}

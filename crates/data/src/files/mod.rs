//! The one place that writes, moves and removes files: what is museau's own, what may be replaced, how
//! it lasts.
//!
//! - *Own* is what museau knows again: by its content ([`Kind`]), or by a name that only museau makes in
//!   a folder that is its own. Everything else is a person's; it is neither replaced nor removed.
//! - A file is written beside its place, brought to the disk, moved there, and its folder brought to the
//!   disk ([`AtomicFile`]): whenever the power fails, the old file is there or the new one.
//! - A name that was read from a file is never a path.
mod atomic;
mod eviction;
mod kind;
mod lock;
mod stamp;

pub use atomic::{AtomicFile, is_unfinished, sweep};
pub use eviction::evict_oldest;
pub use kind::{Kind, Refused};
pub use lock::Lock;
pub use stamp::{stamped, stamped_manual, stamped_object};

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Makes a folder, and those above it that are missing; they are there after a power failure too.
///
/// # Errors
/// What the system says.
pub fn make_folder(folder: &Path) -> io::Result<MadeFolders> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made = folder.ancestors().take_while(missing);
    let made = MadeFolders(made.map(Path::to_owned).collect());
    fs::create_dir_all(folder)?;
    for folder in &made.0 {
        sync_folder_of(folder);
    }
    Ok(made)
}

/// Folders that were made, the innermost first. Those that are still empty when this is dropped go
/// again: work that is refused after its file was begun leaves nothing.
pub struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Lets them stay, empty or not.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Makes a file's new name last: its folder is on the disk too. Not every system can do that.
pub fn sync_folder_of(path: &Path) {
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
}

/// The folder that a file is in; of a bare name the current one.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Adds to the end of a file of museau's own that is there already. Until something else of its folder
/// is brought to the disk, a power failure may take what was added.
///
/// # Errors
/// What the system says; `IsADirectory` or `NotSeekable` where something else than a file is there.
pub fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    tensor::regular_metadata(path)?;
    let mut file = File::options().append(true).open(path)?;
    file.write_all(bytes)
}

/// Moves a file of museau's own over another of its own, in one step.
///
/// # Errors
/// What the system says.
pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder_of(to);
    Ok(())
}

/// Moves a file of museau's own to a place where nothing stands.
///
/// # Errors
/// `AlreadyExists` where something does; else what the system says.
pub fn place(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    replace(from, to)
}

/// Removes a regular file that the caller knows to be museau's own; says whether there was one. A link
/// of that name, or a folder, is somebody else's: it stays.
///
/// # Errors
/// What the system says where it cannot be removed.
pub fn remove(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => fs::remove_file(path).map(|()| true),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a folder if it is empty.
pub fn remove_empty_folder(folder: &Path) {
    let _ = fs::remove_dir(folder);
}

/// Makes a file of museau's own young, since the oldest go first where they are too many.
pub fn touch(path: &Path) {
    const OFTEN_ENOUGH: Duration = Duration::from_secs(3600);
    let age = tensor::regular_metadata(path).and_then(|found| found.modified());
    let age = age.ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > OFTEN_ENOUGH)
        && let Ok(file) = File::options().append(true).open(path)
    {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// An unfinished file that is gone on with later, such as an archive that arrives: opened where it is,
/// begun where it is not. Nothing of it is lost by opening.
///
/// # Errors
/// What the system says; `IsADirectory` or `NotSeekable` where something else than a file is there.
pub fn unfinished(path: &Path) -> io::Result<File> {
    make_folder(folder_of(path))?.keep();
    if path.symlink_metadata().is_ok() {
        tensor::regular_metadata(path)?;
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

/// Empties an unfinished file, to begin it anew.
///
/// # Errors
/// What the system says.
pub fn restart(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    io::Seek::rewind(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_removed_and_nothing_is_placed_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["own", "theirs"] {
            fs::write(at(name), name).unwrap();
        }
        fs::create_dir(at("folder")).unwrap();
        let moved = place(&at("own"), &at("theirs")).unwrap_err();
        assert_eq!(moved.kind(), io::ErrorKind::AlreadyExists);
        place(&at("own"), &at("placed")).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("theirs"), at("link")).unwrap();
            assert!(!remove(&at("link")).unwrap() && at("link").exists());
        }
        assert!(remove(&at("placed")).unwrap() && !at("placed").exists());
        assert!(!remove(&at("placed")).unwrap() && !remove(&at("folder")).unwrap());
        assert_eq!(fs::read(at("theirs")).unwrap(), b"theirs");
    }

    #[test]
    fn an_unfinished_file_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.part");
        unfinished(&path).unwrap().write_all(b"half").unwrap();
        assert_eq!(unfinished(&path).unwrap().metadata().unwrap().len(), 4);
        restart(&mut unfinished(&path).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert!(unfinished(folder.path()).is_err());
        assert_eq!(folder_of(Path::new("a.csv")), Path::new("."));
    }
}

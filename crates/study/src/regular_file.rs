//! What is opened is looked at first: a pipe is waited for without end.
use std::io;
use std::path::Path;

/// Whether a file that is there, or that a link leads to, is a regular one.
///
/// # Errors
/// `IsADirectory` for a folder, `NotSeekable` for a pipe, a socket or a device; else what the system
/// says, `NotFound` where there is nothing.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    let found = path.metadata()?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    match found.is_file() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotSeekable.into()),
    }
}

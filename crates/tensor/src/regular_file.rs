//! Opening a file that somebody else names: looked at first, since a pipe is waited for without end.
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// What is known of a regular file, or of the one that a link leads to; it is not opened.
///
/// # Errors
/// `IsADirectory` for a folder, `NotSeekable` for a pipe, a socket or a device; else what the system
/// says.
pub fn regular_metadata(path: &Path) -> io::Result<Metadata> {
    let found = path.metadata()?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        let kind = io::ErrorKind::NotSeekable;
        return Err(io::Error::new(kind, "not a regular file"));
    }
    Ok(found)
}

/// Opens a regular file to be read. What is none is refused before it is opened: a pipe that nobody
/// writes into would be waited for without end, and a device may do something when it is opened.
///
/// # Errors
/// As [`regular_metadata`].
pub fn open_regular(path: &Path) -> io::Result<File> {
    regular_metadata(path)?;
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/regular_file.rs");
        assert!(open_regular(&path).is_ok());
        let kind = |path: &Path| open_regular(path).unwrap_err().kind();
        let folder = path.parent().unwrap();
        assert_eq!(kind(folder), io::ErrorKind::IsADirectory);
        assert_eq!(kind(&folder.join("none")), io::ErrorKind::NotFound);
        #[cfg(unix)]
        assert_eq!(kind(Path::new("/dev/null")), io::ErrorKind::NotSeekable);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_rather_than_waited_for() {
        let pipe = std::env::temp_dir().join(format!("museau-pipe-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let refused = open_regular(&pipe).unwrap_err();
        std::fs::remove_file(&pipe).unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::NotSeekable);
    }
}

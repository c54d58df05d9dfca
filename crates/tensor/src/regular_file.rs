//! Opening a file that somebody else names, and reading it whole: looked at first, since a pipe is waited
//! for without end, and within a limit, since a device has none.
use crate::memory;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

/// The longest text that is read whole: a recipe, a list, metrics of many epochs. Bytes.
const LONGEST_TEXT: u64 = 64 << 20;

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

/// The same, and what a shell hands over already open (`/dev/stdin`, `<(...)`): the one pipe that
/// somebody surely writes into.
///
/// # Errors
/// As [`regular_metadata`].
pub fn open_named(path: &Path) -> io::Result<File> {
    let handed_over =
        path == Path::new("/dev/stdin") || path.parent() == Some(Path::new("/dev/fd"));
    match handed_over {
        true => File::open(path),
        false => open_regular(path),
    }
}

/// The bytes of a regular file, at most `most` of them.
///
/// # Errors
/// As [`regular_metadata`]; `FileTooLarge` for a longer file.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read(open_regular(path)?, most)
}

/// The bytes of a file that is opened as by [`open_named`], such as a model: at most half of the memory
/// that is free, since something is to be made of them.
///
/// # Errors
/// As [`read_regular`].
pub fn read_named(path: &Path) -> io::Result<Vec<u8>> {
    let half = memory::free().map_or(u64::MAX, |bytes| bytes as u64 / 2);
    read(open_named(path)?, half)
}

/// The text in a file that is opened as by [`open_named`], of at most 64 MiB.
///
/// # Errors
/// As [`read_regular`]; `InvalidData` where it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(open_named(path)?, LONGEST_TEXT)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Looks at the length before memory is taken for it; a file may grow, and a pipe has none.
fn read(file: File, most: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= most {
        bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX))?;
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if length.max(bytes.len() as u64) > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
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

    #[test]
    fn no_more_is_read_than_is_allowed() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/regular_file.rs");
        let whole = read_named(&path).unwrap();
        let length = whole.len() as u64;
        assert_eq!(read_text(&path).unwrap().as_bytes(), whole);
        assert_eq!(read_regular(&path, length).unwrap(), whole);
        let refused = read_regular(&path, length - 1).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_a_socket_and_a_sparse_file_are_refused_and_what_a_shell_hands_over_is_read() {
        for read in [
            |path: &Path| read_named(path).map(drop),
            |path: &Path| read_text(path).map(drop),
            |path: &Path| read_regular(path, u64::MAX).map(drop),
        ] {
            let kind = |path: &str| read(Path::new(path)).unwrap_err().kind();
            assert_eq!(kind("/dev/zero"), io::ErrorKind::NotSeekable);
            assert_eq!(kind("/dev"), io::ErrorKind::IsADirectory);
        }
        let folder = std::env::temp_dir().join(format!("museau-read-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (socket, sparse) = (folder.join("socket"), folder.join("sparse"));
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let of_socket = read_named(&socket).unwrap_err();
        File::create(&sparse).unwrap().set_len(900 << 30).unwrap();
        let of_sparse = [read_named(&sparse).err(), read_text(&sparse).err()];
        drop(listener);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(of_socket.kind(), io::ErrorKind::NotSeekable);
        for error in of_sparse {
            assert_eq!(error.unwrap().kind(), io::ErrorKind::FileTooLarge);
        }
        use std::os::fd::AsRawFd as _;
        let (read, mut write) = io::pipe().unwrap();
        io::Write::write_all(&mut write, b"text").unwrap();
        drop(write);
        let handed_over = format!("/dev/fd/{}", read.as_raw_fd());
        assert_eq!(read_text(Path::new(&handed_over)).unwrap(), "text");
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

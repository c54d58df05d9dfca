//! Files that appear whole or not at all.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How the name of an unfinished file begins and ends.
const PREFIX: &str = ".museau-";
const SUFFIX: &str = ".part";
/// A process that was killed leaves its unfinished file; none is written to for so long.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// A file in the making: written under another name beside its place, and moved there once it is
/// whole and on the disk. Dropped before that, it leaves nothing.
pub struct AtomicFile {
    writer: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file. Fails at once where its folder cannot be written, so that long work need not
    /// be done in vain.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let folder = folder_of(path);
        std::fs::create_dir_all(folder)?;
        sweep_once(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file, less what the umask takes; a temporary one is its owner's alone.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        Ok(AtomicFile {
            writer: BufWriter::new(file),
            path: path.to_owned(),
        })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place, over an older one.
    pub fn commit(self) -> io::Result<()> {
        let file = self
            .writer
            .into_inner()
            .map_err(|error| error.into_error())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        sync_folder_of(&self.path);
        Ok(())
    }

    /// Writes the rest of the file and puts it in its place.
    pub fn finish(mut self, rest: &[u8]) -> io::Result<()> {
        self.write_all(rest)?;
        self.commit()
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
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

/// Removes the unfinished files of a folder that nobody writes to any more, the first time that this
/// process writes there.
fn sweep_once(folder: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if !swept.insert(folder.to_owned()) {
        return;
    }
    drop(swept);
    for file in folder.read_dir().into_iter().flatten().flatten() {
        let name = file.file_name();
        let name = name.to_string_lossy();
        let forgotten = file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > FORGOTTEN));
        if forgotten && name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_only_when_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/table.csv");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert!(!path.exists());
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 0);
        let write = |bytes: &[u8]| AtomicFile::create(&path)?.finish(bytes);
        write(b"whole").unwrap();
        write(b"whole again").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole again");
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_another_s_stays() {
        let folder = tempfile::tempdir().unwrap();
        let days_ago = std::time::SystemTime::now() - 3 * FORGOTTEN;
        for (name, old) in [
            (".museau-a.part", true),
            (".museau-b.part", false),
            ("mine.part", true),
        ] {
            let file = File::create(folder.path().join(name)).unwrap();
            if old {
                file.set_modified(days_ago).unwrap();
            }
        }
        let there = |name: &str| folder.path().join(name).exists();
        drop(AtomicFile::create(&folder.path().join("a.csv")).unwrap());
        assert!(!there(".museau-a.part") && there(".museau-b.part") && there("mine.part"));
        assert_eq!(folder_of(Path::new("a.csv")), Path::new("."));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(AtomicFile::create(&folder.path().join("file/table.csv")).is_err());
        assert!(AtomicFile::create(folder.path()).is_err());
    }
}

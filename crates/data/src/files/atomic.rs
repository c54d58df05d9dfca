//! Files that appear whole or not at all.
use super::{Kind, Lock, MadeFolders, Refused, folder_of, make_folder, sync_folder_of};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How the name of an unfinished file begins and ends: between them the number of the process that writes
/// it, `-`, and letters and digits that were drawn. A person's `.museau-notes.part` is none.
const PREFIX: &str = ".museau-";
const SUFFIX: &str = ".part";
/// How many letters and digits are drawn.
const DRAWN: usize = 12;
/// A process that was killed leaves its unfinished file; none is written to for so long.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// A file in the making: written under another name beside its place, and moved there once it is
/// whole and on the disk. Dropped before that, it leaves nothing.
pub struct AtomicFile {
    writer: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
    /// Where it really goes: where `path` is a link, to what it leads to.
    place: PathBuf,
    /// What it may replace; anything in a place that is museau's own.
    kind: Option<Kind>,
    /// The folders of a person that were made for it; dropped after the unfinished file in them.
    _made: Option<MadeFolders>,
    /// That no other file of this process goes there.
    _claim: Option<Claim>,
}

/// A place that a file of this process goes to, until it is dropped: a command that names one place for
/// two results must be told before the work, not by losing one of them.
struct Claim(PathBuf);

/// The places that are claimed.
static CLAIMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

impl Claim {
    /// `None` where the place is claimed. Its folder is there.
    fn take(place: &Path) -> io::Result<Option<Self>> {
        let folder = folder_of(place).canonicalize()?;
        let place = folder.join(place.file_name().unwrap_or_default());
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        // Not `then_some`: the claim that is refused would be dropped, and the other's with it.
        Ok(match claimed.insert(place.clone()) {
            true => Some(Claim(place)),
            false => None,
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.0);
    }
}

impl AtomicFile {
    /// Begins a file in a place that is museau's own: what stands there is replaced. Fails at once
    /// where its folder cannot be written, so that long work need not be done in vain.
    ///
    /// # Errors
    /// What the system says; `IsADirectory` or `NotSeekable` where something else than a file is there.
    pub fn create(path: &Path) -> io::Result<Self> {
        let place = place_of(path)?;
        // Others may be about to write into a folder of museau's own: it stays.
        make_folder(folder_of(&place))?.keep();
        AtomicFile::at(place, path)
    }

    /// Begins a file where a person says. What stands there is replaced only as its kind allows, which
    /// is looked at now and again before it is moved there. No two are begun for one place.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn begin(path: &Path, kind: Kind) -> Result<Self, Refused> {
        kind.may_replace(path)?;
        let place = place_of(path)?;
        let made = make_folder(folder_of(&place))?;
        let claim = Claim::take(&place)?.ok_or(Refused::Twice)?;
        Ok(AtomicFile {
            kind: Some(kind),
            _made: Some(made),
            _claim: Some(claim),
            ..AtomicFile::at(place, path)?
        })
    }

    fn at(place: PathBuf, path: &Path) -> io::Result<Self> {
        let folder = folder_of(&place);
        sweep_once(folder);
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{PREFIX}{}-", std::process::id());
        builder.prefix(&prefix).suffix(SUFFIX).rand_bytes(DRAWN);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file, less what the umask takes; a temporary one is its owner's alone.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        // By which others see that it is still written; not every file system can.
        let _ = file.as_file().try_lock();
        Ok(AtomicFile {
            writer: BufWriter::new(file),
            path: path.to_owned(),
            place,
            kind: None,
            _made: None,
            _claim: None,
        })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings what was written so far to the disk, for who moves something else before this.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().as_file().sync_all()
    }

    /// What was written so far, read from the disk's side: what was meant to be written may be compared
    /// with it before anything appears.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_back(&mut self) -> io::Result<Vec<u8>> {
        self.writer.flush()?;
        let mut bytes = Vec::new();
        self.writer.get_ref().reopen()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Puts the file in its place, over an older one that it may replace.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists` where something came to stand there in the meantime.
    pub fn commit(self) -> io::Result<()> {
        let file = self
            .writer
            .into_inner()
            .map_err(|error| error.into_error())?;
        file.as_file().sync_all()?;
        match self.kind {
            None => drop(file.persist(&self.place).map_err(|error| error.error)?),
            Some(kind) => match kind.may_replace(&self.place) {
                Err(Refused::System(error)) => return Err(error),
                Err(_) => {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Ok(()) if self.place.exists() => {
                    drop(file.persist(&self.place).map_err(|error| error.error)?);
                }
                Ok(()) => drop(put(file, &self.place)?),
            },
        }
        sync_folder_of(&self.place);
        Ok(())
    }

    /// Writes the rest of the file and puts it in its place.
    ///
    /// # Errors
    /// As [`AtomicFile::commit`].
    pub fn finish(mut self, rest: &[u8]) -> io::Result<()> {
        self.write_all(rest)?;
        self.commit()
    }
}

/// Where a file that is written to `path` really goes: where that is a link, to what it leads to.
///
/// # Errors
/// Of something there that is not a file: a pipe or a device is not replaced by one, and a folder
/// cannot be.
fn place_of(path: &Path) -> io::Result<PathBuf> {
    let place = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => path.canonicalize()?,
        _ => path.to_owned(),
    };
    match tensor::regular_metadata(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(place),
    }
}

/// Moves a file to a place where nothing stands. Not every file system can refuse to replace.
fn put(file: tempfile::NamedTempFile, place: &Path) -> io::Result<File> {
    file.persist_noclobber(place).or_else(|refused| {
        let exists = refused.error.kind() == io::ErrorKind::AlreadyExists;
        match exists || place.symlink_metadata().is_ok() {
            true => Err(refused.error),
            false => refused.file.persist(place).map_err(|error| error.error),
        }
    })
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Removes the unfinished files of a folder that nobody writes to any more, the first time that this
/// process writes there. Without locks only their age tells.
fn sweep_once(folder: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if swept.insert(folder.to_owned()) {
        drop(swept);
        sweep(folder, FORGOTTEN);
    }
}

/// Whether a name is one that only unfinished files of museau's have.
pub fn is_unfinished(name: &OsStr) -> bool {
    let between = name.to_str().and_then(|name| {
        let name = name.strip_prefix(PREFIX)?;
        name.strip_suffix(SUFFIX)?.split_once('-')
    });
    between.is_some_and(|(process, drawn)| {
        process
            .parse::<u32>()
            .is_ok_and(|number| number.to_string() == process)
            && drawn.len() == DRAWN
            && drawn.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// Removes museau's own unfinished files of a folder that no process writes to any more and that were
/// not changed for so long.
pub fn sweep(folder: &Path, age: Duration) {
    for file in folder.read_dir().into_iter().flatten().flatten() {
        if !is_unfinished(&file.file_name()) {
            continue;
        }
        let age = match Lock::is_held(&file.path()) {
            Some(true) => continue,
            Some(false) => age,
            None => FORGOTTEN,
        };
        let forgotten = file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|since| since >= age));
        if forgotten {
            let _ = super::remove(&file.path());
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
        assert_eq!(file.read_back().unwrap(), b"half");
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
            (".museau-1-aaaaaaaaaaaa.part", true),
            (".museau-1-bbbbbbbbbbbb.part", false),
            (".museau-notes.part", true),
            (".museau-notes1.part", true),
            (".museau-1-my notes now.part", true),
            ("mine.part", true),
        ] {
            let file = File::create(folder.path().join(name)).unwrap();
            if old {
                file.set_modified(days_ago).unwrap();
            }
        }
        let there = |name: &str| folder.path().join(name).exists();
        drop(AtomicFile::create(&folder.path().join("a.csv")).unwrap());
        assert!(!there(".museau-1-aaaaaaaaaaaa.part") && there(".museau-1-bbbbbbbbbbbb.part"));
        for theirs in [
            ".museau-notes",
            ".museau-notes1",
            ".museau-1-my notes now",
            "mine",
        ] {
            assert!(there(&format!("{theirs}.part")), "{theirs}");
        }
        sweep(folder.path(), Duration::ZERO);
        assert!(there(".museau-notes.part") && !there(".museau-1-bbbbbbbbbbbb.part"));
    }

    #[test]
    fn what_is_still_written_is_not_swept_and_what_was_killed_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create(&folder.path().join("a.csv")).unwrap();
        file.write_all(b"half").unwrap();
        let killed = folder.path().join(".museau-4711-Killed012345.part");
        let mut names = folder.path().read_dir().unwrap().flatten();
        assert!(names.all(|file| is_unfinished(&file.file_name())));
        std::fs::write(&killed, "half").unwrap();
        sweep(folder.path(), Duration::ZERO);
        assert!(!killed.exists());
        file.finish(b"").unwrap();
        assert!(folder.path().join("a.csv").exists());
    }

    #[test]
    fn what_came_to_stand_there_in_the_meantime_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.museau");
        let file = AtomicFile::begin(&path, Kind::Package).unwrap();
        std::fs::write(&path, "hours of work").unwrap();
        let refused = file.finish(b"another").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"hours of work");
        assert!(AtomicFile::begin(&path, Kind::Package).is_err());
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn no_two_results_go_to_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.html");
        let first = AtomicFile::begin(&path, Kind::Page).unwrap();
        std::fs::create_dir(folder.path().join("other")).unwrap();
        for same in [path.clone(), folder.path().join("other/../new/./a.html")] {
            let refused = AtomicFile::begin(&same, Kind::Predictions).err();
            assert!(matches!(refused, Some(Refused::Twice)), "{refused:?}");
        }
        AtomicFile::begin(&folder.path().join("new/b.html"), Kind::Page).unwrap();
        drop(first);
        AtomicFile::begin(&path, Kind::Page).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_written_through_and_a_device_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("real")).unwrap();
        std::fs::write(at("real/a.csv"), "old").unwrap();
        std::os::unix::fs::symlink("real/a.csv", at("a.csv")).unwrap();
        AtomicFile::create(&at("a.csv"))
            .unwrap()
            .finish(b"new")
            .unwrap();
        assert!(at("a.csv").symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(at("real/a.csv")).unwrap(), b"new");
        assert!(AtomicFile::create(Path::new("/dev/null")).is_err());
        assert!(AtomicFile::begin(Path::new("/dev/null"), Kind::Page).is_err());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(AtomicFile::create(&folder.path().join("file/table.csv")).is_err());
        assert!(AtomicFile::create(folder.path()).is_err());
    }
}

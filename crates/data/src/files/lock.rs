//! Locks between processes: an empty file that one process holds.
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Held until it is dropped, or the process ends, however it does. Where a file system knows no locks,
/// everybody gets it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    /// Whether the file was not there before.
    made: bool,
}

impl Lock {
    /// Waits until no other process holds it.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(path: &Path) -> io::Result<Lock> {
        let lock = Lock::open(path)?;
        match lock.file.lock() {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
            _ => Ok(lock),
        }
    }

    /// Takes it at once; `None` where another process holds it.
    ///
    /// # Errors
    /// What the system says.
    pub fn take(path: &Path) -> io::Result<Option<Lock>> {
        let lock = Lock::open(path)?;
        match lock.file.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Some(lock))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a process holds it; `None` where that cannot be told. Changes nothing.
    pub fn is_held(path: &Path) -> Option<bool> {
        // Who works there has it for themselves; who looks shares it, and lets it go at once.
        match tensor::open_regular(path).map(|file| file.try_lock_shared()) {
            Ok(Ok(())) => Some(false),
            Ok(Err(TryLockError::WouldBlock)) => Some(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
            _ => None,
        }
    }

    fn open(path: &Path) -> io::Result<Lock> {
        let made = path.symlink_metadata().is_err();
        // What is in a file of that name stays in it.
        let file = super::unfinished(path)?;
        let path = path.to_owned();
        Ok(Lock { file, path, made })
    }

    /// Lets it go, and removes its file where there was none before.
    pub fn undo(self) {
        if self.made {
            let _ = super::remove(&self.path);
        }
    }

    /// Lets it go, and removes its file, which is of no more use.
    pub fn remove(self) {
        let empty = self.file.metadata().is_ok_and(|found| found.len() == 0);
        if empty {
            let _ = super::remove(&self.path);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_what_is_in_its_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.lock");
        assert!(Lock::is_held(&path) == Some(false) && !path.exists());
        let held = Lock::take(&path).unwrap().unwrap();
        assert_eq!(Lock::is_held(&path), Some(true));
        assert!(Lock::take(&path).unwrap().is_none());
        held.undo();
        assert!(!path.exists());
        std::fs::write(&path, "mine").unwrap();
        Lock::take(&path).unwrap().unwrap().undo();
        Lock::wait(&path).unwrap().remove();
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}

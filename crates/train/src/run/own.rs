//! Which files in a run's folder are the run's own: those that this process wrote there and nobody
//! changed since, and those that prove it by their content. Whatever else stands under such a name is a
//! person's, and is moved aside before the run writes there.
use data::files;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What tells a file from another version of itself, without reading it.
type Mark = (u64, Option<SystemTime>);

/// What is known of the files in one folder.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Each file as it was when it was last judged, and whether it was the run's own.
    judged: Mutex<BTreeMap<PathBuf, (Mark, bool)>>,
    moved: Mutex<Vec<(PathBuf, PathBuf)>>,
}

impl Own {
    /// Whether a regular file at `path` is the run's own: as this process wrote it, empty, or so by its
    /// content. A link leads to what is somebody else's.
    pub fn has(&self, path: &Path, proves: impl FnOnce(&[u8]) -> bool) -> bool {
        let Some(mark) = mark_of(path) else {
            return false;
        };
        if let Some(own) = self.judgement(path, mark) {
            return own;
        }
        let read = || tensor::read_named(path);
        let own = mark.0 == 0 || read().is_ok_and(|bytes| proves(&bytes));
        locked(&self.judged).insert(path.to_owned(), (mark, own));
        own
    }

    fn judgement(&self, path: &Path, mark: Mark) -> Option<bool> {
        let judged = locked(&self.judged);
        let (known, own) = judged.get(path)?;
        (*known == mark).then_some(*own)
    }

    /// Whether a file is as this process wrote it or found it to be the run's own.
    pub fn is_known(&self, path: &Path) -> bool {
        mark_of(path).is_some_and(|mark| self.judgement(path, mark) == Some(true))
    }

    /// Notes that this process has just written a file.
    pub fn wrote(&self, path: &Path) {
        if let Some(mark) = mark_of(path) {
            locked(&self.judged).insert(path.to_owned(), (mark, true));
        }
    }

    /// Makes room for a file of the run: a file or a link that is not its own gets another name. Says
    /// whether one of its own stands there. A folder or a pipe stays: the file cannot be written then.
    pub fn make_room(&self, path: &Path, proves: impl FnOnce(&[u8]) -> bool) -> io::Result<bool> {
        let found = path.symlink_metadata();
        if !found.is_ok_and(|found| found.is_file() || found.is_symlink()) {
            return Ok(false);
        }
        if self.has(path, proves) {
            return Ok(true);
        }
        let to = free_name(path);
        files::place(path, &to)?;
        locked(&self.moved).push((path.to_owned(), to));
        Ok(false)
    }

    /// What was moved aside since this was last asked: from where, to where.
    pub fn take_moved(&self) -> Vec<(PathBuf, PathBuf)> {
        std::mem::take(&mut locked(&self.moved))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` where there is no regular file of this name.
fn mark_of(path: &Path) -> Option<Mark> {
    let found = path.symlink_metadata().ok().filter(Metadata::is_file)?;
    Some((found.len(), found.modified().ok()))
}

/// `NAME.moved`, `NAME.moved-2`, ...: the first that is free.
fn free_name(path: &Path) -> PathBuf {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(".moved");
        if number > 1 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    let is_free = |path: &PathBuf| path.symlink_metadata().is_err();
    let mut names = (1..).map(name);
    names.find(is_free).expect("a folder holds fewer files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_run_s_own_gets_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (own, path) = (Own::default(), at("a.csv"));
        let write = |text: &str| std::fs::write(at("a.csv"), text).unwrap();
        assert!(!own.make_room(&path, |_| false).unwrap(), "nothing there");
        for theirs in ["mine", "mine too"] {
            write(theirs);
            assert!(!own.make_room(&path, |_| false).unwrap() && !path.exists());
        }
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        assert_eq!(
            (read("a.csv.moved"), read("a.csv.moved-2")),
            ("mine".into(), "mine too".into())
        );
        let moved: Vec<PathBuf> = own.take_moved().into_iter().map(|(_, to)| to).collect();
        assert_eq!(moved, [at("a.csv.moved"), at("a.csv.moved-2")]);
        assert!(own.take_moved().is_empty());
        // What was written here is known until it is changed; what proves itself always.
        write("ours");
        own.wrote(&path);
        assert!(own.make_room(&path, |_| false).unwrap());
        write("changed");
        assert!(!own.is_known(&path) && own.has(&at("a.csv.moved"), |bytes| bytes == b"mine"));
        write("ours again");
        assert!(
            own.make_room(&path, |bytes| bytes == b"ours again")
                .unwrap()
        );
        write("");
        assert!(own.make_room(&path, |_| false).unwrap(), "nothing to lose");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("a.csv.moved"), at("link")).unwrap();
            assert!(!own.make_room(&at("link"), |_| true).unwrap());
            assert!(at("link.moved").symlink_metadata().unwrap().is_symlink());
        }
        std::fs::create_dir(at("folder")).unwrap();
        assert!(!own.make_room(&at("folder"), |_| true).unwrap() && at("folder").is_dir());
    }
}

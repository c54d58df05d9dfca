//! Opening a database to look at: nothing is changed, not even where it is older or lies on read-only
//! media.
use super::schema::{self, MIGRATIONS};
use super::{Fault, Sqlite, all_regular, connection, meant, shown};
use crate::error::Error;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::io;
use std::path::Path;
use std::time::Duration;

impl Sqlite {
    /// Opens a database to look at; nothing in it can be changed. [`Error::NothingThere`] where
    /// there is no file or no run was ever recorded.
    pub fn open_read_only(path: &Path, busy: Duration) -> Result<Self, Error> {
        match all_regular(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let place = shown(path);
                return Err(Error::NothingThere { place });
            }
            Err(source) => {
                let place = shown(path);
                return Err(Error::CannotOpen { place, source });
            }
            Ok(()) => {}
        }
        Sqlite::look(path, busy, MIGRATIONS)
    }

    /// Opens a database to look at, with tables as after these migrations.
    fn look(path: &Path, busy: Duration, migrations: &[&str]) -> Result<Self, Error> {
        let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        let version = |connection: &Connection| schema::version(connection, path, newest);
        let connection = connection(path, busy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (connection, found) = match version(&connection) {
            Err(Fault::Sqlite(error)) if needs_more_files(&error) => {
                let connection = unchanging(path).map_err(|_| Fault::Sqlite(error).at(path))?;
                let found = version(&connection);
                (connection, found)
            }
            found => (connection, found),
        };
        match found.map_err(|fault| fault.at(path))? {
            0 => Err(Error::NothingThere { place: shown(path) }),
            // Who looks changes nothing: older tables are brought up to date in a copy in memory.
            found if found < newest => {
                let copy = copy_in_memory(&connection).map_err(|error| meant(path, &error))?;
                schema::migrate(&copy, path, migrations).map_err(|fault| fault.at(path))?;
                // The copy is the file's, and refuses as it does.
                copy.pragma_update(None, "query_only", true)
                    .map_err(|error| meant(path, &error))?;
                Ok(Sqlite::of(path, copy))
            }
            _ => Ok(Sqlite::of(path, connection)),
        }
    }
}

/// Whether a database with a write-ahead log cannot be looked at as it is usually done, because the
/// files beside it cannot be made: it lies on read-only media, or in a folder of somebody else.
fn needs_more_files(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    let code = error.sqlite_error_code();
    matches!(code, Some(CannotOpen | PermissionDenied | ReadOnly))
}

/// Opens a database that nobody writes to. What a writer left in the log beside it is read too.
fn unchanging(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = Path::new(&log).metadata().is_ok_and(|log| log.len() > 0);
    if cfg!(unix) && has_log {
        // Without locks, which need files of their own, and with the log's index in memory.
        let connection = Connection::open_with_flags(uri(path, "vfs=unix-none"), flags)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        Ok(connection)
    } else {
        Connection::open_with_flags(uri(path, "immutable=1"), flags)
    }
}

/// A path as SQLite's URI, with an option.
fn uri(path: &Path, option: &str) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri + "?mode=ro&" + option
}

/// All of a database, in memory.
fn copy_in_memory(connection: &Connection) -> Result<Connection, rusqlite::Error> {
    /// Copied at a time.
    const PAGES: i32 = 10_000;
    let mut copy = Connection::open_in_memory()?;
    let backup = rusqlite::backup::Backup::new(connection, &mut copy)?;
    backup.run_to_completion(PAGES, Duration::from_millis(10), None)?;
    drop(backup);
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewRun, Options, State, Storage};
    use std::path::PathBuf;
    use std::sync::Arc;

    /// A database with a run of this name, whose file nobody has open any more.
    fn with_run(path: &Path, name: &str) {
        let storage = Storage::open(path).unwrap();
        let new = NewRun {
            name: name.to_owned(),
            ..NewRun::default()
        };
        let recorder = storage.begin(&new).unwrap();
        recorder.finish(State::Complete).unwrap();
    }

    fn names(storage: &Storage) -> Vec<String> {
        let runs = storage.runs(&crate::RunQuery::default()).unwrap();
        runs.into_iter().map(|run| run.name).collect()
    }

    #[cfg(unix)]
    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| path.is_file());
        let mut files: Vec<_> = files
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// What was there is as it was; SQLite may leave an empty log where the medium can be written.
    fn unchanged(folder: &Path, before: &[(PathBuf, Vec<u8>)]) {
        let now = files(folder);
        for (path, bytes) in before {
            let found = now.iter().find(|(other, _)| other == path);
            assert!(found.is_some_and(|(_, found)| found == bytes), "{path:?}");
        }
        for (path, bytes) in &now {
            let known = before.iter().any(|(other, _)| other == path);
            assert!(known || bytes.is_empty(), "{path:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_database_beside_which_no_file_can_be_made_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        // What a URI would take for its own.
        let path = folder.path().join("runs 100%?#.sqlite");
        with_run(&path, "first");
        // As on read-only media: the index of the log cannot be made.
        let nowhere = Path::new("/no/such/folder/index");
        let index = folder.path().join("runs 100%?#.sqlite-shm");
        std::os::unix::fs::symlink(nowhere, &index).unwrap();
        let before = files(folder.path());
        assert_eq!(names(&Storage::open_read_only(&path).unwrap()), ["first"]);
        unchanged(folder.path(), &before);
        std::fs::remove_file(&index).unwrap();

        // What is in the log alone is seen too.
        let storage = Storage::open(&path).unwrap();
        let new = NewRun {
            name: "second".to_owned(),
            ..NewRun::default()
        };
        let _recorder = storage.begin(&new).unwrap();
        let copy = tempfile::tempdir().unwrap();
        for ending in ["", "-wal"] {
            let name = format!("runs 100%?#.sqlite{ending}");
            std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
        }
        let path = copy.path().join("runs 100%?#.sqlite");
        let index = copy.path().join("runs 100%?#.sqlite-shm");
        std::os::unix::fs::symlink(nowhere, index).unwrap();
        let before = files(copy.path());
        let found = names(&Storage::open_read_only(&path).unwrap());
        assert!(
            found == ["second", "first"] || found == ["first", "second"],
            "{found:?}"
        );
        unchanged(copy.path(), &before);
    }

    #[test]
    fn who_looks_at_older_tables_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.sqlite");
        with_run(&path, "old");
        let longer = [MIGRATIONS, &["ALTER TABLE runs ADD COLUMN note TEXT;"]].concat();
        let before = std::fs::read(&path).unwrap();
        let sqlite = Arc::new(Sqlite::look(&path, Duration::ZERO, &longer).unwrap());
        let storage = Storage::over(sqlite.clone(), Options::default());
        assert_eq!(names(&storage), ["old"]);
        let note = sqlite.read(|transaction| {
            let text = "SELECT count(*) FROM runs WHERE note IS NULL";
            Ok(transaction.query_row(text, [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(note.unwrap(), 1);
        let id = storage.find("old").unwrap();
        let refused = storage.remove(&[id]);
        assert!(
            matches!(refused, Err(Error::ReadOnly { .. })),
            "{refused:?}"
        );
        drop((storage, sqlite));
        assert!(std::fs::read(&path).unwrap() == before);
    }
}

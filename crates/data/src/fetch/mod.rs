//! Fetching a published data set: its archives, whole, checked, and resumed after a break.
//!
//! An archive arrives in `NAME.part`; only when its length and its checksum are right does it get
//! its name. A rerun goes on where the last one ended, whatever ended it.

mod error;
mod origin;
mod sources;
#[cfg(test)]
mod tests;

pub use error::FetchError;
pub use origin::Origin;
pub use sources::{Archive, DataSource, SOURCES};

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::files;

use origin::{Opener, Stream, Unopened};

/// How patiently to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long the other side may say nothing.
    pub silence: Duration,
    /// How often to try again after breaks between which nothing arrived.
    pub tries: u32,
    /// The pause before the first new try; it doubles with each.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            silence: Duration::from_secs(20),
            tries: 4,
            pause: Duration::from_secs(1),
        }
    }
}

/// What is told while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum FetchEvent<'a> {
    /// So many bytes of the archive are there.
    Bytes(u64),
    /// It broke off, and is tried again after a pause.
    Pause {
        /// What happened.
        reason: &'a str,
        /// How long until the next try.
        pause: Duration,
    },
}

/// Hears of each event.
pub type FetchProgress<'a> = &'a dyn Fn(FetchEvent<'_>);

/// What became of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was there, and right, before.
    pub was_there: bool,
}

/// Fetches an archive into `folder`.
///
/// # Errors
/// See [`FetchError`]. What had arrived is kept for a rerun, unless it is wrong.
pub fn fetch(
    archive: &Archive,
    origin: &Origin,
    folder: &Path,
    patience: &Patience,
    progress: FetchProgress<'_>,
) -> Result<Fetched, FetchError> {
    let path = folder.join(archive.name);
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::File { path, source }
    };
    if path.exists() {
        let found = tensor::open_regular(&path)
            .and_then(|mut file| {
                Arrived::read(&mut file, &|bytes| progress(FetchEvent::Bytes(bytes)))
            })
            .map_err(file_error(&path))?;
        found.check(archive, &path.display().to_string())?;
        return Ok(Fetched {
            path,
            was_there: true,
        });
    }
    let part = folder.join(format!("{}.part", archive.name));
    let mut file = files::unfinished(&part).map_err(file_error(&part))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(FetchError::InUse { path: part }),
        Err(TryLockError::Error(source)) => return Err(file_error(&part)(source)),
    }
    let opener = Opener::new(origin, patience.silence);
    let place = opener.place(archive.name);
    // Twice at most: what an earlier run left may be of another file.
    let mut resumed = file.metadata().map_err(file_error(&part))?.len() > 0;
    loop {
        let arrived = transfer(archive, &opener, &mut file, &part, patience, progress)?;
        match arrived.check(archive, &place) {
            Ok(()) => break,
            Err(error) => {
                files::restart(&mut file).map_err(file_error(&part))?;
                if !std::mem::take(&mut resumed) {
                    drop(file);
                    files::remove(&part).map_err(file_error(&part))?;
                    return Err(error);
                }
            }
        }
    }
    file.sync_all().map_err(file_error(&part))?;
    files::place(&part, &path).map_err(file_error(&path))?;
    Ok(Fetched {
        path,
        was_there: false,
    })
}

/// Goes on with the unfinished file until it has all bytes of the archive, through breaks.
fn transfer(
    archive: &Archive,
    opener: &Opener<'_>,
    file: &mut File,
    part: &Path,
    patience: &Patience,
    progress: FetchProgress<'_>,
) -> Result<Arrived, FetchError> {
    let place = opener.place(archive.name);
    let file_error = |source| FetchError::File {
        path: part.to_owned(),
        source,
    };
    rewind(file).map_err(file_error)?;
    let mut arrived =
        Arrived::read(file, &|bytes| progress(FetchEvent::Bytes(bytes))).map_err(file_error)?;
    if arrived.bytes > archive.bytes {
        arrived.restart(file).map_err(file_error)?;
    }
    let mut fruitless = 0;
    while arrived.bytes < archive.bytes {
        let before = arrived.bytes;
        let done = match opener.open(archive.name, arrived.bytes) {
            Err(Unopened::Refused(error)) => return Err(error),
            Err(Unopened::Broken(reason)) => Err(Interruption::Reading(io::Error::other(reason))),
            Ok(stream) => {
                if let Some(found) = stream.length
                    && found != archive.bytes
                {
                    let wanted = archive.bytes;
                    return Err(FetchError::WrongLength {
                        place,
                        found,
                        wanted,
                    });
                }
                let over = stream.start != arrived.bytes;
                if over && stream.length.is_none() {
                    // A page to log in on, perhaps: not worth what is there already.
                    Err(Interruption::Reading(io::ErrorKind::InvalidData.into()))
                } else {
                    if over {
                        arrived.restart(file).map_err(file_error)?;
                    }
                    receive(stream, archive, file, &mut arrived, progress)
                }
            }
        };
        let reason = match done {
            Ok(()) if arrived.bytes == archive.bytes => break,
            Ok(()) => io::Error::from(io::ErrorKind::UnexpectedEof).to_string(),
            Err(Interruption::Reading(error)) => error.to_string(),
            Err(Interruption::Writing(source)) => return Err(file_error(source)),
        };
        fruitless = if arrived.bytes > before {
            0
        } else {
            fruitless + 1
        };
        if fruitless > patience.tries {
            return Err(FetchError::Broken {
                place,
                arrived: arrived.bytes,
                reason,
            });
        }
        let pause = patience.pause * 2u32.saturating_pow(fruitless.saturating_sub(1));
        let reason = &reason;
        progress(FetchEvent::Pause { reason, pause });
        std::thread::sleep(pause);
    }
    Ok(arrived)
}

enum Interruption {
    Reading(io::Error),
    Writing(io::Error),
}

/// Appends what comes, at most up to the archive's length.
fn receive(
    stream: Stream,
    archive: &Archive,
    file: &mut File,
    arrived: &mut Arrived,
    progress: FetchProgress<'_>,
) -> Result<(), Interruption> {
    let mut reader = stream.reader.take(archive.bytes - arrived.bytes);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Interruption::Reading(error)),
        };
        file.write_all(&buffer[..count])
            .map_err(Interruption::Writing)?;
        arrived.add(&buffer[..count]);
        progress(FetchEvent::Bytes(arrived.bytes));
    }
}

fn rewind(file: &mut File) -> io::Result<()> {
    io::Seek::rewind(file)
}

/// The bytes that are there: how many, and their checksum so far.
struct Arrived {
    bytes: u64,
    hash: Sha256,
}

impl Arrived {
    /// Reads a file to its end, so that it can be gone on with there.
    fn read(file: &mut File, progress: &dyn Fn(u64)) -> io::Result<Self> {
        let mut arrived = Arrived {
            bytes: 0,
            hash: Sha256::new(),
        };
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(arrived),
                count => arrived.add(&buffer[..count]),
            }
            progress(arrived.bytes);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Throws away what is there.
    fn restart(&mut self, file: &mut File) -> io::Result<()> {
        files::restart(file)?;
        self.bytes = 0;
        self.hash = Sha256::new();
        Ok(())
    }

    fn check(self, archive: &Archive, place: &str) -> Result<(), FetchError> {
        let place = place.to_owned();
        if self.bytes != archive.bytes {
            let (found, wanted) = (self.bytes, archive.bytes);
            return Err(FetchError::WrongLength {
                place,
                found,
                wanted,
            });
        }
        let digest = self.hash.finalize();
        let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if found != archive.sha256 {
            let wanted = archive.sha256.to_owned();
            return Err(FetchError::WrongBytes {
                place,
                found,
                wanted,
            });
        }
        Ok(())
    }
}

//! Fetching what is published, such as a data set: its archives, whole, checked, and resumed after a
//! break.
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
pub use sources::{Archive, Checksum, DataSource, SOURCES};

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::Md5;
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
    Bytes {
        /// Those that are there.
        arrived: u64,
        /// All, where that is known.
        all: Option<u64>,
    },
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
            .and_then(|mut file| Arrived::read(archive, &mut file, progress))
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
        let arrived = match transfer(archive, &opener, &mut file, &part, patience, progress) {
            Ok(arrived) => arrived,
            Err(error) => {
                // There is nothing to go on from.
                if file.metadata().is_ok_and(|found| found.len() == 0) {
                    drop(file);
                    let _ = files::remove(&part);
                }
                return Err(error);
            }
        };
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
    let mut arrived = Arrived::read(archive, file, progress).map_err(file_error)?;
    // The published length, or what the other side says.
    let mut length = archive.bytes;
    let mut fruitless = 0;
    loop {
        if length.is_some_and(|length| arrived.bytes > length) {
            arrived.restart(file).map_err(file_error)?;
        }
        if length == Some(arrived.bytes) {
            break;
        }
        let before = arrived.bytes;
        let done = match opener.open(archive.name, arrived.bytes) {
            Err(Unopened::Refused(error)) => return Err(error),
            Err(Unopened::Broken(reason)) => Err(Interruption::Reading(io::Error::other(reason))),
            Ok(stream) => {
                if let (Some(found), Some(wanted)) = (stream.length, archive.bytes)
                    && found != wanted
                {
                    return Err(FetchError::WrongLength {
                        place,
                        found,
                        wanted,
                    });
                }
                if archive.bytes.is_none() && stream.length.is_some() {
                    length = stream.length;
                    // All was there, and nobody knew.
                    if length == Some(arrived.bytes) {
                        break;
                    }
                }
                let over = stream.start != arrived.bytes;
                if over && stream.length.is_none() {
                    // A page to log in on, perhaps: not worth what is there already.
                    Err(Interruption::Reading(io::ErrorKind::InvalidData.into()))
                } else {
                    if over {
                        arrived.restart(file).map_err(file_error)?;
                    }
                    let progress = |arrived| {
                        let all = length;
                        progress(FetchEvent::Bytes { arrived, all });
                    };
                    receive(
                        stream,
                        length.unwrap_or(LARGEST),
                        file,
                        &mut arrived,
                        &progress,
                    )
                }
            }
        };
        let reason = match done {
            // Who does not say how much there is says by the end that it was all.
            Ok(()) if length.is_none_or(|length| arrived.bytes == length) => break,
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

/// Most bytes of an archive whose length nobody says.
const LARGEST: u64 = 4 << 30;

enum Interruption {
    Reading(io::Error),
    Writing(io::Error),
}

/// Appends what comes, at most up to this length.
fn receive(
    stream: Stream,
    length: u64,
    file: &mut File,
    arrived: &mut Arrived,
    progress: &dyn Fn(u64),
) -> Result<(), Interruption> {
    let mut reader = stream.reader.take(length.saturating_sub(arrived.bytes));
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
        progress(arrived.bytes);
    }
}

fn rewind(file: &mut File) -> io::Result<()> {
    io::Seek::rewind(file)
}

/// The bytes that are there: how many, and their checksum so far.
struct Arrived {
    bytes: u64,
    hash: Hash,
}

/// A checksum of the kind that is published.
enum Hash {
    Sha256(Sha256),
    Md5(Md5),
    None,
}

impl Hash {
    fn of(checksum: Checksum) -> Self {
        match checksum {
            Checksum::Sha256(_) => Hash::Sha256(Sha256::new()),
            Checksum::Md5(_) => Hash::Md5(Md5::new()),
            Checksum::Unknown => Hash::None,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hash::Sha256(hash) => hash.update(bytes),
            Hash::Md5(hash) => hash.update(bytes),
            Hash::None => {}
        }
    }

    /// In hexadecimal.
    fn finish(self) -> String {
        let digits = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Hash::Sha256(hash) => digits(&hash.finalize()),
            Hash::Md5(hash) => digits(&hash.finalize()),
            Hash::None => String::new(),
        }
    }
}

impl Arrived {
    fn none(archive: &Archive) -> Self {
        Arrived {
            bytes: 0,
            hash: Hash::of(archive.checksum),
        }
    }

    /// Reads a file to its end, so that it can be gone on with there.
    fn read(archive: &Archive, file: &mut File, progress: FetchProgress<'_>) -> io::Result<Self> {
        let mut arrived = Arrived::none(archive);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(arrived),
                count => arrived.add(&buffer[..count]),
            }
            let (arrived, all) = (arrived.bytes, archive.bytes);
            progress(FetchEvent::Bytes { arrived, all });
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
        self.hash = match self.hash {
            Hash::Sha256(_) => Hash::Sha256(Sha256::new()),
            Hash::Md5(_) => Hash::Md5(Md5::new()),
            Hash::None => Hash::None,
        };
        Ok(())
    }

    fn check(self, archive: &Archive, place: &str) -> Result<(), FetchError> {
        let place = place.to_owned();
        if let Some(wanted) = archive.bytes
            && self.bytes != wanted
        {
            let found = self.bytes;
            return Err(FetchError::WrongLength {
                place,
                found,
                wanted,
            });
        }
        let wanted = match archive.checksum {
            Checksum::Sha256(wanted) | Checksum::Md5(wanted) => wanted,
            Checksum::Unknown => return Ok(()),
        };
        let found = self.hash.finish();
        if found != wanted {
            let wanted = wanted.to_owned();
            return Err(FetchError::WrongBytes {
                place,
                found,
                wanted,
            });
        }
        Ok(())
    }
}

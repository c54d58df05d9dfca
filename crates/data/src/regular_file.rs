//! Reads a whole regular file, within a limit.

use std::io::{self, Read as _};
use std::path::Path;

/// The bytes of a file, at most `most` of them: a longer one is an error of kind `FileTooLarge`. What
/// it is is looked at before it is opened, since opening a pipe waits for whoever writes into it.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = tensor::open_regular(path)?;
    let found = file.metadata()?;
    let mut bytes = Vec::new();
    if found.len() <= most {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if found.len().max(bytes.len() as u64) > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

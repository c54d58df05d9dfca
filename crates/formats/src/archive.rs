//! The zip archives that PyTorch and Keras write: files stored as they are.
use crate::FormatError;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{Cursor, Read};

const FORMAT: &str = "zip";

fn damaged(detail: impl Display) -> FormatError {
    FormatError::damaged(FORMAT, detail)
}

/// All files of an archive whose files are stored as they are, each against its checksum.
pub(crate) fn unzip(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, FormatError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut files = BTreeMap::new();
    let mut total = 0usize;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(damaged)?;
        if file.compression() != zip::CompressionMethod::Stored {
            return Err(FormatError::unsupported(FORMAT, "a compressed archive"));
        }
        let name = file.name().map_err(damaged)?.into_owned();
        // Damaged directories may let many names share the same bytes.
        total = total.saturating_add(usize::try_from(file.size()).unwrap_or(usize::MAX));
        if total > bytes.len() {
            return Err(damaged("an archive that claims more than it holds"));
        }
        let mut data = Vec::new();
        file.read_to_end(&mut data)
            .map_err(|error| damaged(format!("`{name}`: {error}")))?;
        files.insert(name, data);
    }
    Ok(files)
}

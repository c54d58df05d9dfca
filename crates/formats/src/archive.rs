//! The zip archives that PyTorch and Keras write: files stored as they are.
use crate::FormatError;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

const FORMAT: &str = "zip";

fn damaged(detail: impl Into<String>) -> FormatError {
    FormatError::Damaged {
        format: FORMAT,
        detail: detail.into(),
    }
}

/// All files of an archive whose files are stored as they are, each against its checksum.
pub(crate) fn unzip(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, FormatError> {
    let zip_error = |error: zip::result::ZipError| damaged(error.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(zip_error)?;
    let mut files = BTreeMap::new();
    let mut total = 0usize;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(zip_error)?;
        if file.compression() != zip::CompressionMethod::Stored {
            return Err(FormatError::Unsupported {
                format: FORMAT,
                detail: "a compressed archive".into(),
            });
        }
        let name = match file.name() {
            Ok(name) => name.into_owned(),
            Err(error) => return Err(damaged(error.to_string())),
        };
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

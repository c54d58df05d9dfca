//! What a file of weights may hold: far above what any network has, far below what would exhaust the
//! memory.
use crate::FormatError;

/// Most tensors, and most texts beside them. The largest networks of the zoo's kinds have some
/// thousands, with an optimiser's state some ten thousands.
pub(crate) const MOST_TENSORS: usize = 100_000;

/// Longest name of a tensor, bytes.
pub(crate) const LONGEST_NAME: usize = 1000;

/// Most values for each byte of the file: one is what numbers of 8 bits need; some files are
/// compressed a little, or have several views of one storage.
pub(crate) const EXPANSION: usize = 4;

/// The values of the tensors read from one file, counted before each is read.
pub(crate) struct ValueCount {
    format: &'static str,
    /// Bytes of the file.
    file_length: usize,
    values: usize,
}

impl ValueCount {
    pub(crate) fn new(format: &'static str, file_length: usize) -> Self {
        ValueCount {
            format,
            file_length,
            values: 0,
        }
    }

    /// Counts the values of a further tensor; fails where a file of this length cannot hold them.
    pub(crate) fn add(&mut self, values: usize) -> Result<(), FormatError> {
        self.values = self.values.saturating_add(values);
        if self.values > self.file_length.saturating_mul(EXPANSION) {
            return Err(FormatError::TooLarge {
                format: self.format,
                elements: self.values,
                bytes: self.file_length,
            });
        }
        Ok(())
    }
}

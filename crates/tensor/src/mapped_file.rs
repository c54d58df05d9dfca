//! A file's bytes in memory without reading them: the system brings in the pages that are looked at.
use std::io;
use std::path::Path;

/// The bytes of a whole file, read-only.
#[derive(Debug)]
pub struct MappedFile {
    map: memmap2::Mmap,
}

impl MappedFile {
    /// Maps a file that nothing writes to any more: it was written whole under another name and
    /// moved to its place, and is only ever replaced or removed as a whole, which leaves an open map
    /// as it was. A program that shortens the file in place while it is mapped ends this one.
    ///
    /// # Errors
    /// What the system says when the file cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = crate::open_regular(path)?;
        // SAFETY: the map is read-only, and the caller says above that nobody writes to the file;
        // the bytes are checked by whoever reads them, and any byte is a valid `u8`.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(MappedFile { map })
    }
}

impl std::ops::Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_holds_the_bytes_of_the_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mapped_file.rs");
        assert_eq!(
            *MappedFile::open(&path).unwrap(),
            *std::fs::read(&path).unwrap()
        );
        assert!(MappedFile::open(path.parent().unwrap()).is_err());
        assert!(MappedFile::open(&path.join("none")).is_err());
    }
}

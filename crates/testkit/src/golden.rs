//! Where the files of tests are: small golden ones in the repository, large photos and weights in
//! folders that environment variables name.
use std::path::{Path, PathBuf};

/// The golden file `tests/golden/NAME`. The script beside it tells how it was made.
///
/// # Panics
/// Where it cannot be read.
pub fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The golden file `tests/golden/NAME` as little-endian f32.
///
/// # Panics
/// Where it cannot be read.
pub fn golden_f32(name: &str) -> Vec<f32> {
    let bytes = golden(name);
    let (pieces, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "{name} holds whole f32");
    pieces
        .iter()
        .map(|piece| f32::from_le_bytes(*piece))
        .collect()
}

/// The folder of test photos that `MUSEAU_TESTDATA` names. Where it names none, prints that the
/// tests were left out.
pub fn test_data() -> Option<PathBuf> {
    folder("MUSEAU_TESTDATA", "large photos")
}

/// The file of this name anywhere in the folder of weights that `MUSEAU_WEIGHTS` names. Where it
/// names none, or the file is not there, prints that the tests were left out.
pub fn weights_file(name: &str) -> Option<PathBuf> {
    let found = find(
        &folder("MUSEAU_WEIGHTS", "large files of weights")?,
        name,
        4,
    );
    if found.is_none() {
        println!("left out: `{name}` is not in the folder that MUSEAU_WEIGHTS names");
    }
    found
}

fn folder(variable: &str, what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("left out: tests on {what}, since {variable} names no folder");
    }
    folder
}

fn find(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    let deeper = depth.checked_sub(1)?;
    let mut folders: Vec<PathBuf> = folder
        .read_dir()
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    folders.iter().find_map(|folder| find(folder, name, deeper))
}

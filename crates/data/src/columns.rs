//! The columns of the tables that museau writes, by which it knows them again.
use std::io::Read as _;
use std::path::Path;

/// The columns, in their order.
///
/// | column | holds |
/// |---|---|
/// | `path` | where the photo lies: absolute, or relative to the manifest's folder; `/` between names. A photo inside an archive: the archive's path, `/`, the name inside |
/// | `offset` | for a photo inside an archive: at which byte it begins; else empty |
/// | `bytes` | the file's length |
/// | `hash` | BLAKE3 of the file, 64 hexadecimal digits |
/// | `class` | the class, as the folder or the table names it |
/// | `breed` | the breed that museau knows under this name, by its id; else empty |
/// | `split` | `train`, `val`, `test` or empty |
/// | `width`, `height` | pixels, upright |
/// | `original_width`, `original_height` | pixels of the photo that the boxes were drawn on, where an annotation tells; else empty |
/// | `boxes` | JSON: a list of `[xmin, ymin, xmax, ymax]` in pixels of `width` x `height`, upright (what is imported is taken to be in pixels as stored, whatever EXIF says, and turned) |
/// | `group` | photos of one animal share it; else empty |
pub const COLUMNS: [&str; 13] = [
    "path",
    "offset",
    "bytes",
    "hash",
    "class",
    "breed",
    "split",
    "width",
    "height",
    "original_width",
    "original_height",
    "boxes",
    "group",
];

/// The columns of a table of problems that an import found.
pub(crate) const PROBLEM_COLUMNS: [&str; 3] = ["path", "problem", "detail"];

/// The columns of a table of predictions that stand before those of the classes.
pub(crate) const PREDICTION_COLUMNS: [&str; 3] = ["path", "label", "answer"];

/// The columns of a table of the metrics of runs.
pub const RUN_COLUMNS: [&str; 5] = ["run", "name", "metric", "step", "value"];

/// Whether a file that begins so is a table of these columns, and of `more` behind them where it has
/// any, as museau writes it.
pub(crate) fn begins_with(head: &[u8], columns: &[&str], more: bool) -> bool {
    let end = if more { "," } else { "\n" };
    head.starts_with((columns.join(",") + end).as_bytes())
}

/// Whether a file's first line names the columns of a manifest, also as a spreadsheet saves it (with
/// a byte order mark, other separators, quotes).
pub fn is_manifest(path: &Path) -> bool {
    /// More than a manifest's first line has.
    const HEAD: u64 = 1024;
    let mut head = Vec::new();
    let read = tensor::open_regular(path);
    if read
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .is_err()
    {
        return false;
    }
    let text = String::from_utf8_lossy(&head);
    let first = text
        .trim_start_matches(['\u{feff}', '\r', '\n'])
        .lines()
        .next();
    let names: Vec<&str> = first
        .unwrap_or_default()
        .split([',', ';', '\t', '|'])
        .map(|name| name.trim().trim_matches('"'))
        .collect();
    COLUMNS.iter().all(|column| names.contains(column))
}

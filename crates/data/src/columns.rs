//! The columns of the tables that museau writes, by which it knows them again.
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;

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

/// What such a table says under `problem`.
pub(crate) const PROBLEM_KINDS: [&str; 12] = [
    "missing",
    "unreadable",
    "empty",
    "outside",
    "empty_class",
    "mislabelled",
    "two_labels",
    "named_twice",
    "no_label",
    "bad_annotation",
    "ignored_part",
    "alike_classes",
];

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

/// Whether a table stands, to the byte, as museau writes it, and is one that holds such rows. What a
/// person adds or changes does not: another column, a note, other numbers.
pub(crate) fn is_as_written(table: &[u8], is_row: fn(&[&str]) -> bool) -> bool {
    let mut reader = csv::Reader::from_reader(table);
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(table.len()));
    let Ok(header) = reader.headers() else {
        return false;
    };
    if writer.write_record(header).is_err() {
        return false;
    }
    for record in reader.records() {
        let Ok(record) = record else {
            return false;
        };
        let cells: Vec<&str> = record.iter().collect();
        if !is_row(&cells) || writer.write_record(&cells).is_err() {
            return false;
        }
    }
    writer.into_inner().is_ok_and(|bytes| bytes == table)
}

/// Whether this is a row of a table of problems: the problem is one that an import knows.
pub(crate) fn is_problem(cells: &[&str]) -> bool {
    cells
        .get(1)
        .is_some_and(|kind| PROBLEM_KINDS.contains(kind))
}

/// Whether this is a row of a table of predictions: behind the names probabilities, as they are written.
pub(crate) fn is_prediction(cells: &[&str]) -> bool {
    let values = cells.get(PREDICTION_COLUMNS.len()..).unwrap_or_default();
    !values.is_empty() && values.iter().all(|cell| is_number::<f32>(cell))
}

/// Whether this is a row of a table of metrics: a step and a value, as they are written.
pub(crate) fn is_point(cells: &[&str]) -> bool {
    matches!(cells, [_, _, _, step, value] if is_number::<u64>(step) && is_number::<f64>(value))
}

/// Whether a cell is a number in the one way in which museau writes it.
fn is_number<Number: FromStr + ToString>(cell: &str) -> bool {
    (cell.parse::<Number>()).is_ok_and(|number| number.to_string() == cell)
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

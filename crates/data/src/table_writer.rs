//! Tables as museau writes them: CSV of which a spreadsheet takes no cell for a formula, and which is
//! read back as it was.
//!
//! The name of a photo or a class may be a stranger's, and `=HYPERLINK(...)` is a name. Such a cell
//! gets a `'` before it, by which spreadsheets know text, and loses it when it is read; so does a
//! text that begins so itself. Numbers stay numbers.

use std::borrow::Cow;
use std::io::{self, Write};

/// What a formula begins with (OWASP, 'CSV Injection'); white space, since spreadsheets skip it.
const BEGINNINGS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];
/// What stands before a text that would be a formula.
const GUARD: char = '\'';

/// A cell as it is written: with a guard where a spreadsheet would compute it.
pub(crate) fn guarded(cell: &str) -> Cow<'_, str> {
    let bare = cell.trim_start_matches(GUARD);
    let is_number = bare.len() == cell.len() && cell.parse::<f64>().is_ok();
    match bare.starts_with(BEGINNINGS) && !is_number {
        true => Cow::Owned(format!("{GUARD}{cell}")),
        false => Cow::Borrowed(cell),
    }
}

/// The text of a cell that [`guarded`] gave.
pub(crate) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix(GUARD) {
        Some(text) if text.trim_start_matches(GUARD).starts_with(BEGINNINGS) => text,
        _ => cell,
    }
}

/// A record of guarded cells as a line, with its end, for a table that is written line by line.
pub fn table_line<Cell: AsRef<str>>(cells: impl IntoIterator<Item = Cell>) -> String {
    let mut writer = TableWriter::new(Vec::new());
    let line = writer.record(cells).and_then(|()| writer.finish());
    let line = line.map(String::from_utf8);
    line.expect("memory takes what is written").expect("texts")
}

/// Writes records of guarded cells, as CSV.
pub struct TableWriter<W: Write>(csv::Writer<W>);

impl<W: Write> TableWriter<W> {
    /// Writes to this.
    pub fn new(to: W) -> Self {
        TableWriter(csv::Writer::from_writer(to))
    }

    /// Writes a record, which has as many cells as the first.
    ///
    /// # Errors
    /// What the system says.
    pub fn record<Cell: AsRef<str>>(
        &mut self,
        cells: impl IntoIterator<Item = Cell>,
    ) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(&*guarded(cell.as_ref()))?;
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    /// What was written to, after all that was written.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::decisions::{Decision, Decisions, Verdict};
    use crate::files::AtomicFile;
    use crate::{Entry, Manifest, Part, Prediction, Predictions, Problem, ProblemKind};
    use std::path::Path;

    const NAMES: [&str; 9] = [
        "=1+1.jpg",
        "+a",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "'=1",
        "-0.5",
        " a, \"b\"",
    ];

    fn no_formula(file: &Path) {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_path(file)
            .unwrap();
        for record in reader.records() {
            for cell in &record.unwrap() {
                let computed = cell.starts_with(BEGINNINGS) && cell.parse::<f64>().is_err();
                assert!(!computed, "{cell:?}");
            }
        }
    }

    #[test]
    fn every_table_of_ours_holds_no_formula_and_is_read_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("table.csv");
        let hash = |name: &str| blake3::hash(name.as_bytes());

        let entry = |name: &str| Entry {
            path: name.to_owned(),
            offset: None,
            bytes: 1,
            hash: hash(name),
            class: 0,
            part: Part::Train,
            width: 2,
            height: 3,
            original: None,
            boxes: vec![[-1.0, 0.0, 1.0, 2.0]],
            group: name.trim().to_owned(),
            source: name.to_owned(),
        };
        let named = NAMES.map(|name| (name.to_owned(), entry(name)));
        let root = folder.path().canonicalize().unwrap();
        let manifest = Manifest::new(root, named.to_vec());
        manifest.save(&file).unwrap();
        no_formula(&file);
        let read = Manifest::open(&file).unwrap();
        let classes = |manifest: &Manifest| -> Vec<String> {
            let classes = manifest.classes().iter();
            classes.map(|class| class.folder.clone()).collect()
        };
        assert_eq!(classes(&read), classes(&manifest));
        assert_eq!(read.all_entries(), manifest.all_entries());

        let predictions = Predictions {
            // Each another, also without the white space around it.
            classes: (NAMES.iter().enumerate())
                .map(|(index, name)| format!("{name}{index}x").trim().to_owned())
                .collect(),
            rows: (NAMES.iter())
                .map(|name| Prediction {
                    path: (*name).to_owned(),
                    label: (*name).to_owned(),
                    probabilities: [vec![1.0], vec![0.0; NAMES.len() - 1]].concat(),
                })
                .collect(),
        };
        predictions
            .save_into(AtomicFile::create(&file).unwrap())
            .unwrap();
        no_formula(&file);
        assert_eq!(Predictions::open(&file).unwrap(), predictions);

        let problems = NAMES.map(|name| Problem {
            path: name.to_owned(),
            kind: ProblemKind::Missing,
            detail: name.to_owned(),
        });
        Problem::write_all(&problems, std::fs::File::create(&file).unwrap()).unwrap();
        no_formula(&file);
        assert_eq!(Problem::read_all(&file).unwrap(), problems);

        let decisions = NAMES.map(|name| Decision {
            path: name.to_owned(),
            hash: hash(name),
            verdict: Verdict::Class("=1+1".to_owned()),
            who: name.trim_start_matches(' ').to_owned(),
            why: name.trim_start_matches(' ').to_owned(),
        });
        Decisions::new(decisions.to_vec()).save(&file).unwrap();
        no_formula(&file);
        assert_eq!(Decisions::open(&file).unwrap().lines(), decisions);
    }

    #[test]
    fn cells_of_a_line_are_quoted_where_they_must_be() {
        assert_eq!(table_line(["a b", "a,\"b\"", ""]), "a b,\"a,\"\"b\"\"\",\n");
        assert_eq!(
            table_line(["=1+1.jpg", "-0.5", "\t=1"]),
            "'=1+1.jpg,-0.5,'\t=1\n"
        );
        assert_eq!(table_line(["a\nb", "c"]), "\"a\nb\",c\n");
    }

    #[test]
    fn formulas_get_a_guard_and_numbers_none() {
        for formula in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "'=1",
            "-",
            "-0.5 x",
        ] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        for plain in [
            "", "a", "-0.5", "+1", "1e-30", "-inf", "a=1", "'", "'a", "’=1",
        ] {
            assert_eq!(guarded(plain), plain);
        }
    }

    #[test]
    fn every_cell_is_read_back_as_it_was() {
        let parts = [
            "", "'", "''", "=", "+", "-", "@", "\t", "\r", "\n", "-0.5", "a", "\"", ",", " ",
        ];
        let texts = || {
            let pairs = parts
                .iter()
                .flat_map(|one| parts.iter().map(move |two| (one, two)));
            pairs.flat_map(|(one, two)| parts.iter().map(move |three| format!("{one}{two}{three}")))
        };
        let mut writer = TableWriter::new(Vec::new());
        for text in texts() {
            assert_eq!(unguarded(&guarded(&text)), text);
            writer.record([&text, "x"]).unwrap();
        }
        let file = writer.finish().unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&file[..]);
        let mut read = reader.records();
        for text in texts() {
            let record = read.next().unwrap().unwrap();
            let cell = &record[0];
            assert_eq!(unguarded(cell), text);
            let computed = cell.starts_with(BEGINNINGS) && cell.parse::<f64>().is_err();
            assert!(!computed, "{cell:?}");
        }
        assert!(read.next().is_none());
    }
}

//! A table of predictions as a CSV file: what a model, or several that never saw a photo, said of it.

use std::io::{self, Write as _};
use std::path::Path;

use crate::class::composed;
use crate::columns::PREDICTION_COLUMNS;
use crate::error::{Error, TableFault};
use crate::files::AtomicFile;
use crate::table::{Names, Table};
use crate::table_writer::{TableWriter, unguarded};

/// The most classes that a table may have. What is counted of a table grows with their square; models
/// of dogs know a few hundred.
const MOST_CLASSES: usize = 4096;

/// The probability of each class for each of some photos.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The classes, as the model calls them: the columns' names.
    pub classes: Vec<String>,
    /// A row a photo.
    pub rows: Vec<Prediction>,
}

/// What was said of one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The photo, as the manifest names it.
    pub path: String,
    /// Its class, as the data set calls it.
    pub label: String,
    /// Of each class, 0 to 1; they sum to 1.
    pub probabilities: Vec<f32>,
}

impl Predictions {
    /// Writes the table, whole or not at all: the columns `path`, `label`, `answer` (the first
    /// class of the greatest probability) and one a class. Numbers are written so that they are read
    /// back as they were.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub fn save_into(&self, file: AtomicFile) -> Result<(), Error> {
        let path = file.path().to_owned();
        let mut writer = TableWriter::new(file);
        let mut write = || -> io::Result<()> {
            let classes = self.classes.iter().map(String::as_str);
            writer.record(PREDICTION_COLUMNS.into_iter().chain(classes))?;
            for row in &self.rows {
                let mut first = 0;
                for (class, value) in row.probabilities.iter().enumerate() {
                    if *value > row.probabilities[first] {
                        first = class;
                    }
                }
                let answer = self.classes.get(first).map_or("", String::as_str);
                let head = [&row.path, &row.label, answer].map(str::to_owned);
                let values = row.probabilities.iter().map(f32::to_string);
                writer.record(head.into_iter().chain(values))?;
            }
            Ok(())
        };
        write().map_err(Error::write(&path))?;
        let mut file = writer.finish().map_err(Error::write(&path))?;
        file.flush().map_err(Error::write(&path))?;
        file.commit().map_err(Error::write(&path))
    }

    /// Reads such a table, whoever made it: every column but `path`, `label` and `answer` is a class.
    /// Of the three only `path` must be there; a photo may come once, and so may a class.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Table`], [`Error::Nothing`]
    pub fn open(path: &Path) -> Result<Self, Error> {
        let table = Table::open(path, None)?;
        let path_column = table.required(&["path"])?;
        let (label_column, answer_column) = (table.column("label")?, table.column("answer")?);
        let columns: Vec<usize> = (0..table.width())
            .filter(|&column| column != path_column)
            .filter(|&column| ![label_column, answer_column].contains(&Some(column)))
            .collect();
        if columns.len() > MOST_CLASSES {
            let fault = TableFault::Classes {
                found: columns.len(),
                most: MOST_CLASSES,
            };
            return Err(Error::table(path, 1, fault));
        }
        for &column in &columns {
            // A class whose probability stands in two columns has none.
            table.column(table.name(column))?;
        }
        let mut seen = Names::default();
        let mut rows = Vec::new();
        for row in table.rows() {
            let row = row?;
            let wrong = |column: usize| {
                let fault = TableFault::Value {
                    column: table.name(column).to_owned(),
                    value: row.field(column).to_owned(),
                };
                Error::table(path, row.line(), fault)
            };
            let name = row.written(path_column);
            if name.is_empty() {
                return Err(wrong(path_column));
            }
            seen.once(name, row.line())
                .map_err(|fault| Error::table(path, row.line(), fault))?;
            let mut probabilities = Vec::with_capacity(columns.len());
            for &column in &columns {
                let value = row.field(column).parse::<f32>().ok();
                let value = value.filter(|value| (0.0..=1.0 + 1e-5).contains(value));
                probabilities.push(value.ok_or_else(|| wrong(column))?);
            }
            let sum: f32 = probabilities.iter().sum();
            if let Some(&last) = columns.last()
                && (sum - 1.0).abs() > 1e-3
            {
                return Err(wrong(last));
            }
            rows.push(Prediction {
                path: name.to_owned(),
                label: label_column.map_or(String::new(), |column| composed(row.written(column))),
                probabilities,
            });
        }
        if rows.is_empty() || columns.is_empty() {
            let path = path.to_owned();
            return Err(Error::Nothing { path });
        }
        let classes = (columns.iter()).map(|&column| unguarded(table.name(column)).to_owned());
        Ok(Predictions {
            classes: classes.collect(),
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.csv");
        let row = |path: &str, probabilities: &[f32]| Prediction {
            path: path.to_owned(),
            label: "berger, \"blanc\"".to_owned(),
            probabilities: probabilities.to_vec(),
        };
        let table = Predictions {
            classes: vec!["a".to_owned(), "b,c".to_owned()],
            rows: vec![
                row("x/1.jpg", &[1.0 / 3.0, 2.0 / 3.0]),
                row("x/2.jpg", &[1e-30, 1.0]),
            ],
        };
        table.save_into(AtomicFile::create(&file).unwrap()).unwrap();
        assert_eq!(Predictions::open(&file).unwrap(), table);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.lines().nth(1).unwrap().contains("\"b,c\""), "{text}");
    }

    #[test]
    fn a_class_or_a_photo_that_stands_twice_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.csv");
        let fault = |text: &str| {
            std::fs::write(&file, text).unwrap();
            match Predictions::open(&file) {
                Err(Error::Table { line, fault, .. }) => (line, fault),
                other => panic!("{other:?}"),
            }
        };
        let twice = |name: &str| TableFault::ColumnTwice(name.to_owned());
        assert_eq!(
            fault("path,label,beagle,pug,beagle\r\nx,pug,0.5,0.3,0.2\r\n"),
            (1, twice("beagle"))
        );
        assert_eq!(
            fault("path,épagneul,e\u{301}pagneul\nx,0.5,0.5\n"),
            (1, twice("épagneul"))
        );
        assert_eq!(fault("path,Path,path,a\nx,y,z,1\n"), (1, twice("path")));
        let name = "x".to_owned();
        assert_eq!(
            fault("path,a,b\r\nx,0.5,0.5\r\n\r\nx,0.5,0.5\r\n"),
            (4, TableFault::RowTwice { name, first: 2 })
        );
        let (found, most) = (300_000, MOST_CLASSES);
        let many: String = (0..found).map(|class| format!(",{class}")).collect();
        assert_eq!(
            fault(&format!("path{many}\n")),
            (1, TableFault::Classes { found, most })
        );
        // Folders of two such names can stand side by side.
        std::fs::write(&file, "path,label,pug,Pug\nx,e\u{301},0.5,0.5\n").unwrap();
        let table = Predictions::open(&file).unwrap();
        assert_eq!(table.classes, ["pug", "Pug"]);
        assert_eq!(table.rows[0].label, "é");
    }

    #[test]
    fn what_is_no_table_of_probabilities_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.csv");
        let fails = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Predictions::open(&file).unwrap_err()
        };
        for text in [
            "a,b\n0.5,0.5\n",
            "path,a,b\nx,0.5,half\n",
            "path,a,b\nx,0.5,0.6\n",
            "path,a,b\nx,1.5,-0.5\n",
            "path,a,b\nx,0.5,0.5\nx,0.5,0.5\n",
        ] {
            assert!(matches!(fails(text), Error::Table { .. }), "{text}");
        }
        assert!(matches!(fails("path,a\n"), Error::Nothing { .. }));
        assert!(matches!(fails("path,label\nx,y\n"), Error::Nothing { .. }));
    }
}

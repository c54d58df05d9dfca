//! What can be wrong with a data set that is imported, by name.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use words::DataMessage;

use crate::columns::{PROBLEM_COLUMNS, PROBLEM_KINDS};
use crate::error::{Error, TableFault};
use crate::table::Table;
use crate::table_writer::TableWriter;

/// Something that is not as it should be, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The photo, as the data set names it.
    pub path: String,
    /// What is wrong.
    pub kind: ProblemKind,
    /// More about it, in English; empty where the kind says all.
    pub detail: String,
}

impl Problem {
    /// Writes problems as a CSV with the columns path, problem, detail.
    pub fn write_all(problems: &[Problem], to: impl Write) -> io::Result<()> {
        let mut writer = TableWriter::new(to);
        writer.record(PROBLEM_COLUMNS)?;
        for problem in problems {
            let row = [&problem.path, problem.kind.name(), &problem.detail];
            writer.record(row)?;
        }
        writer.finish()?.flush()
    }

    /// Reads what [`Problem::write_all`] wrote.
    ///
    /// # Errors
    /// Where the file cannot be read, or names a kind that is none.
    pub fn read_all(path: &Path) -> Result<Vec<Problem>, Error> {
        let table = Table::open(path, None)?;
        let [file, problem, detail] = PROBLEM_COLUMNS.map(|name| table.required(&[name]));
        let (file, problem, detail) = (file?, problem?, detail?);
        let of_row = |row: Result<crate::table::Row, Error>| {
            let row = row?;
            let name = row.field(problem);
            let kind = ProblemKind::ALL
                .into_iter()
                .find(|kind| kind.name() == name);
            let wrong = || TableFault::Value {
                column: PROBLEM_COLUMNS[1].to_owned(),
                value: name.to_owned(),
            };
            Ok(Problem {
                path: row.written(file).to_owned(),
                kind: kind.ok_or_else(|| Error::table(path, row.line(), wrong()))?,
                detail: row.written(detail).to_owned(),
            })
        };
        table.rows().map(of_row).collect()
    }
}

/// What can be wrong with a photo of a data set that is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It is named and not there.
    Missing,
    /// It is there and cannot be read as a photo.
    Unreadable,
    /// It has no bytes.
    Empty,
    /// A link or a name that leads out of the data set, or no regular file.
    Outside,
    /// A class without a photo.
    EmptyClass,
    /// Its own name or its annotation tells another class. It is imported.
    Mislabelled,
    /// A table names it under two classes, so it has none.
    TwoLabels,
    /// A table names it twice under one class. It is imported once.
    NamedTwice,
    /// A table names it without a class, or it lies in no class's folder.
    NoLabel,
    /// Its annotation, or its box in a table, cannot be read. It is imported without boxes.
    BadAnnotation,
    /// A folder named as a part is, inside a class. Its photos are imported, of no part.
    IgnoredPart,
    /// Classes whose names differ by the case of letters alone. Their photos are imported.
    AlikeClasses,
}

impl ProblemKind {
    /// All of them, in the order of reports.
    pub const ALL: [ProblemKind; 12] = [
        ProblemKind::Missing,
        ProblemKind::Unreadable,
        ProblemKind::Empty,
        ProblemKind::Outside,
        ProblemKind::EmptyClass,
        ProblemKind::Mislabelled,
        ProblemKind::TwoLabels,
        ProblemKind::NamedTwice,
        ProblemKind::NoLabel,
        ProblemKind::BadAnnotation,
        ProblemKind::IgnoredPart,
        ProblemKind::AlikeClasses,
    ];

    /// Whether the photo is not in the manifest because of it.
    pub fn leaves_out(self) -> bool {
        match self {
            ProblemKind::Missing
            | ProblemKind::Unreadable
            | ProblemKind::Empty
            | ProblemKind::Outside
            | ProblemKind::TwoLabels
            | ProblemKind::NoLabel => true,
            ProblemKind::EmptyClass
            | ProblemKind::Mislabelled
            | ProblemKind::NamedTwice
            | ProblemKind::BadAnnotation
            | ProblemKind::IgnoredPart
            | ProblemKind::AlikeClasses => false,
        }
    }

    /// What it is called.
    pub fn message(self) -> DataMessage<'static> {
        match self {
            ProblemKind::Missing => DataMessage::ProblemMissing,
            ProblemKind::Unreadable => DataMessage::ProblemUnreadable,
            ProblemKind::Empty => DataMessage::ProblemEmpty,
            ProblemKind::Outside => DataMessage::ProblemOutside,
            ProblemKind::EmptyClass => DataMessage::ProblemEmptyClass,
            ProblemKind::Mislabelled => DataMessage::ProblemMislabelled,
            ProblemKind::TwoLabels => DataMessage::ProblemTwoLabels,
            ProblemKind::NamedTwice => DataMessage::ProblemNamedTwice,
            ProblemKind::NoLabel => DataMessage::ProblemNoLabel,
            ProblemKind::BadAnnotation => DataMessage::ProblemBadAnnotation,
            ProblemKind::IgnoredPart => DataMessage::ProblemIgnoredPart,
            ProblemKind::AlikeClasses => DataMessage::ProblemAlikeClasses,
        }
    }

    /// As in tables and JSON.
    pub fn name(self) -> &'static str {
        PROBLEM_KINDS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_tables_are_known_by() {
        for (kind, name) in ProblemKind::ALL.into_iter().zip(PROBLEM_KINDS) {
            assert_eq!(kind.name(), name);
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
        }
        assert_eq!(ProblemKind::ALL.len(), PROBLEM_KINDS.len());
    }

    #[test]
    fn problems_are_read_back_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.problems.csv");
        for problems in [0, ProblemKind::ALL.len()] {
            let problems: Vec<Problem> = ProblemKind::ALL[..problems]
                .iter()
                .map(|&kind| Problem {
                    path: format!("a, \"{}\".jpg", kind.name()),
                    kind,
                    detail: "its name says 'pug', so; \"pug\"".to_owned(),
                })
                .collect();
            Problem::write_all(&problems, std::fs::File::create(&path).unwrap()).unwrap();
            assert_eq!(Problem::read_all(&path).unwrap(), problems);
        }
        std::fs::write(&path, "path,problem,detail\na.jpg,bad,\n").unwrap();
        assert!(Problem::read_all(&path).is_err());
    }
}

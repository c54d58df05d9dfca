//! A table of how often each breed is met, as a person keeps it.
use crate::error::{Error, TableFault};
use crate::table::{Names, Table};
use std::path::Path;

/// How often one breed is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Frequency {
    /// The breed, as the table calls it.
    pub breed: String,
    /// Dogs; of any span of time, since only their shares count. At least 0.
    pub count: f64,
    /// The line of the table, from 1.
    pub line: u64,
}

/// Reads a table with a column `breed` (or `race`, `label`, `class`) and a column `count` (or
/// `nombre`, `frequency`, `registrations`).
///
/// # Errors
/// What [`Error::Table`] tells of a table: a missing column, a count that is none, a breed that stands
/// twice under one name; [`Error::Read`].
pub fn frequencies(path: &Path) -> Result<Vec<Frequency>, Error> {
    let table = Table::open(path, None)?;
    let breed = table.required(&["breed", "race", "label", "class", "classe"])?;
    let count = table.required(&["count", "nombre", "frequency", "registrations"])?;
    let mut names = Names::default();
    let mut frequencies = Vec::new();
    for row in table.rows() {
        let row = row?;
        let fault = |fault| Error::table(path, row.line(), fault);
        let name = row.text(breed);
        names.once(name, row.line()).map_err(fault)?;
        let text = row.text(count);
        let number = text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() && *number >= 0.0);
        let Some(count) = number else {
            let (column, value) = (table.name(count).to_owned(), text.to_owned());
            return Err(fault(TableFault::Value { column, value }));
        };
        frequencies.push(Frequency {
            breed: name.to_owned(),
            count,
            line: row.line(),
        });
    }
    Ok(frequencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Frequency>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts.csv");
        std::fs::write(&path, text).unwrap();
        frequencies(&path)
    }

    #[test]
    fn counts_are_read_with_their_lines() {
        let read = read("race;nombre\nBeagle;12\n\nberger allemand;3.5\n").unwrap();
        let row = |breed: &str, count, line| Frequency {
            breed: breed.into(),
            count,
            line,
        };
        assert_eq!(
            read,
            [row("Beagle", 12.0, 2), row("berger allemand", 3.5, 4)]
        );
    }

    #[test]
    fn what_is_no_table_of_counts_is_refused_with_the_line() {
        let fault = |text: &str| match read(text) {
            Err(Error::Table { line, fault, .. }) => (line, fault),
            other => panic!("{other:?}"),
        };
        for wrong in ["-1", "many", "NaN", "inf", ""] {
            let (line, found) = fault(&format!("breed,count\nBeagle,1\nPug,{wrong}\n"));
            let (column, value) = ("count".into(), wrong.into());
            assert_eq!((line, found), (3, TableFault::Value { column, value }));
        }
        assert!(matches!(
            fault("breed\nBeagle\n").1,
            TableFault::NoColumn(_)
        ));
        let twice = fault("breed,count\nBeagle,1\nBeagle,2\n");
        assert!(matches!(twice, (3, TableFault::RowTwice { first: 2, .. })));
    }
}

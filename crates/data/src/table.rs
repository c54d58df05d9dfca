//! Tables that others made: CSV with any usual separator and encoding.

use std::path::{Path, PathBuf};

use crate::error::{Error, TableFault};

/// The most bytes of a table that are read: a million rows of 250 bytes.
const MOST_BYTES: u64 = 256 << 20;

/// A table with a header.
pub(crate) struct Table {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'table> {
    record: &'table csv::StringRecord,
}

impl Row<'_> {
    /// The text of a column, without the white space around it.
    pub fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default().trim()
    }

    /// The text of a column as it is, with the white space around it.
    pub fn exact(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// The line of the file that the row begins on, from 1.
    pub fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }
}

impl Table {
    /// Reads a table: UTF-8 or, by its first bytes, UTF-16; another encoding must be named. The
    /// separator is the one of comma, semicolon, tab and bar that the header has most of.
    pub fn open(path: &Path, encoding: Option<&str>) -> Result<Self, Error> {
        let failed = Error::read(path);
        let length = std::fs::metadata(path).and_then(|found| match found.is_file() {
            true => Ok(found.len()),
            false => Err(std::io::Error::other("not a regular file")),
        });
        let bytes = match length {
            Ok(length) if length > MOST_BYTES => {
                return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
            }
            Ok(_) => std::fs::read(path).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        let text = decode(path, &bytes, encoding)?;
        let first = text.lines().next().unwrap_or_default();
        let separator = [b',', b';', b'\t', b'|']
            .into_iter()
            .max_by_key(|&separator| {
                // The first of equals is wanted, `max_by_key` gives the last.
                let count = first.bytes().filter(|&byte| byte == separator).count();
                (count, separator == b',')
            })
            .unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let of_csv = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            Error::table(path, line, TableFault::Fields)
        };
        let header: Vec<String> = reader
            .headers()
            .map_err(of_csv)?
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        if header.iter().all(String::is_empty) {
            return Err(Error::table(path, 1, TableFault::Empty));
        }
        let rows = reader
            .records()
            .collect::<Result<Vec<_>, _>>()
            .map_err(of_csv)?;
        Ok(Table {
            path: path.to_owned(),
            header,
            rows,
        })
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.header.len()
    }

    /// The name of a column.
    pub fn name(&self, column: usize) -> &str {
        &self.header[column]
    }

    /// The column of a name, in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    }

    /// The first column of these names.
    pub fn first_column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.column(name))
    }

    /// The column of one of these names, or the error that names the first.
    pub fn required(&self, names: &[&str]) -> Result<usize, Error> {
        self.first_column(names).ok_or_else(|| {
            let wanted = names.first().copied().unwrap_or_default().to_owned();
            Error::table(&self.path, 1, TableFault::NoColumn(wanted))
        })
    }

    /// The rows, top to bottom.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|record| Row { record })
    }
}

fn decode(path: &Path, bytes: &[u8], encoding: Option<&str>) -> Result<String, Error> {
    let known = match encoding {
        Some(label) => encoding_rs::Encoding::for_label(label.as_bytes())
            .ok_or_else(|| Error::table(path, 1, TableFault::Encoding(label.to_owned())))?,
        None => encoding_rs::UTF_8,
    };
    let (encoding, skip) = encoding_rs::Encoding::for_bom(bytes).unwrap_or((known, 0));
    let bytes = &bytes[skip..];
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(text.into_owned()),
        None => {
            let whole = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
            let line = 1 + bytes[..whole].iter().filter(|&&byte| byte == b'\n').count();
            let name = encoding.name().to_owned();
            Err(Error::table(path, line as u64, TableFault::Encoding(name)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8], encoding: Option<&str>) -> Result<Vec<Vec<String>>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, bytes).unwrap();
        let table = Table::open(&path, encoding)?;
        let columns = [
            table.required(&["path"])?,
            table.required(&["label", "race"])?,
        ];
        Ok(table
            .rows()
            .map(|row| columns.iter().map(|&c| row.field(c).to_owned()).collect())
            .collect())
    }

    #[test]
    fn separators_and_encodings_are_told() {
        let expected = vec![vec!["a,b.jpg".to_owned(), "épagneul".to_owned()]];
        let text = "Label;PATH\r\népagneul;a,b.jpg\r\n";
        let utf16: Vec<u8> = [0xfffe_u16.swap_bytes()]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &marked, &utf16] {
            assert_eq!(table(bytes, None).unwrap(), expected);
        }
        assert_eq!(
            table(b"label\tpath\n\xE9pagneul\ta,b.jpg", Some("latin1")).unwrap(),
            expected
        );
        assert_eq!(
            table(b"race,path\n\xC3\xA9pagneul,\"a,b.jpg\"\n", None).unwrap(),
            expected
        );
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let fault = |bytes: &[u8], encoding| match table(bytes, encoding) {
            Err(Error::Table { line, fault, .. }) => (line, fault),
            other => panic!("{other:?}"),
        };
        assert_eq!(fault(b"", None), (1, TableFault::Empty));
        assert_eq!(
            fault(b"path,label\na.jpg,pug\nb.jpg,\xE9pagneul\n", None),
            (3, TableFault::Encoding("UTF-8".to_owned()))
        );
        assert_eq!(
            fault(b"path,label\na.jpg,pug\nb.jpg\n", None),
            (3, TableFault::Fields)
        );
        assert_eq!(
            fault(b"path,size\na.jpg,3\n", None),
            (1, TableFault::NoColumn("label".to_owned()))
        );
        assert_eq!(
            fault(b"path,label\n", Some("klingon")),
            (1, TableFault::Encoding("klingon".to_owned()))
        );
        assert!(matches!(
            Table::open(Path::new("/no/such/table.csv"), None),
            Err(Error::Read { .. })
        ));
    }
}

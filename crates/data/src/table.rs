//! Tables that others made: CSV with any usual separator and encoding.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use encoding_rs::{DecoderResult, Encoding, UTF_8};

use crate::class::composed;
use crate::error::{Error, TableFault};
use crate::table_writer::unguarded;

/// The most bytes of a table that are read: a million rows of 250 bytes.
const MOST_BYTES: u64 = 256 << 20;
/// What may stand between fields; of equally many the first is it.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A table with a header. Rows are read as they are asked for, so that a table takes no more memory
/// than its text.
pub(crate) struct Table {
    path: PathBuf,
    text: String,
    separator: u8,
    header: Vec<String>,
    /// The line of the file that the header stands on, from 1.
    header_line: u64,
    /// The columns by their exact names, and by these in lower case.
    columns: [HashMap<String, Column>; 2],
}

/// Where a name stands in a header.
#[derive(Clone, Copy)]
enum Column {
    Once(usize),
    Twice,
}

/// One row.
pub(crate) struct Row {
    record: csv::StringRecord,
    line: u64,
}

impl Row {
    /// The text of a column, without the white space around it.
    pub fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default().trim()
    }

    /// The text of a column as it is, with the white space around it.
    pub fn exact(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// The text of a column as [`crate::table_writer`] was given it.
    pub fn written(&self, column: usize) -> &str {
        unguarded(self.exact(column))
    }

    /// The same without the white space around it, where people write too.
    pub fn text(&self, column: usize) -> &str {
        unguarded(self.field(column))
    }

    /// The line of the file that the row begins on, from 1, as an editor counts.
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl Table {
    /// Reads a table: UTF-8 or, by its first bytes, UTF-16; another encoding must be named. The
    /// separator is the one of comma, semicolon, tab and bar that the header has most of.
    pub fn open(path: &Path, encoding: Option<&str>) -> Result<Self, Error> {
        let bytes = tensor::read_regular(path, MOST_BYTES).map_err(Error::read(path))?;
        let text = decode(path, &bytes, encoding)?;
        drop(bytes);
        let separator = separator_of(&text);
        let mut reader = reader(&text, separator);
        let header = reader
            .headers()
            .map_err(|_| Error::table(path, 1, TableFault::Fields))?;
        let byte = header.position().map_or(0, csv::Position::byte);
        let header_line = Lines::new(&text).of_record(byte);
        let header: Vec<String> = header.iter().map(|name| composed(name.trim())).collect();
        if header.iter().all(String::is_empty) {
            return Err(Error::table(path, 1, TableFault::Empty));
        }
        let mut columns = [HashMap::new(), HashMap::new()];
        for (place, name) in header.iter().enumerate() {
            for (columns, name) in columns.iter_mut().zip([name.clone(), lower(name)]) {
                columns
                    .entry(name)
                    .and_modify(|column| *column = Column::Twice)
                    .or_insert(Column::Once(place));
            }
        }
        Ok(Table {
            path: path.to_owned(),
            separator,
            header,
            header_line,
            columns,
            text,
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

    /// The column of a name: of exactly this one, else in any case. Which of two is meant, nobody
    /// can tell: a name that stands twice is an error.
    pub fn column(&self, name: &str) -> Result<Option<usize>, Error> {
        let name = composed(name.trim());
        let [exact, folded] = &self.columns;
        match exact.get(&name).or_else(|| folded.get(&lower(&name))) {
            None => Ok(None),
            Some(&Column::Once(place)) => Ok(Some(place)),
            Some(Column::Twice) => Err(self.header_fault(TableFault::ColumnTwice(name))),
        }
    }

    /// The first column of these names.
    pub fn first_column(&self, names: &[&str]) -> Result<Option<usize>, Error> {
        for name in names {
            if let Some(column) = self.column(name)? {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    /// The column of one of these names, or the error that names the first.
    pub fn required(&self, names: &[&str]) -> Result<usize, Error> {
        self.first_column(names)?.ok_or_else(|| {
            let wanted = names.first().copied().unwrap_or_default().to_owned();
            self.header_fault(TableFault::NoColumn(wanted))
        })
    }

    /// The rows, top to bottom. A row with too few or too many fields is an error and the last.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row, Error>> {
        let mut reader = reader(&self.text, self.separator);
        let mut lines = Lines::new(&self.text);
        let mut broken = false;
        std::iter::from_fn(move || {
            let mut record = csv::StringRecord::new();
            if broken {
                return None;
            }
            match reader.read_record(&mut record) {
                Ok(false) => None,
                Ok(true) => {
                    let byte = record.position().map_or(0, csv::Position::byte);
                    let line = lines.of_record(byte);
                    Some(Ok(Row { record, line }))
                }
                Err(error) => {
                    broken = true;
                    let byte = error.position().map_or(0, csv::Position::byte);
                    let line = lines.of_record(byte);
                    Some(Err(Error::table(&self.path, line, TableFault::Fields)))
                }
            }
        })
    }

    fn header_fault(&self, fault: TableFault) -> Error {
        Error::table(&self.path, self.header_line, fault)
    }
}

/// Finds where each name came first, so that a second time can be refused with both lines.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, u64>);

impl Names {
    /// Notes what a row is about; the fault where a row before was about the same.
    pub fn once(&mut self, name: &str, line: u64) -> Result<(), TableFault> {
        match self.0.insert(name.to_owned(), line) {
            None => Ok(()),
            Some(first) => Err(TableFault::RowTwice {
                name: name.to_owned(),
                first,
            }),
        }
    }
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .from_reader(text.as_bytes())
}

/// The separator that the first line which holds anything has most of outside of quotes.
fn separator_of(text: &str) -> u8 {
    let mut counts = [0usize; SEPARATORS.len()];
    let mut quoted = false;
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(place) = SEPARATORS.iter().position(|&known| known == byte) {
                    counts[place] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    let first = counts.iter().position(|&count| count == most);
    SEPARATORS[first.unwrap_or_default()]
}

/// Counts lines as editors do: `\n`, `\r\n` and a lone `\r` each end one. The reader of CSV counts
/// records' own ends instead, so a `\r\n` that it left half read, or a blank line, put it off.
struct Lines<'text> {
    text: &'text [u8],
    place: usize,
    line: u64,
}

impl<'text> Lines<'text> {
    fn new(text: &'text str) -> Self {
        Lines {
            text: text.as_bytes(),
            place: 0,
            line: 1,
        }
    }

    /// The line of the record that the reader found from this byte on: blank lines before it, and
    /// the rest of the one before, still belong to what it read. Records come in order.
    fn of_record(&mut self, byte: u64) -> u64 {
        let end = |place: usize| self.text.get(place).copied();
        let mut start = usize::try_from(byte).unwrap_or(self.text.len());
        while matches!(end(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        while self.place < start.min(self.text.len()) {
            let ends = match self.text[self.place] {
                b'\n' => true,
                b'\r' => self.text.get(self.place + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ends);
            self.place += 1;
        }
        self.line
    }
}

fn decode(path: &Path, bytes: &[u8], encoding: Option<&str>) -> Result<String, Error> {
    let known = match encoding {
        Some(label) => Encoding::for_label(label.as_bytes())
            .ok_or_else(|| Error::table(path, 1, TableFault::Encoding(label.to_owned())))?,
        None => UTF_8,
    };
    let (encoding, skip) = Encoding::for_bom(bytes).unwrap_or((known, 0));
    let bytes = &bytes[skip..];
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text.into_owned());
    }
    // Once more, for what stands before the first byte that fits in no text.
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut whole = String::with_capacity(room.unwrap_or(bytes.len()));
    let (DecoderResult::InputEmpty | DecoderResult::OutputFull | DecoderResult::Malformed(..), _) =
        decoder.decode_to_string_without_replacement(bytes, &mut whole, true);
    let mut lines = Lines::new(&whole);
    lines.of_record(whole.len() as u64);
    let fault = TableFault::Encoding(encoding.name().to_owned());
    Err(Error::table(path, lines.line, fault))
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
        table
            .rows()
            .map(|row| {
                let row = row?;
                Ok(columns.iter().map(|&c| row.field(c).to_owned()).collect())
            })
            .collect()
    }

    fn open(bytes: &[u8]) -> Result<Table, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, bytes).unwrap();
        Table::open(&path, None)
    }

    fn fault_of<T>(result: Result<T, Error>) -> (u64, TableFault) {
        match result {
            Err(Error::Table { line, fault, .. }) => (line, fault),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("taken"),
        }
    }

    #[test]
    fn lines_are_those_that_an_editor_shows() {
        // Each row's first field is its own line; blank lines, and a field over three lines.
        let lines = "||path;label|4;a|||7;\"b||c\"|10;\"d\"|11;e||13;f;one too many";
        for (end, mark) in [("\n", ""), ("\r\n", ""), ("\r", ""), ("\r\n", "\u{feff}")] {
            let text = format!("{mark}{}", lines.replace('|', end));
            let utf16 = ["\u{feff}", text.trim_start_matches('\u{feff}')].concat();
            let utf16: Vec<u8> = utf16.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for bytes in [text.as_bytes(), &utf16] {
                let table = open(bytes).unwrap();
                let mut named = Vec::new();
                for row in table.rows() {
                    match row {
                        Ok(row) => {
                            assert_eq!(row.field(0), row.line().to_string(), "{end:?}");
                            named.push(row.line());
                        }
                        broken => assert_eq!(fault_of(broken), (13, TableFault::Fields)),
                    }
                }
                assert_eq!(named, [4, 7, 10, 11], "{end:?}");
                let missing = TableFault::NoColumn("size".to_owned());
                assert_eq!(fault_of(table.required(&["size"])), (3, missing));
            }
            let broken = [text.split("10").next().unwrap().as_bytes(), b"\xE9;x"].concat();
            let encoding = TableFault::Encoding("UTF-8".to_owned());
            assert_eq!(fault_of(open(&broken)), (10, encoding), "{end:?}");
        }
        // Half of a pair of UTF-16 units in the third line.
        let units = "\u{feff}a\n\nb".encode_utf16().chain([0xd800]);
        let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
        let encoding = TableFault::Encoding("UTF-16LE".to_owned());
        assert_eq!(fault_of(open(&bytes)), (3, encoding));
    }

    #[test]
    fn a_column_named_twice_is_an_error_where_it_is_asked_for() {
        let table = open("é,x,Label,LABEL,e\u{301},,\n".as_bytes()).unwrap();
        for name in ["é", "e\u{301}", "label"] {
            let twice = TableFault::ColumnTwice(composed(name));
            assert_eq!(fault_of(table.column(name)), (1, twice));
        }
        assert_eq!(table.column("Label").unwrap(), Some(2));
        assert_eq!(table.column("X").unwrap(), Some(1));
        assert_eq!(table.first_column(&["z", "x"]).unwrap(), Some(1));
        assert!(table.first_column(&["label", "x"]).is_err());
    }

    #[test]
    fn a_table_of_the_shortest_rows_takes_little_more_than_its_text() {
        // A record a row would be a hundred times this.
        let text = "a\n".repeat(3_000_000);
        let table = open(text.as_bytes()).unwrap();
        assert!(table.text.capacity() <= text.len() * 2);
        assert_eq!(table.rows().count(), 2_999_999);
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

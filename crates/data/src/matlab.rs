//! Reads a list of names out of a MATLAB 5 file: Stanford Dogs' official lists are such files.
//!
//! Layout: MathWorks, 'MAT-File Format', level 5. Read here is what those lists hold: a cell array
//! of one-row character arrays, in little-endian order, compressed or not.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// Why a file is not such a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatlabError {
    /// Not a MATLAB 5 file (an older or a newer kind, or another file).
    #[error("it is not a MATLAB 5 file")]
    NotMatlab5,
    /// It ends in the middle of an element, or a compressed element cannot be unpacked.
    #[error("it is incomplete or damaged")]
    Damaged,
    /// It holds no cell array of text under this name.
    #[error("it holds no list of names called '{0}'")]
    NoList(String),
}

/// Length of the header that stands before the elements.
const HEADER_LENGTH: usize = 128;
/// The most that all compressed elements of a file may unpack to: the longest official list needs
/// 2 MB.
const MOST_UNPACKED: usize = 64 << 20;

/// Types of elements, as the format numbers them.
const TYPE_INT8: u32 = 1;
const TYPE_UINT8: u32 = 2;
const TYPE_UINT16: u32 = 4;
const TYPE_INT32: u32 = 5;
const TYPE_UINT32: u32 = 6;
const TYPE_MATRIX: u32 = 14;
const TYPE_COMPRESSED: u32 = 15;
const TYPE_UTF8: u32 = 16;
const TYPE_UTF16: u32 = 17;

/// Classes of arrays, the low byte of an array's flags.
const CLASS_CELL: u32 = 1;
const CLASS_CHAR: u32 = 4;

/// The texts of the cell array `variable`, in its own order.
pub fn read_list(file: &[u8], variable: &str) -> Result<Vec<String>, MatlabError> {
    // Version 0x0100 and the letters 'MI', which read 'IM' in little-endian order.
    if file.get(124..HEADER_LENGTH) != Some(&[0x00, 0x01, b'I', b'M']) {
        return Err(MatlabError::NotMatlab5);
    }
    let mut elements = Elements(&file[HEADER_LENGTH..]);
    let mut list = None;
    let mut room = MOST_UNPACKED;
    // Every element is walked to the end, so that a file cut after the list is noticed too.
    while let Some((kind, body)) = elements.next()? {
        let found = match kind {
            TYPE_COMPRESSED => {
                let unpacked = decompress_to_vec_zlib_with_limit(body, room)
                    .map_err(|_| MatlabError::Damaged)?;
                room -= unpacked.len();
                match Elements(&unpacked).next()? {
                    Some((TYPE_MATRIX, matrix)) => cell_texts(matrix, variable)?,
                    _ => None,
                }
            }
            TYPE_MATRIX => cell_texts(body, variable)?,
            _ => None,
        };
        list = list.or(found);
    }
    list.ok_or_else(|| MatlabError::NoList(variable.to_owned()))
}

/// The texts of a matrix element, where it is a cell array of that name.
fn cell_texts(matrix: &[u8], variable: &str) -> Result<Option<Vec<String>>, MatlabError> {
    let mut parts = Elements(matrix);
    let (class, dimensions) = array_head(&mut parts)?;
    let (_, name) = parts.required()?;
    if class != CLASS_CELL || name != variable.as_bytes() {
        return Ok(None);
    }
    let count = dimensions
        .iter()
        .try_fold(1usize, |product, &dimension| product.checked_mul(dimension))
        .ok_or(MatlabError::Damaged)?;
    let mut texts = Vec::new();
    for _ in 0..count {
        match parts.required()? {
            (TYPE_MATRIX, cell) => texts
                .push(char_text(cell)?.ok_or_else(|| MatlabError::NoList(variable.to_owned()))?),
            _ => return Err(MatlabError::Damaged),
        }
    }
    Ok(Some(texts))
}

/// The text of a one-row character array; `None` for an array of another class.
fn char_text(matrix: &[u8]) -> Result<Option<String>, MatlabError> {
    let mut parts = Elements(matrix);
    let (class, dimensions) = array_head(&mut parts)?;
    let _name = parts.required()?;
    if class != CLASS_CHAR || dimensions.first().is_some_and(|&rows| rows > 1) {
        return Ok(None);
    }
    let (kind, body) = parts.required()?;
    match kind {
        TYPE_INT8 | TYPE_UINT8 | TYPE_UTF8 => String::from_utf8(body.to_vec()).ok(),
        TYPE_UINT16 | TYPE_UTF16 => {
            let units = body
                .chunks_exact(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        _ => None,
    }
    .map(Some)
    .ok_or(MatlabError::Damaged)
}

/// The class and the dimensions with which every array begins.
fn array_head(parts: &mut Elements<'_>) -> Result<(u32, Vec<usize>), MatlabError> {
    let (TYPE_UINT32, flags) = parts.required()? else {
        return Err(MatlabError::Damaged);
    };
    let (TYPE_INT32, dimensions) = parts.required()? else {
        return Err(MatlabError::Damaged);
    };
    let class = u32::from(*flags.first().ok_or(MatlabError::Damaged)?);
    let dimensions = dimensions
        .chunks_exact(4)
        .map(|bytes| usize::try_from(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])))
        .collect::<Result<_, _>>()
        .map_err(|_| MatlabError::Damaged)?;
    Ok((class, dimensions))
}

/// Data elements one after the other: a type, a length, that many bytes, padding to 8 bytes.
struct Elements<'bytes>(&'bytes [u8]);

impl<'bytes> Elements<'bytes> {
    /// The next element, `None` at the end.
    fn next(&mut self) -> Result<Option<(u32, &'bytes [u8])>, MatlabError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let word = |at: usize| -> Result<u32, MatlabError> {
            let bytes = self.0.get(at..at + 4).ok_or(MatlabError::Damaged)?;
            Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let first = word(0)?;
        // A small element packs its length into the upper half of the type, its body into the
        // four bytes of the length.
        let (kind, start, length, padded) = if first >> 16 != 0 {
            (first & 0xffff, 4, (first >> 16) as usize, 4)
        } else {
            let length = word(4)? as usize;
            let padded = if first == TYPE_COMPRESSED {
                length
            } else {
                length.next_multiple_of(8)
            };
            (first, 8, length, padded)
        };
        if length > padded {
            return Err(MatlabError::Damaged);
        }
        let body = self
            .0
            .get(start..)
            .and_then(|rest| rest.get(..length))
            .ok_or(MatlabError::Damaged)?;
        // The last element's padding may be left off.
        self.0 = self.0.get(start + padded..).unwrap_or_default();
        Ok(Some((kind, body)))
    }

    /// The next element, which must be there.
    fn required(&mut self) -> Result<(u32, &'bytes [u8]), MatlabError> {
        self.next()?.ok_or(MatlabError::Damaged)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn element(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(body);
        if kind != TYPE_COMPRESSED {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    fn small_element(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = (kind | (body.len() as u32) << 16).to_le_bytes().to_vec();
        bytes.extend(body);
        bytes.resize(8, 0);
        bytes
    }

    fn array(class: u32, dimensions: [i32; 2], name: &str, body: &[u8]) -> Vec<u8> {
        let flags: Vec<u8> = [class, 0]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let sizes: Vec<u8> = dimensions
            .iter()
            .flat_map(|size| size.to_le_bytes())
            .collect();
        let name = if (1..=4).contains(&name.len()) {
            small_element(TYPE_INT8, name.as_bytes())
        } else {
            element(TYPE_INT8, name.as_bytes())
        };
        let mut bytes = element(TYPE_UINT32, &flags);
        bytes.extend(element(TYPE_INT32, &sizes));
        bytes.extend(name);
        bytes.extend(body);
        element(TYPE_MATRIX, &bytes)
    }

    fn cells(name: &str, texts: &[&str]) -> Vec<u8> {
        let body: Vec<u8> = texts
            .iter()
            .flat_map(|text| {
                let body = element(TYPE_UTF8, text.as_bytes());
                array(CLASS_CHAR, [1, text.len() as i32], "", &body)
            })
            .collect();
        array(CLASS_CELL, [texts.len() as i32, 1], name, &body)
    }

    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![b' '; 124];
        bytes.extend([0x00, 0x01, b'I', b'M']);
        bytes.extend(elements.concat());
        bytes
    }

    /// A file as Stanford's official lists are: one cell array of names.
    pub(crate) fn list_file(texts: &[&str]) -> Vec<u8> {
        file(&[cells("file_list", texts)])
    }

    #[test]
    fn reads_plain_and_compressed_lists_and_skips_other_variables() {
        let labels = array(6, [2, 1], "labels", &element(TYPE_UINT8, &[1, 2]));
        let list = cells("list", &["pug/a.jpg", "é/b.jpg"]);
        let packed = element(
            TYPE_COMPRESSED,
            &miniz_oxide::deflate::compress_to_vec_zlib(&list, 6),
        );
        for elements in [[labels.clone(), list], [packed, labels]] {
            assert_eq!(
                read_list(&file(&elements), "list"),
                Ok(vec!["pug/a.jpg".to_owned(), "é/b.jpg".to_owned()])
            );
            assert_eq!(
                read_list(&file(&elements), "labels"),
                Err(MatlabError::NoList("labels".to_owned()))
            );
        }
    }

    #[test]
    fn reads_text_of_two_byte_characters() {
        let units: Vec<u8> = "carlin".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cell = array(CLASS_CHAR, [1, 6], "", &element(TYPE_UINT16, &units));
        let list = array(CLASS_CELL, [1, 1], "list", &cell);
        assert_eq!(
            read_list(&file(&[list]), "list"),
            Ok(vec!["carlin".to_owned()])
        );
    }

    #[test]
    fn every_prefix_is_refused_and_none_panics() {
        let list = cells("list", &["pug/a.jpg", "pug/b.jpg"]);
        let packed = element(
            TYPE_COMPRESSED,
            &miniz_oxide::deflate::compress_to_vec_zlib(&list, 6),
        );
        for whole in [file(&[list]), file(&[packed])] {
            assert!(read_list(&whole, "list").is_ok());
            for length in 0..whole.len() {
                let read = read_list(&whole[..length], "list");
                // What is cut may be the padding of the last name alone.
                assert!(
                    read.is_err() || whole[length..].iter().all(|&byte| byte == 0),
                    "{length} of {} bytes were taken for the whole",
                    whole.len()
                );
            }
        }
    }

    #[test]
    fn any_changed_byte_is_survived() {
        let whole = file(&[cells("list", &["pug/a.jpg"])]);
        for place in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[place] = value;
                let _ = read_list(&changed, "list");
            }
        }
    }

    #[test]
    fn what_all_elements_unpack_to_is_limited() {
        let zeros = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; MOST_UNPACKED / 4], 6);
        let elements = vec![element(TYPE_COMPRESSED, &zeros); 5];
        let nothing = Err(MatlabError::NoList("list".to_owned()));
        assert_eq!(read_list(&file(&elements[..4]), "list"), nothing);
        assert_eq!(
            read_list(&file(&elements), "list"),
            Err(MatlabError::Damaged)
        );
    }

    #[test]
    fn other_files_are_named_as_such() {
        assert_eq!(read_list(b"", "list"), Err(MatlabError::NotMatlab5));
        assert_eq!(
            read_list(&[b'x'; 500], "list"),
            Err(MatlabError::NotMatlab5)
        );
    }

    #[test]
    fn reads_the_official_lists() {
        let Some(folder) = testkit::test_data() else {
            return;
        };
        for (name, count) in [("file", 20_580), ("train", 12_000), ("test", 8_580)] {
            let path = folder.join(format!("stanford-dogs/lists/{name}_list.mat"));
            let bytes = std::fs::read(path).unwrap();
            let list = read_list(&bytes, "file_list").unwrap();
            assert_eq!(list.len(), count);
            assert!(list[0].starts_with("n02085620-Chihuahua/n02085620_"));
            assert!(list.iter().all(|name| name.ends_with(".jpg")));
            for length in (0..bytes.len()).step_by(bytes.len() / 40) {
                assert!(read_list(&bytes[..length], "file_list").is_err());
            }
        }
    }
}

//! A header's value with parameters, such as `form-data; name="photo"; filename="rex.jpg"`, as
//! senders write it: names in any case, values bare or quoted.
use percent_encoding::percent_decode_str;

/// A value and the parameters behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// What stands before the first semicolon, in lower case.
    pub(super) value: String,
    /// Names in lower case; values as they were meant, without quotes.
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// Reads a header; what makes no sense in it is left out.
    pub(super) fn parse(header: &[u8]) -> Parameters {
        let header = String::from_utf8_lossy(header);
        let (value, mut rest) = header.split_once(';').unwrap_or((&header, ""));
        let mut parameters = Vec::new();
        while !rest.trim_start().is_empty() {
            let Some(equals) = rest.find(['=', ';']) else {
                break;
            };
            let name = rest[..equals].trim().to_ascii_lowercase();
            let behind = &rest[equals + 1..];
            if rest[equals..].starts_with(';') {
                rest = behind;
                continue;
            }
            let (value, behind) = match behind.trim_start().strip_prefix('"') {
                Some(quoted) => unquote(quoted),
                None => {
                    let (value, behind) = behind.split_once(';').unwrap_or((behind, ""));
                    (value.trim().to_owned(), behind)
                }
            };
            parameters.push((name, value));
            rest = behind;
        }
        Parameters {
            value: value.trim().to_ascii_lowercase(),
            parameters,
        }
    }

    /// The first parameter of that name, which is in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let (_, value) = parameters.find(|(other, _)| other == name)?;
        Some(value)
    }

    /// The first parameter of that name, its extended form (`filename*=UTF-8''%C3%A9t%C3%A9.jpg`,
    /// RFC 8187) first, where that can be read.
    pub(super) fn get_extended(&self, name: &str) -> Option<String> {
        let extended = self.get(&format!("{name}*")).map(decode_extended);
        match extended {
            Some(Some(value)) => Some(value),
            // A name that cannot be read is still a sign that there is one.
            Some(None) => Some(self.get(name).unwrap_or_default().to_owned()),
            None => self.get(name).map(str::to_owned),
        }
    }
}

/// The content of a quoted text and what stands behind it and its semicolon. A backslash escapes a
/// quote and another backslash alone: some browsers send whole Windows paths.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(&(_, escaped @ ('"' | '\\')))) => {
                value.push(escaped);
                characters.next();
            }
            ('"', _) => {
                let behind = &quoted[place + 1..];
                return (value, behind.split_once(';').map_or("", |(_, rest)| rest));
            }
            _ => value.push(character),
        }
    }
    (value, "")
}

/// `charset'language'value`, of the two charsets that RFC 8187 and its forerunner name.
fn decode_extended(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_, value) = rest.split_once('\'')?;
    let bytes = percent_decode_str(value);
    if charset.eq_ignore_ascii_case("utf-8") {
        Some(bytes.decode_utf8().ok()?.into_owned())
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        Some(bytes.map(char::from).collect())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_values_bare_or_quoted() {
        for header in [
            "multipart/form-data; boundary=a1",
            "Multipart/Form-Data; Boundary=\"a1\"",
            " MULTIPART/FORM-DATA ;charset=utf-8;BOUNDARY = a1 ;",
            "multipart/form-data;;flag; boundary=\"a1\" ; boundary=second",
        ] {
            let read = Parameters::parse(header.as_bytes());
            assert_eq!(read.value, "multipart/form-data", "{header}");
            assert_eq!(read.get("boundary"), Some("a1"), "{header}");
        }
        let read = Parameters::parse(b"x; boundary=\"a;b=c\"; filename=\"not a boundary=d\"");
        assert_eq!(read.get("boundary"), Some("a;b=c"));
        assert_eq!(Parameters::parse(b"").get("boundary"), None);
        assert_eq!(Parameters::parse(b"x; boundary").get("boundary"), None);
    }

    #[test]
    fn a_quoted_value_keeps_what_is_no_escape() {
        let name = |header: &str| Parameters::parse(header.as_bytes()).get_extended("filename");
        for (header, expected) in [
            (
                r#"form-data; filename="C:\chiens\rex.jpg""#,
                r"C:\chiens\rex.jpg",
            ),
            (r#"form-data; filename="a\"b\\.jpg""#, r#"a"b\.jpg"#),
            (r#"form-data; filename="open"#, "open"),
            ("form-data; filename=été.jpg", "été.jpg"),
            ("form-data; FileName*=utf-8'fr'%C3%A9t%C3%A9.jpg", "été.jpg"),
            ("form-data; filename*=ISO-8859-1''%E9t%E9.jpg", "été.jpg"),
            (
                "form-data; filename=e.jpg; filename*=UTF-8''%C3%A9.jpg",
                "é.jpg",
            ),
            (
                "form-data; filename=e.jpg; filename*=koi8-r''%C3.jpg",
                "e.jpg",
            ),
            ("form-data; filename*=nonsense", ""),
        ] {
            assert_eq!(name(header).as_deref(), Some(expected), "{header}");
        }
        assert_eq!(name("form-data; name=photo"), None);
    }
}

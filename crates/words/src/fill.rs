//! Puts values into the `{braces}` of a text.

use crate::{plain, plain_line};

/// The name of a value that may have several lines; of any other a line's end is shown as `\n`.
const LINES: &str = "lines";

/// `text` with every `{name}` replaced by its value. A value's own braces stay as they are, and so
/// does a name without a value: it shows what is missing. Of a value only what is text is put in
/// ([`plain_line`]): it may be a stranger's file name.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, name, after)) = next_placeholder(rest) {
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) if name == LINES => filled.push_str(&plain(value)),
            Some((_, value)) => filled.push_str(&plain_line(value)),
            None => filled.push_str(&rest[before.len()..rest.len() - after.len()]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// The text before the first `{name}`, the name, and the text after it.
pub(crate) fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_values_and_all_else_stays() {
        assert_eq!(fill("{a} et {b}", &[("a", "{b}"), ("b", "x")]), "{b} et x");
        assert_eq!(
            fill("{unknown} and {a} {", &[("a", "1")]),
            "{unknown} and 1 {"
        );
        assert_eq!(fill("é{}}", &[]), "é{}}");
    }

    #[test]
    fn a_value_says_nothing_but_text_and_adds_no_line() {
        let hostile = "\u{1b}[1A\nok";
        assert_eq!(
            fill("{path}: bad", &[("path", hostile)]),
            "\\u001b[1A\\nok: bad"
        );
        assert_eq!(fill("{lines}", &[("lines", hostile)]), "\\u001b[1A\nok");
    }
}

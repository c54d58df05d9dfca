//! Makes what strangers named fit to be printed: file names, labels and package names may hold codes
//! that move a terminal's cursor, hide what was said, or turn the direction of a line.

use std::borrow::Cow;

/// `text` on one line, every character that is no sign of a text written as JSON writes it
/// (`\u001b`, `\n`).
pub fn plain_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_no_sign)
}

/// The same with its lines and tabs as they are: for what is of several lines.
pub fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_no_sign(c) && !matches!(c, '\n' | '\t'))
}

/// The control characters of Unicode (C0, DEL, C1), what separates lines and paragraphs, and what
/// turns the direction of writing (UAX 9).
fn is_no_sign(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_escaped(c) => plain.push(c),
            '\n' => plain.push_str("\\n"),
            '\r' => plain.push_str("\\r"),
            '\t' => plain.push_str("\\t"),
            // JSON's form, so that a line of JSON stays one: all of them are below U+10000.
            c => plain.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_turns_a_line_is_shown_instead() {
        assert_eq!(
            plain_line("a\u{1b}[2Jb\u{9b}31m\u{7f}\r\n\tc"),
            "a\\u001b[2Jb\\u009b31m\\u007f\\r\\n\\tc"
        );
        assert_eq!(
            plain_line("gpj.\u{202e}exe\u{2066}"),
            "gpj.\\u202eexe\\u2066"
        );
        assert_eq!(plain("a\n\tb\r\u{85}"), "a\n\tb\\r\\u0085");
        for c in (0..0x11_0000)
            .filter_map(char::from_u32)
            .filter(|c| c.is_control())
        {
            assert!(!plain_line(&c.to_string()).contains(c), "{c:?}");
        }
    }

    #[test]
    fn words_of_any_script_stay_as_they_are() {
        for text in [
            "Épagneul breton\u{a0}: 50\u{202f}%",
            "שלום",
            "犬 🐶",
            "a\\b",
            "e\u{301}",
        ] {
            assert!(matches!(plain_line(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_that_is_made_plain_holds_the_same() {
        let name = "a\u{1b}\u{9b}\u{202e}\n\u{7f}\"\\";
        let json = serde_json::to_string(name).unwrap();
        let read: String = serde_json::from_str(&plain(&json)).unwrap();
        assert_eq!(read, name);
    }
}

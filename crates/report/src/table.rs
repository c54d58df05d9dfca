//! Tables of texts.

use std::fmt::Write as _;

use crate::escape::escape;

/// Rows of texts under a header.
#[derive(Clone, Debug, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new<Text: Into<String>>(header: impl IntoIterator<Item = Text>) -> Self {
        Table {
            header: header.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; a field that is a number stands on the right.
    pub fn row<Text: Into<String>>(&mut self, fields: impl IntoIterator<Item = Text>) {
        self.rows.push(fields.into_iter().map(Into::into).collect());
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn html(&self, caption: &str) -> String {
        let mut html = String::from("<div class=scroll tabindex=0><table>");
        if !caption.is_empty() {
            let _ = write!(html, "<caption>{}</caption>", escape(caption));
        }
        html.push_str("<thead><tr>");
        for name in &self.header {
            let _ = write!(html, "<th scope=col>{}", escape(name));
        }
        html.push_str("</thead><tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for field in row {
                let class = if is_number(field) { " class=n" } else { "" };
                let _ = write!(html, "<td{class}>{}", escape(field));
            }
        }
        html.push_str("</table></div>");
        html
    }
}

/// Whether a text is a number, a share or a range as either language writes them.
fn is_number(text: &str) -> bool {
    let beside = |character: char| "-–.,%<> \u{a0}\u{202f}".contains(character);
    text.contains(|character: char| character.is_ascii_digit())
        && text
            .chars()
            .all(|character| character.is_ascii_digit() || beside(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_languages_stand_on_the_right() {
        for number in [
            "12",
            "-0.5",
            "0,4633",
            "12\u{202f}345,6",
            "93\u{a0}%",
            ">\u{a0}99\u{a0}%",
            "0.20 – 0.27",
        ] {
            assert!(is_number(number), "{number}");
        }
        for text in ["", "–", "12 photos", "1. pug", "100 x 80"] {
            assert!(!is_number(text), "{text}");
        }
    }
}

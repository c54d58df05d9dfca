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
                let number = field.parse::<f64>().is_ok();
                let class = if number { " class=n" } else { "" };
                let _ = write!(html, "<td{class}>{}", escape(field));
            }
        }
        html.push_str("</table></div>");
        html
    }
}

//! A table for people: columns side by side, or one under the other where the terminal is narrow.
use anstyle::Style;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;
use words::plain_line;

/// What stands in a place of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
    right: bool,
    /// Whether its end is what tells it from others, so that it is cut at its beginning.
    end: bool,
}

impl Cell {
    /// A text, from the left.
    pub fn text(text: impl Into<String>) -> Self {
        Cell {
            // One cell is one line, whatever its text was.
            text: plain_line(&text.into().replace(char::is_control, " ")).into_owned(),
            ..Cell::default()
        }
    }

    /// A path: where it is too long its end stays.
    pub fn path(text: impl Into<String>) -> Self {
        Cell {
            end: true,
            ..Cell::text(text)
        }
    }

    /// A number, to the right.
    pub fn number(text: impl Into<String>) -> Self {
        Cell {
            right: true,
            ..Cell::text(text)
        }
    }

    /// In this style.
    pub fn styled(self, style: Style) -> Self {
        Cell { style, ..self }
    }

    /// Its text, on one line.
    pub fn plain(&self) -> &str {
        &self.text
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

/// Rows under headings, all of the same length.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The headings; an empty table of them has none.
    pub headings: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// Between columns.
const GAP: usize = 2;

/// A text column is not made narrower than this.
const NARROWEST: usize = 12;

impl Table {
    /// Under these headings.
    pub fn new(headings: Vec<String>) -> Self {
        Table {
            headings,
            rows: Vec::new(),
        }
    }

    /// Writes the table within `width` characters, each line behind `indent` spaces: long texts are
    /// cut first; where that does not help each row becomes a block of lines `heading value`.
    pub fn write(
        &self,
        out: &mut impl Write,
        indent: usize,
        width: Option<usize>,
    ) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let widths = width.map_or_else(
            || Some(self.widths()),
            |width| self.widths_within(width.saturating_sub(indent)),
        );
        let Some(widths) = widths else {
            return self.write_blocks(out, indent);
        };
        let heading = Style::new().bold();
        if self.headings.iter().any(|heading| !heading.is_empty()) {
            let headings = self.headings.iter().enumerate().map(|(column, text)| Cell {
                right: (self.rows.iter().map(|row| &row[column]))
                    .all(|cell| cell.right || cell.text.is_empty()),
                ..Cell::text(text).styled(heading)
            });
            line(out, indent, &headings.collect::<Vec<_>>(), &widths)?;
        }
        self.rows
            .iter()
            .try_for_each(|row| line(out, indent, row, &widths))
    }

    /// As wide as the widest of each column.
    fn widths(&self) -> Vec<usize> {
        let headings = self.headings.iter().enumerate();
        headings
            .map(|(column, heading)| {
                let cells = self.rows.iter().map(|row| row[column].width());
                cells.max().unwrap_or(0).max(heading.width())
            })
            .collect()
    }

    /// Widths that fit, the widest text columns made narrower; nothing where they cannot.
    fn widths_within(&self, width: usize) -> Option<Vec<usize>> {
        let mut widths = self.widths();
        let gaps = GAP * widths.len().saturating_sub(1);
        loop {
            let excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
            if excess == 0 {
                return Some(widths);
            }
            let text = |column: &usize| !self.rows.iter().any(|row| row[*column].right);
            let widest = (0..widths.len())
                .filter(text)
                .max_by_key(|&column| widths[column])?;
            if widths[widest] <= NARROWEST {
                return None;
            }
            // The second widest is left as it is until this one is no wider.
            widths[widest] -= 1;
        }
    }

    fn write_blocks(&self, out: &mut impl Write, indent: usize) -> io::Result<()> {
        let widest = self.headings.iter().map(|heading| heading.width()).max();
        for row in &self.rows {
            let named = self.headings.iter().zip(row);
            for (place, (heading, cell)) in named.enumerate() {
                if cell.text.is_empty() {
                    continue;
                }
                if place == 0 {
                    let first = cell.clone().styled(cell.style.bold());
                    line(out, indent, &[first], &[0])?;
                    continue;
                }
                let cells = [
                    Cell::text(heading),
                    Cell {
                        right: false,
                        ..cell.clone()
                    },
                ];
                line(out, indent + GAP, &cells, &[widest.unwrap_or(0), 0])?;
            }
        }
        Ok(())
    }
}

/// Writes cells side by side; a width of 0 is as wide as the text is.
fn line(out: &mut impl Write, indent: usize, cells: &[Cell], widths: &[usize]) -> io::Result<()> {
    let mut pending = indent;
    for (cell, &width) in cells.iter().zip(widths) {
        let text = if width == 0 {
            cell.text.clone()
        } else {
            cut(&cell.text, width, cell.end)
        };
        let space = width.saturating_sub(text.width());
        let (before, after) = if cell.right { (space, 0) } else { (0, space) };
        // Nothing is written behind the last text of a line.
        if !text.is_empty() {
            let style = cell.style;
            write!(out, "{:1$}{style}{text}{style:#}", "", pending + before)?;
            pending = 0;
        } else {
            pending += before;
        }
        pending += after + GAP;
    }
    writeln!(out)
}

/// At most `width` characters of a text, its beginning or its `end`, with `…` where something is
/// missing.
fn cut(text: &str, width: usize, end: bool) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut keep = |character| {
        kept.push(character);
        let fits = kept.width() < width;
        if !fits {
            kept.pop();
        }
        fits
    };
    if end {
        let _ = text.chars().rev().all(&mut keep);
        return std::iter::once('…').chain(kept.chars().rev()).collect();
    }
    let _ = text.chars().all(&mut keep);
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["id", "name", "loss"].map(str::to_owned).to_vec());
        for (name, loss) in [("a very long name of a training", "0.5"), ("é\n", "12.25")] {
            table.rows.push(vec![
                Cell::text("3f2a"),
                Cell::text(name),
                Cell::number(loss),
            ]);
        }
        table
    }

    fn written(width: Option<usize>) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        table().write(&mut out, 1, width).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn columns_stand_under_each_other() {
        let expected = " id    name                             loss
 3f2a  a very long name of a training    0.5
 3f2a  é                               12.25
";
        assert_eq!(written(None), expected);
        assert_eq!(written(Some(45)), expected);
    }

    #[test]
    fn a_path_is_cut_at_its_beginning() {
        let path = "/home/é/runs/recipe-2";
        assert_eq!(cut(path, 12, true), "…ns/recipe-2");
        assert_eq!(cut(path, 12, false), "/home/é/run…");
        assert_eq!(cut(path, 21, true), path);
    }

    #[test]
    fn a_narrow_terminal_cuts_texts_and_then_breaks_columns() {
        let expected = " id    name           loss
 3f2a  a very long…    0.5
 3f2a  é             12.25
";
        assert_eq!(written(Some(26)), expected);
        let expected = " 3f2a
   name  a very long name of a training
   loss  0.5
 3f2a
   name  é\u{20}
   loss  12.25
";
        assert_eq!(written(Some(20)), expected);
    }
}

//! The confusion matrix of a classifier as SVG, with its table.

use std::fmt::Write as _;

use crate::escape::escape;
use crate::table::Table;

/// Pixels of a cell's side: so many in all if that leaves each between the two bounds.
const SIDE: usize = 600;
const LEAST_CELL: usize = 10;
const MOST_CELL: usize = 40;
/// From this side on a cell has room for its number.
const CELL_WITH_NUMBER: usize = 24;
/// Characters of the longest name that is written whole.
const LONGEST_NAME: usize = 30;
/// What is right and what is wrong: told apart with any colour vision (Okabe and Ito, 2008).
const RIGHT: &str = "#0072b2";
const WRONG: &str = "#d55e00";

/// How often each class (a row) was taken for each (a column).
#[derive(Clone, Debug)]
pub struct Matrix<'data> {
    /// What it shows.
    pub title: &'data str,
    /// What the rows are, and the columns.
    pub axes: [&'data str; 2],
    /// The classes.
    pub names: &'data [String],
    /// The counts, a row a true class.
    pub counts: &'data [Vec<usize>],
}

impl Matrix<'_> {
    /// The numbers; columns are numbered, so that many fit.
    pub(crate) fn table(&self) -> Table {
        let corner = format!("{} / {}", self.axes[0], self.axes[1]);
        let numbers = (1..=self.names.len()).map(|number| number.to_string());
        let mut table = Table::new(std::iter::once(corner).chain(numbers));
        for (place, (name, counts)) in self.names.iter().zip(self.counts).enumerate() {
            let counts = counts.iter().map(|&count| match count {
                0 => String::new(),
                count => count.to_string(),
            });
            table.row(std::iter::once(format!("{}. {name}", place + 1)).chain(counts));
        }
        table
    }

    /// The drawing. A cell is the darker, the greater its share of its row (the square root of it,
    /// so that a few mistakes are seen), and says its number when pointed at.
    pub(crate) fn svg(&self) -> String {
        let count = self.names.len();
        let cell = (SIDE / count.max(1)).clamp(LEAST_CELL, MOST_CELL);
        let shown: Vec<String> = self.names.iter().map(|name| shortened(name)).collect();
        let longest = shown.iter().map(|name| name.chars().count()).max();
        let font = (cell - 1).min(11);
        // A character is about 0.56 as wide as it is high.
        let margin = longest.unwrap_or(0) * font * 14 / 25 + 10;
        let side = margin + count * cell + 4;
        let mut svg = format!(
            "<svg role=img aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\" width={side} \
             height={side} viewBox=\"0 0 {side} {side}\" font-family=sans-serif font-size={font}>\
             <rect x={margin} y={margin} width={inner} height={inner} fill=#808080 fill-opacity=.1 />",
            escape(self.title),
            inner = count * cell,
        );
        for (place, name) in shown.iter().enumerate() {
            let middle = margin + place * cell + cell / 2;
            let (edge, base) = (margin - 4, middle + font / 3);
            let name = escape(name);
            let _ = write!(
                svg,
                "<text x={edge} y={base} text-anchor=end>{name}</text>\
                 <text transform=\"translate({base} {edge}) rotate(-90)\">{name}</text>"
            );
        }
        for (row, counts) in self.counts.iter().enumerate() {
            let all: usize = counts.iter().sum();
            for (column, &number) in counts.iter().enumerate().filter(|(_, number)| **number > 0) {
                let share = number as f64 / all as f64;
                let strength = 0.15 + 0.85 * share.sqrt();
                let (x, y) = (margin + column * cell, margin + row * cell);
                let color = if row == column { RIGHT } else { WRONG };
                let _ = write!(
                    svg,
                    "<rect x={x} y={y} width={cell} height={cell} fill={color} \
                     fill-opacity={strength:.2}><title>{} → {}: {number}</title></rect>",
                    escape(&self.names[row]),
                    escape(&self.names[column]),
                );
                if cell >= CELL_WITH_NUMBER {
                    let ink = if strength > 0.6 { "#fff" } else { "#000" };
                    let _ = write!(
                        svg,
                        "<text x={} y={} text-anchor=middle fill={ink} \
                         pointer-events=none>{number}</text>",
                        x + cell / 2,
                        y + cell / 2 + font / 3,
                    );
                }
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let head: String = name.chars().take(LONGEST_NAME - 1).collect();
    head + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_drawn_and_listed() {
        let names = ["pug".to_owned(), "<i>".to_owned()];
        let counts = [vec![9, 1], vec![0, 7]];
        let matrix = Matrix {
            title: "Who & who",
            axes: ["true", "answer"],
            names: &names,
            counts: &counts,
        };
        let svg = matrix.svg();
        assert!(svg.contains("pug → &lt;i&gt;: 1") && svg.contains("Who &amp; who"));
        assert_eq!(svg.matches("<title>").count(), 3, "nothing for 0");
        let mut page = crate::Page::new(words::Language::English, "");
        page.matrix(&matrix, "Numbers");
        let html = page.finish();
        assert!(
            html.contains("<td>1. pug<td class=n>9<td class=n>1"),
            "{html}"
        );
    }

    #[test]
    fn many_classes_stay_light() {
        let names: Vec<String> = (0..120)
            .map(|n| format!("a class of a long name {n}"))
            .collect();
        let counts = vec![vec![1; 120]; 120];
        let matrix = Matrix {
            title: "",
            axes: ["", ""],
            names: &names,
            counts: &counts,
        };
        assert!(matrix.svg().len() < 4 << 20, "{}", matrix.svg().len());
    }
}

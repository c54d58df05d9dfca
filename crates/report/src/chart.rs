//! Charts: what they show, and the table of its numbers. They are drawn by [`crate::draw`].

use std::fmt::Write as _;

use words::Language;

use crate::draw;
use crate::escape::escape;
use crate::series::{Hue, Line, Share};
use crate::table::Table;

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart<'data> {
    title: &'data str,
    unit: &'data str,
    kind: Kind<'data>,
    /// A place of the axis that a line chart marks, and what it is.
    mark: Option<(f64, &'data str)>,
    /// Those of the lines.
    colors: &'data [Hue],
}

#[derive(Clone, Debug)]
enum Kind<'data> {
    Bars(&'data [(String, f64)]),
    Lines(&'data [Line], &'data str),
    Histogram(&'data [Line], &'data str),
    Map(&'data [Vec<f64>], [&'data str; 2]),
    Points(&'data [(String, [f64; 2])]),
    Reliability(&'data [Share], [&'data str; 2]),
}

impl<'data> Chart<'data> {
    /// A bar for each name, one under the other; values of 0 or more, in `unit`.
    pub fn bars(title: &'data str, unit: &'data str, values: &'data [(String, f64)]) -> Self {
        Chart::new(title, unit, Kind::Bars(values))
    }

    /// Lines over a common axis that `axis` names; values in `unit`.
    pub fn lines(
        title: &'data str,
        axis: &'data str,
        unit: &'data str,
        lines: &'data [Line],
    ) -> Self {
        Chart::new(title, unit, Kind::Lines(lines, axis))
    }

    /// How many there are in each of equal ranges of `axis`, whose middles are the places of the
    /// lines' points.
    pub fn histogram(
        title: &'data str,
        axis: &'data str,
        unit: &'data str,
        lines: &'data [Line],
    ) -> Self {
        Chart::new(title, unit, Kind::Histogram(lines, axis))
    }

    /// The same chart with its lines in these colours.
    pub fn painted(self, colors: &'data [Hue]) -> Self {
        Chart { colors, ..self }
    }

    /// The same line chart with a place of its axis marked; `label` says what is there.
    pub fn marked(self, place: f64, label: &'data str) -> Self {
        let mark = Some((place, label));
        Chart { mark, ..self }
    }

    /// A rectangle of cells, the darker the greater, row by row from the top; `axes` names the
    /// columns and the rows.
    pub fn map(
        title: &'data str,
        axes: [&'data str; 2],
        unit: &'data str,
        cells: &'data [Vec<f64>],
    ) -> Self {
        Chart::new(title, unit, Kind::Map(cells, axes))
    }

    /// Named points of a plane whose axes mean nothing by themselves, at one scale.
    pub fn points(title: &'data str, points: &'data [(String, [f64; 2])]) -> Self {
        Chart::new(title, "", Kind::Points(points))
    }

    /// What was right by what was announced, both from 0 to 1, beside the diagonal that `ideal`
    /// names; a point is the larger, the more it is of.
    pub fn reliability(
        title: &'data str,
        [announced, right]: [&'data str; 2],
        ideal: &'data str,
        shares: &'data [Share],
    ) -> Self {
        Chart::new(title, right, Kind::Reliability(shares, [announced, ideal]))
    }

    fn new(title: &'data str, unit: &'data str, kind: Kind<'data>) -> Self {
        Chart {
            title,
            unit,
            kind,
            mark: None,
            colors: &Hue::ALL,
        }
    }

    pub(crate) fn title(&self) -> &str {
        self.title
    }

    /// Whether it is shown at its own size, since it is too full to be made smaller.
    pub(crate) fn keeps_its_size(&self) -> bool {
        matches!(self.kind, Kind::Points(_))
    }

    /// The numbers.
    pub(crate) fn table(&self, language: Language) -> Table {
        let short = |value: f64| short(language, value);
        match &self.kind {
            Kind::Bars(values) => {
                let mut table = Table::new(["", self.unit]);
                for (name, value) in *values {
                    table.row([name.clone(), short(*value)]);
                }
                table
            }
            Kind::Lines(lines, axis) | Kind::Histogram(lines, axis) => {
                let names = lines.iter().map(|line| line.name.as_str());
                let mut table = Table::new(std::iter::once(*axis).chain(names));
                // A line may lack a place that another has.
                let mut places: Vec<f64> = lines
                    .iter()
                    .flat_map(|line| line.points.iter().map(|&(x, _)| x))
                    .collect();
                places.sort_by(f64::total_cmp);
                places.dedup();
                for x in places {
                    let values = lines.iter().map(|line| {
                        let point = line.points.iter().find(|point| point.0 == x);
                        point.map_or(String::new(), |&(_, y)| short(y))
                    });
                    table.row(std::iter::once(short(x)).chain(values));
                }
                table
            }
            Kind::Points(points) => {
                let mut table = Table::new(["", "x", "y"]);
                for (name, [x, y]) in *points {
                    table.row([name.clone(), short(*x), short(*y)]);
                }
                table
            }
            Kind::Reliability(shares, [announced, _]) => {
                let mut table = Table::new([*announced, self.unit, "n"]);
                for share in *shares {
                    let count = short(share.count as f64);
                    table.row([short(share.announced), short(share.right), count]);
                }
                table
            }
            Kind::Map(cells, axes) => {
                let columns = cells.first().map_or(0, Vec::len);
                let corner = format!("{} / {}", axes[1], axes[0]);
                let names = (1..=columns).map(|column| column.to_string());
                let mut table = Table::new(std::iter::once(corner).chain(names));
                for (row, values) in cells.iter().enumerate() {
                    let name = (row + 1).to_string();
                    table.row(std::iter::once(name).chain(values.iter().map(|&v| short(v))));
                }
                table
            }
        }
    }

    /// The drawing. Drawing into memory cannot fail but for sizes that leave no room; the numbers
    /// then stand in the table alone.
    pub(crate) fn svg(&self, language: Language) -> String {
        let tick = |value: &f64| tick(language, *value);
        let mut svg = String::new();
        let drawn = match &self.kind {
            Kind::Bars(values) => draw::bars(&mut svg, values, self.unit, &tick),
            Kind::Lines(lines, axis) | Kind::Histogram(lines, axis) => draw::Lines {
                lines,
                axis,
                unit: self.unit,
                colors: self.colors,
                mark: self.mark,
                stairs: matches!(self.kind, Kind::Histogram(..)),
            }
            .draw(&mut svg, &tick),
            Kind::Map(cells, axes) => draw::map(&mut svg, cells, axes, &tick),
            Kind::Points(points) => draw::points(&mut svg, points),
            Kind::Reliability(shares, [announced, ideal]) => {
                draw::reliability(&mut svg, shares, [announced, self.unit, ideal], &tick)
            }
        };
        if drawn.is_err() {
            return String::new();
        }
        let mut label = String::new();
        let _ = write!(
            label,
            "<svg role=\"img\" aria-label=\"{}\" ",
            escape(self.title)
        );
        svg.replacen("<svg ", &label, 1)
    }
}

/// So many decimals as one reads.
fn decimals(value: f64) -> usize {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 1.0 => 2,
        _ => 4,
    }
}

/// A number with as many digits as one reads.
fn short(language: Language, value: f64) -> String {
    words::number(language, value, decimals(value))
}

/// The same at an axis, without the zeros that keep a table's columns in line.
pub(crate) fn tick(language: Language, value: f64) -> String {
    let most = decimals(value);
    let written = |decimals: usize| format!("{value:.decimals$}").parse::<f64>();
    let fewest = (0..most).find(|&fewer| written(fewer) == written(most));
    words::number(language, value, fewest.unwrap_or(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::HEIGHT;

    const EN: Language = Language::English;

    #[test]
    fn a_line_of_a_channel_has_its_colour() {
        let lines = ["red", "green", "blue"].map(|name| Line {
            name: name.to_owned(),
            points: vec![(0.0, 1.0), (1.0, 2.0)],
        });
        let svg = Chart::lines("Colours", "level", "pixels", &lines)
            .painted(&[Hue::Red, Hue::Green, Hue::Blue])
            .svg(EN);
        let drawn: Vec<[u8; 3]> = (svg.match_indices("<polyline").map(|(at, _)| &svg[at..]))
            .filter_map(|line| {
                let hex = line.split_once("stroke=\"#")?.1.get(..6)?;
                let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).ok();
                Some([byte(0)?, byte(2)?, byte(4)?])
            })
            .filter(|[red, green, blue]| red != green || green != blue)
            .collect();
        for (channel, color) in drawn[..3].iter().enumerate() {
            let strongest = (0..3).max_by_key(|&place| color[place]);
            assert_eq!(strongest, Some(channel), "{drawn:?}");
        }
    }

    #[test]
    fn every_kind_draws_its_data_and_lists_its_numbers() {
        let values = [("pug".to_owned(), 3.0), ("beagle".to_owned(), 4.5)];
        let lines = [
            Line {
                name: "red".to_owned(),
                points: vec![(0.0, 1.0), (1.0, 2.0)],
            },
            Line {
                name: "blue".to_owned(),
                points: vec![(0.0, 3.0), (1.0, 0.25)],
            },
        ];
        let cells = vec![vec![0.0, 1.0], vec![2.0, 7.0]];
        let points = [
            ("pug".to_owned(), [0.25, 1.0]),
            ("b".to_owned(), [-1.0, 0.0]),
        ];
        for (chart, numbers) in [
            (
                Chart::bars("Bars & more", "photos", &values),
                vec!["pug", "4.50"],
            ),
            (
                Chart::lines("Lines", "x", "y", &lines),
                vec!["red", "0.2500"],
            ),
            (Chart::map("Map", ["x", "y"], "photos", &cells), vec!["7"]),
            (Chart::points("Points", &points), vec!["pug", "0.2500"]),
        ] {
            let svg = chart.svg(EN);
            assert!(svg.starts_with("<svg role=\"img\" aria-label="), "{svg}");
            assert!(svg.trim_end().ends_with("</svg>"));
            let mut page = crate::Page::new(EN, "");
            page.chart(&chart, "Numbers");
            let html = page.finish();
            assert!(
                numbers.iter().all(|number| html.contains(number)),
                "{numbers:?}"
            );
        }
    }

    #[test]
    fn a_marked_place_is_drawn_and_named() {
        let lines = [Line {
            name: "one".to_owned(),
            points: vec![(1.0, 1.0), (9.0, 2.0)],
        }];
        let plain = Chart::lines("", "x", "y", &lines);
        let marked = plain.clone().marked(4.0, "the fourth");
        assert!(marked.svg(EN).contains("the fourth") && !plain.svg(EN).contains("the fourth"));
    }

    #[test]
    fn the_names_of_lines_stand_where_the_lines_do_not() {
        let height = |points: Vec<(f64, f64)>| -> u32 {
            let name = "one".to_owned();
            let lines = [Line { name, points }];
            let svg = Chart::lines("", "", "", &lines).marked(1.0, "here").svg(EN);
            let (before, _) = svg.split_once("here").expect("the name");
            let (_, place) = before.rsplit_once(" y=\"").expect("its place");
            let digits = place.split('"').next().expect("a number");
            digits.parse().expect("a number")
        };
        let rising = height(vec![(0.0, 0.0), (5.0, 8.0), (9.0, 9.0)]);
        let falling = height(vec![(0.0, 9.0), (5.0, 2.0), (9.0, 1.0)]);
        assert!(
            falling < HEIGHT / 2 && rising > HEIGHT / 2,
            "{falling} {rising}"
        );
    }

    #[test]
    fn lines_with_gaps_keep_their_places_and_a_single_point_is_seen() {
        let line = |points: &[(f64, f64)]| Line {
            name: "one".to_owned(),
            points: points.to_vec(),
        };
        let lines = [
            line(&[(1.0, 5.0), (3.0, 7.0)]),
            line(&[(2.0, 6.0), (3.0, 8.0)]),
        ];
        let table = Chart::lines("", "x", "y", &lines).table(EN).html("");
        let row = |fields: [&str; 3]| {
            fields
                .map(|field| match field {
                    "" => "<td>".to_owned(),
                    number => format!("<td class=n>{number}"),
                })
                .concat()
        };
        for wanted in [["1", "5", ""], ["2", "", "6"], ["3", "7", "8"]] {
            assert!(table.contains(&row(wanted)), "{table}");
        }
        let one = [line(&[(4.0, 2.0)])];
        assert!(Chart::lines("", "x", "y", &one).svg(EN).contains("<circle"));
    }

    #[test]
    fn ticks_have_no_zeros_to_spare() {
        let values = [0.0, 0.1, 0.25, 1.5, 10.0, 2000.0];
        let ticks = values.map(|value| tick(EN, value));
        assert_eq!(ticks, ["0", "0.1", "0.25", "1.5", "10", "2,000"]);
        let ticks = values.map(|value| tick(Language::French, value));
        assert_eq!(ticks, ["0", "0,1", "0,25", "1,5", "10", "2\u{202f}000"]);
    }

    #[test]
    fn french_charts_write_a_decimal_comma_in_drawing_and_table() {
        let values = [("carlin".to_owned(), 0.4633)];
        let chart = Chart::bars("", "", &values);
        let table = chart.table(Language::French).html("");
        assert!(table.contains("<td class=n>0,4633"), "{table}");
        let svg = chart.svg(Language::French);
        assert!(svg.contains("0,1") && !svg.contains("\n0.1"), "{svg}");
    }

    #[test]
    fn a_line_has_the_colour_that_it_is_named_after() {
        let line = |name: &str, y: f64| Line {
            name: name.to_owned(),
            points: vec![(0.0, y), (1.0, y)],
        };
        let lines = [line("red", 1.0), line("green", 2.0), line("blue", 3.0)];
        let colors = [Hue::Red, Hue::Green, Hue::Blue];
        let chart = Chart::histogram("", "", "", &lines).painted(&colors);
        let svg = chart.svg(EN);
        let hex = |color: Hue| {
            let [red, green, blue] = color.rgb();
            format!("stroke=\"#{red:02X}{green:02X}{blue:02X}\"")
        };
        let places = colors.map(|color| svg.find(&hex(color)).expect("the line"));
        assert!(places.is_sorted(), "{places:?}");
        let [red, green, blue] = colors.map(Hue::rgb);
        assert!(red[0] > red[1].max(red[2]) && green[1] > green[0].max(green[2]));
        assert!(blue[2] > blue[0].max(blue[1]));
    }

    #[test]
    fn whole_places_have_whole_ticks() {
        let points: Vec<(f64, f64)> = (1..=3).map(|epoch| (f64::from(epoch), 0.5)).collect();
        let name = "loss".to_owned();
        let svg = Chart::lines("", "epoch", "", &[Line { name, points }]).svg(EN);
        assert!(
            !svg.contains("\n1.5\n") && !svg.contains("\n2.5\n"),
            "{svg}"
        );
        assert!(svg.contains("\n2\n"), "{svg}");
    }

    #[test]
    fn a_bar_chart_has_a_place_for_each_bar_and_no_other() {
        let bars = |count: usize| -> Vec<(String, f64)> {
            (0..count)
                .map(|bar| (format!("class {bar}"), 4.0))
                .collect()
        };
        for count in [1, 2, 7] {
            let values = bars(count);
            let svg = Chart::bars("", "", &values).svg(EN);
            let tops: Vec<f64> = svg
                .split("<rect ")
                .skip(1)
                .map(|rect| rect.split(" y=\"").nth(1).expect("y"))
                .map(|y| y.split('"').next().expect("y").parse().expect("a number"))
                .collect();
            assert_eq!(tops.len(), count);
            let highest = tops.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(highest < 16.0, "an empty place above: {highest}");
        }
    }

    #[test]
    fn a_reliability_diagram_goes_from_0_to_1_even_with_one_bin() {
        let shares = [Share {
            announced: 0.8,
            right: 0.7,
            count: 12,
        }];
        let svg = Chart::reliability("", ["announced", "right"], "ideal", &shares).svg(EN);
        assert!(
            svg.contains("\n0\n") && svg.contains("\n1\n") && !svg.contains("\n-"),
            "{svg}"
        );
        assert!(svg.contains("ideal") && svg.contains("<circle"));
        let diagonal = svg.split("<polyline ").skip(1).any(|line| {
            let color = line.contains("stroke=\"#D55E00\"");
            let points = line.split("points=\"").nth(1).expect("points");
            let ends: Vec<f64> = points
                .split('"')
                .next()
                .expect("points")
                .split([' ', ','])
                .filter_map(|number| number.parse().ok())
                .collect();
            color && ends.len() == 4 && ends[2] - ends[0] > 200.0 && ends[1] - ends[3] > 200.0
        });
        assert!(diagonal, "{svg}");
    }

    #[test]
    fn charts_of_nothing_are_survived() {
        let empty = Chart::bars("", "", &[]);
        assert!(empty.svg(EN).contains("<svg"));
        assert_eq!(Chart::lines("", "", "", &[]).svg(EN), "");
        assert_eq!(Chart::map("", ["", ""], "", &[]).svg(EN), "");
        assert_eq!(Chart::points("", &[]).svg(EN), "");
        let zeros = [("a".to_owned(), 0.0)];
        assert!(Chart::bars("", "", &zeros).svg(EN).contains("<svg"));
    }
}

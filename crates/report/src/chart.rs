//! Charts as SVG, drawn here, each with the table of its numbers.

use std::fmt::Write as _;

use plotters::prelude::*;

use crate::escape::escape;
use crate::table::Table;

/// Colours that are told apart with any colour vision (Okabe and Ito, 2008).
const COLORS: [RGBColor; 4] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
];
/// Red, green and blue among [`COLORS`].
const CHANNELS: [RGBColor; 3] = [COLORS[1], COLORS[2], COLORS[0]];
/// Pixels.
const WIDTH: u32 = 760;
const HEIGHT: u32 = 320;
/// Pixels of a bar and the space to the next.
const BAR: u32 = 16;
const FONT: (&str, i32) = ("sans-serif", 12);

/// A line of a line chart: its name and its points, (x, y), by rising x.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart<'data> {
    title: &'data str,
    unit: &'data str,
    kind: Kind<'data>,
    /// A place of the axis that a line chart marks, and what it is.
    mark: Option<(f64, &'data str)>,
    /// Of lines, in their order.
    colors: &'static [RGBColor],
}

#[derive(Clone, Debug)]
enum Kind<'data> {
    Bars(&'data [(String, f64)]),
    Lines(&'data [Line], &'data str),
    Map(&'data [Vec<f64>], [&'data str; 2]),
    Points(&'data [(String, [f64; 2])]),
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

    /// The same line chart with a place of its axis marked; `label` says what is there.
    pub fn marked(self, place: f64, label: &'data str) -> Self {
        let mark = Some((place, label));
        Chart { mark, ..self }
    }

    /// The same line chart with its lines in the colours that they are of: red, green and blue.
    pub fn of_channels(self) -> Self {
        Chart {
            colors: &CHANNELS,
            ..self
        }
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

    fn new(title: &'data str, unit: &'data str, kind: Kind<'data>) -> Self {
        Chart {
            title,
            unit,
            kind,
            mark: None,
            colors: &COLORS,
        }
    }

    pub(crate) fn title(&self) -> &str {
        self.title
    }

    /// The numbers.
    pub(crate) fn table(&self) -> Table {
        match &self.kind {
            Kind::Bars(values) => {
                let mut table = Table::new(["", self.unit]);
                for (name, value) in *values {
                    table.row([name.clone(), short(*value)]);
                }
                table
            }
            Kind::Lines(lines, axis) => {
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
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        let drawn = match &self.kind {
            Kind::Bars(values) => draw_bars(&mut svg, values, self.unit),
            Kind::Lines(lines, axis) => {
                draw_lines(&mut svg, lines, self.colors, [axis, self.unit], self.mark)
            }
            Kind::Map(cells, axes) => draw_map(&mut svg, cells, axes),
            Kind::Points(points) => draw_points(&mut svg, points),
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

/// Why a drawing failed; nothing is done with it.
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_bars(svg: &mut String, values: &[(String, f64)], unit: &str) -> Drawn {
    let count = values.len().max(1);
    let height = count as u32 * BAR + 60;
    let longest = values.iter().map(|(name, _)| name.chars().count()).max();
    let names = (longest.unwrap_or(0) as u32 * 7).clamp(40, 260);
    let most = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(names)
        .build_cartesian_2d(0.0..room(most), (0..count).into_segmented())?;
    let label = |place: &SegmentValue<usize>| match place {
        // The first name stands on top.
        SegmentValue::CenterOf(place) => (count - 1)
            .checked_sub(*place)
            .and_then(|place| values.get(place))
            .map_or(String::new(), |(name, _)| name.clone()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(count)
        .y_label_formatter(&label)
        .x_desc(unit)
        .label_style(FONT)
        .x_label_formatter(&tick)
        .draw()?;
    chart.draw_series(values.iter().enumerate().map(|(place, (_, value))| {
        let row = count - 1 - place;
        let corners = [
            (0.0, SegmentValue::Exact(row)),
            (*value, SegmentValue::Exact(row + 1)),
        ];
        let mut bar = Rectangle::new(corners, COLORS[0].filled());
        bar.set_margin(2, 2, 0, 0);
        bar
    }))?;
    area.present()?;
    Ok(())
}

fn draw_lines(
    svg: &mut String,
    lines: &[Line],
    colors: &'static [RGBColor],
    [axis, unit]: [&str; 2],
    mark: Option<(f64, &str)>,
) -> Drawn {
    let points = || lines.iter().flat_map(|line| &line.points);
    let left = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let right = points()
        .map(|point| point.0)
        .fold(f64::NEG_INFINITY, f64::max);
    let most = points().map(|point| point.1).fold(0.0, f64::max);
    if !(left.is_finite() && right.is_finite()) {
        return Err("no point".into());
    }
    let range = match right > left {
        true => left..right,
        false => left - 0.5..left + 0.5,
    };
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(range, 0.0..room(most))?;
    chart
        .configure_mesh()
        .x_desc(axis)
        .y_desc(unit)
        .label_style(FONT)
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .draw()?;
    for (line, color) in lines.iter().zip(colors.iter().cycle()) {
        let drawn = chart.draw_series(LineSeries::new(
            line.points.iter().copied(),
            color.stroke_width(2),
        ))?;
        if lines.len() > 1 {
            drawn.label(&line.name).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 16, y)], color.stroke_width(2))
            });
        }
        // A line of one point is none.
        if let [point] = line.points[..] {
            chart.draw_series([Circle::new(point, 4, color.filled())])?;
        }
    }
    if let Some((place, label)) = mark {
        let across = vec![(place, 0.0), (place, room(most))];
        chart
            .draw_series(LineSeries::new(across, BLACK.stroke_width(1)))?
            .label(label)
            .legend(|(x, y)| PathElement::new(vec![(x + 8, y - 6), (x + 8, y + 6)], BLACK));
    }
    if lines.len() > 1 || mark.is_some() {
        // Where the lines end is where they lie the densest: the names stand on the other half.
        let late = || points().filter(|point| point.0 > left + 0.6 * (right - left));
        let high = late().filter(|point| point.1 > most / 2.0).count();
        let position = match 2 * high > late().count() {
            true => SeriesLabelPosition::LowerRight,
            false => SeriesLabelPosition::UpperRight,
        };
        chart
            .configure_series_labels()
            .position(position)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK)
            .label_font(FONT)
            .draw()?;
    }
    area.present()?;
    Ok(())
}

fn draw_map(svg: &mut String, cells: &[Vec<f64>], axes: &[&str; 2]) -> Drawn {
    let (rows, columns) = (cells.len(), cells.first().map_or(0, Vec::len));
    if rows == 0 || columns == 0 {
        return Err("no cell".into());
    }
    let most = cells.iter().flatten().copied().fold(0.0, f64::max);
    let area = SVGBackend::with_string(svg, (440, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..1.0, 1.0..0.0)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc(axes[0])
        .y_desc(axes[1])
        .label_style(FONT)
        .draw()?;
    chart.draw_series(cells.iter().enumerate().flat_map(|(row, values)| {
        values.iter().enumerate().map(move |(column, &value)| {
            let share = if most > 0.0 { value / most } else { 0.0 };
            let shade = |full: u8| (255.0 - share * f64::from(255 - full)).round() as u8;
            let color = RGBColor(shade(COLORS[0].0), shade(COLORS[0].1), shade(COLORS[0].2));
            let place = |index: usize, count: usize| index as f64 / count as f64;
            Rectangle::new(
                [
                    (place(column, columns), place(row, rows)),
                    (place(column + 1, columns), place(row + 1, rows)),
                ],
                color.filled(),
            )
        })
    }))?;
    area.present()?;
    Ok(())
}

fn draw_points(svg: &mut String, points: &[(String, [f64; 2])]) -> Drawn {
    const SIDE: u32 = 1000;
    let all = || points.iter().flat_map(|(_, place)| place);
    let most = all().fold(0.0, |most: f64, value| most.max(value.abs()));
    if points.is_empty() || !most.is_finite() {
        return Err("no point".into());
    }
    let range = room(most);
    let area = SVGBackend::with_string(svg, (SIDE, SIDE)).into_drawing_area();
    area.fill(&WHITE)?;
    // Room for the names of points at the right border.
    let chart = ChartBuilder::on(&area)
        .margin(10)
        .margin_right(120)
        .build_cartesian_2d(-range..range, -range..range)?;
    let plane = chart.plotting_area();
    let mut taken: Vec<[i32; 4]> = Vec::new();
    for (name, [x, y]) in points {
        plane.draw(&Circle::new((*x, *y), 3, COLORS[0].filled()))?;
        let (left, top) = plane.map_coordinate(&(*x, *y));
        let wide = name.chars().count() as i32 * 6;
        // A name moves down, then up, until it lies on no other.
        let free = [0, 10, -10, 20, -20, 30, -30]
            .map(|moved| [left + 6, top - 6 + moved, left + 6 + wide, top + 5 + moved])
            .into_iter()
            .find(|own| {
                let beside = |other: &[i32; 4]| {
                    own[0] > other[2] || own[2] < other[0] || own[1] > other[3] || own[3] < other[1]
                };
                taken.iter().all(beside)
            });
        if let Some(place) = free {
            taken.push(place);
            let text = Text::new(name.as_str(), (place[0], place[1]), ("sans-serif", 11));
            area.draw(&text)?;
        }
    }
    area.present()?;
    Ok(())
}

/// Where an axis from 0 ends.
fn room(most: f64) -> f64 {
    if most > 0.0 { most * 1.05 } else { 1.0 }
}

/// A number with as many digits as one reads.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}

/// The same at an axis, without the zeros that keep a table's columns in line.
fn tick(value: &f64) -> String {
    let text = short(*value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_channel_has_its_colour() {
        let lines = ["red", "green", "blue"].map(|name| Line {
            name: name.to_owned(),
            points: vec![(0.0, 1.0), (1.0, 2.0)],
        });
        let svg = Chart::lines("Colours", "level", "pixels", &lines)
            .of_channels()
            .svg();
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
            let svg = chart.svg();
            assert!(svg.starts_with("<svg role=\"img\" aria-label="), "{svg}");
            assert!(svg.trim_end().ends_with("</svg>"));
            let mut page = crate::Page::new("en", "");
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
        assert!(marked.svg().contains("the fourth") && !plain.svg().contains("the fourth"));
    }

    #[test]
    fn the_names_of_lines_stand_where_the_lines_do_not() {
        let height = |points: Vec<(f64, f64)>| -> u32 {
            let name = "one".to_owned();
            let lines = [Line { name, points }];
            let svg = Chart::lines("", "", "", &lines).marked(1.0, "here").svg();
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
        let table = Chart::lines("", "x", "y", &lines).table().html("");
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
        assert!(Chart::lines("", "x", "y", &one).svg().contains("<circle"));
    }

    #[test]
    fn ticks_have_no_zeros_to_spare() {
        let ticks = [0.0, 0.1, 0.25, 1.5, 10.0, 2000.0].map(|value| tick(&value));
        assert_eq!(ticks, ["0", "0.1", "0.25", "1.5", "10", "2000"]);
    }

    #[test]
    fn charts_of_nothing_are_survived() {
        let empty = Chart::bars("", "", &[]);
        assert!(empty.svg().contains("<svg"));
        assert_eq!(Chart::lines("", "", "", &[]).svg(), "");
        assert_eq!(Chart::map("", ["", ""], "", &[]).svg(), "");
        assert_eq!(Chart::points("", &[]).svg(), "");
        let zeros = [("a".to_owned(), 0.0)];
        assert!(Chart::bars("", "", &zeros).svg().contains("<svg"));
    }
}

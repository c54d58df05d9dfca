//! The drawing of charts, as SVG without a background: a page has its own, light or dark.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::RGBAColor;

use crate::series::{Hue, Line, Share};

/// Units of a drawing, which a page scales to its own width: so few that the text is still read on
/// a phone.
const WIDTH: u32 = 480;
pub(crate) const HEIGHT: u32 = 280;
/// Those of a bar and the space to the next.
const BAR: u32 = 18;
const FONT: (&str, i32) = ("sans-serif", 13);
/// The most places of an axis that have a number.
const MOST_TICKS: usize = 7;
const NO_LINE: RGBAColor = RGBAColor(0, 0, 0, 0.0);

/// Why a drawing failed; nothing is done with it.
type Drawn = Result<(), Box<dyn std::error::Error>>;
/// How a number is written at an axis.
type Tick<'a> = &'a dyn Fn(&f64) -> String;

/// A chart of numbers over numbers.
type Plane<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws two named axes with their numbers; with `ticks` also the lines at so many places across and
/// up.
fn axes(
    chart: &mut Plane<'_>,
    [x, y]: [&str; 2],
    ticks: Option<[usize; 2]>,
    tick: Tick<'_>,
) -> Drawn {
    let mut mesh = chart.configure_mesh();
    match ticks {
        Some([across, up]) => mesh.light_line_style(NO_LINE).x_labels(across).y_labels(up),
        None => mesh.disable_mesh(),
    };
    mesh.x_desc(x)
        .y_desc(y)
        .label_style(FONT)
        .x_label_formatter(&|value| tick(value))
        .y_label_formatter(&|value| tick(value))
        .draw()?;
    Ok(())
}

/// Draws what the series of a chart are called.
fn legend(chart: &mut Plane<'_>, position: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK)
        .label_font(FONT)
        .draw()?;
    Ok(())
}

fn paint(color: Hue) -> RGBColor {
    let [red, green, blue] = color.rgb();
    RGBColor(red, green, blue)
}

/// A bar for each name, the first on top.
pub(crate) fn bars(
    svg: &mut String,
    values: &[(String, f64)],
    unit: &str,
    tick: Tick<'_>,
) -> Drawn {
    let count = values.len().max(1);
    let height = count as u32 * BAR + 60;
    let longest = values.iter().map(|(name, _)| name.chars().count()).max();
    let names = (longest.unwrap_or(0) as u32 * 7).clamp(40, 240);
    let most = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(names)
        .build_cartesian_2d(0.0..room(most), (0..count - 1).into_segmented())?;
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
        .light_line_style(NO_LINE)
        .x_labels(MOST_TICKS)
        .y_labels(count)
        .y_label_formatter(&label)
        .x_desc(unit)
        .label_style(FONT)
        .x_label_formatter(&|value| tick(value))
        .draw()?;
    let top = |row: usize| match row + 1 < count {
        true => SegmentValue::Exact(row + 1),
        false => SegmentValue::Last,
    };
    chart.draw_series(values.iter().enumerate().map(|(place, (_, value))| {
        let row = count - 1 - place;
        let corners = [(0.0, SegmentValue::Exact(row)), (*value, top(row))];
        let mut bar = Rectangle::new(corners, paint(Hue::Blue).filled());
        bar.set_margin(2, 2, 0, 0);
        bar
    }))?;
    area.present()?;
    Ok(())
}

/// Lines over a common axis.
pub(crate) struct Lines<'a> {
    pub(crate) lines: &'a [Line],
    pub(crate) axis: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) colors: &'a [Hue],
    /// A place of the axis that is marked, and what it is.
    pub(crate) mark: Option<(f64, &'a str)>,
    /// Whether they are histograms, whose values each hold for a range.
    pub(crate) stairs: bool,
}

impl Lines<'_> {
    fn points(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points)
    }

    /// From the first place to the last.
    fn range(&self) -> Option<std::ops::Range<f64>> {
        let places = || self.points().map(|point| point.0);
        let left = places().fold(f64::INFINITY, f64::min);
        let right = places().fold(f64::NEG_INFINITY, f64::max);
        if !(left.is_finite() && right.is_finite()) {
            return None;
        }
        let beyond = match (self.stairs, right > left) {
            (true, _) => self.lines.iter().map(half_step).fold(0.0, f64::max),
            (false, true) => 0.0,
            (false, false) => 0.5,
        };
        Some(left - beyond..right + beyond)
    }

    /// How many places of the axis have a number: no more than there are, where they are counted
    /// from one to the next.
    fn ticks(&self, range: &std::ops::Range<f64>) -> usize {
        let counted = !self.stairs && self.points().all(|point| point.0.fract() == 0.0);
        let places = (range.end - range.start).floor() as usize + 1;
        match counted {
            true => places.min(MOST_TICKS),
            false => MOST_TICKS,
        }
    }

    pub(crate) fn draw(&self, svg: &mut String, tick: Tick<'_>) -> Drawn {
        let range = self.range().ok_or("no point")?;
        let ticks = self.ticks(&range);
        let most = self.points().map(|point| point.1).fold(0.0, f64::max);
        let position = self.legend(&range, most);
        let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .margin_right(24)
            .x_label_area_size(40)
            .y_label_area_size(58)
            .build_cartesian_2d(range, 0.0..room(most))?;
        let ticks = Some([ticks, MOST_TICKS]);
        axes(&mut chart, [self.axis, self.unit], ticks, tick)?;
        for (line, &color) in self.lines.iter().zip(self.colors.iter().cycle()) {
            let color = paint(color);
            let path = match self.stairs {
                true => stairs(line),
                false => line.points.clone(),
            };
            if self.stairs && self.lines.len() == 1 {
                chart.draw_series([Polygon::new(path.clone(), color.mix(0.4).filled())])?;
            }
            let drawn = chart.draw_series(LineSeries::new(path, color.stroke_width(2)))?;
            if self.lines.len() > 1 {
                drawn.label(&line.name).legend(move |(x, y)| {
                    PathElement::new(vec![(x, y), (x + 16, y)], color.stroke_width(2))
                });
            }
            // A line of one point is none.
            if let ([point], false) = (&line.points[..], self.stairs) {
                chart.draw_series([Circle::new(*point, 4, color.filled())])?;
            }
        }
        if let Some((place, label)) = self.mark {
            let across = vec![(place, 0.0), (place, room(most))];
            chart
                .draw_series(LineSeries::new(across, BLACK.stroke_width(1)))?
                .label(label)
                .legend(|(x, y)| PathElement::new(vec![(x + 8, y - 6), (x + 8, y + 6)], BLACK));
        }
        if self.lines.len() > 1 || self.mark.is_some() {
            legend(&mut chart, position)?;
        }
        area.present()?;
        Ok(())
    }

    /// Where lines end is where they lie the densest: their names stand on the other half.
    fn legend(&self, range: &std::ops::Range<f64>, most: f64) -> SeriesLabelPosition {
        let from = range.start + 0.6 * (range.end - range.start);
        let late = || self.points().filter(|point| point.0 > from);
        let high = late().filter(|point| point.1 > most / 2.0).count();
        match 2 * high > late().count() {
            true => SeriesLabelPosition::LowerRight,
            false => SeriesLabelPosition::UpperRight,
        }
    }
}

/// Half of a histogram's range.
fn half_step(line: &Line) -> f64 {
    match line.points[..] {
        [first, second, ..] => (second.0 - first.0) / 2.0,
        _ => 0.5,
    }
}

/// The outline of a histogram.
fn stairs(line: &Line) -> Vec<(f64, f64)> {
    let half = half_step(line);
    let (Some(first), Some(last)) = (line.points.first(), line.points.last()) else {
        return Vec::new();
    };
    let mut path = vec![(first.0 - half, 0.0)];
    let flat = line
        .points
        .iter()
        .flat_map(|&(x, y)| [(x - half, y), (x + half, y)]);
    path.extend(flat);
    path.push((last.0 + half, 0.0));
    path
}

/// Shares of 0 to 1 over probabilities, beside the diagonal; `names` are those of the two axes and
/// of the diagonal.
pub(crate) fn reliability(
    svg: &mut String,
    shares: &[Share],
    [announced, right, ideal]: [&str; 3],
    tick: Tick<'_>,
) -> Drawn {
    /// The radius of the point that is of the most, and what is added to all.
    const LARGEST: f64 = 9.0;
    const LEAST: f64 = 3.0;
    let most = shares
        .iter()
        .map(|share| share.count)
        .max()
        .unwrap_or(0)
        .max(1);
    let area = SVGBackend::with_string(svg, (440, 400)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    axes(&mut chart, [announced, right], Some([MOST_TICKS; 2]), tick)?;
    let (line, point) = (paint(Hue::Red), paint(Hue::Blue));
    chart
        .draw_series(LineSeries::new(
            [(0.0, 0.0), (1.0, 1.0)],
            line.stroke_width(2),
        ))?
        .label(ideal)
        .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], line.stroke_width(2)));
    let circle = |share: &Share| {
        let size = LEAST + LARGEST * (share.count as f64 / most as f64).sqrt();
        Circle::new(
            (share.announced, share.right),
            size.round() as u32,
            point.mix(0.8).filled(),
        )
    };
    chart
        .draw_series(shares.iter().map(circle))?
        .label(right)
        .legend(move |(x, y)| Circle::new((x + 8, y), 5, point.filled()));
    legend(&mut chart, SeriesLabelPosition::UpperLeft)?;
    area.present()?;
    Ok(())
}

/// Cells, the darker the greater.
pub(crate) fn map(
    svg: &mut String,
    cells: &[Vec<f64>],
    names: &[&str; 2],
    tick: Tick<'_>,
) -> Drawn {
    let (rows, columns) = (cells.len(), cells.first().map_or(0, Vec::len));
    if rows == 0 || columns == 0 {
        return Err("no cell".into());
    }
    let most = cells.iter().flatten().copied().fold(0.0, f64::max);
    let area = SVGBackend::with_string(svg, (440, 420)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..1.0, 1.0..0.0)?;
    axes(&mut chart, *names, None, tick)?;
    chart.draw_series(cells.iter().enumerate().flat_map(|(row, values)| {
        values.iter().enumerate().map(move |(column, &value)| {
            let share = if most > 0.0 { value / most } else { 0.0 };
            let color = paint(Hue::Blue).mix(share);
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

/// Named points, as near as they are, at one scale.
pub(crate) fn points(svg: &mut String, points: &[(String, [f64; 2])]) -> Drawn {
    if points.is_empty()
        || !points
            .iter()
            .flat_map(|(_, place)| place)
            .all(|v| v.is_finite())
    {
        return Err("no point".into());
    }
    // A few points need no room; many need all of a screen.
    let side = (300 + 6 * points.len() as u32).min(1000);
    let longest = points.iter().map(|(name, _)| name.chars().count()).max();
    let names = (longest.unwrap_or(0) as u32 * 6 + 8).min(side / 2);
    let edges = [0, 1].map(|axis: usize| {
        let places = || points.iter().map(|(_, place)| place[axis]);
        let least = places().fold(f64::INFINITY, f64::min);
        (least, places().fold(f64::NEG_INFINITY, f64::max))
    });
    let widest = edges.map(|(least, most)| most - least);
    let half = room(widest[0].max(widest[1])) / 2.0;
    let [x, y] = edges.map(|(least, most)| {
        let middle = f64::midpoint(least, most);
        middle - half..middle + half
    });
    let area = SVGBackend::with_string(svg, (side + names, side)).into_drawing_area();
    // Room for the names of points at the right border.
    let chart = ChartBuilder::on(&area)
        .margin(12)
        .margin_right(12 + names)
        .build_cartesian_2d(x, y)?;
    let plane = chart.plotting_area();
    let mut taken: Vec<[i32; 4]> = Vec::new();
    for (name, [x, y]) in points {
        plane.draw(&Circle::new((*x, *y), 3, paint(Hue::Blue).filled()))?;
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

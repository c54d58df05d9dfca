//! Points over two axes as SVG, and lines over several axes side by side (parallel coordinates): the better
//! a point, the darker.
use std::fmt::Write as _;

use words::Language;

use crate::axis::Axis;
use crate::chart::tick;
use crate::escape::escape;
use crate::table::Table;

/// Units of a drawing.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 280.0;
/// Around the drawing: room for names and numbers.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Between the axes of parallel coordinates.
const APART: f64 = 86.0;

/// Points over two axes.
#[derive(Clone, Debug)]
pub struct Scatter<'data> {
    /// What it shows.
    pub title: &'data str,
    /// Across and up.
    pub axes: [&'data Axis; 2],
    /// The points.
    pub points: &'data [Dot],
}

/// A point of several numbers.
#[derive(Clone, Debug)]
pub struct Dot {
    /// What it is.
    pub name: String,
    /// A value for each axis; none where it has none.
    pub values: Vec<Option<f64>>,
    /// How good it is, 0 to 1.
    pub shade: f64,
}

/// Curves over two axes.
#[derive(Clone, Debug)]
pub struct Curves<'data> {
    /// What they show.
    pub title: &'data str,
    /// Across and up.
    pub axes: [&'data Axis; 2],
    /// The curves.
    pub curves: &'data [Curve],
}

/// A curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What it is.
    pub name: String,
    /// Its points from left to right.
    pub points: Vec<(f64, f64)>,
    /// How good it is, 0 to 1.
    pub shade: f64,
}

/// Lines over several axes, a line a dot.
#[derive(Clone, Debug)]
pub struct Parallel<'data> {
    /// What it shows.
    pub title: &'data str,
    /// The axes from left to right.
    pub axes: &'data [Axis],
    /// The lines.
    pub dots: &'data [Dot],
}

impl Scatter<'_> {
    /// The numbers.
    pub fn table(&self, language: Language) -> Table {
        table(&self.axes.map(Clone::clone), self.points, language)
    }

    pub(crate) fn svg(&self, language: Language) -> String {
        let mut svg = begun(self.title, WIDTH, HEIGHT);
        frame(&mut svg, self.axes, language);
        for dot in self.points {
            if let [Some(x), Some(y)] = dot.values[..] {
                let (x, y) = placed(self.axes, (x, y));
                let _ = write!(
                    svg,
                    "<circle cx={x:.1} cy={y:.1} r=4 {}><title>{}</title></circle>",
                    painted(dot.shade, "fill"),
                    escape(&dot.name),
                );
            }
        }
        svg + "</svg>"
    }
}

impl Curves<'_> {
    /// The numbers: a row a place, a column a curve.
    pub fn table(&self, language: Language) -> Table {
        let names = self.curves.iter().map(|curve| curve.name.clone());
        let mut table = Table::new(std::iter::once(self.axes[0].name.clone()).chain(names));
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let mut places: Vec<f64> = points.map(|point| point.0).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        for place in places {
            let values = self.curves.iter().map(|curve| {
                let point = curve.points.iter().find(|point| point.0 == place);
                point.map_or(String::new(), |point| tick(language, point.1))
            });
            table.row(std::iter::once(tick(language, place)).chain(values));
        }
        table
    }

    pub(crate) fn svg(&self, language: Language) -> String {
        let mut svg = begun(self.title, WIDTH, HEIGHT);
        frame(&mut svg, self.axes, language);
        let mut curves: Vec<&Curve> = self.curves.iter().collect();
        curves.sort_by(|one, other| one.shade.total_cmp(&other.shade));
        for curve in curves {
            let points = curve.points.iter().map(|point| {
                let (x, y) = placed(self.axes, *point);
                format!("{x:.1},{y:.1}")
            });
            let points: Vec<String> = points.collect();
            let _ = write!(
                svg,
                "<polyline points=\"{}\" fill=none stroke-width=1.5 {}><title>{}</title></polyline>",
                points.join(" "),
                painted(curve.shade, "stroke"),
                escape(&curve.name),
            );
        }
        svg + "</svg>"
    }
}

/// Two axes with their names and numbers.
fn frame(svg: &mut String, [across, up]: [&Axis; 2], language: Language) {
    let text = |value: f64| tick(language, value);
    let (width, height, base) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM);
    let _ = write!(
        svg,
        "<path d=\"M{LEFT} {TOP}V{base}H{}\" fill=none stroke=currentColor />",
        WIDTH - RIGHT
    );
    for (share, label) in across.ticks(&text) {
        let (x, label) = (LEFT + share * width, escape(&label));
        let y = base + 15.0;
        let _ = write!(
            svg,
            "<text x={x:.1} y={y} text-anchor=middle>{label}</text>"
        );
    }
    for (share, label) in up.ticks(&text) {
        let (y, label) = (base - share * height + 4.0, escape(&label));
        let x = LEFT - 5.0;
        let _ = write!(svg, "<text x={x} y={y:.1} text-anchor=end>{label}</text>");
    }
    let _ = write!(
        svg,
        "<text x={} y={} text-anchor=middle>{}</text>\
         <text transform=\"translate(12 {}) rotate(-90)\" text-anchor=middle>{}</text>",
        LEFT + width / 2.0,
        HEIGHT - 8.0,
        escape(&across.name),
        TOP + height / 2.0,
        escape(&up.name),
    );
}

/// Where a point stands in the drawing.
fn placed([across, up]: [&Axis; 2], (x, y): (f64, f64)) -> (f64, f64) {
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    (
        LEFT + across.share(x) * width,
        HEIGHT - BOTTOM - up.share(y) * height,
    )
}

impl Parallel<'_> {
    /// The numbers.
    pub fn table(&self, language: Language) -> Table {
        table(self.axes, self.dots, language)
    }

    pub(crate) fn svg(&self, language: Language) -> String {
        let text = |value: f64| tick(language, value);
        let between = self.axes.len().saturating_sub(1) as f64;
        let width = (between * APART + 2.0 * LEFT).max(WIDTH);
        let mut svg = begun(self.title, width, HEIGHT);
        let (base, height) = (HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM);
        let x = |place: usize| LEFT + place as f64 * (width - 2.0 * LEFT) / between.max(1.0);
        // The good ones lie on top.
        let mut dots: Vec<_> = self.dots.iter().collect();
        dots.sort_by(|one, other| one.shade.total_cmp(&other.shade));
        for dot in dots {
            let places = dot.values.iter().zip(self.axes).enumerate();
            let points = places.filter_map(|(place, (value, axis))| {
                let y = base - axis.share((*value)?) * height;
                Some(format!("{:.1},{y:.1}", x(place)))
            });
            let points: Vec<String> = points.collect();
            let _ = write!(
                svg,
                "<polyline points=\"{}\" fill=none stroke-width=1.5 {}><title>{}</title></polyline>",
                points.join(" "),
                painted(dot.shade, "stroke"),
                escape(&dot.name),
            );
        }
        for (place, axis) in self.axes.iter().enumerate() {
            let x = x(place);
            let _ = write!(
                svg,
                "<path d=\"M{x:.1} {TOP}V{base}\" stroke=currentColor />"
            );
            for (share, label) in axis.ticks(&text) {
                let y = base - share * height + 4.0;
                let _ = write!(
                    svg,
                    "<text x={:.1} y={y:.1} class=tick>{}</text>",
                    x + 4.0,
                    escape(&label)
                );
            }
            // Names of neighbours stand on two lines, so that long ones do not meet.
            let y = base + 15.0 + 14.0 * (place % 2) as f64;
            let _ = write!(
                svg,
                "<text x={x:.1} y={y} text-anchor=middle>{}</text>",
                escape(&axis.name)
            );
        }
        svg + "</svg>"
    }
}

fn begun(title: &str, width: f64, height: f64) -> String {
    format!(
        "<svg role=img aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\" width={width} height={height} \
         viewBox=\"0 0 {width} {height}\" font-family=sans-serif font-size=11 fill=currentColor>",
        escape(title)
    )
}

/// The better, the darker; told apart without colours by how strong it is.
fn painted(shade: f64, what: &str) -> String {
    let shade = if shade.is_finite() {
        shade.clamp(0.0, 1.0)
    } else {
        0.0
    };
    format!(
        "{what}=#0072b2 {what}-opacity={:.2}",
        0.12 + 0.88 * shade * shade
    )
}

fn table(axes: &[Axis], dots: &[Dot], language: Language) -> Table {
    let names = axes.iter().map(|axis| axis.name.clone());
    let mut table = Table::new(std::iter::once(String::new()).chain(names));
    for dot in dots {
        let values = dot
            .values
            .iter()
            .zip(axes)
            .map(|(value, axis)| match (value, &axis.scale) {
                (None, _) => String::new(),
                (Some(value), crate::axis::Scale::Names(names)) => {
                    names.get(*value as usize).cloned().unwrap_or_default()
                }
                (Some(value), _) => tick(language, *value),
            });
        table.row(std::iter::once(dot.name.clone()).chain(values));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::Scale;

    #[test]
    fn every_dot_is_drawn_and_listed() {
        let axes = [
            Axis {
                name: "rate".to_owned(),
                scale: Scale::Logarithmic(1e-4, 1e-1),
            },
            Axis {
                name: "name <x>".to_owned(),
                scale: Scale::Names(vec!["adam".to_owned(), "sgd".to_owned()]),
            },
            Axis {
                name: "accuracy".to_owned(),
                scale: Scale::Linear(0.5, 0.9),
            },
        ];
        let dot = |number: u32, values: [Option<f64>; 3]| Dot {
            name: format!("trial {number}"),
            values: values.to_vec(),
            shade: f64::from(number),
        };
        let dots = [
            dot(0, [Some(1e-3), Some(1.0), Some(0.7)]),
            dot(1, [Some(1e-2), None, Some(0.9)]),
        ];
        let parallel = Parallel {
            title: "All",
            axes: &axes,
            dots: &dots,
        };
        let svg = parallel.svg(Language::English);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("name &lt;x&gt;") && svg.contains("sgd"));
        let slice: Vec<Dot> = dots
            .iter()
            .map(|dot| Dot {
                values: vec![dot.values[0], dot.values[2]],
                ..dot.clone()
            })
            .collect();
        let scatter = Scatter {
            title: "Slice",
            axes: [&axes[0], &axes[2]],
            points: &slice,
        };
        assert_eq!(scatter.svg(Language::English).matches("<circle").count(), 2);
        let mut page = crate::Page::new(Language::English, "");
        page.scatter(&scatter, "Numbers");
        page.parallel(&parallel, "Numbers");
        let html = page.finish();
        assert!(
            html.contains("trial 1") && html.contains("<td>sgd"),
            "{html}"
        );
    }
}

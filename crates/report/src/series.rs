//! What a chart draws: lines, their colours, and shares of probabilities.

/// The colour of a line; all are told apart with any colour vision (Okabe and Ito, 2008).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hue {
    /// The first line's, unless it is told otherwise.
    Blue,
    /// A vermilion.
    Red,
    /// A bluish green.
    Green,
    /// A reddish purple.
    Purple,
}

impl Hue {
    /// In the order of lines.
    pub const ALL: [Hue; 4] = [Hue::Blue, Hue::Red, Hue::Green, Hue::Purple];

    pub(crate) fn rgb(self) -> [u8; 3] {
        match self {
            Hue::Blue => [0, 114, 178],
            Hue::Red => [213, 94, 0],
            Hue::Green => [0, 158, 115],
            Hue::Purple => [204, 121, 167],
        }
    }
}

/// A line of a line chart: its name and its points, (x, y), by rising x.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// What was right of a range of announced probabilities.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// The mean probability, 0 to 1.
    pub announced: f64,
    /// The share that was right, 0 to 1.
    pub right: f64,
    /// Of how many.
    pub count: usize,
}

//! Self-contained HTML reports: page shell, charts with their tables, photo grids.
//!
//! Invariant: a page needs nothing but itself. No script, no font and no picture is fetched; its
//! own policy forbids it. This crate knows no data set: it is given texts, numbers and pixels, and
//! writes numbers as the page's language does.

mod axis;
mod chart;
mod draw;
mod escape;
mod matrix;
mod page;
mod picture;
mod scatter;
mod series;
mod table;

pub use axis::{Axis, Scale};
pub use chart::Chart;
pub use matrix::Matrix;
pub use page::{Page, is_page};
pub use picture::Picture;
pub use scatter::{Curve, Curves, Dot, Parallel, Scatter};
pub use series::{Hue, Line, Share};
pub use table::Table;

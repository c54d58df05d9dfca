//! Cutting out a rectangle, given in per cent of the sides.
use super::{Given, Kind, Picture, Value, number};

pub(super) const STEP: Kind = Kind {
    name: "crop",
    about: "Keeps a rectangle: its left and upper side, its width and its height",
    parameters: &[
        number("left", 0.0, 99.0, 0.0, "per cent"),
        number("top", 0.0, 99.0, 0.0, "per cent"),
        number("width", 1.0, 100.0, 100.0, "per cent"),
        number("height", 1.0, 100.0, 100.0, "per cent"),
    ],
    apply,
};

fn apply(picture: Picture, values: &[Value], _: &Given<'_>) -> Picture {
    let part = |side: usize, start: f64, length: f64| {
        let pixels = |percent: f64| (side as f64 * percent / 100.0).round() as usize;
        let start = pixels(start).min(side - 1);
        let length = pixels(length).max(1).min(side - start);
        (start, length)
    };
    let [left, top, width, height] = [0, 1, 2, 3].map(|index| values[index].number());
    let (left, width) = part(picture.width, left, width);
    let (top, height) = part(picture.height, top, height);
    cut(&picture, (left, top), (width, height))
}

/// The rectangle of a picture; it lies inside.
pub(super) fn cut(
    picture: &Picture,
    (left, top): (usize, usize),
    (width, height): (usize, usize),
) -> Picture {
    let channels = picture.channels;
    let values = (top..top + height)
        .flat_map(|row| &picture.row(row)[left * channels..(left + width) * channels])
        .copied()
        .collect();
    Picture {
        width,
        height,
        channels,
        values,
    }
}

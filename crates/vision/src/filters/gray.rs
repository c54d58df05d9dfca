//! Gray: the luma of every pixel; the steps behind it work on one plane.
use super::colors::luma;
use super::{Given, Kind, Picture, Value};

pub(super) const STEP: Kind = Kind {
    name: "gray",
    about: "Keeps the luma (BT.601) alone; the steps behind it work on one plane",
    parameters: &[],
    apply,
};

fn apply(picture: Picture, _: &[Value], given: &Given<'_>) -> Picture {
    match picture.channels {
        1 => picture,
        _ => {
            let gray = luma(&picture, &given.workers);
            picture.with(1, gray)
        }
    }
}

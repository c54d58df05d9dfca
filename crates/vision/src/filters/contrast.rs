//! Contrast and brightness: a straight line through the middle gray.
use super::{Given, Kind, Picture, Value, number};

pub(super) const STEP: Kind = Kind {
    name: "contrast",
    about: "Multiplies the distance of every value to the middle gray, then adds the brightness",
    parameters: &[
        number("factor", 0.0, 10.0, 1.2, ""),
        number("brightness", -255.0, 255.0, 0.0, "levels"),
    ],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let table = table(values[0].number(), values[1].number());
    picture.map(&table, &given.workers)
}

/// `(v - 127.5) factor + 127.5 + brightness`, rounded and cut to 0..=255.
fn table(factor: f64, brightness: f64) -> [u8; 256] {
    std::array::from_fn(|value| {
        ((value as f64 - 127.5) * factor + 127.5 + brightness).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_stays_and_the_ends_are_cut() {
        assert_eq!(table(1.0, 0.0), std::array::from_fn(|value| value as u8));
        let strong = table(3.0, 0.0);
        assert_eq!((strong[0], strong[255]), (0, 255));
        assert_eq!((strong[127], strong[128]), (126, 129));
        assert_eq!(table(0.0, 0.0), [128; 256]);
        assert_eq!(table(1.0, 10.0)[5], 15);
        assert_eq!(table(1.0, -10.0)[5], 0);
    }
}

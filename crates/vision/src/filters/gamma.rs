//! Gamma: dark tones made lighter or darker, black and white kept.
use super::{Given, Kind, Picture, Value, number};

pub(super) const STEP: Kind = Kind {
    name: "gamma",
    about: "Raises every value to a power: below 1 lightens the dark tones, above 1 darkens them",
    parameters: &[number("gamma", 0.05, 20.0, 1.0, "")],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    picture.map(&table(values[0].number()), &given.workers)
}

/// `255 (v / 255)^gamma`, rounded.
fn table(gamma: f64) -> [u8; 256] {
    std::array::from_fn(|value| (255.0 * (value as f64 / 255.0).powf(gamma)).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stay_and_order_is_kept() {
        for gamma in [0.05, 0.5, 1.0, 2.2, 20.0] {
            let table = table(gamma);
            assert_eq!((table[0], table[255]), (0, 255));
            assert!(table.is_sorted());
        }
        assert_eq!(table(1.0), std::array::from_fn(|value| value as u8));
        assert!(table(0.5)[64] > 64 && table(2.0)[64] < 64);
    }
}

//! Automatic exposure: the used part of the range stretched over the whole of it.
use super::colors::luma;
use super::equalise::histogram;
use super::{Given, Kind, Picture, Value, number};

pub(super) const STEP: Kind = Kind {
    name: "exposure",
    about: "Stretches the range so that this share of the pixels becomes black, and as many white; \
            one line for the three channels, so that hues stay",
    parameters: &[number("share", 0.0, 49.0, 1.0, "per cent")],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let counts = match picture.channels {
        1 => histogram(&picture.values),
        _ => histogram(&luma(&picture, &given.workers)),
    };
    picture.map(&table(&counts, values[0].number()), &given.workers)
}

fn table(counts: &[u32; 256], percent: f64) -> [u8; 256] {
    let all: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let cut = (all as f64 * percent / 100.0) as u64;
    let low = end(counts, cut, 0..256);
    let high = end(counts, cut, (0..256).rev());
    let (Some(low), Some(high)) = (low, high) else {
        return std::array::from_fn(|value| value as u8);
    };
    if low >= high {
        return std::array::from_fn(|value| value as u8);
    }
    let range = (high - low) as f64;
    std::array::from_fn(|value| ((value as f64 - low as f64) * 255.0 / range).round() as u8)
}

/// The first level, from one end, with more than `cut` pixels up to it.
fn end(counts: &[u32; 256], cut: u64, mut levels: impl Iterator<Item = usize>) -> Option<usize> {
    let mut sum = 0;
    levels.find(|&level| {
        sum += u64::from(counts[level]);
        sum > cut
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_used_range_becomes_the_whole() {
        let mut counts = [0; 256];
        (counts[50], counts[100], counts[150]) = (1, 98, 1);
        let whole = table(&counts, 0.0);
        assert_eq!((whole[50], whole[100], whole[150]), (0, 128, 255));
        // One in a hundred is cut off on both sides; a single level is left as it is.
        assert_eq!(table(&counts, 1.0)[100], 100);
        counts[101] = 50;
        let cut = table(&counts, 0.7);
        assert_eq!((cut[100], cut[101]), (0, 255));
        assert_eq!(table(&[0; 256], 1.0)[7], 7);
    }
}

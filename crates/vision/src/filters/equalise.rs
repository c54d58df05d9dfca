//! Histogram equalisation, as OpenCV's `equalizeHist`: of a colour photo on the luma of YCrCb.
use super::colors::{from_ycrcb, ycrcb};
use super::{Given, Kind, Picture, Value, Workers};

pub(super) const STEP: Kind = Kind {
    name: "equalise",
    about: "Spreads the tones evenly over the range; of a colour photo the luma of YCrCb",
    parameters: &[],
    apply,
};

fn apply(picture: Picture, _: &[Value], given: &Given<'_>) -> Picture {
    let workers = &given.workers;
    match picture.channels {
        1 => equalise(picture, workers),
        _ => {
            let [luma, red, blue] = ycrcb(&picture, workers);
            let luma = equalise(picture.with(1, luma), workers).values;
            picture.with(3, from_ycrcb([&luma, &red, &blue], workers))
        }
    }
}

fn equalise(plane: Picture, workers: &Workers<'_>) -> Picture {
    let table = table(&histogram(&plane.values));
    plane.map(&table, workers)
}

/// How often each value stands there.
pub(super) fn histogram(values: &[u8]) -> [u32; 256] {
    // Four counts: neighbours are often equal, and one count would wait for its own last store.
    let mut counts = [[0_u32; 256]; 4];
    let (fours, rest) = values.as_chunks::<4>();
    for four in fours {
        for (count, &value) in counts.iter_mut().zip(four) {
            count[usize::from(value)] += 1;
        }
    }
    for &value in rest {
        counts[0][usize::from(value)] += 1;
    }
    std::array::from_fn(|value| counts.iter().map(|count| count[value]).sum())
}

/// OpenCV's: the least value that occurs becomes 0, a plane of one value stays as it is.
fn table(counts: &[u32; 256]) -> [u8; 256] {
    let all: u32 = counts.iter().sum();
    let Some(first) = counts.iter().position(|&count| count > 0) else {
        return [0; 256];
    };
    if counts[first] == all {
        return [first as u8; 256];
    }
    let scale = 255.0 / (all - counts[first]) as f32;
    let mut sum = 0;
    std::array::from_fn(|value| {
        if value > first {
            sum += counts[value];
        }
        (sum as f32 * scale).round_ties_even() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_rises_from_black_to_white() {
        let values: Vec<u8> = (0..1000_u32).map(|i| (100 + i * i % 37) as u8).collect();
        let counts = histogram(&values);
        assert_eq!(counts.iter().sum::<u32>(), 1000);
        let table = table(&counts);
        assert!(table.is_sorted());
        let least = usize::from(*values.iter().min().unwrap());
        let most = usize::from(*values.iter().max().unwrap());
        assert_eq!((table[least], table[most]), (0, 255));
    }

    #[test]
    fn one_value_stays() {
        assert_eq!(table(&histogram(&[77; 30]))[77], 77);
    }
}

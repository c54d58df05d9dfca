//! A series of numbers as a line of blocks: `█▆▄▃▂▁`.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A value that has no height: NaN or infinite.
const NO_HEIGHT: char = '×';

/// The values in at most `width` characters, from the lowest to the highest of them. Of more values
/// than characters, each character shows a mean; one that is no number marks its character.
pub fn sparkline(values: &[f64], width: usize) -> String {
    let count = values.len().min(width);
    let means: Vec<f64> = (0..count)
        .map(|place| {
            let part = &values[place * values.len() / count..(place + 1) * values.len() / count];
            part.iter().sum::<f64>() / part.len() as f64
        })
        .collect();
    let finite = || means.iter().copied().filter(|mean| mean.is_finite());
    let (low, high) = (
        finite().fold(f64::INFINITY, f64::min),
        finite().fold(f64::NEG_INFINITY, f64::max),
    );
    let block = |mean: f64| {
        if !mean.is_finite() {
            NO_HEIGHT
        } else if high > low {
            // Halves first: the difference of two finite numbers may be infinite.
            let height = (mean / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            BLOCKS[((height * 8.0) as usize).min(7)]
        } else {
            BLOCKS[3]
        }
    };
    means.into_iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_and_the_highest_fill_the_height() {
        assert_eq!(sparkline(&[8.0, 5.0, 3.0, 1.0], 10), "█▅▃▁");
        assert_eq!(sparkline(&[f64::MIN, f64::MAX], 2), "▁█");
        assert_eq!(sparkline(&[2.0, 2.0], 9), "▄▄");
        assert_eq!(sparkline(&[], 9), "");
        assert_eq!(sparkline(&[1.0], 0), "");
    }

    #[test]
    fn many_values_are_drawn_together_and_none_hides_a_nan() {
        let mut values: Vec<f64> = (0..800).map(f64::from).collect();
        assert_eq!(sparkline(&values, 8), "▁▂▃▄▅▆▇█");
        values[250] = f64::NAN;
        values[799] = f64::INFINITY;
        assert_eq!(sparkline(&values, 8), "▁▂×▅▆▇█×");
    }
}

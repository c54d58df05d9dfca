//! How convolutions in a row are cut into bands: which rows of each are made when, and where they are
//! kept meanwhile.
//!
//! Whole, what an inverted residual block expands to is many times what it is given and what it gives,
//! and too large for a cache: it would go to memory and come back twice. Band by band, a thread makes
//! the rows of the first convolution that a few rows of the last need, and uses them up at once.
use kernels::Window;
use std::ops::Range;

/// Most convolutions in a row.
pub(crate) const MOST_STAGES: usize = 3;

/// Rows between the stages that are kept, and how the output is cut into bands and parts.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    windows: Vec<Window>,
    /// f32 of a row of each stage's output.
    pub row_floats: Vec<usize>,
    /// By the number of parts less one.
    pub cuts: Vec<Cut>,
}

/// How the output is cut for some number of parts.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// Rows of a band at most.
    pub band: usize,
    /// The output row that each part begins with, and the end.
    pub rows: Vec<usize>,
    /// The same in f32 of the output.
    pub output_starts: Vec<usize>,
    /// The f32 of the scratch that each part begins with, and the end.
    pub scratch_starts: Vec<usize>,
    /// Where each stage's rows begin in a part's scratch, and the end; the last stage has none.
    pub buffers: Vec<usize>,
}

/// Some rows of each stage's output.
pub(crate) type Rows = [Range<usize>; MOST_STAGES];

impl Schedule {
    /// A schedule for stages with these windows and output channels, on 1 to `threads` threads. The
    /// rows between the stages have at most `budget` f32 on each, unless one row needs more.
    pub fn new(stages: &[(Window, usize)], threads: usize, budget: usize) -> Self {
        assert!((1..=MOST_STAGES).contains(&stages.len()));
        let windows: Vec<Window> = stages.iter().map(|(window, _)| *window).collect();
        let row_floats: Vec<usize> = stages
            .iter()
            .map(|(window, channels)| window.out_width * channels)
            .collect();
        let mut schedule = Schedule {
            windows,
            row_floats,
            cuts: Vec::new(),
        };
        for parts in 1..=threads.max(1) {
            schedule.cuts.push(schedule.cut(parts, budget));
        }
        schedule
    }

    /// f32 of scratch for all threads.
    pub fn scratch(&self) -> usize {
        self.cuts
            .iter()
            .map(|cut| cut.scratch_starts.last().copied().unwrap_or(0))
            .max()
            .unwrap_or(0)
    }

    pub fn last(&self) -> usize {
        self.windows.len() - 1
    }

    fn cut(&self, parts: usize, budget: usize) -> Cut {
        let height = self.windows[self.last()].out_height;
        let rows: Vec<usize> = (0..=parts).map(|part| height * part / parts).collect();
        let most = rows
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or(1)
            .max(1);
        // As high as the budget allows: rows that two bands need are moved, and every band calls each
        // kernel once more.
        let mut band = most;
        while band > 1 && self.between(&rows, band).iter().sum::<usize>() > budget {
            band -= 1;
        }
        // Bands of equal height rather than a small one at the end.
        let band = most.div_ceil(most.div_ceil(band));
        let mut buffers = vec![0];
        for size in self.between(&rows, band) {
            // Whole cache lines, so that vectors at a buffer's start straddle none.
            buffers.push(buffers[buffers.len() - 1] + size.next_multiple_of(16));
        }
        let scratch = buffers[buffers.len() - 1];
        Cut {
            band,
            output_starts: rows
                .iter()
                .map(|row| row * self.row_floats[self.last()])
                .collect(),
            rows,
            scratch_starts: (0..=parts).map(|part| part * scratch).collect(),
            buffers,
        }
    }

    /// f32 of the rows that must be kept of each stage but the last.
    fn between(&self, rows: &[usize], band: usize) -> Vec<usize> {
        let mut most = vec![0; self.last()];
        for pair in rows.windows(2) {
            for first in (pair[0]..pair[1]).step_by(band) {
                let needed = self.needed(first..(first + band).min(pair[1]));
                for (stage, most) in most.iter_mut().enumerate() {
                    *most = (*most).max(needed[stage].len() * self.row_floats[stage]);
                }
            }
        }
        most
    }

    /// The rows of every stage's output that some rows of the last need: found from the end, since a
    /// window sees more rows than it makes.
    pub fn needed(&self, rows: Range<usize>) -> Rows {
        let mut needed = Rows::default();
        let last = self.last();
        needed[last] = rows;
        for stage in (0..last).rev() {
            needed[stage] = self.windows[stage + 1].input_rows(needed[stage + 1].clone());
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_keeps_to_its_budget_where_it_can() {
        // Expansion to 96 channels, 3 x 3 of stride 2, projection, as in MobileNetV2.
        let point = |size| Window::new([size; 2], [1, 1], [1, 1], [0, 0], [0, 0]);
        let depthwise = Window::new([112; 2], [3, 3], [2, 2], [0, 1], [0, 1]);
        let stages = [(point(112), 96), (depthwise, 96), (point(56), 24)];
        let schedule = Schedule::new(&stages, 2, 100_000);
        assert!(schedule.scratch() <= 2 * 100_000 && schedule.scratch() > 2 * 50_000);
        let whole: usize = 112 * 112 * 96;
        assert!(schedule.scratch() < whole / 5);
        let tight = Schedule::new(&stages, 1, 1);
        assert_eq!(
            tight.scratch(),
            3 * 112 * 96 + 56 * 96,
            "one row of the last at a time"
        );
    }
}

//! Median, channel by channel; the outermost pixels stand for those beyond the border, as in
//! OpenCV's `medianBlur`.
use kernels::Loops;

use super::border::{nearest, pad_row};
use super::{Given, Kind, Picture, Value, odd};

pub(super) const STEP: Kind = Kind {
    name: "median",
    about: "Takes the middle value of a square window, channel by channel",
    parameters: &[odd("size", 101, 5.0)],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let radius = values[0].whole() / 2;
    let (stride, channels, height) = (picture.stride(), picture.channels, picture.height);
    let padded_stride = stride + 2 * radius * channels;
    let mut medians = vec![0; picture.values.len()];
    given.workers.bands(&mut medians, stride, |first, band| {
        let rows = band.len() / stride;
        // The band's rows and those around it.
        let padded_rows = rows + 2 * radius;
        let mut padded = vec![0; padded_rows * padded_stride + 2 * BLOCK];
        let to_fill = padded.chunks_exact_mut(padded_stride).take(padded_rows);
        for (index, padded) in to_fill.enumerate() {
            let row = nearest((first + index) as isize - radius as isize, height);
            pad_row(picture.row(row), channels, radius, nearest, padded);
        }
        let window = Window {
            padded: &padded,
            stride: padded_stride,
            channels,
        };
        for (row, out) in band.chunks_exact_mut(stride).enumerate() {
            match radius {
                0 => out.copy_from_slice(window.row(row)),
                1 => given.workers.isa.compile(Nine { window, row, out }),
                2 => given.workers.isa.compile(TwentyFive { window, row, out }),
                _ => window.by_counting(row, radius, out),
            }
        }
    });
    picture.with(channels, medians)
}

/// Rows with their borders.
#[derive(Clone, Copy)]
struct Window<'a> {
    padded: &'a [u8],
    stride: usize,
    channels: usize,
}

impl<'a> Window<'a> {
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [u8] {
        &self.padded[row * self.stride..][..self.stride]
    }

    /// Values from a place of a row on; they may run on into the next row.
    #[inline(always)]
    fn block(&self, row: usize, start: usize) -> &'a [u8; BLOCK] {
        block_of(self.padded, row * self.stride + start)
    }

    /// One row by a histogram that moves along it: what enters is counted, what leaves is not.
    fn by_counting(&self, row: usize, radius: usize, out: &mut [u8]) {
        let size = 2 * radius + 1;
        let middle = (size * size / 2) as u32;
        for channel in 0..self.channels {
            // How often each value, and each sixteen of values, is in the window.
            let (mut fine, mut coarse) = ([0_u32; 256], [0_u32; 16]);
            let rows: Vec<&[u8]> = (row..row + size).map(|row| self.row(row)).collect();
            let at = |column: usize| column * self.channels + channel;
            for column in 0..size - 1 {
                for row in &rows {
                    let value = usize::from(row[at(column)]);
                    fine[value] += 1;
                    coarse[value / 16] += 1;
                }
            }
            for column in 0..out.len() / self.channels {
                for row in &rows {
                    let value = usize::from(row[at(column + size - 1)]);
                    fine[value] += 1;
                    coarse[value / 16] += 1;
                }
                let (mut below, mut value) = (0, 0);
                while below + coarse[value / 16] <= middle {
                    below += coarse[value / 16];
                    value += 16;
                }
                while below + fine[value] <= middle {
                    below += fine[value];
                    value += 1;
                }
                out[at(column)] = value as u8;
                for row in &rows {
                    let value = usize::from(row[at(column)]);
                    fine[value] -= 1;
                    coarse[value / 16] -= 1;
                }
            }
        }
    }
}

/// Values of a row that are found side by side.
const BLOCK: usize = 128;

/// Orders two values.
macro_rules! exchange {
    ($($low:ident, $high:ident;)+) => {
        $(let ($low, $high) = ($low.min($high), $low.max($high));)+
    };
}

/// A row of medians of nine.
struct Nine<'a> {
    window: Window<'a>,
    row: usize,
    out: &'a mut [u8],
}

impl Loops for Nine<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.window.channels;
        for (block, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let at = |row: usize, column: usize| {
                self.window
                    .block(self.row + row, block * BLOCK + column * channels)
            };
            let rows: [[&[u8; BLOCK]; 3]; 3] = [
                [at(0, 0), at(0, 1), at(0, 2)],
                [at(1, 0), at(1, 1), at(1, 2)],
                [at(2, 0), at(2, 1), at(2, 2)],
            ];
            let mut medians = [0; BLOCK];
            for index in 0..BLOCK {
                let [a, b, c] = rows[0].map(|row| row[index]);
                let [d, e, f] = rows[1].map(|row| row[index]);
                let [g, h, i] = rows[2].map(|row| row[index]);
                // The columns sorted; then the greatest least, the middle middle, the least
                // greatest, and of these the middle.
                exchange!(a, d; d, g; a, d; b, e; e, h; b, e; c, f; f, i; c, f;);
                let low = a.max(b).max(c);
                let high = g.min(h).min(i);
                exchange!(d, e; e, f; d, e;);
                let _ = (d, f);
                exchange!(low, e; e, high;);
                let _ = high;
                medians[index] = low.max(e);
            }
            out.copy_from_slice(&medians[..out.len()]);
        }
    }
}

/// A row of medians of twenty-five.
struct TwentyFive<'a> {
    window: Window<'a>,
    row: usize,
    out: &'a mut [u8],
}

impl Loops for TwentyFive<'_> {
    type Output = ();

    /// The columns of five are sorted once for the five windows that they are in. Of their ranks,
    /// sorted too, only thirteen values can be the middle of all: those with at most twelve values
    /// that are surely less and at most twelve that are surely greater.
    #[inline(always)]
    fn run(self) {
        let channels = self.window.channels;
        let columns = self.out.len() + 4 * channels;
        let length = columns.next_multiple_of(BLOCK) + BLOCK;
        let mut ranks = vec![0_u8; 5 * length];
        let at = |row: usize, start: usize| self.window.block(self.row + row, start);
        for start in (0..columns).step_by(BLOCK) {
            let rows = [
                at(0, start),
                at(1, start),
                at(2, start),
                at(3, start),
                at(4, start),
            ];
            let mut sorted = [[0; BLOCK]; 5];
            for index in 0..BLOCK {
                let [a, b, c, d, e] = rows.map(|row| row[index]);
                exchange!(a, d; b, e; a, c; b, d; a, b; c, e; b, c; d, e; c, d;);
                sorted[0][index] = a;
                sorted[1][index] = b;
                sorted[2][index] = c;
                sorted[3][index] = d;
                sorted[4][index] = e;
            }
            for (rank, sorted) in sorted.iter().enumerate() {
                ranks[rank * length + start..][..BLOCK].copy_from_slice(sorted);
            }
        }
        for (block, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let mut medians = [0; BLOCK];
            middles(&ranks, length, block * BLOCK, channels, &mut medians);
            out.copy_from_slice(&medians[..out.len()]);
        }
    }
}

/// The medians of five neighbouring columns each, given the columns' ranks.
#[inline(always)]
fn middles(ranks: &[u8], length: usize, start: usize, channels: usize, medians: &mut [u8; BLOCK]) {
    let at = |rank: usize, column: usize| -> &[u8; BLOCK] {
        block_of(ranks, rank * length + start + column * channels)
    };
    let five = |rank: usize| {
        [
            at(rank, 0),
            at(rank, 1),
            at(rank, 2),
            at(rank, 3),
            at(rank, 4),
        ]
    };
    let rows = [five(0), five(1), five(2), five(3), five(4)];
    for index in 0..BLOCK {
        // Of the leasts the two greatest.
        let [p, q, r, s, t] = rows[0].map(|row| row[index]);
        exchange!(p, q; r, s; q, s;);
        let second = q.max(p.max(r));
        exchange!(t, s;);
        let (a, b) = (second.max(t), s);
        // Of the second ones the three greatest.
        let [p, q, r, s, t] = rows[1].map(|row| row[index]);
        exchange!(p, s; q, t; p, r; q, s; p, q; r, t; q, r; s, t; r, s;);
        let _ = (p, q);
        let (c, d, e) = (r, s, t);
        // Of the middle ones the three in the middle.
        let [p, q, r, s, t] = rows[2].map(|row| row[index]);
        exchange!(p, s; q, t; p, r; q, s; p, q; r, t; q, r; s, t; r, s;);
        let _ = (p, t);
        let (f, g, h) = (q, r, s);
        // Of the fourth ones the three least.
        let [p, q, r, s, t] = rows[3].map(|row| row[index]);
        exchange!(p, s; q, t; p, r; q, s; p, q; r, t; q, r; s, t; r, s;);
        let _ = (s, t);
        let (i, j, k) = (p, q, r);
        // Of the greatest the two least.
        let [p, q, r, s, t] = rows[4].map(|row| row[index]);
        exchange!(p, q; r, s; p, r;);
        let second = r.min(q.min(s));
        exchange!(p, t;);
        let (l, m) = (p, second.min(t));
        // The middle of the thirteen: the least and the greatest of enough of them go, again and
        // again. Of a to h, b is at most e, so that the greatest is e or h.
        exchange!(e, h; a, c; a, f;);
        let _ = (a, h);
        // b c d e f g and i.
        exchange!(b, i; c, g; d, f; b, c; b, d; b, e; f, i; g, i; e, i;);
        let _ = (b, i);
        // c d e f g and j.
        exchange!(c, j; d, g; e, f; c, d; c, e; f, j; g, j;);
        let _ = (c, j);
        // d e f g and k.
        exchange!(d, k; e, g; d, e; d, f; f, k; g, k;);
        let _ = (d, k);
        // e f g and l.
        exchange!(e, l; f, g; e, f; g, l;);
        let _ = (e, l);
        // f g and m.
        exchange!(f, g; g, m; f, g;);
        let _ = (f, m);
        medians[index] = g;
    }
}

#[inline(always)]
fn block_of(values: &[u8], start: usize) -> &[u8; BLOCK] {
    values[start..]
        .first_chunk()
        .expect("rows end with a block to spare")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filters::Workers;
    use kernels::Isa;
    use tensor::Pool;

    #[test]
    fn networks_find_what_counting_finds() {
        // Few values, so that many are equal, and each pattern of less and greater comes up.
        for levels in [2_u32, 3, 256] {
            let mut state = 12345_u32;
            let mut values = vec![0; 97 * 61 * 3];
            for value in &mut values {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                *value = ((state >> 16) % levels) as u8;
            }
            let picture = Picture {
                width: 97,
                height: 61,
                channels: 3,
                values,
            };
            let pool = Pool::serial();
            for isa in Isa::available() {
                for radius in [1, 2] {
                    let given = Given {
                        workers: Workers { pool: &pool, isa },
                        region: None,
                    };
                    let size = (2 * radius + 1) as f64;
                    let found = apply(picture.clone(), &[Value::Number(size)], &given);
                    for row in radius..61 - radius {
                        for column in radius..97 - radius {
                            for channel in 0..3 {
                                let mut window: Vec<u8> = (row - radius..=row + radius)
                                    .flat_map(|row| {
                                        let picture = &picture;
                                        (column - radius..=column + radius)
                                            .map(move |at| picture.row(row)[at * 3 + channel])
                                    })
                                    .collect();
                                window.sort_unstable();
                                assert_eq!(
                                    found.row(row)[column * 3 + channel],
                                    window[window.len() / 2]
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

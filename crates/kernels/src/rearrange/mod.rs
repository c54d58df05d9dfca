//! Values moved, not changed: zero padding, cropping, channels laid side by side and taken apart.
//!
//! All take whole batches. The gradient of a padding is a cropping and the other way round, and that
//! of laying side by side is taking apart: so what may be a gradient can be added to what is there.
pub mod reference;

use crate::Isa;
use crate::elementwise::{add_assign, share_rows};
use tensor::Pool;

/// A rectangle of `inner` `[rows, columns]` within one of `outer`, from `place` `[top, left]` on, in
/// images of `channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inset {
    /// `[rows, columns]`
    pub outer: [usize; 2],
    /// `[rows, columns]`
    pub inner: [usize; 2],
    /// `[top, left]`
    pub place: [usize; 2],
    /// C
    pub channels: usize,
}

impl Inset {
    /// The number of images of which these are the values within and without.
    ///
    /// # Panics
    /// Where they are not as many whole images, or the rectangle does not fit.
    fn images(&self, inner: &[f32], outer: &[f32]) -> usize {
        let size = |[rows, columns]: [usize; 2]| rows * columns * self.channels;
        let fits = |axis: usize| self.place[axis] + self.inner[axis] <= self.outer[axis];
        assert!(fits(0) && fits(1), "{self:?} does not fit");
        let images = outer.len() / size(self.outer);
        assert!(
            outer.len() == images * size(self.outer) && inner.len() == images * size(self.inner),
            "whole images of {self:?}"
        );
        images
    }

    /// f32 of a row without, of one within, and those before it.
    fn rows(&self) -> [usize; 3] {
        [self.outer[1], self.inner[1], self.place[1]].map(|columns| columns * self.channels)
    }
}

/// Images with zeros around them: `input` is `[N, inner, C]`, `output` `[N, outer, C]`. Where `add`,
/// the images are added to what is there.
///
/// # Panics
/// Where a length does not agree.
pub fn zero_pad(
    isa: Isa,
    pool: &Pool,
    inset: &Inset,
    input: &[f32],
    add: bool,
    output: &mut [f32],
) {
    inset.images(input, output);
    let [width, within, before] = inset.rows();
    share_rows(pool, output, width, |at, output| {
        for (index, row) in output.chunks_exact_mut(width).enumerate() {
            let number = at / width + index;
            let (image, y) = (number / inset.outer[0], number % inset.outer[0]);
            let y = y.checked_sub(inset.place[0]);
            let Some(y) = y.filter(|&y| y < inset.inner[0]) else {
                if !add {
                    row.fill(0.0);
                }
                continue;
            };
            let (left, rest) = row.split_at_mut(before);
            let (middle, right) = rest.split_at_mut(within);
            let source = &input[(image * inset.inner[0] + y) * within..][..within];
            if add {
                add_assign(isa, middle, source);
            } else {
                left.fill(0.0);
                middle.copy_from_slice(source);
                right.fill(0.0);
            }
        }
    });
}

/// A rectangle of images: `input` is `[N, outer, C]`, `output` `[N, inner, C]`. Where `add`, added to
/// what is there.
///
/// # Panics
/// Where a length does not agree.
pub fn crop(isa: Isa, pool: &Pool, inset: &Inset, input: &[f32], add: bool, output: &mut [f32]) {
    inset.images(output, input);
    let [width, within, before] = inset.rows();
    share_rows(pool, output, within, |at, output| {
        for (index, row) in output.chunks_exact_mut(within).enumerate() {
            let number = at / within + index;
            let (image, y) = (number / inset.inner[0], number % inset.inner[0]);
            let from = (image * inset.outer[0] + inset.place[0] + y) * width + before;
            put(isa, add, &input[from..][..within], row);
        }
    });
}

/// Channels `first..first + channels` among `all`: one input of a concatenation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Of the whole.
    pub all: usize,
    /// Of the part.
    pub channels: usize,
    /// Where the part begins.
    pub first: usize,
}

impl Channels {
    fn check(&self, part: &[f32], whole: &[f32]) {
        assert!(self.first + self.channels <= self.all, "{self:?}");
        let pixels = part.len() / self.channels;
        assert!(
            part.len() == pixels * self.channels && whole.len() == pixels * self.all,
            "pixels of {self:?}"
        );
    }
}

/// Writes `input`, `[pixels, channels]`, into its channels of `output`, `[pixels, all]`, and leaves
/// the others.
///
/// # Panics
/// Where a length does not agree.
pub fn join(pool: &Pool, part: &Channels, input: &[f32], output: &mut [f32]) {
    part.check(input, output);
    share_rows(pool, output, part.all, |at, output| {
        let pixels = input[at / part.all * part.channels..].chunks_exact(part.channels);
        for (all, pixel) in output.chunks_exact_mut(part.all).zip(pixels) {
            all[part.first..][..part.channels].copy_from_slice(pixel);
        }
    });
}

/// Takes the channels of `input`, `[pixels, all]`, into `output`, `[pixels, channels]`. Where `add`,
/// added to what is there.
///
/// # Panics
/// Where a length does not agree.
pub fn split(isa: Isa, pool: &Pool, part: &Channels, input: &[f32], add: bool, output: &mut [f32]) {
    part.check(output, input);
    share_rows(pool, output, part.channels, |at, output| {
        let pixels = input[at / part.channels * part.all..].chunks_exact(part.all);
        for (pixel, all) in output.chunks_exact_mut(part.channels).zip(pixels) {
            put(isa, add, &all[part.first..][..part.channels], pixel);
        }
    });
}

/// Copies, or adds to what is there.
fn put(isa: Isa, add: bool, source: &[f32], target: &mut [f32]) {
    if add {
        add_assign(isa, target, source);
    } else {
        target.copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::values;

    /// Whole batches, on several threads, against one image at a time; copies are exact.
    #[test]
    fn what_is_moved_agrees_with_the_plain_moves() {
        let cases = [
            ([5, 4], [3, 4], [1, 0], 3, 1),
            ([30, 31], [28, 28], [1, 2], 19, 3),
            ([40, 40], [40, 33], [0, 7], 24, 4),
        ];
        for (outer, inner, place, channels, images) in cases {
            let inset = Inset {
                outer,
                inner,
                place,
                channels,
            };
            let [large, small] = [outer, inner].map(|[rows, columns]| rows * columns * channels);
            let (without, within) = (values(1, images * large), values(2, images * small));
            for (isa, add) in Isa::available()
                .into_iter()
                .flat_map(|isa| [(isa, false), (isa, true)])
            {
                let start = |of: &Vec<f32>| if add { of.clone() } else { vec![0.0; of.len()] };
                let (mut padded, mut cropped) = (start(&without), start(&within));
                for image in 0..images {
                    let (large, small) = (
                        image * large..(image + 1) * large,
                        image * small..(image + 1) * small,
                    );
                    let (from, to) = (&within[small.clone()], &mut padded[large.clone()]);
                    reference::crop_backward(outer, inner, place, channels, from, to);
                    let (from, to) = (&without[large], &mut cropped[small]);
                    reference::zero_pad_backward(inner, outer, place, channels, from, to);
                }
                for threads in [1, 2, 3] {
                    let pool = Pool::new(threads);
                    let mut output = without.clone();
                    zero_pad(isa, &pool, &inset, &within, add, &mut output);
                    assert_eq!(output, padded, "{isa} {inset:?} {add} {threads}");
                    let mut output = within.clone();
                    crop(isa, &pool, &inset, &without, add, &mut output);
                    assert_eq!(output, cropped, "{isa} {inset:?} {add} {threads}");
                }
            }
        }
    }

    #[test]
    fn channels_are_joined_and_split_as_the_plain_ones_are() {
        let pixels = 3000;
        for (all, channels, first) in [(7, 3, 2), (24, 24, 0), (33, 16, 17)] {
            let part = Channels {
                all,
                channels,
                first,
            };
            let (whole, own) = (values(1, pixels * all), values(2, pixels * channels));
            let mut joined = whole.clone();
            reference::concat_one(channels, all, first, &own, &mut joined);
            for (isa, add) in Isa::available()
                .into_iter()
                .flat_map(|isa| [(isa, false), (isa, true)])
            {
                let mut wanted = if add {
                    own.clone()
                } else {
                    vec![0.0; own.len()]
                };
                reference::concat_one_backward(channels, all, first, &whole, &mut wanted);
                for threads in [1, 2, 3] {
                    let pool = Pool::new(threads);
                    let mut output = whole.clone();
                    join(&pool, &part, &own, &mut output);
                    assert_eq!(output, joined, "{part:?} {threads}");
                    let mut output = own.clone();
                    split(isa, &pool, &part, &whole, add, &mut output);
                    assert_eq!(output, wanted, "{isa} {part:?} {add} {threads}");
                }
            }
        }
    }
}

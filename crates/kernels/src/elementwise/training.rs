//! The gradient of factors that stand for a whole image each: the one that is no product itself.
use crate::isa::{Isa, Loops};
use tensor::Pool;

/// The gradient of the factors `[N, C]` of [`multiply_channels`](super::multiply_channels): the sums
/// over an image's pixels of `gradient * input`, both `[N, pixels, C]`. In place of what is there, or
/// added to it.
///
/// # Panics
/// Where the lengths do not agree.
pub fn factors_backward(
    isa: Isa,
    pool: &Pool,
    channels: usize,
    gradient: &[f32],
    input: &[f32],
    add: bool,
    below: &mut [f32],
) {
    assert_eq!(gradient.len(), input.len(), "gradient and input");
    let images = below.len() / channels;
    assert!(
        images > 0 && below.len() == images * channels && input.len().is_multiple_of(below.len()),
        "whole images of {channels}"
    );
    let image = input.len() / images;
    // Images are shared out: an image's pixels are added up in their order, whatever the threads.
    let each = images.div_ceil(pool.threads());
    pool.for_each_chunk(below, each * channels, |part, below| {
        for (index, sums) in below.chunks_exact_mut(channels).enumerate() {
            let range = (part * each + index) * image..(part * each + index + 1) * image;
            if !add {
                sums.fill(0.0);
            }
            isa.compile(ProductSums {
                gradient: &gradient[range.clone()],
                input: &input[range],
                sums,
            });
        }
    });
}

/// `sums[c] += gradient[p, c] * input[p, c]` over all pixels.
struct ProductSums<'a> {
    gradient: &'a [f32],
    input: &'a [f32],
    sums: &'a mut [f32],
}

impl Loops for ProductSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.sums.len();
        let pixels = self.gradient.chunks_exact(channels);
        for (gradient, input) in pixels.zip(self.input.chunks_exact(channels)) {
            for ((sum, &gradient), &input) in self.sums.iter_mut().zip(gradient).zip(input) {
                *sum += gradient * input;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementwise::{multiply_channels, reference};
    use crate::tests::{assert_near, values};

    /// Many images and pixels, so that shares end within images.
    #[test]
    fn products_with_channel_factors_agree_with_the_plain_ones() {
        for (images, pixels, channels) in [(1, 5, 3), (3, 700, 24), (7, 1000, 40)] {
            let size = pixels * channels;
            let (input, factors) = (values(1, images * size), values(2, images * channels));
            let gradient = values(3, images * size);
            let f64s = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
            let there = [values(4, images * size), values(5, images * channels)];
            for (isa, add) in Isa::available()
                .into_iter()
                .flat_map(|isa| [(isa, false), (isa, true)])
            {
                let start = |at: usize| {
                    if add {
                        f64s(&there[at])
                    } else {
                        vec![0.0; there[at].len()]
                    }
                };
                let (mut output, mut left, mut right) = (start(0), start(0), start(1));
                for image in 0..images {
                    let range = image * size..(image + 1) * size;
                    let own = image * channels..(image + 1) * channels;
                    let (input, factors) =
                        (f64s(&input[range.clone()]), f64s(&factors[own.clone()]));
                    let mut product = vec![0.0; size];
                    reference::multiply(&input, &factors, &mut product);
                    reference::add_scaled(&product, 1.0, &mut output[range.clone()]);
                    reference::multiply_backward(
                        &input,
                        &factors,
                        &f64s(&gradient[range.clone()]),
                        &mut left[range],
                        &mut right[own],
                    );
                }
                for threads in [1, 2, 5] {
                    let pool = Pool::new(threads);
                    let what = format!("{isa} {images} {pixels} {channels} {add} {threads}");
                    let mut found = there[0].clone();
                    multiply_channels(isa, &pool, channels, &input, &factors, add, &mut found);
                    assert_near(&found, &output, &what);
                    let mut found = there[0].clone();
                    multiply_channels(isa, &pool, channels, &gradient, &factors, add, &mut found);
                    assert_near(&found, &left, &what);
                    let mut found = there[1].clone();
                    factors_backward(isa, &pool, channels, &gradient, &input, add, &mut found);
                    assert_near(&found, &right, &what);
                }
            }
        }
    }
}

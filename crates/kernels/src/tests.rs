//! Every fast kernel on every set of instructions of this processor, against plain loops in f64.
use crate::conv2d::PackedConv2d;
use crate::dense::PackedDense;
use crate::depthwise::PackedDepthwise;
use crate::{Activation, Isa, Window, elementwise, pooling, softmax};
use tensor::Pool;

/// Values between -1 and 1 that follow from the seed.
pub(crate) fn values(seed: u64, length: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// max|a - b| / max|b| under 1e-5: sums of a few thousand f32 products stay well below.
#[track_caller]
pub(crate) fn assert_near(found: &[f32], wanted: &[f64], what: &str) {
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(1e-30f64, |m, v| m.max(v.abs()));
    for (index, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let error = (f64::from(found) - wanted).abs() / largest;
        assert!(error < 1e-5, "{what}: {found} for {wanted} at {index}");
    }
}

pub(crate) fn apply(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Swish => x / (1.0 + (-x).exp()),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
    }
}

pub(crate) const ACTIVATIONS: [Activation; 6] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::Swish,
    Activation::Sigmoid,
    Activation::Tanh,
];

fn window(size: [usize; 2], kernel: [usize; 2], stride: [usize; 2], pads: [usize; 4]) -> Window {
    let [top, bottom, left, right] = pads;
    Window {
        in_height: size[0],
        in_width: size[1],
        out_height: (size[0] + top + bottom - kernel[0]) / stride[0] + 1,
        out_width: (size[1] + left + right - kernel[1]) / stride[1] + 1,
        kernel_height: kernel[0],
        kernel_width: kernel[1],
        stride_height: stride[0],
        stride_width: stride[1],
        pad_top: top,
        pad_left: left,
    }
}

fn windows() -> Vec<Window> {
    vec![
        window([7, 5], [1, 1], [1, 1], [0; 4]),
        window([1, 1], [1, 1], [1, 1], [0; 4]),
        window([13, 9], [1, 1], [2, 2], [0; 4]),
        window([9, 8], [3, 3], [1, 1], [1; 4]),
        window([8, 10], [3, 3], [2, 2], [0, 1, 0, 1]),
        window([9, 11], [3, 3], [2, 2], [1; 4]),
        window([2, 2], [3, 3], [1, 1], [1; 4]),
        window([1, 3], [3, 3], [1, 1], [1; 4]),
        window([10, 17], [5, 5], [1, 1], [2; 4]),
        window([14, 12], [5, 5], [2, 2], [1, 2, 1, 2]),
        window([3, 2], [5, 5], [1, 1], [2; 4]),
        window([9, 10], [7, 7], [2, 2], [3, 3, 2, 3]),
        window([6, 9], [1, 7], [1, 1], [0, 0, 3, 3]),
        window([9, 6], [7, 1], [1, 1], [3, 3, 0, 0]),
        window([11, 11], [3, 3], [1, 1], [0; 4]),
        window([6, 20], [3, 3], [1, 2], [1, 1, 0, 1]),
        window([5, 5], [2, 2], [3, 3], [0; 4]),
        window([16, 19], [3, 3], [2, 2], [0, 1, 1, 1]),
    ]
}

/// Calls `visit(output pixel, input pixel or none, tap)` for all taps of all output pixels.
fn for_each_tap(w: &Window, mut visit: impl FnMut(usize, Option<usize>, usize)) {
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            for i in 0..w.kernel_height {
                for j in 0..w.kernel_width {
                    let row = (y * w.stride_height + i).checked_sub(w.pad_top);
                    let column = (x * w.stride_width + j).checked_sub(w.pad_left);
                    let pixel = row
                        .zip(column)
                        .filter(|&(row, column)| row < w.in_height && column < w.in_width)
                        .map(|(row, column)| row * w.in_width + column);
                    visit(y * w.out_width + x, pixel, i * w.kernel_width + j);
                }
            }
        }
    }
}

fn plain_conv(
    w: &Window,
    channels: usize,
    filters: usize,
    input: &[f32],
    kernel: &[f32],
    bias: &[f32],
) -> Vec<f64> {
    let pixels = w.out_height * w.out_width;
    let mut output: Vec<f64> = (0..pixels * filters)
        .map(|i| f64::from(bias[i % filters]))
        .collect();
    for_each_tap(w, |out, pixel, tap| {
        let Some(pixel) = pixel else { return };
        for c in 0..channels {
            let value = f64::from(input[pixel * channels + c]);
            for f in 0..filters {
                output[out * filters + f] +=
                    value * f64::from(kernel[(tap * channels + c) * filters + f]);
            }
        }
    });
    output
}

#[test]
fn convolutions() {
    for (index, w) in windows().iter().enumerate() {
        for (channels, filters) in [
            (3, 32),
            (1, 1),
            (5, 7),
            (16, 24),
            (24, 96),
            (33, 41),
            (8, 65),
        ] {
            let seed = (index * 100 + channels) as u64;
            let input = values(seed, w.in_height * w.in_width * channels);
            let taps = w.kernel_height * w.kernel_width;
            let kernel = values(seed + 1, taps * channels * filters);
            let bias = values(seed + 2, filters);
            let sums = plain_conv(w, channels, filters, &input, &kernel, &bias);
            let residual = values(seed + 3, sums.len());
            for isa in Isa::available() {
                for (turn, activation) in ACTIVATIONS.into_iter().enumerate() {
                    let threads = 1 + (index + turn) % 4;
                    let mut packed = PackedConv2d::new(
                        isa,
                        w,
                        channels,
                        filters,
                        &kernel,
                        Some(&bias),
                        activation,
                    );
                    let last = turn % 2 == 1;
                    if last {
                        packed = packed.with_residual_last();
                    }
                    let residual = (index % 3 > 0).then_some(&residual[..]);
                    let wanted: Vec<f64> = (0..sums.len())
                        .map(|i| {
                            let residual = residual.map_or(0.0, |r| f64::from(r[i]));
                            if last {
                                apply(activation, sums[i]) + residual
                            } else {
                                apply(activation, sums[i] + residual)
                            }
                        })
                        .collect();
                    let what = format!("{isa} {w:?} {channels} {filters} {activation:?} {threads}");
                    let mut output = vec![f32::NAN; sums.len()];
                    packed.run(&Pool::new(threads), &input, residual, &mut output);
                    assert_near(&output, &wanted, &what);

                    // The same in bands of rows, each given just the input that it sees.
                    let row = w.out_width * filters;
                    let input_row = w.in_width * channels;
                    let mut output = vec![f32::NAN; sums.len()];
                    let mut start = 0;
                    while start < w.out_height {
                        let end = (start + 1 + turn).min(w.out_height);
                        let seen = w.input_rows(start..end);
                        packed.run_rows(
                            start..end,
                            &input[seen.start * input_row..seen.end * input_row],
                            seen.start,
                            residual.map(|r| &r[start * row..end * row]),
                            &mut output[start * row..end * row],
                        );
                        start = end;
                    }
                    assert_near(&output, &wanted, &what);
                }
            }
        }
    }
}

/// Every size of tile: so many rows and so many output channels that each occurs, pixel by pixel
/// and by windows.
#[test]
fn every_tile() {
    for rows in 1..=15 {
        for filters in (4..=64).step_by(4) {
            for kernel in [1, 3] {
                let pad = kernel / 2;
                let w = window([1, rows], [kernel; 2], [1, 1], [pad; 4]);
                let channels = 9;
                let seed = (rows * 100 + filters) as u64;
                let input = values(seed, rows * channels);
                let weights = values(seed + 1, kernel * kernel * channels * filters);
                let bias = values(seed + 2, filters);
                let wanted = plain_conv(&w, channels, filters, &input, &weights, &bias);
                for isa in Isa::available() {
                    let packed = PackedConv2d::new(
                        isa,
                        &w,
                        channels,
                        filters,
                        &weights,
                        Some(&bias),
                        Activation::Identity,
                    );
                    let mut output = vec![f32::NAN; wanted.len()];
                    packed.run(&Pool::serial(), &input, None, &mut output);
                    assert_near(
                        &output,
                        &wanted,
                        &format!("{isa} {rows} {filters} {kernel}"),
                    );
                }
            }
        }
    }
}

#[test]
fn depthwise_convolutions() {
    for (index, w) in windows().iter().enumerate() {
        for channels in [1, 4, 7, 8, 16, 24, 33, 96, 130] {
            let seed = (index * 100 + channels) as u64;
            let input = values(seed, w.in_height * w.in_width * channels);
            let kernel = values(seed + 1, w.kernel_height * w.kernel_width * channels);
            let bias = values(seed + 2, channels);
            let mut sums: Vec<f64> = (0..w.out_height * w.out_width * channels)
                .map(|i| f64::from(bias[i % channels]))
                .collect();
            for_each_tap(w, |out, pixel, tap| {
                let Some(pixel) = pixel else { return };
                for c in 0..channels {
                    sums[out * channels + c] += f64::from(input[pixel * channels + c])
                        * f64::from(kernel[tap * channels + c]);
                }
            });
            for isa in Isa::available() {
                for (turn, activation) in ACTIVATIONS.into_iter().enumerate() {
                    let threads = 1 + (index + turn) % 4;
                    let packed =
                        PackedDepthwise::new(isa, w, channels, &kernel, Some(&bias), activation);
                    let wanted: Vec<f64> = sums.iter().map(|&x| apply(activation, x)).collect();
                    let what = format!("{isa} {w:?} {channels} {activation:?} {threads}");
                    let mut output = vec![f32::NAN; sums.len()];
                    packed.run(&Pool::new(threads), &input, &mut output);
                    assert_near(&output, &wanted, &what);

                    let row = w.out_width * channels;
                    let input_row = w.in_width * channels;
                    let mut output = vec![f32::NAN; sums.len()];
                    let mut start = 0;
                    while start < w.out_height {
                        let end = (start + 1 + turn).min(w.out_height);
                        let seen = w.input_rows(start..end);
                        packed.run_rows(
                            start..end,
                            &input[seen.start * input_row..seen.end * input_row],
                            seen.start,
                            &mut output[start * row..end * row],
                        );
                        start = end;
                    }
                    assert_near(&output, &wanted, &what);
                }
            }
        }
    }
}

#[test]
fn dense_layers() {
    for (rows, inputs, units) in [
        (1, 1280, 120),
        (1, 7, 1),
        (3, 65, 33),
        (1, 1, 19),
        (32, 20, 10),
    ] {
        let input = values(1, rows * inputs);
        let weights = values(2, inputs * units);
        let bias = values(3, units);
        let w = window([1, rows], [1, 1], [1, 1], [0; 4]);
        let wanted = plain_conv(&w, inputs, units, &input, &weights, &bias);
        for isa in Isa::available() {
            for threads in 1..=4 {
                let packed = PackedDense::new(
                    isa,
                    inputs,
                    units,
                    &weights,
                    Some(&bias),
                    Activation::Identity,
                );
                let mut output = vec![f32::NAN; rows * units];
                packed.run(&Pool::new(threads), &input, &mut output);
                assert_near(
                    &output,
                    &wanted,
                    &format!("{isa} {rows} {inputs} {units} {threads}"),
                );
            }
        }
    }
}

#[test]
fn poolings() {
    for (index, w) in windows().iter().enumerate() {
        for channels in [1, 5, 8, 24, 35] {
            let input = values(index as u64, w.in_height * w.in_width * channels);
            let length = w.out_height * w.out_width * channels;
            let mut largest = vec![f64::NEG_INFINITY; length];
            let mut total = vec![0.0; length];
            let mut count = vec![0.0; length];
            for_each_tap(w, |out, pixel, _| {
                let Some(pixel) = pixel else { return };
                for c in 0..channels {
                    let value = f64::from(input[pixel * channels + c]);
                    let at = out * channels + c;
                    largest[at] = largest[at].max(value);
                    total[at] += value;
                    count[at] += 1.0;
                }
            });
            let mean: Vec<f64> = total.iter().zip(&count).map(|(t, c)| t / c).collect();
            for isa in Isa::available() {
                let pool = Pool::new(1 + index % 4);
                let mut output = vec![f32::NAN; length];
                pooling::max_pool(isa, &pool, w, channels, &input, &mut output);
                assert_near(&output, &largest, &format!("max {isa} {w:?} {channels}"));
                pooling::average_pool(isa, &pool, w, channels, &input, &mut output);
                assert_near(&output, &mean, &format!("average {isa} {w:?} {channels}"));
            }
        }
    }
    for (pixels, channels) in [(1, 3), (49, 1280), (2500, 35)] {
        let input = values(5, pixels * channels);
        let mut wanted = vec![0.0; channels];
        for (index, &value) in input.iter().enumerate() {
            wanted[index % channels] += f64::from(value) / pixels as f64;
        }
        for isa in Isa::available() {
            for threads in 1..=4 {
                let mut output = vec![f32::NAN; channels];
                pooling::global_average_pool(isa, &Pool::new(threads), 1, &input, &mut output);
                assert_near(&output, &wanted, &format!("mean {isa} {pixels} {channels}"));
            }
        }
    }
}

/// Batches, and gradients, are what each image gives by itself.
#[test]
fn several_images_are_pooled_one_by_one() {
    let images = 5;
    for w in &windows() {
        let (channels, pixels) = (19, w.in_height * w.in_width);
        let [in_size, out_size] = [pixels, w.out_height * w.out_width].map(|n| n * channels);
        let (input, gradient) = (values(1, images * in_size), values(2, images * out_size));
        let one = |image: usize, pool: &dyn Fn(&[f32], &mut [f32]), size: usize| {
            let mut output = vec![f32::NAN; size];
            pool(&input[image * in_size..][..in_size], &mut output);
            output
        };
        for isa in Isa::available() {
            let (serial, pool) = (&Pool::serial(), &Pool::new(3));
            let each = |pool: &dyn Fn(&[f32], &mut [f32]), size| {
                (0..images)
                    .flat_map(|image| one(image, pool, size))
                    .collect::<Vec<f32>>()
            };
            let mut output = vec![f32::NAN; images * out_size];
            pooling::max_pool(isa, pool, w, channels, &input, &mut output);
            let max = each(
                &|from, to| pooling::max_pool(isa, serial, w, channels, from, to),
                out_size,
            );
            assert_eq!(output, max, "{isa} {w:?}");
            pooling::average_pool(isa, pool, w, channels, &input, &mut output);
            let mean = each(
                &|from, to| pooling::average_pool(isa, serial, w, channels, from, to),
                out_size,
            );
            assert_eq!(output, mean, "{isa} {w:?}");
            let mut output = vec![f32::NAN; images * channels];
            pooling::global_average_pool(isa, pool, images, &input, &mut output);
            let mean = each(
                &|from, to| pooling::global_average_pool(isa, serial, 1, from, to),
                channels,
            );
            assert_eq!(output, mean, "{isa} {w:?}");

            for add in [false, true] {
                let mut wanted = if add {
                    input.clone()
                } else {
                    vec![0.0; input.len()]
                };
                for image in 0..images {
                    let above = &gradient[image * out_size..][..out_size];
                    let below = &mut wanted[image * in_size..][..in_size];
                    pooling::reference::average_backward(w, channels, above, below);
                }
                let mut below = input.clone();
                pooling::training::average_backward(
                    isa, pool, images, w, channels, &gradient, add, &mut below,
                );
                assert_eq!(below, wanted, "{isa} {w:?} {add}");
                let above = &gradient[..images * channels];
                let mut wanted = if add {
                    input.clone()
                } else {
                    vec![0.0; input.len()]
                };
                for (above, below) in above.chunks(channels).zip(wanted.chunks_mut(in_size)) {
                    pooling::reference::global_average_backward(pixels, above, below);
                }
                let mut below = input.clone();
                pooling::training::global_average_backward(
                    isa, pool, images, above, add, &mut below,
                );
                assert_eq!(below, wanted, "{isa} {w:?} {add}");
            }
        }
    }
}

#[test]
fn value_by_value() {
    for length in [1, 7, 16, 1000, 70_001] {
        let a: Vec<f32> = values(1, length).iter().map(|v| v * 20.0).collect();
        let b = values(2, length);
        let f64s = |map: &dyn Fn(usize) -> f64| (0..length).map(map).collect::<Vec<f64>>();
        for isa in Isa::available() {
            let pool = Pool::new(1 + length % 4);
            let mut output = vec![f32::NAN; length];
            for activation in ACTIVATIONS {
                elementwise::activation(isa, &pool, activation, &a, &mut output);
                for (&x, &found) in a.iter().zip(&output) {
                    let error = (f64::from(found) - apply(activation, f64::from(x))).abs();
                    let bound = 3e-7 * f64::from(x.abs().max(1.0));
                    assert!(error <= bound, "{isa} {activation:?} of {x}: {found}");
                }
                elementwise::add(isa, &pool, &a, &b, activation, &mut output);
                let wanted = f64s(&|i| apply(activation, f64::from(a[i]) + f64::from(b[i])));
                assert_near(&output, &wanted, &format!("add {isa} {activation:?}"));
            }
            elementwise::multiply(isa, &pool, &a, &b, false, &mut output);
            assert_near(
                &output,
                &f64s(&|i| f64::from(a[i]) * f64::from(b[i])),
                "multiply",
            );
            elementwise::affine(isa, &pool, &a, 0.25, -3.0, false, &mut output);
            assert_near(&output, &f64s(&|i| f64::from(a[i]) * 0.25 - 3.0), "affine");
            // Added to what the line before left.
            elementwise::affine(isa, &pool, &b, 2.0, 0.0, true, &mut output);
            let wanted = f64s(&|i| f64::from(a[i]) * 0.25 - 3.0 + f64::from(b[i]) * 2.0);
            assert_near(&output, &wanted, "affine, added");
            output.copy_from_slice(&a);
            elementwise::multiply(isa, &pool, &a, &b, true, &mut output);
            let wanted = f64s(&|i| f64::from(a[i]) * (1.0 + f64::from(b[i])));
            assert_near(&output, &wanted, "multiply, added");
        }
    }
}

#[test]
fn softmaxes() {
    for (rows, width) in [(1, 1), (3, 120), (40, 1000), (5, 7)] {
        let input: Vec<f32> = values(4, rows * width).iter().map(|v| v * 50.0).collect();
        let mut wanted = Vec::new();
        for row in input.chunks(width) {
            let largest = row
                .iter()
                .fold(f64::NEG_INFINITY, |m, &v| m.max(f64::from(v)));
            let powers: Vec<f64> = row
                .iter()
                .map(|&v| (f64::from(v) - largest).exp())
                .collect();
            let total: f64 = powers.iter().sum();
            wanted.extend(powers.iter().map(|p| p / total));
        }
        let gradient = values(6, input.len());
        let above: Vec<f64> = gradient.iter().map(|&v| f64::from(v)).collect();
        let mut wanted_below = vec![0.0; input.len()];
        softmax::reference::backward(width, &wanted, &above, &mut wanted_below);
        for isa in Isa::available() {
            let pool = Pool::new(2);
            let mut output = vec![f32::NAN; input.len()];
            softmax::softmax(isa, &pool, &input, width, &mut output);
            for (&found, &wanted) in output.iter().zip(&wanted) {
                assert!(
                    (f64::from(found) - wanted).abs() < 1e-6,
                    "{isa}: {found} for {wanted}"
                );
            }
            let mut below = vec![f32::NAN; input.len()];
            softmax::backward(isa, &pool, &output, &gradient, width, false, &mut below);
            softmax::backward(isa, &pool, &output, &gradient, width, true, &mut below);
            for (&found, &wanted) in below.iter().zip(&wanted_below) {
                let error = (f64::from(found) - 2.0 * wanted).abs();
                assert!(error < 4e-6, "{isa}: {found} for twice {wanted}");
            }
        }
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    let w = window([4, 4], [3, 3], [1, 1], [1; 4]);
    let kernel = values(1, 9 * 16 * 16);
    let mut input = values(2, 16 * 16);
    input[5 * 16] = f32::NAN;
    for isa in Isa::available() {
        for activation in ACTIVATIONS {
            let conv = PackedConv2d::new(isa, &w, 16, 16, &kernel, None, activation);
            let mut output = vec![0.0; 16 * 16];
            conv.run(&Pool::serial(), &input, None, &mut output);
            assert!(
                output[0].is_nan() && !output[15 * 16].is_nan(),
                "{isa} {activation:?}"
            );
        }
    }
}

//! Times the kernels layer by layer, beside what the processor can do at most:
//! `cargo run --release -p kernels --example layers -- [ISA|all] [THREADS] [WORD]`
//! (WORD: only layers whose line has it).
use kernels::conv2d::PackedConv2d;
use kernels::dense::PackedDense;
use kernels::depthwise::PackedDepthwise;
use kernels::{Activation, Isa, Window, peak};
use std::time::Instant;
use tensor::{AlignedBuffer, Pool};

/// A layer: network, kind, input rows and columns, KH, KW, stride, C, OC, how often it occurs.
type Layer = (
    &'static str,
    Kind,
    usize,
    [usize; 2],
    usize,
    usize,
    usize,
    usize,
);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Conv,
    Depthwise,
    Dense,
}
use Kind::{Conv, Dense, Depthwise};

#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    ("mobilenetv2", Conv, 224, [3, 3], 2, 3, 32, 1),
    ("mobilenetv2", Depthwise, 112, [3, 3], 1, 32, 32, 1),
    ("mobilenetv2", Conv, 112, [1, 1], 1, 32, 16, 1),
    ("mobilenetv2", Conv, 112, [1, 1], 1, 16, 96, 1),
    ("mobilenetv2", Depthwise, 112, [3, 3], 2, 96, 96, 1),
    ("mobilenetv2", Conv, 56, [1, 1], 1, 96, 24, 1),
    ("mobilenetv2", Conv, 56, [1, 1], 1, 24, 144, 2),
    ("mobilenetv2", Depthwise, 56, [3, 3], 1, 144, 144, 1),
    ("mobilenetv2", Conv, 56, [1, 1], 1, 144, 24, 1),
    ("mobilenetv2", Depthwise, 56, [3, 3], 2, 144, 144, 1),
    ("mobilenetv2", Conv, 28, [1, 1], 1, 144, 32, 1),
    ("mobilenetv2", Conv, 28, [1, 1], 1, 32, 192, 3),
    ("mobilenetv2", Depthwise, 28, [3, 3], 1, 192, 192, 2),
    ("mobilenetv2", Conv, 28, [1, 1], 1, 192, 32, 2),
    ("mobilenetv2", Depthwise, 28, [3, 3], 2, 192, 192, 1),
    ("mobilenetv2", Conv, 14, [1, 1], 1, 192, 64, 1),
    ("mobilenetv2", Conv, 14, [1, 1], 1, 64, 384, 4),
    ("mobilenetv2", Depthwise, 14, [3, 3], 1, 384, 384, 4),
    ("mobilenetv2", Conv, 14, [1, 1], 1, 384, 64, 3),
    ("mobilenetv2", Conv, 14, [1, 1], 1, 384, 96, 1),
    ("mobilenetv2", Conv, 14, [1, 1], 1, 96, 576, 3),
    ("mobilenetv2", Depthwise, 14, [3, 3], 1, 576, 576, 2),
    ("mobilenetv2", Conv, 14, [1, 1], 1, 576, 96, 2),
    ("mobilenetv2", Depthwise, 14, [3, 3], 2, 576, 576, 1),
    ("mobilenetv2", Conv, 7, [1, 1], 1, 576, 160, 1),
    ("mobilenetv2", Conv, 7, [1, 1], 1, 160, 960, 3),
    ("mobilenetv2", Depthwise, 7, [3, 3], 1, 960, 960, 3),
    ("mobilenetv2", Conv, 7, [1, 1], 1, 960, 160, 2),
    ("mobilenetv2", Conv, 7, [1, 1], 1, 960, 320, 1),
    ("mobilenetv2", Conv, 7, [1, 1], 1, 320, 1280, 1),
    ("mobilenetv2", Dense, 1, [1, 1], 1, 1280, 1000, 1),
    ("lite0", Conv, 224, [3, 3], 2, 3, 32, 1),
    ("lite0", Depthwise, 112, [3, 3], 1, 32, 32, 1),
    ("lite0", Conv, 112, [1, 1], 1, 32, 16, 1),
    ("lite0", Conv, 112, [1, 1], 1, 16, 96, 1),
    ("lite0", Depthwise, 112, [3, 3], 2, 96, 96, 1),
    ("lite0", Conv, 56, [1, 1], 1, 96, 24, 1),
    ("lite0", Conv, 56, [1, 1], 1, 24, 144, 2),
    ("lite0", Depthwise, 56, [3, 3], 1, 144, 144, 1),
    ("lite0", Conv, 56, [1, 1], 1, 144, 24, 1),
    ("lite0", Depthwise, 56, [5, 5], 2, 144, 144, 1),
    ("lite0", Conv, 28, [1, 1], 1, 144, 40, 1),
    ("lite0", Conv, 28, [1, 1], 1, 40, 240, 2),
    ("lite0", Depthwise, 28, [5, 5], 1, 240, 240, 1),
    ("lite0", Conv, 28, [1, 1], 1, 240, 40, 1),
    ("lite0", Depthwise, 28, [3, 3], 2, 240, 240, 1),
    ("lite0", Conv, 14, [1, 1], 1, 240, 80, 1),
    ("lite0", Conv, 14, [1, 1], 1, 80, 480, 3),
    ("lite0", Depthwise, 14, [3, 3], 1, 480, 480, 2),
    ("lite0", Conv, 14, [1, 1], 1, 480, 80, 2),
    ("lite0", Depthwise, 14, [5, 5], 1, 480, 480, 1),
    ("lite0", Conv, 14, [1, 1], 1, 480, 112, 1),
    ("lite0", Conv, 14, [1, 1], 1, 112, 672, 3),
    ("lite0", Depthwise, 14, [5, 5], 1, 672, 672, 2),
    ("lite0", Conv, 14, [1, 1], 1, 672, 112, 2),
    ("lite0", Depthwise, 14, [5, 5], 2, 672, 672, 1),
    ("lite0", Conv, 7, [1, 1], 1, 672, 192, 1),
    ("lite0", Conv, 7, [1, 1], 1, 192, 1152, 4),
    ("lite0", Depthwise, 7, [5, 5], 1, 1152, 1152, 3),
    ("lite0", Conv, 7, [1, 1], 1, 1152, 192, 3),
    ("lite0", Depthwise, 7, [3, 3], 1, 1152, 1152, 1),
    ("lite0", Conv, 7, [1, 1], 1, 1152, 320, 1),
    ("lite0", Conv, 7, [1, 1], 1, 320, 1280, 1),
    ("lite0", Dense, 1, [1, 1], 1, 1280, 1000, 1),
    ("vgg16", Conv, 224, [3, 3], 1, 3, 64, 1),
    ("vgg16", Conv, 224, [3, 3], 1, 64, 64, 1),
    ("vgg16", Conv, 112, [3, 3], 1, 64, 128, 1),
    ("vgg16", Conv, 112, [3, 3], 1, 128, 128, 1),
    ("vgg16", Conv, 56, [3, 3], 1, 128, 256, 1),
    ("vgg16", Conv, 56, [3, 3], 1, 256, 256, 2),
    ("vgg16", Conv, 28, [3, 3], 1, 256, 512, 1),
    ("vgg16", Conv, 28, [3, 3], 1, 512, 512, 2),
    ("vgg16", Conv, 14, [3, 3], 1, 512, 512, 3),
    ("others", Conv, 17, [1, 7], 1, 128, 160, 1),
    ("others", Conv, 17, [7, 1], 1, 160, 192, 1),
    ("others", Conv, 35, [3, 3], 1, 48, 64, 1),
    ("others", Conv, 17, [1, 1], 1, 1088, 192, 1),
    ("others", Conv, 192, [3, 3], 1, 24, 24, 1),
    ("others", Conv, 96, [3, 3], 1, 48, 192, 1),
    ("others", Conv, 24, [1, 1], 1, 960, 160, 1),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("", String::as_str);
    let threads = arguments
        .get(1)
        .map_or(1, |t| t.parse().expect("a number of threads"));
    let word = arguments.get(2).map_or("", String::as_str);
    for isa in Isa::available() {
        if isa.name() == name || name == "all" || (name.is_empty() && isa == Isa::best()) {
            measure(isa, threads, word);
        }
    }
}

fn measure(isa: Isa, threads: usize, word: &str) {
    let pool = Pool::new(threads);
    let most = peak::gigaflops(isa) * threads as f64;
    println!("{isa}, {threads} threads, at most {most:.1} GFLOP/s");
    let mut totals: Vec<(&str, f64, f64)> = Vec::new();
    for &layer in LAYERS {
        let (network, kind, size, [kernel_height, kernel_width], stride, channels, filters, times) =
            layer;
        let name = match kind {
            Conv => "conv",
            Depthwise => "depthwise",
            Dense => "dense",
        };
        let line = format!(
            "{network:12} {name:9} {size:3} {kernel_height}x{kernel_width} /{stride} \
             {channels:4} -> {filters:4}"
        );
        if !line.contains(word) {
            continue;
        }
        let out = size.div_ceil(stride);
        let before = |kernel: usize| ((out - 1) * stride + kernel).saturating_sub(size) / 2;
        let window = Window {
            in_height: size,
            in_width: size,
            out_height: out,
            out_width: out,
            kernel_height,
            kernel_width,
            stride_height: stride,
            stride_width: stride,
            pad_top: before(kernel_height),
            pad_left: before(kernel_width),
        };
        let taps = kernel_height * kernel_width;
        let input = values(size * size * channels);
        let bias = values(filters);
        let mut output = AlignedBuffer::zeroed(out * out * filters);
        let per_output = if kind == Depthwise {
            taps
        } else {
            taps * channels
        };
        let kernel = values(per_output * filters);
        let time = match kind {
            Conv => {
                let packed = PackedConv2d::new(
                    isa,
                    &window,
                    channels,
                    filters,
                    &kernel,
                    Some(&bias),
                    Activation::Relu6,
                );
                best(|| packed.run(&pool, &input, None, &mut output))
            }
            Depthwise => {
                let packed = PackedDepthwise::new(
                    isa,
                    &window,
                    channels,
                    &kernel,
                    Some(&bias),
                    Activation::Relu6,
                );
                best(|| packed.run(&pool, &input, &mut output))
            }
            Dense => {
                let packed = PackedDense::new(
                    isa,
                    channels,
                    filters,
                    &kernel,
                    Some(&bias),
                    Activation::Identity,
                );
                best(|| packed.run(&pool, &input, &mut output))
            }
        };
        let operations = 2.0 * (out * out * filters * per_output) as f64;
        let rate = operations / time / 1e9;
        let share = rate / most * 100.0;
        println!(
            "{line} x{times} {:9.1} us {rate:7.1} GFLOP/s {share:5.1} %",
            time * 1e6
        );
        let total = match totals.iter_mut().find(|total| total.0 == network) {
            Some(total) => total,
            None => {
                totals.push((network, 0.0, 0.0));
                totals.last_mut().expect("just pushed")
            }
        };
        total.1 += time * times as f64;
        total.2 += operations * times as f64;
    }
    for (network, time, operations) in totals {
        let share = operations / time / 1e9 / most * 100.0;
        println!(
            "{network:12} {:.2} ms, {share:.1} % of the most possible",
            time * 1e3
        );
    }
}

/// Seconds of the fastest run of about a twentieth of a second.
fn best(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let start = Instant::now();
    let mut runs = 0;
    while runs < 3 || start.elapsed().as_millis() < 50 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Values around zero.
fn values(length: usize) -> AlignedBuffer {
    (0..length)
        .map(|i| (i * 7919 % 1009) as f32 / 504.0 - 1.0)
        .collect()
}

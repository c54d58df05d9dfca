//! Resizing as Pillow's `Image.resize`: antialiased, 8 bits between the two passes.
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use graph::Filter;

/// A rectangle of the source, in its pixels, that becomes the whole of the result. The filter still
/// sees the pixels around it, as if the whole picture were resized and the result cut out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// The size of the whole photo inside a rectangle, its aspect kept.
pub(crate) fn letterbox(
    (width, height): (usize, usize),
    (to_width, to_height): (usize, usize),
) -> (usize, usize) {
    let scale = (to_width as f64 / width as f64).min(to_height as f64 / height as f64);
    let side = |from: usize, to: usize| ((from as f64 * scale).round() as usize).clamp(1, to);
    (side(width, to_width), side(height, to_height))
}

/// Resizes a rectangle of `rgb` (`width` x `height`, 3 bytes a pixel) to `new_width` x `new_height`.
///
/// # Panics
/// Where a size is 0 or the rectangle leaves the picture.
pub(crate) fn resize(
    rgb: &[u8],
    (width, height): (usize, usize),
    source: Source,
    (new_width, new_height): (usize, usize),
    filter: Filter,
) -> Vec<u8> {
    let whole = source.left == 0.0
        && source.top == 0.0
        && source.width == width as f64
        && source.height == height as f64;
    if whole && (new_width, new_height) == (width, height) {
        return rgb.to_vec();
    }
    let algorithm = ResizeAlg::Convolution(match filter {
        Filter::Bilinear => FilterType::Bilinear,
        // Keys's cubic with a = -0.5, which Pillow calls bicubic.
        Filter::Bicubic => FilterType::CatmullRom,
    });
    run(
        rgb,
        (width, height),
        source,
        (new_width, new_height),
        algorithm,
    )
}

/// The means over the rectangles of `rgb` that become the pixels of a smaller picture.
pub(crate) fn average(
    rgb: &[u8],
    (width, height): (usize, usize),
    new_size: (usize, usize),
) -> Vec<u8> {
    let whole = Source {
        left: 0.0,
        top: 0.0,
        width: width as f64,
        height: height as f64,
    };
    run(
        rgb,
        (width, height),
        whole,
        new_size,
        ResizeAlg::Convolution(FilterType::Box),
    )
}

/// Resizes a rectangle of interleaved colours by any of the library's ways.
pub(crate) fn run(
    rgb: &[u8],
    size: (usize, usize),
    source: Source,
    new_size: (usize, usize),
    algorithm: ResizeAlg,
) -> Vec<u8> {
    run_pixels::<U8x3>(rgb, size, source, new_size, algorithm)
}

/// The same for one plane.
pub(crate) fn run_gray(
    plane: &[u8],
    size: (usize, usize),
    source: Source,
    new_size: (usize, usize),
    algorithm: ResizeAlg,
) -> Vec<u8> {
    run_pixels::<U8>(plane, size, source, new_size, algorithm)
}

/// The library resizes down the columns first, which is the faster order: what lies between the passes
/// has the width of the source and the height of the result. Where the photo gets narrower and higher
/// that would be more than either of them (78 GB for 100,000,000 x 1 pixels), and the rows come first.
fn run_pixels<P: PixelTrait>(
    values: &[u8],
    size: (usize, usize),
    source: Source,
    new_size: (usize, usize),
    algorithm: ResizeAlg,
) -> Vec<u8> {
    let (width, height) = size;
    let narrower = (new_size.0 as f64) < source.width;
    let higher = new_size.1 as f64 > source.height;
    if !(narrower && higher) {
        return passes::<P>(values, size, source, new_size, algorithm);
    }
    let rows = Source {
        top: 0.0,
        height: height as f64,
        ..source
    };
    let narrowed = passes::<P>(
        values,
        (width, height),
        rows,
        (new_size.0, height),
        algorithm,
    );
    let columns = Source {
        left: 0.0,
        width: new_size.0 as f64,
        ..source
    };
    passes::<P>(
        &narrowed,
        (new_size.0, height),
        columns,
        new_size,
        algorithm,
    )
}

/// One call of the library: a pass along each side that changes.
fn passes<P: PixelTrait>(
    values: &[u8],
    (width, height): (usize, usize),
    source: Source,
    (new_width, new_height): (usize, usize),
    algorithm: ResizeAlg,
) -> Vec<u8> {
    let side = |value: usize| u32::try_from(value).expect("a side below 2^32");
    let mut pixels = vec![0; new_width * new_height * P::size()];
    // The typed images: `Image` would compile every pixel type that the library knows.
    let picture = TypedImageRef::<P>::from_buffer(side(width), side(height), values)
        .expect("the values of all pixels");
    let mut resized = TypedImage::<P>::from_buffer(side(new_width), side(new_height), &mut pixels)
        .expect("the values of all pixels");
    let (left, part_width) = off_the_grid(&source, width);
    let options = ResizeOptions::new()
        .resize_alg(algorithm)
        .crop(left, source.top, part_width, source.height)
        .use_alpha(false);
    Resizer::new()
        .resize_typed(&picture, &mut resized, &options)
        .expect("a rectangle inside the picture");
    pixels
}

/// The rectangle's left side and width, moved by a ten-millionth of a pixel where it does not begin
/// at the picture's own side: no value of 8 bits changes.
///
/// fast_image_resize 6.1.0 trims weights that are exactly 0 from each window, and takes the first
/// window's start for the least of all and the last one's end for the greatest. Of an enlarged part
/// whose first (or last) column falls exactly on a column of the picture, the cubic's inner zero is
/// trimmed too, that start is then too great, and it reads outside of the picture.
fn off_the_grid(source: &Source, width: usize) -> (f64, f64) {
    const NUDGE: f64 = 1e-7;
    if source.left == 0.0 {
        return (0.0, source.width);
    }
    let left = source.left + NUDGE;
    (left, source.width.min(width as f64 - left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transposed(rgb: &[u8], width: usize, height: usize) -> Vec<u8> {
        let at = |row: usize, column: usize| &rgb[(row * width + column) * 3..][..3];
        let places = (0..width).flat_map(|column| (0..height).map(move |row| (row, column)));
        places
            .flat_map(|(row, column)| at(row, column).to_vec())
            .collect()
    }

    /// A photo that gets narrower and higher is resized along its rows first, one that gets wider and
    /// lower down its columns first: each is the other on its side.
    #[test]
    fn both_orders_of_the_passes_give_the_same_picture() {
        let (width, height) = (301, 7);
        let rgb: Vec<u8> = (0..width * height * 3)
            .map(|i| (i * 7919 % 256) as u8)
            .collect();
        let on_its_side = transposed(&rgb, width, height);
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            for part in [(0.0, 0.0, 301.0, 7.0), (20.5, 1.25, 200.0, 4.5)] {
                let (left, top, part_width, part_height) = part;
                let source = Source {
                    left,
                    top,
                    width: part_width,
                    height: part_height,
                };
                let turned = Source {
                    left: top,
                    top: left,
                    width: part_height,
                    height: part_width,
                };
                let flat = resize(&rgb, (width, height), source, (40, 33), filter);
                let high = resize(&on_its_side, (height, width), turned, (33, 40), filter);
                let high = transposed(&high, 33, 40);
                let most = flat.iter().zip(&high).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(most <= Some(1), "{most:?}");
            }
        }
    }
}

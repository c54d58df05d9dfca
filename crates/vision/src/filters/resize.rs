//! The step `resize`: a new size, by one of several geometries and filters.
use fast_image_resize::FilterType;

use super::area::{area, between};
use super::crop::cut;
use super::{Given, Kind, Parameter, Picture, Range, Region, Value};
use crate::resize::{Source, run, run_gray};
use fast_image_resize::ResizeAlg;

pub(super) const STEP: Kind = Kind {
    name: "resize",
    about: "Gives the photo a new size: stretched; or the largest centred part of the new shape; or \
            whole between bars of gray; or the part around the photo's box, where it has one",
    parameters: &[
        Parameter {
            name: "size",
            range: Range::Size(4096),
            default: None,
            unit: "pixels",
        },
        Parameter {
            name: "geometry",
            range: Range::Choice(&["stretch", "crop", "letterbox", "box"]),
            default: Some(Value::Choice("stretch")),
            unit: "",
        },
        Parameter {
            name: "filter",
            range: Range::Choice(&["nearest", "bilinear", "bicubic", "lanczos", "area"]),
            default: Some(Value::Choice("bicubic")),
            unit: "",
        },
        Parameter {
            name: "bars",
            range: Range::Whole(0, 255),
            default: Some(Value::Number(128.0)),
            unit: "levels",
        },
    ],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let (width, height) = values[0].size();
    let filter = values[2].word();
    match values[1].word() {
        "stretch" => resize(picture, (width, height), filter, given),
        "letterbox" => {
            let inner = crate::resize::letterbox((picture.width, picture.height), (width, height));
            let inner = resize(picture, inner, filter, given);
            framed(&inner, (width, height), values[3].number() as u8)
        }
        geometry => {
            let part = match (geometry, given.region) {
                ("box", Some(region)) => {
                    around(region, (picture.width, picture.height), (width, height))
                }
                _ => centred((picture.width, picture.height), (width, height)),
            };
            let part = cut(&picture, (part.left, part.top), (part.width, part.height));
            resize(part, (width, height), filter, given)
        }
    }
}

/// The largest part of the new shape, in the middle.
fn centred((width, height): (usize, usize), to: (usize, usize)) -> Region {
    let (part_width, part_height) = largest((width, height), to);
    Region {
        left: (width - part_width) / 2,
        top: (height - part_height) / 2,
        width: part_width,
        height: part_height,
    }
}

/// The largest sides of the new shape inside of those given.
fn largest(
    (width, height): (usize, usize),
    (to_width, to_height): (usize, usize),
) -> (usize, usize) {
    let rounded = |product: usize, divisor: usize| ((product + divisor / 2) / divisor).max(1);
    if width * to_height > height * to_width {
        (rounded(height * to_width, to_height).min(width), height)
    } else {
        (width, rounded(width * to_height, to_width).min(height))
    }
}

/// The part of the new shape around a region, as much of it as the picture has.
fn around(region: Region, (width, height): (usize, usize), to: (usize, usize)) -> Region {
    let region = region.inside(width, height);
    let rounded = |product: usize, divisor: usize| ((product + divisor / 2) / divisor).max(1);
    // The region grown in one direction to the new shape, then cut to the picture's sides.
    let (mut part_width, mut part_height) = (region.width, region.height);
    if region.width * to.1 < region.height * to.0 {
        part_width = rounded(region.height * to.0, to.1).min(width);
    } else {
        part_height = rounded(region.width * to.1, to.0).min(height);
    }
    let start = |start: usize, length: usize, part: usize, side: usize| {
        (start + length / 2)
            .saturating_sub(part / 2)
            .min(side - part)
    };
    Region {
        left: start(region.left, region.width, part_width, width),
        top: start(region.top, region.height, part_height, height),
        width: part_width,
        height: part_height,
    }
}

/// A picture between bars.
fn framed(inner: &Picture, (width, height): (usize, usize), level: u8) -> Picture {
    let channels = inner.channels;
    let mut values = vec![level; width * height * channels];
    let (left, top) = ((width - inner.width) / 2, (height - inner.height) / 2);
    for row in 0..inner.height {
        let start = ((top + row) * width + left) * channels;
        values[start..][..inner.stride()].copy_from_slice(inner.row(row));
    }
    Picture {
        width,
        height,
        channels,
        values,
    }
}

fn resize(
    picture: Picture,
    (width, height): (usize, usize),
    filter: &str,
    given: &Given<'_>,
) -> Picture {
    let from = (picture.width, picture.height);
    if from == (width, height) {
        return picture;
    }
    let kernel = match filter {
        "nearest" => return nearest(&picture, (width, height)),
        "area" if width <= from.0 && height <= from.1 => {
            return area(&picture, width, height, &given.workers);
        }
        "area" => return between(&picture, width, height),
        "bicubic" => FilterType::CatmullRom,
        "lanczos" => FilterType::Lanczos3,
        _ => FilterType::Bilinear,
    };
    let whole = Source {
        left: 0.0,
        top: 0.0,
        width: from.0 as f64,
        height: from.1 as f64,
    };
    let kernel = ResizeAlg::Convolution(kernel);
    let values = match picture.channels {
        1 => run_gray(&picture.values, from, whole, (width, height), kernel),
        _ => run(&picture.values, from, whole, (width, height), kernel),
    };
    Picture {
        width,
        height,
        channels: picture.channels,
        values,
    }
}

/// The pixel under the middle of each new one.
fn nearest(picture: &Picture, (width, height): (usize, usize)) -> Picture {
    let under = |index: usize, from: usize, to: usize| (2 * index + 1) * from / (2 * to);
    let channels = picture.channels;
    let mut values = Vec::with_capacity(width * height * channels);
    for row in 0..height {
        let row = picture.row(under(row, picture.height, height));
        for column in 0..width {
            let start = under(column, picture.width, width) * channels;
            values.extend_from_slice(&row[start..start + channels]);
        }
    }
    Picture {
        width,
        height,
        channels,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_around_a_box_holds_it_and_has_the_shape() {
        let region = Region {
            left: 300,
            top: 100,
            width: 100,
            height: 60,
        };
        let part = around(region, (500, 375), (224, 224));
        assert_eq!((part.width, part.height), (100, 100));
        assert_eq!((part.left, part.top), (300, 80));
        // At the border it moves inside, and is cut where the picture is too small.
        let corner = Region {
            left: 460,
            top: 0,
            width: 90,
            height: 375,
        };
        let part = around(corner, (500, 375), (224, 224));
        assert_eq!(
            (part.left, part.top, part.width, part.height),
            (125, 0, 375, 375)
        );
    }

    #[test]
    fn the_centred_part_is_the_largest() {
        let part = centred((500, 375), (224, 224));
        assert_eq!(
            (part.left, part.top, part.width, part.height),
            (62, 0, 375, 375)
        );
        let part = centred((10, 1000), (200, 100));
        assert_eq!((part.width, part.height), (10, 5));
        assert_eq!(centred((1, 1), (7, 3)).height, 1);
    }
}

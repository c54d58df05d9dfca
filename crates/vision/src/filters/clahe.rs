//! Contrast-limited adaptive histogram equalisation, as OpenCV's `CLAHE`: on Lab's lightness.
use super::border::mirrored;
use super::colors::{Light, from_lab, lab};
use super::equalise::histogram;
use super::{Given, Kind, Parameter, Picture, Range, Value, Workers, number};

pub(super) const STEP: Kind = Kind {
    name: "clahe",
    about: "Equalises the histogram tile by tile with clipped peaks (CLAHE); in colour, that of Lab's lightness",
    parameters: &[
        number("limit", 0.0, 100.0, 2.0, "times the mean count"),
        Parameter {
            name: "tiles",
            range: Range::Whole(1, 64),
            default: Some(Value::Number(8.0)),
            unit: "tiles per side",
        },
    ],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let workers = &given.workers;
    let (limit, tiles) = (values[0].number(), values[1].whole());
    match picture.channels {
        1 => clahe(&picture, limit, tiles, workers),
        _ => {
            let [lightness, a, b] = lab(&picture, Light::Srgb, workers);
            let lightness = clahe(&picture.with(1, lightness), limit, tiles, workers);
            let planes = [&lightness.values[..], &a, &b];
            picture.with(3, from_lab(planes, Light::Srgb, workers))
        }
    }
}

fn clahe(plane: &Picture, limit: f64, tiles: usize, workers: &Workers<'_>) -> Picture {
    let (width, height) = (plane.width, plane.height);
    // Where a side does not divide, the plane grows at the right and at the bottom; a side that
    // does grows by a whole pixel a tile all the same, as OpenCV has it.
    let grow = width % tiles != 0 || height % tiles != 0;
    let grown = |side: usize| {
        if grow {
            side + tiles - side % tiles
        } else {
            side
        }
    };
    let (tile_width, tile_height) = (grown(width) / tiles, grown(height) / tiles);
    let area = tile_width * tile_height;
    let most = ((limit * area as f64 / 256.0) as u32).max(u32::from(limit > 0.0));
    let mut tables = vec![[0; 256]; tiles * tiles];
    workers.pool.for_each(&mut tables, |index, table| {
        let (top, left) = (index / tiles * tile_height, index % tiles * tile_width);
        let mut pixels = Vec::with_capacity(area);
        for row in top..top + tile_height {
            let row = plane.row(mirrored(row as isize, height));
            let inside = left.min(width)..(left + tile_width).min(width);
            pixels.extend_from_slice(&row[inside.clone()]);
            for column in inside.end.max(left)..left + tile_width {
                pixels.push(row[mirrored(column as isize, width)]);
            }
        }
        *table = tile_table(histogram(&pixels), most, area);
    });
    let across = places(width, tile_width, tiles);
    let down = places(height, tile_height, tiles);
    let mut values = vec![0; width * height];
    workers.bands(&mut values, width, |first, band| {
        for (index, out) in band.chunks_exact_mut(width).enumerate() {
            let row = first + index;
            let place = &down[row];
            let upper = &tables[place.first * tiles..][..tiles];
            let lower = &tables[place.second * tiles..][..tiles];
            blend(plane.row(row), upper, lower, &across, place, out);
        }
    });
    plane.with(1, values)
}

/// The table of a tile: what is above `most` is shared out among all values.
fn tile_table(mut counts: [u32; 256], most: u32, area: usize) -> [u8; 256] {
    if most > 0 {
        let mut clipped = 0;
        for count in &mut counts {
            clipped += count.saturating_sub(most);
            *count = (*count).min(most);
        }
        let residual = clipped % 256;
        for count in &mut counts {
            *count += clipped / 256;
        }
        if residual > 0 {
            let step = (256 / residual as usize).max(1);
            for count in counts.iter_mut().step_by(step).take(residual as usize) {
                *count += 1;
            }
        }
    }
    let scale = 255.0 / area as f32;
    let mut sum = 0;
    counts.map(|count| {
        sum += count;
        (sum as f32 * scale).round_ties_even() as u8
    })
}

/// Between which two tiles a row or column lies, and how near to each.
struct Place {
    first: usize,
    second: usize,
    to_first: f32,
    to_second: f32,
}

fn places(length: usize, tile: usize, tiles: usize) -> Vec<Place> {
    let inverse = 1.0 / tile as f32;
    let place = |index: usize| {
        let position = index as f32 * inverse - 0.5;
        let before = position.floor();
        let first = before as isize;
        Place {
            first: first.max(0) as usize,
            second: (first + 1).min(tiles as isize - 1) as usize,
            to_first: 1.0 - (position - before),
            to_second: position - before,
        }
    };
    (0..length).map(place).collect()
}

/// A row through the tables of the four tiles around each pixel.
fn blend(
    row: &[u8],
    upper: &[[u8; 256]],
    lower: &[[u8; 256]],
    across: &[Place],
    down: &Place,
    out: &mut [u8],
) {
    let pixels = row.iter().zip(across).zip(out);
    for ((&value, place), out) in pixels {
        let level = |tables: &[[u8; 256]]| {
            let of = |tile: usize| f32::from(tables[tile][usize::from(value)]);
            of(place.first) * place.to_first + of(place.second) * place.to_second
        };
        let level = level(upper) * down.to_first + level(lower) * down.to_second;
        *out = level.round_ties_even() as u8;
    }
}

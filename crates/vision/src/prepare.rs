//! A photo to the input of a network, as its `InputSpec` wants it.
use std::borrow::Cow;

use graph::{Geometry, InputSpec, Scaling};
use tensor::AlignedBuffer;

use crate::filters::Pipeline;
use crate::resize::{Source, letterbox, resize};
use crate::{Photo, PrepareError};

/// The views of one photo: N,H,W,C in f32, one after the other.
#[derive(Debug)]
pub struct Views {
    count: usize,
    height: usize,
    width: usize,
    values: AlignedBuffer,
}

impl Views {
    /// How many views there are (N).
    pub fn count(&self) -> usize {
        self.count
    }

    /// Rows of each view.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of each view.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All views as one tensor of count x height x width x 3.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One view: height x width x 3.
    ///
    /// # Panics
    /// Where there is no such view.
    pub fn view(&self, index: usize) -> &[f32] {
        let length = self.height * self.width * 3;
        &self.values[index * length..][..length]
    }
}

/// Makes a network's input from a photo: the specification's preprocessing on the caller's thread,
/// then for each view the geometry and the scaling.
///
/// # Errors
/// `Preprocessing` where the specification names one that is not understood, `Specification` where
/// it makes no sense.
pub fn prepare(spec: &InputSpec, photo: &Photo) -> Result<Views, PrepareError> {
    let pipeline = check(spec)?;
    let photo = &*preprocessed(&pipeline, photo);
    let size = spec.height * spec.width * 3;
    let tables = scaling_tables(&spec.scaling);
    let mut values = AlignedBuffer::zeroed(spec.views.len() * size);
    // A mirrored view has the pixels of its twin: each geometry is resized once.
    let mut done: Vec<(Geometry, Vec<u8>)> = Vec::new();
    for (view, out) in spec.views.iter().zip(values.chunks_exact_mut(size)) {
        if !done.iter().any(|(geometry, _)| *geometry == view.geometry) {
            done.push((view.geometry, place(spec, view.geometry, photo)));
        }
        let pixels = done.iter().find(|(geometry, _)| *geometry == view.geometry);
        let pixels = &pixels.expect("placed just now").1;
        scale(
            pixels,
            spec.width,
            view.mirrored,
            spec.scaling.blue_first,
            &tables,
            out,
        );
    }
    Ok(Views {
        count: spec.views.len(),
        height: spec.height,
        width: spec.width,
        values,
    })
}

/// The first stage of [`prepare`] alone, for a view of this geometry: height x width x 3 bytes, before
/// mirroring and scaling. Training augments them, then uses [`Scaler`], the last stage.
///
/// # Errors
/// As [`prepare`].
pub fn pixels(
    spec: &InputSpec,
    geometry: Geometry,
    photo: &Photo,
) -> Result<Vec<u8>, PrepareError> {
    let pipeline = check(spec)?;
    Ok(place(spec, geometry, &preprocessed(&pipeline, photo)))
}

/// The last stage of [`prepare`] alone: bytes to the network's values.
#[derive(Clone, Debug)]
pub struct Scaler {
    tables: [[f32; 256]; 3],
    blue_first: bool,
}

impl Scaler {
    /// Of this scaling.
    pub fn new(scaling: &Scaling) -> Self {
        Scaler {
            tables: scaling_tables(scaling),
            blue_first: scaling.blue_first,
        }
    }

    /// Scales pixels of red, green and blue: as many values as bytes.
    ///
    /// # Panics
    /// Where the lengths differ or are no whole number of pixels.
    pub fn run(&self, pixels: &[u8], values: &mut [f32]) {
        assert!(pixels.len() == values.len() && pixels.len().is_multiple_of(3));
        if !pixels.is_empty() {
            let width = pixels.len() / 3;
            scale(pixels, width, false, self.blue_first, &self.tables, values);
        }
    }
}

fn preprocessed<'a>(pipeline: &Pipeline, photo: &'a Photo) -> Cow<'a, Photo> {
    match pipeline.is_empty() {
        true => Cow::Borrowed(photo),
        false => Cow::Owned(pipeline.run_alone(photo, None)),
    }
}

/// The preprocessing of a specification that makes sense.
///
/// # Errors
/// As [`prepare`].
pub fn check(spec: &InputSpec) -> Result<Pipeline, PrepareError> {
    let pipeline = spec.preprocessing.parse::<Pipeline>();
    let pipeline = pipeline.map_err(|fault| PrepareError::Preprocessing {
        pipeline: spec.preprocessing.clone(),
        fault,
    })?;
    // A photo to be answered has no box: the step would crop its centre and say nothing.
    if let Some(step) = pipeline.steps().iter().find(|step| step.wants_box()) {
        return Err(PrepareError::Specification(format!(
            "`{step}` looks for a box, which a photo to be answered lacks; hint: `crop`, or run it on the files with `museau preprocess run`"
        )));
    }
    spec.check()
        .map_err(|fault| PrepareError::Specification(fault.to_string()))?;
    Ok(pipeline)
}

/// The photo in the network's rectangle: height x width x 3 bytes.
fn place(spec: &InputSpec, geometry: Geometry, photo: &Photo) -> Vec<u8> {
    let from = (photo.width(), photo.height());
    let to = (spec.width, spec.height);
    match geometry {
        Geometry::Stretch => resize(photo.rgb(), from, whole(from), to, spec.filter),
        Geometry::CenterCrop { fraction } => resize(
            photo.rgb(),
            from,
            centre_crop(from, to, fraction),
            to,
            spec.filter,
        ),
        Geometry::Letterbox { fill } => {
            let (width, height) = letterbox(from, to);
            let inner = resize(photo.rgb(), from, whole(from), (width, height), spec.filter);
            let (left, top) = ((to.0 - width) / 2, (to.1 - height) / 2);
            let mut framed = vec![fill; to.0 * to.1 * 3];
            for (row, pixels) in inner.chunks_exact(width * 3).enumerate() {
                framed[((top + row) * to.0 + left) * 3..][..width * 3].copy_from_slice(pixels);
            }
            framed
        }
    }
}

fn whole((width, height): (usize, usize)) -> Source {
    Source {
        left: 0.0,
        top: 0.0,
        width: width as f64,
        height: height as f64,
    }
}

/// The part of the photo that torchvision's `Resize(int(size / fraction))` and `CenterCrop(size)`
/// leave, in the photo's own pixels: resizing just this part gives the same picture and saves the
/// work on what is cut off.
fn centre_crop(
    (width, height): (usize, usize),
    (to_width, to_height): (usize, usize),
    fraction: f32,
) -> Source {
    // 0.9f32 is a little less than 0.9: its shortest decimal is what was meant.
    let fraction: f64 = fraction
        .to_string()
        .parse()
        .expect("a number prints as a number");
    let least = |side: usize| (side as f64 / fraction) as usize;
    let (least_width, least_height) = (least(to_width), least(to_height));
    // The side that is reached first keeps its size, the other follows the aspect, rounded down.
    let (resized_width, resized_height) = if least_width * height >= least_height * width {
        (
            least_width,
            (least_width * height / width).max(least_height),
        )
    } else {
        (
            (least_height * width / height).max(least_width),
            least_height,
        )
    };
    let across = part(width, resized_width, to_width);
    let down = part(height, resized_height, to_height);
    Source {
        left: across.0,
        top: down.0,
        width: across.1,
        height: down.1,
    }
}

/// Start and length, in a side of `from` pixels, of the centred `kept` of the `resized` pixels.
fn part(from: usize, resized: usize, kept: usize) -> (f64, f64) {
    // Python's round: half to even.
    let start = ((resized - kept) as f64 / 2.0).round_ties_even();
    let scale = from as f64 / resized as f64;
    let start = start * scale;
    (start, (kept as f64 * scale).min(from as f64 - start))
}

/// What each of the 256 values of a channel of the network's input becomes.
fn scaling_tables(scaling: &Scaling) -> [[f32; 256]; 3] {
    let mut tables = [[0.0; 256]; 3];
    for (channel, table) in tables.iter_mut().enumerate() {
        for (value, entry) in table.iter_mut().enumerate() {
            *entry = (value as f32 - scaling.mean[channel]) / scaling.deviation[channel];
        }
    }
    tables
}

fn scale(
    pixels: &[u8],
    width: usize,
    mirrored: bool,
    blue_first: bool,
    tables: &[[f32; 256]; 3],
    out: &mut [f32],
) {
    let write = |&[red, green, blue]: &[u8; 3], out: &mut [f32; 3]| {
        let values = if blue_first {
            [blue, green, red]
        } else {
            [red, green, blue]
        };
        for channel in 0..3 {
            out[channel] = tables[channel][usize::from(values[channel])];
        }
    };
    let rows = pixels
        .chunks_exact(width * 3)
        .zip(out.chunks_exact_mut(width * 3));
    for (row, out) in rows {
        let (row, out) = (row.as_chunks::<3>().0, out.as_chunks_mut::<3>().0);
        if mirrored {
            row.iter()
                .rev()
                .zip(out)
                .for_each(|(pixel, out)| write(pixel, out));
        } else {
            row.iter()
                .zip(out)
                .for_each(|(pixel, out)| write(pixel, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use graph::{Filter, View};

    use super::*;

    fn photo(width: usize, height: usize) -> Photo {
        let rgb = (0..width * height * 3)
            .map(|i| (i * 7919 % 256) as u8)
            .collect();
        Photo::from_rgb(width, height, rgb)
    }

    fn spec(geometry: Geometry) -> InputSpec {
        InputSpec {
            height: 224,
            width: 224,
            filter: Filter::Bicubic,
            scaling: Scaling::uniform(127.0, 128.0),
            views: vec![View {
                geometry,
                mirrored: false,
            }],
            preprocessing: String::new(),
        }
    }

    #[test]
    fn the_centre_crop_is_that_of_torchvision() {
        // Resize(256) makes 500 x 375 to 341 x 256, CenterCrop(224) starts at round(58.5) = 58, 16.
        let source = centre_crop((500, 375), (224, 224), 0.875);
        assert_eq!(source.left, 58.0 * (500.0 / 341.0));
        assert_eq!(source.top, 16.0 * (375.0 / 256.0));
        assert_eq!(source.width, 224.0 * (500.0 / 341.0));
        // 0.9 means 0.9: 224 / 0.9 = 248.9.
        assert_eq!(
            centre_crop((100, 100), (224, 224), 0.9).left,
            12.0 * (100.0 / 248.0)
        );
        assert_eq!(centre_crop((100, 100), (90, 90), 0.9).left, 5.0);
    }

    #[test]
    fn any_shape_fits_any_geometry() {
        let geometries = [
            Geometry::Stretch,
            Geometry::CenterCrop { fraction: 0.875 },
            Geometry::CenterCrop { fraction: 1.0 },
            Geometry::Letterbox { fill: 128 },
        ];
        for (width, height) in [(1, 1), (2, 1), (1, 3000), (3000, 1), (224, 224), (257, 91)] {
            for geometry in geometries {
                let views = prepare(&spec(geometry), &photo(width, height)).unwrap();
                assert_eq!(views.values().len(), 224 * 224 * 3);
                assert!(
                    views
                        .values()
                        .iter()
                        .all(|value| (-1.0..=1.0).contains(value))
                );
            }
        }
    }

    #[test]
    fn enlarged_parts_stay_inside_of_the_picture() {
        let mut spec = spec(Geometry::CenterCrop { fraction: 0.875 });
        // At 260 the part of a 302 x 173 photo begins exactly on one of its columns.
        (spec.height, spec.width) = (260, 260);
        prepare(&spec, &photo(302, 173)).unwrap();
        for size in [26, 28, 30] {
            (spec.height, spec.width) = (size, size);
            for width in 3..45 {
                for height in 3..45 {
                    let views = prepare(&spec, &photo(width, height)).unwrap();
                    assert_eq!(views.values().len(), size * size * 3);
                }
            }
        }
    }

    #[test]
    fn views_are_mirrored_and_ordered() {
        let mut spec = spec(Geometry::CenterCrop { fraction: 0.875 });
        spec.views.push(View {
            mirrored: true,
            ..spec.views[0]
        });
        spec.views.push(View {
            geometry: Geometry::Stretch,
            mirrored: false,
        });
        let views = prepare(&spec, &photo(300, 200)).unwrap();
        assert_eq!(views.count(), 3);
        for (row, mirrored) in views
            .view(0)
            .chunks_exact(224 * 3)
            .zip(views.view(1).chunks_exact(224 * 3))
        {
            for column in 0..224 {
                assert_eq!(row[column * 3..][..3], mirrored[(223 - column) * 3..][..3]);
            }
        }
        assert_ne!(views.view(0), views.view(2));
    }

    #[test]
    fn blue_first_takes_the_mean_of_blue_first() {
        let mut spec = spec(Geometry::Stretch);
        spec.scaling = Scaling {
            mean: [103.939, 116.779, 123.68],
            deviation: [1.0; 3],
            blue_first: true,
        };
        let views = prepare(&spec, &Photo::from_rgb(1, 1, vec![10, 20, 30])).unwrap();
        assert_eq!(
            views.view(0)[..3],
            [30.0 - 103.939, 20.0 - 116.779, 10.0 - 123.68]
        );
    }

    #[test]
    fn a_letterbox_has_bars_of_its_fill() {
        let mut spec = spec(Geometry::Letterbox { fill: 128 });
        spec.scaling = Scaling::uniform(0.0, 1.0);
        let views = prepare(&spec, &Photo::from_rgb(20, 10, vec![7; 600])).unwrap();
        let rows: Vec<bool> = views
            .view(0)
            .chunks_exact(224 * 3)
            .map(|row| row.iter().all(|v| *v == 7.0))
            .collect();
        assert_eq!(rows.iter().filter(|inside| **inside).count(), 112);
        assert!(rows[56] && rows[167] && !rows[55] && !rows[168]);
        assert!(views.view(0)[..55 * 224 * 3].iter().all(|v| *v == 128.0));
    }

    #[test]
    fn the_preprocessing_comes_before_the_geometry() {
        let mut piped = spec(Geometry::Stretch);
        piped.preprocessing = "clahe(2,8) | gaussian(5)".to_owned();
        let pipeline: Pipeline = piped.preprocessing.parse().unwrap();
        let photo = photo(60, 41);
        let before = pipeline.run_alone(&photo, None);
        let plain = prepare(&spec(Geometry::Stretch), &before).unwrap();
        let views = prepare(&piped, &photo).unwrap();
        assert_eq!(views.values(), plain.values());
        let untouched = prepare(&spec(Geometry::Stretch), &photo).unwrap();
        assert_ne!(views.values(), untouched.values());
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        let mut piped = spec(Geometry::Stretch);
        piped.preprocessing = "clahe(2,8) | sharpen".to_owned();
        assert!(matches!(
            prepare(&piped, &photo(4, 4)),
            Err(PrepareError::Preprocessing { pipeline, fault })
                if pipeline == "clahe(2,8) | sharpen" && fault.position == 14
        ));
        let mut boxed = spec(Geometry::Stretch);
        boxed.preprocessing = "gray | resize(224,box)".to_owned();
        let mut none = spec(Geometry::Stretch);
        none.views.clear();
        let mut flat = spec(Geometry::Stretch);
        flat.scaling.deviation[1] = 0.0;
        let outside =
            [0.0, -1.0, 1.5, f32::NAN].map(|f| spec(Geometry::CenterCrop { fraction: f }));
        for wrong in [none, flat, boxed].into_iter().chain(outside) {
            assert!(matches!(
                prepare(&wrong, &photo(4, 4)),
                Err(PrepareError::Specification(_))
            ));
        }
    }
}

//! Which parts of a photo an answer rests on: a heat map, and a test of the map by deletion.
use crate::decide::{Class, Probabilities};
use crate::error::{ClassifyError, OpenError};
use crate::network::{Network, OpenOptions};
use graph::{Geometry, Graph, InputSpec, NodeId, View};
use package::{Calibration, Package};
use tensor::{Pool, Random};
use vision::Photo;

/// Maps whose cells are emptied are run so many at a time: the largest networks' have 490,000 values.
const TOGETHER: usize = 8;

/// A package's network in two halves: up to its last map of the photo, and from there to its outputs.
/// Shared freely between threads.
#[derive(Debug)]
pub struct Explainer {
    input: InputSpec,
    calibration: Calibration,
    classes: Vec<Class>,
    below: Network,
    above: Network,
    /// Rows, columns and channels of the map.
    map: [usize; 3],
}

/// How much an answer rests on each part of a photo, row by row over the whole photo.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 0 where the answer does not rest on the part, or it speaks against it, to 1 where most.
    pub values: Vec<f32>,
}

/// What becomes of an answer's probability where parts of the photo are deleted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deletion {
    /// The share of the photo that is deleted, 0 to 1.
    pub share: f32,
    /// The probability on the whole photo, seen as the map is made.
    pub whole: f32,
    /// Without the parts that the map says it rests on most.
    pub without_hottest: f32,
    /// Without parts drawn at random: the mean of some draws.
    pub without_random: f32,
}

impl Explainer {
    /// Plans both halves of a package's network.
    ///
    /// # Errors
    /// [`OpenError::NoHead`] where the network has no map of the photo that all of its outputs are
    /// computed from, and as [`crate::Classifier::from_package`].
    pub fn from_package(package: Package, options: &OpenOptions) -> Result<Self, OpenError> {
        let Package {
            about,
            graph,
            weights,
        } = package;
        let (last, above) = last_map(&graph).ok_or(OpenError::NoHead)?;
        let map = graph.node(last).shape();
        let &[height, width, channels] = map.dimensions() else {
            return Err(OpenError::NoHead);
        };
        // The whole photo, so that each cell has its place in it.
        let mut input = about.input;
        input.views = vec![View {
            geometry: Geometry::Stretch,
            mirrored: false,
        }];
        vision::check(&input)?;
        Ok(Explainer {
            below: Network::new(&graph.below(last), &weights, 1, options)?,
            above: Network::new(&above, &weights, TOGETHER, options)?,
            map: [height, width, channels],
            classes: about.labels.iter().map(Class::new).collect(),
            calibration: about.calibration,
            input,
        })
    }

    /// The map of a class, by its place among the labels: how much its logit falls where a cell of the
    /// network's last map is emptied. Where that map is averaged and a dense layer stands on it, this
    /// is class activation mapping (Zhou et al., 2016) to the last digit.
    ///
    /// # Errors
    /// As [`crate::Classifier::look`].
    ///
    /// # Panics
    /// Where the model has no such class.
    pub fn heat_map(
        &self,
        pool: &Pool,
        photo: &Photo,
        class: usize,
    ) -> Result<HeatMap, ClassifyError> {
        let [height, width, channels] = self.map;
        let whole = self.features(pool, photo)?;
        let output = self.classes[class].output;
        let logits = self.logits(pool, std::iter::once(whole.clone()))?;
        let logit = logits[0][output];
        let cells = 0..height * width;
        let emptied = cells.map(|cell| {
            let mut map = whole.clone();
            map[cell * channels..(cell + 1) * channels].fill(0.0);
            map
        });
        let without = self.logits(pool, emptied)?;
        let falls = without
            .iter()
            .map(|outputs| (logit - outputs[output]).max(0.0));
        let falls: Vec<f32> = falls.collect();
        let most = falls.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        Ok(HeatMap {
            width,
            height,
            values: falls.into_iter().map(|fall| fall / most).collect(),
        })
    }

    /// What the probability of a class is without the cells that are hottest, and without as many drawn
    /// at random; what is deleted takes the photo's mean colour.
    ///
    /// # Errors
    /// As [`crate::Classifier::look`].
    pub fn deletion(
        &self,
        pool: &Pool,
        photo: &Photo,
        class: usize,
        map: &HeatMap,
    ) -> Result<Deletion, ClassifyError> {
        /// Draws whose mean the map is compared with.
        const DRAWS: u64 = 5;
        let cells = map.values.len();
        let count = cells.div_ceil(5);
        let mut hottest: Vec<usize> = (0..cells).collect();
        hottest.sort_by(|&a, &b| map.values[b].total_cmp(&map.values[a]));
        hottest.truncate(count);
        let probability = |photo: &Photo| -> Result<f32, ClassifyError> {
            let features = self.features(pool, photo)?;
            let logits = self.logits(pool, std::iter::once(features))?;
            Ok(Probabilities::new(&logits[0], &self.classes, &self.calibration).breeds[class])
        };
        let mut random = 0.0;
        for draw in 0..DRAWS {
            let mut order: Vec<usize> = (0..cells).collect();
            let mut generator = Random::new(draw, 0, 0);
            for place in (1..cells).rev() {
                order.swap(place, generator.below(place as u32 + 1) as usize);
            }
            random += probability(&without(photo, map, &order[..count]))? / DRAWS as f32;
        }
        Ok(Deletion {
            share: count as f32 / cells as f32,
            whole: probability(photo)?,
            without_hottest: probability(&without(photo, map, &hottest))?,
            without_random: random,
        })
    }

    /// The last map, its channels together.
    fn features(&self, pool: &Pool, photo: &Photo) -> Result<Vec<f32>, ClassifyError> {
        let views = vision::prepare(&self.input, photo)?;
        self.below.run(pool, views.values())
    }

    /// The network's outputs for each of some maps.
    fn logits(
        &self,
        pool: &Pool,
        maps: impl Iterator<Item = Vec<f32>>,
    ) -> Result<Vec<Vec<f32>>, ClassifyError> {
        let length = self.map.iter().product::<usize>();
        let outputs = self.above.outputs();
        let mut all = Vec::new();
        let mut maps = maps.peekable();
        while maps.peek().is_some() {
            let mut batch = Vec::with_capacity(TOGETHER * length);
            let mut count = 0;
            for map in maps.by_ref().take(TOGETHER) {
                batch.extend(map);
                count += 1;
            }
            batch.resize(TOGETHER * length, 0.0);
            let rows = self.above.run(pool, &batch)?;
            all.extend(rows.chunks_exact(outputs).take(count).map(<[f32]>::to_vec));
        }
        Ok(all)
    }
}

/// The last layer whose values still lie on the photo and that all outputs are computed from, with the
/// network that stands on it.
fn last_map(graph: &Graph) -> Option<(NodeId, Graph)> {
    let mut ids: Vec<NodeId> = graph.ids().collect();
    ids.reverse();
    ids.into_iter()
        .find_map(|id| match graph.node(id).shape().dimensions() {
            [height, width, _] if height * width > 1 => {
                let above = graph.above(id).ok()?;
                (above.outputs().len() == graph.outputs().len()).then_some((id, above))
            }
            _ => None,
        })
}

/// A photo without the parts under some cells.
fn without(photo: &Photo, map: &HeatMap, cells: &[usize]) -> Photo {
    let (width, height) = (photo.width(), photo.height());
    let mut rgb = photo.rgb().to_vec();
    let mut sums = [0u64; 3];
    for pixel in rgb.chunks_exact(3) {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(value);
        }
    }
    let mean = sums.map(|sum| (sum / (width * height).max(1) as u64) as u8);
    let mut deleted = vec![false; map.values.len()];
    for &cell in cells {
        deleted[cell] = true;
    }
    for (place, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let (row, column) = (place / width, place % width);
        if deleted[row * map.height / height * map.width + column * map.width / width] {
            pixel.copy_from_slice(&mean);
        }
    }
    Photo::from_rgb(width, height, rgb)
}

impl HeatMap {
    /// The photo, at most `most` pixels wide or high, in grey, with the map laid over it from clear
    /// through yellow to red.
    pub fn over(&self, photo: &Photo, most: usize) -> Photo {
        let photo = vision::shrunk(photo, most);
        let (width, height) = (photo.width(), photo.height());
        let pixels = photo
            .rgb()
            .chunks_exact(3)
            .enumerate()
            .flat_map(|(place, pixel)| {
                let across = (place % width) as f32 + 0.5;
                let down = (place / width) as f32 + 0.5;
                let heat = self.at(across / width as f32, down / height as f32);
                painted(pixel, heat)
            });
        Photo::from_rgb(width, height, pixels.collect())
    }

    /// The heat at a place of the photo, 0 to 1 across and down, between the centres of cells linear.
    fn at(&self, across: f32, down: f32) -> f32 {
        let between = |place: f32, count: usize| {
            let place = (place * count as f32 - 0.5).clamp(0.0, (count - 1) as f32);
            let first = place as usize;
            (first, (first + 1).min(count - 1), place - first as f32)
        };
        let (left, right, x) = between(across, self.width);
        let (top, bottom, y) = between(down, self.height);
        let value = |row: usize, column: usize| self.values[row * self.width + column];
        let upper = value(top, left) * (1.0 - x) + value(top, right) * x;
        let lower = value(bottom, left) * (1.0 - x) + value(bottom, right) * x;
        upper * (1.0 - y) + lower * y
    }
}

/// A pixel in grey under a colour as strong as its heat.
fn painted(pixel: &[u8], heat: f32) -> [u8; 3] {
    // Rec. 601 luma.
    let grey =
        0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2]);
    let colour = [255.0, 220.0 * (1.0 - heat), 0.0];
    let strength = 0.65 * heat;
    colour.map(|colour| (grey * (1.0 - strength) + colour * strength).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use package::samples::tiny;

    /// Red on the left, black on the right.
    fn half_red() -> Photo {
        let row = [[250, 0, 0].repeat(20), [0, 0, 0].repeat(20)].concat();
        Photo::from_rgb(40, 30, row.repeat(30))
    }

    fn explainer() -> Explainer {
        Explainer::from_package(tiny(), &OpenOptions::default()).unwrap()
    }

    /// The dense layer's row of a class, times each cell, over the number of cells: what class
    /// activation mapping is.
    #[test]
    fn the_map_of_an_averaged_network_is_its_class_activation_map() {
        let explainer = explainer();
        let pool = Pool::serial();
        let photo = half_red();
        let map = explainer.heat_map(&pool, &photo, 0).unwrap();
        let kernel = tiny().weights["dense/kernel"].values().to_vec();
        let features = explainer.features(&pool, &photo).unwrap();
        let [height, width, channels] = explainer.map;
        assert_eq!((map.height, map.width), (height, width));
        let output = explainer.classes[0].output;
        let units = kernel.len() / channels;
        let cam: Vec<f32> = features
            .chunks_exact(channels)
            .map(|cell| {
                let products = cell.iter().enumerate();
                products
                    .map(|(channel, value)| value * kernel[channel * units + output])
                    .sum()
            })
            .map(|value: f32| value.max(0.0))
            .collect();
        let most = cam.iter().copied().fold(0.0, f32::max);
        for (found, expected) in map.values.iter().zip(&cam) {
            assert!((found - expected / most).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn the_answer_rests_on_what_makes_it() {
        let explainer = explainer();
        let pool = Pool::serial();
        let photo = half_red();
        let map = explainer.heat_map(&pool, &photo, 0).unwrap();
        let half = |right: bool| -> f32 {
            let cells = map.values.iter().enumerate();
            let own = cells.filter(|(cell, _)| (cell % map.width * 2 >= map.width) == right);
            own.map(|(_, value)| value).sum()
        };
        assert!(half(false) > 10.0 * half(true), "{map:?}");
        let deletion = explainer.deletion(&pool, &photo, 0, &map).unwrap();
        assert!(deletion.without_hottest < deletion.whole, "{deletion:?}");
        assert!(
            deletion.without_hottest < deletion.without_random,
            "{deletion:?}"
        );
        assert!(deletion.share >= 0.2 && deletion.share < 0.5);
    }

    #[test]
    fn the_map_lies_over_the_photo() {
        let map = HeatMap {
            width: 2,
            height: 1,
            values: vec![1.0, 0.0],
        };
        let photo = Photo::from_rgb(8, 2, vec![100; 48]);
        let over = map.over(&photo, 100);
        let pixel = |x: usize| &over.rgb()[x * 3..x * 3 + 3];
        assert_eq!((over.width(), over.height()), (8, 2));
        assert_eq!(pixel(7), [100, 100, 100], "clear where it is cold");
        assert!(pixel(0)[0] > 180 && pixel(0)[2] < 50, "{:?}", pixel(0));
        assert_eq!(map.over(&photo, 4).width(), 4);
    }
}

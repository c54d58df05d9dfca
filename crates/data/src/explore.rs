//! What a data set looks like: an HTML page with charts and samples, and the numbers as JSON.

use std::collections::BTreeMap;

use report::{Chart, Hue, Line, Page, Picture, Table};
use serde::Serialize;
use tensor::Random;
use words::{Language, ReportMessage};

use crate::check::measure::{BINS, Measures};
use crate::check::page::{reduced, thumbnail};
use crate::check::plane::Plane;
use crate::class::shown_class;
use crate::features::{Features, plane_of};
use crate::manifest::{Entry, Manifest};
use crate::parallel::{self, Progress};
use crate::picture::picture;

/// The side of a mean image, in pixels.
const MEAN_SIDE: usize = 64;
/// The side of a sample, in pixels; how many a class.
const SAMPLE_SIDE: usize = 96;
const SAMPLES: usize = 4;
/// With more classes than this, each gets fewer samples, so that the page stays light.
const MANY_CLASSES: usize = 150;
/// Cells a side of the map of boxes.
const MAP_CELLS: usize = 16;

/// A histogram: equal bins from `from` to `to`; what lies outside is in the outermost ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Where the first bin begins.
    pub from: f64,
    /// Where the last bin ends.
    pub to: f64,
    /// How many values each bin has.
    pub counts: Vec<u64>,
}

impl Histogram {
    fn of(values: impl IntoIterator<Item = f64>, from: f64, to: f64, bins: usize) -> Self {
        let mut counts = vec![0; bins];
        for value in values.into_iter().filter(|value| value.is_finite()) {
            let place = (value - from) / (to - from) * bins as f64;
            counts[(place.max(0.0) as usize).min(bins - 1)] += 1;
        }
        Histogram { from, to, counts }
    }

    fn line(&self, name: &str) -> Line {
        let step = (self.to - self.from) / self.counts.len() as f64;
        let points = self.counts.iter().enumerate();
        Line {
            name: name.to_owned(),
            points: points
                .map(|(bin, &count)| (self.from + step * (bin as f64 + 0.5), count as f64))
                .collect(),
        }
    }
}

/// Numbers about a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassNumbers {
    /// Its name.
    pub class: String,
    /// How many photos it has.
    pub photos: usize,
    /// Mean brightness, 0 to 255.
    pub brightness: f64,
    /// Mean contrast.
    pub contrast: f64,
}

/// Numbers about a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numbers {
    /// How many photos were looked at.
    pub photos: usize,
    /// How many of them cannot be read.
    pub unreadable: usize,
    /// Class by class.
    pub classes: Vec<ClassNumbers>,
    /// Mean of red, green and blue over all pixels of all photos, each photo counting the same; 0
    /// to 1.
    pub channel_means: [f64; 3],
    /// Standard deviation likewise.
    pub channel_deviations: [f64; 3],
    /// Sides, in pixels (of the photos that boxes were drawn on, where they are known).
    pub widths: Histogram,
    /// Likewise.
    pub heights: Histogram,
    /// Width divided by height.
    pub aspects: Histogram,
    /// Mean brightness of each photo.
    pub brightness: Histogram,
    /// Standard deviation of each photo's brightness.
    pub contrast: Histogram,
    /// Variance of each photo's Laplacian.
    pub sharpness: Histogram,
    /// The share of the pixels in each of 32 bins, for red, green and blue.
    pub colors: [Vec<f64>; 3],
    /// The part of the photo that each box covers.
    pub box_areas: Histogram,
    /// How many boxes cover each cell of a grid laid over the photo, row by row.
    pub box_places: Vec<Vec<u64>>,
    /// How many boxes there are.
    pub boxes: usize,
}

/// Classes as points of a plane: near each other where their photos are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassMap {
    /// Each class and its place.
    pub classes: Vec<(String, [f64; 2])>,
    /// The share of the variance between classes that the plane shows, 0 to 1.
    pub shown: f64,
}

impl ClassMap {
    /// Adds the map to a page.
    fn show(&self, page: &mut Page, language: Language, opens: &str) {
        let title = ReportMessage::ExploreMap.text(language);
        page.heading(&title);
        let share = &words::number(language, self.shown * 100.0, 0);
        page.paragraph(&ReportMessage::ExploreMapIntroduction { share }.text(language));
        let points: Vec<(String, [f64; 2])> = self
            .classes
            .iter()
            .map(|(class, place)| (shown_class(class).to_owned(), *place))
            .collect();
        page.chart(&Chart::points(&title, &points), opens);
    }
}

/// A data set, looked at.
pub struct Explored {
    /// The numbers.
    pub numbers: Numbers,
    /// For each class the mean of its photos, [`MEAN_SIDE`] a side, 3 bytes a pixel.
    mean_images: Vec<Vec<u8>>,
    /// The photos looked at, as indices into [`Manifest::all_entries`].
    places: Vec<usize>,
}

/// Looks at the photos of a data set; at test photos only `with_test`.
pub fn explore(
    manifest: &Manifest,
    with_test: bool,
    threads: usize,
    progress: Progress<'_>,
) -> Explored {
    let entries = manifest.all_entries();
    let places: Vec<usize> = (0..entries.len())
        .filter(|&index| with_test || entries[index].part != crate::Part::Test)
        .collect();
    let classes = manifest.classes().len();
    // Whole numbers, so that the order of threads changes nothing.
    let sums = std::sync::Mutex::new(vec![[0u64; MEAN_SIDE * MEAN_SIDE * 3]; classes]);
    let measured = parallel::map(threads, places.len(), progress, |index| {
        let entry = &entries[places[index]];
        let (photo, _) = manifest.photo(entry).ok()?;
        let plane = Plane::of_rgb(photo.width(), photo.height(), photo.rgb());
        let small = reduced(
            photo.rgb(),
            (photo.width(), photo.height()),
            (MEAN_SIDE, MEAN_SIDE),
        );
        let mut sums = sums
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for (sum, value) in sums[entry.class].iter_mut().zip(small) {
            *sum += u64::from(value);
        }
        Some(Measures::of(&photo, &plane))
    });
    let sums = sums
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut readable = vec![0u64; classes];
    for (index, measures) in places.iter().zip(&measured) {
        readable[entries[*index].class] += u64::from(measures.is_some());
    }
    let mean_images = sums
        .iter()
        .zip(&readable)
        .map(|(sum, &count)| {
            sum.iter()
                .map(|&value| (value / count.max(1)) as u8)
                .collect()
        })
        .collect();
    Explored {
        numbers: numbers(manifest, &places, &measured),
        mean_images,
        places,
    }
}

fn numbers(manifest: &Manifest, places: &[usize], measured: &[Option<Measures>]) -> Numbers {
    let entries = manifest.all_entries();
    let looked = || places.iter().map(|&index| &entries[index]);
    let size = |entry: &Entry| entry.original.unwrap_or((entry.width, entry.height));
    let known = || measured.iter().flatten();
    let count = known().count().max(1) as f64;
    let mut classes: BTreeMap<usize, (usize, f64, f64)> = BTreeMap::new();
    for (entry, measures) in looked().zip(measured) {
        let own = classes.entry(entry.class).or_default();
        if let Some(measures) = measures {
            own.0 += 1;
            own.1 += f64::from(measures.brightness);
            own.2 += f64::from(measures.contrast);
        }
    }
    let per_channel = |value: &dyn Fn(&Measures, usize) -> f64| {
        [0, 1, 2].map(|channel| {
            known()
                .map(|measures| value(measures, channel))
                .sum::<f64>()
                / count
        })
    };
    let channel_means = per_channel(&|measures, channel| measures.mean[channel]);
    let squares = per_channel(&|measures, channel| measures.mean_square[channel]);
    let longest = looked()
        .map(|entry| size(entry).0.max(size(entry).1))
        .max()
        .unwrap_or(1);
    // Nearly all photos lie in this range; the few giants are in the last bin.
    let to = f64::from(longest.min(1024));
    let relative = || {
        looked().flat_map(|entry| {
            let (width, height) = (entry.width as f32, entry.height as f32);
            entry.boxes.iter().map(move |&[left, top, right, bottom]| {
                [left / width, top / height, right / width, bottom / height]
            })
        })
    };
    let mut box_places = vec![vec![0u64; MAP_CELLS]; MAP_CELLS];
    for [left, top, right, bottom] in relative() {
        for (row, cells) in box_places.iter_mut().enumerate() {
            let y = (row as f32 + 0.5) / MAP_CELLS as f32;
            for (column, cell) in cells.iter_mut().enumerate() {
                let x = (column as f32 + 0.5) / MAP_CELLS as f32;
                *cell += u64::from((left..right).contains(&x) && (top..bottom).contains(&y));
            }
        }
    }
    Numbers {
        photos: places.len(),
        unreadable: measured
            .iter()
            .filter(|measures| measures.is_none())
            .count(),
        classes: classes
            .into_iter()
            .map(|(class, (photos, brightness, contrast))| ClassNumbers {
                class: manifest.classes()[class].folder.clone(),
                photos,
                brightness: brightness / photos.max(1) as f64,
                contrast: contrast / photos.max(1) as f64,
            })
            .collect(),
        channel_means,
        channel_deviations: [0, 1, 2].map(|channel| {
            let mean: f64 = channel_means[channel];
            (squares[channel] - mean * mean).max(0.0).sqrt()
        }),
        widths: Histogram::of(looked().map(|entry| f64::from(size(entry).0)), 0.0, to, 64),
        heights: Histogram::of(looked().map(|entry| f64::from(size(entry).1)), 0.0, to, 64),
        aspects: Histogram::of(
            looked().map(|entry| f64::from(size(entry).0) / f64::from(size(entry).1)),
            0.0,
            3.0,
            60,
        ),
        brightness: Histogram::of(known().map(|m| f64::from(m.brightness)), 0.0, 256.0, 64),
        contrast: Histogram::of(known().map(|m| f64::from(m.contrast)), 0.0, 128.0, 64),
        sharpness: Histogram::of(known().map(|m| f64::from(m.sharpness)), 0.0, 8000.0, 80),
        colors: [0, 1, 2].map(|channel| {
            (0..BINS)
                .map(|bin| {
                    let sum: f64 = known().map(|m| f64::from(m.histogram[channel][bin])).sum();
                    sum / count
                })
                .collect()
        }),
        box_areas: Histogram::of(
            relative().map(|[left, top, right, bottom]| f64::from((right - left) * (bottom - top))),
            0.0,
            1.0,
            50,
        ),
        boxes: relative().count(),
        box_places,
    }
}

impl Explored {
    /// Where each class lies by the mean features of its photos that were looked at, and the share
    /// of the classes' variance that the two axes show.
    pub fn map(&self, manifest: &Manifest, features: &Features) -> ClassMap {
        let entries = manifest.all_entries();
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &place in &self.places {
            members.entry(entries[place].class).or_default().push(place);
        }
        let (names, means): (Vec<String>, Vec<Vec<f64>>) = members
            .into_iter()
            .filter_map(|(class, own)| {
                let name = manifest.classes()[class].folder.clone();
                Some((name, features.mean(own.into_iter())?))
            })
            .unzip();
        let (places, shown) = plane_of(&means);
        ClassMap {
            classes: names.into_iter().zip(places).collect(),
            shown,
        }
    }

    /// The page. `seed` decides which samples are shown.
    pub fn page(
        &self,
        manifest: &Manifest,
        language: Language,
        map: Option<&ClassMap>,
        seed: u64,
        threads: usize,
    ) -> String {
        let say = |message: ReportMessage<'_>| message.text(language);
        let numbers = &self.numbers;
        let mut page = Page::new(language, &say(ReportMessage::ExploreTitle));
        let photos = words::number(language, numbers.photos as f64, 0);
        let classes = numbers.classes.len().to_string();
        page.paragraph(&say(ReportMessage::ExploreIntroduction {
            photos: &photos,
            classes: &classes,
        }));
        if self.places.len() < manifest.all_entries().len() {
            page.paragraph(&say(ReportMessage::ExploreSealed));
        }
        let opens = say(ReportMessage::ExploreNumbers);
        let photos = say(ReportMessage::ExplorePhotos);
        let pixels = say(ReportMessage::ExplorePixels);

        let per_class = |value: &dyn Fn(&ClassNumbers) -> f64| -> Vec<(String, f64)> {
            numbers
                .classes
                .iter()
                .map(|own| (shown_class(&own.class).to_owned(), value(own)))
                .collect()
        };
        let title = say(ReportMessage::ExplorePerClass);
        page.heading(&title);
        let counts = per_class(&|own| own.photos as f64);
        page.chart(&Chart::bars(&title, &photos, &counts), &opens);

        let lines = |page: &mut Page, title: String, axis: &str, unit: &str, lines: &[Line]| {
            page.heading(&title);
            page.chart(&Chart::histogram(&title, axis, unit, lines), &opens);
        };
        let sides = [
            numbers.widths.line(&say(ReportMessage::ExploreWidth)),
            numbers.heights.line(&say(ReportMessage::ExploreHeight)),
        ];
        lines(
            &mut page,
            say(ReportMessage::ExploreSizes),
            &pixels,
            &photos,
            &sides,
        );
        for (message, histogram) in [
            (ReportMessage::ExploreAspects, &numbers.aspects),
            (ReportMessage::ExploreBrightness, &numbers.brightness),
            (ReportMessage::ExploreContrast, &numbers.contrast),
            (ReportMessage::ExploreSharpness, &numbers.sharpness),
        ] {
            let title = say(message);
            lines(
                &mut page,
                title.clone(),
                &title,
                &photos,
                &[histogram.line(&title)],
            );
        }
        let title = say(ReportMessage::ExploreBrightnessPerClass);
        page.heading(&title);
        let brightness = per_class(&|own| own.brightness);
        page.chart(
            &Chart::bars(&title, &say(ReportMessage::ExploreBrightness), &brightness),
            &opens,
        );

        self.show_colors(&mut page, language, &opens);
        if numbers.boxes > 0 {
            let boxes = say(ReportMessage::ExploreBoxes);
            let title = say(ReportMessage::ExploreBoxAreas);
            lines(
                &mut page,
                title.clone(),
                &title,
                &boxes,
                &[numbers.box_areas.line(&title)],
            );
            let title = say(ReportMessage::ExploreBoxPlaces);
            page.heading(&title);
            let cells: Vec<Vec<f64>> = numbers
                .box_places
                .iter()
                .map(|row| row.iter().map(|&count| count as f64).collect())
                .collect();
            let axes = [
                say(ReportMessage::ExploreWidth),
                say(ReportMessage::ExploreHeight),
            ];
            let axes = [axes[0].as_str(), axes[1].as_str()];
            page.chart(&Chart::map(&title, axes, &boxes, &cells), &opens);
        }
        if let Some(map) = map {
            map.show(&mut page, language, &opens);
        }
        page.heading(&say(ReportMessage::ExploreSamples));
        page.grid(&self.samples(manifest, language, seed, threads));
        page.finish()
    }

    /// Adds how the photos' colours are spread, and what to normalise them by.
    fn show_colors(&self, page: &mut Page, language: Language, opens: &str) {
        let say = |message: ReportMessage<'_>| message.text(language);
        let numbers = &self.numbers;
        let pixels = say(ReportMessage::ExplorePixels);
        let names = [
            ReportMessage::ExploreRed,
            ReportMessage::ExploreGreen,
            ReportMessage::ExploreBlue,
        ]
        .map(say);
        let colors: Vec<Line> = names
            .iter()
            .zip(&numbers.colors)
            .map(|(name, shares)| Line {
                name: name.clone(),
                points: (0..BINS)
                    .map(|bin| ((bin as f64 + 0.5) * 256.0 / BINS as f64, shares[bin]))
                    .collect(),
            })
            .collect();
        let (title, level) = (
            say(ReportMessage::ExploreColors),
            say(ReportMessage::ExploreLevel),
        );
        page.heading(&title);
        let chart = Chart::histogram(&title, &level, &pixels, &colors);
        // Each channel in its own colour.
        let chart = chart.painted(&[Hue::Red, Hue::Green, Hue::Blue]);
        page.chart(&chart, opens);
        let mut table = Table::new([
            say(ReportMessage::ExploreChannel),
            say(ReportMessage::ExploreMean),
            say(ReportMessage::ExploreDeviation),
        ]);
        for (channel, name) in names.into_iter().enumerate() {
            let digits = |value: f64| words::number(language, value, 4);
            table.row([
                name,
                digits(numbers.channel_means[channel]),
                digits(numbers.channel_deviations[channel]),
            ]);
        }
        page.table(&say(ReportMessage::ExploreChannels), &table);
    }

    /// For each class its mean image and some of its photos.
    fn samples(
        &self,
        manifest: &Manifest,
        language: Language,
        seed: u64,
        threads: usize,
    ) -> Vec<(Vec<Picture>, Vec<String>)> {
        let classes = manifest.classes();
        let entries = manifest.all_entries();
        let samples = if classes.len() > MANY_CLASSES {
            1
        } else {
            SAMPLES
        };
        parallel::map(threads, classes.len(), &|_, _| {}, |class| {
            let name = &classes[class].folder;
            let alternative = ReportMessage::ExploreMeanImage { class: name }.text(language);
            let mean = picture(MEAN_SIDE, MEAN_SIDE, &self.mean_images[class], &alternative);
            let own = self
                .places
                .iter()
                .filter(|&&index| entries[index].class == class);
            let mut own: Vec<usize> = own.copied().collect();
            Random::new(seed, 0, class as u64).shuffle(&mut own);
            let mut pictures = vec![mean];
            pictures.extend(
                own.into_iter()
                    .filter_map(|index| thumbnail(manifest, &entries[index], SAMPLE_SIDE, true))
                    .take(samples),
            );
            (pictures, vec![name.clone()])
        })
    }
}

//! The preview sheet: some photos beside what an augmentation makes of them, epoch by epoch.
use graph::{Filter, Geometry, InputSpec, Scaling, View};
use report::{Page, Picture};
use tensor::Random;
use vision::augment::Augmentation;
use words::{DataMessage, Language, PreprocessMessage, Say};

use super::{Cache, Loader, LoaderError, LoaderOptions, Preparation};
use crate::Manifest;
use crate::parallel;
use crate::picture::picture as small_picture;

/// Side of the pictures, in pixels.
const SIDE: usize = 160;

/// Pictures on a page: as many of that size, whatever they show, as keep it under 15 MB.
const MOST_PICTURES: usize = 400;

/// What the pictures are stored at: 256 for 224, as is usual for training.
const MARGIN: f32 = 8.0 / 7.0;

/// What a preview shows.
#[derive(Debug)]
pub struct PreviewOptions {
    /// The chain.
    pub augmentation: Augmentation,
    /// How many photos, drawn by the seed from the others than test photos.
    pub photos: usize,
    /// How many epochs of each.
    pub epochs: u32,
    /// What decides everything.
    pub seed: u64,
    /// Threads for decoding.
    pub threads: usize,
}

/// The preview as one HTML page: what a training would see of these photos.
///
/// # Errors
/// `Nothing` where no photo is open; what is wrong with one that was drawn.
pub fn preview(
    manifest: &Manifest,
    options: PreviewOptions,
    language: Language,
) -> Result<String, LoaderError> {
    let mut entries: Vec<_> = manifest.open_entries().collect();
    Random::new(options.seed, 0, 0).shuffle(&mut entries);
    let most = MOST_PICTURES / (options.epochs as usize + 1);
    let left_out = options
        .photos
        .min(entries.len())
        .saturating_sub(most.max(1));
    entries.truncate(options.photos.min(most.max(1)));
    if entries.is_empty() {
        return Err(LoaderError::Nothing);
    }
    let preparation = Preparation {
        input: InputSpec {
            height: SIDE,
            width: SIDE,
            filter: Filter::Bilinear,
            // Values stay bytes, to be shown.
            scaling: Scaling::uniform(0.0, 1.0),
            views: vec![View {
                geometry: Geometry::CenterCrop { fraction: 1.0 },
                mirrored: false,
            }],
            preprocessing: String::new(),
        },
        margin: MARGIN,
    };
    let made = parallel::map(options.threads, entries.len(), &|_, _| {}, |index| {
        super::cache::stored(manifest, entries[index], &preparation)
    });
    let pixels: Vec<Vec<u8>> = made.into_iter().collect::<Result<_, _>>()?;
    let classes = entries.iter().map(|entry| entry.class).collect();
    let class_count = manifest.classes().len();
    let cache = Cache::in_memory(&preparation, pixels.concat(), classes, class_count);
    let text = options.augmentation.text().to_owned();
    let loader = Loader::new(
        cache,
        LoaderOptions {
            batch: entries.len(),
            threads: 1,
            ahead: 1,
            seed: options.seed,
            augmentation: options.augmentation,
            whole_batches: false,
        },
    );

    let say = |message: &dyn Say| message.say(language).text;
    let mut cells: Vec<Vec<(Vec<Picture>, Vec<String>)>> = vec![Vec::new(); entries.len()];
    let name = |class: usize| manifest.classes()[class].folder.as_str();
    let passes = (0..=options.epochs).map(|pass| match pass.checked_sub(1) {
        None => (loader.in_order(), say(&DataMessage::PreviewPlain)),
        Some(epoch) => {
            let number = &epoch.to_string();
            (
                loader.epoch(epoch),
                say(&DataMessage::PreviewEpoch { epoch: number }),
            )
        }
    });
    for (pass, caption) in passes {
        for batch in pass {
            let batch = batch?;
            let pictures = batch.values().chunks_exact(SIDE * SIDE * 3);
            let targets = batch.targets().chunks_exact(class_count);
            for ((values, target), place) in pictures.zip(targets).zip(batch.places()) {
                let rgb: Vec<u8> = values.iter().map(|value| value.round() as u8).collect();
                let alternative = format!("{}, {caption}", entries[*place].path);
                let picture = small_picture(SIDE, SIDE, &rgb, &alternative);
                let mut lines = vec![caption.clone()];
                let shares = (0..class_count).filter(|class| target[*class] > 0.0);
                let shares: Vec<String> = shares
                    .map(|class| {
                        if target[class] == 1.0 {
                            return name(class).to_owned();
                        }
                        let percent = words::percent(language, target[class].into());
                        format!("{} {percent}", name(class))
                    })
                    .collect();
                if shares.len() > 1 || cells[*place].is_empty() {
                    lines.push(shares.join(", "));
                }
                cells[*place].push((vec![picture], lines));
            }
        }
    }
    let mut page = Page::new(language, &say(&DataMessage::PreviewTitle));
    let (chain, seed) = (text.as_str(), &options.seed.to_string());
    page.paragraph(&say(&DataMessage::PreviewIntroduction { chain, seed }));
    if left_out > 0 {
        let count = &left_out.to_string();
        page.paragraph(&say(&PreprocessMessage::GalleryLeftOut { count }));
    }
    for (entry, cells) in entries.iter().zip(cells) {
        // The whole path is too long for a heading; the class stands under the plain picture.
        page.heading(entry.path.rsplit('/').next().unwrap_or(&entry.path));
        page.grid(&cells);
    }
    Ok(page.finish())
}

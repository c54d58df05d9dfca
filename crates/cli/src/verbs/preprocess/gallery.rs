//! `museau preprocess gallery`: a page that shows each step before and after, with figures.
use super::pipeline::pipeline;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::{Kind, begin, finish};
use crate::photos::{self, load};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use report::{Chart, Line, Page, Picture, Table};
use std::io::Write;
use std::path::PathBuf;
use tensor::Pool;
use vision::Photo;
use vision::encode::small_jpeg;
use vision::filters::{Pipeline, Ran, Workers};
use words::PreprocessMessage;

/// Options of `museau preprocess gallery`.
#[derive(Debug, Args)]
pub struct GalleryArguments {
    /// The steps: 'clahe(2,8) | bilateral(9,75,75) | resize(224,crop)'
    #[arg(value_name = "PIPELINE")]
    pipeline: String,
    /// Photos, or folders of photos
    #[arg(required = true, value_name = "PHOTO|FOLDER")]
    photos: Vec<PathBuf>,
    /// The page to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Pixels of the longer side of a picture on the page.
const SHOWN: usize = 480;
/// JPEG's quality, of 100: what the steps change must be seen.
const QUALITY: u8 = 88;

/// Pictures on a page: as many of that size as keep it under 15 MB.
const MOST_PICTURES: usize = 160;

/// Makes the page.
pub fn run(context: &Context, arguments: &GalleryArguments) -> Result<()> {
    let pipeline = pipeline(context, &arguments.pipeline)?;
    // Begun with the first photo that can be read: a page of nothing is none.
    let mut file = None;
    let found = photos::find(context, &arguments.photos);
    let most = (MOST_PICTURES / (2 * pipeline.steps().len())).max(1);
    let left_out = found.len().saturating_sub(most);
    let title = context.say(PreprocessMessage::GalleryTitle);
    let mut page = Page::new(context.language, &title);
    let text = pipeline.to_string();
    page.paragraph(&context.say(PreprocessMessage::GalleryIntroduction { pipeline: &text }));
    if left_out > 0 {
        let count = left_out.to_string();
        page.paragraph(&context.say(PreprocessMessage::GalleryLeftOut { count: &count }));
    }
    let pool = Pool::new(context.threads);
    let workers = Workers {
        pool: &pool,
        isa: context.isa,
    };
    let mut missing = false;
    for one in found.into_iter().take(most) {
        match load(context, one) {
            Ok((path, photo)) => {
                if file.is_none() {
                    file = Some(begin(context, &arguments.output, Kind::Page)?);
                }
                // The first run makes tables and wakes threads; its times say little.
                pipeline.run(&photo, None, workers);
                let ran = pipeline.run_timed(&photo, None, workers);
                let name = path.file_name().unwrap_or(path.as_os_str());
                page.heading(&name.to_string_lossy());
                show(context, &mut page, &pipeline, &photo, &ran);
            }
            Err((path, why)) => {
                eprintln!("museau: {}: {}", terminal::shown(&path), why.message);
                missing = true;
            }
        }
    }
    let Some(file) = file else {
        let said = context.say(PreprocessMessage::GalleryNoPhoto);
        return Err(Failure::error(Status::Failed, said));
    };
    finish(context, file, page.finish().as_bytes())?;
    writeln!(terminal::stdout(), "{}", terminal::shown(&arguments.output))?;
    match missing {
        true => Err(Failure::silent(Status::Failed)),
        false => Ok(()),
    }
}

/// One photo through all steps.
fn show(context: &Context, page: &mut Page, pipeline: &Pipeline, photo: &Photo, ran: &[Ran]) {
    let mut table = Table::new([
        context.say(PreprocessMessage::GalleryStep),
        context.say(PreprocessMessage::GalleryTime),
        context.say(PreprocessMessage::GallerySize),
        "PSNR (dB)".to_owned(),
        "SSIM".to_owned(),
    ]);
    let figure = |value: Option<f64>, digits: usize| match value {
        Some(value) if value.is_infinite() => "∞".to_owned(),
        Some(value) => words::number(context.language, value, digits),
        None => "–".to_owned(),
    };
    for (step, ran) in pipeline.steps().iter().zip(ran) {
        table.row([
            step.to_string(),
            words::number(context.language, ran.time.as_secs_f64() * 1e3, 2),
            format!("{} × {}", ran.photo.width(), ran.photo.height()),
            figure(vision::psnr(photo, &ran.photo), 2),
            figure(vision::ssim(photo, &ran.photo), 4),
        ]);
    }
    page.table("", &table);
    let names = [
        context.say(PreprocessMessage::GalleryBefore),
        context.say(PreprocessMessage::GalleryAfter),
    ];
    let mut before = photo;
    for (step, ran) in pipeline.steps().iter().zip(ran) {
        let step = step.to_string();
        page.paragraph(&step);
        let pictures = [before, &ran.photo]
            .into_iter()
            .zip(&names)
            .map(|(photo, name)| picture(photo, &format!("{step}: {name}")))
            .collect::<Vec<_>>();
        let same_size =
            (before.width(), before.height()) == (ran.photo.width(), ran.photo.height());
        match (&pictures[..], same_size) {
            ([one, other], true) => page.comparison(
                [one, other],
                [&names[0], &names[1]],
                &context.say(PreprocessMessage::GallerySlider),
            ),
            // Pictures of two shapes do not lie over each other.
            _ => {
                let cells: Vec<_> = pictures
                    .into_iter()
                    .zip(&names)
                    .map(|(picture, name)| (vec![picture], vec![name.clone()]))
                    .collect();
                page.grid(&cells);
            }
        }
        let lines = [before, &ran.photo]
            .into_iter()
            .zip(&names)
            .map(|(photo, name)| Line {
                name: name.clone(),
                points: histogram(photo),
            })
            .collect::<Vec<_>>();
        let title = context.say(PreprocessMessage::GalleryHistogram { step: &step });
        let (level, share) = (
            context.say(PreprocessMessage::GalleryLevel),
            context.say(PreprocessMessage::GalleryShare),
        );
        let chart = Chart::histogram(&title, &level, &share, &lines);
        page.chart(&chart, &context.say(PreprocessMessage::GalleryNumbers));
        before = &ran.photo;
    }
}

/// The photo as it is shown: whole, at most [`SHOWN`] pixels long.
fn picture(photo: &Photo, alternative: &str) -> Picture {
    let small = vision::shrunk(photo, SHOWN);
    let (width, height) = (small.width(), small.height());
    let jpeg = small_jpeg(width, height, small.rgb(), QUALITY).expect("a small picture");
    Picture::from_jpeg(width, height, jpeg, alternative)
}

/// The share of the pixels, in per cent, in each eight levels of the luma.
fn histogram(photo: &Photo) -> Vec<(f64, f64)> {
    let mut counts = [0_usize; 32];
    let pixels = photo.rgb().as_chunks::<3>().0;
    for &[red, green, blue] in pixels {
        let luma = u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114;
        counts[(luma / 8000) as usize] += 1;
    }
    let share = |count: usize| count as f64 * 100.0 / pixels.len() as f64;
    let place = |bin: usize| bin as f64 * 8.0 + 4.0;
    (0..32)
        .map(|bin| (place(bin), share(counts[bin])))
        .collect()
}

//! `museau preprocess`: the classic steps on files and data sets, and a page that shows what each does.
use crate::classify::{Unread, explain, load};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::photos;
use crate::progress::Shown;
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use data::{AtomicFile, Dataset, Entry, Manifest, Part};
use report::{Chart, Line, Page, Picture, Table};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tensor::Pool;
use vision::Photo;
use vision::filters::{Pipeline, Ran, Region, Workers, registry};
use words::Message;

/// The verbs under `museau preprocess`.
#[derive(Debug, Subcommand)]
pub enum PreprocessVerb {
    /// Run a pipeline on photos and write the results elsewhere
    Run(RunArguments),
    /// Make a page that shows each step before and after, with figures
    Gallery(GalleryArguments),
    /// List the steps with their parameters
    List,
}

/// Options of `museau preprocess run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The steps: 'clahe(2,8) | bilateral(9,75,75) | resize(224,crop)'
    #[arg(value_name = "PIPELINE")]
    pipeline: String,
    /// Photos, folders of photos, or manifests
    #[arg(required = true, value_name = "PHOTO|FOLDER|MANIFEST")]
    sources: Vec<PathBuf>,
    /// The folder to write into; the tree of folders is that of the source. The photos whose class is
    /// known are named in its manifest.csv
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Decisions about photos of manifests, to be honoured
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Take a manifest's photos kept for testing too
    #[arg(long)]
    with_test: bool,
    /// The format of the results
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,
    /// JPEG's quality
    #[arg(long, value_name = "N", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

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

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Without loss
    Png,
    /// Smaller
    Jpeg,
}

/// Runs a verb under `museau preprocess`.
pub fn run(context: &Context, verb: &PreprocessVerb) -> Result<()> {
    match verb {
        PreprocessVerb::Run(arguments) => run_pipeline(context, arguments),
        PreprocessVerb::Gallery(arguments) => gallery(context, arguments),
        PreprocessVerb::List => list(context),
    }
}

/// The pipeline of a text that has steps.
pub fn pipeline(context: &Context, text: &str) -> Result<Pipeline> {
    let wrong = |message: String| Failure::error(Status::Usage, message);
    let pipeline: Pipeline = text
        .parse()
        .map_err(|error| wrong(data::loader::step_message(&error, context.language)))?;
    if pipeline.is_empty() {
        return Err(wrong(context.say(Message::PreprocessNoStep)));
    }
    Ok(pipeline)
}

fn list(context: &Context) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for kind in registry() {
        writeln!(out, "{}", kind.usage())?;
        if let Some(about) = about(kind.name) {
            writeln!(out, "    {}", context.say(about))?;
        }
        for parameter in kind.parameters {
            let (name, range) = (parameter.name, parameter.range);
            let default = parameter.default;
            let default = default.map_or(String::new(), |value| format!(" [{value}]"));
            writeln!(out, "    {name}: {range} {}{default}", parameter.unit)?;
        }
    }
    Ok(())
}

/// What a step does.
fn about(step: &str) -> Option<Message<'static>> {
    Some(match step {
        "resize" => Message::FilterResize,
        "crop" => Message::FilterCrop,
        "gray" => Message::FilterGray,
        "gamma" => Message::FilterGamma,
        "exposure" => Message::FilterExposure,
        "contrast" => Message::FilterContrast,
        "equalise" => Message::FilterEqualise,
        "clahe" => Message::FilterClahe,
        "gaussian" => Message::FilterGaussian,
        "median" => Message::FilterMedian,
        "bilateral" => Message::FilterBilateral,
        "non_local_means" => Message::FilterNonLocalMeans,
        _ => return None,
    })
}

/// One photo to be made.
struct Task<'a> {
    source: Source<'a>,
    /// Relative to the output, without the format's ending.
    place: PathBuf,
    /// What the manifest of the results will say, where a class is known.
    label: Option<Label>,
}

/// What is known of a photo beside its pixels.
#[derive(Clone)]
struct Label {
    class: String,
    part: Part,
    group: String,
}

/// Where a photo comes from.
enum Source<'a> {
    File(PathBuf),
    Entry(&'a Manifest, &'a data::Entry),
}

impl Source<'_> {
    fn file(&self) -> PathBuf {
        match self {
            Source::File(path) => path.clone(),
            Source::Entry(manifest, entry) => manifest.locate(entry),
        }
    }

    /// The photo and its first box; or what is to be said.
    fn read(&self, context: &Context) -> Result<(Photo, Option<Region>), String> {
        match self {
            Source::File(path) => load(context, Ok(path.clone()))
                .map(|(_, photo)| (photo, None))
                .map_err(|(_, why)| why.message),
            Source::Entry(manifest, entry) => {
                let photo = manifest.read(entry).map_err(Unread::File);
                let limits = vision::Limits::default();
                let photo = photo
                    .and_then(|bytes| vision::decode(&bytes, &limits).map_err(Unread::Photo))
                    .map_err(|why| explain(context, &manifest.locate(entry), why).message)?;
                let region = entry
                    .boxes
                    .first()
                    .map(|&[left, top, right, bottom]| Region {
                        left: left.max(0.0) as usize,
                        top: top.max(0.0) as usize,
                        width: (right - left.max(0.0)).max(1.0) as usize,
                        height: (bottom - top.max(0.0)).max(1.0) as usize,
                    });
                Ok((photo, region))
            }
        }
    }
}

fn run_pipeline(context: &Context, arguments: &RunArguments) -> Result<()> {
    let pipeline = pipeline(context, &arguments.pipeline)?;
    let mut manifests = Vec::new();
    for source in &arguments.sources {
        let manifest = source.is_file() && data::is_manifest(source);
        manifests.push(match manifest {
            true => {
                let manifest = Manifest::open(source).map_err(crate::data::unusable(context))?;
                Some(match &arguments.decisions {
                    Some(path) => crate::data::decided(context, &manifest, path)?.0,
                    None => manifest,
                })
            }
            false => None,
        });
    }
    let mut tasks = Vec::new();
    let mut failed = 0;
    for (source, manifest) in arguments.sources.iter().zip(&manifests) {
        if let Some(manifest) = manifest {
            let sealed = |entry: &&Entry| arguments.with_test || entry.part != Part::Test;
            tasks.extend(
                manifest
                    .all_entries()
                    .iter()
                    .filter(sealed)
                    .map(|entry| Task {
                        source: Source::Entry(manifest, entry),
                        place: inside(Path::new(&entry.path)),
                        label: Some(Label {
                            class: manifest.class_name(entry).to_owned(),
                            part: entry.part,
                            group: entry.group.clone(),
                        }),
                    }),
            );
            continue;
        }
        // Several folders stay apart.
        let root = match arguments.sources.len() {
            1 => source.as_path(),
            _ => source.parent().unwrap_or(Path::new("")),
        };
        let labels = labels(source);
        for found in photos::find(context, std::slice::from_ref(source)) {
            match found {
                Ok(path) => tasks.push(Task {
                    place: match source.is_dir() {
                        true => inside(path.strip_prefix(root).unwrap_or(&path)),
                        false => path.file_name().map(PathBuf::from).unwrap_or_default(),
                    },
                    label: path
                        .canonicalize()
                        .ok()
                        .and_then(|path| labels.get(&path).cloned()),
                    source: Source::File(path),
                }),
                Err((_, message)) => {
                    eprintln!("museau: {message}");
                    failed += 1;
                }
            }
        }
    }
    let targets = targets(context, arguments, &tasks)?;
    let before = made_before(context, arguments)?;
    let shown = Shown::of_items(context, "preprocess");
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let written = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let said = Mutex::new(());
    let many = tasks.len() > 1;
    let pool = Pool::new(if many { 1 } else { context.threads });
    let work = || {
        let serial = Pool::serial();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(index) else {
                return;
            };
            let workers = Workers {
                pool: if many { &serial } else { &pool },
                isa: context.isa,
            };
            let made = task.source.read(context).and_then(|(original, region)| {
                let photo = pipeline.run(&original, region, workers);
                let bytes = write(context, arguments, &targets[index], &photo)?;
                let same_size =
                    (original.width(), original.height()) == (photo.width(), photo.height());
                Ok(task.row(&targets[index], &bytes, &photo, same_size))
            });
            match made {
                Ok(row) => {
                    written.fetch_add(1, Ordering::Relaxed);
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    rows.extend(row);
                }
                Err(message) => {
                    let _one_at_a_time = said.lock().unwrap_or_else(PoisonError::into_inner);
                    shown.say(&format!(
                        "museau: {}: {message}",
                        task.source.file().display()
                    ));
                }
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            shown.now(done as u64, tasks.len() as u64);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..context.threads.min(tasks.len()) {
            scope.spawn(work);
        }
        work();
    });
    shown.finish();
    let written = written.into_inner();
    failed += tasks.len() - written;
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    let labelled = rows.len();
    let manifest = save_manifest(context, arguments, &before, rows)?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let summary = serde_json::json!({
            "pipeline": pipeline.to_string(),
            "written": written,
            "failed": failed,
            "manifest": manifest,
            "unlabelled": written - labelled,
        });
        writeln!(out, "{summary}")?;
    } else {
        writeln!(
            out,
            "pipeline\t{pipeline}\nwritten\t{written}\nfailed\t{failed}"
        )?;
        if let Some(manifest) = manifest {
            writeln!(out, "manifest\t{}", manifest.display())?;
        }
        writeln!(out, "unlabelled\t{}", written - labelled)?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::silent(Status::Failed)),
    }
}

/// The photos of a folder whose class and part its folders tell, by their absolute path.
fn labels(folder: &Path) -> HashMap<PathBuf, Label> {
    let Ok(dataset) = Dataset::open(folder) else {
        return HashMap::new();
    };
    let label = |photo: &data::Photo| {
        let label = Label {
            class: dataset.class(photo).folder.clone(),
            part: photo.part,
            group: String::new(),
        };
        let path = dataset.root().join(&photo.path).canonicalize();
        Some((path.ok()?, label))
    };
    dataset.photos().iter().filter_map(label).collect()
}

impl Task<'_> {
    /// The row of the manifest of the results; `None` where no class is known. Boxes stay true only
    /// where the photo keeps its size.
    fn row(
        &self,
        target: &Path,
        bytes: &[u8],
        photo: &Photo,
        same_size: bool,
    ) -> Option<(String, Entry)> {
        let label = self.label.clone()?;
        let (boxes, source) = match &self.source {
            Source::Entry(manifest, entry) => (&entry.boxes[..], manifest.whole_name(entry)),
            Source::File(path) => (&[][..], path.canonicalize().ok()?.display().to_string()),
        };
        let target = target.canonicalize().ok()?;
        let entry = Entry {
            path: target.to_str()?.to_owned(),
            offset: None,
            bytes: bytes.len() as u64,
            hash: blake3::hash(bytes),
            class: 0,
            part: label.part,
            width: photo.width() as u32,
            height: photo.height() as u32,
            original: None,
            boxes: if same_size {
                boxes.to_vec()
            } else {
                Vec::new()
            },
            group: label.group,
            source,
        };
        Some((label.class, entry))
    }
}

/// The manifest of the results, in the folder of the results.
const MANIFEST: &str = "manifest.csv";

/// The rows of the manifest that an earlier run left in the folder, of photos that are still there. A
/// file of that name that is no such manifest is refused.
fn made_before(context: &Context, arguments: &RunArguments) -> Result<Vec<(String, Entry)>> {
    let path = arguments.output.join(MANIFEST);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let foreign = || over_other(context, &[path.display().to_string()]);
    if !data::is_manifest(&path) {
        return Err(foreign());
    }
    let manifest = Manifest::open(&path).map_err(crate::data::unusable(context))?;
    let entries = manifest.all_entries();
    if entries.iter().any(|entry| entry.source.is_empty()) {
        return Err(foreign());
    }
    let there = entries.iter().filter_map(|entry| {
        let place = manifest.locate(entry).canonicalize().ok()?;
        let path = place.to_str()?.to_owned();
        let class = manifest.class_name(entry).to_owned();
        Some((
            class,
            Entry {
                path,
                ..entry.clone()
            },
        ))
    });
    Ok(there.collect())
}

/// Writes the manifest of what was made now and before; says where, if any class is known.
fn save_manifest(
    context: &Context,
    arguments: &RunArguments,
    before: &[(String, Entry)],
    mut rows: Vec<(String, Entry)>,
) -> Result<Option<PathBuf>> {
    let made: HashSet<String> = rows.iter().map(|(_, entry)| entry.path.clone()).collect();
    let others = before
        .iter()
        .filter(|(_, entry)| !made.contains(&entry.path));
    rows.extend(others.cloned());
    if rows.is_empty() {
        return Ok(None);
    }
    let path = arguments.output.join(MANIFEST);
    Manifest::new(PathBuf::new(), rows)
        .save(&path)
        .map_err(crate::data::unusable(context))?;
    Ok(Some(path))
}

fn over_other(context: &Context, paths: &[String]) -> anyhow::Error {
    /// How many are named.
    const MOST_NAMED: usize = 10;
    let mut named = paths[..paths.len().min(MOST_NAMED)].join(", ");
    if paths.len() > MOST_NAMED {
        named.push_str(&format!(", ... ({})", paths.len()));
    }
    let said = context.say(Message::PreprocessOverOther { paths: &named });
    Failure::error(Status::Usage, said)
}

/// Whether a file is there that museau did not make. What it made, it may make again.
fn is_foreign(path: &Path) -> bool {
    /// Within so many bytes a file says who wrote it.
    const HEAD: u64 = 512;
    let mut head = Vec::new();
    match File::open(path) {
        Ok(file) => {
            let read = file.take(HEAD).read_to_end(&mut head);
            read.is_err() || !vision::encode::written_here(&head)
        }
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

/// The path without what would lead out of a folder.
fn inside(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

/// The file of each task, no two the same, none an original and none that museau did not make.
fn targets(
    context: &Context,
    arguments: &RunArguments,
    tasks: &[Task<'_>],
) -> Result<Vec<PathBuf>> {
    let ending = match arguments.format {
        Format::Png => "png",
        Format::Jpeg => "jpg",
    };
    // By their file, whatever path leads to it. Photos of one archive share one.
    let mut originals = HashSet::new();
    for task in tasks {
        originals.extend(task.source.file().canonicalize());
    }
    let mut taken = HashSet::new();
    let mut targets = Vec::with_capacity(tasks.len());
    for task in tasks {
        let mut place = task.place.with_extension(ending);
        let mut count = 1;
        // `a.jpg` and `a.png` of one folder; on some systems `A.jpg` too.
        while !taken.insert(place.to_string_lossy().to_lowercase()) {
            let name = task.place.file_name().unwrap_or_default().to_string_lossy();
            let name = match count {
                1 => format!("{name}.{ending}"),
                _ => format!("{name}-{count}.{ending}"),
            };
            place = task.place.with_file_name(name);
            count += 1;
        }
        let target = arguments.output.join(place);
        let original = target
            .canonicalize()
            .is_ok_and(|file| originals.contains(&file));
        if original {
            let path = target.display().to_string();
            let said = context.say(Message::PreprocessOverOriginal { path: &path });
            return Err(Failure::error(Status::Usage, said));
        }
        targets.push(target);
    }
    if let Some(source) = own_source(arguments, tasks, &targets) {
        let said = context.say(Message::PreprocessIntoSource {
            path: &arguments.output.display().to_string(),
            source: &source.display().to_string(),
        });
        return Err(Failure::error(Status::Usage, said));
    }
    let foreign = targets.iter().filter(|target| is_foreign(target));
    let foreign: Vec<String> = foreign.map(|target| target.display().to_string()).collect();
    if !foreign.is_empty() {
        return Err(over_other(context, &foreign));
    }
    Ok(targets)
}

/// The source that the results would become a part of: a folder that they are written into or below,
/// or a folder of a manifest's photos.
fn own_source(
    arguments: &RunArguments,
    tasks: &[Task<'_>],
    targets: &[PathBuf],
) -> Option<PathBuf> {
    let output = resolved(&arguments.output);
    let folders = arguments.sources.iter().filter(|source| source.is_dir());
    let mut folders = folders.map(|source| resolved(source));
    if let Some(source) = folders.find(|source| output.starts_with(source)) {
        return Some(source);
    }
    let of_manifests = tasks.iter().filter_map(|task| match &task.source {
        Source::Entry(manifest, entry) if entry.offset.is_none() => {
            Some(resolved(manifest.locate(entry).parent()?))
        }
        _ => None,
    });
    let of_manifests: HashSet<PathBuf> = of_manifests.collect();
    let own: HashSet<&Path> = targets
        .iter()
        .filter_map(|target| target.parent())
        .collect();
    let mut own = own.into_iter().map(resolved);
    own.find(|folder| of_manifests.contains(folder))
}

/// A path through no link and no `..`, also of a folder that is not there yet.
fn resolved(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut there = PathBuf::new();
    for step in whole.components() {
        match step {
            // What is above was resolved: a folder that is not there yet will be no link.
            Component::ParentDir => {
                there.pop();
            }
            Component::Normal(_) => {
                there.push(step);
                there = there.canonicalize().unwrap_or(there);
            }
            _ => there.push(step),
        }
    }
    there
}

fn write(
    context: &Context,
    arguments: &RunArguments,
    path: &Path,
    photo: &Photo,
) -> Result<Vec<u8>, String> {
    let shown = path.display().to_string();
    let encoded = match arguments.format {
        Format::Png => vision::encode::png(photo),
        Format::Jpeg => vision::encode::jpeg(photo, arguments.quality),
    };
    let bytes = encoded.map_err(|_| context.say(Message::PreprocessTooLarge { path: &shown }))?;
    AtomicFile::create(path)
        .and_then(|file| file.finish(&bytes))
        .map_err(|error| unwritten(context, path, &error))?;
    Ok(bytes)
}

fn unwritten(context: &Context, path: &Path, error: &std::io::Error) -> String {
    let reason = words::reason(context.language, error);
    let path = path.display().to_string();
    context.say(Message::FileCannotWrite {
        path: &path,
        reason: &reason,
    })
}

/// Pixels of the longer side of a picture on the page.
const SHOWN: usize = 480;
/// Pictures on a page: as many of that size as keep it under 15 MB.
const MOST_PICTURES: usize = 160;

fn gallery(context: &Context, arguments: &GalleryArguments) -> Result<()> {
    let pipeline = pipeline(context, &arguments.pipeline)?;
    let failed = |error: std::io::Error| {
        Failure::error(
            Status::Failed,
            unwritten(context, &arguments.output, &error),
        )
    };
    // Begun with the first photo that can be read: a page of nothing is none.
    let mut file = None;
    let found = photos::find(context, &arguments.photos);
    let most = (MOST_PICTURES / (2 * pipeline.steps().len())).max(1);
    let left_out = found.len().saturating_sub(most);
    let mut page = Page::new(context.language.code(), &context.say(Message::GalleryTitle));
    let text = pipeline.to_string();
    page.paragraph(&context.say(Message::GalleryIntroduction { pipeline: &text }));
    if left_out > 0 {
        let count = left_out.to_string();
        page.paragraph(&context.say(Message::GalleryLeftOut { count: &count }));
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
                    file = Some(AtomicFile::create(&arguments.output).map_err(failed)?);
                }
                // The first run makes tables and wakes threads; its times say little.
                pipeline.run(&photo, None, workers);
                let ran = pipeline.run_timed(&photo, None, workers);
                let name = path.file_name().unwrap_or(path.as_os_str());
                page.heading(&name.to_string_lossy());
                show(context, &mut page, &pipeline, &photo, &ran);
            }
            Err((path, why)) => {
                eprintln!("museau: {}: {}", path.display(), why.message);
                missing = true;
            }
        }
    }
    let Some(file) = file else {
        let said = context.say(Message::GalleryNoPhoto);
        return Err(Failure::error(Status::Failed, said));
    };
    file.finish(page.finish().as_bytes()).map_err(failed)?;
    println!("{}", arguments.output.display());
    match missing {
        true => Err(Failure::silent(Status::Failed)),
        false => Ok(()),
    }
}

/// One photo through all steps.
fn show(context: &Context, page: &mut Page, pipeline: &Pipeline, photo: &Photo, ran: &[Ran]) {
    let mut table = Table::new([
        context.say(Message::GalleryStep),
        context.say(Message::GalleryTime),
        context.say(Message::GallerySize),
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
        context.say(Message::GalleryBefore),
        context.say(Message::GalleryAfter),
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
                &context.say(Message::GallerySlider),
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
        let title = context.say(Message::GalleryHistogram { step: &step });
        let (level, share) = (
            context.say(Message::GalleryLevel),
            context.say(Message::GalleryShare),
        );
        let chart = Chart::lines(&title, &level, &share, &lines);
        page.chart(&chart, &context.say(Message::GalleryNumbers));
        before = &ran.photo;
    }
}

/// The photo as it is shown: whole, at most [`SHOWN`] pixels long.
fn picture(photo: &Photo, alternative: &str) -> Picture {
    let longer = photo.width().max(photo.height());
    let small;
    let photo = if longer > SHOWN {
        let side = |side: usize| (side * SHOWN / longer).max(1);
        let (width, height) = (side(photo.width()), side(photo.height()));
        let shrink = format!("resize({width}x{height},stretch,area)");
        let shrink: Pipeline = shrink.parse().expect("a step with sides above 0");
        small = shrink.run_alone(photo, None);
        &small
    } else {
        photo
    };
    Picture::with_quality(photo.width(), photo.height(), photo.rgb(), alternative, 88)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_told_about() {
        for kind in registry() {
            assert!(about(kind.name).is_some(), "{}", kind.name);
        }
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside(Path::new("../a/./b.jpg")), Path::new("a/b.jpg"));
        assert_eq!(inside(Path::new("/x/y.png")), Path::new("x/y.png"));
    }
}

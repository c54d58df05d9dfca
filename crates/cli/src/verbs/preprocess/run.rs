//! `museau preprocess run`: a pipeline on photos, its results in a tree like that of the source.
use super::pipeline::pipeline;
use crate::context::Context;
use crate::data_set::{decided, unusable};
use crate::failure::{Failure, Status};
use crate::outputs::unwritten;
use crate::photos::{self, Unread, explain, load};
use crate::progress::Shown;
use crate::terminal;
use anyhow::Result;
use clap::{Args, ValueEnum};
use data::files::{AtomicFile, Kind, Refused};
use data::parallel;
use data::{Dataset, Entry, Manifest, Part};
use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tensor::Pool;
use vision::Photo;
use vision::filters::{Region, Workers};
use words::Message;

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
    /// A decisions file to apply to manifests
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Include the test photos of manifests
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

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Without loss
    Png,
    /// Smaller
    Jpeg,
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

/// Runs it.
pub fn run(context: &Context, arguments: &RunArguments) -> Result<()> {
    let pipeline = pipeline(context, &arguments.pipeline)?;
    let mut manifests = Vec::new();
    for source in &arguments.sources {
        let manifest = source.is_file() && data::is_manifest(source);
        manifests.push(match manifest {
            true => {
                let manifest = Manifest::open(source).map_err(unusable(context))?;
                Some(match &arguments.decisions {
                    Some(path) => decided(context, &manifest, path)?.0,
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
    let said = Mutex::new(());
    let many = tasks.len() > 1;
    let pool = Pool::new(if many { 1 } else { context.threads });
    let progress = |done: usize, all: usize| shown.now(done as u64, all as u64);
    let made = parallel::map(context.threads, tasks.len(), &progress, |index| {
        let (task, serial) = (&tasks[index], Pool::serial());
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
        made.inspect_err(|message| {
            let _one_at_a_time = said.lock().unwrap_or_else(PoisonError::into_inner);
            let file = terminal::shown(&task.source.file());
            shown.say(&format!("museau: {file}: {message}"));
        })
        .ok()
    });
    shown.finish();
    let made: Vec<_> = made.into_iter().flatten().collect();
    let written = made.len();
    failed += tasks.len() - written;
    let rows: Vec<_> = made.into_iter().flatten().collect();
    let labelled = rows.len();
    let manifest = save_manifest(context, arguments, &before, rows)?;
    let mut out = terminal::stdout();
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
            writeln!(out, "manifest\t{}", terminal::shown(&manifest))?;
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
    let manifest = Manifest::open(&path).map_err(unusable(context))?;
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
        .map_err(unusable(context))?;
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
    // What museau made, it may make again.
    let is_foreign = |target: &&PathBuf| match Kind::Picture.may_replace(target) {
        Ok(()) => false,
        Err(Refused::System(error)) => error.kind() != ErrorKind::NotADirectory,
        Err(_) => true,
    };
    let foreign = targets.iter().filter(is_foreign);
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
    let written = match AtomicFile::begin(path, Kind::Picture) {
        Ok(file) => file.finish(&bytes),
        Err(Refused::System(error)) => Err(error),
        // It came to stand there since the targets were looked at.
        Err(_) => Err(ErrorKind::AlreadyExists.into()),
    };
    written.map_err(|error| unwritten(context, path, &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside(Path::new("../a/./b.jpg")), Path::new("a/b.jpg"));
        assert_eq!(inside(Path::new("/x/y.png")), Path::new("x/y.png"));
    }
}

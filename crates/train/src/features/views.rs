//! Features of augmented views of photos, for a head that is trained on them: computed once, and kept
//! as they come, so that what was broken off goes on.
use super::kept;
use crate::TrainError;
use crate::make::MakeError;
use blake3::Hasher;
use classify::ClassifyError;
use data::loader::{Preparation, stored};
use data::{Entry, Manifest, Progress, parallel};
use engine::{Kernels, Plan, PlanOptions, Workspace};
use graph::{Graph, InputSpec};
use kernels::Isa;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tensor::{NamedTensors, Pool, Tensor};
use vision::Scaler;
use vision::augment::{Augmentation, Draw, Stored};

/// Whose features of which views.
pub(crate) struct ViewOptions<'a> {
    /// The network; its output is the row of features.
    pub graph: &'a Graph,
    /// Its values, and others.
    pub weights: &'a NamedTensors,
    /// What tells these values from any others.
    pub hash: &'a str,
    /// How a photo becomes its input; the first view's geometry is used.
    pub input: &'a InputSpec,
    /// What is done to each view.
    pub augmentation: &'a Augmentation,
    /// How many times larger than the input the pictures are that it chooses from.
    pub margin: f32,
    /// What decides what is drawn.
    pub seed: u64,
    /// Views of each photo, at least 1.
    pub count: usize,
    /// The instructions of the kernels.
    pub isa: Isa,
    /// Threads; photos run one a thread.
    pub threads: usize,
    /// The folder of files of features; none is kept without one.
    pub folder: Option<&'a Path>,
    /// Set by someone else to end it soon; what was computed is kept.
    pub stop: &'a AtomicBool,
    /// Hears how many photos of all are done.
    pub progress: Progress<'a>,
}

/// Features of some photos of a manifest.
#[derive(Debug)]
pub(crate) struct Views {
    /// For each view a row a photo, one after the other, in the photos' order.
    pub rows: Vec<Vec<f32>>,
    /// Values of a row.
    pub length: usize,
    /// The file that could not be written, and why.
    pub unkept: Option<(PathBuf, io::Error)>,
}

/// Photos of a turn, for each thread: after each it is looked whether to stop.
const AT_A_TIME: usize = 16;

/// New features are kept at least so often: as much work may be lost, and a file that is written anew
/// each time takes a tenth of a second.
const KEPT_EVERY: Duration = Duration::from_secs(30);

/// Features of the photos at `places` (indices into [`Manifest::all_entries`]): those that are kept
/// are read, the others computed. They are rounded as they are kept, so that they are the same whether
/// they were computed or read. `None` where it was stopped.
///
/// # Errors
/// Photos that are gone, changed or cannot be read; a network that gives something else than finite
/// numbers. A folder that cannot be written is no error.
pub(crate) fn of_views(
    manifest: &Manifest,
    places: &[usize],
    options: &ViewOptions<'_>,
) -> Result<Option<Views>, TrainError> {
    let maker = Maker::new(manifest, options)?;
    let length = maker.plan.outputs()[0].shape.elements();
    let mut files: Vec<ViewFile> = (0..options.count)
        .map(|view| ViewFile::open(options, view, length))
        .collect();
    let entries: Vec<&Entry> = places
        .iter()
        .map(|&place| &manifest.all_entries()[place])
        .collect();
    let missing: Vec<&Entry> = entries
        .iter()
        .filter(|entry| files.iter().any(|file| !file.has(entry)))
        .copied()
        .collect();
    let mut unkept = None;
    let mut kept = Instant::now();
    for (turn, some) in missing
        .chunks(AT_A_TIME * options.threads.max(1))
        .enumerate()
    {
        if options.stop.load(Ordering::Relaxed) {
            break;
        }
        let done = entries.len() - missing.len() + turn * AT_A_TIME * options.threads.max(1);
        let progress = |now: usize, _| (options.progress)(done + now, entries.len());
        let made = parallel::map(options.threads, some.len(), &progress, |index| {
            maker.views(some[index])
        });
        for (entry, rows) in some.iter().zip(made) {
            for (file, row) in files.iter_mut().zip(rows?) {
                file.put(entry, row);
            }
        }
        if kept.elapsed() >= KEPT_EVERY {
            unkept = unkept.or(keep(&mut files, length));
            kept = Instant::now();
        }
    }
    unkept = unkept.or(keep(&mut files, length));
    if files
        .iter()
        .any(|file| entries.iter().any(|entry| !file.has(entry)))
    {
        return Ok(None);
    }
    let rows = files.iter().map(|file| {
        let rows = entries.iter().flat_map(|entry| file.row(entry));
        rows.copied().collect()
    });
    Ok(Some(Views {
        rows: rows.collect(),
        length,
        unkept,
    }))
}

/// Writes the files that have something new; the first that could not be written.
fn keep(files: &mut [ViewFile], length: usize) -> Option<(PathBuf, io::Error)> {
    let mut unkept = None;
    for file in files {
        if let (Some(path), true) = (&file.path, file.is_new)
            && let Err(error) = kept::write(path, &file.name, &file.rows, length)
        {
            unkept = unkept.or(Some((path.clone(), error)));
        }
        file.is_new = false;
    }
    unkept
}

/// The features of one view of each photo, by the photos' hashes.
struct ViewFile {
    /// A hash of all that they depend on but the photos.
    name: String,
    /// Where they are kept.
    path: Option<PathBuf>,
    rows: BTreeMap<String, Vec<f32>>,
    is_new: bool,
}

impl ViewFile {
    fn open(options: &ViewOptions<'_>, view: usize, length: usize) -> Self {
        let name = name(options, view);
        let path = options
            .folder
            .map(|folder| folder.join(format!("{name}.safetensors")));
        let read = path
            .as_deref()
            .and_then(|path| kept::read(path, &name, length));
        let rows: HashMap<String, Vec<f32>> = read.unwrap_or_default();
        if let (Some(path), false) = (&path, rows.is_empty()) {
            data::files::touch(path);
        }
        ViewFile {
            name,
            path,
            rows: rows.into_iter().collect(),
            is_new: false,
        }
    }

    fn has(&self, entry: &Entry) -> bool {
        self.rows.contains_key(entry.hash.to_hex().as_str())
    }

    fn row(&self, entry: &Entry) -> &[f32] {
        &self.rows[entry.hash.to_hex().as_str()]
    }

    fn put(&mut self, entry: &Entry, row: Vec<f32>) {
        let tensor = Tensor::from_slice([row.len()], &row).expect("as many values as there are");
        let row = kept::precision(&row).stored(tensor).values().into_owned();
        self.rows
            .entry(entry.hash.to_hex().to_string())
            .or_insert_with(|| {
                self.is_new = true;
                row
            });
    }
}

/// What features of a view are named after: all that they depend on but the photo.
fn name(options: &ViewOptions<'_>, view: usize) -> String {
    let mut hasher = Hasher::new();
    let input = InputSpec {
        views: options.input.views.iter().take(1).copied().collect(),
        ..options.input.clone()
    };
    let augmentation = options.augmentation.text();
    // What draws nothing depends on no seed.
    let drawn = match augmentation.is_empty() {
        true => String::new(),
        false => format!("{} {view} {augmentation}", options.seed),
    };
    let described = format!(
        "museau {} {}\n{}\n{input:?}\n{}\n{drawn}\n",
        env!("CARGO_PKG_VERSION"),
        options.hash,
        options.graph.to_json(),
        options.margin,
    );
    hasher.update(described.as_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Makes features of photos, on several threads at once.
struct Maker<'a> {
    manifest: &'a Manifest,
    options: &'a ViewOptions<'a>,
    preparation: Preparation,
    scaler: Scaler,
    plan: Plan,
    /// Memory that no thread uses now.
    workspaces: Mutex<Vec<Workspace>>,
}

impl<'a> Maker<'a> {
    fn new(manifest: &'a Manifest, options: &'a ViewOptions<'a>) -> Result<Self, TrainError> {
        Ok(Maker {
            manifest,
            options,
            preparation: Preparation {
                input: options.input.clone(),
                margin: options.margin,
            },
            scaler: Scaler::new(&options.input.scaling),
            plan: Plan::for_inference(options.graph, options.weights, &plan_options(options.isa))?,
            workspaces: Mutex::new(Vec::new()),
        })
    }

    /// The features of each view of a photo.
    fn views(&self, entry: &Entry) -> Result<Vec<Vec<f32>>, TrainError> {
        let free = || {
            self.workspaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let ViewOptions {
            input,
            augmentation,
            seed,
            count,
            ..
        } = *self.options;
        let pixels = stored(self.manifest, entry, &self.preparation)?;
        let (width, height) = self.preparation.stored_size();
        let stored = Stored {
            width,
            height,
            rgb: &pixels,
        };
        let mut rgb = vec![0; input.height * input.width * 3];
        let mut values = vec![0.0; rgb.len()];
        let taken = free().pop();
        let mut workspace = taken.unwrap_or_else(|| self.plan.workspace());
        let mut rows = Vec::with_capacity(count);
        for view in 0..count {
            // By the photo and not by its place: with more photos each has the views that it had.
            let draw = Draw {
                seed,
                epoch: view as u32,
                index: index(entry),
            };
            augmentation.apply(stored, draw, input.width, &mut rgb);
            self.scaler.run(&rgb, &mut values);
            let mut row = vec![0.0; self.plan.outputs()[0].shape.elements()];
            let outputs = &mut [&mut row[..]];
            self.plan
                .run(&Pool::serial(), &mut workspace, &values, outputs)?;
            if !row.iter().all(|value| value.is_finite()) {
                return Err(MakeError::from(ClassifyError::NotFinite).into());
            }
            rows.push(row);
        }
        free().push(workspace);
        Ok(rows)
    }
}

/// How the network is planned: an image at a time, on one thread.
pub(crate) fn plan_options(isa: Isa) -> PlanOptions {
    PlanOptions {
        kernels: Kernels::Fast(isa),
        ..PlanOptions::default()
    }
}

/// The number of a photo's random draws: the beginning of its hash, below 2^56.
fn index(entry: &Entry) -> u64 {
    let bytes = entry.hash.as_bytes();
    let first: [u8; 8] = std::array::from_fn(|place| if place < 7 { bytes[place] } else { 0 });
    u64::from_le_bytes(first)
}

//! Every storage, for the tests that all of them pass.
use study::{Options, Storage};

/// A storage without a run.
pub struct Place {
    /// It.
    pub storage: Storage,
    /// Opens it to look at, as another process would.
    pub look: Box<dyn Fn() -> Storage>,
    _folder: Option<tempfile::TempDir>,
}

/// Makes a storage, with these waiting times.
type Make = fn(Options) -> Place;

/// Every storage there is.
pub const STORAGES: [(&str, Make); 2] = [("sqlite", sqlite), ("memory", memory)];

fn sqlite(options: Options) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home/runs.sqlite");
    Place {
        storage: Storage::open_with(&path, options).unwrap(),
        look: Box::new(move || Storage::open_read_only_with(&path, options).unwrap()),
        _folder: Some(folder),
    }
}

fn memory(options: Options) -> Place {
    let storage = Storage::in_memory_with(options);
    let shared = storage.clone();
    Place {
        storage,
        look: Box::new(move || shared.clone()),
        _folder: None,
    }
}

/// Tries each of them.
pub fn each(options: Options, test: impl Fn(&Place)) {
    for (name, place) in STORAGES {
        // Shown where the test fails.
        println!("{name}");
        test(&place(options));
    }
}

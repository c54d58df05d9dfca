//! Every storage, for the tests that all of them pass.
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
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
type Make = fn(Options) -> Option<Place>;

/// Every storage there is.
pub const STORAGES: [(&str, Make); 3] = [
    ("sqlite", sqlite),
    ("memory", memory),
    ("postgres", postgres),
];

fn sqlite(options: Options) -> Option<Place> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home/runs.sqlite");
    Some(Place {
        storage: Storage::open_with(&path, options).unwrap(),
        look: Box::new(move || Storage::open_read_only_with(&path, options).unwrap()),
        _folder: Some(folder),
    })
}

fn memory(options: Options) -> Option<Place> {
    let storage = Storage::in_memory_with(options);
    let shared = storage.clone();
    Some(Place {
        storage,
        look: Box::new(move || shared.clone()),
        _folder: None,
    })
}

/// A schema of its own in the database that `MUSEAU_POSTGRES` names by its URL.
fn postgres(options: Options) -> Option<Place> {
    let Ok(url) = std::env::var("MUSEAU_POSTGRES") else {
        println!("left out: MUSEAU_POSTGRES names no database");
        return None;
    };
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let schema = format!("museau_{}_{number}", std::process::id());
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client
        .batch_execute(&format!("CREATE SCHEMA {schema}"))
        .unwrap();
    let joined = if url.contains('?') { '&' } else { '?' };
    let place = format!("{url}{joined}options=-c%20search_path%3D{schema}");
    let place = PathBuf::from(place);
    Some(Place {
        storage: Storage::open_with(&place, options).unwrap(),
        look: Box::new(move || Storage::open_read_only_with(&place, options).unwrap()),
        _folder: None,
    })
}

/// Schemas that this process made.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Tries each of them.
pub fn each(options: Options, test: impl Fn(&Place)) {
    for (name, place) in STORAGES {
        // Shown where the test fails.
        println!("{name}");
        if let Some(place) = place(options) {
            test(&place);
        }
    }
}

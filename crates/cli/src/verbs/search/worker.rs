//! Who works on a study: a process of this machine holds a lock for as long as it lives, so that another
//! one knows at once when it has died, however it did.
use crate::context::Context;
use crate::data_set::failed;
use crate::model;
use anyhow::Result;
use data::files::Lock;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A worker: this process.
pub struct Worker {
    lock: Option<Lock>,
    path: PathBuf,
}

impl Worker {
    /// Begins to work.
    pub fn new(context: &Context) -> Result<Self> {
        let home = model::home().unwrap_or_else(|| std::env::temp_dir().join("museau"));
        let folder = home.join("workers");
        let mut number = 0;
        loop {
            let path = folder.join(format!("{}-{number}.lock", std::process::id()));
            let taken = Lock::take(&path).map_err(|source| {
                let path = path.clone();
                failed(context)(data::Error::Write { path, source })
            })?;
            match taken {
                Some(lock) => {
                    let lock = Some(lock);
                    return Ok(Worker { lock, path });
                }
                // A process of another container may have the same number.
                None => number += 1,
            }
        }
    }

    /// What it says of itself.
    pub fn says(&self) -> Value {
        json!({
            "host": host(),
            "lock": self.path.display().to_string(),
            "museau": env!("CARGO_PKG_VERSION"),
        })
    }

    /// Whether a worker that said this of itself has surely died: it was of this machine, and nobody holds
    /// its lock.
    pub fn is_dead(says: &Value) -> bool {
        let lock = says.get("lock").and_then(Value::as_str);
        let here = says.get("host").and_then(Value::as_str) == Some(&*host());
        here && lock.is_some_and(|lock| Lock::is_held(Path::new(lock)) == Some(false))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

//! Keeps a folder of files that can be made again below a size: those unused for longest go.

use std::path::Path;
use std::time::SystemTime;

/// Removes files beside `kept` that end as it does and that `is_own` knows as museau's, those changed
/// longest ago first, until all of them and `kept` hold at most `most_bytes`; `kept` itself stays
/// whatever its size. What cannot be removed (another process has it open, on some systems) stays too.
pub fn evict_oldest(kept: &Path, most_bytes: u64, is_own: &dyn Fn(&Path) -> bool) {
    let Some(folder) = kept.parent() else {
        return;
    };
    let mut all = kept.metadata().map_or(0, |found| found.len());
    let mut others = Vec::new();
    for file in folder.read_dir().into_iter().flatten().flatten() {
        let path = file.path();
        let Ok(found) = file.metadata() else {
            continue;
        };
        let alike = path.extension() == kept.extension() && path != kept;
        if found.is_file() && alike && is_own(&path) {
            let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            all = all.saturating_add(found.len());
            others.push((changed, path, found.len()));
        }
    }
    others.sort();
    for (_, path, bytes) in others {
        if all <= most_bytes {
            break;
        }
        if super::remove(&path).is_ok() {
            all -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in [
            "d.photos",
            "c.photos",
            "b.photos",
            "a.photos",
            "old.txt",
            "mine.photos",
        ]
        .iter()
        .enumerate()
        {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            file.set_len(100).unwrap();
            let days = Duration::from_secs(86_400 * age as u64);
            file.set_modified(SystemTime::now() - days).unwrap();
        }
        let left = || {
            let names = folder.path().read_dir().unwrap().flatten();
            let mut names: Vec<_> = names
                .map(|file| file.file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let own = |path: &Path| !path.ends_with("mine.photos");
        evict_oldest(&folder.path().join("d.photos"), 400, &own);
        assert_eq!(left().len(), 6);
        evict_oldest(&folder.path().join("a.photos"), 250, &own);
        assert_eq!(left(), ["a.photos", "d.photos", "mine.photos", "old.txt"]);
        evict_oldest(&folder.path().join("a.photos"), 10, &own);
        assert_eq!(left(), ["a.photos", "mine.photos", "old.txt"]);
    }
}

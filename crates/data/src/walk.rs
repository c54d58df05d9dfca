//! Walks a folder: the photos and folders in it by name, without what systems leave in folders.

use std::io;
use std::path::{Path, PathBuf};

/// How deep a walk goes below the folder that it began in.
const MOST_DEPTH: usize = 32;

/// What systems and programs leave in people's folders, in lower case: thumbnails, bins, snapshots,
/// checkpoints. Hidden ones (`.Trash-1000`, `.AppleDouble`, `.stfolder`) need no name here.
const SYSTEM_NAMES: [&str; 33] = [
    // Synology, QNAP, Buffalo, NetApp and others.
    "@database",
    "@download",
    "@eadir",
    "@recycle",
    "@recently-snapshot",
    "@sharebin",
    "@sharesnap",
    "@tmp",
    "#recycle",
    "#snapshot",
    "~snapshot",
    "network recycle bin",
    "trashbox",
    // Windows.
    "$recycle.bin",
    "recycle.bin",
    "recycler",
    "recycled",
    "system volume information",
    "thumbs",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    // macOS and iTunes.
    "__macosx",
    "ipod photo cache",
    "network trash folder",
    "temporary items",
    "thevolumesettingsfolder",
    // Linux, Android, Python.
    "lost+found",
    "lost.dir",
    "__pycache__",
    // GoodSync, Lightroom, FrontPage.
    "_gsdata_",
    "lightroom previews.lrdata",
    "_vti_cnf",
];

/// What names begin with that only systems give: hidden ones, and families of Synology, QNAP and
/// Windows (`@SynoResource`, `@__thumb`, `$Windows.~BT`).
const SYSTEM_BEGINNINGS: [&str; 6] = [".", "@syno", "@__", "@app", "$windows.", "~syncthing~"];

/// Whether a file or folder of this name is hidden, or was left there by a system: never a class,
/// never a photo. Whatever the case and the spaces around it, which some systems drop and others keep.
pub fn is_system_name(name: &str) -> bool {
    let plain = name.trim().to_lowercase();
    // What a disk's check saved: `FOUND.000`.
    let is_found = |name: &str| {
        let number = name.strip_prefix("found.").unwrap_or_default();
        number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    SYSTEM_NAMES.contains(&plain.as_str())
        || SYSTEM_BEGINNINGS.iter().any(|known| plain.starts_with(known))
        || is_found(&plain)
        // A folder's own picture on macOS: its name ends with a control character.
        || name == "Icon\r"
}

/// Which links a walk follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Those that stay within the folder.
    Inside,
    /// Those to files, wherever they lie.
    ToFiles,
}

/// One thing that a walk met.
#[derive(Debug)]
pub struct Met {
    /// The names on the way to it, from the folder that the walk began in. One that is no Unicode
    /// stands there with replacement characters.
    pub names: Vec<String>,
    /// Where it lies: the folder that the walk began in, then the names.
    pub path: PathBuf,
    /// What it is.
    pub what: What,
}

/// What a walk met.
#[derive(Debug)]
pub enum What {
    /// A regular file whose name ends as a photo's does.
    Photo,
    /// A folder, which the walk goes into.
    Folder,
    /// Something that looks like a photo or a folder and is not used, and why.
    Aside(Aside),
}

/// Why something is not used.
#[derive(Debug)]
pub enum Aside {
    /// A pipe, a socket or a device.
    NotAFile,
    /// A link that leads out of the folder, or nowhere.
    Link,
    /// A link to a folder that it lies in.
    Loop,
    /// Its name is no Unicode, so that no table can name it.
    NotUnicode,
    /// A folder deeper than a walk goes.
    TooDeep,
    /// A folder that cannot be read.
    Unreadable(io::Error),
}

/// Everything in a folder and the folders in it, each folder before what is in it, by name. Other
/// files than photos are passed over, and so is what [`is_system_name`].
pub fn walk(folder: &Path, links: Links) -> Vec<Met> {
    let mut walk = Walk {
        links,
        root: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
        met: Vec::new(),
        within: Vec::new(),
    };
    walk.enter(folder, &mut Vec::new());
    walk.met
}

struct Walk {
    links: Links,
    /// The folder that the walk began in, links resolved.
    root: PathBuf,
    met: Vec<Met>,
    /// The folders that the walk is in, links resolved.
    within: Vec<PathBuf>,
}

impl Walk {
    fn enter(&mut self, folder: &Path, names: &mut Vec<String>) {
        let note = |met: &mut Vec<Met>, what| {
            met.push(Met {
                names: names.clone(),
                path: folder.to_owned(),
                what,
            });
        };
        let entries = folder.canonicalize().and_then(|here| {
            let entries = folder.read_dir()?.collect::<io::Result<Vec<_>>>()?;
            Ok((here, entries))
        });
        let (here, mut entries) = match entries {
            Ok(found) => found,
            Err(error) => return note(&mut self.met, What::Aside(Aside::Unreadable(error))),
        };
        if names.len() > MOST_DEPTH {
            return note(&mut self.met, What::Aside(Aside::TooDeep));
        }
        if self.within.contains(&here) {
            return note(&mut self.met, What::Aside(Aside::Loop));
        }
        if !names.is_empty() {
            note(&mut self.met, What::Folder);
        }
        self.within.push(here);
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_system_name(&name) {
                continue;
            }
            let path = entry.path();
            names.push(name);
            match self.look(&entry, &path) {
                Ok(None) => {}
                Ok(Some(What::Folder)) => self.enter(&path, names),
                Ok(Some(what)) => self.met.push(Met {
                    names: names.clone(),
                    path,
                    what,
                }),
                Err(error) => self.met.push(Met {
                    names: names.clone(),
                    path,
                    what: What::Aside(Aside::Unreadable(error)),
                }),
            }
            names.pop();
        }
        self.within.pop();
    }

    /// What an entry of a folder is; nothing where it is passed over.
    fn look(&self, entry: &std::fs::DirEntry, path: &Path) -> io::Result<Option<What>> {
        let mut kind = entry.file_type()?;
        let inside = self.links == Links::Inside;
        let photo = vision::has_photo_ending(path);
        if kind.is_symlink() {
            let link = Some(What::Aside(Aside::Link)).filter(|_| inside);
            let Ok(real) = path.canonicalize() else {
                return Ok(link);
            };
            kind = real.metadata()?.file_type();
            let followed = match self.links {
                Links::Inside => real.starts_with(&self.root),
                Links::ToFiles => !kind.is_dir(),
            };
            if !followed {
                return Ok(link.filter(|_| kind.is_dir() || photo));
            }
        }
        if !(kind.is_dir() || photo) {
            return Ok(None);
        }
        Ok(Some(if inside && entry.file_name().to_str().is_none() {
            What::Aside(Aside::NotUnicode)
        } else if kind.is_dir() {
            What::Folder
        } else if kind.is_file() {
            What::Photo
        } else {
            What::Aside(Aside::NotAFile)
        }))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names of everything met, with a letter for what it is.
    fn met(folder: &Path, links: Links) -> Vec<String> {
        let letter = |what: &What| match what {
            What::Photo => 'p',
            What::Folder => 'f',
            What::Aside(Aside::Link) => 'l',
            What::Aside(Aside::Loop) => 'o',
            What::Aside(_) => '?',
        };
        walk(folder, links)
            .iter()
            .map(|met| format!("{}{}", letter(&met.what), met.names.join("/")))
            .collect()
    }

    #[test]
    fn what_systems_leave_is_known_in_any_case_and_with_spaces_around() {
        for name in [
            "@eaDir",
            "@SynoResource",
            "@__thumb",
            "@Recycle",
            "@Recently-Snapshot",
            "@tmp",
            "_gsdata_",
            "$Recycle.Bin ",
            "$RECYCLE.BIN",
            ".Trash-1000",
            "Thumbs",
            "Thumbs.db",
            ".AppleDouble",
            "__MACOSX",
            ".stfolder",
            ".dropbox.cache",
            ".Spotlight-V100",
            ".fseventsd",
            "#snapshot",
            " #recycle",
            "System Volume Information",
            "FOUND.000",
            "found.012",
            "lost+found",
            "LOST.DIR",
            "$WINDOWS.~BT",
            " .hidden",
        ] {
            for name in [name.to_owned(), name.to_uppercase(), format!("{name} ")] {
                assert!(is_system_name(&name), "{name:?}");
            }
        }
        assert!(is_system_name("Icon\r"));
        for name in [
            "pug",
            "Icon",
            "icon",
            "found",
            "found.dogs",
            "FOUND.1234",
            "@rex",
            "#1",
            "$hunde",
            "thumbelina",
            "tmp",
            "n02085620-Chihuahua",
            "Lost",
            "appenzeller",
            "",
        ] {
            assert!(!is_system_name(name), "{name:?}");
        }
    }

    #[test]
    fn links_are_followed_as_asked_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["set/a", "set/b", "set/@eaDir", "outside"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in [
            "set/a/1.jpg",
            "set/@eaDir/t.jpg",
            "outside/2.jpg",
            "set/n.txt",
        ] {
            fs::write(at(name), name).unwrap();
        }
        symlink("../b", at("set/a/to_b")).unwrap();
        symlink("../a", at("set/b/to_a")).unwrap();
        symlink("../outside/2.jpg", at("set/c.jpg")).unwrap();
        symlink("../outside", at("set/d")).unwrap();
        symlink("nowhere", at("set/e.jpg")).unwrap();
        assert_eq!(
            met(&at("set"), Links::Inside),
            [
                "fa",
                "pa/1.jpg",
                "fa/to_b",
                "oa/to_b/to_a",
                "fb",
                "fb/to_a",
                "pb/to_a/1.jpg",
                "ob/to_a/to_b",
                "lc.jpg",
                "ld",
                "le.jpg"
            ]
        );
        assert_eq!(
            met(&at("set"), Links::ToFiles),
            ["fa", "pa/1.jpg", "fb", "pc.jpg"]
        );
    }
}

//! A folder of photos, one folder a class: what is in it, what is held out for the test, a seeded draw.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use tensor::Random;
use words::{DataMessage, FileMessage, Language, Said, Say};

use crate::class::{Class, breed_of_folder, class_name};
use crate::matlab::{self, MatlabError};
use crate::part::Part;
use crate::tree::{self, Folders, IMAGES, Names, Tree};
use crate::walk::{Aside, Links, What, walk};

/// The official lists of Stanford Dogs, in the folder `lists` beside `Images`.
pub(crate) const TEST_LIST: &str = "test_list.mat";
pub(crate) const TRAIN_LIST: &str = "train_list.mat";
/// The variable of the official lists that holds the names.
pub(crate) const LIST_VARIABLE: &str = "file_list";
/// The most bytes of a list that are read: the longest official one has 220 kB.
pub(crate) const MOST_LIST_BYTES: u64 = 16 << 20;

/// Why a folder cannot be used as a data set.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The folder, or a folder that must be read to know what it holds, cannot be opened.
    #[error("the folder {} cannot be opened: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has no folder of a class with a photo in it.
    #[error("{} holds no folder of photos for each class", path.display())]
    NoClass {
        /// The folder.
        path: PathBuf,
    },
    /// It says which photos are held out, and none of them is there.
    #[error("none of the test photos is present in {}", path.display())]
    NothingHeldOut {
        /// The folder.
        path: PathBuf,
    },
    /// Its folder of photos is a link that leads out of it.
    #[error("{} is a link out of the folder", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// An official list of its photos cannot be read.
    #[error("the list {} cannot be read: {source}", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Why.
        source: ListError,
    },
}

/// Why an official list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is not the list that it should be.
    #[error(transparent)]
    Matlab(#[from] MatlabError),
    /// It names something else than a photo inside the data set.
    #[error("'{0}' is not a photo's name")]
    Name(String),
}

impl Say for DatasetError {
    fn say(&self, language: Language) -> Said {
        let (DatasetError::Unreadable { path, .. }
        | DatasetError::NoClass { path }
        | DatasetError::NothingHeldOut { path }
        | DatasetError::Link { path }
        | DatasetError::List { path, .. }) = self;
        let path = &path.display().to_string();
        match self {
            DatasetError::Unreadable { source, .. } => {
                let reason = &source.message(language);
                let said = FileMessage::FolderUnreadable { path, reason }.say(language);
                said.because(source, language)
            }
            DatasetError::NoClass { .. } => DataMessage::NoClass { path }.say(language),
            DatasetError::NothingHeldOut { .. } => {
                DataMessage::NothingHeldOut { path }.say(language)
            }
            DatasetError::Link { .. } => DataMessage::Link { path }.say(language),
            DatasetError::List { source, .. } => {
                let reason = &match source {
                    ListError::Unreadable(error) => error.message(language),
                    ListError::Matlab(MatlabError::Damaged) => {
                        FileMessage::ReasonIncomplete.text(language)
                    }
                    ListError::Matlab(MatlabError::NotMatlab5 | MatlabError::NoList(_)) => {
                        FileMessage::ReasonNotAList.text(language)
                    }
                    ListError::Name(name) => {
                        FileMessage::ReasonNotAPhotoName { name }.text(language)
                    }
                };
                DataMessage::List { path, reason }.say(language)
            }
        }
    }
}

/// How it is known which photos are held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// By the official list beside `Images`: `lists/test_list.mat`.
    OfficialList,
    /// By a folder `test`.
    TestFolder,
    /// Not at all: every photo is used, and whoever shows a result must say so.
    All,
}

/// One photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Relative to [`Dataset::root`].
    pub path: PathBuf,
    /// Index into [`Dataset::classes`].
    pub class: usize,
    /// Train, validation or test.
    pub part: Part,
}

/// Something of the data set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAside {
    /// Relative to [`Dataset::root`].
    pub path: PathBuf,
    /// Why it is not used.
    pub reason: Reason,
}

/// Why something of a data set is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The list names it, but it is not there.
    #[error("missing")]
    Missing,
    /// It cannot be opened.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// A pipe, a socket or a device.
    #[error("not a regular file")]
    NotAFile,
    /// It is empty.
    #[error("empty")]
    Empty,
    /// A link that leads out of the data set, or nowhere.
    #[error("a link out of the folder")]
    Link,
    /// A link to a folder that it lies in.
    #[error("a link in a circle")]
    Loop,
    /// The folder of a class without a photo.
    #[error("a class without photos")]
    EmptyClass,
    /// Its name is no Unicode, so that no table can name it.
    #[error("a name that is not UTF-8")]
    NotUnicode,
    /// A photo or a folder deeper than a class may have them.
    #[error("nested too deeply")]
    TooDeep,
    /// A photo that lies in no class's folder: beside the classes, or beside the parts.
    #[error("in no class's folder")]
    NoClass,
    /// A folder that is named as a part is, where no part can be: its photos are used, without one.
    #[error("named as a part, but inside a class: not taken as one")]
    IgnoredPart,
}

impl Reason {
    /// Whether it is about a photo that is not used because of it, rather than about a folder.
    pub fn leaves_out(&self) -> bool {
        !matches!(self, Reason::EmptyClass | Reason::IgnoredPart)
    }
}

impl From<Aside> for Reason {
    fn from(aside: Aside) -> Self {
        match aside {
            Aside::NotAFile => Reason::NotAFile,
            Aside::Link => Reason::Link,
            Aside::Loop => Reason::Loop,
            Aside::NotUnicode => Reason::NotUnicode,
            Aside::TooDeep => Reason::TooDeep,
            Aside::Unreadable(error) => Reason::Unreadable(error.to_string()),
        }
    }
}

/// A folder of photos, one folder a class.
#[derive(Clone, Debug)]
pub struct Dataset {
    root: PathBuf,
    classes: Vec<Class>,
    photos: Vec<Photo>,
    held_out: HeldOut,
    held_out_photos: Vec<usize>,
    left_aside: Vec<LeftAside>,
}

impl Dataset {
    /// Opens a data set where it lies; nothing is copied or changed. These layouts are known, and
    /// tried in this order:
    ///
    /// - Stanford Dogs: `Images/CLASS/`, or the folder `Images` itself, with the official lists
    ///   `lists/test_list.mat` and `lists/train_list.mat` beside `Images`;
    /// - `test/CLASS/`, beside it `train/CLASS/` and `val/CLASS/` (or `valid`, `Validation`, `dev`);
    /// - `train/CLASS/`, `val/CLASS/` or both without a test: nothing is held out;
    /// - `CLASS/train/`, `CLASS/test/` and so on, where every class has its parts;
    /// - `CLASS/`, with or without an `Images` around: nothing is held out.
    ///
    /// Folders around all of this are passed through. Photos are listed by class, then by name,
    /// always in the same order. Files that do not end like a photo, hidden ones and what systems
    /// leave in folders ([`crate::is_system_name`]) are passed over. What is missing, lies in no
    /// class, cannot be opened or leads out of the folder is in [`Dataset::left_aside`].
    pub fn open(folder: &Path) -> Result<Self, DatasetError> {
        let unreadable = |source| DatasetError::Unreadable {
            path: folder.to_owned(),
            source,
        };
        let root = folder.canonicalize().map_err(unreadable)?;
        let mut reader = Reader::new(root);
        let met = walk(&reader.root, Links::Inside);
        let (mut photos, mut folders) = (Vec::new(), Vec::new());
        for one in met {
            match one.what {
                What::Photo => photos.push(one.names),
                What::Folder => folders.push(one.names),
                What::Aside(Aside::Unreadable(source)) if one.names.is_empty() => {
                    return Err(unreadable(source));
                }
                What::Aside(Aside::Link) if one.names == [IMAGES] => {
                    return Err(DatasetError::Link { path: one.path });
                }
                What::Aside(why) => reader.leave_aside(&one.names, why.into()),
            }
        }
        let photos: Vec<&Names> = photos.iter().map(Vec::as_slice).collect();
        let known = Folders::new(photos.iter().copied(), folders.iter().map(Vec::as_slice));
        let top = known.top(&photos);
        let images = reader.root.join(top.iter().collect::<PathBuf>());
        let lists = images
            .file_name()
            .filter(|name| *name == IMAGES)
            .and_then(|_| images.parent())
            .map(|parent| parent.join("lists"))
            .filter(|lists| lists.join(TEST_LIST).is_file());
        let tree = Tree::new(top, &known, &photos, lists.is_some());
        reader.place(&tree, &photos, &folders);
        for part in tree.ignored_parts(&photos) {
            reader.leave_aside(part, Reason::IgnoredPart);
        }
        let held_out = match &lists {
            Some(lists) => {
                reader.split_by_lists(&images, lists)?;
                HeldOut::OfficialList
            }
            None if tree.is_tested() => HeldOut::TestFolder,
            None => HeldOut::All,
        };
        reader.finish(folder, held_out)
    }

    /// The data set's folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The classes, by name.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// All photos of all parts, by class, then by name.
    pub fn photos(&self) -> &[Photo] {
        &self.photos
    }

    /// How it is known which photos are held out.
    pub fn held_out(&self) -> HeldOut {
        self.held_out
    }

    /// The test photos; all of them where the data set keeps none.
    pub fn held_out_photos(&self) -> impl ExactSizeIterator<Item = &Photo> {
        self.held_out_photos
            .iter()
            .map(|&index| &self.photos[index])
    }

    /// What is not used, and why, by path.
    pub fn left_aside(&self) -> &[LeftAside] {
        &self.left_aside
    }

    /// The class of a photo.
    pub fn class(&self, photo: &Photo) -> &Class {
        &self.classes[photo.class]
    }

    /// The `index`-th photo of an endless draw from test photos, decided by `seed`
    /// alone. No photo comes twice before all have come once; then a new round begins.
    pub fn random_photo(&self, seed: u64, index: u64) -> &Photo {
        let count = self.held_out_photos.len() as u64;
        // open() refuses a data set without photos, so count is at least 1.
        let mut order: Vec<usize> = self.held_out_photos.clone();
        Random::new(seed, 0, index / count).shuffle(&mut order);
        &self.photos[order[(index % count) as usize]]
    }

    /// The bytes of a photo, at most `most_bytes` of them (a longer file is an error of kind
    /// `FileTooLarge`). A file that has become a link out of the folder is refused.
    pub fn read(&self, photo: &Photo, most_bytes: u64) -> io::Result<Vec<u8>> {
        let path = self.root.join(&photo.path).canonicalize()?;
        if !path.starts_with(&self.root) || !path.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                Reason::Link.to_string(),
            ));
        }
        tensor::read_regular(&path, most_bytes)
    }
}

/// Gathers what a data set's folders hold.
struct Reader {
    root: PathBuf,
    /// Class, path relative to the root, part.
    photos: Vec<(String, PathBuf, Part)>,
    left_aside: Vec<LeftAside>,
}

impl Reader {
    fn new(root: PathBuf) -> Self {
        Reader {
            root,
            photos: Vec::new(),
            left_aside: Vec::new(),
        }
    }

    fn leave_aside(&mut self, names: &Names, reason: Reason) {
        let path = names.iter().collect();
        self.left_aside.push(LeftAside { path, reason });
    }

    /// Takes the photos into the classes that their folders are.
    fn place(&mut self, tree: &Tree, photos: &[&Names], folders: &[Vec<String>]) {
        for names in photos {
            let path: PathBuf = names.iter().collect();
            let placed = tree.place(names);
            let why = match placed {
                None => Some(Reason::NoClass),
                Some(place) if place.below.len() > tree::MOST_DEPTH => Some(Reason::TooDeep),
                Some(_) => openable(&self.root.join(&path)).err(),
            };
            match (why, placed) {
                (None, Some(place)) => {
                    self.photos
                        .push((class_name(place.class), path, place.part));
                }
                (why, _) => self.leave_aside(names, why.unwrap_or(Reason::NoClass)),
            }
        }
        let used = self.photos.iter().map(|(_, path, _)| path);
        let left = self.left_aside.iter().map(|left| &left.path);
        let filled: HashSet<PathBuf> = used
            .chain(left)
            .map(|path| {
                let names = path.iter().map(|name| name.to_string_lossy().into_owned());
                let depth = tree.depth_of_classes(&names.collect::<Vec<_>>());
                path.iter().take(depth).collect()
            })
            .collect();
        for folder in folders {
            if tree.is_class(folder) && !filled.contains(&folder.iter().collect::<PathBuf>()) {
                self.leave_aside(folder, Reason::EmptyClass);
            }
        }
    }

    /// Splits the photos under `images` by the official lists, which name them `CLASS/NAME.jpg`.
    /// Without a list of train photos, every photo that the list of test photos does not name is
    /// one.
    fn split_by_lists(&mut self, images: &Path, lists: &Path) -> Result<(), DatasetError> {
        let mut test = self.listed(images, &lists.join(TEST_LIST))?;
        let train_list = lists.join(TRAIN_LIST);
        let mut train = if train_list.is_file() {
            Some(self.listed(images, &train_list)?)
        } else {
            None
        };
        for (_, path, part) in &mut self.photos {
            *part = if test.remove(path) {
                Part::Test
            } else if train.as_mut().is_none_or(|train| train.remove(path)) {
                Part::Train
            } else {
                Part::Unsaid
            };
        }
        // What the lists still name is not there, unless it was left aside for another reason.
        let mut missing: BTreeSet<PathBuf> =
            test.into_iter().chain(train.unwrap_or_default()).collect();
        for left in &self.left_aside {
            missing.remove(&left.path);
        }
        self.left_aside
            .extend(missing.into_iter().map(|path| LeftAside {
                path,
                reason: Reason::Missing,
            }));
        Ok(())
    }

    /// The paths, relative to the root, that an official list names.
    fn listed(&self, images: &Path, list: &Path) -> Result<HashSet<PathBuf>, DatasetError> {
        let failed = |source| DatasetError::List {
            path: list.to_owned(),
            source,
        };
        let bytes =
            tensor::read_regular(list, MOST_LIST_BYTES).map_err(|error| failed(error.into()))?;
        let names =
            matlab::read_list(&bytes, LIST_VARIABLE).map_err(|error| failed(error.into()))?;
        let prefix = images.strip_prefix(&self.root).unwrap_or(Path::new(""));
        names
            .into_iter()
            .map(|name| {
                if name.contains('\\') || !name.split('/').all(is_plain_name) {
                    return Err(failed(ListError::Name(name)));
                }
                Ok(prefix.join(name))
            })
            .collect()
    }

    fn finish(mut self, folder: &Path, held_out: HeldOut) -> Result<Dataset, DatasetError> {
        self.left_aside
            .sort_by(|one, other| one.path.cmp(&other.path));
        let with_photos: BTreeSet<String> = self
            .photos
            .iter()
            .map(|(class, _, _)| class.clone())
            .collect();
        let classes: Vec<String> = with_photos.into_iter().collect();
        let mut photos: Vec<Photo> = self
            .photos
            .into_iter()
            .filter_map(|(class, path, part)| {
                let class = classes.binary_search(&class).ok()?;
                Some(Photo { path, class, part })
            })
            .collect();
        photos.sort_by(|one, other| (one.class, &one.path).cmp(&(other.class, &other.path)));
        let held_out_photos: Vec<usize> = (0..photos.len())
            .filter(|&index| held_out == HeldOut::All || photos[index].part == Part::Test)
            .collect();
        if held_out_photos.is_empty() {
            let path = folder.to_owned();
            return Err(if photos.is_empty() {
                DatasetError::NoClass { path }
            } else {
                DatasetError::NothingHeldOut { path }
            });
        }
        Ok(Dataset {
            root: self.root,
            classes: classes
                .into_iter()
                .map(|folder| Class {
                    breed: breed_of_folder(&folder),
                    folder,
                })
                .collect(),
            photos,
            held_out,
            held_out_photos,
            left_aside: self.left_aside,
        })
    }
}

/// Whether a list's name part is neither empty nor a step up or on the spot.
fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('\0')
}

/// Whether a file can be opened and holds anything.
fn openable(path: &Path) -> Result<(), Reason> {
    let metadata = tensor::open_regular(path)
        .and_then(|file| file.metadata())
        .map_err(|error| Reason::Unreadable(error.to_string()))?;
    if metadata.len() == 0 {
        return Err(Reason::Empty);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with these files, each holding its own name.
    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, file).unwrap();
        }
        folder
    }

    fn paths<'photo>(photos: impl IntoIterator<Item = &'photo Photo>) -> Vec<String> {
        photos
            .into_iter()
            .map(|photo| photo.path.to_string_lossy().replace('\\', "/"))
            .collect()
    }

    fn aside(dataset: &Dataset) -> Vec<(String, Reason)> {
        dataset
            .left_aside()
            .iter()
            .map(|left| {
                let path = left.path.to_string_lossy().replace('\\', "/");
                (path, left.reason.clone())
            })
            .collect()
    }

    #[test]
    fn a_folder_per_class_keeps_nothing_for_testing() {
        let folder = tree(&[
            "pug/b.JPG",
            "pug/a.png",
            "pug/notes.txt",
            "pug/.hidden.jpg",
            "pug/deeper/c.webp",
            "beagle/z.jpg",
            "index.csv",
            "stray.jpg",
        ]);
        fs::create_dir(folder.path().join("akita")).unwrap();
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(dataset.held_out(), HeldOut::All);
        assert_eq!(
            paths(dataset.held_out_photos()),
            [
                "beagle/z.jpg",
                "pug/a.png",
                "pug/b.JPG",
                "pug/deeper/c.webp"
            ]
        );
        assert_eq!(dataset.held_out_photos().len(), dataset.photos().len());
        let breeds: Vec<_> = dataset
            .classes()
            .iter()
            .map(|class| (class.folder.as_str(), class.breed.unwrap().id.as_str()))
            .collect();
        assert_eq!(breeds, [("beagle", "n02088364"), ("pug", "n02110958")]);
        let left = [
            ("akita".to_owned(), Reason::EmptyClass),
            ("stray.jpg".to_owned(), Reason::NoClass),
        ];
        assert_eq!(aside(&dataset), left);
    }

    #[test]
    fn a_folder_test_is_kept_for_testing() {
        let folder = tree(&[
            "train/pug/a.jpg",
            "train/only-here/a.jpg",
            "val/pug/b.jpg",
            "test/pug/c.jpg",
            "test/beagle/d.jpg",
        ]);
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(dataset.held_out(), HeldOut::TestFolder);
        assert_eq!(
            paths(dataset.held_out_photos()),
            ["test/beagle/d.jpg", "test/pug/c.jpg"]
        );
        let parts: Vec<_> = dataset.photos().iter().map(|photo| photo.part).collect();
        assert_eq!(
            parts,
            [
                Part::Test,
                Part::Train,
                Part::Test,
                Part::Train,
                Part::Validation
            ]
        );
        assert_eq!(dataset.classes().len(), 3);
        assert_eq!(dataset.class(&dataset.photos()[0]).folder, "beagle");
    }

    #[test]
    fn what_systems_leave_is_no_class_and_no_photo() {
        let system = [
            "@eaDir",
            "#recycle",
            "$RECYCLE.BIN",
            "lost+found",
            "System Volume Information",
            "__MACOSX",
            ".Trash-1000",
            ".ipynb_checkpoints",
            "@Recycle",
            "#snapshot",
            "RECYCLER",
            "found.000",
        ];
        let mut files = vec!["train/pug/a.jpg".to_owned(), "test/pug/b.jpg".to_owned()];
        for name in system {
            files.push(format!("{name}/pug/c.jpg"));
            files.push(format!("train/{name}/c.jpg"));
            files.push(format!(
                "test/pug/{}/SYNOPHOTO_THUMB_M.jpg",
                name.to_uppercase()
            ));
        }
        files.push("train/pug/._a.jpg".to_owned());
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let dataset = Dataset::open(tree(&files).path()).unwrap();
        assert_eq!(
            paths(dataset.photos()),
            ["test/pug/b.jpg", "train/pug/a.jpg"]
        );
        assert_eq!(aside(&dataset), []);
        // A class may still begin with such a sign.
        let dataset = Dataset::open(tree(&["#1/a.jpg", "@home/b.jpg"]).path()).unwrap();
        assert_eq!(dataset.classes().len(), 2);
    }

    #[test]
    fn parts_are_found_under_folders_around_them() {
        let folder = tree(&[
            "X/dogs/Train/pug/a.jpg",
            "X/dogs/valid/pug/b.jpg",
            "X/dogs/test/pug/c.jpg",
        ]);
        for around in [".", "X", "X/dogs"] {
            let dataset = Dataset::open(&folder.path().join(around)).unwrap();
            assert_eq!(dataset.held_out(), HeldOut::TestFolder);
            assert_eq!(dataset.classes().len(), 1);
            assert_eq!(dataset.held_out_photos().len(), 1);
            assert_eq!(aside(&dataset), []);
        }
        let folder = tree(&["dogs/train/pug/a.jpg", "cats/test/manx/b.jpg"]);
        let dataset = Dataset::open(folder.path()).unwrap();
        let ignored =
            ["cats/test", "dogs/train"].map(|path| (path.to_owned(), Reason::IgnoredPart));
        assert_eq!(aside(&dataset), ignored);
        assert_eq!(dataset.photos().len(), 2);
    }

    #[test]
    fn two_spellings_of_a_name_are_one_class() {
        let folder = tree(&["train/\u{e9}pagneul/a.jpg", "test/e\u{301}pagneul/b.jpg"]);
        let dataset = Dataset::open(folder.path()).unwrap();
        let [class] = dataset.classes() else {
            panic!("{:?}", dataset.classes());
        };
        assert_eq!(class.folder, "\u{e9}pagneul");
        assert_eq!(dataset.photos().len(), 2);
        for photo in dataset.photos() {
            assert!(dataset.read(photo, 100).is_ok());
        }
    }

    #[test]
    fn a_class_may_be_called_test() {
        let folder = tree(&["test/a.jpg", "pug/b.jpg"]);
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(dataset.held_out(), HeldOut::All);
        assert_eq!(dataset.classes().len(), 2);
    }

    #[test]
    fn a_folder_without_classes_is_refused() {
        for files in [&["a.jpg"][..], &[], &["pug/notes.txt"]] {
            let folder = tree(files);
            assert!(matches!(
                Dataset::open(folder.path()),
                Err(DatasetError::NoClass { .. })
            ));
        }
        let folder = tree(&["a.jpg"]);
        for path in ["missing", "a.jpg"] {
            assert!(matches!(
                Dataset::open(&folder.path().join(path)),
                Err(DatasetError::Unreadable { .. })
            ));
        }
    }

    #[test]
    fn errors_speak_both_languages() {
        let folder = tree(&["a.jpg"]);
        let error = Dataset::open(folder.path()).unwrap_err();
        let path = folder.path().display().to_string();
        for language in Language::ALL {
            assert!(error.message(language).contains(&path));
        }
        let missing = Dataset::open(&folder.path().join("missing")).unwrap_err();
        assert!(
            missing
                .message(Language::French)
                .contains("il n’existe pas")
        );
    }

    #[test]
    fn empty_files_are_named() {
        let folder = tree(&["pug/a.jpg", "pug/b.jpg"]);
        fs::write(folder.path().join("pug/b.jpg"), "").unwrap();
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(paths(dataset.photos()), ["pug/a.jpg"]);
        assert_eq!(aside(&dataset), [("pug/b.jpg".to_owned(), Reason::Empty)]);
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_folder_are_never_followed() {
        use std::os::unix::fs::symlink;
        let outside = tree(&["secret.jpg", "class/secret.jpg"]);
        let folder = tree(&["pug/a.jpg"]);
        let pug = folder.path().join("pug");
        symlink(outside.path().join("secret.jpg"), pug.join("b.jpg")).unwrap();
        symlink("a.jpg", pug.join("c.jpg")).unwrap();
        symlink("nowhere", pug.join("d.jpg")).unwrap();
        symlink(outside.path().join("class"), folder.path().join("beagle")).unwrap();
        symlink(outside.path(), folder.path().join("test")).unwrap();
        symlink(".", pug.join("loop")).unwrap();
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(dataset.held_out(), HeldOut::All);
        assert_eq!(paths(dataset.photos()), ["pug/a.jpg", "pug/c.jpg"]);
        assert!(aside(&dataset).contains(&("pug/loop".to_owned(), Reason::Loop)));
        for path in ["beagle", "pug/b.jpg", "pug/d.jpg", "test"] {
            assert!(
                aside(&dataset).contains(&(path.to_owned(), Reason::Link)),
                "{path}"
            );
        }
        // A photo that becomes such a link after the data set was opened is not read either.
        let photo = dataset.photos()[0].clone();
        assert_eq!(dataset.read(&photo, 100).unwrap(), b"pug/a.jpg");
        assert_eq!(
            dataset.read(&photo, 3).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        fs::remove_file(pug.join("a.jpg")).unwrap();
        symlink(outside.path().join("secret.jpg"), pug.join("a.jpg")).unwrap();
        assert_eq!(
            dataset.read(&photo, 100).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
    }

    #[cfg(unix)]
    #[test]
    fn images_that_link_elsewhere_are_refused() {
        let outside = tree(&["pug/a.jpg"]);
        let folder = tree(&[]);
        std::os::unix::fs::symlink(outside.path(), folder.path().join("Images")).unwrap();
        assert!(matches!(
            Dataset::open(folder.path()),
            Err(DatasetError::Link { .. })
        ));
    }

    #[test]
    fn the_draw_repeats_by_seed_and_shows_each_photo_once_a_round() {
        let names: Vec<String> = (0..10).map(|number| format!("pug/{number}.jpg")).collect();
        let folder = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let dataset = Dataset::open(folder.path()).unwrap();
        let draw = |seed, from: u64| {
            paths((from..from + 10).map(|index| dataset.random_photo(seed, index)))
        };
        for round in [0, 10, 20] {
            let mut drawn = draw(1, round);
            assert_eq!(drawn, draw(1, round));
            assert_ne!(drawn, draw(2, round));
            drawn.sort();
            assert_eq!(drawn, names);
        }
        assert_ne!(draw(1, 0), draw(1, 10));
        dataset.random_photo(u64::MAX, u64::MAX / 2);
    }

    #[test]
    fn a_damaged_list_is_an_error_and_not_ignored() {
        let folder = tree(&["Images/pug/a.jpg", "lists/test_list.mat"]);
        for path in [folder.path().to_owned(), folder.path().join("Images")] {
            let error = Dataset::open(&path).unwrap_err();
            assert!(matches!(error, DatasetError::List { .. }), "{error}");
            assert!(error.message(Language::French).contains("MATLAB 5"));
        }
    }

    #[test]
    fn official_lists_split_and_name_what_is_missing() {
        let folder = tree(&[
            "Images/pug/a.jpg",
            "Images/pug/b.jpg",
            "Images/pug/c.jpg",
            "Images/pug/d.jpg",
            "lists/x",
        ]);
        fs::write(folder.path().join("Images/pug/d.jpg"), "").unwrap();
        let lists = folder.path().join("lists");
        let write = |name: &str, names: &[&str]| {
            fs::write(lists.join(name), matlab::tests::list_file(names)).unwrap();
        };
        write(TEST_LIST, &["pug/b.jpg", "pug/d.jpg", "pug/gone.jpg"]);
        let parts = |dataset: &Dataset| -> Vec<Part> {
            dataset.photos().iter().map(|photo| photo.part).collect()
        };
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(parts(&dataset), [Part::Train, Part::Test, Part::Train]);
        assert_eq!(paths(dataset.held_out_photos()), ["Images/pug/b.jpg"]);
        assert_eq!(
            aside(&dataset),
            [
                ("Images/pug/d.jpg".to_owned(), Reason::Empty),
                ("Images/pug/gone.jpg".to_owned(), Reason::Missing)
            ]
        );

        write(TRAIN_LIST, &["pug/a.jpg", "akita/gone.jpg"]);
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!(parts(&dataset), [Part::Train, Part::Test, Part::Unsaid]);
        assert_eq!(aside(&dataset).len(), 3);

        for name in [
            "../secret.jpg",
            "/secret.jpg",
            "pug//a.jpg",
            "pug\\a.jpg",
            "",
        ] {
            write(TEST_LIST, &["pug/b.jpg", name]);
            let error = Dataset::open(folder.path()).unwrap_err();
            assert!(
                matches!(
                    &error,
                    DatasetError::List {
                        source: ListError::Name(_),
                        ..
                    }
                ),
                "{name}: {error}"
            );
        }
        // A list of photos none of which is there leaves nothing to test on.
        write(TEST_LIST, &["akita/z.jpg"]);
        assert!(matches!(
            Dataset::open(folder.path()),
            Err(DatasetError::NothingHeldOut { .. })
        ));
    }

    #[test]
    fn folders_tell_their_breed() {
        for (folder, id) in [
            ("n02085620-Chihuahua", Some("n02085620")),
            ("n02085620", Some("n02085620")),
            ("n02085620_whatever", Some("n02085620")),
            ("cane_corso", Some("cane-corso")),
            ("Berger de Brie", Some("n02105251")),
            ("english_toy_spaniel", Some("king-charles-spaniel")),
            ("n0208562", None),
            ("n99999999-Unicorn", None),
            ("cats", None),
            ("éééééé", None),
        ] {
            let breed = breed_of_folder(folder).map(|breed| breed.id.as_str());
            assert_eq!(breed, id, "{folder}");
        }
    }

    #[test]
    fn opens_the_sample_of_stanford_dogs_by_its_official_list() {
        let Some(data) = testkit::test_data() else {
            return;
        };
        let folder = data.join("stanford-dogs");
        for folder in [folder.clone(), folder.join("Images")] {
            let dataset = Dataset::open(&folder).unwrap();
            assert_eq!(dataset.held_out(), HeldOut::OfficialList);
            assert_eq!(dataset.classes().len(), 120);
            assert_eq!(dataset.photos().len(), 2646 + 1976);
            assert_eq!(dataset.held_out_photos().len(), 1976);
            let missing = dataset
                .left_aside()
                .iter()
                .filter(|left| left.reason == Reason::Missing);
            assert_eq!(missing.count(), 20_580 - 2646 - 1976);
            for (class, breed) in dataset.classes().iter().zip(words::breeds()) {
                assert_eq!(class.breed.unwrap().id, breed.id);
            }
            let photo = dataset.random_photo(1, 0);
            assert!(
                dataset
                    .read(photo, 1 << 20)
                    .unwrap()
                    .starts_with(&[0xff, 0xd8])
            );
        }
    }

    #[test]
    fn opens_photos_from_elsewhere_as_a_whole() {
        let Some(data) = testkit::test_data() else {
            return;
        };
        let dataset = Dataset::open(&data.join("real-dogs")).unwrap();
        assert_eq!(dataset.held_out(), HeldOut::All);
        assert_eq!((dataset.classes().len(), dataset.photos().len()), (31, 373));
        assert!(dataset.classes().iter().all(|class| class.breed.is_some()));
        assert!(dataset.left_aside().is_empty());

        // Of the breeds outside the 120, only 'poodle' stands for several.
        let others = Dataset::open(&data.join("other-breeds")).unwrap();
        let unknown: Vec<_> = others
            .classes()
            .iter()
            .filter(|class| class.breed.is_none())
            .map(|class| class.folder.as_str())
            .collect();
        assert_eq!(unknown, ["poodle"]);
    }
}

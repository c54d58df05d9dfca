//! The photos of a calibration: a folder for each class, or Stanford Dogs' sample with its index.
use graph::{Filter, Geometry, InputSpec, Scaling, View};
use package::Label;
use std::path::{Path, PathBuf};
use vision::Photo;
use words::{Language, Message};

/// Photos of dogs whose classes are known.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// In a fixed order.
    pub list: Vec<Example>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The file.
    pub path: PathBuf,
    /// Its class's position among the labels.
    pub class: usize,
    /// Width and height before it was stretched to a square for storage, where it was.
    pub true_size: Option<(usize, usize)>,
}

/// Why there are no examples.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// A folder or the index cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The index lacks a column.
    #[error("{}: there is no column `{column}`", path.display())]
    Column {
        /// The index.
        path: PathBuf,
        /// The column's name.
        column: &'static str,
    },
    /// A size in the index is none.
    #[error("{}, line {line}: `{text}` is not a size", path.display())]
    Size {
        /// The index.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// No folder is a class.
    #[error("{}: no folder has the name of a class with photos in it", .0.display())]
    NoClass(PathBuf),
}

impl ExamplesError {
    /// What is wrong and what to do about it, in the person's language.
    pub fn text(&self, language: Language) -> String {
        let shown = |path: &Path| path.display().to_string();
        let say = |message: Message<'_>| words::message(language, message);
        match self {
            ExamplesError::Io { path, source } => say(Message::FileCannotRead {
                path: &shown(path),
                reason: &words::reason(language, source),
            }),
            ExamplesError::Column { path, column } => say(Message::MakeIndexColumn {
                path: &shown(path),
                column,
            }),
            ExamplesError::Size { path, line, text } => say(Message::MakeIndexSize {
                path: &shown(path),
                line: &line.to_string(),
                text,
            }),
            ExamplesError::NoClass(path) => say(Message::MakeNoClass { path: &shown(path) }),
        }
    }
}

/// Shorter side of a photo that is brought back to its true aspect.
const SHORTER_SIDE: usize = 256;

impl Examples {
    /// The photos under `folder`, at most `most` of each class, spread evenly over its files.
    ///
    /// A subfolder is a class where its name is the class's id, or begins with it and a hyphen. A
    /// folder that holds `index.csv` (columns `file`, `split`, `original_width`, `original_height`)
    /// and `Images` is a copy of Stanford Dogs stored as squares: its train photos are taken, and
    /// each is brought back to its true aspect.
    ///
    /// # Errors
    /// [`ExamplesError`]
    pub fn in_folder(folder: &Path, labels: &[Label], most: usize) -> Result<Self, ExamplesError> {
        let index = folder.join("index.csv");
        let mut of_classes: Vec<Vec<Example>> = vec![Vec::new(); labels.len()];
        if index.is_file() {
            read_index(folder, &index, labels, &mut of_classes)?;
        } else {
            for entry in entries(folder)? {
                let Some(class) = class_of(&entry, labels) else {
                    continue;
                };
                if entry.is_dir() {
                    of_classes[class].extend(entries(&entry)?.into_iter().map(|path| Example {
                        path,
                        class,
                        true_size: None,
                    }));
                }
            }
        }
        let list: Vec<Example> = of_classes
            .into_iter()
            .flat_map(|examples| {
                let step = (examples.len() as f64 / most.max(1) as f64).max(1.0);
                let chosen = (0..examples.len().min(most))
                    .map(|index| examples[(index as f64 * step) as usize].clone());
                chosen.collect::<Vec<_>>()
            })
            .collect();
        if list.is_empty() {
            return Err(ExamplesError::NoClass(folder.into()));
        }
        Ok(Examples { list })
    }

    /// All files under `folder` and its subfolders, in the order of their names.
    ///
    /// # Errors
    /// [`ExamplesError::Io`]
    pub fn files(folder: &Path) -> Result<Vec<PathBuf>, ExamplesError> {
        let mut files = Vec::new();
        for entry in entries(folder)? {
            if entry.is_dir() {
                files.extend(Self::files(&entry)?);
            } else {
                files.push(entry);
            }
        }
        Ok(files)
    }
}

impl Example {
    /// The photo, in its true aspect; nothing where it cannot be read.
    pub(crate) fn read(&self) -> Option<Photo> {
        let photo = super::calibrate::read_photo(&self.path)?;
        match self.true_size {
            Some((width, height)) => unstretched(&photo, width, height),
            None => Some(photo),
        }
    }
}

/// The photo resized to the aspect of `width` and `height`.
fn unstretched(photo: &Photo, width: usize, height: usize) -> Option<Photo> {
    let scale = SHORTER_SIDE as f64 / width.min(height).max(1) as f64;
    let side = |length: usize| ((length as f64 * scale).round() as usize).max(1);
    let (width, height) = (side(width), side(height));
    // The one maker of inputs does the resizing: values of 0 to 255 are asked of it.
    let spec = InputSpec {
        height,
        width,
        filter: Filter::Bicubic,
        scaling: Scaling::uniform(0.0, 1.0),
        views: vec![View {
            geometry: Geometry::Stretch,
            mirrored: false,
        }],
        preprocessing: String::new(),
    };
    let views = vision::prepare(&spec, photo).ok()?;
    let rgb = views
        .values()
        .iter()
        .map(|value| value.round() as u8)
        .collect();
    Some(Photo::from_rgb(width, height, rgb))
}

/// The entries of a folder, in the order of their names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ExamplesError> {
    let wrong = |source| ExamplesError::Io {
        path: folder.into(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        paths.push(entry.map_err(wrong)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The class that a folder's name tells.
fn class_of(folder: &Path, labels: &[Label]) -> Option<usize> {
    let name = folder.file_name()?.to_str()?;
    labels.iter().position(|label| {
        let rest = name.strip_prefix(label.id.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

/// The train photos of a copy of Stanford Dogs that its index names and that are there.
fn read_index(
    folder: &Path,
    index: &Path,
    labels: &[Label],
    of_classes: &mut [Vec<Example>],
) -> Result<(), ExamplesError> {
    let text = std::fs::read_to_string(index).map_err(|source| ExamplesError::Io {
        path: index.into(),
        source,
    })?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    // The four columns stand before the quoted one, so that commas may be counted.
    let column = |name: &'static str| {
        let position = columns.iter().position(|column| *column == name);
        position.ok_or_else(|| ExamplesError::Column {
            path: index.into(),
            column: name,
        })
    };
    let places = [
        column("file")?,
        column("split")?,
        column("original_width")?,
        column("original_height")?,
    ];
    for (number, line) in (2..).zip(lines) {
        let cells: Vec<&str> = line.split(',').collect();
        let [file, split, width, height] =
            places.map(|place| cells.get(place).copied().unwrap_or_default());
        if split != "train" {
            continue;
        }
        let path = folder.join("Images").join(file);
        let class = path.parent().and_then(|folder| class_of(folder, labels));
        let Some(class) = class.filter(|_| path.is_file()) else {
            continue;
        };
        let size = |text: &str| {
            let size = text
                .parse()
                .ok()
                .filter(|size| (1..=100_000).contains(size));
            size.ok_or_else(|| ExamplesError::Size {
                path: index.into(),
                line: number,
                text: text.to_owned(),
            })
        };
        of_classes[class].push(Example {
            path,
            class,
            true_size: Some((size(width)?, size(height)?)),
        });
    }
    of_classes
        .iter_mut()
        .for_each(|examples| examples.sort_by(|a, b| a.path.cmp(&b.path)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<Label> {
        let label = |id: &str| Label {
            id: id.into(),
            name: id.into(),
            name_fr: None,
            output: 0,
        };
        vec![label("n01"), label("n0"), label("beagle")]
    }

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    fn folders_are_classes_by_id() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "n01-Husky/a",
            "n01-Husky/b",
            "n01-Husky/c",
            "n0/x",
            "other/y",
            "beagle",
        ] {
            touch(&folder.path().join(file));
        }
        let examples = Examples::in_folder(folder.path(), &labels(), 2).unwrap();
        let found: Vec<_> = examples
            .list
            .iter()
            .map(|example| {
                (
                    example.path.file_name().unwrap().to_str().unwrap(),
                    example.class,
                )
            })
            .collect();
        assert_eq!(found, [("a", 0), ("b", 0), ("x", 1)]);
        assert_eq!(Examples::files(folder.path()).unwrap().len(), 6);
        let empty = folder.path().join("n01-Husky");
        assert!(matches!(
            Examples::in_folder(&empty, &labels(), 2),
            Err(ExamplesError::NoClass(_))
        ));
        let nowhere = folder.path().join("nowhere");
        assert!(matches!(
            Examples::in_folder(&nowhere, &labels(), 2),
            Err(ExamplesError::Io { .. })
        ));
    }

    #[test]
    fn an_index_names_train_photos_and_their_true_size() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["Images/n01-Husky/a.jpg", "Images/n01-Husky/b.jpg"] {
            touch(&folder.path().join(file));
        }
        let index = folder.path().join("index.csv");
        let head = "file,split,original_width,original_height,boxes\n";
        let rows = "n01-Husky/a.jpg,test,500,375,\"1,2,3,4\"\n\
                    n01-Husky/b.jpg,train,500,375,\"1,2,3,4 5,6,7,8\"\n\
                    n01-Husky/missing.jpg,train,500,375,\"1,2,3,4\"\n";
        std::fs::write(&index, format!("{head}{rows}")).unwrap();
        let examples = Examples::in_folder(folder.path(), &labels(), 9).unwrap();
        assert_eq!(examples.list.len(), 1);
        assert_eq!(examples.list[0].true_size, Some((500, 375)));
        std::fs::write(&index, format!("{head}n01-Husky/b.jpg,train,wide,375,\n")).unwrap();
        let error = Examples::in_folder(folder.path(), &labels(), 9).unwrap_err();
        assert!(
            error.to_string().ends_with("line 2: `wide` is not a size"),
            "{error}"
        );
    }

    #[test]
    fn a_stretched_photo_gets_its_aspect_back() {
        let photo = Photo::from_rgb(4, 4, vec![200; 48]);
        let photo = unstretched(&photo, 500, 375).unwrap();
        assert_eq!((photo.width(), photo.height()), (341, 256));
        assert!(photo.rgb().iter().all(|&value| value == 200));
    }
}

//! The photos of a calibration: dogs whose classes the package has, and photos without a dog.
use super::MakeError;
use crate::evaluate::match_classes;
use data::{Entry, ImportOptions, Imported, Manifest, ProblemKind, Progress};
use graph::{Filter, Geometry, InputSpec, Scaling, View};
use package::Label;
use std::path::Path;
use vision::Photo;

/// Photos whose truth is known.
#[derive(Clone, Debug)]
pub struct CalibrationPhotos {
    dogs: Manifest,
    /// Of each photo of a dog its place among the entries, and its class's among the labels.
    examples: Vec<(usize, usize)>,
    not_dogs: Option<Manifest>,
    unreadable: usize,
}

/// The class that photos without a dog are imported under; it is looked at nowhere.
const NOT_DOGS: &str = "not a dog";

/// Shorter side of a photo that is brought back to its true aspect, where it has fewer pixels.
const SHORTER_SIDE: usize = 256;

impl CalibrationPhotos {
    /// The photos of a data set, a folder, a manifest or the like, whose classes are among `labels`: at
    /// most `most` of each, spread evenly over them, and no test photos. A class is a label's where
    /// their names tell one breed or are one, or where it begins with the label's id and a hyphen.
    /// Photos of Stanford Dogs that are stored as squares get their true aspect back where the table
    /// `index.csv` beside `Images` tells it. `not_dogs` is a folder of photos, or a data set.
    ///
    /// # Errors
    /// [`MakeError::Data`] where a data set cannot be used, [`MakeError::NoClass`] where it has no class
    /// of the labels.
    pub fn open(
        dogs: &Path,
        not_dogs: Option<&Path>,
        labels: &[Label],
        most: usize,
        threads: usize,
        progress: Progress<'_>,
    ) -> Result<Self, MakeError> {
        let names = labels.iter().flat_map(|label| [&label.id, &label.name]);
        let options = ImportOptions {
            classes: names.cloned().collect(),
            most: Some(most),
            true_sizes: true,
            threads,
            ..ImportOptions::default()
        };
        let no_class = || MakeError::NoClass {
            path: dogs.to_owned(),
        };
        let (manifest, mut unreadable) =
            imported(dogs, &options, progress).map_err(|error| match error {
                MakeError::Data(data::Error::Nothing { .. }) => no_class(),
                error => error,
            })?;
        let examples = examples(&manifest, labels);
        if examples.is_empty() {
            return Err(no_class());
        }
        let not_dogs = match not_dogs {
            Some(source) => {
                let options = ImportOptions {
                    one_class: Some(NOT_DOGS.to_owned()),
                    threads,
                    ..ImportOptions::default()
                };
                let (manifest, own) = imported(source, &options, progress)?;
                unreadable += own;
                Some(manifest)
            }
            None => None,
        };
        Ok(CalibrationPhotos {
            dogs: manifest,
            examples,
            not_dogs,
            unreadable,
        })
    }

    /// How many photos there are, those that cannot be read among them.
    pub fn count(&self) -> usize {
        let not_dogs = self.not_dogs.as_ref();
        let not_dogs = not_dogs.map_or(0, |manifest| manifest.all_entries().len());
        self.examples.len() + not_dogs + self.unreadable
    }

    /// The photos of dogs with their classes' places among the labels; nothing of one that is gone
    /// since.
    pub(super) fn dogs(&self) -> impl ExactSizeIterator<Item = (Option<Photo>, usize)> {
        self.examples.iter().map(|&(place, class)| {
            let entry = &self.dogs.all_entries()[place];
            (read(&self.dogs, entry), class)
        })
    }

    /// The photos without a dog; nothing of one that is gone since.
    pub(super) fn not_dogs(&self) -> impl Iterator<Item = Option<Photo>> {
        let entries = |manifest| Manifest::all_entries(manifest).iter();
        let manifests = self.not_dogs.iter();
        manifests.flat_map(move |manifest| entries(manifest).map(|entry| read(manifest, entry)))
    }
}

/// A data set, and how many of its photos cannot be read.
fn imported(
    source: &Path,
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<(Manifest, usize), MakeError> {
    let Imported {
        manifest, problems, ..
    } = data::import(source, options, progress)?;
    let kinds = problems.iter().map(|problem| problem.kind);
    let is_unreadable =
        |kind: &ProblemKind| matches!(kind, ProblemKind::Unreadable | ProblemKind::Empty);
    Ok((manifest, kinds.filter(is_unreadable).count()))
}

/// The photos of the labels' classes: their places among the entries and the labels, by label.
fn examples(manifest: &Manifest, labels: &[Label]) -> Vec<(usize, usize)> {
    let begins = |name: &str| {
        labels.iter().position(|label| {
            let rest = name.strip_prefix(label.id.as_str());
            rest.is_some_and(|rest| rest.starts_with('-'))
        })
    };
    let matched = match_classes(labels, manifest);
    let of_class: Vec<Option<usize>> = (matched.into_iter().zip(manifest.classes()))
        .map(|(label, class)| label.or_else(|| begins(&class.folder)))
        .collect();
    let entries = manifest.all_entries().iter().enumerate();
    let mut examples: Vec<(usize, usize)> = entries
        .filter_map(|(place, entry)| Some((place, of_class[entry.class]?)))
        .collect();
    examples.sort_by_key(|&(_, label)| label);
    examples
}

/// A photo in its true aspect; nothing where it cannot be read any more.
fn read(manifest: &Manifest, entry: &Entry) -> Option<Photo> {
    let (photo, _) = manifest.photo(entry).ok()?;
    let stored = (photo.width() as u32, photo.height() as u32);
    match entry.original {
        Some(original) if original != stored => unstretched(&photo, original),
        _ => Some(photo),
    }
}

/// The photo resized to the aspect of `width` and `height`.
fn unstretched(photo: &Photo, (width, height): (u32, u32)) -> Option<Photo> {
    let shorter = photo.width().min(photo.height()).max(SHORTER_SIDE);
    let scale = shorter as f64 / f64::from(width.min(height).max(1));
    let side = |length: u32| ((f64::from(length) * scale).round() as usize).max(1);
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
    let rgb = views.values().iter().map(|value| value.round() as u8);
    Some(Photo::from_rgb(width, height, rgb.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use words::Say;

    fn labels(ids: &[&str]) -> Vec<Label> {
        let label = |(output, id): (usize, &&str)| Label {
            id: (*id).into(),
            name: (*id).into(),
            name_fr: None,
            output,
        };
        ids.iter().enumerate().map(label).collect()
    }

    /// A picture of one colour, so that each file is another.
    fn put(path: &Path, shade: u8) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = vision::encode::small_jpeg(8, 8, &[shade; 3 * 64], 90).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn open(
        folder: &Path,
        not_dogs: Option<&Path>,
        ids: &[&str],
        most: usize,
    ) -> Result<CalibrationPhotos, MakeError> {
        CalibrationPhotos::open(folder, not_dogs, &labels(ids), most, 1, &|_, _| {})
    }

    /// File and class of each photo of a dog.
    fn named(photos: &CalibrationPhotos) -> Vec<(String, usize)> {
        let name = |&(place, class): &(usize, usize)| {
            let path = &photos.dogs.all_entries()[place].path;
            (path.rsplit('/').next().unwrap().to_owned(), class)
        };
        photos.examples.iter().map(name).collect()
    }

    #[test]
    fn folders_are_classes_by_id_or_by_breed() {
        let folder = tempfile::tempdir().unwrap();
        let ids = ["mine", "n02110958", "beagle"];
        for (shade, file) in [
            "mine-2020/a.jpg",
            "mine-2020/b.jpg",
            "mine-2020/c.jpg",
            "n02110958-pug/x.jpg",
            "Beagle/y.jpg",
            "other/z.jpg",
        ]
        .iter()
        .enumerate()
        {
            put(&folder.path().join(file), 40 * shade as u8);
        }
        std::fs::write(folder.path().join("n02110958-pug/cut.jpg"), b"\xff\xd8\xff").unwrap();
        let photos = open(folder.path(), Some(&folder.path().join("other")), &ids, 2).unwrap();
        let found = [("a.jpg", 0), ("b.jpg", 0), ("x.jpg", 1), ("y.jpg", 2)];
        assert_eq!(
            named(&photos),
            found.map(|(name, class)| (name.to_owned(), class))
        );
        assert_eq!(photos.not_dogs().flatten().count(), 1);
        assert_eq!((photos.unreadable, photos.count()), (1, 6));
        let none = open(folder.path(), None, &["akita"], 2);
        assert!(matches!(none, Err(MakeError::NoClass { .. })));
        let nowhere = open(&folder.path().join("nowhere"), None, &ids, 2);
        assert!(matches!(nowhere, Err(MakeError::Data(_))));
        assert_eq!(
            photos.dogs.all_entries().len(),
            4,
            "other classes are not read"
        );
    }

    #[test]
    fn an_index_tells_the_true_size_and_lists_tell_the_split() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["n02110958-pug/a.jpg", "n02110958-pug/b.jpg"];
        for (shade, name) in names.iter().enumerate() {
            put(&folder.path().join("Images").join(name), 90 * shade as u8);
        }
        put(&folder.path().join("Images/n02088364-beagle/c.jpg"), 200);
        let rows = "file,split,original_width,original_height,boxes\n\
                    n02110958-pug/a.jpg,test,500,375,\"1,2,3,4\"\n\
                    n02110958-pug/b.jpg,train,500,375,\"1,2,3,4 5,6,7,8\"\n\
                    n02110958-pug/missing.jpg,train,500,375,\"1,2,3,4\"\n";
        std::fs::write(folder.path().join("index.csv"), rows).unwrap();
        let photos = open(folder.path(), None, &["n02110958"], 9).unwrap();
        let sizes: Vec<_> = photos
            .dogs()
            .map(|(photo, _)| photo.map(|photo| (photo.width(), photo.height())))
            .collect();
        assert_eq!(sizes, [Some((341, 256)), Some((341, 256))]);
        let wrong = rows.replace("500,375,\"1,2,3,4\"\n", "wide,375,\n");
        std::fs::write(folder.path().join("index.csv"), wrong).unwrap();
        let error = open(folder.path(), None, &["n02110958"], 9).unwrap_err();
        let said = error.message(words::Language::English);
        assert!(said.contains("wide") && said.contains("line 2"), "{said}");
        // Another table of that name is no matter.
        std::fs::write(folder.path().join("index.csv"), "a,b\n1,2\n").unwrap();
        let photos = open(folder.path(), None, &["n02110958"], 9).unwrap();
        let (photo, _) = photos.dogs().next().unwrap();
        assert_eq!(photo.unwrap().width(), 8);
    }

    #[test]
    fn a_stretched_photo_gets_its_aspect_back() {
        let photo = Photo::from_rgb(4, 4, vec![200; 48]);
        let photo = unstretched(&photo, (500, 375)).unwrap();
        assert_eq!((photo.width(), photo.height()), (341, 256));
        assert!(photo.rgb().iter().all(|&value| value == 200));
    }
}

//! What the folders of a tree of photos mean: classes, parts of classes, classes with parts, and
//! folders around all of it. The same for folders on a disk and for those in an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::class::breed_of_folder;
use crate::part::{Part, is_part, part_by_name};

/// How many names a photo may have below its class's folder.
pub(crate) const MOST_DEPTH: usize = 8;
/// The folder of Stanford Dogs' photos.
pub(crate) const IMAGES: &str = "Images";
/// What a folder around the classes of a part is called (`train/images/pug`); other names stand around
/// classes where these are breeds.
const AROUND: [&str; 8] = [
    "images",
    "image",
    "imgs",
    "img",
    "photos",
    "photo",
    "pictures",
    "jpegimages",
];

/// The names on the way to a folder or a photo.
pub(crate) type Names = [String];

/// Where the classes are.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// The folders above everything.
    top: Vec<String>,
    parts: Parts,
    /// Of a part's folder, the folders in it that stand around its classes.
    around: BTreeMap<String, Vec<String>>,
    tested: bool,
}

/// Which folders say the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    /// None.
    Unsaid,
    /// Those above the classes: `train/pug/a.jpg`.
    Above,
    /// Those in the classes: `pug/train/a.jpg`.
    Below,
}

/// What the names of a photo say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told<'names> {
    pub part: Part,
    pub class: &'names str,
    /// The names below the class (and its part); the last is the file's.
    pub below: &'names Names,
}

/// The folders of a tree.
pub(crate) struct Folders<'names> {
    all: BTreeSet<&'names Names>,
    /// Those that photos lie in, however deep.
    filled: BTreeSet<&'names Names>,
}

impl<'names> Folders<'names> {
    /// Those that photos lie in, and others.
    pub fn new(
        photos: impl IntoIterator<Item = &'names Names>,
        others: impl IntoIterator<Item = &'names Names>,
    ) -> Self {
        let mut filled: BTreeSet<&Names> = BTreeSet::new();
        for photo in photos {
            for length in (1..photo.len()).rev() {
                if !filled.insert(&photo[..length]) {
                    break;
                }
            }
        }
        let all = others.into_iter().chain(filled.iter().copied()).collect();
        Folders { all, filled }
    }

    /// The names of the folders in a folder, by name.
    fn within<'own>(&'own self, folder: &'own Names) -> impl Iterator<Item = &'names str> + 'own {
        names_within(&self.all, folder)
    }

    /// The names of the folders in a folder that say what a tree means. Where photos lie in one alone and
    /// that one stands around a data set, what lies beside it (labels, notes) is no class without photos.
    fn telling(&self, folder: &Names) -> Vec<&'names str> {
        let own: Vec<&str> = self.within(folder).collect();
        let filled: Vec<&str> = names_within(&self.filled, folder).take(2).collect();
        match filled[..] {
            [only] if own.len() > 1 && self.stands_around(folder, only) => filled,
            _ => own,
        }
    }

    /// Whether a folder is no class, but holds parts with classes in them, or the breeds.
    fn stands_around(&self, folder: &Names, name: &str) -> bool {
        let mut here = folder.to_vec();
        let mut name = name;
        loop {
            if is_part(name) || breed_of_folder(name).is_some() {
                return false;
            }
            here.push(name.to_owned());
            let own: Vec<&str> = names_within(&self.filled, &here).collect();
            let holds = |part: &str| {
                let inner = [&here[..], &[part.to_owned()]].concat();
                names_within(&self.filled, &inner).next().is_some()
            };
            let parts = own.iter().any(|name| is_part(name) && holds(name));
            if parts || own.iter().any(|name| breed_of_folder(name).is_some()) {
                return true;
            }
            match own[..] {
                [only] => name = only,
                _ => return false,
            }
        }
    }

    /// The folders in the folder of a part that stand around its classes, the outermost first: each is
    /// the only one with photos in it, and none lies in it directly.
    fn around_classes(&self, part: &Names, photos: &[&Names]) -> Vec<String> {
        let mut here = part.to_vec();
        loop {
            let filled: Vec<&str> = names_within(&self.filled, &here).take(2).collect();
            let [only] = filled[..] else {
                break;
            };
            let inner = [&here[..], &[only.to_owned()]].concat();
            let is_named = AROUND.contains(&only.to_lowercase().as_str());
            let classes: Vec<&str> = names_within(&self.filled, &inner).collect();
            let direct =
                |photo: &&Names| photo.len() == inner.len() + 1 && photo.starts_with(&inner);
            let stands_around = breed_of_folder(only).is_none()
                && !classes.is_empty()
                && (is_named || classes.iter().any(|name| breed_of_folder(name).is_some()))
                && !photos.iter().any(direct);
            if !stands_around {
                break;
            }
            here = inner;
        }
        here.split_off(part.len())
    }

    /// The folders above everything: those that a data set was put into as a whole, then `Images`.
    /// A folder is none of them where it looks like a class: by a breed's name, by photos that lie
    /// in it, or because it is the last.
    pub fn top(&self, photos: &[&Names]) -> Vec<String> {
        let mut here: Vec<String> = Vec::new();
        let mut top = Vec::new();
        loop {
            let holds = |folder: &[String], name: &str| {
                let inner = [folder, &[name.to_owned()]].concat();
                self.within(&inner).next().is_some()
            };
            let own = self.telling(&here);
            if own.contains(&IMAGES) && (here.is_empty() || holds(&here, IMAGES)) {
                here.push(IMAGES.to_owned());
                return here;
            }
            let parts = own.iter().filter(|name| is_part(name));
            if !here.is_empty() && parts.clone().any(|name| holds(&here, name)) {
                return here;
            }
            if !here.is_empty() && !own.is_empty() && parts.count() == own.len() {
                // The parts of the class that this folder is.
                here.pop();
                return here;
            }
            let direct = || {
                photos
                    .iter()
                    .any(|photo| photo.len() == here.len() + 1 && photo.starts_with(&here))
            };
            match own[..] {
                [only] if is_part(only) => return top,
                [only] if breed_of_folder(only).is_some() => return here,
                [only] if here.is_empty() || !direct() => {
                    top = here[..here.len().saturating_sub(1)].to_vec();
                    here.push(only.to_owned());
                }
                [] | [_] => return top,
                _ => {
                    let breeds = || own.iter().any(|name| breed_of_folder(name).is_some());
                    let classes = here.is_empty() || !direct() || breeds();
                    return if classes { here } else { top };
                }
            }
        }
    }
}

fn names_within<'own, 'names>(
    folders: &'own BTreeSet<&'names Names>,
    folder: &'own Names,
) -> impl Iterator<Item = &'names str> + 'own {
    let from = (Bound::Excluded(folder), Bound::Unbounded);
    let below = folders.range::<Names, _>(from);
    below
        .take_while(|names| names.starts_with(folder))
        .filter(|names| names.len() == folder.len() + 1)
        .filter_map(|names| names.last().map(String::as_str))
}

impl Tree {
    /// Finds the parts below `top`. `listed`: official lists say them, and folders do not.
    pub fn new(top: Vec<String>, folders: &Folders<'_>, photos: &[&Names], listed: bool) -> Tree {
        let filled = |part: Part| {
            let mut own = folders.within(&top);
            own.any(|name| {
                let folder = [&top[..], &[name.to_owned()]].concat();
                part_by_name(name) == Some(part) && folders.within(&folder).next().is_some()
            })
        };
        let (tested, trained, chosen) = (
            filled(Part::Test),
            filled(Part::Train),
            filled(Part::Validation),
        );
        // Without any other folder, one part is enough.
        let alone = (trained || chosen) && folders.within(&top).all(is_part);
        let above = !listed && (tested || (trained && chosen) || alone);
        let parts_of_classes = || {
            let below = photos
                .iter()
                .filter(|photo| photo.len() > top.len() + 1 && photo.starts_with(&top));
            let parts: Option<Vec<Part>> = below
                .map(|photo| {
                    let part = part_by_name(&photo[top.len() + 1])?;
                    (photo.len() == top.len() + 3 && part != Part::Unsaid).then_some(part)
                })
                .collect();
            parts.filter(|parts| {
                let holds = |part| parts.contains(&part);
                holds(Part::Test) || (holds(Part::Train) && holds(Part::Validation))
            })
        };
        let mut tree = Tree {
            top: top.clone(),
            parts: Parts::Unsaid,
            around: BTreeMap::new(),
            tested,
        };
        if above {
            tree.parts = Parts::Above;
            for part in folders.within(&top).filter(|name| is_part(name)) {
                let folder = [&top[..], &[part.to_owned()]].concat();
                let around = folders.around_classes(&folder, photos);
                tree.around.insert(part.to_owned(), around);
            }
        } else if !listed && let Some(parts) = parts_of_classes() {
            tree.parts = Parts::Below;
            tree.tested = parts.contains(&Part::Test);
        }
        tree.tested &= tree.parts != Parts::Unsaid;
        tree
    }

    /// Whether a folder keeps photos for testing.
    pub fn is_tested(&self) -> bool {
        self.tested
    }

    /// Whether a folder is a class's.
    pub fn is_class(&self, folder: &Names) -> bool {
        let beside = match self.parts {
            Parts::Above => folder
                .get(self.top.len())
                .is_some_and(|name| !is_part(name)),
            Parts::Unsaid | Parts::Below => false,
        };
        let is_around = |below: &Names| below.starts_with(self.around(folder));
        folder.len() == self.depth_of_classes(folder)
            && folder.starts_with(&self.top)
            && folder.get(self.top.len() + 1..).is_none_or(is_around)
            && !beside
    }

    /// What stands around the classes of the part that a photo or folder is in.
    fn around(&self, names: &Names) -> &Names {
        let part = names.get(self.top.len());
        part.and_then(|part| self.around.get(part))
            .map_or(&[], Vec::as_slice)
    }

    /// How many names the folder of a class has, where this photo or folder is.
    pub fn depth_of_classes(&self, names: &Names) -> usize {
        let above = usize::from(self.parts == Parts::Above);
        self.top.len() + above + self.around(names).len() + 1
    }

    /// The part, the class and the names below it of a photo; nothing where it is in no class.
    pub fn place<'names>(&self, names: &'names Names) -> Option<Told<'names>> {
        let below = names.strip_prefix(&self.top[..])?;
        let named = |name: &str| part_by_name(name).filter(|part| *part != Part::Unsaid);
        let (part, class, below) = match (self.parts, below) {
            (Parts::Unsaid, [class, below @ ..]) => (Part::Unsaid, class, below),
            // Where parts have folders, what stands beside them is no class.
            (Parts::Above, [part, inner @ ..]) => {
                let [class, below @ ..] = inner.strip_prefix(self.around(names))? else {
                    return None;
                };
                (named(part)?, class, below)
            }
            (Parts::Below, [class, part, below @ ..]) => (named(part)?, class, below),
            _ => return None,
        };
        (!below.is_empty()).then_some(Told { part, class, below })
    }

    /// The folders in which photos lie that are named as a part is and that no layout made one of:
    /// whoever put them there may have meant it.
    pub fn ignored_parts<'names>(&self, photos: &[&'names Names]) -> BTreeSet<&'names Names> {
        let mut ignored = BTreeSet::new();
        for photo in photos {
            let Some(place) = self.place(photo) else {
                continue;
            };
            let class = photo.len() - place.below.len() - 1;
            let folders = photo.len() - 1;
            // A class may be called `test`, where photos lie in it.
            let first = match self.parts == Parts::Unsaid && folders > class + 1 {
                true => class,
                false => class + 1,
            };
            ignored.extend(
                (first..folders)
                    .filter(|&place| is_part(&photo[place]))
                    .map(|place| &photo[..=place]),
            );
        }
        ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part, class and file of each photo, and the folders that only look like a part.
    fn told(tree: &str) -> (Vec<String>, Vec<String>) {
        let photos: Vec<Vec<String>> = tree
            .split(' ')
            .map(|path| path.split('/').map(str::to_owned).collect())
            .collect();
        let photos: Vec<&Names> = photos.iter().map(Vec::as_slice).collect();
        let folders = Folders::new(photos.iter().copied(), []);
        let tree = Tree::new(folders.top(&photos), &folders, &photos, false);
        let place = |photo: &&Names| match tree.place(photo) {
            Some(Told { part, class, below }) => {
                let part = crate::part_name(part);
                format!("{part}:{class}:{}", below.join("/"))
            }
            None => "-".to_owned(),
        };
        (
            photos.iter().map(place).collect(),
            tree.ignored_parts(&photos)
                .iter()
                .map(|names| names.join("/"))
                .collect(),
        )
    }

    #[test]
    fn folders_mean_the_same_however_many_stand_around_them() {
        for (tree, expected) in [
            ("pug/a beagle/b", ":pug:a :beagle:b"),
            ("pug/a test/b", ":pug:a :test:b"),
            ("one/a two/b", ":one:a :two:b"),
            ("Images/pug/a notes/pug/b c", ":pug:a - -"),
            ("train/pug/a test/pug/b", "train:pug:a test:pug:b"),
            (
                "Train/pug/a Valid/pug/b other/pug/c",
                "train:pug:a val:pug:b -",
            ),
            ("train/pug/a train/beagle/b", "train:pug:a train:beagle:b"),
            ("test/pug/a test/beagle/b", "test:pug:a test:beagle:b"),
            ("pug/train/a beagle/dev/b", "train:pug:a val:beagle:b"),
            ("pug/train/a beagle/test/b", "train:pug:a test:beagle:b"),
        ] {
            let expected: Vec<&str> = expected.split(' ').collect();
            for around in ["", "dogs/", "a/b/", "my dogs/data/set/"] {
                if around.contains(' ') {
                    continue;
                }
                let tree: Vec<String> = tree
                    .split(' ')
                    .map(|path| format!("{around}{path}"))
                    .collect();
                let (found, ignored) = told(&tree.join(" "));
                assert_eq!(found, expected, "{tree:?}");
                assert!(ignored.is_empty(), "{tree:?}: {ignored:?}");
            }
        }
    }

    /// As [`told`] says of the photos; a name that ends with `/` is a folder without any.
    fn told_beside(tree: &str) -> Vec<String> {
        let names = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
        let (empty, photos): (Vec<&str>, Vec<&str>) =
            tree.split(' ').partition(|path| path.ends_with('/'));
        let photos: Vec<Vec<String>> = photos.into_iter().map(names).collect();
        let photos: Vec<&Names> = photos.iter().map(Vec::as_slice).collect();
        let empty: Vec<Vec<String>> = (empty.iter())
            .flat_map(|path| {
                let path = names(path.trim_end_matches('/'));
                (1..=path.len()).map(move |length| path[..length].to_vec())
            })
            .collect();
        let folders = Folders::new(photos.iter().copied(), empty.iter().map(Vec::as_slice));
        let tree = Tree::new(folders.top(&photos), &folders, &photos, false);
        let place = |photo: &&Names| match tree.place(photo) {
            Some(Told { part, class, .. }) => format!("{}:{class}", crate::part_name(part)),
            None => "-".to_owned(),
        };
        photos.iter().map(place).collect()
    }

    #[test]
    fn folders_without_photos_beside_the_one_around_all_do_not_hide_what_is_in_it() {
        for (tree, expected) in [
            (
                "images/train/rex/a images/test/max/b labels/train/rex/ labels/test/max/",
                "train:rex test:max",
            ),
            (
                "images/training/rex/a images/validation/rex/b labels/",
                "train:rex val:rex",
            ),
            (
                "photos/dev/rex/a photos/testing/rex/b notes/old/",
                "val:rex test:rex",
            ),
            (
                "set/images/train/rex/a set/images/valid/rex/b set/labels/ docs/",
                "train:rex val:rex",
            ),
            ("images/pug/a images/beagle/b labels/pug/", ":pug :beagle"),
            // Classes without photos stay classes.
            ("rex/2020/a rex/2021/b max/", ":rex :rex"),
            (
                "beagle/train/a beagle/test/b akita/",
                "train:beagle test:beagle",
            ),
            ("beagle/pug/a akita/", ":beagle"),
            ("rex/a max/", ":rex"),
        ] {
            let expected: Vec<&str> = expected.split(' ').collect();
            assert_eq!(told_beside(tree), expected, "{tree}");
        }
    }

    #[test]
    fn folders_around_the_classes_of_a_part_are_looked_through() {
        for (tree, expected) in [
            (
                "train/images/rex/a train/images/max/b test/images/rex/c",
                "train:rex train:max test:rex",
            ),
            (
                "set/Train/Images/rex/a set/Valid/Images/rex/b set/Train/labels/rex/",
                "train:rex val:rex",
            ),
            // Each part for itself; of any name where breeds are in it.
            ("train/images/rex/2020/a test/rex/b", "train:rex test:rex"),
            ("train/dogs/pug/a test/my/dogs/pug/b", "train:pug test:my"),
            ("train/all/beagle/a test/all/pug/b", "train:beagle test:pug"),
            // A class with folders in it, or with photos, stays one.
            ("train/rex/2020/a test/rex/2021/b", "train:rex test:rex"),
            ("train/images/a test/images/b", "train:images test:images"),
            (
                "train/images/a train/images/rex/b test/images/c",
                "train:images train:images test:images",
            ),
            ("train/pug/images/a test/pug/images/b", "train:pug test:pug"),
            (
                "train/images/rex/a train/max/b test/max/c",
                "train:images train:max test:max",
            ),
        ] {
            let expected: Vec<&str> = expected.split(' ').collect();
            assert_eq!(told_beside(tree), expected, "{tree}");
        }
    }

    #[test]
    fn a_lone_class_is_told_by_its_photos_or_by_its_breed() {
        for (tree, expected) in [
            ("dogs/a dogs/b", ":dogs:a :dogs:b"),
            ("set/dogs/a", ":set:dogs/a"),
            (
                "beagle/2020/a beagle/2021/b",
                ":beagle:2020/a :beagle:2021/b",
            ),
            ("set/beagle/2020/a", ":beagle:2020/a"),
            (
                "rex/a rex/2020/b rex/2021/c",
                ":rex:a :rex:2020/b :rex:2021/c",
            ),
            ("set/a set/pug/b set/beagle/c", "- :pug:b :beagle:c"),
            ("a pug/b", "- :pug:b"),
            ("test/a", ":test:a"),
        ] {
            let expected: Vec<&str> = expected.split(' ').collect();
            assert_eq!(told(tree).0, expected, "{tree}");
        }
    }

    #[test]
    fn a_part_that_no_layout_explains_is_named() {
        for (tree, ignored) in [
            (
                "dogs/train/pug/a dogs/test/pug/b cats/train/siamese/c",
                "cats/train dogs/test dogs/train",
            ),
            ("pug/train/a beagle/b", "pug/train"),
            ("train/pug/a beagle/b", "train"),
            ("train/pug/test/a val/pug/b", "train/pug/test"),
        ] {
            let expected: Vec<&str> = ignored.split(' ').collect();
            assert_eq!(told(tree).1, expected, "{tree}");
        }
    }
}

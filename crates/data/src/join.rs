//! Several data sets as one: each class under one name, each photo once.
use crate::class::{breed_of_folder, class_name};
use crate::error::{Error, TableFault};
use crate::manifest::{Entry, Manifest, slashes};
use crate::part::Part;
use crate::split::{SplitOptions, class_of, split};
use crate::table::Table;
use std::collections::HashMap;
use std::path::{Path, PathBuf, absolute};

/// One of several data sets that are used together.
#[derive(Clone, Debug)]
pub struct JoinSource {
    /// What it is called, in a class map and in errors: its path.
    pub name: String,
    /// Its photos.
    pub manifest: Manifest,
}

/// Which classes go by another name, and which are left out: a CSV with the columns `class`, `as` (empty
/// for what is left out) and, where a row is about one data set alone, `source` (its path or file name).
#[derive(Clone, Debug, Default)]
pub struct ClassMap {
    path: PathBuf,
    rows: Vec<MapRow>,
}

#[derive(Clone, Debug)]
struct MapRow {
    line: u64,
    class: String,
    becomes: String,
    source: String,
}

impl ClassMap {
    /// Reads a class map.
    ///
    /// # Errors
    /// A file that cannot be read, a column that is missing, a class that is mapped twice.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let table = Table::open(path, None)?;
        let (class, becomes) = (table.required(&["class"])?, table.required(&["as"])?);
        let source = table.column("source")?;
        let mut rows: Vec<MapRow> = Vec::new();
        for row in table.rows() {
            let row = row?;
            let wrong = |fault| Error::table(path, row.line(), fault);
            let own = MapRow {
                line: row.line(),
                class: class_name(row.text(class)),
                becomes: class_name(row.text(becomes)),
                source: source.map_or("", |column| row.text(column)).to_owned(),
            };
            if own.class.is_empty() {
                let column = "class".to_owned();
                let value = String::new();
                return Err(wrong(TableFault::Value { column, value }));
            }
            let is_same =
                |other: &&MapRow| (&other.class, &other.source) == (&own.class, &own.source);
            if let Some(first) = rows.iter().find(is_same) {
                let (name, first) = (own.class.clone(), first.line);
                return Err(wrong(TableFault::RowTwice { name, first }));
            }
            rows.push(own);
        }
        let path = path.to_owned();
        Ok(ClassMap { path, rows })
    }

    /// For each source what its classes become, by the classes' places; nothing of those that the map
    /// does not name.
    fn of_sources(&self, sources: &[JoinSource]) -> Result<Vec<HashMap<usize, &str>>, Error> {
        let mut maps = vec![HashMap::new(); sources.len()];
        // What is said of one data set counts before what is said of all.
        let (of_all, of_one): (Vec<_>, Vec<_>) =
            self.rows.iter().partition(|row| row.source.is_empty());
        for row in of_all.into_iter().chain(of_one) {
            let wrong = |column: &str, value: &str| {
                let (column, value) = (column.to_owned(), value.to_owned());
                Error::table(&self.path, row.line, TableFault::Value { column, value })
            };
            let is_meant = |source: &JoinSource| {
                let file = Path::new(&source.name).file_name();
                let names = [Some(source.name.as_ref()), file];
                row.source.is_empty() || names.contains(&Some(row.source.as_ref()))
            };
            if !sources.iter().any(is_meant) {
                return Err(wrong("source", &row.source));
            }
            let mut is_known = false;
            for (source, map) in sources
                .iter()
                .zip(&mut maps)
                .filter(|(source, _)| is_meant(source))
            {
                if let Some(place) = place_of(&source.manifest, &row.class) {
                    map.insert(place, row.becomes.as_str());
                    is_known = true;
                }
            }
            if !is_known {
                return Err(wrong("class", &row.class));
            }
        }
        Ok(maps)
    }
}

/// Joins data sets. Classes are one where their names are, or tell one breed; the first data set's name
/// stays. A photo that several have is there once, in the part that is held out most. Where some have
/// validation photos, `validation` says which share is drawn of the others, and `seed` which photos.
///
/// # Errors
/// Classes that clash: two of one data set that would become one without the map saying so, or a photo
/// under different classes in two data sets; a row of the map that is about nothing.
pub fn join(
    mut sources: Vec<JoinSource>,
    map: &ClassMap,
    validation: f64,
    seed: u64,
) -> Result<Manifest, Error> {
    let is_validation = |entry: &Entry| entry.part == Part::Validation;
    let has_validation =
        |source: &JoinSource| source.manifest.all_entries().iter().any(is_validation);
    if sources.iter().any(has_validation) {
        for source in sources.iter_mut().filter(|source| !has_validation(source)) {
            let options = SplitOptions {
                official: true,
                test: 0.0,
                validation,
                seed,
                classes: Vec::new(),
                most: None,
            };
            // Twins on two sides are left out when all are together.
            source.manifest = split(&source.manifest, &[], &options).manifest;
        }
    }
    let names = names(&sources, &map.of_sources(&sources)?)?;
    let folder = common_folder(&sources);
    let mut joined: Vec<(String, Entry)> = Vec::new();
    // Of each photo its place among those above, and its source.
    let mut places: HashMap<blake3::Hash, (usize, usize)> = HashMap::new();
    let mut clashes = Vec::new();
    for (number, (source, names)) in sources.iter().zip(&names).enumerate() {
        for entry in source.manifest.all_entries() {
            let Some(class) = &names[entry.class] else {
                continue;
            };
            let whole = absolute_folder(&source.manifest).join(&entry.path);
            let path = slashes(whole.strip_prefix(&folder).unwrap_or(&whole));
            if let Some(&(place, first)) = places.get(&entry.hash)
                && first != number
            {
                let (known, photo) = &mut joined[place];
                if known != class {
                    clashes.push((place, path, class));
                }
                photo.part = most_held_out(photo.part, entry.part);
                continue;
            }
            places.entry(entry.hash).or_insert((joined.len(), number));
            let entry = Entry {
                path,
                ..entry.clone()
            };
            joined.push((class.clone(), entry));
        }
    }
    if let Some((place, path, class)) = clashes.first() {
        let (first_class, first) = &joined[*place];
        return Err(Error::PhotoOfTwoClasses {
            count: clashes.len(),
            photos: [first.path.clone(), path.clone()],
            classes: [first_class.clone(), (*class).clone()],
        });
    }
    Ok(Manifest::new(folder, joined))
}

/// The place of the class that a name means: by its name or breed, else by its name in another spelling.
fn place_of(manifest: &Manifest, name: &str) -> Option<usize> {
    let exact = class_of(manifest, name);
    let mut classes = manifest.classes().iter();
    classes.position(|class| match &exact {
        Some(exact) => class.folder == *exact,
        None => words::fold(&class.folder) == words::fold(name),
    })
}

/// The name that each class of each source gets; none for a class that is left out.
fn names(
    sources: &[JoinSource],
    maps: &[HashMap<usize, &str>],
) -> Result<Vec<Vec<Option<String>>>, Error> {
    let mut known = Known::default();
    let mut all = Vec::with_capacity(sources.len());
    for (source, map) in sources.iter().zip(maps) {
        let mut own: HashMap<usize, &str> = HashMap::new();
        let mut names = Vec::new();
        for (place, class) in source.manifest.classes().iter().enumerate() {
            let mapped = map.get(&place).copied();
            let wanted = mapped.unwrap_or(&class.folder);
            if wanted.is_empty() {
                names.push(None);
                continue;
            }
            let number = known.number(wanted);
            let name = &known.names[number];
            if mapped.is_none()
                && let Some(other) = own.insert(number, &class.folder)
            {
                return Err(Error::ClassesClash {
                    source_name: source.name.clone(),
                    classes: [other.to_owned(), class.folder.clone()],
                    name: name.clone(),
                });
            }
            names.push(Some(name.clone()));
        }
        all.push(names);
    }
    Ok(all)
}

/// The classes of all data sets together.
#[derive(Default)]
struct Known {
    names: Vec<String>,
    exact: HashMap<String, usize>,
    breeds: HashMap<&'static str, usize>,
    folded: HashMap<String, usize>,
}

impl Known {
    /// The number of the class of this name, or of its breed; of a new one where there is none.
    fn number(&mut self, name: &str) -> usize {
        let breed = breed_of_folder(name).map(|breed| breed.id.as_str());
        let folded = words::fold(name);
        let found = self.exact.get(name);
        let found = found.or_else(|| self.breeds.get(breed?));
        let found = found.or_else(|| self.folded.get(&folded)).copied();
        let number = found.unwrap_or(self.names.len());
        if found.is_none() {
            self.names.push(name.to_owned());
        }
        // Its other names lead to it too.
        self.exact.entry(name.to_owned()).or_insert(number);
        self.folded.entry(folded).or_insert(number);
        if let Some(breed) = breed {
            self.breeds.entry(breed).or_insert(number);
        }
        number
    }
}

/// The part of a photo that is in both: the one that less may be done with.
fn most_held_out(one: Part, other: Part) -> Part {
    let order = [Part::Test, Part::Validation, Part::Train, Part::Unsaid];
    let first = order.into_iter().find(|part| [one, other].contains(part));
    first.unwrap_or(one)
}

/// The folder that holds all sources, so that they may be moved together.
fn common_folder(sources: &[JoinSource]) -> PathBuf {
    let folders = sources
        .iter()
        .map(|source| absolute_folder(&source.manifest));
    let shared = |one: PathBuf, other: PathBuf| {
        let pairs = one.components().zip(other.components());
        pairs
            .take_while(|(one, other)| one == other)
            .map(|(one, _)| one)
            .collect()
    };
    folders.reduce(shared).unwrap_or_default()
}

/// The folder that a manifest's relative paths start from, from anywhere.
fn absolute_folder(manifest: &Manifest) -> PathBuf {
    let folder = manifest.folder();
    absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use words::{Language, Say as _};

    /// A data set of photos `(class, content, part)`.
    fn source(name: &str, photos: &[(&str, &str, Part)]) -> JoinSource {
        let entry = |(class, content, part): &(&str, &str, Part)| {
            let entry = Entry {
                path: format!("{class}/{content}.jpg"),
                offset: None,
                bytes: 1,
                hash: blake3::hash(content.as_bytes()),
                class: 0,
                part: *part,
                width: 10,
                height: 10,
                original: None,
                boxes: Vec::new(),
                group: String::new(),
                source: String::new(),
            };
            ((*class).to_owned(), entry)
        };
        JoinSource {
            name: format!("sets/{name}.csv"),
            manifest: Manifest::new(
                Path::new("/photos").join(name),
                photos.iter().map(entry).collect(),
            ),
        }
    }

    fn map(text: &str) -> Result<ClassMap, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.csv");
        std::fs::write(&path, text).unwrap();
        ClassMap::open(&path)
    }

    /// The classes with their photos' paths.
    fn told(manifest: &Manifest) -> Vec<String> {
        let entries = manifest.all_entries().iter();
        let told = |entry: &Entry| format!("{} {}", manifest.class_name(entry), entry.path);
        entries.map(told).collect()
    }

    const TRAIN: Part = Part::Train;

    #[test]
    fn classes_are_one_by_name_or_breed_and_photos_are_there_once() {
        let first = source(
            "one",
            &[
                ("n02099601-golden_retriever", "a", TRAIN),
                ("n02110958-pug", "b", TRAIN),
                ("hound x", "c", Part::Validation),
            ],
        );
        let second = source(
            "two",
            &[
                ("Golden Retriever", "d", Part::Validation),
                ("carlin", "b", Part::Test),
                ("Hound-X", "e", TRAIN),
                ("shiba", "f", TRAIN),
            ],
        );
        let sources = vec![first, second];
        let joined = join(sources, &ClassMap::default(), 0.5, 1).unwrap();
        assert_eq!(
            told(&joined),
            [
                "hound x one/hound x/c.jpg",
                "hound x two/Hound-X/e.jpg",
                "n02099601-golden_retriever one/n02099601-golden_retriever/a.jpg",
                "n02099601-golden_retriever two/Golden Retriever/d.jpg",
                "n02110958-pug one/n02110958-pug/b.jpg",
                "shiba two/shiba/f.jpg",
            ]
        );
        // Held out in one of them.
        assert_eq!(joined.test_entries().count(), 1);
        let whole = joined.whole_name(&joined.all_entries()[0]);
        assert_eq!(whole, "/photos/one/hound x/c.jpg");
    }

    #[test]
    fn a_map_renames_and_leaves_out_in_one_data_set_or_in_all() {
        let first = source("one", &[("poodle", "a", TRAIN), ("pug", "b", TRAIN)]);
        let second = source("two", &[("poodle", "c", TRAIN), ("coyote", "d", TRAIN)]);
        let joined = |text: &str| {
            let sources = vec![first.clone(), second.clone()];
            join(sources, &map(text)?, 0.2, 1).map(|joined| told(&joined))
        };
        let renamed = joined("class,as,source\npoodle,toy_poodle,two.csv\nCoyote,,\n").unwrap();
        assert_eq!(
            renamed,
            [
                "poodle one/poodle/a.jpg",
                "pug one/pug/b.jpg",
                "toy_poodle two/poodle/c.jpg",
            ]
        );
        let together = joined("class;as\npoodle;curly\npug;curly\ncoyote;\n").unwrap();
        assert!(
            together.iter().all(|line| line.starts_with("curly ")),
            "{together:?}"
        );
        // What nothing is said about by rows is told with their line.
        for (text, what) in [
            ("class,as\npudel-x,poodle\n", "pudel-x"),
            ("class,as,source\npug,carlin,three.csv\n", "three.csv"),
            ("class,as,source\npug,carlin,two.csv\n", "pug"),
            ("class,as\npug,a\npug,b\n", "pug"),
            ("class,as\n,a\n", "class"),
            ("class\npug\n", "as"),
        ] {
            let error = joined(text).unwrap_err();
            for language in Language::ALL {
                let said = error.message(language);
                assert!(said.contains(what) && said.contains("map.csv"), "{said}");
            }
        }
    }

    #[test]
    fn classes_that_clash_are_named_in_both_languages() {
        let first = source(
            "one",
            &[("n02110958-pug", "a", TRAIN), ("beagle", "b", TRAIN)],
        );
        let second = source("two", &[("pug", "c", TRAIN), ("carlin", "d", TRAIN)]);
        let third = source("three", &[("pug", "b", TRAIN), ("beagle", "a", TRAIN)]);
        let joined = |sources: [&JoinSource; 2], text: &str| {
            let sources = sources.into_iter().cloned().collect();
            join(sources, &map(text).unwrap(), 0.2, 1)
        };
        let said = |error: Error, words: &[&str]| {
            for language in Language::ALL {
                let said = error.message(language);
                for word in words {
                    assert!(said.contains(word), "{word}: {said}");
                }
            }
        };
        let clash = joined([&first, &second], "class,as\n").unwrap_err();
        said(clash, &["pug", "carlin", "sets/two.csv", "n02110958-pug"]);
        let told = joined([&first, &second], "class,as\ncarlin,pug\n").unwrap();
        assert_eq!(told.classes().len(), 2);
        let two = joined([&first, &third], "class,as\n").unwrap_err();
        said(two, &["one/n02110958-pug/a.jpg", "three/beagle/a.jpg", "2"]);
    }

    #[test]
    fn each_data_set_has_validation_photos_where_one_has() {
        let photos: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
        let all: Vec<_> = photos
            .iter()
            .map(|photo| ("pug", photo.as_str(), TRAIN))
            .collect();
        let plain = source("one", &all);
        let split = source(
            "two",
            &[("pug", "v", Part::Validation), ("pug", "t", TRAIN)],
        );
        let count = |sources: &[&JoinSource]| {
            let sources = sources.iter().copied().cloned().collect();
            let joined = join(sources, &ClassMap::default(), 0.25, 3).unwrap();
            let entries = joined.all_entries().iter();
            entries
                .filter(|entry| entry.part == Part::Validation)
                .count()
        };
        assert_eq!(count(&[&plain, &split]), 6);
        assert_eq!(count(&[&split, &plain]), 6);
        // Where none has, they are drawn of all together, later.
        assert_eq!(count(&[&plain, &plain]), 0);
    }
}

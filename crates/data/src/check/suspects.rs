//! Labels that seem wrong: by the classes of a photo's neighbours, or by what networks that never
//! saw the photo said (confident learning).

use std::collections::HashMap;
use std::path::Path;

use super::duplicates::{Twins, pairs};
use super::finding::Finding;
use super::kind::Kind;
use crate::error::{Error, TableFault};
use crate::features::Features;
use crate::manifest::{Entry, Manifest};
use crate::part::{Part, part_name};
use crate::table::{Names, Table};
use crate::table_writer::guarded;

/// How many neighbours are asked.
const NEIGHBOURS: usize = 10;
/// A label is suspected where so many of them are of one other class...
const MOST_OF_ANOTHER: usize = 7;
/// ...and no more than so many are of its own.
const FEW_OF_OWN: usize = 1;

/// Suspects by their neighbours in a space of features. Twins do not vouch for each other.
pub(super) fn by_neighbours(
    manifest: &Manifest,
    features: &Features,
    twins: &[Twins],
    threads: usize,
) -> Vec<Finding> {
    let entries = manifest.all_entries();
    let mut pairs = pairs(twins);
    pairs.sort_unstable();
    let apart = |one: usize, other: usize| {
        entries[one].hash == entries[other].hash
            || pairs
                .binary_search(&(one.min(other), one.max(other)))
                .is_ok()
    };
    let nearest = features.neighbours(NEIGHBOURS, threads, &apart);
    let mut found = Vec::new();
    for (entry, nearest) in entries.iter().zip(&nearest) {
        let mut votes: HashMap<usize, usize> = HashMap::new();
        for &(other, _) in nearest {
            *votes.entry(entries[other].class).or_default() += 1;
        }
        let own = votes.remove(&entry.class).unwrap_or_default();
        let most = votes
            .into_iter()
            .max_by_key(|&(class, count)| (count, std::cmp::Reverse(class)));
        if let Some((class, count)) = most
            && count >= MOST_OF_ANOTHER
            && own <= FEW_OF_OWN
        {
            let name = &manifest.classes()[class].folder;
            let detail = format!("{name}: {count} / {NEIGHBOURS}");
            let share = (count - own) as f64 / NEIGHBOURS as f64;
            found.push(suspect(manifest, entry, share, detail));
        }
    }
    found
}

/// What networks that never saw a photo said of it: a row a photo, a column a class.
#[derive(Clone, Debug)]
pub struct Probabilities {
    /// For each of [`Manifest::all_entries`], in the order of the manifest's classes.
    rows: Vec<Option<Vec<f64>>>,
}

impl Probabilities {
    /// From a row for each of [`Manifest::all_entries`], of one value for each of its classes.
    ///
    /// # Panics
    /// Where there are not as many rows as photos, or values as classes.
    pub fn new(manifest: &Manifest, rows: &[Option<Vec<f32>>]) -> Self {
        assert_eq!(rows.len(), manifest.all_entries().len(), "a row a photo");
        let classes = manifest.classes().len();
        let row = |row: &Option<Vec<f32>>| {
            let row = row.as_ref()?;
            assert_eq!(row.len(), classes, "a value a class");
            Some(row.iter().copied().map(f64::from).collect())
        };
        Probabilities {
            rows: rows.iter().map(row).collect(),
        }
    }

    /// Reads a CSV with a column `path`, as in the manifest, and a column for each class of it.
    /// Test photos are passed over, but `with_test`.
    pub fn open(path: &Path, manifest: &Manifest, with_test: bool) -> Result<Self, Error> {
        let table = Table::open(path, None)?;
        let path_column = table.required(&["path"])?;
        let columns = manifest
            .classes()
            .iter()
            .map(|class| table.required(&[&class.folder, &guarded(&class.folder)]))
            .collect::<Result<Vec<_>, _>>()?;
        let places: HashMap<&str, usize> = manifest
            .all_entries()
            .iter()
            .enumerate()
            .map(|(place, entry)| (entry.path.as_str(), place))
            .collect();
        let mut rows = vec![None; manifest.all_entries().len()];
        let mut seen = Names::default();
        for row in table.rows() {
            let row = row?;
            let wrong = |name: &str, value: &str| {
                let fault = TableFault::Value {
                    column: name.to_owned(),
                    value: value.to_owned(),
                };
                Error::table(path, row.line(), fault)
            };
            let name = row.written(path_column);
            seen.once(name, row.line())
                .map_err(|fault| Error::table(path, row.line(), fault))?;
            let mut values = Vec::with_capacity(columns.len());
            for (&column, class) in columns.iter().zip(manifest.classes()) {
                let text = row.field(column);
                let value = text.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
                values.push(value.ok_or_else(|| wrong(&class.folder, text))?);
            }
            // A photo that is no longer there, or was dropped, is nobody's suspect.
            if let Some(&place) = places.get(name)
                && (with_test || manifest.all_entries()[place].part != Part::Test)
                && rows[place].replace(values).is_some()
            {
                return Err(wrong("path", name));
            }
        }
        if rows.iter().all(Option::is_none) {
            return Err(Error::Nothing {
                path: path.to_owned(),
            });
        }
        Ok(Probabilities { rows })
    }
}

/// Suspects by confident learning (Northcutt, Jiang and Chuang, JAIR 2021): a photo counts as of
/// the class whose probability is the greatest among those that reach what the photos under that
/// class get on average; where that is not its own class, it is a suspect.
pub(super) fn by_probabilities(manifest: &Manifest, given: &Probabilities) -> Vec<Finding> {
    let entries = manifest.all_entries();
    let classes = manifest.classes().len();
    let known = || {
        let rows = entries.iter().zip(&given.rows);
        rows.filter_map(|(entry, row)| Some((entry, row.as_ref()?)))
    };
    let mut sums = vec![(0.0, 0usize); classes];
    for (entry, row) in known() {
        sums[entry.class].0 += row[entry.class];
        sums[entry.class].1 += 1;
    }
    let mut found = Vec::new();
    for (entry, row) in known() {
        let confident = (0..classes)
            .filter(|&class| {
                sums[class].1 > 0 && row[class] >= sums[class].0 / sums[class].1 as f64
            })
            .max_by(|&one, &other| row[one].total_cmp(&row[other]));
        if let Some(class) = confident.filter(|&class| class != entry.class) {
            let (other, own) = (row[class], row[entry.class]);
            let name = &manifest.classes()[class].folder;
            let detail = format!("{name}: {other:.3} > {own:.3}");
            found.push(suspect(manifest, entry, other - own, detail));
        }
    }
    found
}

fn suspect(manifest: &Manifest, entry: &Entry, value: f64, detail: String) -> Finding {
    Finding {
        kind: Kind::LabelSuspect,
        paths: vec![entry.path.clone()],
        classes: vec![manifest.class_name(entry).to_owned()],
        splits: vec![part_name(entry.part)],
        value,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Thirty photos of each of two classes; `a/05.jpg` lies among those of b, `a/06.jpg` is the
    /// twin of one of b.
    fn planted() -> (Manifest, Vec<Vec<f32>>) {
        let mut random = tensor::Random::new(1, 0, 0);
        let mut entries = Vec::new();
        let mut rows = Vec::new();
        for (side, class) in ["a", "b"].into_iter().enumerate() {
            for index in 0..30 {
                let path = format!("{class}/{index:02}.jpg");
                entries.push((
                    class.to_owned(),
                    Entry {
                        offset: None,
                        bytes: 1,
                        hash: blake3::hash(path.as_bytes()),
                        class: 0,
                        part: Part::Train,
                        width: 9,
                        height: 9,
                        original: None,
                        boxes: Vec::new(),
                        group: String::new(),
                        source: String::new(),
                        path,
                    },
                ));
                let moved = side == 0 && index == 5;
                let mut row = vec![0.0; 8];
                row[if moved { 1 } else { side }] = 3.0;
                row.iter_mut().for_each(|v| *v += random.normal_f32() * 0.3);
                rows.push(row);
            }
        }
        (Manifest::new(PathBuf::from("/photos"), entries), rows)
    }

    #[test]
    fn a_photo_among_those_of_another_class_is_suspected() {
        let (manifest, rows) = planted();
        let features = Features::new(rows.into_iter().map(Some).collect());
        let found = by_neighbours(&manifest, &features, &[], 2);
        let names: Vec<&str> = found.iter().map(|f| f.paths[0].as_str()).collect();
        assert_eq!(names, ["a/05.jpg"]);
        assert!(found[0].detail.starts_with("b: "), "{}", found[0].detail);
        // Where nearly all its neighbours are its twins, nobody is left to speak against it.
        let twins: Vec<Twins> = (30..60)
            .map(|second| Twins {
                first: 5,
                second,
                likeness: 1.0,
                overlap: 1.0,
                turn: vision::Orientation::Upright,
                corners: 9,
            })
            .collect();
        assert!(by_neighbours(&manifest, &features, &twins, 1).is_empty());
    }

    #[test]
    fn out_of_fold_probabilities_accuse_by_confident_learning() {
        let (manifest, _) = planted();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.csv");
        let mut text = String::from("b,path,a\n");
        for entry in manifest.all_entries() {
            let own = match entry.path.as_str() {
                "a/05.jpg" => 0.1,
                // Unsure, but not confident of the other: no suspect.
                "a/07.jpg" => 0.45,
                _ => 0.8,
            };
            let a = if entry.path.starts_with('a') {
                own
            } else {
                1.0 - own
            };
            text += &format!("{},{},{a}\n", 1.0 - a, entry.path);
        }
        std::fs::write(&file, &text).unwrap();
        let given = Probabilities::open(&file, &manifest, false).unwrap();
        let found = by_probabilities(&manifest, &given);
        let names: Vec<&str> = found.iter().map(|f| f.paths[0].as_str()).collect();
        assert_eq!(names, ["a/05.jpg"]);
        assert!((found[0].value - 0.8).abs() < 1e-9);
        let fails = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Probabilities::open(&file, &manifest, false).unwrap_err()
        };
        assert!(matches!(
            fails("path,a\na/05.jpg,0.5\n"),
            Error::Table { line: 1, .. }
        ));
        assert!(matches!(
            fails("path,a,b\na/05.jpg,0.5,1.5\n"),
            Error::Table { line: 2, .. }
        ));
        let twice = "path,a,b\na/05.jpg,0.5,0.5\na/05.jpg,0.5,0.5\n";
        assert!(matches!(fails(twice), Error::Table { line: 3, .. }));
        assert!(matches!(
            fails("path,a,b\nz.jpg,0.5,0.5\n"),
            Error::Nothing { .. }
        ));
    }
}

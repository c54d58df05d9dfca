//! What people decided about photos: a CSV that can be edited and replayed. Nothing is deleted;
//! later commands honour it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::kind::Kind;
use crate::class::class_name;
use crate::error::{Error, TableFault};
use crate::files::AtomicFile;
use crate::manifest::Manifest;
use crate::split::class_of;
use crate::table::Table;
use crate::table_writer::{TableWriter, unguarded};

/// The columns: the photo as the manifest names it, its hash, what was decided, by whom, why.
pub const DECISION_COLUMNS: [&str; 5] = ["path", "hash", "verdict", "who", "why"];

/// What is decided about a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet (an empty field).
    Open,
    /// `keep`: it is right as it is, and is not shown again for what it was found for (the kind that
    /// `why` begins with; where it begins with none, for nothing).
    Keep,
    /// `drop`: it is not used.
    Drop,
    /// `class:NAME`: it is used under this class.
    Class(String),
}

impl Verdict {
    fn parse(text: &str) -> Option<Verdict> {
        match text {
            "" => Some(Verdict::Open),
            "keep" => Some(Verdict::Keep),
            "drop" => Some(Verdict::Drop),
            other => {
                let name = other.strip_prefix("class:")?.trim();
                (!name.is_empty()).then(|| Verdict::Class(name.to_owned()))
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Verdict::Open => String::new(),
            Verdict::Keep => "keep".to_owned(),
            Verdict::Drop => "drop".to_owned(),
            Verdict::Class(name) => format!("class:{name}"),
        }
    }
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// As the manifest names the photo.
    pub path: String,
    /// BLAKE3 of the photo that was looked at.
    pub hash: blake3::Hash,
    /// What was decided.
    pub verdict: Verdict,
    /// By whom.
    pub who: String,
    /// Why.
    pub why: String,
}

/// All decisions; of two about one photo the later line counts. Columns that a person added are kept
/// when the file is written again, behind those of [`DECISION_COLUMNS`].
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    lines: Vec<Decision>,
    /// The names of a person's own columns.
    other_columns: Vec<String>,
    /// Of each line the cells of these columns.
    other_cells: Vec<Vec<String>>,
}

/// A manifest as decisions have it.
#[derive(Debug)]
pub struct Applied {
    /// The manifest.
    pub manifest: Manifest,
    /// Photos that are decided about and are not there.
    pub unmet: Vec<String>,
    /// Classes that decisions name and no photo had.
    pub new_classes: Vec<String>,
}

impl Decisions {
    /// Reads a file of decisions.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let table = Table::open(path, None)?;
        let columns = DECISION_COLUMNS.map(|name| table.required(&[name]));
        let [file, hash, verdict, who, why] = columns;
        let (file, hash, verdict, who, why) = (file?, hash?, verdict?, who?, why?);
        let others: Vec<usize> = (0..table.width())
            .filter(|column| ![file, hash, verdict, who, why].contains(column))
            .collect();
        let other_columns = (others.iter()).map(|&column| unguarded(table.name(column)).to_owned());
        let (mut lines, mut other_cells) = (Vec::new(), Vec::new());
        for row in table.rows() {
            let row = row?;
            let wrong = |column: usize, name: &str| {
                let fault = TableFault::Value {
                    column: name.to_owned(),
                    value: row.field(column).to_owned(),
                };
                Error::table(path, row.line(), fault)
            };
            lines.push(Decision {
                path: row.written(file).to_owned(),
                hash: blake3::Hash::from_hex(row.field(hash)).map_err(|_| wrong(hash, "hash"))?,
                verdict: Verdict::parse(row.field(verdict))
                    .ok_or_else(|| wrong(verdict, "verdict"))?,
                who: row.text(who).to_owned(),
                why: row.text(why).to_owned(),
            });
            let cells = others.iter().map(|&column| row.written(column).to_owned());
            other_cells.push(cells.collect());
        }
        Ok(Decisions {
            lines,
            other_columns: other_columns.collect(),
            other_cells,
        })
    }

    /// From lines.
    pub fn new(lines: Vec<Decision>) -> Self {
        let mut decisions = Decisions::default();
        decisions.extend(lines);
        decisions
    }

    /// Adds lines at the end.
    pub(crate) fn extend(&mut self, lines: Vec<Decision>) {
        self.lines.extend(lines);
        let empty = vec![String::new(); self.other_columns.len()];
        self.other_cells.resize(self.lines.len(), empty);
    }

    /// Takes the last line out that is this one; one that a person wrote on stays.
    pub(crate) fn remove(&mut self, line: &Decision) {
        let as_written = |place: &usize| {
            self.lines[*place] == *line && self.other_cells[*place].iter().all(String::is_empty)
        };
        if let Some(place) = (0..self.lines.len()).rev().find(as_written) {
            self.lines.remove(place);
            self.other_cells.remove(place);
        }
    }

    /// Writes the file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_into(AtomicFile::create(path).map_err(Error::write(path))?)
    }

    /// The same into a file that was begun before.
    pub fn save_into(&self, file: AtomicFile) -> Result<(), Error> {
        let path = &file.path().to_owned();
        let failed = Error::write(path);
        let mut writer = TableWriter::new(file);
        let others = self.other_columns.iter().map(String::as_str);
        let columns = DECISION_COLUMNS.into_iter().chain(others);
        writer.record(columns).map_err(&failed)?;
        for (line, others) in self.lines.iter().zip(&self.other_cells) {
            let (hash, verdict) = (line.hash.to_hex(), line.verdict.text());
            let own: [&str; 5] = [&line.path, &hash, &verdict, &line.who, &line.why];
            let cells = own.into_iter().chain(others.iter().map(String::as_str));
            writer.record(cells).map_err(&failed)?;
        }
        let file = writer.finish().map_err(failed)?;
        file.commit().map_err(Error::write(path))
    }

    /// The lines, top to bottom.
    pub fn lines(&self) -> &[Decision] {
        &self.lines
    }

    /// The last decision about each photo that is decided, by its hash: a photo that was moved is
    /// found again, one that was changed is not.
    pub(crate) fn by_hash(&self) -> BTreeMap<[u8; 32], &Decision> {
        self.lines
            .iter()
            .filter(|line| line.verdict != Verdict::Open)
            .map(|line| (*line.hash.as_bytes(), line))
            .collect()
    }

    /// Those that are about findings of this kind: whose reason begins with its name, or with that of
    /// no kind, as where a person says in their own words that a photo is right.
    pub(crate) fn about(&self, kind: Kind) -> Decisions {
        let concerns = |line: &&Decision| {
            let end = line.why.find(|c: char| !c.is_ascii_lowercase() && c != '_');
            let first = &line.why[..end.unwrap_or(line.why.len())];
            let named = Kind::ALL.into_iter().find(|kind| kind.name() == first);
            named.is_none_or(|named| named == kind)
        };
        Decisions::new(self.lines.iter().filter(concerns).cloned().collect())
    }

    /// For each photo of a data set ([`Manifest::all_entries`]) the decision that counts. A photo
    /// that was moved is found again by its hash; of copies of one file that were judged apart,
    /// each path's own decision counts.
    pub(crate) fn of_entries(&self, manifest: &Manifest) -> Vec<Option<&Decision>> {
        let by_hash = self.by_hash();
        let decided = self
            .lines
            .iter()
            .filter(|line| line.verdict != Verdict::Open);
        let by_place: BTreeMap<(&str, [u8; 32]), &Decision> = decided
            .map(|line| ((line.path.as_str(), *line.hash.as_bytes()), line))
            .collect();
        let entries = manifest.all_entries();
        let present: BTreeSet<(&str, [u8; 32])> = entries
            .iter()
            .map(|entry| (entry.path.as_str(), *entry.hash.as_bytes()))
            .collect();
        entries
            .iter()
            .map(|entry| {
                let hash = *entry.hash.as_bytes();
                // A decision about another copy that is still there concerns that copy alone.
                let moved = || {
                    let line = by_hash.get(&hash).copied()?;
                    (!present.contains(&(line.path.as_str(), hash))).then_some(line)
                };
                let own = by_place.get(&(entry.path.as_str(), hash)).copied();
                own.or_else(moved)
            })
            .collect()
    }

    /// The data set as decided, and the paths of decisions that meet no photo of it (moved away,
    /// or changed since).
    pub fn apply(&self, manifest: &Manifest) -> Applied {
        let (mut met, mut new) = (BTreeSet::new(), BTreeSet::new());
        let mut named = Vec::new();
        for (entry, decision) in manifest.all_entries().iter().zip(self.of_entries(manifest)) {
            let mut class = manifest.class_name(entry).to_owned();
            if let Some(decision) = decision {
                met.insert(*entry.hash.as_bytes());
                match &decision.verdict {
                    Verdict::Drop => continue,
                    Verdict::Class(name) => {
                        class = class_of(manifest, name).unwrap_or_else(|| {
                            let name = class_name(name);
                            new.insert(name.clone());
                            name
                        });
                    }
                    Verdict::Keep | Verdict::Open => {}
                }
            }
            named.push((class, entry.clone()));
        }
        let unmet = self
            .by_hash()
            .iter()
            .filter(|(hash, _)| !met.contains(*hash))
            .map(|(_, line)| line.path.clone())
            .collect();
        Applied {
            manifest: manifest.with_named(named),
            unmet,
            new_classes: new.into_iter().collect(),
        }
    }
}

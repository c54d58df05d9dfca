//! Data sets in tables: a CSV with a path and a class in each row.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::ImportOptions;
use super::candidate::Candidate;
use super::problem::{Problem, ProblemKind};
use crate::class::{class_name, composed, decomposed};
use crate::error::{Error, TableFault};
use crate::manifest::Rectangle;
use crate::part::{Part, part_by_name, part_name};
use crate::table::Table;

/// Names of columns that tables of labels use, by meaning, in lower case.
const PATH_COLUMNS: [&str; 8] = [
    "path",
    "file",
    "filename",
    "file_name",
    "image",
    "image_path",
    "photo",
    "id",
];
const LABEL_COLUMNS: [&str; 8] = [
    "label",
    "class",
    "breed",
    "category",
    "class_name",
    "target",
    "race",
    "y",
];
const PART_COLUMNS: [&str; 3] = ["split", "part", "subset"];
const GROUP_COLUMNS: [&str; 5] = ["group", "animal", "animal_id", "dog_id", "individual"];
const BOX_COLUMNS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];
/// Endings that a table may leave off (`id` instead of `id.jpg`).
const LEFT_OFF_ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "JPG"];

/// A row of a table of labels.
struct Row {
    line: u64,
    class: String,
    part: Part,
    group: String,
    boxes: Vec<Rectangle>,
    /// The same, so that a photo of many boxes is not looked through for each.
    known_boxes: HashSet<[u32; 4]>,
}

/// A box from the text of its sides, where each is a number.
fn rectangle(sides: &[&str]) -> Option<Rectangle> {
    let side = |text: &&str| text.parse().ok().filter(|side: &f32| side.is_finite());
    let sides: Vec<f32> = sides.iter().map(side).collect::<Option<_>>()?;
    sides.try_into().ok()
}

/// A table of paths and classes.
pub(super) fn from_table(
    path: &Path,
    options: &ImportOptions,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Candidate>, Error> {
    let table = Table::open(path, options.encoding.as_deref())?;
    let column = |named: &Option<String>, usual: &[&str]| match named {
        Some(name) => table.required(&[name.as_str()]),
        None => table.required(usual),
    };
    let path_column = column(&options.path_column, &PATH_COLUMNS)?;
    let label_column = column(&options.label_column, &LABEL_COLUMNS)?;
    let part_column = table.first_column(&PART_COLUMNS)?;
    let group_column = table.first_column(&GROUP_COLUMNS)?;
    let box_columns = BOX_COLUMNS.map(|name| table.column(name));
    let box_columns = box_columns.into_iter().collect::<Result<Vec<_>, _>>()?;
    let box_columns: Option<Vec<usize>> = box_columns.into_iter().collect();
    let own_folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let folder = match &options.photos {
        Some(folder) => folder.canonicalize().map_err(Error::read(folder))?,
        None => own_folder,
    };

    // In the order of the table; what one name says, checked against what it said before.
    let mut order: Vec<String> = Vec::new();
    let mut named: HashMap<String, Row> = HashMap::new();
    let mut contradicted: BTreeSet<String> = BTreeSet::new();
    for row in table.rows() {
        let row = row?;
        let name = row.field(path_column).replace('\\', "/");
        let class = &class_name(row.field(label_column));
        if name.is_empty() && class.is_empty() {
            continue;
        }
        let told = part_column.map_or("", |column| row.field(column));
        // A word that means nothing here must not let test photos in among the others.
        let Some(part) = part_by_name(told) else {
            let column = part_column.map(|column| table.name(column));
            let fault = TableFault::Value {
                column: column.unwrap_or_default().to_owned(),
                value: told.to_owned(),
            };
            return Err(Error::table(path, row.line(), fault));
        };
        let sides: Option<Vec<&str>> = box_columns
            .as_ref()
            .map(|columns| columns.iter().map(|&column| row.field(column)).collect())
            .filter(|sides: &Vec<&str>| sides.iter().any(|side| !side.is_empty()));
        let boxes: Option<Rectangle> = sides.as_ref().and_then(|sides| rectangle(sides));
        let line = row.line();
        let mut problem = |kind, detail: String| {
            problems.push(Problem {
                path: name.clone(),
                kind,
                detail,
            });
        };
        if class.is_empty() || name.is_empty() {
            problem(ProblemKind::NoLabel, format!("line {line}"));
            continue;
        }
        if sides.is_some() && boxes.is_none() {
            problem(ProblemKind::BadAnnotation, format!("line {line}"));
        }
        if let Some(before) = named.get_mut(&name) {
            if before.class != *class || before.part != part {
                if contradicted.insert(name.clone()) {
                    let this = [class.as_str(), part_name(part)].join(" ");
                    let that = [&before.class, part_name(before.part)].join(" ");
                    problem(
                        ProblemKind::TwoLabels,
                        format!(
                            "{} in line {}, {} in line {line}",
                            that.trim_end(),
                            before.line,
                            this.trim_end()
                        ),
                    );
                }
            } else if boxes.is_some_and(|new| before.known_boxes.insert(new.map(f32::to_bits))) {
                before.boxes.extend(boxes);
            } else if sides.is_none() || boxes.is_some() {
                problem(
                    ProblemKind::NamedTwice,
                    format!("lines {} and {line}", before.line),
                );
            }
            continue;
        }
        order.push(name.clone());
        let row = Row {
            line,
            class: class.clone(),
            part,
            group: group_column.map_or(String::new(), |column| row.field(column).to_owned()),
            known_boxes: boxes.iter().map(|new| new.map(f32::to_bits)).collect(),
            boxes: boxes.into_iter().collect(),
        };
        named.insert(name, row);
    }

    let mut candidates = Vec::new();
    let mut files: HashMap<PathBuf, String> = HashMap::new();
    for name in order {
        if contradicted.contains(&name) {
            continue;
        }
        let Some(row) = named.remove(&name) else {
            continue;
        };
        let Some(file) = find_photo(&folder, &name, &row) else {
            problems.push(Problem {
                path: name,
                kind: ProblemKind::Missing,
                detail: format!("line {}", row.line),
            });
            continue;
        };
        // Two names of one file (`a`, `./a.jpg`, a link) would put it on both sides of a split.
        if let Some(first) = files.get(&file) {
            problems.push(Problem {
                path: name,
                kind: ProblemKind::NamedTwice,
                detail: format!("the same file as {first}"),
            });
            continue;
        }
        files.insert(file.clone(), name.clone());
        candidates.push(Candidate {
            file,
            member: None,
            name,
            class: row.class,
            part: row.part,
            group: row.group,
            boxes: row.boxes,
            annotation: None,
            original: None,
        });
    }
    Ok(candidates)
}

/// The photo that a table means: its name may lack the ending, the class's folder or the part's.
fn find_photo(folder: &Path, name: &str, row: &Row) -> Option<PathBuf> {
    // A name that a table spells in one way of Unicode may be spelled in the other on the disk.
    let mut spellings = vec![name.to_owned()];
    if !name.is_ascii() {
        spellings.extend([composed(name), decomposed(name)]);
    }
    let mut places = Vec::new();
    for name in &spellings {
        places.push(folder.join(name));
        if !Path::new(name).is_absolute() {
            for part in [part_name(row.part), "images", "Images", "train", "photos"] {
                places.push(folder.join(part).join(name));
            }
            places.push(folder.join(&row.class).join(name));
            if !row.class.is_ascii() {
                places.push(folder.join(decomposed(&row.class)).join(name));
            }
        }
    }
    places
        .iter()
        .flat_map(|place| {
            let text = place.as_os_str().to_owned();
            let with_ending = LEFT_OFF_ENDINGS.iter().map(move |ending| {
                let mut longer = text.clone();
                longer.push(".");
                longer.push(ending);
                PathBuf::from(longer)
            });
            std::iter::once(place.clone()).chain(with_ending)
        })
        .find(|place| place.is_file())
        .and_then(|place| place.canonicalize().ok())
        .filter(|place| place.to_str().is_some())
}

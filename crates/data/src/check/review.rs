//! Going through what a check found, verdict by verdict. Each verdict is in the file of decisions
//! before the next is asked for; taking one back takes it out again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::decisions::{Decision, Decisions, Verdict};
use super::kind::Kind;
use crate::error::{Error, TableFault};
use crate::manifest::{Entry, Manifest};

/// The most bytes of a check's report: ten findings a photo of a million.
const MOST_BYTES: u64 = 2 << 30;

/// Something to decide about: a photo, or a pair.
#[derive(Clone, Debug)]
pub struct ReviewItem {
    /// What was found.
    pub kind: Kind,
    /// The photos, as indices into [`Manifest::all_entries`].
    pub photos: Vec<usize>,
    /// The number that it was found by.
    pub value: f64,
    /// More about it; [`super::reason`] says it in words.
    pub detail: String,
}

/// What a check found, and what was decided about it.
#[derive(Debug)]
pub struct Review {
    manifest: Manifest,
    items: Vec<ReviewItem>,
    elsewhere: usize,
    file: PathBuf,
    who: String,
    decisions: Decisions,
    /// What each step added to the file, the latest last, with the item it was about.
    steps: Vec<(usize, Vec<Decision>)>,
}

/// A finding as a check writes it into its JSON.
#[derive(Deserialize)]
struct Saved {
    kind: String,
    paths: Vec<String>,
    #[serde(default)]
    value: f64,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Report {
    findings: Vec<Saved>,
}

impl Review {
    /// What `check_json` (a check of this data set) found, with the verdicts of `decisions`, which
    /// need not be there yet. `who` decides.
    ///
    /// # Errors
    /// Where a file cannot be read or understood, or its findings are about other photos than the
    /// manifest's. A check that found nothing, or only what is about no photo, is a review of no items.
    pub fn open(
        manifest: Manifest,
        check_json: &Path,
        decisions: &Path,
        who: &str,
    ) -> Result<Self, Error> {
        let text = tensor::read_regular(check_json, MOST_BYTES).map_err(Error::read(check_json))?;
        let report: Report = serde_json::from_slice(&text).map_err(|error| {
            let fault = TableFault::Value {
                column: "JSON".to_owned(),
                value: error.to_string(),
            };
            Error::table(check_json, error.line() as u64, fault)
        })?;
        let places: BTreeMap<&str, usize> = manifest
            .all_entries()
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.path.as_str(), index))
            .collect();
        let found = report.findings.len();
        // Of a photo that cannot be read and of a class nothing is decided here.
        let of_photos = |saved: &Saved| {
            let none = [Kind::Unreadable, Kind::Imbalance].map(Kind::name);
            !none.contains(&saved.kind.as_str()) && !saved.paths.is_empty()
        };
        let about_photos = report.findings.iter().any(of_photos);
        let items: Vec<ReviewItem> = report
            .findings
            .into_iter()
            .filter_map(|saved| {
                let kind = Kind::ALL
                    .into_iter()
                    .find(|kind| kind.name() == saved.kind)?;
                let photos = saved
                    .paths
                    .iter()
                    .map(|path| places.get(path.as_str()).copied());
                let photos: Vec<usize> = photos.collect::<Option<_>>()?;
                (!photos.is_empty()).then_some(ReviewItem {
                    kind,
                    photos,
                    value: saved.value,
                    detail: saved.detail,
                })
            })
            .collect();
        if items.is_empty() && about_photos {
            let path = check_json.to_owned();
            return Err(Error::NothingToReview { path });
        }
        let mut review = Review {
            manifest,
            elsewhere: found - items.len(),
            items,
            file: decisions.to_owned(),
            who: who.to_owned(),
            decisions: Decisions::default(),
            steps: Vec::new(),
        };
        review.decisions = review.read()?;
        Ok(review)
    }

    /// The data set.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What there is to decide about, in the order of the report.
    pub fn items(&self) -> &[ReviewItem] {
        &self.items
    }

    /// How many findings of the report are about no photo of the data set (one that could not be read,
    /// a class), so that nothing is decided about them here.
    pub fn elsewhere(&self) -> usize {
        self.elsewhere
    }

    /// The photo of an item; `None` where there is no such item or photo.
    pub fn photo(&self, item: usize, place: usize) -> Option<&Entry> {
        let index = *self.items.get(item)?.photos.get(place)?;
        self.manifest.all_entries().get(index)
    }

    /// What was decided about each photo of an item: dropped or renamed, for whatever reason; or
    /// kept as what the item found it for.
    pub fn verdicts(&self, item: usize) -> Vec<Verdict> {
        let Some(item) = self.items.get(item) else {
            return Vec::new();
        };
        let of_all = self.of_all(item.kind);
        let verdict = |&photo: &usize| of_all[photo].clone();
        item.photos.iter().map(verdict).collect()
    }

    /// Which items are decided: a photo of theirs is dropped or renamed, or all are kept.
    pub fn decided(&self) -> Vec<bool> {
        let mut by_kind: BTreeMap<Kind, Vec<Verdict>> = BTreeMap::new();
        for item in &self.items {
            let kind = item.kind;
            by_kind.entry(kind).or_insert_with(|| self.of_all(kind));
        }
        let is_decided = |item: &ReviewItem| {
            let verdict = |photo: &usize| &by_kind[&item.kind][*photo];
            let changed = |photo| !matches!(verdict(photo), Verdict::Open | Verdict::Keep);
            item.photos.iter().any(changed)
                || item
                    .photos
                    .iter()
                    .all(|photo| *verdict(photo) == Verdict::Keep)
        };
        self.items.iter().map(is_decided).collect()
    }

    /// For each photo of the manifest what was decided about it as a finding of this kind.
    fn of_all(&self, kind: Kind) -> Vec<Verdict> {
        let about = self.decisions.about(kind);
        let own = about.of_entries(&self.manifest);
        let any = self.decisions.of_entries(&self.manifest);
        any.into_iter()
            .zip(own)
            .map(|(any, own)| match (any.map(|line| &line.verdict), own) {
                (Some(changed @ (Verdict::Drop | Verdict::Class(_))), _) => changed.clone(),
                (_, Some(line)) if line.verdict == Verdict::Keep => Verdict::Keep,
                _ => Verdict::Open,
            })
            .collect()
    }

    /// Writes a verdict about each photo of an item, in the order of [`ReviewItem::photos`];
    /// [`Verdict::Open`] says nothing about a photo. What others wrote into the file meanwhile
    /// stays.
    ///
    /// # Errors
    /// Where the file cannot be read or written; nothing has changed then.
    pub fn decide(&mut self, item: usize, verdicts: &[Verdict]) -> Result<(), Error> {
        let Some(about) = self.items.get(item) else {
            return Ok(());
        };
        let lines: Vec<Decision> = about
            .photos
            .iter()
            .zip(verdicts)
            .filter(|(_, verdict)| **verdict != Verdict::Open)
            .map(|(&index, verdict)| {
                let entry = &self.manifest.all_entries()[index];
                Decision {
                    path: entry.path.clone(),
                    hash: entry.hash,
                    verdict: verdict.clone(),
                    who: self.who.clone(),
                    why: about.kind.name().to_owned(),
                }
            })
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        let mut all = self.read()?;
        all.extend(lines.clone());
        all.save(&self.file)?;
        self.decisions = all;
        self.steps.push((item, lines));
        Ok(())
    }

    /// Takes the last verdict back, and says which item it was about; `None` where there is none.
    ///
    /// # Errors
    /// As [`Review::decide`].
    pub fn undo(&mut self) -> Result<Option<usize>, Error> {
        let Some((item, lines)) = self.steps.last() else {
            return Ok(None);
        };
        let mut all = self.read()?;
        for line in lines {
            all.remove(line);
        }
        all.save(&self.file)?;
        let item = *item;
        self.decisions = all;
        self.steps.pop();
        Ok(Some(item))
    }

    /// Whether there is a verdict to take back.
    pub fn can_undo(&self) -> bool {
        !self.steps.is_empty()
    }

    fn read(&self) -> Result<Decisions, Error> {
        if self.file.exists() {
            Decisions::open(&self.file)
        } else {
            Ok(Decisions::default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{ImportOptions, import};

    /// Three photos, a pair of twins among them, and what a check says of them.
    fn planted() -> (tempfile::TempDir, Review) {
        let folder = tempfile::tempdir().unwrap();
        let set = folder.path().join("set");
        for (name, seed) in [("pug/a.jpg", 1), ("beagle/b.jpg", 2), ("pug/c.jpg", 3)] {
            let path = set.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, crate::scene::jpeg(seed, 40, 40)).unwrap();
        }
        let manifest = import(&set, &ImportOptions::default(), &|_, _| {})
            .unwrap()
            .manifest;
        // In the order of their paths: beagle/b.jpg, pug/a.jpg, pug/c.jpg.
        let path = |index: usize| manifest.all_entries()[index].path.clone();
        let json = serde_json::json!({"findings": [
            {"kind": "twins_across_classes", "paths": [path(0), path(1)], "value": 0.9},
            {"kind": "dark", "paths": [path(2)], "detail": "so dark"},
            {"kind": "imbalance", "paths": ["pug"]},
            {"kind": "dark", "paths": ["gone.jpg"]},
            {"kind": "of tomorrow", "paths": [path(2)]},
        ]});
        let check = folder.path().join("check.json");
        std::fs::write(&check, json.to_string()).unwrap();
        let decisions = folder.path().join("decisions.csv");
        let review = Review::open(manifest, &check, &decisions, "ada").unwrap();
        (folder, review)
    }

    #[test]
    fn a_verdict_is_in_the_file_at_once_and_can_be_taken_back() {
        let (folder, mut review) = planted();
        assert_eq!(review.items().len(), 2);
        assert_eq!(review.decided(), [false, false]);
        assert!(!review.can_undo() && review.undo().unwrap().is_none());
        let file = folder.path().join("decisions.csv");

        review.decide(0, &[Verdict::Open, Verdict::Drop]).unwrap();
        assert_eq!(review.decided(), [true, false]);
        assert_eq!(review.verdicts(0), [Verdict::Open, Verdict::Drop]);
        let saved = Decisions::open(&file).unwrap();
        assert_eq!(saved.lines().len(), 1);
        assert!(saved.lines()[0].path.ends_with("a.jpg"));
        assert_eq!(saved.lines()[0].who, "ada");
        let left = saved.apply(review.manifest()).manifest;
        assert_eq!(left.all_entries().len(), 2);

        // A second thought counts, and is taken back alone.
        let renamed = Verdict::Class("beagle".to_owned());
        review.decide(0, &[Verdict::Keep, renamed.clone()]).unwrap();
        assert_eq!(review.verdicts(0), [Verdict::Keep, renamed]);
        assert_eq!(review.undo().unwrap(), Some(0));
        assert_eq!(review.verdicts(0), [Verdict::Open, Verdict::Drop]);
        review.decide(1, &[Verdict::Keep]).unwrap();
        assert_eq!(review.decided(), [true, true]);
        assert_eq!(review.undo().unwrap(), Some(1));
        assert_eq!(review.undo().unwrap(), Some(0));
        assert!(Decisions::open(&file).unwrap().lines().is_empty());
    }

    #[test]
    fn a_photo_that_is_kept_as_dark_is_still_asked_about_as_a_twin() {
        let (folder, mut review) = planted();
        let file = folder.path().join("decisions.csv");
        let entry = review.manifest().all_entries()[2].clone();
        let line = |why: &str| Decision {
            path: entry.path.clone(),
            hash: entry.hash,
            verdict: Verdict::Keep,
            who: "ada".to_owned(),
            why: why.to_owned(),
        };
        for (why, kept) in [
            ("blurred: 12.0", false),
            ("dark", true),
            ("dark: 12.0", true),
            ("darkness is fine", true),
            ("It is as it should be.", true),
            ("", true),
        ] {
            Decisions::new(vec![line(why)]).save(&file).unwrap();
            review.decisions = review.read().unwrap();
            assert_eq!(review.decided(), [false, kept], "{why}");
        }
    }

    #[test]
    fn what_others_write_meanwhile_stays() {
        let (folder, mut review) = planted();
        review.decide(1, &[Verdict::Drop]).unwrap();
        let file = folder.path().join("decisions.csv");
        let mut lines = Decisions::open(&file).unwrap().lines().to_vec();
        lines[0].why = "edited by hand".to_owned();
        lines.push(Decision {
            who: "bob".to_owned(),
            verdict: Verdict::Keep,
            ..lines[0].clone()
        });
        Decisions::new(lines).save(&file).unwrap();
        review.decide(0, &[Verdict::Keep, Verdict::Keep]).unwrap();
        assert_eq!(review.verdicts(1), [Verdict::Keep]);
        assert_eq!(review.undo().unwrap(), Some(0));
        let kept = Decisions::open(&file).unwrap();
        let who: Vec<_> = kept.lines().iter().map(|line| line.who.as_str()).collect();
        assert_eq!(who, ["ada", "bob"]);
    }

    #[test]
    fn columns_that_a_person_added_stay() {
        let (folder, mut review) = planted();
        review.decide(1, &[Verdict::Drop]).unwrap();
        let file = folder.path().join("decisions.csv");
        let written = std::fs::read_to_string(&file).unwrap();
        // As a spreadsheet may leave it: the columns in another order, two of one name, one of none.
        let mut lines = written
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let (names, cells) = (lines.next().unwrap(), lines.next().unwrap());
        let with = |own: [&str; 4], of: &[&str]| {
            let [path, hash, verdict, who, why] = of else {
                panic!("{of:?}")
            };
            let all = [
                own[0], who, path, hash, own[1], verdict, why, own[2], own[3],
            ];
            all.map(|cell| format!("\"{cell}\"")).join(";")
        };
        let edited = [
            with(["note", "'=seen", "note", ""], &names),
            with(["so dark; truly", "'=1+1", " x ", "y"], &cells),
        ];
        std::fs::write(&file, edited.join("\r\n")).unwrap();
        review.decide(0, &[Verdict::Keep, Verdict::Drop]).unwrap();
        let table = || {
            let mut reader = csv::Reader::from_path(&file).unwrap();
            let names = reader.headers().unwrap().clone();
            let rows = reader.into_records().map(|row| row.unwrap());
            let rows = rows.map(|row| row.iter().skip(5).map(str::to_owned).collect::<Vec<_>>());
            (names, rows.collect::<Vec<_>>())
        };
        let (names, rows) = table();
        let expected = [
            "path", "hash", "verdict", "who", "why", "note", "'=seen", "note", "",
        ];
        assert!(names.iter().eq(expected), "{names:?}");
        let of_person = ["so dark; truly", "'=1+1", " x ", "y"]
            .map(str::to_owned)
            .to_vec();
        let empty = vec![String::new(); 4];
        assert_eq!(rows, [of_person.clone(), empty.clone(), empty]);
        // Undoing takes museau's lines out, and none that a person wrote on.
        review.undo().unwrap();
        review.undo().unwrap();
        let (again, rows) = table();
        assert_eq!((again, rows), (names, vec![of_person]));
    }

    /// A finding about a photo that the data set does not have.
    const OTHER: &str = r#"{"findings": [{"kind": "dark", "paths": ["elsewhere/1.jpg"]}]}"#;

    #[test]
    fn a_check_without_anything_to_decide_is_a_review_of_nothing() {
        let (folder, review) = planted();
        let manifest = review.manifest().clone();
        let check = folder.path().join("check.json");
        let decisions = folder.path().join("decisions.csv");
        let of_none =
            r#"{"kind": "unreadable", "paths": ["cut.jpg"]}, {"kind": "imbalance", "paths": []}"#;
        for (findings, elsewhere) in [("", 0), (of_none, 2)] {
            std::fs::write(&check, format!("{{\"findings\": [{findings}]}}")).unwrap();
            let review = Review::open(manifest.clone(), &check, &decisions, "ada").unwrap();
            assert_eq!((review.items().len(), review.elsewhere()), (0, elsewhere));
        }
    }

    #[test]
    fn a_report_that_is_none_is_said() {
        let (folder, review) = planted();
        let manifest = review.manifest().clone();
        let check = folder.path().join("check.json");
        let decisions = folder.path().join("decisions.csv");
        for text in ["", "{", "[]", "{\"findings\": 3}", OTHER] {
            std::fs::write(&check, text).unwrap();
            let opened = Review::open(manifest.clone(), &check, &decisions, "ada");
            let error = opened.unwrap_err();
            use words::Say;
            for language in words::Language::ALL {
                assert!(error.message(language).contains("check.json"), "{text}");
            }
        }
    }
}

//! What museau writes for people, and how it knows such a file again.
use super::stamp::{is_stamped, is_stamped_manual, is_stamped_object};
use crate::columns::{
    PREDICTION_COLUMNS, PROBLEM_COLUMNS, RUN_COLUMNS, begins_with, is_as_written, is_manifest,
    is_point, is_prediction, is_problem,
};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

/// A kind of files that museau writes where a person says. One that stands in the place already is
/// replaced where it is empty or museau's own of the same kind, by its content; never a manifest, but by
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table of photos; whoever writes it compares the two first.
    Manifest,
    /// A report, HTML.
    Page,
    /// What a check found, JSON.
    Check,
    /// Numbers about a data set, JSON.
    Exploration,
    /// What an import found wrong, CSV.
    Problems,
    /// What a model said of each photo, CSV.
    Predictions,
    /// The metrics of runs, CSV.
    RunTable,
    /// The same, a JSON object per line.
    RunLines,
    /// A picture that museau encoded.
    Picture,
    /// A page for `man`.
    Manual,
    /// Bare numbers of a measurement, which look like any others: never replaced.
    Numbers,
    /// A model: weights that took hours look like any others, so that none is ever replaced.
    Package,
    /// What a person fills in: never replaced.
    Decisions,
}

/// Why a file is not written.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A manifest stands in its place.
    #[error("a manifest is there")]
    Manifest,
    /// Something that museau did not make, or does not replace, stands in its place.
    #[error("another file is there")]
    Other,
    /// Another result of this process goes there.
    #[error("another result goes there")]
    Twice,
    /// The system says so.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// More than any kind that is known by its beginning is known by.
const HEAD: usize = 4096;
/// Bytes of a file that is known by all that is in it; a larger one is a person's.
const LARGEST: u64 = 1 << 30;

impl Kind {
    /// Whether what stands at `path` may be replaced by a file of this kind; nothing may.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn may_replace(self, path: &Path) -> Result<(), Refused> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let mut head = Vec::new();
        let file = tensor::open_regular(path)?;
        let (empty, read) = (
            file.metadata()?.len() == 0,
            file.take(HEAD as u64).read_to_end(&mut head),
        );
        read?;
        match (is_manifest(path), self) {
            (true, Kind::Manifest) => Ok(()),
            (true, _) => Err(Refused::Manifest),
            _ if empty || self.is_own(path, &head) => Ok(()),
            _ => Err(Refused::Other),
        }
    }

    /// Whether a file that begins so is museau's own of this kind.
    fn is_own(self, path: &Path, head: &[u8]) -> bool {
        match self {
            Kind::Page => has(path, report::is_page),
            Kind::Check => is_json(path, &["counts", "decided", "findings", "photos"]),
            Kind::Exploration => is_json(
                path,
                &["aspects", "channel_means", "sharpness", "unreadable"],
            ),
            Kind::RunLines => is_json(path, &["artefacts", "environment", "series"]),
            Kind::Problems => {
                begins_with(head, &PROBLEM_COLUMNS, false) && is_table(path, is_problem)
            }
            Kind::Predictions => {
                begins_with(head, &PREDICTION_COLUMNS, true) && is_table(path, is_prediction)
            }
            Kind::RunTable => begins_with(head, &RUN_COLUMNS, false) && is_table(path, is_point),
            Kind::Picture => vision::encode::written_here(head) && has(path, is_stamped),
            Kind::Manual => has(path, is_stamped_manual),
            Kind::Manifest | Kind::Numbers | Kind::Package | Kind::Decisions => false,
        }
    }
}

/// Whether the bytes of a file are so.
fn has(path: &Path, is_so: impl FnOnce(&[u8]) -> bool) -> bool {
    tensor::read_regular(path, LARGEST).is_ok_and(|bytes| is_so(&bytes))
}

/// Whether a file is a table to the byte as museau writes it, with rows that it writes.
fn is_table(path: &Path, is_row: fn(&[&str]) -> bool) -> bool {
    has(path, |bytes| is_as_written(bytes, is_row))
}

/// Whether a file is one object as museau wrote it, or a line each, that have these keys.
fn is_json(path: &Path, keys: &[&str]) -> bool {
    let has_keys = |object: &str| {
        let object = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(object);
        object.is_ok_and(|object| keys.iter().all(|key| object.contains_key(*key)))
    };
    let is_own = |object: &str| is_stamped_object(object) && has_keys(object);
    has(path, |bytes| {
        let text = std::str::from_utf8(bytes);
        text.is_ok_and(|text| is_own(text) || text.lines().all(is_own) && text.ends_with('\n'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{stamped, stamped_manual, stamped_object};
    use super::*;

    const ALL: [Kind; 13] = [
        Kind::Manifest,
        Kind::Page,
        Kind::Check,
        Kind::Exploration,
        Kind::Problems,
        Kind::Predictions,
        Kind::RunTable,
        Kind::RunLines,
        Kind::Picture,
        Kind::Manual,
        Kind::Numbers,
        Kind::Package,
        Kind::Decisions,
    ];

    /// A table of predictions, by its writer.
    fn predictions() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let table = crate::Predictions {
            classes: vec!["a".to_owned()],
            rows: vec![crate::Prediction {
                path: "x.jpg".to_owned(),
                label: "a".to_owned(),
                probabilities: vec![1.0],
            }],
        };
        let file = super::super::AtomicFile::create(&path).unwrap();
        table.save_into(file).unwrap();
        std::fs::read(path).unwrap()
    }

    /// A file of each kind as museau writes it, and files of a person that look much like one.
    fn samples() -> Vec<(Option<Kind>, &'static str, Vec<u8>)> {
        let photo = vision::Photo::from_rgb(2, 2, vec![7; 12]);
        let manifest = format!("{}\na.jpg,,1,0,b,,,1,1,,,,\n", crate::COLUMNS.join(","));
        let mut problems = Vec::new();
        let problem = crate::Problem {
            path: "a".to_owned(),
            kind: crate::ProblemKind::Empty,
            detail: String::new(),
        };
        crate::Problem::write_all(&[problem], &mut problems).unwrap();
        let runs = crate::table_line(RUN_COLUMNS)
            + &crate::table_line(["a1", "=run", "loss", "1", "0.5"])
            + &crate::table_line(["a1", "=run", "loss", "2", "NaN"]);
        let page = report::Page::new(words::Language::French, "Un titre").finish();
        let check = r#"{"counts": {}, "decided": 0, "findings": [{"kind": "x"}], "photos": 3}"#;
        let run = stamped_object(r#"{"id":"a","environment":{},"artefacts":[],"series":{}}"#);
        let own = |kind, name, bytes: &[u8]| (Some(kind), name, bytes.to_vec());
        let theirs = |name, bytes: &[u8]| (None, name, bytes.to_vec());
        vec![
            own(Kind::Manifest, "a.csv", manifest.as_bytes()),
            own(Kind::Page, "b.html", page.as_bytes()),
            own(Kind::Check, "c.json", stamped_object(check).as_bytes()),
            own(
                Kind::RunLines,
                "d.json",
                format!("{run}\n{run}\n").as_bytes(),
            ),
            own(Kind::Problems, "e.csv", &problems),
            own(Kind::Predictions, "f.csv", &predictions()),
            own(Kind::RunTable, "g.csv", runs.as_bytes()),
            own(
                Kind::Picture,
                "h.png",
                &stamped(vision::encode::png(&photo).unwrap()),
            ),
            own(Kind::Manual, "i.1", &stamped_manual(b".TH museau-data 1\n")),
            // What a person edited, and what earlier versions wrote, which had no hash.
            theirs(
                "edited.html",
                page.replace("Un titre", "Mon titre").as_bytes(),
            ),
            theirs(
                "before.html",
                page.split("<!-- ").next().unwrap().as_bytes(),
            ),
            theirs(
                "edited.json",
                stamped_object(check).replace('3', "4").as_bytes(),
            ),
            theirs("before.json", check.as_bytes()),
            theirs(
                "edited.jsonl",
                format!("{run}\n{}\n", run.replace("\"a\"", "\"b\"")).as_bytes(),
            ),
            theirs(
                "noted.jsonl",
                format!("{run}\nchecked by hand\n").as_bytes(),
            ),
            theirs("before.1", b".TH museau-data 1\n"),
            theirs("j.f32", &[0, 0, 128, 63]),
            theirs("k.csv", b"path,label\na.jpg,pug\n"),
            theirs("l.csv", b"file,breed,age\na.jpg,pug,3\n"),
            theirs(
                "m.html",
                b"<!doctype html><html><head><title>Mine</title></head></html>",
            ),
            theirs("n.json", b"{\"photos\": 3, \"counts\": {}}"),
            theirs("o.json", b"[1, 2, 3]"),
            theirs("p.museau", b"\x08\0\0\0\0\0\0\0{}      "),
            theirs(
                "q.jpg",
                include_bytes!("../../../../tests/photos/beagle_14.jpg"),
            ),
            theirs(
                "t.csv",
                b"path,label,answer,notes\nx.jpg,a,a,checked by hand\n",
            ),
            theirs("u.csv", b"path,label,answer,a\nx.jpg,a,a,1.0\n"),
            theirs(
                "v.csv",
                b"path,label,answer,a\nx.jpg,a,a,1\nchecked by hand,,,\n",
            ),
            theirs("w.csv", b"path,problem,detail\na.jpg,blurred,my own note\n"),
            theirs("x.csv", b"path,problem,detail\na.jpg,empty,\n\n"),
            theirs(
                "y.csv",
                b"run,name,metric,step,value\nmine,,loss,first,0.5\n",
            ),
            theirs("z.png", &vision::encode::png(&photo).unwrap()),
            theirs("r.1", b".TH tar 1\n"),
            theirs("s.csv", b"path,hash,verdict,who,why\n"),
        ]
    }

    #[test]
    fn each_kind_replaces_its_own_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for (own, name, bytes) in samples() {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            for kind in ALL {
                let found = kind.may_replace(&path);
                let right = match own {
                    Some(own) if own == kind => found.is_ok(),
                    Some(Kind::Manifest) => matches!(found, Err(Refused::Manifest)),
                    _ => matches!(found, Err(Refused::Other)),
                };
                assert!(right, "{kind:?} over {name}: {found:?}");
            }
        }
    }

    #[test]
    fn nothing_and_an_empty_file_are_replaced_and_what_is_no_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("empty"), "").unwrap();
        for kind in ALL {
            assert!(kind.may_replace(&at("none")).is_ok(), "{kind:?}");
            assert!(kind.may_replace(&at("empty")).is_ok(), "{kind:?}");
            assert!(kind.may_replace(folder.path()).is_err(), "{kind:?}");
            #[cfg(unix)]
            assert!(
                kind.may_replace(Path::new("/dev/null")).is_err(),
                "{kind:?}"
            );
        }
    }
}

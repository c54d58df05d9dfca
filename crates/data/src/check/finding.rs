//! What a check found: its findings, their JSON, and the lines to decide on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::decisions::{self, Decisions, Verdict};
use super::duplicates::Twins;
use super::kind::Kind;
use crate::manifest::Manifest;

/// Something found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Paths of the photos, or the name of the class.
    pub paths: Vec<String>,
    /// The classes of the photos.
    pub classes: Vec<String>,
    /// The parts of the photos.
    pub splits: Vec<&'static str>,
    /// The number that it was found by: a measure, a likeness, a count.
    pub value: f64,
    /// More about it, in numbers and names that need no translation; of what cannot be read, what
    /// the decoder said.
    pub detail: String,
}

/// What was found in a data set.
#[derive(Clone, Debug)]
pub struct Checked {
    /// By kind, then the worst first.
    pub findings: Vec<Finding>,
    /// Pairs that show the same picture, as indices into [`Manifest::all_entries`].
    pub twins: Vec<Twins>,
    /// How many photos were looked at.
    pub photos: usize,
    /// How many findings are not shown because a person decided to keep the photos.
    pub decided: usize,
    /// Whether doubtful labels were looked for: without features or probabilities they are not.
    pub suspects: bool,
}

impl Checked {
    /// How many findings there are of each kind that was looked for, in the order of reports.
    pub fn counts(&self) -> Vec<(Kind, usize)> {
        Kind::ALL
            .iter()
            .filter(|&&kind| self.suspects || kind != Kind::LabelSuspect)
            .map(|&kind| {
                let own = self.findings.iter().filter(|finding| finding.kind == kind);
                (kind, own.count())
            })
            .collect()
    }

    /// Everything as JSON.
    pub fn json(&self) -> serde_json::Value {
        let counts: serde_json::Map<String, serde_json::Value> = self
            .counts()
            .into_iter()
            .map(|(kind, count)| (kind.name().to_owned(), count.into()))
            .collect();
        serde_json::json!({
            "photos": self.photos,
            "decided": self.decided,
            "counts": counts,
            "findings": self.findings,
        })
    }

    /// Lines to decide on: each photo of what would spoil a result, without a verdict.
    pub fn open_decisions(&self, manifest: &Manifest) -> Decisions {
        let hashes: BTreeMap<&str, blake3::Hash> = manifest
            .all_entries()
            .iter()
            .map(|entry| (entry.path.as_str(), entry.hash))
            .collect();
        let lines = self
            .findings
            .iter()
            .flat_map(|finding| {
                finding
                    .paths
                    .iter()
                    .enumerate()
                    .filter_map(|(place, path)| {
                        let other = finding
                            .paths
                            .get(1 - place.min(1))
                            .filter(|_| finding.paths.len() == 2);
                        let with = other.map_or(String::new(), |other| format!(" with {other}"));
                        Some(decisions::Decision {
                            path: path.clone(),
                            hash: *hashes.get(path.as_str())?,
                            verdict: Verdict::Open,
                            who: "museau".to_owned(),
                            why: format!("{}{with}: {}", finding.kind.name(), finding.detail),
                        })
                    })
            })
            .collect();
        Decisions::new(lines)
    }
}

//! What can be wrong with a data set that is imported, by name.

use serde::Serialize;

/// Something that is not as it should be, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The photo, as the data set names it.
    pub path: String,
    /// What is wrong.
    pub kind: ProblemKind,
    /// More about it, in English; empty where the kind says all.
    pub detail: String,
}

/// What can be wrong with a photo of a data set that is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It is named and not there.
    Missing,
    /// It is there and cannot be read as a photo.
    Unreadable,
    /// It has no bytes.
    Empty,
    /// A link or a name that leads out of the data set, or no regular file.
    Outside,
    /// A class without a photo.
    EmptyClass,
    /// Its own name or its annotation tells another class. It is imported.
    Mislabelled,
    /// A table names it under two classes, so it has none.
    TwoLabels,
    /// A table names it twice under one class. It is imported once.
    NamedTwice,
    /// A table names it without a class.
    NoLabel,
    /// Its annotation cannot be read. It is imported without boxes.
    BadAnnotation,
}

impl ProblemKind {
    /// All of them, in the order of reports.
    pub const ALL: [ProblemKind; 10] = [
        ProblemKind::Missing,
        ProblemKind::Unreadable,
        ProblemKind::Empty,
        ProblemKind::Outside,
        ProblemKind::EmptyClass,
        ProblemKind::Mislabelled,
        ProblemKind::TwoLabels,
        ProblemKind::NamedTwice,
        ProblemKind::NoLabel,
        ProblemKind::BadAnnotation,
    ];

    /// As in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            ProblemKind::Missing => "missing",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::Empty => "empty",
            ProblemKind::Outside => "outside",
            ProblemKind::EmptyClass => "empty_class",
            ProblemKind::Mislabelled => "mislabelled",
            ProblemKind::TwoLabels => "two_labels",
            ProblemKind::NamedTwice => "named_twice",
            ProblemKind::NoLabel => "no_label",
            ProblemKind::BadAnnotation => "bad_annotation",
        }
    }
}

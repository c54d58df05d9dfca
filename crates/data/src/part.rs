//! The parts of a data set: for fitting, for choosing, kept for testing.

/// Which part of a data set a photo belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// For fitting.
    Train,
    /// For choosing.
    Validation,
    /// Kept for testing.
    Test,
    /// The data set does not say.
    Unsaid,
}

/// As in the column `split`.
pub fn part_name(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Validation => "val",
        Part::Test => "test",
        Part::Unsaid => "",
    }
}

/// The part of this name, as data sets say it.
pub(crate) fn part_by_name(name: &str) -> Option<Part> {
    match name.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" | "dev" => Some(Part::Validation),
        "test" | "testing" => Some(Part::Test),
        "" => Some(Part::Unsaid),
        _ => None,
    }
}

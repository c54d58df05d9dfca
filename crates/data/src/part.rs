//! The parts of a data set: training, validation, held out for the test.

use crate::class::class_name;

/// Which part of a data set a photo belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// For fitting.
    Train,
    /// Validation.
    Validation,
    /// Test.
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

/// The part of this name, as data sets say it: in any case, with `set` behind it (`test_set`), in
/// French.
pub(crate) fn part_by_name(name: &str) -> Option<Part> {
    let name = class_name(name).to_lowercase().replace(['_', '-'], " ");
    let bare = name.strip_suffix("set").map_or(&*name, str::trim_end);
    match bare {
        "train" | "training" | "entraînement" | "entrainement" | "apprentissage" => {
            Some(Part::Train)
        }
        "val" | "valid" | "validation" | "dev" => Some(Part::Validation),
        "test" | "tests" | "testing" => Some(Part::Test),
        _ if name.is_empty() => Some(Part::Unsaid),
        _ => None,
    }
}

/// Whether a folder is named as a part is.
pub(crate) fn is_part(name: &str) -> bool {
    part_by_name(name).is_some_and(|part| part != Part::Unsaid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_every_usual_name() {
        for (names, part) in [
            (
                "train Train TRAINING train_set training-set trainset",
                Part::Train,
            ),
            ("entrainement Entraînement Entrai\u{302}nement", Part::Train),
            ("val Valid validation dev val_set DevSet", Part::Validation),
            ("test Tests testing test_set TESTSET", Part::Test),
        ] {
            for name in names.split(' ') {
                assert_eq!(part_by_name(name), Some(part), "{name}");
            }
        }
        assert_eq!(part_by_name(""), Some(Part::Unsaid));
        for name in [
            "set", "-", "_", "tested", "trainer", "pug", "test 2", " set",
        ] {
            assert_eq!(part_by_name(name), None, "{name}");
        }
    }
}

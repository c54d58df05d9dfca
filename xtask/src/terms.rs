//! The field's terms: words that were made up for what the field has a name for, and that name.
//!
//! `CONTRIBUTING.md` has the same list for people; `cargo xtask tidy` refuses the left column in
//! whatever a person reads: messages, pages, help, documentation and comments.

/// `(instead of, write)`; lower case, matched at the start of a word.
pub const TERMS: &[(&str, &str)] = &[
    ("told right", "accuracy, or: predicted correctly"),
    ("to learn from", "training"),
    ("to choose by", "validation"),
    ("for choosing", "validation"),
    ("kept for testing", "test, or: held-out"),
    ("first values", "initial weights, or: initialisation"),
    ("values of chance", "random initialisation"),
    ("looks on", "observer"),
    ("not to be had", "not found, or: could not be downloaded"),
    ("what is missing:", "missing argument:"),
    ("there is no verb", "unknown command"),
    ("there is no option", "unknown option"),
    ("the one inside museau", "the embedded model"),
    ("model inside museau", "embedded model"),
    ("photos a class", "photos per class"),
    ("ending that belies", "file extension does not match"),
];

/// What a line of a file says in a replaced word, with the word to write.
pub fn replaced(line: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let line = line.to_lowercase();
    TERMS.iter().filter(move |(word, _)| {
        line.match_indices(word)
            .any(|(start, _)| !line[..start].ends_with(char::is_alphanumeric))
    })
}

/// Whether people read the file: not this list, not the changelog's history, not data of others.
pub fn read_by_people(file: &str) -> bool {
    let kind = [".rs", ".md", ".toml", ".js", ".mjs", ".py", ".ipynb"]
        .iter()
        .any(|ending| file.ends_with(ending));
    kind && !["xtask/src/terms.rs", "CONTRIBUTING.md", "CHANGELOG.md"].contains(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_word_is_found_at_the_start_of_a_word_alone() {
        let found = |line| replaced(line).map(|(word, _)| *word).collect::<Vec<_>>();
        assert_eq!(found("/// Photos kept for testing."), ["kept for testing"]);
        assert_eq!(found("overlooks one"), Vec::<&str>::new());
        assert_eq!(found("Accuracy on the test split"), Vec::<&str>::new());
    }

    #[test]
    fn contributing_has_the_same_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../CONTRIBUTING.md");
        let text = std::fs::read_to_string(path).expect("CONTRIBUTING.md");
        for (word, instead) in TERMS {
            let row = format!("| {instead} | {word} |");
            assert!(text.contains(&row), "missing in CONTRIBUTING.md: {row}");
        }
    }
}

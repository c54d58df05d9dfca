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
    ("for fitting, choosing", "training, validation and test"),
    ("object a line", "one JSON object per line"),
    ("object a run", "one JSON object per run"),
];

/// The same for texts that users read alone: code may call a near-duplicate a twin.
pub const IN_MESSAGES: &[(&str, &str)] = &[
    ("twin", "near-duplicate"),
    ("film", "video"),
    ("left aside", "skipped"),
    ("too good", "inflated, or: optimistic"),
    ("no model ‘", "not found"),
    ("jumelle", "quasi-doublon"),
    ("photos d’apprentissage", "photos d’entraînement"),
    ("noté", "enregistré"),
    ("fils de calcul", "threads"),
    ("fils d’exécution", "threads"),
    ("modèle fourni", "modèle intégré"),
    ("celui qui est fourni", "le modèle intégré"),
    ("modèle inclus", "modèle intégré"),
    ("température réglée", "température ajustée"),
    ("suite d’étapes", "chaîne d’étapes"),
];

/// What a line of a file says in a replaced word, with the word to write.
pub fn replaced(
    file: &str,
    line: &str,
) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let for_users = is_for_users(file) && !line.starts_with('[');
    let more = if for_users { IN_MESSAGES } else { &[] };
    let line = line.to_lowercase();
    TERMS.iter().chain(more).filter(move |(word, _)| {
        line.match_indices(word)
            .any(|(start, _)| !line[..start].ends_with(char::is_alphanumeric))
    })
}

/// Whether users read it: catalogues of messages, texts of pages, the READMEs at the root.
fn is_for_users(file: &str) -> bool {
    let texts = file.starts_with("crates/words/data/messages/") || file.ends_with("/texts.toml");
    texts || ["README.md", "README.fr.md"].contains(&file)
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
        let of = |file, line| {
            replaced(file, line)
                .map(|(word, _)| *word)
                .collect::<Vec<_>>()
        };
        let found = |line| of("crates/x/src/lib.rs", line);
        assert_eq!(found("/// Photos kept for testing."), ["kept for testing"]);
        assert_eq!(found("overlooks one"), Vec::<&str>::new());
        assert_eq!(found("Accuracy on the test split"), Vec::<&str>::new());
        assert_eq!(found("en = \"Its twin\""), Vec::<&str>::new());
        let messages = "crates/words/data/messages/reports.toml";
        assert_eq!(of(messages, "en = \"Its twin\""), ["twin"]);
        assert_eq!(of(messages, "[check.twins]"), Vec::<&str>::new());
    }

    #[test]
    fn contributing_has_the_same_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../CONTRIBUTING.md");
        let text = std::fs::read_to_string(path).expect("CONTRIBUTING.md");
        for (word, instead) in TERMS.iter().chain(IN_MESSAGES) {
            let row = format!("| {instead} | {word} |");
            assert!(text.contains(&row), "missing in CONTRIBUTING.md: {row}");
        }
    }
}

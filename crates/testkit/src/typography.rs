//! What is wrong with a text as it is written: French spaces and marks, and braces.
use std::collections::BTreeSet;

/// What is not as French is set: U+202F before ; ! and ?, U+00A0 before : and % and inside
/// «guillemets», ’ for an apostrophe, … for three points, single spaces.
pub fn french_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    for (place, &character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(place + 1).copied();
        let right = match character {
            ';' | '!' | '?' => before == Some('\u{202f}'),
            // What is typed ('127.0.0.1:8001', 'class:NOM') is not punctuation.
            ':' => before == Some('\u{a0}') || after.is_some_and(char::is_alphanumeric),
            '%' | '»' => before == Some('\u{a0}'),
            '«' => after == Some('\u{a0}'),
            '\'' | '"' => false,
            ' ' => before != Some(' ') && after.is_some(),
            _ => true,
        };
        if !right {
            faults.push(format!("'{character}' at {place} of '{text}'"));
        }
    }
    if text.contains("...") {
        faults.push(format!("three points for an ellipsis in '{text}'"));
    }
    faults
}

/// The names that stand in a text's `{braces}`.
///
/// # Panics
/// Where a brace stands alone.
pub fn placeholders(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or_default();
        assert!(
            !before.contains('}') && !name.is_empty(),
            "a stray brace in '{text}'"
        );
        names.insert(name);
        rest = after;
    }
    assert!(!rest.contains('}'), "a stray brace in '{text}'");
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_found() {
        for wrong in [
            "Quoi ?", "l'os", "a : b", "« a »", "50 %", "bon; mal", "fin...", "a  b", "a ",
        ] {
            assert!(!french_faults(wrong).is_empty(), "{wrong}");
        }
        let right = "Quoi\u{202f}? «\u{a0}l’os\u{a0}», à 127.0.0.1:80\u{a0}: 50\u{a0}%…";
        assert_eq!(french_faults(right), Vec::<String>::new());
    }

    #[test]
    fn placeholders_are_found_and_stray_braces_refused() {
        assert_eq!(placeholders("{b} of {a}, {b}"), BTreeSet::from(["a", "b"]));
        for stray in ["{a", "a}", "{a} }", "{} a", "}{a}"] {
            assert!(
                std::panic::catch_unwind(|| placeholders(stray)).is_err(),
                "{stray}"
            );
        }
    }
}

//! The name that was probably meant, for errors about an unknown one.

/// What goes by the name nearest to this one, the first of those as near; `None` where none is near:
/// at most a third of the characters wrong, or a single one.
pub fn nearest<'known, T>(
    name: &str,
    known: impl IntoIterator<Item = (&'known str, T)>,
) -> Option<T> {
    let most = (name.chars().count() / 3).max(1);
    let known = known.into_iter();
    known
        .map(|(written, meant)| (distance(name, written), meant))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, meant)| meant)
}

/// How many characters must be changed, added or taken away to make one name of the other
/// (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, from) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, to) in other.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_in_characters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("lévrier", "levrier"), 1);
    }

    #[test]
    fn only_what_is_near_was_meant() {
        let meant = |name| {
            let known = ["rotate", "flip", "zoom", "é"];
            nearest(name, known.map(|known| (known, known)))
        };
        assert_eq!(meant("rotaet"), Some("rotate"));
        assert_eq!(meant("flop"), Some("flip"));
        assert_eq!(meant("e"), Some("é"));
        assert_eq!(meant("zm"), None);
        assert_eq!(meant("rotation"), None);
        assert_eq!(meant("sepia"), None);
        assert_eq!(nearest::<()>("x", []), None);
    }
}

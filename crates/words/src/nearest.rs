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
        .map(|(written, meant)| (strsim::levenshtein(name, written), meant))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, meant)| meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_was_meant() {
        let meant = |name| {
            let known = ["rotate", "flip", "zoom", "é", "lévrier"];
            nearest(name, known.map(|known| (known, known)))
        };
        assert_eq!(meant("rotaet"), Some("rotate"));
        assert_eq!(meant("flop"), Some("flip"));
        // Changes are counted in characters.
        assert_eq!(meant("e"), Some("é"));
        assert_eq!(meant("levrjer"), Some("lévrier"));
        assert_eq!(meant("zm"), None);
        assert_eq!(meant("rotation"), None);
        assert_eq!(meant("sepia"), None);
        assert_eq!(nearest::<()>("x", []), None);
    }
}

//! A cell of CSV.

/// A cell of CSV (RFC 4180), guarded where a spreadsheet would take it for a formula.
pub fn quoted(cell: &str) -> String {
    let guarded = data::guarded(cell);
    if guarded.len() > cell.len() || cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a b"), "a b");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1.jpg"), "\"'=1+1.jpg\"");
        assert_eq!(quoted("-0.5"), "-0.5");
        assert_eq!(quoted("\t=1"), "\"'\t=1\"");
    }
}

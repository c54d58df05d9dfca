//! Numbers, percentages and sizes as each language writes them.

use crate::Language;

/// U+202F: the narrow no-break space between French groups of three digits.
const NARROW_NO_BREAK_SPACE: char = '\u{202f}';
/// U+00A0: the no-break space before a French percent sign or unit.
const NO_BREAK_SPACE: char = '\u{a0}';

/// `value` with `decimals` digits after the point: `12 345,6` in French (narrow no-break space),
/// `12,345.6` in English.
pub fn number(language: Language, value: f64, decimals: usize) -> String {
    let (group, point) = match language {
        Language::French => (NARROW_NO_BREAK_SPACE, ','),
        Language::English => (',', '.'),
    };
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    if value.is_sign_negative() && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        text.push('-');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// A probability (0 to 1) in whole per cent: `93 %` in French, `93%` in English. What is nearly
/// certain is not called certain: `> 99 %` and `< 1 %` where rounding would give 100 or 0.
pub fn percent(language: Language, probability: f64) -> String {
    let rounded = (probability * 100.0).round();
    let (sign, whole) = if rounded >= 100.0 && probability < 1.0 {
        (">", 99.0)
    } else if rounded <= 0.0 && probability > 0.0 {
        ("<", 1.0)
    } else {
        ("", rounded)
    };
    let whole = number(language, whole, 0);
    match (language, sign) {
        (Language::French, "") => format!("{whole}{NO_BREAK_SPACE}%"),
        (Language::French, _) => format!("{sign}{NO_BREAK_SPACE}{whole}{NO_BREAK_SPACE}%"),
        (Language::English, _) => format!("{sign}{whole}%"),
    }
}

/// A size in bytes in the largest decimal unit that leaves at least one: `20 Mo`, `20 MB`.
pub fn bytes(language: Language, size: u64) -> String {
    let (scale, prefix) = match size {
        0..1_000 => (1.0, ""),
        1_000..1_000_000 => (1e3, "k"),
        1_000_000..1_000_000_000 => (1e6, "M"),
        _ => (1e9, "G"),
    };
    let scaled = size as f64 / scale;
    let decimals = usize::from(scaled < 10.0 && (scaled * 10.0).round() % 10.0 != 0.0);
    let unit = match (language, prefix) {
        (Language::French, _) => format!("{prefix}o"),
        (Language::English, "") => "bytes".to_owned(),
        (Language::English, _) => format!("{prefix}B"),
    };
    format!(
        "{}{NO_BREAK_SPACE}{unit}",
        number(language, scaled, decimals)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn groups_digits_and_places_the_decimal_mark() {
        assert_eq!(number(French, 1_234_567.89, 1), "1\u{202f}234\u{202f}567,9");
        assert_eq!(number(English, 1_234_567.89, 1), "1,234,567.9");
        assert_eq!(number(French, 999.0, 0), "999");
        assert_eq!(number(English, -1000.0, 0), "-1,000");
        assert_eq!(number(English, -0.04, 1), "0.0");
    }

    #[test]
    fn percentages_never_overstate() {
        assert_eq!(percent(French, 0.934), "93\u{a0}%");
        assert_eq!(percent(English, 0.934), "93%");
        assert_eq!(percent(French, 0.9999), ">\u{a0}99\u{a0}%");
        assert_eq!(percent(English, 0.0001), "<1%");
        assert_eq!(percent(English, 1.0), "100%");
        assert_eq!(percent(English, 0.0), "0%");
    }

    #[test]
    fn sizes_take_the_largest_unit() {
        assert_eq!(bytes(French, 20_000_000), "20\u{a0}Mo");
        assert_eq!(bytes(English, 1_500), "1.5\u{a0}kB");
        assert_eq!(bytes(English, 512), "512\u{a0}bytes");
        assert_eq!(bytes(French, 2_000_000_000), "2\u{a0}Go");
    }
}

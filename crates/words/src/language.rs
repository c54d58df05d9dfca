//! The two languages that museau speaks, and how to tell which one a person wants.

use std::str::FromStr;

/// A language that museau speaks. French is the default: it is the shelters' language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// French, as in France.
    #[default]
    French,
    /// English.
    English,
}

/// The text names no language that museau speaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither 'fr' nor 'en'")]
pub struct ParseLanguageError(String);

impl FromStr for Language {
    type Err = ParseLanguageError;

    /// `fr` or `en`, in any case, with or without a region (`fr-CA`, `en_GB`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match primary_tag(text).as_str() {
            "fr" => Ok(Language::French),
            "en" => Ok(Language::English),
            _ => Err(ParseLanguageError(text.to_owned())),
        }
    }
}

impl Language {
    /// Both, French first.
    pub const ALL: [Language; 2] = [Language::French, Language::English];

    /// The code that HTML and HTTP use: `fr` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Language::French => "fr",
            Language::English => "en",
        }
    }

    /// The language of a locale as the variables `LC_ALL`, `LC_MESSAGES` and `LANG` hold it
    /// (`fr_FR.UTF-8`). Any other named language is served English; `None` where none is named
    /// (empty, `C`, `POSIX`).
    pub fn from_locale(locale: &str) -> Option<Self> {
        match primary_tag(locale).as_str() {
            "" | "c" | "posix" => None,
            "fr" => Some(Language::French),
            _ => Some(Language::English),
        }
    }

    /// The language that an `Accept-Language` header prefers (RFC 9110, 12.5.4): of French and
    /// English the one with the greater weight, the first named where they are equal; English
    /// where only other languages are named; `None` where the header names none or only `*`.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(Language, f32)> = None;
        let mut names_another = false;
        for range in header.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(text) => text.trim().parse::<f32>().unwrap_or(0.0),
                None => 1.0,
            };
            if weight <= 0.0 || weight.is_nan() {
                continue;
            }
            match tag.parse::<Language>() {
                Ok(language) if best.is_none_or(|(_, most)| weight > most) => {
                    best = Some((language, weight));
                }
                Ok(_) => {}
                Err(_) => names_another |= !matches!(tag.trim(), "" | "*"),
            }
        }
        best.map(|(language, _)| language)
            .or(names_another.then_some(Language::English))
    }
}

/// The part of a language tag or a locale before its region, encoding or modifier, in lower case.
fn primary_tag(text: &str) -> String {
    text.trim()
        .split(['-', '_', '.', '@'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_codes_with_or_without_region() {
        assert_eq!("fr".parse(), Ok(Language::French));
        assert_eq!("EN-gb".parse(), Ok(Language::English));
        assert!("de".parse::<Language>().is_err());
        assert!("french fries".parse::<Language>().is_err());
        for language in Language::ALL {
            assert_eq!(language.code().parse(), Ok(language));
        }
    }

    #[test]
    fn reads_locales() {
        assert_eq!(Language::from_locale("fr_FR.UTF-8"), Some(Language::French));
        assert_eq!(Language::from_locale("en_US"), Some(Language::English));
        assert_eq!(Language::from_locale("de_DE@euro"), Some(Language::English));
        for unnamed in ["", "C", "C.UTF-8", "POSIX"] {
            assert_eq!(Language::from_locale(unnamed), None, "{unnamed}");
        }
    }

    #[test]
    fn reads_accept_language() {
        for (header, expected) in [
            (
                "fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7",
                Some(Language::French),
            ),
            ("en-US,en;q=0.9,fr;q=0.3", Some(Language::English)),
            ("en;q=0.2, fr;q=0.4", Some(Language::French)),
            ("de-DE,de;q=0.9,fr;q=0.5,en;q=0.4", Some(Language::French)),
            ("fr;q=0, en;q=0.1", Some(Language::English)),
            ("de", Some(Language::English)),
            ("*", None),
            ("", None),
            ("fr;q=abc", None),
            (",;,q=;;=", Some(Language::English)),
        ] {
            assert_eq!(Language::from_accept_language(header), expected, "{header}");
        }
    }
}

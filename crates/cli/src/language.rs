//! The language of whoever typed the command line.
use std::ffi::OsString;
use words::Language;

/// The language of whoever typed the command line, whether it makes sense or not.
pub fn typed_language() -> Language {
    let typed: Vec<OsString> = std::env::args_os().collect();
    of_typed(&typed)
}

/// The language that `--lang` or `MUSEAU_LANG` asks for, as far as it can be told of a command line
/// that makes no sense; else the system's.
pub fn of_typed(typed: &[OsString]) -> Language {
    let texts: Vec<_> = typed.iter().map(|word| word.to_string_lossy()).collect();
    let after = texts.iter().position(|word| word == "--lang");
    let after = after
        .and_then(|place| texts.get(place + 1))
        .map(|word| word.to_string());
    let joined = || {
        let mut joined = texts.iter().filter_map(|word| word.strip_prefix("--lang="));
        joined.next().map(str::to_owned)
    };
    let named = after
        .or_else(joined)
        .or_else(|| std::env::var("MUSEAU_LANG").ok());
    let named = named.and_then(|name| name.parse().ok());
    named.unwrap_or_else(system_language)
}

/// The system's language; English where it names none (`LANG=C`), as programs of a terminal do.
pub fn system_language() -> Language {
    sys_locale::get_locale()
        .and_then(|locale| Language::from_locale(&locale))
        .unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_told_of_a_line_that_makes_no_sense() {
        let words = |typed: &[&str]| typed.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            of_typed(&words(&["museau", "--lang", "fr", "--what"])),
            Language::French
        );
        assert_eq!(
            of_typed(&words(&["museau", "x", "--lang=en"])),
            Language::English
        );
    }
}

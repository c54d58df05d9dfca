//! Reads the command line; what is wrong with it is said in the person's language.
use crate::arguments::Arguments;
use crate::failure::{Failure, Status};
use crate::language::of_typed;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::num::{ParseFloatError, ParseIntError};
use words::{Language, TrainMessage, UsageMessage};

/// What was typed, or what is wrong with it. Help and the version are printed and end the program.
pub fn read() -> anyhow::Result<Arguments> {
    Arguments::try_parse().map_err(|error| {
        let typed: Vec<OsString> = std::env::args_os().collect();
        match said(&error, of_typed(&typed), &typed) {
            Some(text) => Failure::error(Status::Usage, text),
            None => error.exit(),
        }
    })
}

/// The error in words; nothing for help, the version, and kinds that hardly ever happen.
fn said(error: &Error, language: Language, typed: &[OsString]) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) if !texts.is_empty() => Some(texts.join(", ")),
        _ => None,
    };
    let number = |kind| match error.get(kind) {
        Some(ContextValue::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let wrong = text(ContextKind::InvalidArg).map(|argument| where_from(argument, typed));
    let (value, reason, other);
    let message = match error.kind() {
        ErrorKind::UnknownArgument => UsageMessage::UnknownArgument {
            argument: wrong.as_deref()?,
        },
        ErrorKind::InvalidSubcommand => {
            value = text(ContextKind::InvalidSubcommand)?;
            UsageMessage::UnknownVerb { verb: &value }
        }
        ErrorKind::InvalidValue => {
            let argument = wrong.as_deref()?;
            value = text(ContextKind::InvalidValue).unwrap_or_default();
            let allowed = text(ContextKind::ValidValue);
            reason = allowed.unwrap_or_default();
            match (value.is_empty(), reason.is_empty()) {
                (true, _) => UsageMessage::MissingValue { argument },
                (false, false) => UsageMessage::NotOneOf {
                    argument,
                    value: &value,
                    allowed: &reason,
                },
                (false, true) => return None,
            }
        }
        ErrorKind::ValueValidation => {
            value = text(ContextKind::InvalidValue)?;
            reason = wanted(error, language);
            UsageMessage::WrongValue {
                argument: wrong.as_deref()?,
                value: &value,
                wanted: &reason,
            }
        }
        ErrorKind::MissingRequiredArgument => UsageMessage::Missing {
            arguments: wrong.as_deref()?,
        },
        ErrorKind::ArgumentConflict => {
            other = text(ContextKind::PriorArg)?;
            UsageMessage::Conflict {
                argument: wrong.as_deref()?,
                other: &other,
            }
        }
        ErrorKind::MissingSubcommand => {
            value = text(ContextKind::InvalidSubcommand)?;
            other = text(ContextKind::ValidSubcommand)?;
            UsageMessage::NoVerb {
                command: &value,
                verbs: &other,
            }
        }
        ErrorKind::TooFewValues => {
            value = number(ContextKind::ActualNumValues)?;
            other = number(ContextKind::MinValues)?;
            UsageMessage::TooFew {
                argument: wrong.as_deref()?,
                wanted: &other,
                given: &value,
            }
        }
        ErrorKind::TooManyValues => {
            value = text(ContextKind::InvalidValue)?;
            UsageMessage::NoValue {
                argument: wrong.as_deref()?,
                value: &value,
            }
        }
        _ => return None,
    };
    let mut lines = vec![message.text(language)];
    let meant = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    if let Some(meant) = meant.into_iter().find_map(text) {
        lines.push(UsageMessage::Meant { meant: &meant }.text(language));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        let usage = usage.trim().trim_start_matches("Usage:").trim();
        lines.push(UsageMessage::Line { lines: usage }.text(language));
    }
    lines.push(UsageMessage::Help.text(language));
    Some(lines.join("\n"))
}

/// An argument as it was given: the variable's name where that gave the value of an option.
fn where_from(argument: String, typed: &[OsString]) -> String {
    let Some(long) = argument
        .split([' ', '='])
        .next()
        .and_then(|word| word.strip_prefix("--"))
    else {
        return argument;
    };
    let option = format!("--{long}");
    let is_typed = |word: &OsString| {
        let word = word.to_string_lossy();
        word.split('=').next() == Some(&option)
    };
    let command = Arguments::command();
    let mut known = command.get_arguments();
    let known = known.find(|known| known.get_long() == Some(long));
    match known.and_then(|known| known.get_env()) {
        Some(variable) if !typed.iter().any(is_typed) => variable.to_string_lossy().into_owned(),
        _ => argument,
    }
}

/// What a value must be, in signs where they say it.
fn wanted(error: &Error, language: Language) -> String {
    let Some(source) = std::error::Error::source(error) else {
        return String::new();
    };
    if source.is::<ParseIntError>() {
        return TrainMessage::KindWhole.text(language);
    }
    if source.is::<ParseFloatError>() {
        return TrainMessage::KindNumber.text(language);
    }
    let reason = source.to_string();
    let range = reason.split_once(" is not in ");
    range.map_or(reason.clone(), |(_, range)| range.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(typed: &[&str], language: Language) -> String {
        let typed: Vec<OsString> = ["museau"].iter().chain(typed).map(OsString::from).collect();
        let error = Arguments::try_parse_from(&typed).expect_err("it makes no sense");
        let text = said(&error, language, &typed).expect("a common kind");
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn common_faults_are_said_in_both_languages() {
        for (typed, english, french) in [
            (
                &["classify", "--modle", "x", "a.jpg"][..],
                &[
                    "Unknown option ‘--modle’",
                    "‘--model’",
                    "Usage: museau classify",
                ][..],
                &[
                    "Option inconnue : « --modle »",
                    "« --model »",
                    "Utilisation : museau classify",
                ][..],
            ),
            (
                &["clasify"],
                &["Unknown command ‘clasify’", "‘classify’"],
                &["Commande inconnue : « clasify »", "« classify »"],
            ),
            (
                &["data", "import", "x", "-o"],
                &["--output <FILE>", "needs a value"],
                &["--output <FILE>", "attend une valeur"],
            ),
            (
                &["data", "import", "x"],
                &["Missing argument", "--output <FILE>"],
                &["Argument manquant", "--output <FILE>"],
            ),
            (
                &["evaluate", "m", "d", "--part", "tset"],
                &["‘tset’", "train, val, test, unsplit", "‘test’"],
                &["« tset »", "train, val, test, unsplit", "« test »"],
            ),
            (
                &["--threads", "9999"],
                &["‘9999’", "1..=1024"],
                &["« 9999 »", "1..=1024"],
            ),
            (
                &["--threads", "two"],
                &["‘two’", "a whole number"],
                &["« two »", "un nombre entier"],
            ),
            (
                &["data", "split", "x", "-o", "y", "--test", "2"],
                &["‘2’", "0 <= SHARE < 1"],
                &["« 2 »", "0 <= SHARE < 1"],
            ),
            (
                &["models", "--quiet"],
                &["‘museau models’ needs a command", "verify"],
                &["Il manque une commande après « museau models »", "verify"],
            ),
            (
                &["runs", "compare", "one"],
                &["needs at least 2 values; 1 given"],
                &["attend au moins 2 valeurs ; reçues : 1"],
            ),
            (
                &["classify", "--json=yes", "a.jpg"],
                &["‘--json’ takes no value (‘yes’)"],
                &["« --json » n’attend pas de valeur (« yes »)"],
            ),
            (
                &["classify", "--json", "--csv", "a.jpg"],
                &["‘--json’ cannot be used with ‘--csv’"],
                &["« --json » et « --csv »"],
            ),
        ] {
            for (language, words) in [(Language::English, english), (Language::French, french)] {
                let said = refused(typed, language);
                for word in words {
                    assert!(said.contains(word), "‘{word}’ is not in\n{said}");
                }
                assert!(
                    said.ends_with("--help.") || said.ends_with("--help »."),
                    "{said}"
                );
            }
        }
    }

    #[test]
    fn a_value_of_a_variable_is_told_by_its_name() {
        let typed = ["museau", "data"].map(OsString::from);
        let named = |argument: &str, typed| where_from(argument.to_owned(), typed);
        assert_eq!(named("--threads <N>", &typed[..]), "MUSEAU_THREADS");
        let typed = ["museau", "--threads=0"].map(OsString::from);
        assert_eq!(named("--threads <N>", &typed[..]), "--threads <N>");
        assert_eq!(named("--output <FILE>", &typed[..]), "--output <FILE>");
    }

    #[test]
    fn a_data_set_after_out_of_fold_is_the_data_set() {
        let typed = [
            "museau",
            "data",
            "check",
            "-o",
            "out",
            "--suspects",
            "--out-of-fold",
            "d.csv",
        ];
        assert!(Arguments::try_parse_from(typed).is_ok());
    }

    #[test]
    fn help_is_left_to_its_own() {
        for typed in [
            &["museau", "--help"][..],
            &["museau", "--version"],
            &["museau", "data", "import", "--help"],
        ] {
            let error = Arguments::try_parse_from(typed).expect_err("it only prints");
            assert!(said(&error, Language::French, &[]).is_none(), "{typed:?}");
        }
    }
}

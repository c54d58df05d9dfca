//! Reads the command line; what is wrong with it is said in the person's language.
use crate::arguments::Arguments;
use crate::failure::{Failure, Status};
use crate::language::of_typed;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::fmt;
use std::num::{ParseFloatError, ParseIntError};
use words::{Language, Range, TrainMessage, UsageMessage};

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
        let usage = &without_variables(usage, &built(), typed);
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
    let command = Arguments::command();
    let mut known = command.get_arguments();
    let known = known.find(|known| known.get_long() == Some(long));
    match known.and_then(|known| known.get_env()) {
        Some(variable) if !is_typed(long, typed) => variable.to_string_lossy().into_owned(),
        _ => argument,
    }
}

fn is_typed(long: &str, typed: &[OsString]) -> bool {
    typed.iter().any(|word| {
        let word = word.to_string_lossy();
        word.split('=')
            .next()
            .and_then(|word| word.strip_prefix("--"))
            == Some(long)
    })
}

/// All commands with what clap adds to them: an argument that was not built cannot be shown.
fn built() -> clap::Command {
    let mut command = Arguments::command();
    command.build();
    command
}

/// A usage line without the options that a variable gave: clap shows them as if they were needed.
fn without_variables(usage: &str, command: &clap::Command, typed: &[OsString]) -> String {
    let mut usage = usage.to_owned();
    for argument in command.get_arguments() {
        if let Some(long) = argument.get_long()
            && argument.get_env().is_some()
            && !is_typed(long, typed)
        {
            usage = usage.replace(&format!(" {argument}"), "");
        }
    }
    let subcommands = command.get_subcommands();
    subcommands.fold(usage, |usage, verb| without_variables(&usage, verb, typed))
}

/// A number that was typed lies outside of what is allowed, or is none.
#[derive(Debug)]
pub struct OutOfRange(Range);

impl fmt::Display for OutOfRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "it must be {}", self.0)
    }
}

impl std::error::Error for OutOfRange {}

/// The number that was typed, if it lies in the range.
pub fn in_range(text: &str, range: Range) -> Result<f64, OutOfRange> {
    let number = text.parse::<f64>().ok();
    let fits = number.filter(|number| range.contains(*number));
    fits.ok_or(OutOfRange(range))
}

/// What a value must be.
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
    if let Some(OutOfRange(range)) = source.downcast_ref() {
        return range.text(language);
    }
    let reason = source.to_string();
    whole_range(&reason).map_or(reason, |range| range.text(language))
}

/// The range in clap's text about a whole number: `0 is not in 1..=65535`.
fn whole_range(reason: &str) -> Option<Range> {
    let (_, range) = reason.split_once(" is not in ")?;
    let (least, most) = range.split_once("..=")?;
    Some(Range::FromTo(least.parse().ok()?, most.parse().ok()?))
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
                &["Missing: --output <FILE>"],
                &["Il manque : --output <FILE>"],
            ),
            (
                &["evaluate", "m", "d", "--part", "tset"],
                &["‘tset’", "train, val, test, unsplit", "‘test’"],
                &["« tset »", "train, val, test, unsplit", "« test »"],
            ),
            (
                &["--threads", "9999"],
                &["‘9999’", "it must be from 1 to 1024."],
                &["« 9999 »", "valeur attendue : de 1 à 1024."],
            ),
            (
                &["--threads", "two"],
                &["‘two’", "a whole number"],
                &["« two »", "un nombre entier"],
            ),
            (
                &["data", "split", "x", "-o", "y", "--test", "2"],
                &["‘2’", "it must be at least 0 and less than 1."],
                &["« 2 »", "valeur attendue : au moins 0 et moins de 1."],
            ),
            (
                &["models", "--quiet"],
                &["‘museau models’ needs a subcommand", "verify"],
                &[
                    "Il manque une sous-commande après « museau models »",
                    "verify",
                ],
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

    /// Of every option whose numbers have an end, the help names both ends: what is refused is no surprise.
    #[test]
    fn the_help_names_the_ends_of_every_range() {
        fn walk(command: &clap::Command, ranges: &mut usize) {
            for argument in command.get_arguments() {
                let Some(long) = argument.get_long() else {
                    continue;
                };
                let alone = clap::Arg::new("x")
                    .long("x")
                    .value_parser(argument.get_value_parser().clone());
                let probe = clap::Command::new("probe").arg(alone);
                let refused = |value: &str| {
                    let error = probe
                        .clone()
                        .try_get_matches_from(["probe", &format!("--x={value}")]);
                    let error = error.err()?;
                    let source = std::error::Error::source(&error)?;
                    match source.downcast_ref() {
                        Some(OutOfRange(range)) => Some(*range),
                        None => whole_range(&source.to_string()),
                    }
                };
                let Some(range) = refused("0")
                    .or_else(|| refused("9e9"))
                    .or_else(|| refused("200"))
                else {
                    continue;
                };
                // The end of a number's type is no limit that a person meets.
                let types = [f64::from(u16::MAX), f64::from(u32::MAX)];
                if matches!(range, Range::FromTo(_, most) if types.contains(&most)) {
                    continue;
                }
                *ranges += 1;
                let help = argument.get_help().expect("help").to_string();
                assert!(
                    help.contains(&range.to_string()),
                    "--{long}: {range}: {help}"
                );
            }
            for verb in command.get_subcommands() {
                walk(verb, ranges);
            }
        }
        let mut ranges = 0;
        walk(&Arguments::command(), &mut ranges);
        assert!(ranges >= 10, "{ranges}");
    }

    #[test]
    fn an_option_that_a_variable_gave_is_not_shown_as_needed() {
        let typed: Vec<OsString> = ["museau", "runs", "rm"]
            .iter()
            .map(OsString::from)
            .collect();
        let usage = "museau runs rm --lang <LANGUAGE> <RUN>...";
        let command = built();
        assert_eq!(
            without_variables(usage, &command, &typed),
            "museau runs rm <RUN>..."
        );
        let typed = [typed, vec!["--lang=fr".into()]].concat();
        assert_eq!(without_variables(usage, &command, &typed), usage);
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

//! The text form of a chain of steps, `name(1,2) | other`, for classic filters and augmentations
//! alike: split into names and arguments, each with its place, so that an error can point at it.
use std::fmt;
use std::ops::RangeInclusive;

/// Bytes that the text of a chain may have.
const LONGEST_TEXT: usize = 4096;

/// Names of steps as they are spelt on the other side of the Atlantic, and as they are called here.
const SPELLINGS: [(&str, &str); 3] = [
    ("equalize", "equalise"),
    ("grey", "gray"),
    ("colour", "color"),
];

/// One step as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'text> {
    /// Its name.
    pub name: &'text str,
    /// What stands between its parentheses, comma by comma.
    pub arguments: Vec<Argument<'text>>,
    /// Which character of the text the name begins at, from 1.
    pub position: usize,
}

/// One argument as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument<'text> {
    /// The argument, without spaces around it.
    pub text: &'text str,
    /// Which character of the text it begins at, from 1.
    pub position: usize,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Any number from the first to the second.
    Number(f64, f64),
    /// Any whole number from the first to the second.
    Whole(u32, u32),
    /// Any odd number from the first to the second.
    Odd(u32, u32),
    /// A width and a height, `WIDTHxHEIGHT`, or one number for both, up to this.
    Size(u32),
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What is wrong with the text of a chain of steps, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("character {position}: {fault}")]
pub struct StepError {
    /// Which character of the text, from 1.
    pub position: usize,
    /// What is wrong there.
    pub fault: StepFault,
}

/// What is wrong with the text of a chain of steps.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepFault {
    /// Something else should stand there.
    #[error("`{expected}` is missing")]
    Expected {
        /// What was expected: a character or `name`.
        expected: &'static str,
    },
    /// There is no step of this name.
    #[error("there is no step `{name}`; there are {}", known.join(", "))]
    UnknownName {
        /// The name that was written.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// The step has no parameter of this name.
    #[error("there is no parameter `{name}`: {usage}")]
    UnknownParameter {
        /// The name that was written.
        name: String,
        /// The step's parameters.
        known: Vec<&'static str>,
        /// The step's name.
        step: &'static str,
        /// Its arguments, as they are written: `clahe(limit,tiles)`.
        usage: String,
    },
    /// A step is given more arguments than it has, or fewer than it needs.
    #[error("`{step}` takes {usage}")]
    Count {
        /// The step's name.
        step: &'static str,
        /// Its arguments, as they are written: `clahe(limit,tiles)`.
        usage: String,
    },
    /// An argument is not what it should be.
    #[error("`{value}` is no {argument}: {allowed:?}")]
    Value {
        /// What was written.
        value: String,
        /// The argument's name.
        argument: &'static str,
        /// What may stand there.
        allowed: Range,
    },
    /// The text is longer than any chain is.
    #[error("the text has more than {LONGEST_TEXT} bytes")]
    TooLong,
}

impl StepError {
    /// An error at a place.
    pub fn new(position: usize, fault: StepFault) -> Self {
        StepError { position, fault }
    }
}

/// Splits a text into its steps; a text without any is an empty chain.
///
/// # Errors
/// `Expected` and `TooLong`; names and arguments are not looked at.
pub fn split(text: &str) -> Result<Vec<Step<'_>>, StepError> {
    if text.len() > LONGEST_TEXT {
        return Err(StepError::new(1, StepFault::TooLong));
    }
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader { text, at: 0 };
    let mut steps = Vec::new();
    loop {
        steps.push(reader.step()?);
        if reader.rest().is_empty() {
            return Ok(steps);
        }
        reader.take('|', "|")?;
    }
}

impl Step<'_> {
    /// The entry of a registry with this step's name.
    ///
    /// # Errors
    /// `UnknownName` with the names of the registry.
    pub fn find<Entry>(
        &self,
        registry: &'static [Entry],
        name: impl Fn(&Entry) -> &'static str,
    ) -> Result<&'static Entry, StepError> {
        let spelled = SPELLINGS.iter().find(|(other, _)| *other == self.name);
        let own = spelled.map_or(self.name, |(_, own)| own);
        if let Some(entry) = registry.iter().find(|entry| name(entry) == own) {
            return Ok(entry);
        }
        let fault = StepFault::UnknownName {
            name: self.name.to_owned(),
            known: registry.iter().map(name).collect(),
        };
        Err(StepError::new(self.position, fault))
    }

    /// Refuses a number of arguments outside of the range. `usage` shows the step's arguments.
    ///
    /// # Errors
    /// `Count`.
    pub fn expect_arguments(
        &self,
        count: RangeInclusive<usize>,
        step: &'static str,
        usage: &str,
    ) -> Result<(), StepError> {
        if count.contains(&self.arguments.len()) {
            return Ok(());
        }
        let usage = usage.to_owned();
        let fault = StepFault::Count { step, usage };
        Err(StepError::new(self.position, fault))
    }

    /// The argument at `index` as a number in a range, `default` where it is not given.
    ///
    /// # Errors
    /// `Value` with the range.
    pub fn number(
        &self,
        index: usize,
        name: &'static str,
        range: RangeInclusive<f32>,
        default: f32,
    ) -> Result<f32, StepError> {
        let Some(argument) = self.arguments.get(index) else {
            return Ok(default);
        };
        match argument.text.parse::<f32>() {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => {
                // As it is written, not as its nearest f32 is.
                let [least, most] = [range.start(), range.end()]
                    .map(|end| end.to_string().parse().unwrap_or(f64::from(*end)));
                Err(argument.refused(name, Range::Number(least, most)))
            }
        }
    }

    /// The argument at `index` as one of some words, the first of them where it is not given.
    ///
    /// # Errors
    /// `Value` with the words.
    ///
    /// # Panics
    /// Where there are no words.
    pub fn word(
        &self,
        index: usize,
        name: &'static str,
        words: &'static [&'static str],
    ) -> Result<&'static str, StepError> {
        let Some(argument) = self.arguments.get(index) else {
            return Ok(words[0]);
        };
        let known = words.iter().find(|word| **word == argument.text);
        known
            .copied()
            .ok_or_else(|| argument.refused(name, Range::Choice(words)))
    }
}

impl Argument<'_> {
    /// The error that this argument is not what it should be.
    pub fn refused(&self, argument: &'static str, allowed: Range) -> StepError {
        let value = self.text.to_owned();
        let fault = StepFault::Value {
            value,
            argument,
            allowed,
        };
        StepError::new(self.position, fault)
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)?;
        if self.arguments.is_empty() {
            return Ok(());
        }
        let arguments: Vec<&str> = self.arguments.iter().map(|a| a.text).collect();
        write!(formatter, "({})", arguments.join(","))
    }
}

struct Reader<'text> {
    text: &'text str,
    /// Byte of the text.
    at: usize,
}

impl<'text> Reader<'text> {
    /// What is left, from the next character that is no space.
    fn rest(&mut self) -> &'text str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    /// The character that comes next, counted from 1.
    fn position(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }

    fn take(&mut self, wanted: char, expected: &'static str) -> Result<(), StepError> {
        if self.rest().starts_with(wanted) {
            self.at += wanted.len_utf8();
            return Ok(());
        }
        Err(StepError::new(
            self.position(),
            StepFault::Expected { expected },
        ))
    }

    fn step(&mut self) -> Result<Step<'text>, StepError> {
        let rest = self.rest();
        let position = self.position();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(rest.len());
        if end == 0 {
            let expected = "name";
            return Err(StepError::new(position, StepFault::Expected { expected }));
        }
        let name = &rest[..end];
        self.at += end;
        let mut arguments = Vec::new();
        if self.rest().starts_with('(') {
            self.at += 1;
            if self.rest().starts_with(')') {
                self.at += 1;
            } else {
                loop {
                    arguments.push(self.argument()?);
                    if self.rest().starts_with(',') {
                        self.at += 1;
                    } else {
                        self.take(')', ")")?;
                        break;
                    }
                }
            }
        }
        Ok(Step {
            name,
            arguments,
            position,
        })
    }

    fn argument(&mut self) -> Result<Argument<'text>, StepError> {
        let rest = self.rest();
        let position = self.position();
        let end = rest.find([',', ')', '(', '|']).unwrap_or(rest.len());
        let text = rest[..end].trim_end();
        if text.is_empty() {
            let expected = "value";
            return Err(StepError::new(position, StepFault::Expected { expected }));
        }
        self.at += end;
        Ok(Argument { text, position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let steps = split(text).unwrap();
        let steps: Vec<String> = steps.iter().map(Step::to_string).collect();
        steps.join(" | ")
    }

    #[test]
    fn steps_are_split_and_print_as_they_are_read() {
        assert_eq!(
            shown("clahe( 2, 8 )|flip | x(crop)"),
            "clahe(2,8) | flip | x(crop)"
        );
        assert_eq!(shown("flip()"), "flip");
        assert_eq!(shown(" \n"), "");
        let text = shown(" gaussian (3) | non_local_means(7,21)");
        assert_eq!(shown(&text), text);
    }

    #[test]
    fn both_spellings_of_a_name_are_one_step() {
        for (other, own) in SPELLINGS {
            let steps = split(other).unwrap();
            let found = steps[0].find(&SPELLINGS, |(_, own)| own).unwrap();
            assert_eq!(found.1, own);
        }
    }

    #[test]
    fn an_error_says_where() {
        let fault = |text: &str| {
            let error = split(text).unwrap_err();
            match error.fault {
                StepFault::Expected { expected } => (error.position, expected),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault("flip |"), (7, "name"));
        assert_eq!(fault("| flip"), (1, "name"));
        assert_eq!(fault("é flip"), (3, "|"));
        assert_eq!(fault("flip(1"), (7, ")"));
        assert_eq!(fault("flip(1,)"), (8, "value"));
        assert_eq!(fault("flip(1|zoom"), (7, ")"));
        assert_eq!(fault("flip)"), (5, "|"));
        let long = split(&"a|".repeat(4000)).unwrap_err();
        assert_eq!(long.fault, StepFault::TooLong);
    }

    #[test]
    fn names_and_arguments_are_looked_up() {
        const KNOWN: &[&str] = &["flip", "rotate", "zoom"];
        let steps = split("rotaet(15, up)").unwrap();
        let step = &steps[0];
        let error = step.find(KNOWN, |name| name).unwrap_err();
        assert_eq!(
            error.to_string(),
            "character 1: there is no step `rotaet`; there are flip, rotate, zoom"
        );
        assert_eq!(step.number(0, "degrees", 0.0..=180.0, 1.0), Ok(15.0));
        assert_eq!(step.number(5, "degrees", 0.0..=180.0, 1.0), Ok(1.0));
        assert_eq!(
            step.number(0, "degrees", 0.0..=10.0, 1.0)
                .unwrap_err()
                .to_string(),
            "character 8: `15` is no degrees: Number(0.0, 10.0)"
        );
        assert_eq!(
            step.number(1, "x", 0.0..=1.0, 0.0).unwrap_err().position,
            12
        );
        assert_eq!(step.word(1, "way", &["down", "up"]), Ok("up"));
        assert_eq!(step.word(2, "way", &["down", "up"]), Ok("down"));
        assert!(step.word(0, "way", &["down", "up"]).is_err());
        assert!(
            step.expect_arguments(0..=1, "rotate", "rotate(degrees)")
                .is_err()
        );
        for not_a_number in ["nan", "inf", "1e99", ""] {
            let text = format!("a({not_a_number}x)");
            let steps = split(&text).unwrap();
            assert!(steps[0].number(0, "x", 0.0..=1.0, 0.0).is_err());
        }
    }
}

//! What every verb is given: the language to speak, the threads and instructions to compute with.
use crate::failure::{Failure, Status};
use crate::language::system_language;
use crate::options::CommonArguments;
use anyhow::Result;
use kernels::Isa;
use std::num::NonZero;
use words::{Language, Say, UsageMessage};

/// The options of every verb, made sense of.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The language that was asked for by name.
    pub wanted_language: Option<Language>,
    /// The language of messages: the wanted one, else the system's.
    pub language: Language,
    /// Threads for computing.
    pub threads: usize,
    /// Vector instructions.
    pub isa: Isa,
    /// Whether to say nothing but results and errors.
    pub quiet: bool,
}

impl Context {
    /// From the options and the environment.
    pub fn new(arguments: &CommonArguments) -> Result<Self> {
        let wanted_language = match &arguments.lang {
            Some(name) => Some(name.parse::<Language>().map_err(|_| {
                let known = Language::ALL.map(Language::code).join(", ");
                not_one_of(system_language(), "--lang", name, &known)
            })?),
            None => None,
        };
        let language = wanted_language.unwrap_or_else(system_language);
        let isa = match &arguments.isa {
            Some(name) => Isa::by_name(name).ok_or_else(|| {
                let known: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
                not_one_of(language, "MUSEAU_ISA", name, &known.join(", "))
            })?,
            None => Isa::best(),
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = arguments.threads.map_or(cores, usize::from);
        Ok(Context {
            wanted_language,
            language,
            threads,
            isa,
            quiet: arguments.quiet,
        })
    }

    /// An English-speaking person's, quiet.
    #[cfg(test)]
    pub(crate) fn of_tests(threads: usize) -> Self {
        Context {
            wanted_language: None,
            language: Language::English,
            threads,
            isa: Isa::best(),
            quiet: true,
        }
    }

    /// A message in the person's language, with what to do.
    pub fn say(&self, message: impl Say) -> String {
        message.message(self.language)
    }
}

/// The refusal of a value that is not one of the known ones.
pub fn not_one_of(language: Language, argument: &str, value: &str, allowed: &str) -> anyhow::Error {
    let message = UsageMessage::NotOneOf {
        argument,
        value,
        allowed,
    };
    Failure::error(Status::Usage, message.text(language))
}

//! What every verb is given: the language to speak, the threads and instructions to compute with.
use crate::failure::{Failure, Status};
use crate::options::CommonArguments;
use anyhow::Result;
use kernels::Isa;
use std::num::NonZero;
use words::{Language, Message};

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
            Some(name) => {
                let wrong = |error| Failure::error(Status::Usage, format!("--lang: {error}"));
                Some(name.parse::<Language>().map_err(wrong)?)
            }
            None => None,
        };
        let language = wanted_language.unwrap_or_else(system_language);
        let isa = match &arguments.isa {
            Some(name) => Isa::by_name(name).ok_or_else(|| {
                let known: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
                let text = format!("MUSEAU_ISA={name}: this processor has {}", known.join(", "));
                Failure::error(Status::Usage, text)
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

    /// A message in the person's language, with what to do.
    pub fn say(&self, message: Message<'_>) -> String {
        words::message(self.language, message)
    }
}

/// The system's language; English where it names none (`LANG=C`), as programs of a terminal do.
pub fn system_language() -> Language {
    sys_locale::get_locale()
        .and_then(|locale| Language::from_locale(&locale))
        .unwrap_or(Language::English)
}

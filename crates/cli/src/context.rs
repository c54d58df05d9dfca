//! What every verb is given: the language to speak, the threads and instructions to compute with.
use crate::arguments::CommonArguments;
use crate::failure::{Failure, Status};
use anyhow::Result;
use kernels::Isa;
use std::num::NonZero;
use words::{Language, Message};

/// The options of every verb, made sense of.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The language of messages.
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
        let language = match &arguments.lang {
            Some(name) => name
                .parse()
                .map_err(|error| Failure::new(Status::Usage, format!("--lang: {error}")))?,
            None => system_language(),
        };
        let isa = match &arguments.isa {
            Some(name) => Isa::by_name(name).ok_or_else(|| {
                let known: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
                let text = format!("MUSEAU_ISA={name}: this processor has {}", known.join(", "));
                Failure::new(Status::Usage, text)
            })?,
            None => Isa::best(),
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = arguments.threads.map_or(cores, usize::from);
        Ok(Context {
            language,
            threads,
            isa,
            quiet: arguments.quiet,
        })
    }

    /// A message in the person's language, with what to do.
    pub fn say(&self, message: Message<'_>) -> String {
        match message.hint(self.language) {
            Some(hint) => format!("{}\n  {hint}", message.text(self.language)),
            None => message.text(self.language),
        }
    }
}

/// The system's language; English where it names none (`LANG=C`), as programs of a terminal do.
pub fn system_language() -> Language {
    sys_locale::get_locale()
        .and_then(|locale| Language::from_locale(&locale))
        .unwrap_or(Language::English)
}

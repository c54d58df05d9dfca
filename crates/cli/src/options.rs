//! Options that several verbs share.
use clap::{Args, ValueEnum};

/// Options of every verb.
#[derive(Debug, Args)]
pub struct CommonArguments {
    /// The language of messages: fr or en [default: the system's]
    #[arg(long, global = true, value_name = "LANGUAGE", env = "MUSEAU_LANG")]
    pub lang: Option<String>,
    /// Threads for computing, from 1 to 1024 [default: all cores]
    #[arg(long, global = true, value_name = "N", env = "MUSEAU_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Vector instructions to use: portable, avx2 or avx512 [default: the best of this processor]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "MUSEAU_ISA",
        hide = true
    )]
    pub isa: Option<String>,
    /// Print only results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Log more: -v info, -vv debug
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How to print a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

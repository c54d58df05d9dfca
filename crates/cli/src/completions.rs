//! `museau completions` and `museau man`: what a shell and `man` want to know.
use crate::arguments::Arguments;
use anyhow::{Context, Result};
use clap::CommandFactory;
use std::io::Write;
use std::path::Path;

/// Prints the completions of a shell.
pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "museau", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(())
}

/// Prints the manual page of the whole, or writes one page a verb into a folder.
pub fn manual(folder: Option<&Path>) -> Result<()> {
    let command = Arguments::command();
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            clap_mangen::generate_to(command, folder)
                .with_context(|| folder.display().to_string())?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            std::io::stdout().write_all(&page)?;
        }
    }
    Ok(())
}

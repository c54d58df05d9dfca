//! `museau completions` and `museau man`: what a shell and `man` want to know.
use crate::context::Context;
use crate::outputs::{Kind, begin, finish};
use anyhow::Result;
use clap::Command;
use std::io::Write;
use std::path::Path;

/// Prints the completions of a shell for museau's whole command line.
pub fn completions(shell: clap_complete::Shell, mut command: Command) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "museau", &mut text);
    crate::terminal::stdout().write_all(&text)?;
    Ok(())
}

/// Prints the manual page of the whole, or writes one page a verb into a folder.
pub fn manual(context: &Context, command: Command, folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) => {
            let mut command = command.disable_help_subcommand(true);
            command.build();
            pages(context, &command, folder)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            crate::terminal::stdout().write_all(&page)?;
        }
    }
    Ok(())
}

/// Writes the page of a verb and of those under it.
fn pages(context: &Context, command: &Command, folder: &Path) -> Result<()> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        pages(context, verb, folder)?;
    }
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    let file = begin(context, &folder.join(page.get_filename()), Kind::Manual)?;
    finish(context, file, &data::files::stamped_manual(&text))
}

//! `museau weights list`: the weights that are kept.
use super::store::{self, Kept};
use crate::context::Context;
use crate::terminal::stdout;
use anyhow::Result;
use serde::Serialize;
use std::io::Write;
use words::{WeightsMessage, plain_line};

/// A line of `museau weights list --json`.
#[derive(Serialize)]
struct Row<'a> {
    backbone: &'a str,
    classes: Option<usize>,
    published: bool,
    file: &'a str,
    hash: &'a str,
    bytes: u64,
    path: String,
}

/// Runs `museau weights list`.
pub fn run(context: &Context, json: bool) -> Result<()> {
    let all = store::kept(&store::folder());
    let mut out = stdout();
    for Kept { path, card, bytes } in &all {
        let path = path.display().to_string();
        if json {
            let row = Row {
                backbone: &card.backbone,
                classes: card.classes,
                published: card.published,
                file: &card.file,
                hash: &card.hash,
                bytes: *bytes,
                path,
            };
            writeln!(out, "{}", serde_json::to_string(&row)?)?;
            continue;
        }
        let size = words::bytes(context.language, *bytes);
        let head = store::head(context, card);
        let [backbone, file, path] =
            [&card.backbone, &card.file, &path].map(|text| plain_line(text));
        writeln!(out, "{backbone:<20} {head:<22} {size:>8}  {path}  ({file})")?;
    }
    if all.is_empty() && !context.quiet && !json {
        eprintln!("{}", context.say(WeightsMessage::NoneKept));
    }
    Ok(())
}

//! What a verb did to a data set, in numbers.
use anyhow::Result;
use data::{Manifest, Part};
use std::io::Write;

/// Photos in all and by part, and classes.
pub fn counts(manifest: &Manifest) -> Vec<(&'static str, usize)> {
    let of = |part| {
        manifest
            .all_entries()
            .iter()
            .filter(|entry| entry.part == part)
            .count()
    };
    let mut counts = vec![
        ("photos", manifest.all_entries().len()),
        ("classes", manifest.classes().len()),
    ];
    for (name, part) in [
        ("train", Part::Train),
        ("val", Part::Validation),
        ("test", Part::Test),
        ("unsplit", Part::Unsaid),
    ] {
        counts.push((name, of(part)));
    }
    counts
}

/// Prints the counts, and the names of the classes where some were chosen.
pub fn print(summary: &[(&'static str, usize)], chosen: &[String], json: bool) -> Result<()> {
    let mut out = crate::terminal::stdout();
    if json {
        let mut object: serde_json::Map<String, serde_json::Value> = summary
            .iter()
            .map(|(name, count)| ((*name).to_owned(), (*count).into()))
            .collect();
        if !chosen.is_empty() {
            object.insert("chosen".to_owned(), chosen.into());
        }
        writeln!(out, "{}", serde_json::Value::Object(object))?;
    } else {
        for (name, count) in summary {
            writeln!(out, "{name}\t{count}")?;
        }
        for name in chosen {
            writeln!(out, "chosen\t{}", words::plain_line(name))?;
        }
    }
    Ok(())
}

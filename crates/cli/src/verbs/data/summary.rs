//! What a verb did to a data set, in numbers.
use crate::context::Context;
use anyhow::Result;
use data::{Manifest, Part};
use std::io::Write;
use words::{DataMessage, Say};

/// How many there are of something.
pub struct Count {
    /// What it is called in JSON.
    name: &'static str,
    /// What it is called for people.
    said: Box<dyn Say>,
    count: usize,
}

impl Count {
    /// So many of what has this name for programs, and these words for people.
    pub fn of(name: &'static str, said: impl Say + 'static, count: usize) -> Self {
        let said = Box::new(said);
        Count { name, said, count }
    }
}

/// Photos in all and by part, and classes.
pub fn counts(manifest: &Manifest) -> Vec<Count> {
    let entries = manifest.all_entries();
    let of = |part| entries.iter().filter(|entry| entry.part == part).count();
    let classes = manifest.classes().len();
    vec![
        Count::of("photos", DataMessage::CountPhotos, entries.len()),
        Count::of("classes", DataMessage::CountClasses, classes),
        Count::of("train", DataMessage::CountTrain, of(Part::Train)),
        Count::of("val", DataMessage::CountVal, of(Part::Validation)),
        Count::of("test", DataMessage::CountTest, of(Part::Test)),
        Count::of("unsplit", DataMessage::CountUnsplit, of(Part::Unsaid)),
    ]
}

/// Prints the counts, and the names of the classes where some were chosen.
pub fn print(context: &Context, summary: &[Count], chosen: &[String], json: bool) -> Result<()> {
    let mut out = crate::terminal::stdout();
    if json {
        let mut object: serde_json::Map<String, serde_json::Value> = summary
            .iter()
            .map(|count| (count.name.to_owned(), count.count.into()))
            .collect();
        if !chosen.is_empty() {
            object.insert("chosen".to_owned(), chosen.into());
        }
        writeln!(out, "{}", serde_json::Value::Object(object))?;
    } else {
        for count in summary {
            let said = count.said.say(context.language).text;
            writeln!(out, "{said}\t{}", count.count)?;
        }
        let said = context.say(DataMessage::CountChosen);
        for name in chosen {
            writeln!(out, "{said}\t{}", words::plain_line(name))?;
        }
    }
    Ok(())
}

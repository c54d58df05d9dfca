//! The report of a check: an HTML page with the photos side by side.

use std::collections::HashMap;

use report::{Page, Picture, Table};
use words::{Language, ReportMessage};

use super::plane::Plane;
use super::{Checked, Finding, Kind, reason};
use crate::manifest::{Entry, Manifest};
use crate::parallel::{self, Progress};
use crate::picture::picture;

/// The longest side of a picture in a report, in pixels.
const SIDE: usize = 112;
/// The most findings of a kind that are shown with their photos; all are in the JSON.
const MOST_SHOWN: usize = 120;

/// The page of a check.
pub fn report(
    manifest: &Manifest,
    checked: &Checked,
    language: Language,
    threads: usize,
    progress: Progress<'_>,
) -> String {
    let say = |message: ReportMessage<'_>| message.text(language);
    let mut page = Page::new(language, &say(ReportMessage::CheckTitle));
    let photos = words::number(language, checked.photos as f64, 0);
    page.paragraph(&say(ReportMessage::CheckIntroduction { photos: &photos }));
    let mut table = Table::new([
        say(ReportMessage::CheckFound),
        say(ReportMessage::CheckCount),
    ]);
    for (kind, count) in checked.counts() {
        table.row([say(kind.message()), count.to_string()]);
    }
    page.table("", &table);

    let entries: HashMap<&str, &Entry> = manifest
        .all_entries()
        .iter()
        .map(|entry| (entry.path.as_str(), entry))
        .collect();
    let mut sections: Vec<(Kind, Vec<&Finding>, usize)> = Vec::new();
    for (kind, count) in checked.counts() {
        if count > 0 {
            let own = checked
                .findings
                .iter()
                .filter(|finding| finding.kind == kind);
            sections.push((kind, own.take(MOST_SHOWN).collect(), count));
        }
    }
    let shown: Vec<&Entry> = sections
        .iter()
        .flat_map(|(_, findings, _)| findings.iter())
        .flat_map(|finding| &finding.paths)
        .filter_map(|path| entries.get(path.as_str()).copied())
        .collect();
    let pictures = parallel::map(threads, shown.len(), progress, |index| {
        thumbnail(manifest, shown[index], SIDE, true)
    });
    let pictures: HashMap<&str, Picture> = shown
        .iter()
        .zip(pictures)
        .filter_map(|(entry, picture)| Some((entry.path.as_str(), picture?)))
        .collect();

    for (kind, findings, count) in sections {
        page.heading(&format!("{} ({count})", say(kind.message())));
        if count > findings.len() {
            let shown = findings.len().to_string();
            page.paragraph(&say(ReportMessage::CheckFirst { shown: &shown }));
        }
        let cells: Vec<(Vec<Picture>, Vec<String>)> = findings
            .iter()
            .map(|finding| cell(finding, &pictures, language))
            .collect();
        page.grid(&cells);
    }
    page.finish()
}

fn cell(
    finding: &Finding,
    pictures: &HashMap<&str, Picture>,
    language: Language,
) -> (Vec<Picture>, Vec<String>) {
    let own = finding
        .paths
        .iter()
        .filter_map(|path| pictures.get(path.as_str()).cloned())
        .collect();
    let mut lines: Vec<String> = finding
        .paths
        .iter()
        .enumerate()
        .map(|(place, path)| {
            let name = last_names(path);
            match finding.splits.get(place) {
                Some(split) if !split.is_empty() => format!("{name} ({split})"),
                _ => name.to_owned(),
            }
        })
        .collect();
    if finding.paths.is_empty() {
        lines.extend(finding.classes.iter().cloned());
    }
    lines.push(reason(
        finding.kind,
        finding.value,
        &finding.detail,
        language,
    ));
    (own, lines)
}

/// The last two names of a path: the class and the photo.
pub fn last_names(path: &str) -> &str {
    let cut = path
        .rmatch_indices('/')
        .nth(1)
        .map_or(0, |(place, _)| place + 1);
    &path[cut..]
}

/// A small picture of a photo, `longest` pixels on its longer side, at its true sides where an
/// annotation tells them, its boxes drawn in or not; none where it cannot be read.
pub fn thumbnail(
    manifest: &Manifest,
    entry: &Entry,
    longest: usize,
    boxes: bool,
) -> Option<Picture> {
    let (photo, _) = manifest.photo(entry).ok()?;
    let (width, height) = entry.original.unwrap_or((entry.width, entry.height));
    let most = width.max(height) as usize;
    let side = |side: u32| (side as usize * longest / most).clamp(1, longest);
    let (new_width, new_height) = (side(width), side(height));
    let mut rgb = reduced(
        photo.rgb(),
        (photo.width(), photo.height()),
        (new_width, new_height),
    );
    for rectangle in entry.boxes.iter().filter(|_| boxes) {
        let across = new_width as f32 / entry.width as f32;
        let down = new_height as f32 / entry.height as f32;
        let [left, top, right, bottom] = *rectangle;
        let sides = [left * across, top * down, right * across, bottom * down];
        outline(&mut rgb, (new_width, new_height), sides);
    }
    Some(picture(
        new_width,
        new_height,
        &rgb,
        last_names(&entry.path),
    ))
}

/// Draws the outline of a rectangle, in pixels, as far as it lies in the picture.
fn outline(rgb: &mut [u8], (width, height): (usize, usize), sides: [f32; 4]) {
    const COLOR: [u8; 3] = [255, 40, 220];
    let [left, top, right, bottom] = sides.map(|side| side.round() as i64);
    let mut point = |x: i64, y: i64| {
        if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
            let place = (y as usize * width + x as usize) * 3;
            rgb[place..place + 3].copy_from_slice(&COLOR);
        }
    };
    for x in left.max(0)..right.min(width as i64) {
        point(x, top);
        point(x, bottom - 1);
    }
    for y in top.max(0)..bottom.min(height as i64) {
        point(left, y);
        point(right - 1, y);
    }
}

/// Colours resized as [`Plane::resized`] does it.
pub(crate) fn reduced(rgb: &[u8], (width, height): (usize, usize), new: (usize, usize)) -> Vec<u8> {
    let channels = [0, 1, 2].map(|channel| {
        let gray = rgb.iter().skip(channel).step_by(3).copied().collect();
        let plane = Plane {
            width,
            height,
            gray,
        };
        plane.resized(new.0, new.1).gray
    });
    let [red, green, blue] = channels;
    red.into_iter()
        .zip(green)
        .zip(blue)
        .flat_map(|((red, green), blue)| [red, green, blue])
        .collect()
}

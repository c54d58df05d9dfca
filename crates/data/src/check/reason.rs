//! Why something was found, in the person's language: made of what a check writes into its JSON.

use words::{Language, ReportMessage};

use super::kind::Kind;
use super::rules::{BLURRED, BRIGHT, DARK, GRAY, LITTLE};
use crate::class::shown_class;
use crate::import::ProblemKind;

/// What `value` and `detail` of a finding say; the detail itself, which is in English, where it is
/// of no known form.
pub fn reason(kind: Kind, value: f64, detail: &str, language: Language) -> String {
    let said = match kind {
        Kind::TwinsAcrossClasses | Kind::TwinsAcrossSplits | Kind::SameFile | Kind::Twins => {
            alike(detail, language)
        }
        Kind::Dark | Kind::Bright | Kind::Blurred | Kind::LowInformation | Kind::Gray => {
            Some(measured(kind, value, language))
        }
        Kind::Tiny | Kind::OddAspect => detail
            .split_once(" x ")
            .map(|(width, height)| ReportMessage::ReasonSize { width, height }.text(language)),
        Kind::Rotated => turned(detail, language),
        Kind::FakeExtension => Some(ReportMessage::ReasonContent { format: detail }.text(language)),
        Kind::LabelSuspect => doubted(detail, language),
        Kind::WildCanid => Some(ReportMessage::ReasonPhotos { count: detail }.text(language)),
        Kind::Imbalance => match detail.split_once(" / ") {
            Some((count, median)) => {
                Some(ReportMessage::ReasonMedian { count, median }.text(language))
            }
            None => problem(detail, language),
        },
        Kind::Unreadable | Kind::Mislabelled => problem(detail, language),
        Kind::BoxOutside => None,
    };
    said.unwrap_or_else(|| detail.to_owned())
}

/// Of two photos: `=`, or `≈ 0.987 (95 %) ⇋ ↻ 90°`.
fn alike(detail: &str, language: Language) -> Option<String> {
    if detail == "=" {
        return Some(ReportMessage::ReasonIdentical.text(language));
    }
    let (likeness, rest) = detail.strip_prefix("≈ ")?.split_once(" (")?;
    let (overlap, turn) = rest.split_once(" %)")?;
    let likeness = &words::number(language, likeness.parse().ok()?, 3);
    let mut said = vec![ReportMessage::ReasonSimilar { likeness, overlap }.text(language)];
    if turn.contains('⇋') {
        said.push(ReportMessage::ReasonMirrored.text(language));
    }
    if let Some((_, degrees)) = turn.split_once("↻ ") {
        let degrees = degrees.trim_end_matches('°');
        said.push(ReportMessage::ReasonTurned { degrees }.text(language));
    }
    Some(said.join(", "))
}

/// Of a photo by its own pixels, beside the threshold.
fn measured(kind: Kind, value: f64, language: Language) -> String {
    let limit = match kind {
        Kind::Dark => DARK,
        Kind::Bright => BRIGHT,
        Kind::Blurred => BLURRED,
        Kind::LowInformation => LITTLE,
        _ => GRAY,
    };
    let [value, limit] = [value, limit.into()].map(|number| words::number(language, number, 1));
    let (value, limit) = (&value, &limit);
    let message = match kind {
        Kind::Dark => ReportMessage::ReasonDark { value, limit },
        Kind::Bright => ReportMessage::ReasonBright { value, limit },
        Kind::Blurred => ReportMessage::ReasonBlurred { value, limit },
        Kind::LowInformation => ReportMessage::ReasonLittle { value, limit },
        _ => ReportMessage::ReasonGray { value, limit },
    };
    message.text(language)
}

/// How the Exif data turn a photo.
fn turned(orientation: &str, language: Language) -> Option<String> {
    let (mirrored, degrees) = match orientation {
        "MirrorHorizontal" => (true, ""),
        "Rotate90" => (false, "90"),
        "Rotate180" => (false, "180"),
        "Rotate270" => (false, "270"),
        "MirrorVertical" => (true, "180"),
        "Transpose" => (true, "270"),
        "Transverse" => (true, "90"),
        _ => return None,
    };
    let mirror = mirrored.then(|| ReportMessage::ReasonMirrored.text(language));
    let turn = ReportMessage::ReasonTurned { degrees }.text(language);
    let turn = (!degrees.is_empty()).then_some(turn);
    Some(Vec::from_iter(mirror.into_iter().chain(turn)).join(", "))
}

/// Of a doubtful label: `pug: 10 / 10` by its neighbours, `pug: 0.900 > 0.100` by a model.
fn doubted(detail: &str, language: Language) -> Option<String> {
    let (folder, numbers) = detail.rsplit_once(": ")?;
    let breed = crate::breed_of_folder(folder);
    let class = breed.map_or_else(|| shown_class(folder), |breed| breed.name(language));
    if let Some((count, all)) = numbers.split_once(" / ") {
        return Some(ReportMessage::ReasonNeighbours { count, all, class }.text(language));
    }
    let (other, own) = numbers.split_once(" > ")?;
    let share = |text: &str| Some(words::percent(language, text.parse().ok()?));
    let (other, own) = (&share(other)?, &share(own)?);
    Some(ReportMessage::ReasonModel { class, other, own }.text(language))
}

/// Of a problem of the import: its name, and more about it in English, which only English keeps.
fn problem(detail: &str, language: Language) -> Option<String> {
    let (name, more) = detail.split_once(": ").unwrap_or((detail, ""));
    let mut kinds = ProblemKind::ALL.into_iter();
    let kind = match kinds.find(|kind| kind.name().replace('_', " ") == name) {
        Some(kind) => kind,
        // What a decoder said, and nothing before it.
        None if language == Language::English => return None,
        None => ProblemKind::Unreadable,
    };
    let message = match kind {
        ProblemKind::Missing => ReportMessage::ReasonMissing,
        ProblemKind::Unreadable if detail.ends_with(super::CHANGED) => ReportMessage::ReasonChanged,
        ProblemKind::Unreadable => ReportMessage::ReasonUnreadable,
        ProblemKind::Empty => ReportMessage::ReasonEmpty,
        ProblemKind::Outside => ReportMessage::ReasonOutside,
        ProblemKind::EmptyClass => ReportMessage::ReasonEmptyClass,
        ProblemKind::Mislabelled => ReportMessage::ReasonMislabelled,
        ProblemKind::TwoLabels => ReportMessage::ReasonTwoLabels,
        ProblemKind::NoLabel => ReportMessage::ReasonNoLabel,
        ProblemKind::BadAnnotation => ReportMessage::ReasonBadAnnotation,
        ProblemKind::AlikeClasses => ReportMessage::ReasonAlikeClasses,
        ProblemKind::NamedTwice | ProblemKind::IgnoredPart => return None,
    };
    let said = message.text(language);
    match language {
        Language::English if !more.is_empty() => Some(format!("{said}: {more}")),
        _ => Some(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn what_a_check_writes_is_said_in_words() {
        for (kind, value, detail, french, english) in [
            (
                Kind::SameFile,
                1.0,
                "=",
                "Fichiers identiques",
                "Identical files",
            ),
            (
                Kind::Twins,
                0.987,
                "≈ 0.987 (95 %) ⇋ ↻ 90°",
                "similarité 0,987 (maximum 1) sur 95\u{a0}% de la surface, en miroir, pivotée de 90°",
                "similarity 0.987 (maximum 1) over 95% of the area, mirrored, rotated by 90°",
            ),
            (
                Kind::Blurred,
                58.6,
                "58.6",
                "Netteté 58,6 (floue sous 60,0)",
                "Sharpness 58.6 (blurred below 60.0)",
            ),
            (
                Kind::LabelSuspect,
                1.0,
                "n02110958-pug: 10 / 10",
                "Classe de 10 des 10 photos les plus proches\u{a0}: Carlin",
                "Class of 10 of the 10 nearest photos: Pug",
            ),
            (
                Kind::LabelSuspect,
                0.8,
                "my: dog: 0.900 > 0.100",
                "my: dog (90\u{a0}%, contre 10\u{a0}% pour sa classe)",
                "my: dog (90%, vs 10% for its own class)",
            ),
            (
                Kind::Tiny,
                80.0,
                "80 x 60",
                "80 × 60 pixels",
                "80 × 60 pixels",
            ),
            (
                Kind::Rotated,
                0.0,
                "Transpose",
                "en miroir, pivotée de 270°",
                "mirrored, rotated by 270°",
            ),
            (
                Kind::Unreadable,
                0.0,
                "unreadable: the content is not that of a photo",
                "Illisible",
                "Unreadable: the content is not that of a photo",
            ),
            (
                Kind::Imbalance,
                3.0,
                "3 / 20",
                "médiane des classes\u{a0}: 20",
                "median of the classes: 20",
            ),
        ] {
            for (language, wanted) in [(French, french), (English, english)] {
                let said = reason(kind, value, detail, language);
                assert!(said.ends_with(wanted), "{said}");
            }
        }
    }

    #[test]
    fn no_problem_of_an_import_is_said_in_english_to_a_french_person() {
        for kind in ProblemKind::ALL {
            let about = crate::import::Problem {
                path: "a.jpg".to_owned(),
                kind,
                detail: "the file is odd".to_owned(),
            };
            let Some(found) = super::super::rules::of_problem(&about) else {
                continue;
            };
            let said = reason(found.kind, found.value, &found.detail, French);
            assert!(!said.contains("the file") && !said.is_empty(), "{said}");
            assert_ne!(said, kind.name().replace('_', " "));
        }
    }
}

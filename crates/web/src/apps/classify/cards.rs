//! The card of an answer: the photo, what the dog looks like, how sure that is, and what to mind.
use super::texts::Texts;
use crate::service::{Outcome, Seen};
use crate::site::{Failure, bar, logo, sign, signs};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use classify::{Answer, AnswerKind, BreedGuess, Notice, Quality};
use maud::{Markup, html};
use words::{AnswerMessage, Confidence, Language, fill, percent};

/// The breeds shown after the first.
const NEXT: usize = 4;

/// The cards of all outcomes, in order.
pub(super) fn cards(outcomes: &[Outcome], language: Language) -> Markup {
    html! { @for outcome in outcomes { (card(outcome, language)) } }
}

/// The card of a request that failed as a whole.
pub(super) fn failed(failure: &Failure, language: Language) -> Markup {
    let text = Texts::of(language);
    html! {
        article class="card" data-summary=(summary_of_failure(failure, language)) {
            div class="pictures" {
                figure class="picture" { div class="frame" { (logo()) } }
            }
            div class="answer" {
                (failure_answer(failure, language))
                @if failure.may_pass() {
                    button type="button" data-do="retry" hidden { (text.retry) }
                }
            }
        }
    }
}

/// The answer in one line, for the page's title and for those who hear it.
pub(super) fn summary(outcome: &Outcome, language: Language) -> String {
    match &outcome.result {
        Ok(answer) => answer.summary(language),
        Err(failure) => summary_of_failure(failure, language),
    }
}

fn summary_of_failure(failure: &Failure, language: Language) -> String {
    match failure.photo_name() {
        Some(name) => format!("{name}{}{}", colon(language), failure.text(language)),
        None => failure.text(language),
    }
}

fn card(outcome: &Outcome, language: Language) -> Markup {
    let text = Texts::of(language);
    let many = outcome.photos.len() > 1;
    html! {
        article class="card" data-summary=(summary(outcome, language)) {
            div class=(if many { "pictures many" } else { "pictures" }) {
                @for seen in &outcome.photos { (picture(seen, is_dog(outcome), text)) }
            }
            div class="answer" {
                @if many {
                    p class="plain" {
                        (fill(&text.together_photos, &[("count", &outcome.photos.len().to_string())]))
                    }
                }
                @match &outcome.result {
                    Ok(answer) => (answered(answer, language)),
                    Err(failure) => (failure_answer(failure, language)),
                }
            }
        }
    }
}

/// Whether the answer names a dog, surely or not: nothing else is explained.
fn is_dog(outcome: &Outcome) -> bool {
    let answer = outcome.result.as_ref();
    answer.is_ok_and(|answer| answer.answer != AnswerKind::NotADog)
}

fn picture(seen: &Seen, can_explain: bool, text: &Texts) -> Markup {
    let name = shown_name(&seen.name, seen.index, text);
    html! {
        figure class="picture" data-photo=(seen.index) {
            div class="frame" {
                @match &seen.thumbnail {
                    Some(jpeg) => {
                        img src={ "data:image/jpeg;base64," (STANDARD.encode(jpeg)) }
                            alt=(fill(&text.photo_alt, &[("name", &name)]));
                    }
                    None => (logo()),
                }
            }
            figcaption {
                (name)
                @if seen.is_part { " · " (text.part_looked_at) }
            }
            (actions(&name, text, seen.thumbnail.is_some(), can_explain))
        }
    }
}

/// A photo's file name, or where it has none its number.
fn shown_name(name: &str, index: usize, text: &Texts) -> String {
    if name.is_empty() {
        fill(&text.name_of_photo, &[("number", &(index + 1).to_string())])
    } else {
        name.to_string()
    }
}

/// The buttons of a picture; the script shows them, for nothing happens without it.
fn actions(name: &str, text: &Texts, can_point: bool, can_explain: bool) -> Markup {
    let remove = fill(&text.remove, &[("name", name)]);
    html! {
        div class="actions" hidden {
            @if can_point {
                button type="button" class="quiet" data-do="point"
                    aria-label=(fill(&text.box_button_label, &[("name", name)])) {
                    (sign(signs::FRAME)) span class="label" { (text.box_button) }
                }
            }
            @if can_point && can_explain {
                button type="button" class="quiet" data-do="explain" aria-pressed="false"
                    aria-label=(fill(&text.explain_label, &[("name", name)])) title=(text.explain_hint) {
                    (sign(signs::WHY)) span class="label" { (text.explain) }
                }
            }
            button type="button" class="quiet" data-do="remove" aria-label=(remove) title=(remove) {
                (sign(signs::CROSS))
            }
        }
    }
}

fn failure_answer(failure: &Failure, language: Language) -> Markup {
    html! {
        h3 class="verdict" { span class="breed" { (Texts::of(language).failed) } }
        div class="note bad" role="alert" {
            p { (failure.text(language)) }
            @if let Some(hint) = failure.hint(language) { p { (hint) } }
        }
    }
}

fn answered(answer: &Answer, language: Language) -> Markup {
    let text = Texts::of(language);
    html! {
        @match (answer.answer, answer.breeds.first()) {
            (AnswerKind::NotADog, _) | (_, None) => (not_a_dog(answer, text, language)),
            (AnswerKind::Unsure, _) => (unsure(answer, text, language)),
            (AnswerKind::Dog, Some(first)) => (dog(answer, first, text, language)),
        }
        (notices(answer, language))
    }
}

fn dog(answer: &Answer, first: &BreedGuess, text: &Texts, language: Language) -> Markup {
    let sure = words::confidence(answer.probability().into());
    // The first breed is in the heading, unless that names its type.
    let (named, caption) = match answer.breed_type {
        None => (1, AnswerMessage::Others),
        Some(_) => (0, AnswerMessage::Closest),
    };
    html! {
        h3 class="verdict" {
            span class="lead" { (AnswerMessage::LooksLike.text(language)) " " }
            span class="breed" { (looks_like(answer, first, text, language)) }
        }
        p class="sure" {
            @if answer.mixed {
                span class="chip calm" { (AnswerMessage::Mixed.text(language)) }
            }
            span class=(tone(sure, answer)) { (answer.confidence(language)) }
            span { (percent(language, answer.probability().into())) }
        }
        (bar(answer.probability()))
        (table(&answer.breeds[named..], &caption.text(language), language))
        @if !answer.look_alikes.is_empty() {
            p class="plain" {
                (AnswerMessage::LookAlikes.text(language)) (colon(language))
                b { (answer.look_alikes.iter().map(|id| breed_name(id, language)).collect::<Vec<_>>().join(", ")) }
            }
        }
    }
}

/// The chip of a word: calmer where the answer is less than likely, or the photo a poor one.
fn tone(sure: Confidence, answer: &Answer) -> &'static str {
    match sure {
        _ if !answer.quality.is_empty() => "chip fair",
        Confidence::VeryLikely | Confidence::Likely => "chip",
        Confidence::Maybe | Confidence::Unlikely => "chip fair",
    }
}

/// The first breed, or the two that share the likeness.
fn looks_like(answer: &Answer, first: &BreedGuess, text: &Texts, language: Language) -> String {
    match answer.breeds.get(1) {
        Some(second) if answer.mixed => fill(
            &text.mixed_pair,
            &[
                ("first", first.name_in(language)),
                ("second", second.name_in(language)),
            ],
        ),
        _ => answer.likeness(first, language).to_string(),
    }
}

fn unsure(answer: &Answer, text: &Texts, language: Language) -> Markup {
    html! {
        h3 class="verdict" {
            span class="breed" { (AnswerMessage::Unsure.text(language)) }
        }
        @if let Some(group) = &answer.group {
            p class="sure" {
                span class="chip calm" {
                    (fill(&text.rather, &[("group", group.article_in(language))]))
                }
                span { (percent(language, group.probability.into())) }
            }
        }
        @if let Some(hint) = AnswerMessage::Unsure.hint(language) { p class="plain" { (hint) } }
        (table(&answer.breeds, &text.comes_near, language))
    }
}

fn not_a_dog(answer: &Answer, text: &Texts, language: Language) -> Markup {
    html! {
        h3 class="verdict" {
            span class="breed" { (AnswerMessage::NotADog.text(language)) }
        }
        @if let Some(hint) = AnswerMessage::NotADog.hint(language) { p class="plain" { (hint) } }
        @if !answer.breeds.is_empty() {
            details {
                summary { (text.if_a_dog) }
                (table(&answer.breeds, "", language))
            }
        }
    }
}

fn table(breeds: &[BreedGuess], caption: &str, language: Language) -> Markup {
    html! {
        @if !breeds.is_empty() {
            table class="next" {
                @if !caption.is_empty() { caption { (caption) } }
                tbody {
                    @for breed in breeds.iter().take(NEXT) {
                        tr {
                            th scope="row" { (breed.name_in(language)) }
                            td { (bar(breed.probability)) }
                            td class="number" { (percent(language, breed.probability.into())) }
                        }
                    }
                }
            }
        }
    }
}

fn notices(answer: &Answer, language: Language) -> Markup {
    let note = |message: AnswerMessage<'_>, class: &str| {
        html! {
            div class=(class) {
                p { (message.text(language)) }
                @if let Some(hint) = message.hint(language) { p { (hint) } }
            }
        }
    };
    html! {
        @for quality in &answer.quality {
            (note(match quality {
                Quality::Dark => AnswerMessage::QualityDark,
                Quality::Blurred => AnswerMessage::QualityBlurred,
                Quality::Tiny => AnswerMessage::QualityTiny,
            }, "note warn"))
        }
        @for notice in &answer.notices {
            (note(match notice {
                Notice::Category => AnswerMessage::NoticeCategory,
                Notice::Wild => AnswerMessage::NoticeWild,
                Notice::Rare => AnswerMessage::NoticeRare,
                Notice::RareHere => AnswerMessage::NoticeRareHere,
            }, "note"))
        }
    }
}

/// A breed's name by its id; the id itself where `words` does not know it.
fn breed_name(id: &str, language: Language) -> &str {
    words::breed(id).map_or(id, |breed| breed.name(language))
}

fn colon(language: Language) -> &'static str {
    match language {
        Language::French => "\u{a0}: ",
        Language::English => ": ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use classify::{Milliseconds, ModelName};

    fn answer(answer: AnswerKind, probability: f32) -> Answer {
        let breed = BreedGuess {
            id: "n02088364".into(),
            name: "Beagle".into(),
            name_fr: None,
            group: None,
            wild: false,
            probability,
        };
        Answer {
            answer,
            dog_probability: 1.0,
            breeds: vec![breed],
            breed_type: None,
            group: None,
            mixed: false,
            look_alikes: vec![],
            notices: vec![],
            quality: vec![],
            model: ModelName {
                name: "double".into(),
                version: "1".into(),
            },
            milliseconds: Milliseconds::default(),
        }
    }

    #[test]
    fn a_type_stands_in_the_heading_and_its_breeds_below() {
        let mut shared = answer(AnswerKind::Dog, 0.45);
        shared.breed_type = Some(classify::BreedType {
            id: "husky".into(),
            name: "Husky or malamute".into(),
            name_fr: "Husky ou malamute".into(),
            breeds: vec!["n02110185".into(), "n02110063".into()],
            probability: 0.9,
        });
        for (language, heading, percent) in [
            (Language::English, "Husky or malamute</span>", "90%"),
            (Language::French, "Husky ou malamute</span>", "90\u{a0}%"),
        ] {
            let card = answered(&shared, language).into_string();
            assert!(card.contains(heading), "{card}");
            assert!(card.contains(percent), "{card}");
            assert!(card.contains("<th scope=\"row\">Beagle</th>"), "{card}");
            assert!(
                shared
                    .summary(language)
                    .contains(heading.trim_end_matches("</span>"))
            );
        }
    }

    #[test]
    fn a_group_is_named_where_the_breed_is_not() {
        let mut unsure = answer(AnswerKind::Unsure, 0.1);
        unsure.group = Some(classify::Group {
            id: "3".into(),
            name: "a terrier".into(),
            name_fr: "un terrier".into(),
            probability: 0.7,
        });
        for (language, chip) in [
            (Language::English, "Probably a terrier</span>"),
            (Language::French, "Sans doute un terrier</span>"),
        ] {
            let card = answered(&unsure, language).into_string();
            assert!(card.contains(chip), "{card}");
        }
    }

    #[test]
    fn a_poor_photo_makes_no_sure_answer() {
        for quality in [Quality::Dark, Quality::Blurred, Quality::Tiny] {
            let mut poor = answer(AnswerKind::Dog, 0.9);
            poor.quality = vec![quality];
            for (language, chip) in [
                (Language::English, "very likely, to be confirmed"),
                (Language::French, "très probable, à confirmer"),
            ] {
                let card = answered(&poor, language).into_string();
                let wanted = format!("<span class=\"chip fair\">{chip}</span>");
                assert!(card.contains(&wanted), "{card}");
                assert!(poor.summary(language).contains(chip));
            }
        }
    }

    #[test]
    fn what_a_photo_without_a_dog_would_be_is_offered_once() {
        let none = answer(AnswerKind::NotADog, 0.4);
        for language in Language::ALL {
            let card = answered(&none, language).into_string();
            let offer = &Texts::of(language).if_a_dog;
            assert_eq!(card.matches(offer.as_str()).count(), 1, "{card}");
            assert!(!card.contains("<caption>"), "{card}");
        }
    }

    #[test]
    fn the_chip_is_calmer_exactly_where_the_word_is_less_than_likely() {
        let language = Language::English;
        for per_mille in 0..=1000 {
            let probability = per_mille as f32 / 1000.0;
            let answer = answer(AnswerKind::Dog, probability);
            let card = answered(&answer, language).into_string();
            let sure = words::confidence(probability.into());
            let class = if sure >= Confidence::Likely {
                "chip"
            } else {
                "chip fair"
            };
            let chip = format!("<span class=\"{class}\">{}</span>", sure.text(language));
            assert!(card.contains(&chip), "{probability}: {card}");
        }
    }
}

//! An answer in sentences: which of `words`' messages it is said with, for the terminal and the pages
//! alike.
use crate::{Answer, AnswerKind, BreedGuess, Group, Notice, Quality};
use words::{AnswerMessage, Language};

impl Answer {
    /// The answer in one sentence.
    pub fn summary(&self, language: Language) -> String {
        match (self.answer, self.breeds.as_slice()) {
            (AnswerKind::NotADog, _) | (_, []) => AnswerMessage::NotADog.text(language),
            (AnswerKind::Unsure, _) => match &self.group {
                Some(group) => {
                    let group = group.article_in(language);
                    AnswerMessage::UnsureGroup { group }.text(language)
                }
                None => AnswerMessage::Unsure.text(language),
            },
            (AnswerKind::Dog, [first, second, ..]) if self.mixed => {
                let (first, second) = (first.name_in(language), second.name_in(language));
                AnswerMessage::MixedBreeds { first, second }.text(language)
            }
            (AnswerKind::Dog, [first, ..]) => AnswerMessage::LooksLikeBreed {
                breed: self.likeness(first, language),
                confidence: &self.confidence(language),
                percent: &words::percent(language, self.probability().into()),
            }
            .text(language),
        }
    }

    /// What it looks like: the type where photos cannot part its breeds, else the first breed.
    pub fn likeness<'a>(&'a self, first: &'a BreedGuess, language: Language) -> &'a str {
        match (&self.breed_type, language) {
            (Some(found), Language::French) => &found.name_fr,
            (Some(found), Language::English) => &found.name,
            (None, _) => first.name_in(language),
        }
    }

    /// The probability of what it looks like, 0 to 1.
    pub fn probability(&self) -> f32 {
        match &self.breed_type {
            Some(found) => found.probability,
            None => self.breeds.first().map_or(0.0, |first| first.probability),
        }
    }

    /// How sure it is of what it looks like, in words; to be confirmed where the photo is a poor one.
    pub fn confidence(&self, language: Language) -> String {
        let confidence = &words::confidence(self.probability().into()).text(language);
        if self.quality.is_empty() {
            return confidence.clone();
        }
        AnswerMessage::ConfidenceToConfirm { confidence }.text(language)
    }

    /// What must be said beside it: the notices, then what is wrong with the photo.
    pub fn remarks(&self) -> Vec<AnswerMessage<'static>> {
        let notices = self.notices.iter().map(|notice| match notice {
            Notice::Category => AnswerMessage::NoticeCategory,
            Notice::Wild => AnswerMessage::NoticeWild,
            Notice::Rare => AnswerMessage::NoticeRare,
            Notice::RareHere => AnswerMessage::NoticeRareHere,
        });
        let quality = self.quality.iter().map(|quality| match quality {
            Quality::Dark => AnswerMessage::QualityDark,
            Quality::Blurred => AnswerMessage::QualityBlurred,
            Quality::Tiny => AnswerMessage::QualityTiny,
        });
        notices.chain(quality).collect()
    }
}

impl BreedGuess {
    /// The name in this language; the English one where the French is not known.
    pub fn name_in(&self, language: Language) -> &str {
        match language {
            Language::French => self.name_fr.as_deref().unwrap_or(&self.name),
            Language::English => &self.name,
        }
    }
}

impl Group {
    /// The group as a sentence names it ('a terrier', 'un terrier'); its name where it is unknown.
    pub fn article_in(&self, language: Language) -> &str {
        let known = self.id.parse().ok().and_then(words::group);
        match (known, language) {
            (Some(group), _) => group.article(language),
            (None, Language::French) => &self.name_fr,
            (None, Language::English) => &self.name,
        }
    }
}

//! Messages: an enum and a data file a domain. A message says what happened and, where there is
//! something to do, what to do about it.
//!
//! In a data file each message is a table `[section.name]`, which is its kind, with both languages
//! side by side; `{name}` stands for a value that the message is given:
//!
//! - `fr`, `en`: what happened, or what is answered;
//! - `fr_hint`, `en_hint`: what to do about it.
use crate::fill::fill;
use crate::{Language, Said};
use serde::Deserialize;
use std::collections::BTreeMap;

mod answers;
mod data_sets;
mod evaluation;
mod files;
mod models;
mod pages;
mod photos;
mod preprocessing;
mod reports;
mod runs;
mod search;
mod training;
mod usage;
mod weights;

pub use answers::AnswerMessage;
pub use data_sets::DataMessage;
pub use evaluation::EvaluateMessage;
pub use files::FileMessage;
pub use models::ModelMessage;
pub use pages::PageMessage;
pub use photos::PhotoMessage;
pub use preprocessing::PreprocessMessage;
pub use reports::ReportMessage;
pub use runs::RunMessage;
pub use search::SearchMessage;
pub use training::TrainMessage;
pub use usage::UsageMessage;
pub use weights::WeightsMessage;

/// Declares the enum of a domain from one list: the kind in the data file, the variant, the names of
/// the values that stand in its text. A misspelt variant or value does not compile; a kind that the
/// file lacks fails a test.
macro_rules! messages {
    (
        $Enum:ident of $file:literal:
        $($kind:literal => $variant:ident $({ $($value:ident),+ })?,)+
    ) => {
        #[doc = concat!("Messages of `data/messages/", $file, "`.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Enum<'value> {
            $(
                #[doc = concat!("`", $kind, "`")]
                $variant $({
                    $(
                        #[doc = concat!("Stands for `{", stringify!($value), "}`.")]
                        $value: &'value str,
                    )+
                })?,
            )+
        }

        impl<'value> $Enum<'value> {
            /// The kind, `section.name`, as in the data file.
            pub fn kind(&self) -> &'static str {
                match *self {
                    $(Self::$variant $({ $($value: _),+ })? => $kind,)+
                }
            }

            fn values(&self) -> Vec<(&'static str, &'value str)> {
                match *self {
                    $(Self::$variant $({ $($value),+ })? =>
                        vec![$($((stringify!($value), $value)),+)?],)+
                }
            }

            /// What happened, without what to do.
            pub fn text(&self, language: $crate::Language) -> String {
                $crate::Say::say(self, language).text
            }

            /// What to do about it, where there is something to do.
            pub fn hint(&self, language: $crate::Language) -> Option<String> {
                $crate::Say::say(self, language).hint
            }
        }

        impl $crate::Say for $Enum<'_> {
            fn say(&self, language: $crate::Language) -> $crate::Said {
                CATALOGUE.said(self.kind(), &self.values(), language)
            }
        }

        pub(super) static CATALOGUE: super::Catalogue = super::Catalogue {
            #[cfg(test)]
            kinds: &[$(($kind, &[$($(stringify!($value)),+)?])),+],
            texts: std::sync::LazyLock::new(|| {
                super::read(include_str!(concat!("../../data/messages/", $file)))
            }),
        };
    };
}
use messages;

/// The texts of a domain.
struct Catalogue {
    /// Every kind that the code knows, with the names of its values.
    #[cfg(test)]
    kinds: &'static [(&'static str, &'static [&'static str])],
    /// By kind.
    texts: std::sync::LazyLock<BTreeMap<String, Texts>>,
}

impl Catalogue {
    fn said(&self, kind: &'static str, values: &[(&str, &str)], language: Language) -> Said {
        let texts = &self.texts[kind];
        let (text, hint) = match language {
            Language::French => (&texts.fr, &texts.fr_hint),
            Language::English => (&texts.en, &texts.en_hint),
        };
        Said {
            kind,
            text: fill(text, values),
            hint: hint.as_ref().map(|hint| fill(hint, values)),
        }
    }
}

/// One kind in both languages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    fr: String,
    en: String,
    fr_hint: Option<String>,
    en_hint: Option<String>,
}

fn read(content: &str) -> BTreeMap<String, Texts> {
    let sections: BTreeMap<String, BTreeMap<String, Texts>> =
        toml::from_str(content).expect("the data files are read by a test");
    let kinds = sections.into_iter().flat_map(|(section, kinds)| {
        let kinds = kinds.into_iter();
        kinds.map(move |(name, texts)| (format!("{section}.{name}"), texts))
    });
    kinds.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Say, groups};
    use std::collections::BTreeSet;
    use testkit::{french_faults, placeholders};

    static ALL: [&Catalogue; 14] = [
        &answers::CATALOGUE,
        &data_sets::CATALOGUE,
        &evaluation::CATALOGUE,
        &files::CATALOGUE,
        &models::CATALOGUE,
        &pages::CATALOGUE,
        &photos::CATALOGUE,
        &preprocessing::CATALOGUE,
        &reports::CATALOGUE,
        &runs::CATALOGUE,
        &search::CATALOGUE,
        &training::CATALOGUE,
        &usage::CATALOGUE,
        &weights::CATALOGUE,
    ];

    fn all_texts() -> impl Iterator<Item = (&'static String, &'static Texts)> {
        ALL.iter().flat_map(|catalogue| catalogue.texts.iter())
    }

    #[test]
    fn every_data_file_is_a_catalogue() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/messages");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), ALL.len());
    }

    #[test]
    fn the_enums_and_the_files_name_the_same_kinds() {
        let mut all = BTreeSet::new();
        for catalogue in ALL {
            let listed: BTreeSet<_> = catalogue.kinds.iter().map(|(kind, _)| *kind).collect();
            let written: BTreeSet<_> = catalogue.texts.keys().map(String::as_str).collect();
            assert_eq!(listed, written);
            assert_eq!(
                listed.len(),
                catalogue.kinds.len(),
                "a kind is listed twice"
            );
            for kind in listed {
                assert!(all.insert(kind), "{kind} stands in two domains");
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_values_and_hints() {
        let kinds = ALL.iter().flat_map(|catalogue| {
            let kinds = catalogue.kinds.iter();
            kinds.map(|(kind, values)| (kind, values, &catalogue.texts[*kind]))
        });
        for (kind, values, texts) in kinds {
            let expected: BTreeSet<_> = values.iter().copied().collect();
            for (text, hint) in [(&texts.fr, &texts.fr_hint), (&texts.en, &texts.en_hint)] {
                let mut found = placeholders(text);
                found.extend(hint.iter().flat_map(|hint| placeholders(hint)));
                assert_eq!(found, expected, "{kind}");
                assert!(!text.trim().is_empty(), "{kind}");
                let empty = |hint: &String| hint.trim().is_empty();
                assert!(!hint.as_ref().is_some_and(empty), "{kind}");
            }
            assert_eq!(texts.fr_hint.is_some(), texts.en_hint.is_some(), "{kind}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for (kind, texts) in all_texts() {
            if ["photo.", "model.", "file."]
                .iter()
                .any(|section| kind.starts_with(section))
            {
                assert!(texts.fr_hint.is_some(), "{kind} does not say what to do");
            }
        }
    }

    #[test]
    fn french_is_typographically_right() {
        for (_, texts) in all_texts() {
            for text in [Some(&texts.fr), texts.fr_hint.as_ref()]
                .into_iter()
                .flatten()
            {
                assert_eq!(french_faults(text), Vec::<String>::new());
            }
        }
        for group in groups() {
            for text in [&group.article_fr, &group.short_fr, &group.official_fr] {
                assert_eq!(french_faults(text), Vec::<String>::new());
            }
        }
    }

    #[test]
    fn english_uses_curly_apostrophes_too() {
        for (_, texts) in all_texts() {
            for text in [Some(&texts.en), texts.en_hint.as_ref()]
                .into_iter()
                .flatten()
            {
                assert!(!text.contains(['\'', '"']), "{text}");
                assert!(!text.contains("  "), "{text}");
            }
        }
    }

    #[test]
    fn values_are_filled_in_once() {
        let message = FileMessage::CannotRead {
            path: "{reason}.jpg",
            reason: "permission denied",
        };
        assert_eq!(
            message.message(Language::English),
            "The file {reason}.jpg could not be read: permission denied. \
             Check its name and its permissions."
        );
    }

    #[test]
    fn an_answer_and_its_hint_are_two_sentences() {
        let answer = AnswerMessage::NotADog;
        assert_eq!(
            answer.message(Language::French),
            "Pas de chien sur cette photo. S’il y a bien un chien, encadrez-le."
        );
        assert_eq!(
            answer.text(Language::French),
            "Pas de chien sur cette photo"
        );
    }

    #[test]
    fn the_category_notice_names_all_who_can_tell_and_decides_nothing() {
        for (language, vet, others) in [
            (Language::French, "vétérinaire", ["mairie", "préfecture"]),
            (Language::English, "vet", ["town hall", "préfecture"]),
        ] {
            let said = AnswerMessage::NoticeCategory.text(language);
            assert!(said.contains(vet), "{said}");
            let hint = AnswerMessage::NoticeCategory
                .hint(language)
                .expect("a hint");
            for who in [vet].into_iter().chain(others) {
                assert!(hint.contains(who), "{hint}");
            }
        }
    }
}

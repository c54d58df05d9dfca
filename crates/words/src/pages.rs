//! The texts of the pages: one named field a text, read from `data/pages.toml`.
use crate::Language;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

macro_rules! pages {
    ($($name:ident),* $(,)?) => {
        /// Every text of the pages in one language; `{braces}` are for the page to fill in with
        /// [`fill`](crate::fill).
        #[derive(Debug, Default, Deserialize)]
        #[serde(try_from = "BTreeMap<String, String>")]
        #[expect(missing_docs, reason = "each field is the text of that name in data/pages.toml")]
        pub struct Pages { $(pub $name: String),* }

        impl Pages {
            fn slots(&mut self) -> Vec<(&'static str, &mut String)> {
                vec![$((stringify!($name), &mut self.$name)),*]
            }

            /// Every text with its name.
            pub fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str())),*]
            }
        }
    };
}

pages![
    tagline,
    skip,
    languages,
    nav_home,
    nav_demo,
    privacy,
    model,
    home_title,
    home_lead,
    drop_title,
    add_title,
    drop_now,
    paste_hint,
    formats_hint,
    choose,
    camera,
    together,
    together_hint,
    submit,
    part,
    part_hint,
    box_left,
    box_top,
    box_width,
    box_height,
    tips_title,
    tip_one,
    tip_two,
    tip_three,
    results,
    looking,
    waiting,
    mixed_pair,
    comes_near,
    rather,
    if_a_dog,
    together_photos,
    name_of_photo,
    pasted,
    photo_alt,
    part_looked_at,
    failed,
    remove,
    start_again,
    other_photos,
    retry,
    box_button,
    box_button_label,
    box_title,
    box_help,
    box_keys,
    box_area,
    box_apply,
    box_whole,
    cancel,
    demo_title,
    demo_lead,
    demo_number,
    demo_photo_alt,
    demo_guess,
    demo_guess_hint,
    demo_guess_button,
    demo_show,
    demo_unknown_guess,
    demo_truth,
    demo_you_right,
    demo_you_wrong,
    demo_you_passed,
    demo_model_right,
    demo_model_wrong,
    demo_model_unsure,
    demo_model_not_a_dog,
    demo_model_unknown,
    demo_two_best,
    demo_score,
    demo_score_you,
    demo_score_model,
    demo_score_of,
    demo_next,
    demo_next_hint,
    demo_keys,
    demo_restart,
    demo_seed,
    demo_seed_hint,
    demo_seed_go,
    demo_failed,
    error_title,
    error_back,
    review_title,
    review_progress,
    review_keep,
    review_keep_both,
    review_drop,
    review_drop_first,
    review_drop_second,
    review_drop_both,
    review_class,
    review_rename,
    review_kept,
    review_dropped,
    review_renamed,
    review_previous,
    review_next,
    review_undo,
    review_hint,
    review_finished,
    review_finished_lead,
    review_again,
    review_privacy,
];

#[derive(Deserialize)]
struct File {
    fr: Pages,
    en: Pages,
}

/// By a map: the code that is derived for so many fields takes minutes to compile.
impl TryFrom<BTreeMap<String, String>> for Pages {
    type Error = String;

    fn try_from(mut texts: BTreeMap<String, String>) -> Result<Self, String> {
        let mut pages = Pages::default();
        for (name, slot) in pages.slots() {
            *slot = texts.remove(name).ok_or(format!("{name} is missing"))?;
        }
        match texts.keys().next() {
            Some(name) => Err(format!("{name} is unknown")),
            None => Ok(pages),
        }
    }
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/pages.toml"))
        .expect("data/pages.toml, which is part of the program and read by a test")
});

/// The texts of the pages in one language.
pub fn pages(language: Language) -> &'static Pages {
    match language {
        Language::French => &FILE.fr,
        Language::English => &FILE.en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(text: &str) -> Vec<&str> {
        let mut holes: Vec<&str> = text
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
            .collect();
        holes.sort_unstable();
        holes
    }

    #[test]
    fn every_text_is_there_in_both_languages_with_the_same_holes() {
        let (french, english) = (
            pages(Language::French).all(),
            pages(Language::English).all(),
        );
        for ((name, french), (_, english)) in french.into_iter().zip(english) {
            assert!(
                !french.trim().is_empty() && !english.trim().is_empty(),
                "{name} is empty"
            );
            assert_eq!(holes(french), holes(english), "{name}: the holes differ");
        }
    }
}

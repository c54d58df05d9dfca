//! The texts of a page: one named field a text, read from a TOML file with a table a language.
use crate::Language;
use std::collections::BTreeMap;

/// Declares `Texts` from the content of a TOML file with the tables `[fr]` and `[en]`, and the names
/// that stand in both. `Texts::of(language)` gives the texts of one language; their `{braces}` are
/// for the page to fill in with [`fill`](crate::fill). A misspelt name does not compile, and one that
/// the file lacks or has beside ends the first use, which is a test's.
#[macro_export]
macro_rules! texts {
    ($content:expr; $($name:ident),+ $(,)?) => {
        /// Every text of the page in one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $name: String,)+
        }

        impl Texts {
            /// The texts in one language.
            pub(crate) fn of(language: $crate::Language) -> &'static Texts {
                static ALL: std::sync::LazyLock<[Texts; 2]> = std::sync::LazyLock::new(|| {
                    let mut file = $crate::TextsFile::read($content);
                    let all = $crate::Language::ALL.map(|language| Texts {
                        $($name: file.take(language, stringify!($name)),)+
                    });
                    file.is_taken();
                    all
                });
                &ALL[language as usize]
            }
        }
    };
}

/// What [`texts!`] reads from: the texts that were not taken yet, by language and name. A derived
/// reader of so many fields would take minutes to compile.
#[doc(hidden)]
pub struct TextsFile(BTreeMap<String, BTreeMap<String, String>>);

impl TextsFile {
    /// # Panics
    /// Where the file, which is part of the program, is no TOML of texts.
    pub fn read(content: &str) -> Self {
        TextsFile(toml::from_str(content).expect("texts in two tables"))
    }

    /// # Panics
    /// Where there is no text of that name.
    pub fn take(&mut self, language: Language, name: &str) -> String {
        let texts = self.0.get_mut(language.code());
        let text = texts.and_then(|texts| texts.remove(name));
        text.unwrap_or_else(|| panic!("[{}] has no {name}", language.code()))
    }

    /// # Panics
    /// Where a text was not taken.
    pub fn is_taken(self) {
        for (language, texts) in self.0 {
            assert!(
                texts.is_empty(),
                "[{language}] has {:?} beside",
                texts.keys()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    texts!("[fr]\na = \"un\"\nb = \"deux\"\n[en]\na = \"one\"\nb = \"two\""; a, b);

    #[test]
    fn a_text_is_found_by_language_and_name() {
        let [french, english] = Language::ALL.map(Texts::of);
        assert_eq!((&*french.a, &*french.b), ("un", "deux"));
        assert_eq!((&*english.a, &*english.b), ("one", "two"));
    }

    #[test]
    #[should_panic(expected = "[en] has no a")]
    fn a_text_that_is_missing_is_not_passed_over() {
        TextsFile::read("[fr]\na = \"un\"").take(Language::English, "a");
    }

    #[test]
    #[should_panic(expected = "beside")]
    fn a_text_that_nobody_names_is_not_passed_over() {
        TextsFile::read("[fr]\na = \"un\"").is_taken();
    }
}

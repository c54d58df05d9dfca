//! What a person is told of something: the one way from a message or an error to words.
use crate::{Language, UsageMessage};
use std::fmt;

/// What a person is told, in their language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The kind, `section.name`, stable from release to release.
    pub kind: &'static str,
    /// What happened.
    pub text: String,
    /// What to do about it, where there is something to do.
    pub hint: Option<String>,
}

/// What has words: the messages of every domain, and the errors that mean one.
pub trait Say {
    /// What happened and what to do about it.
    fn say(&self, language: Language) -> Said;

    /// Both in one paragraph.
    fn message(&self, language: Language) -> String {
        self.say(language).to_string()
    }
}

impl<T: Say + ?Sized> Say for &T {
    fn say(&self, language: Language) -> Said {
        (**self).say(language)
    }
}

impl Said {
    /// With the name that was probably meant instead of an unknown one, where there is one.
    pub fn with_meant(mut self, meant: Option<&str>, language: Language) -> Self {
        if let Some(meant) = meant {
            let meant = UsageMessage::Meant { meant }.text(language);
            self.text = sentences(self.text, &meant);
        }
        self
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => formatter.write_str(&sentences(self.text.clone(), hint)),
            None => formatter.write_str(&self.text),
        }
    }
}

/// One sentence after the other.
fn sentences(mut said: String, next: &str) -> String {
    said.push_str(match said.ends_with(['.', '!', '?', ')']) {
        true => " ",
        false => ". ",
    });
    said.push_str(next);
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainMessage;

    #[test]
    fn an_unknown_name_is_answered_with_the_one_that_was_meant_only_where_there_is_one() {
        let language = Language::English;
        let said = |meant| {
            let unknown = TrainMessage::Key { key: "epocs" };
            unknown
                .say(language)
                .with_meant(meant, language)
                .to_string()
        };
        assert_eq!(
            said(Some("train.epochs")),
            "Unknown recipe key ‘epocs’. Did you mean ‘train.epochs’? \
             ‘museau train --help’ lists the keys."
        );
        assert_eq!(
            said(None),
            "Unknown recipe key ‘epocs’. ‘museau train --help’ lists the keys."
        );
    }
}

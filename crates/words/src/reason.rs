//! Why the system refused to read, write or listen, in the person's language rather than the system's.

use std::io::{Error, ErrorKind};

use crate::{FileMessage, Language, Said, Say};

/// Stands as the `reason` of a message.
impl Say for Error {
    fn say(&self, language: Language) -> Said {
        let known = match self.kind() {
            ErrorKind::NotFound => FileMessage::ReasonNotFound,
            ErrorKind::PermissionDenied => FileMessage::ReasonPermissionDenied,
            ErrorKind::IsADirectory => FileMessage::ReasonIsAFolder,
            ErrorKind::NotSeekable => FileMessage::ReasonNotRegular,
            ErrorKind::AlreadyExists => FileMessage::ReasonExists,
            ErrorKind::NotADirectory => FileMessage::ReasonNotAFolder,
            ErrorKind::FileTooLarge => FileMessage::ReasonTooLarge,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileMessage::ReasonStorageFull,
            ErrorKind::ReadOnlyFilesystem => FileMessage::ReasonReadOnly,
            ErrorKind::AddrNotAvailable => FileMessage::ReasonAddressNotAvailable,
            _ => {
                let detail = &self.to_string();
                return FileMessage::ReasonOther { detail }.say(language);
            }
        };
        known.say(language)
    }
}

impl Said {
    /// With what to do about this reason, where it is known, in place of what mostly helps.
    pub fn because(mut self, error: &Error, language: Language) -> Said {
        let hint = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => FileMessage::HintPath,
            ErrorKind::PermissionDenied => FileMessage::HintPermissions,
            ErrorKind::IsADirectory | ErrorKind::NotSeekable => FileMessage::HintFile,
            ErrorKind::AlreadyExists => FileMessage::HintOtherName,
            ErrorKind::FileTooLarge => FileMessage::HintSmaller,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileMessage::HintSpace,
            ErrorKind::ReadOnlyFilesystem => FileMessage::HintOtherPlace,
            _ => return self,
        };
        self.hint = Some(hint.text(language));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_is_that_of_the_reason() {
        let hint = |kind: ErrorKind| {
            let path = "a.jpg";
            let refused = FileMessage::CannotRead { path, reason: "" };
            let said = refused.say(Language::English);
            said.because(&kind.into(), Language::English).hint
        };
        let of = |kind| hint(kind).expect("a hint");
        assert_eq!(of(ErrorKind::NotSeekable), "Give a regular file.");
        assert_eq!(of(ErrorKind::PermissionDenied), "Check its permissions.");
        assert_eq!(of(ErrorKind::Other), "Check its name and its permissions.");
    }

    #[test]
    fn the_systems_refusals_are_translated() {
        let missing = std::fs::read("/no/such/file").unwrap_err();
        assert_eq!(missing.message(Language::French), "il n’existe pas");
        let folder = std::fs::read(".").unwrap_err();
        assert!(!folder.message(Language::English).is_empty());
        let odd = Error::other("the moon is full");
        assert_eq!(odd.message(Language::English), "the moon is full");
    }
}

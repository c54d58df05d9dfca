//! Why the system refused, in the person's language rather than the system's.

use std::io::{Error, ErrorKind};

use crate::{Language, Message};

/// Why reading, writing or listening failed, to stand as the `reason` of a message.
pub fn reason(language: Language, error: &Error) -> String {
    let known = match error.kind() {
        ErrorKind::NotFound => Message::ReasonNotFound,
        ErrorKind::PermissionDenied => Message::ReasonPermissionDenied,
        ErrorKind::IsADirectory => Message::ReasonIsAFolder,
        ErrorKind::NotSeekable => Message::ReasonNotRegular,
        ErrorKind::AlreadyExists => Message::ReasonExists,
        ErrorKind::NotADirectory => Message::ReasonNotAFolder,
        ErrorKind::FileTooLarge => Message::ReasonTooLarge,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Message::ReasonStorageFull,
        ErrorKind::ReadOnlyFilesystem => Message::ReasonReadOnly,
        ErrorKind::AddrNotAvailable => Message::ReasonAddressNotAvailable,
        _ => {
            let detail = error.to_string();
            return Message::ReasonOther { detail: &detail }.text(language);
        }
    };
    known.text(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_refusals_are_translated() {
        let missing = std::fs::read("/no/such/file").unwrap_err();
        assert_eq!(reason(Language::French, &missing), "il n’existe pas");
        let folder = std::fs::read(".").unwrap_err();
        assert!(!reason(Language::English, &folder).is_empty());
        let odd = Error::other("the moon is full");
        assert_eq!(reason(Language::English, &odd), "the moon is full");
    }
}

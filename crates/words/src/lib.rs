//! What museau says, in French and English: breeds and messages. Data files, no logic.
//!
//! Everything that can change without a programmer stands in `data`; this crate is the
//! typed door to it. Invariant: it depends on no other crate and decides nothing; it holds the
//! names, the groups, the words of every message and the words for a probability.
//!
//! ```
//! use words::{Language, PhotoMessage, Say};
//! let breed = words::breed("n02105162").unwrap();
//! assert_eq!(breed.name(Language::French), "Berger belge malinois");
//! let text = PhotoMessage::UnsupportedFormat { format: "AVIF" }.message(Language::English);
//! assert!(text.starts_with("museau does not read AVIF photos."));
//! ```

mod breed;
mod confidence;
mod fill;
mod language;
mod messages;
mod nearest;
mod number;
mod plain;
mod range;
mod reason;
mod said;
mod texts;

pub use breed::{
    Breed, BreedType, Group, REGISTRATIONS_SOURCE, breed, breed_type, breeds, find, fold, group,
    groups,
};
pub use confidence::{Confidence, confidence};
pub use fill::fill;
pub use language::{Language, ParseLanguageError};
pub use messages::{
    AnswerMessage, DataMessage, EvaluateMessage, FileMessage, ModelMessage, PageMessage,
    PhotoMessage, PreprocessMessage, ReportMessage, RunMessage, SearchMessage, TrainMessage,
    UsageMessage, WeightsMessage,
};
pub use nearest::nearest;
pub use number::{bytes, number, percent};
pub use plain::{plain, plain_line};
pub use range::Range;
pub use said::{Said, Say};
pub use texts::TextsFile;

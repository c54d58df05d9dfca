//! Answers, how sure they are, and what must be said with some.

use super::messages;

messages! {
    AnswerMessage of "answers.toml":
    "answer.looks_like" => LooksLike,
    "answer.looks_like_breed" => LooksLikeBreed { breed, confidence, percent },
    "answer.mixed" => Mixed,
    "answer.mixed_breeds" => MixedBreeds { first, second },
    "answer.unsure" => Unsure,
    "answer.unsure_group" => UnsureGroup { group },
    "answer.not_a_dog" => NotADog,
    "answer.closest" => Closest,
    "answer.others" => Others,
    "answer.look_alikes" => LookAlikes,
    "answer.deletion" => Deletion { breed, share, whole, without, random },
    "answer.looks_only" => LooksOnly,
    "confidence.very_likely" => ConfidenceVeryLikely,
    "confidence.likely" => ConfidenceLikely,
    "confidence.maybe" => ConfidenceMaybe,
    "confidence.unlikely" => ConfidenceUnlikely,
    "confidence.to_confirm" => ConfidenceToConfirm { confidence },
    "quality.dark" => QualityDark,
    "quality.blurred" => QualityBlurred,
    "quality.tiny" => QualityTiny,
    "notice.category" => NoticeCategory,
    "notice.rare" => NoticeRare,
    "notice.rare_here" => NoticeRareHere,
    "notice.wild" => NoticeWild,
}

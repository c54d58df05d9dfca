//! The texts of the frame.

words::texts![include_str!("texts.toml");
    tagline, skip, languages, privacy, privacy_local, model, error_title, error_back,
];

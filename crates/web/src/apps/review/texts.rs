//! The texts of the review page.

words::texts![include_str!("texts.toml");
    photo_alt, title, progress, elsewhere, keep, keep_both, drop, drop_first, drop_second, drop_both, class,
    rename, kept, dropped, renamed, previous, next, undo, hint, finished, finished_lead, again,
];

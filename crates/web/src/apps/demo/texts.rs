//! The texts of the test page.

words::texts![include_str!("texts.toml");
    tab, title, lead, number, photo_alt, guess, guess_hint, guess_button, show, unknown_guess,
    truth, you_right, you_wrong, you_passed, model_right, model_wrong, model_unsure,
    model_not_a_dog, model_unknown, two_best, why, why_alt, score, score_you, score_model, score_of, next,
    next_hint, keys, restart, seed, seed_hint, seed_go, failed,
];

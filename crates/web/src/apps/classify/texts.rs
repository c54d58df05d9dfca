//! The texts of the association's page.

words::texts![include_str!("texts.toml");
    tab, title, lead, drop_title, add_title, drop_now, paste_hint, formats_hint, choose, camera,
    together, together_hint, submit, part, part_hint, box_left, box_top, box_width, box_height,
    tips_title, tip_one, tip_two, tip_three, knows, knows_hint, results, looking, waiting, mixed_pair, comes_near,
    rather, if_a_dog, together_photos, name_of_photo, pasted, photo_alt, part_looked_at, failed,
    remove, start_again, other_photos, retry, box_button, box_button_label, explain, explain_label,
    explain_hint, explained_alt, box_title, box_help, box_mouse, box_finger, box_exact, box_keys, box_area,
    box_apply, box_whole, cancel,
];

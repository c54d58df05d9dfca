//! What the review page shows: a finding with its photos and buttons, or that all is decided.
use super::ABOUT;
use super::texts::Texts;
use crate::site::{Page, at};
use data::check::decisions::Verdict;
use data::check::reason;
use data::check::review::{Review, ReviewItem};
use data::{Entry, part_name};
use maud::{Markup, html};
use words::{Language, fill};

/// What the page shows.
pub(super) struct View<'a> {
    pub(super) review: &'a Review,
    /// Before the page's own addresses.
    pub(super) base: &'a str,
    pub(super) decided: &'a [bool],
    /// Why the photo cannot be read, where that is what was found.
    pub(super) reason: Option<String>,
    pub(super) language: Language,
    pub(super) text: &'static Texts,
}

impl View<'_> {
    /// `n` is the finding that it shows.
    pub(super) fn page(&self, content: Markup, n: Option<usize>) -> Page {
        Page {
            title: self.text.title.clone(),
            app: ABOUT.name,
            script: Some(ABOUT.script.name),
            switch: n.map_or("?lang=".to_owned(), |n| format!("?n={n}&lang=")),
            takes_photos: false,
            content,
        }
    }

    pub(super) fn item(&self, n: usize) -> Markup {
        let text = self.text;
        let item = &self.review.items()[n];
        let verdicts = self.review.verdicts(n);
        let pair = item.photos.len() == 2;
        html! {
            div class="intro" {
                h1 { (item.kind.message().text(self.language)) }
                p class="source" { (self.progress(n)) }
                @if self.review.elsewhere() > 0 {
                    p class="source" {
                        (fill(&text.elsewhere, &[("count", &self.review.elsewhere().to_string())]))
                    }
                }
            }
            form method="post" action=(at(self.base, "/decide")) {
                input type="hidden" name="n" value=(n);
                div class=(if pair { "review pair" } else { "review" }) {
                    @for (place, verdict) in verdicts.iter().enumerate() {
                        (self.photo(n, place, item, verdict))
                    }
                }
                div class="row verdicts" {
                    (self.button("keep", "k", if pair { &text.keep_both } else { &text.keep }, true))
                    @if pair {
                        (self.button("drop0", "1", &text.drop_first, false))
                        (self.button("drop1", "2", &text.drop_second, false))
                        (self.button("drop", "d", &text.drop_both, false))
                    } @else {
                        (self.button("drop", "d", &text.drop, false))
                    }
                }
            }
            (self.steps(n))
        }
    }

    fn progress(&self, n: usize) -> String {
        let number = |value: usize| words::number(self.language, value as f64, 0);
        let done = self.decided.iter().filter(|decided| **decided).count();
        fill(
            &self.text.progress,
            &[
                ("number", &number(n + 1)),
                ("all", &number(self.decided.len())),
                ("done", &number(done)),
            ],
        )
    }

    fn photo(&self, n: usize, place: usize, item: &ReviewItem, verdict: &Verdict) -> Markup {
        let text = self.text;
        let Some(entry) = self.review.photo(n, place) else {
            return html! {};
        };
        let manifest = self.review.manifest();
        let class = manifest.class_name(entry);
        let named = |folder: &str| {
            let breed = data::breed_of_folder(folder);
            breed.map_or(folder.to_owned(), |breed| {
                breed.name(self.language).to_owned()
            })
        };
        let alt = fill(&text.photo_alt, &[("name", file_name(entry))]);
        let field = format!("class{place}");
        html! {
            div class="panel" {
                figure {
                    div class="frame" { img src={ (self.base) "/photo/" (n) "/" (place) } alt=(alt); }
                    figcaption {
                        b { (named(class)) } " · "
                        @if !part_name(entry.part).is_empty() { (part_name(entry.part)) " · " }
                        (file_name(entry))
                        @match &self.reason {
                            Some(reason) => { br; (reason) }
                            None if !item.detail.is_empty() && place == 0 => {
                                br; (reason(item.kind, item.value, &item.detail, self.language))
                            }
                            None => {}
                        }
                    }
                }
                @match verdict {
                    Verdict::Open => {}
                    Verdict::Keep => p class="note good" { (text.kept) },
                    Verdict::Drop => p class="note bad" { (text.dropped) },
                    Verdict::Class(other) => p class="note" {
                        (fill(&text.renamed, &[("class", &named(other))]))
                    },
                }
                div class="field" {
                    label for=(field) { (text.class) }
                    div class="row" {
                        select id=(field) name=(field) {
                            @for other in manifest.classes() {
                                option value=(other.folder) selected[other.folder == class] { (named(&other.folder)) }
                            }
                        }
                        button type="submit" name="verdict" value=(field) { (text.rename) }
                    }
                }
            }
        }
    }

    fn button(&self, verdict: &str, key: &str, label: &str, main: bool) -> Markup {
        html! {
            button type="submit" name="verdict" value=(verdict) data-key=(key) class=[main.then_some("main")] {
                (label) " " kbd { (key.to_uppercase()) }
            }
        }
    }

    /// Back, forth, undo.
    fn steps(&self, n: usize) -> Markup {
        let text = self.text;
        html! {
            div class="row steps" {
                @if let Some(before) = n.checked_sub(1) {
                    a class="button" href={ (at(self.base, "")) "?n=" (before) } data-key="ArrowLeft" { (text.previous) " " kbd { "←" } }
                }
                @if n + 1 < self.decided.len() {
                    a class="button" href={ (at(self.base, "")) "?n=" (n + 1) } data-key="ArrowRight" { (text.next) " " kbd { "→" } }
                }
                (self.undo())
            }
            p class="hint" { (text.hint) }
        }
    }

    fn undo(&self) -> Markup {
        html! {
            form method="post" action=(at(self.base, "/undo")) {
                button type="submit" data-key="u" disabled[!self.review.can_undo()] {
                    (self.text.undo) " " kbd { "U" }
                }
            }
        }
    }

    pub(super) fn finished(&self) -> Markup {
        let text = self.text;
        html! {
            div class="intro" {
                h1 { (text.finished) }
                p { (text.finished_lead) }
            }
            div class="row steps" {
                a class="button" href={ (at(self.base, "")) "?n=0" } { (text.again) }
                (self.undo())
            }
        }
    }
}

fn file_name(entry: &Entry) -> &str {
    entry.path.rsplit(['/', '\\']).next().unwrap_or(&entry.path)
}

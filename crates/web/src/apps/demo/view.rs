//! What the test page shows: the question, the answer, the score.
use super::ABOUT;
use super::place::{Place, Score};
use super::set::{Draw, id, name};
use super::texts::Texts;
use crate::site::{Failure, Page, bar, sign, signs};
use classify::{Answer, AnswerKind, BreedGuess};
use data::HeldOut;
use maud::{Markup, html};
use words::{DataMessage, Language, fill, fold, percent};

/// One photo of the draw as one person sees it.
pub(super) struct View<'a> {
    pub(super) draw: &'a Draw,
    pub(super) state: Place,
    pub(super) language: Language,
    pub(super) text: &'static Texts,
}

impl View<'_> {
    /// `rest` is what the address has beside the place.
    pub(super) fn page(&self, content: Markup, rest: &str) -> Page {
        Page {
            title: self.text.title.clone(),
            app: ABOUT.name,
            script: Some(ABOUT.script.name),
            switch: format!("{}{rest}&lang=", self.draw.address(self.state)),
            takes_photos: false,
            content,
        }
    }

    pub(super) fn question(&self, not_understood: Option<&str>) -> Markup {
        let text = self.text;
        let mut names: Vec<&str> = self
            .draw
            .set
            .classes()
            .iter()
            .map(|class| name(class, self.language))
            .collect();
        names.sort_by_key(|name| fold(name));
        let panel = html! {
            form method="get" action=(self.draw.page()) {
                input type="hidden" name="seed" value=(self.state.seed);
                input type="hidden" name="n" value=(self.state.number + 1);
                input type="hidden" name="you" value=(self.state.you.written());
                input type="hidden" name="model" value=(self.state.model.written());
                div class="field" {
                    label for="guess" { (text.guess) }
                    input type="text" id="guess" name="guess" list="breeds" autocomplete="off"
                        autocapitalize="none" spellcheck="false" maxlength="80"
                        value=(not_understood.unwrap_or_default())
                        aria-describedby="guess-hint"
                        aria-invalid=[not_understood.map(|_| "true")];
                    p class="hint" id="guess-hint" {
                        @match not_understood {
                            Some(guess) => span class="note bad" role="alert" {
                                (fill(&text.unknown_guess, &[("guess", guess)]))
                            },
                            None => (text.guess_hint),
                        }
                    }
                    datalist id="breeds" { @for name in names { option value=(name) {} } }
                }
                div class="row" {
                    button type="submit" class="main" { (text.guess_button) }
                    button type="submit" name="show" value="1" { (text.show) }
                }
            }
            (self.score(self.state.you, self.state.model))
        };
        self.laid_out(panel, &text.photo_alt, false)
    }

    pub(super) fn revealed(&self, truth: usize, guessed: Option<usize>, answer: &Answer) -> Markup {
        let text = self.text;
        let class = &self.draw.set.classes()[truth];
        let first = answer.breeds.first();
        let model_right = first.is_some_and(|first| first.id == id(class));
        let knows = answer.breeds.iter().any(|breed| breed.id == id(class));
        let you = match guessed {
            Some(guess) => self.state.you.with(guess == truth),
            None => self.state.you,
        };
        let model = self.state.model.with(model_right);
        let next = Place {
            number: self.state.number + 1,
            you,
            model,
            ..self.state
        };
        let true_name = name(class, self.language);
        let panel = html! {
            h2 class="verdict" {
                span class="lead" { (text.truth) " " }
                span class="breed" { (true_name) }
            }
            @match guessed {
                Some(guess) if guess == truth => (mark(true, &text.you_right)),
                Some(guess) => (mark(false, &fill(
                    &text.you_wrong,
                    &[("guess", name(&self.draw.set.classes()[guess], self.language))],
                ))),
                None => p class="plain" { (text.you_passed) },
            }
            (mark(model_right, if model_right { &text.model_right } else { &text.model_wrong }))
            @match answer.answer {
                AnswerKind::Dog => {}
                AnswerKind::Unsure => p class="note" { (text.model_unsure) },
                AnswerKind::NotADog => p class="note" { (text.model_not_a_dog) },
            }
            (self.two_best(&answer.breeds, id(class)))
            // The browser asks for the picture when it is opened.
            details class="why" {
                summary { (text.why) }
                img loading="lazy" alt=(text.why_alt)
                    src={ (self.draw.base) "/why/" (self.state.seed) "/" (self.state.number + 1) };
            }
            @if !knows { p class="note warn" { (text.model_unknown) } }
            (self.go_on(next))
            (self.score(you, model))
        };
        self.laid_out(panel, true_name, true)
    }

    /// A photo that cannot be read counts for nobody.
    pub(super) fn unreadable(&self, failure: &Failure) -> Markup {
        let next = Place {
            number: self.state.number + 1,
            ..self.state
        };
        let panel = html! {
            h2 { (self.text.failed) }
            p class="note bad" role="alert" { (failure.text(self.language)) }
            (self.go_on(next))
            (self.score(self.state.you, self.state.model))
        };
        self.laid_out(panel, &self.text.photo_alt, true)
    }

    fn two_best(&self, breeds: &[BreedGuess], truth: &str) -> Markup {
        html! {
            table class="next" {
                caption { (self.text.two_best) }
                tbody {
                    @for breed in breeds.iter().take(2) {
                        tr class=[(breed.id == truth).then_some("first")] {
                            th scope="row" { (breed.name_in(self.language)) }
                            td { (bar(breed.probability)) }
                            td class="number" { (percent(self.language, breed.probability.into())) }
                        }
                    }
                }
            }
        }
    }

    fn go_on(&self, next: Place) -> Markup {
        html! {
            div class="row" {
                a class="button main" id="next" href=(self.draw.address(next)) {
                    (self.text.next) (sign(signs::ARROW))
                }
                span class="hint keys-hint" { (self.text.next_hint) }
            }
        }
    }

    fn score(&self, you: Score, model: Score) -> Markup {
        let text = self.text;
        html! {
            section aria-labelledby="score-title" {
                h2 id="score-title" class="visually-hidden" { (text.score) }
                dl class="score" {
                    div { dt { (text.score_you) } dd id="score-you" { (you.said(text)) } }
                    div { dt { (text.score_model) } dd id="score-model" { (model.said(text)) } }
                }
            }
        }
    }

    fn laid_out(&self, panel: Markup, alt: &str, keys: bool) -> Markup {
        let text = self.text;
        let number = self.state.number + 1;
        let count = words::number(
            self.language,
            self.draw.set.held_out_photos().len() as f64,
            0,
        );
        let source = match self.draw.set.held_out() {
            HeldOut::OfficialList => DataMessage::PartOfficial { count: &count },
            HeldOut::TestFolder => DataMessage::PartTestFolder { count: &count },
            HeldOut::All => DataMessage::PartAll { count: &count },
        };
        html! {
            div class="intro" {
                h1 { (text.title) }
                p { (text.lead) }
                p class="source" { (source.text(self.language)) }
            }
            div class="demo" {
                figure class="demo-photo" {
                    img src={ (self.draw.base) "/photo/" (self.state.seed) "/" (number) } alt=(alt);
                    figcaption { (fill(&text.number, &[("number", &number.to_string())])) }
                }
                div class="panel" { (panel) }
            }
            div class="seed" {
                form method="get" action=(self.draw.page()) {
                    div class="field" {
                        label for="seed" { (text.seed) }
                        input type="number" id="seed" name="seed" min="0" step="1" value=(self.state.seed)
                            aria-describedby="seed-hint";
                    }
                    button type="submit" { (text.seed_go) }
                }
                p id="seed-hint" { (text.seed_hint) }
                a href=(self.draw.page()) { (text.restart) }
                @if keys {
                    label class="check keys-hint" hidden {
                        input type="checkbox" id="keys" checked;
                        span { (text.keys) }
                    }
                }
            }
        }
    }
}

fn mark(right: bool, said: &str) -> Markup {
    let (class, path) = if right {
        ("mark good", signs::CHECK)
    } else {
        ("mark bad", signs::CROSS)
    };
    html! { p class=(class) { (sign(path)) span { (said) } } }
}

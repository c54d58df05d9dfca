//! The test page: a photo drawn from a data set, first without its label; then the true breed and
//! the model's two best answers, and the score of both.
//!
//! All of its state stands in the address (draw, photo, both scores before this photo), so that a
//! reload or a step back counts nothing twice and the server remembers nobody.
mod place;
pub(crate) mod set;

use self::place::{Place, Score};
use self::set::{Demo, id, name};
use crate::service::app::{App, Asked};
use crate::service::thumbnail;
use crate::site::drawings::{bar, sign, signs};
use crate::site::failure::Failure;
use crate::site::frame::fail;
use crate::site::shell::{Page, Tab};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use classify::{Answer, AnswerKind, BreedGuess};
use data::HeldOut;
use maud::{Markup, html};
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use vision::Limits;
use words::{Language, Message, Pages, fill, fold, pages, percent};

/// What the address says, as it was written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Written {
    seed: String,
    n: String,
    you: String,
    model: String,
    guess: String,
    show: String,
}

/// `GET /`: the question; with a guess, or with the wish to see, the answer.
pub(crate) async fn show(
    State(app): State<App>,
    asked: Asked,
    written: Result<Query<Written>, QueryRejection>,
) -> Response {
    let (Some(demo), Ok(Query(written))) = (app.demo.clone(), written) else {
        return fail(&app, asked, &Failure::not_found());
    };
    let Ok(seed) = written.seed.trim().parse() else {
        // A fresh draw gets its number now, so that a reload shows the same photo.
        let seed = RandomState::new().hash_one(()) % 100_000;
        return Redirect::to(&demo.address(Place::start(seed))).into_response();
    };
    let state = Place {
        seed,
        // Two are left above, for the next photo and for its number as it is written, from 1.
        number: written.n.parse().unwrap_or(1).clamp(1, u64::MAX - 1) - 1,
        you: Score::parse(&written.you),
        model: Score::parse(&written.model),
    };
    let text = pages(asked.language);
    let view = View {
        demo: &demo,
        state,
        language: asked.language,
        text,
    };
    let photo = demo.set.random_photo(seed, state.number).clone();
    let guess = written.guess.trim();
    let showing = !written.show.is_empty();
    let guessed = demo.meant(guess);
    if !showing && guessed.is_none() {
        let content = view.question((!guess.is_empty()).then_some(guess));
        return page(&app, &view, content, "");
    }
    let guessed = if showing { None } else { guessed };
    let asked_again = match guessed {
        Some(class) => format!(
            "&guess={}",
            form_encoded(name(&demo.set.classes()[class], asked.language))
        ),
        None => "&show=1".to_string(),
    };
    let class = photo.class;
    let answer = {
        let demo = Arc::clone(&demo);
        let read = move |limits: &Limits| demo.read(&photo, limits);
        app.recogniser.answer_photo(read).await
    };
    match answer {
        Ok(answer) => {
            let content = view.revealed(class, guessed, &answer);
            page(&app, &view, content, &asked_again)
        }
        Err(failure) if failure.status().is_server_error() => fail(&app, asked, &failure),
        Err(failure) => page(&app, &view, view.unreadable(&failure), &asked_again),
    }
}

/// `GET /photo/{seed}/{number}`: a photo of the draw; its address says nothing of its breed.
pub(crate) async fn photo(
    State(app): State<App>,
    asked: Asked,
    place: Result<Path<(u64, u64)>, PathRejection>,
) -> Response {
    let (Some(demo), Ok(Path((seed, number @ 1..)))) = (app.demo.clone(), place) else {
        return fail(&app, asked, &Failure::not_found());
    };
    let index = number - 1;
    let limits = app.recogniser.limits;
    // Decoded and made into a JPEG, so that none of the file's metadata, such as where it was taken,
    // goes out with it, and any browser shows it upright.
    let shown = move || {
        let bytes = demo.read(demo.set.random_photo(seed, index), &limits)?;
        let photo = vision::decode(&bytes, &limits).map_err(Failure::photo)?;
        Ok(thumbnail::large_jpeg(&photo))
    };
    let shown = app.recogniser.compute.run(shown).await;
    match shown {
        Ok(Ok(jpeg)) => {
            let headers = [
                (header::CONTENT_TYPE, "image/jpeg"),
                (header::CACHE_CONTROL, "private, max-age=3600"),
            ];
            (headers, jpeg).into_response()
        }
        Ok(Err(failure)) => fail(&app, asked, &failure),
        Err(error) => fail(&app, asked, &error.into()),
    }
}

/// A value in a query: everything but letters, digits and `-._~` as `%XX`.
fn form_encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

fn page(app: &App, view: &View<'_>, content: Markup, rest: &str) -> Response {
    Page {
        language: view.language,
        title: &view.text.demo_title,
        tab: Tab::Demo,
        tabs: &app.tabs,
        script: Some("demo.js"),
        switch: format!("{}{rest}&lang=", view.demo.address(view.state)),
        model: Some(app.recogniser.model.model()),
        content,
    }
    .respond()
}

/// One photo of the draw as one person sees it.
struct View<'a> {
    demo: &'a Demo,
    state: Place,
    language: Language,
    text: &'a Pages,
}

impl View<'_> {
    fn question(&self, not_understood: Option<&str>) -> Markup {
        let text = self.text;
        let mut names: Vec<&str> = self
            .demo
            .set
            .classes()
            .iter()
            .map(|class| name(class, self.language))
            .collect();
        names.sort_by_key(|name| fold(name));
        let panel = html! {
            form method="get" action=(self.demo.page()) {
                input type="hidden" name="seed" value=(self.state.seed);
                input type="hidden" name="n" value=(self.state.number + 1);
                input type="hidden" name="you" value=(self.state.you.written());
                input type="hidden" name="model" value=(self.state.model.written());
                div class="field" {
                    label for="guess" { (text.demo_guess) }
                    input type="text" id="guess" name="guess" list="breeds" autocomplete="off"
                        autocapitalize="none" spellcheck="false" maxlength="80"
                        value=(not_understood.unwrap_or_default())
                        aria-describedby="guess-hint"
                        aria-invalid=[not_understood.map(|_| "true")];
                    p class="hint" id="guess-hint" {
                        @match not_understood {
                            Some(guess) => span class="note bad" role="alert" {
                                (fill(&text.demo_unknown_guess, &[("guess", guess)]))
                            },
                            None => (text.demo_guess_hint),
                        }
                    }
                    datalist id="breeds" { @for name in names { option value=(name) {} } }
                }
                div class="row" {
                    button type="submit" class="main" { (text.demo_guess_button) }
                    button type="submit" name="show" value="1" { (text.demo_show) }
                }
            }
            (self.score(self.state.you, self.state.model))
        };
        self.laid_out(panel, &text.demo_photo_alt, false)
    }

    fn revealed(&self, truth: usize, guessed: Option<usize>, answer: &Answer) -> Markup {
        let text = self.text;
        let class = &self.demo.set.classes()[truth];
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
                span class="lead" { (text.demo_truth) " " }
                span class="breed" { (true_name) }
            }
            @match guessed {
                Some(guess) if guess == truth => (mark(true, &text.demo_you_right)),
                Some(guess) => (mark(false, &fill(
                    &text.demo_you_wrong,
                    &[("guess", name(&self.demo.set.classes()[guess], self.language))],
                ))),
                None => p class="plain" { (text.demo_you_passed) },
            }
            (mark(model_right, if model_right { &text.demo_model_right } else { &text.demo_model_wrong }))
            (self.two_best(&answer.breeds, id(class)))
            @if !knows { p class="note warn" { (text.demo_model_unknown) } }
            @match answer.answer {
                AnswerKind::Dog => {}
                AnswerKind::Unsure => p class="note" { (text.demo_model_unsure) },
                AnswerKind::NotADog => p class="note" { (text.demo_model_not_a_dog) },
            }
            (self.go_on(next))
            (self.score(you, model))
        };
        self.laid_out(panel, true_name, true)
    }

    /// A photo that cannot be read counts for nobody.
    fn unreadable(&self, failure: &Failure) -> Markup {
        let next = Place {
            number: self.state.number + 1,
            ..self.state
        };
        let panel = html! {
            h2 { (self.text.demo_failed) }
            p class="note bad" role="alert" { (failure.text(self.language)) }
            (self.go_on(next))
            (self.score(self.state.you, self.state.model))
        };
        self.laid_out(panel, &self.text.demo_photo_alt, true)
    }

    fn two_best(&self, breeds: &[BreedGuess], truth: &str) -> Markup {
        html! {
            table class="next" {
                caption { (self.text.demo_two_best) }
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
                a class="button main" id="next" href=(self.demo.address(next)) {
                    (self.text.demo_next) (sign(signs::ARROW))
                }
                span class="hint keys-hint" { (self.text.demo_next_hint) }
            }
        }
    }

    fn score(&self, you: Score, model: Score) -> Markup {
        let text = self.text;
        html! {
            section aria-labelledby="score-title" {
                h2 id="score-title" class="visually-hidden" { (text.demo_score) }
                dl class="score" {
                    div { dt { (text.demo_score_you) } dd id="score-you" { (you.said(text)) } }
                    div { dt { (text.demo_score_model) } dd id="score-model" { (model.said(text)) } }
                }
            }
        }
    }

    fn laid_out(&self, panel: Markup, alt: &str, keys: bool) -> Markup {
        let text = self.text;
        let number = self.state.number + 1;
        let count = words::number(
            self.language,
            self.demo.set.held_out_photos().len() as f64,
            0,
        );
        let source = match self.demo.set.held_out() {
            HeldOut::OfficialList => Message::DatasetPartOfficial { count: &count },
            HeldOut::TestFolder => Message::DatasetPartTestFolder { count: &count },
            HeldOut::All => Message::DatasetPartAll { count: &count },
        };
        html! {
            div class="intro" {
                h1 { (text.demo_title) }
                p { (text.demo_lead) }
                p class="source" { (source.text(self.language)) }
            }
            div class="demo" {
                figure class="demo-photo" {
                    img src={ (self.demo.base) "/photo/" (self.state.seed) "/" (number) } alt=(alt);
                    figcaption { (fill(&text.demo_number, &[("number", &number.to_string())])) }
                }
                div class="panel" { (panel) }
            }
            div class="seed" {
                form method="get" action=(self.demo.page()) {
                    div class="field" {
                        label for="seed" { (text.demo_seed) }
                        input type="number" id="seed" name="seed" min="0" step="1" value=(self.state.seed)
                            aria-describedby="seed-hint";
                    }
                    button type="submit" { (text.demo_seed_go) }
                }
                p id="seed-hint" { (text.demo_seed_hint) }
                a href=(self.demo.page()) { (text.demo_restart) }
                @if keys {
                    label class="check" hidden {
                        input type="checkbox" id="keys" checked;
                        span { (text.demo_keys) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use data::Dataset;

    fn demo() -> (tempfile::TempDir, Demo) {
        let folder = tempfile::tempdir().unwrap();
        for class in [
            "n02088364-beagle",
            "n02099601-golden_retriever",
            "Labrador retriever",
            "chien de Bretagne",
        ] {
            let class = folder.path().join(class);
            std::fs::create_dir(&class).unwrap();
            std::fs::write(class.join("1.jpg"), b"not looked at").unwrap();
        }
        let set = Dataset::open(folder.path()).unwrap();
        (folder, Demo::new(set, ""))
    }

    #[test]
    fn a_guess_is_understood_in_both_languages_and_by_an_own_part() {
        let (_folder, demo) = demo();
        let meant = |guess: &str| {
            let class = &demo.set.classes()[demo.meant(guess)?];
            Some(name(class, Language::English))
        };
        assert_eq!(meant("BEAGLE"), Some("Beagle"));
        assert_eq!(meant("golden"), Some("Golden retriever"));
        assert_eq!(meant("chien de bretagne"), Some("chien de Bretagne"));
        assert_eq!(meant("Labrador Retriever"), Some("Labrador retriever"));
        assert_eq!(meant("retriever"), None, "two breeds have that part");
        assert_eq!(meant("  "), None);
        assert_eq!(meant("cat"), None);
    }

    #[test]
    fn a_score_that_makes_no_sense_is_none() {
        assert_eq!(Score::parse("3-5"), Score { right: 3, count: 5 });
        for wrong in ["", "5-3", "-1-2", "a-b", "3", "4294967295-4294967295"] {
            assert_eq!(Score::parse(wrong), Score::default(), "{wrong}");
        }
    }

    #[test]
    fn a_query_value_is_encoded() {
        assert_eq!(form_encoded("Épagneul & co"), "%C3%89pagneul%20%26%20co");
    }
}

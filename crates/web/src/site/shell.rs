//! The frame of every page: head, brand, navigation, language switch, footer.
use crate::site::assets::Assets;
use crate::site::drawings::logo;
use crate::site::guard::Doors;
use crate::site::texts::Texts;
use axum::Extension;
use axum::response::{IntoResponse, Response};
use classify::ModelName;
use maud::{DOCTYPE, Markup, html};
use words::{AnswerMessage, Language, fill};

/// What the frame shows and whom it lets in; the same for all apps of a server.
pub(crate) struct Site {
    /// The language of those who name none.
    pub(crate) language: Language,
    /// The apps to go to.
    pub(crate) tabs: Vec<Tab>,
    /// The model that answers, where one does.
    pub(crate) model: Option<ModelName>,
    pub(crate) assets: Assets,
    pub(crate) doors: Doors,
}

/// The way to an app.
pub(crate) struct Tab {
    /// The app's name.
    pub(crate) app: &'static str,
    pub(crate) title: fn(Language) -> &'static str,
    pub(crate) address: String,
}

/// What a page puts into the frame.
#[derive(Clone)]
pub(crate) struct Page {
    /// Before the name in the browser's tab.
    pub(crate) title: String,
    /// The app that it is of, or nothing.
    pub(crate) app: &'static str,
    /// The script's file name.
    pub(crate) script: Option<&'static str>,
    /// This page's address in the other language, its query included up to `lang=`.
    pub(crate) switch: String,
    /// Whether photos are sent from it, so that what becomes of them must be said.
    pub(crate) takes_photos: bool,
    pub(crate) content: Markup,
}

/// The answer of a handler: the frame makes a page of it.
impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Extension(self).into_response()
    }
}

impl Page {
    /// The whole page.
    pub(super) fn render(&self, site: &Site, asked: Language) -> String {
        let text = Texts::of(asked);
        let page = html! {
            (DOCTYPE)
            html lang=(asked.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="description" content=(text.tagline);
                    meta name="theme-color" content="#faf5ee" media="(prefers-color-scheme: light)";
                    meta name="theme-color" content="#1b1613" media="(prefers-color-scheme: dark)";
                    title { (self.title) " · museau" }
                    link rel="icon" type="image/svg+xml" href=(site.assets.address("logo.svg"));
                    link rel="stylesheet" href=(site.assets.address("museau.css"));
                    @if let Some(script) = self.script {
                        script type="module" src=(site.assets.address(script)) {}
                    }
                }
                body {
                    a class="skip" href="#content" { (text.skip) }
                    header class="top" {
                        div class="wrap" {
                            a class="brand" href="/" { (logo()) span { "museau" } }
                            @if site.tabs.len() > 1 {
                                nav class="pages" aria-label="museau" {
                                    @for tab in &site.tabs {
                                        a href=(tab.address) aria-current=[(tab.app == self.app).then_some("page")] {
                                            ((tab.title)(asked))
                                        }
                                    }
                                }
                            }
                            nav class="languages" aria-label=(text.languages) {
                                @for (language, name) in [(Language::French, "Français"), (Language::English, "English")] {
                                    a href={ (self.switch) (language.code()) } lang=(language.code()) hreflang=(language.code())
                                        aria-label={ (language.code().to_uppercase()) " " (name) } aria-current=[(language == asked).then_some("true")] {
                                        (language.code().to_uppercase())
                                    }
                                }
                            }
                        }
                    }
                    main id="content" tabindex="-1" { div class="wrap" { (self.content) } }
                    footer class="foot" {
                        div class="wrap" {
                            @match &site.model {
                                Some(model) => {
                                    p { (AnswerMessage::LooksOnly.text(asked)) }
                                    @if self.takes_photos { p { (text.privacy) } }
                                    p { (fill(&text.model, &[("name", &model.name), ("version", &model.version)])) }
                                }
                                None => p { (text.privacy_local) },
                            }
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}

//! The frame of every page: head, brand, navigation, language switch, footer.
use crate::site::assets;
use crate::site::drawings::logo;
use axum::response::{Html, IntoResponse, Response};
use classify::ModelName;
use maud::{DOCTYPE, Markup, html};
use words::{Language, Message, fill, pages};

/// A page of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Home,
    Demo,
    None,
}

/// What a page puts into the frame.
pub(crate) struct Page<'a> {
    pub(crate) language: Language,
    /// Before the name in the browser's tab.
    pub(crate) title: &'a str,
    pub(crate) tab: Tab,
    /// The pages to go to, by their addresses; none where there is only one.
    pub(crate) tabs: &'a [(Tab, &'static str)],
    /// The script's file name.
    pub(crate) script: Option<&'static str>,
    /// This page's address in the other language, its query included up to `lang=`.
    pub(crate) switch: String,
    /// The model that answers, where one does.
    pub(crate) model: Option<&'a ModelName>,
    pub(crate) content: Markup,
}

impl Page<'_> {
    /// The whole page.
    pub(crate) fn render(&self) -> Markup {
        let text = pages(self.language);
        html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="description" content=(text.tagline);
                    meta name="theme-color" content="#faf5ee" media="(prefers-color-scheme: light)";
                    meta name="theme-color" content="#1b1613" media="(prefers-color-scheme: dark)";
                    title { (self.title) " · museau" }
                    link rel="icon" type="image/svg+xml" href=(assets::address("logo.svg"));
                    link rel="stylesheet" href=(assets::address("museau.css"));
                    @if let Some(script) = self.script {
                        script type="module" src=(assets::address(script)) {}
                    }
                }
                body {
                    a class="skip" href="#content" { (text.skip) }
                    header class="top" {
                        div class="wrap" {
                            a class="brand" href="/" { (logo()) span { "museau" } }
                            @if self.tabs.len() > 1 {
                                nav class="pages" aria-label="museau" {
                                    @for &(tab, address) in self.tabs {
                                        a href=(address) aria-current=[(tab == self.tab).then_some("page")] {
                                            (match tab {
                                                Tab::Demo => &text.nav_demo,
                                                Tab::Home | Tab::None => &text.nav_home,
                                            })
                                        }
                                    }
                                }
                            }
                            nav class="languages" aria-label=(text.languages) {
                                @for (language, name) in [(Language::French, "Français"), (Language::English, "English")] {
                                    a href={ (self.switch) (language.code()) } lang=(language.code()) hreflang=(language.code())
                                        aria-label={ (language.code().to_uppercase()) " " (name) } aria-current=[(language == self.language).then_some("true")] {
                                        (language.code().to_uppercase())
                                    }
                                }
                            }
                        }
                    }
                    main id="content" tabindex="-1" { div class="wrap" { (self.content) } }
                    footer class="foot" {
                        div class="wrap" {
                            @match self.model {
                                Some(model) => {
                                    p { (Message::AnswerLooksOnly.text(self.language)) }
                                    p { (text.privacy) }
                                    p { (fill(&text.model, &[("name", &model.name), ("version", &model.version)])) }
                                }
                                None => p { (text.review_privacy) },
                            }
                        }
                    }
                }
            }
        }
    }

    /// The page as an answer.
    pub(crate) fn respond(&self) -> Response {
        Html(self.render().into_string()).into_response()
    }
}

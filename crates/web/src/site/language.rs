//! Which language a person is spoken to in: their choice, else their browser's, else the default.
use axum::http::{HeaderMap, header};
use words::Language;

/// The cookie that keeps the choice.
const COOKIE: &str = "museau-lang";

/// `asked` is the query's `lang`; then come the cookie, `Accept-Language` and the default.
pub(crate) fn choose(asked: Option<&str>, headers: &HeaderMap, default: Language) -> Language {
    asked
        .and_then(|code| code.parse().ok())
        .or_else(|| from_cookie(headers))
        .or_else(|| from_browser(headers))
        .unwrap_or(default)
}

/// The header that makes a browser remember a choice for a year.
pub(crate) fn remember(language: Language) -> String {
    format!(
        "{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
        language.code()
    )
}

fn from_cookie(headers: &HeaderMap) -> Option<Language> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then(|| value.parse().ok()).flatten())
}

fn from_browser(headers: &HeaderMap) -> Option<Language> {
    let value = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    Language::from_accept_language(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_comes_before_the_cookie_and_that_before_the_browser() {
        let mut headers = HeaderMap::new();
        let default = Language::French;
        assert_eq!(choose(None, &headers, default), Language::French);
        headers.insert(header::ACCEPT_LANGUAGE, "en-GB,fr;q=0.5".parse().unwrap());
        assert_eq!(choose(None, &headers, default), Language::English);
        headers.insert(header::COOKIE, "a=b; museau-lang=fr".parse().unwrap());
        assert_eq!(choose(None, &headers, default), Language::French);
        assert_eq!(choose(Some("en"), &headers, default), Language::English);
        assert_eq!(choose(Some("xx"), &headers, default), Language::French);
    }
}

//! What the pages load besides themselves: styles, scripts and the logo, embedded and served under
//! a hash of their content, so that a browser may keep them for ever.
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// One embedded file.
#[derive(Clone, Copy)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) content: &'static str,
}

impl Asset {
    /// A script of an app.
    pub(crate) const fn script(name: &'static str, content: &'static str) -> Self {
        Asset {
            name,
            media_type: "text/javascript; charset=utf-8",
            content,
        }
    }
}

/// The logo, to stand in a page.
pub(super) const LOGO: &str = include_str!("logo.svg");
pub(super) const ICON: Asset = Asset {
    name: "logo.svg",
    media_type: "image/svg+xml",
    content: LOGO,
};
pub(super) const STYLE: Asset = Asset {
    name: "museau.css",
    media_type: "text/css; charset=utf-8",
    content: include_str!("museau.css"),
};

/// All embedded files: the frame's own and the apps' scripts.
pub(crate) struct Assets {
    all: Vec<Asset>,
    /// One hash over all files: short, and a change of any renews all.
    hash: String,
}

impl Assets {
    pub(crate) fn new(scripts: impl Iterator<Item = Asset>) -> Self {
        let all: Vec<Asset> = [STYLE, ICON].into_iter().chain(scripts).collect();
        let mut hasher = blake3::Hasher::new();
        for asset in &all {
            hasher.update(asset.name.as_bytes());
            hasher.update(&[0]);
            hasher.update(asset.content.as_bytes());
        }
        let hash = hasher.finalize().to_hex()[..16].to_string();
        Assets { all, hash }
    }

    /// The address of an embedded file.
    pub(super) fn address(&self, name: &str) -> String {
        debug_assert!(self.all.iter().any(|asset| asset.name == name), "{name}");
        format!("/assets/{}/{name}", self.hash)
    }

    /// `GET /assets/{hash}/{name}`; `None` where there is no such file under that hash.
    pub(super) fn serve(&self, hash: &str, name: &str) -> Option<Response> {
        let asset = self.all.iter().find(|asset| asset.name == name)?;
        (hash == self.hash).then(|| respond(asset, "public, max-age=31536000, immutable"))
    }
}

/// `GET /favicon.ico`, which browsers ask for whatever the page says: the logo.
pub(super) async fn favicon() -> Response {
    respond(&ICON, "public, max-age=86400")
}

fn respond(asset: &Asset, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, cache),
    ];
    (headers, asset.content).into_response()
}

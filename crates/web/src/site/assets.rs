//! What the pages load besides themselves: styles, scripts and the logo, embedded and served under
//! a hash of their content, so that a browser may keep them for ever.
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

/// One embedded file.
pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

static ASSETS: [Asset; 5] = [
    Asset {
        name: "museau.css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("museau.css"),
    },
    Asset {
        name: "classify.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../apps/classify/classify.js"),
    },
    Asset {
        name: "demo.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../apps/demo/demo.js"),
    },
    Asset {
        name: "review.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../apps/review/review.js"),
    },
    Asset {
        name: "logo.svg",
        media_type: "image/svg+xml",
        content: LOGO,
    },
];

/// The logo, to stand in a page.
pub(crate) const LOGO: &str = include_str!("logo.svg");

/// One hash over all files: short, and a change of any renews all.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for asset in &ASSETS {
        hasher.update(asset.name.as_bytes());
        hasher.update(&[0]);
        hasher.update(asset.content.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_string()
});

/// The address of an embedded file.
pub(crate) fn address(name: &str) -> String {
    debug_assert!(ASSETS.iter().any(|asset| asset.name == name), "{name}");
    format!("/assets/{}/{name}", *HASH)
}

/// `GET /assets/{hash}/{name}`; `None` where there is no such file under that hash.
pub(crate) fn serve(Path((hash, name)): Path<(String, String)>) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    (hash == *HASH).then(|| respond(asset, "public, max-age=31536000, immutable"))
}

/// `GET /favicon.ico`, which browsers ask for whatever the page says: the logo.
pub(crate) async fn favicon() -> Response {
    match ASSETS.iter().find(|asset| asset.name == "logo.svg") {
        Some(asset) => respond(asset, "public, max-age=86400"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn respond(asset: &Asset, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, cache),
    ];
    (headers, asset.content).into_response()
}

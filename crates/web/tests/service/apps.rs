//! All apps on one site: each stands under its own name, in the same frame.
use crate::common::{Double, ask, get, options};
use crate::review::Planted;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use data::Dataset;
use std::sync::Arc;

/// The first app and two others, with where they stand.
const PLACES: [(&str, &str); 3] = [
    ("classify", "/"),
    ("demo", "/demo?seed=1"),
    ("review", "/review"),
];

fn all(planted: Planted) -> (Planted, Router) {
    let mut options = options(Arc::new(Double::new()));
    let set = Dataset::open(&planted.set()).unwrap();
    options.apps.push(web::apps::demo(set));
    options.apps.push(web::apps::review(planted.review()));
    (planted, web::router(options).unwrap())
}

fn page(path: &str) -> Request<Body> {
    let mut request = get(path);
    let host = "127.0.0.1:8000".parse().unwrap();
    request.headers_mut().insert(header::HOST, host);
    request
}

#[tokio::test]
async fn each_app_has_its_tab_its_script_and_addresses_below_its_own() {
    let (_planted, app) = all(Planted::new());
    for language in ["fr", "en"] {
        for (name, place) in PLACES {
            let query = if place.contains('?') { "&" } else { "?" };
            let got = ask(&app, page(&format!("{place}{query}lang={language}"))).await;
            assert_eq!(got.status, StatusCode::OK, "{name}");
            let html = got.text();
            assert!(
                html.contains(&format!("<html lang=\"{language}\">")),
                "{name}"
            );
            assert!(
                html.contains(&format!("/{name}.js\"")),
                "{name}: its script"
            );
            assert_eq!(
                html.matches("aria-current=\"page\"").count(),
                1,
                "{name}: its tab"
            );
            let base = place.split('?').next().unwrap();
            let tab = format!("<a href=\"{base}\" aria-current=\"page\">");
            assert!(html.contains(&tab), "{name}: {html}");
            // Forms and pictures lead to nobody else's addresses.
            let attributes = ["href=\"/", "action=\"/", "src=\"/"];
            let own = attributes.map(|attribute| html.split(attribute).skip(1));
            for rest in own.into_iter().flatten() {
                let address = format!("/{}", rest.split('"').next().unwrap());
                if address.starts_with("/assets/") {
                    continue;
                }
                let of = PLACES
                    .iter()
                    .find(|(_, place)| place.split('?').next() == Some(&address));
                assert!(
                    address.starts_with(base) || of.is_some(),
                    "{name}: {address}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_app_that_writes_closes_the_doors_of_all() {
    let (_planted, app) = all(Planted::new());
    let mut foreign = page("/");
    let host = "dogs.example".parse().unwrap();
    foreign.headers_mut().insert(header::HOST, host);
    let got = ask(&app, foreign).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.text().contains("<html"));
    assert_eq!(ask(&app, page("/")).await.status, StatusCode::OK);
}

//! Several photos of one animal, of which some cannot be looked at.
use crate::common::{Double, Got, app, ask, form, options, photo, post};
use axum::http::StatusCode;
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn the_readable_photos_are_answered_with_the_others_errors_beside() {
    let (beagle, samoyed) = (photo("beagle_14.jpg"), photo("samoyed_32.jpg"));
    let body = form(&[
        ("together", None, b"true"),
        ("photo", Some("cut.jpg"), &samoyed[..samoyed.len() / 2]),
        ("photo", Some("a.jpg"), &beagle),
        ("photo", Some("text.jpg"), b"not a photo at all"),
        ("photo", Some("b.jpg"), &samoyed),
    ]);
    let got = ask(&app(), post("/api/v1/classify", body.clone())).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let answer = got.json();
    assert_eq!(answer["answer"], "dog");
    assert_eq!(answer["photo"], "a.jpg");
    assert_eq!(answer["photos"], json!(["a.jpg", "b.jpg"]));
    let errors = answer["errors"].as_array().unwrap();
    let kinds = errors
        .iter()
        .map(|one| json!([one["photo"], one["error"]["kind"]]));
    let expected = json!([["cut.jpg", "truncated"], ["text.jpg", "not_a_photo"]]);
    assert_eq!(kinds.collect::<Vec<_>>(), *expected.as_array().unwrap());

    let page = ask(&app(), post("/", body)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.text().matches("<article class=\"card\"").count(), 3);
    assert!(page.text().contains("Ressemble à") && page.text().contains("cut.jpg"));
}

#[tokio::test]
async fn an_answer_about_all_photos_has_no_errors_and_none_is_a_problem() {
    let beagle = photo("beagle_14.jpg");
    let fine = form(&[
        ("together", None, b"1"),
        ("photo", Some("a.jpg"), &beagle),
        ("photo", Some("b.jpg"), &beagle),
    ]);
    let got = ask(&app(), post("/api/v1/classify", fine)).await;
    assert_eq!(got.json().get("errors"), None);
    let bad = form(&[
        ("together", None, b"1"),
        ("photo", Some("a.jpg"), b""),
        ("photo", Some("b.jpg"), b"text"),
    ]);
    let got = ask(&app(), post("/api/v1/classify", bad)).await;
    got.is_problem(422, "empty");
    assert_eq!(got.json()["photo"], "a.jpg");
}

/// 400 x 314, 334 x 500 and 400 x 314 pixels.
fn three_photos() -> Vec<u8> {
    let (cat, beagle) = (photo("birman_108.jpg"), photo("beagle_14.jpg"));
    form(&[
        ("together", None, b"1"),
        ("photo", Some("a.jpg"), &cat),
        ("photo", Some("b.jpg"), &beagle),
        ("photo", Some("c.jpg"), &cat),
    ])
}

#[tokio::test]
async fn a_photo_that_is_too_large_takes_no_room_from_the_others() {
    let double = Arc::new(Double::new());
    let mut options = options(double.clone());
    options.photos.pixels = 150_000;
    let app = web::router(options).unwrap();
    let got: Got = ask(&app, post("/api/v1/classify", three_photos())).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let answer = got.json();
    assert_eq!(answer["photos"], json!(["a.jpg", "c.jpg"]));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["errors"][0]["photo"], "b.jpg");
    assert_eq!(answer["errors"][0]["error"]["kind"], "too_large");
    assert_eq!(*double.seen.lock().unwrap(), [(400, 314), (400, 314)]);
}

#[tokio::test]
async fn photos_of_one_dog_are_looked_at_one_by_one() {
    let double = Arc::new(Double::new());
    let mut options = options(double.clone());
    // Each fits, all together do not.
    options.photos.pixels = 170_000;
    let app = web::router(options).unwrap();
    let got: Got = ask(&app, post("/api/v1/classify", three_photos())).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let answer = got.json();
    assert_eq!(answer["photos"], json!(["a.jpg", "b.jpg", "c.jpg"]));
    assert_eq!(answer.get("errors"), None);
    assert_eq!(double.seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_file_over_the_limit_refuses_no_other() {
    let mut options = options(Arc::new(Double::new()));
    let (beagle, cat) = (photo("beagle_14.jpg"), photo("birman_108.jpg"));
    options.uploads.photo = beagle.len().max(cat.len());
    let app = web::router(options).unwrap();
    let large = vec![0; beagle.len() + cat.len()];
    let photos = [
        ("photo", Some("a.jpg"), &beagle[..]),
        ("photo", Some("large.jpg"), &large),
        ("photo", Some("c.jpg"), &cat),
    ];
    let got = ask(&app, post("/api/v1/classify", form(&photos))).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let answers = got.json();
    assert_eq!(answers[0]["answer"], "dog");
    assert_eq!(answers[1]["photo"], "large.jpg");
    assert_eq!(answers[1]["error"]["kind"], "too_large");
    assert_eq!(answers[2]["answer"], "dog");
    // As one dog: the others' answer, with its error beside.
    let together = [&photos[..], &[("together", None, b"1")]].concat();
    let answer = ask(&app, post("/api/v1/classify", form(&together)))
        .await
        .json();
    assert_eq!(answer["photos"], json!(["a.jpg", "c.jpg"]));
    assert_eq!(answer["errors"][0]["error"]["kind"], "too_large");
    let page = ask(&app, post("/", form(&photos))).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.text().matches("<article class=\"card\"").count(), 3);
}

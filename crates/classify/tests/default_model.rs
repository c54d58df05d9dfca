//! The embedded model, on the photos of the repository: it opens, and it answers rightly.
use classify::{AnswerKind, Classifier, ClassifyOptions, OpenOptions};
use std::path::Path;
use tensor::Pool;
use vision::{Limits, Photo};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn photo(name: &str) -> Photo {
    let bytes = std::fs::read(root().join("tests/photos").join(name)).expect("a photo of the repo");
    vision::decode(&bytes, &Limits::default()).expect("a photo")
}

#[test]
fn the_default_model_tells_the_photos_of_the_repository() {
    let path = root().join("crates/cli/model/default.museau");
    let bytes = std::fs::metadata(&path).expect("the model").len();
    assert!(
        bytes < 20_000_000,
        "{bytes} bytes would make the binary too large"
    );
    let options = OpenOptions {
        threads: 2,
        ..OpenOptions::default()
    };
    let classifier = Classifier::open_file(&path, &options).expect("a sound package");
    let about = classifier.about();
    assert_eq!(about.labels.len(), 134);
    assert!(about.labels.iter().all(|label| label.name_fr.is_some()));
    assert_eq!(about.provenance.licence, "Apache-2.0");
    let pool = Pool::new(2);
    for (name, breed) in [
        ("beagle_14.jpg", Some("n02088364")),
        ("keeshond_173.jpg", Some("n02112350")),
        ("saint_bernard_187.jpg", Some("n02109525")),
        ("samoyed_32.jpg", Some("n02111889")),
        ("yorkshire_terrier_87.jpg", Some("n02094433")),
        ("birman_108.jpg", None),
    ] {
        let answers = classifier
            .classify(&pool, &[photo(name)], &ClassifyOptions::default())
            .expect("an answer");
        let answer = &answers[0];
        match breed {
            Some(breed) => {
                assert_eq!(answer.answer, AnswerKind::Dog, "{name}: {answer:?}");
                assert_eq!(answer.breeds[0].id, breed, "{name}");
            }
            None => assert_eq!(answer.answer, AnswerKind::NotADog, "{name}: {answer:?}"),
        }
        let classes = ClassifyOptions {
            top: 134,
            ..ClassifyOptions::default()
        };
        let all = classifier
            .classify(&pool, &[photo(name)], &classes)
            .expect("an answer");
        let sum: f32 = all[0].breeds.iter().map(|breed| breed.probability).sum();
        assert!((sum - 1.0).abs() < 1e-4 && all[0].breeds.len() == 134);
    }
}

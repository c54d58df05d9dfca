//! Evaluations of tables of predictions: no photo and no network is needed for the figures.
use super::*;
use data::Prediction;
use words::{Language, Say};

/// Beagles 0 to 3, pugs 4 to 7, a birman 8, all in val; a pug 9 in test.
fn manifest() -> (tempfile::TempDir, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = data::COLUMNS.join(",") + "\n";
    for index in 0..10 {
        let class = match index {
            0..4 => "n02088364-beagle",
            8 => "birman",
            _ => "Carlin",
        };
        let part = if index == 9 { "test" } else { "val" };
        let hash = "0".repeat(63) + &index.to_string();
        text += &format!("{index}.jpg,,1,{hash},{class},,{part},9,9,,,,\n");
    }
    let file = folder.path().join("m.csv");
    std::fs::write(&file, text).unwrap();
    let manifest = Manifest::open(&file).unwrap();
    (folder, manifest)
}

/// A table over these classes; `rows` says the first answer of each photo and its probability, the
/// rest is shared by the other classes.
fn table(classes: &[&str], rows: &[(&str, usize, f32)]) -> data::Predictions {
    let row = |&(path, first, probability): &(&str, usize, f32)| {
        let rest = (1.0 - probability) / (classes.len() - 1) as f32;
        let mut probabilities = vec![rest; classes.len()];
        probabilities[first] = probability;
        Prediction {
            path: path.to_owned(),
            label: String::new(),
            probabilities,
        }
    };
    data::Predictions {
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

fn predicted(manifest: &Manifest, name: &str, table: &data::Predictions) -> Predicted {
    let part = Part::Validation;
    Predicted::of_table(table, name, manifest, part, Language::English).unwrap()
}

#[test]
fn more_classes_than_the_data_set_has_give_two_figures() {
    let (_folder, manifest) = manifest();
    // The model's pug is the data set's carlin; of the boxer the data set has none. Photo 7 is missing.
    let rows = [
        ("0.jpg", 1, 0.9),
        ("1.jpg", 1, 0.6),
        ("2.jpg", 2, 0.8),
        ("3.jpg", 0, 0.7),
        ("4.jpg", 0, 0.9),
        ("5.jpg", 0, 0.5),
        ("6.jpg", 2, 0.5),
        ("9.jpg", 0, 0.9),
    ];
    let table = table(&["pug", "n02088364", "boxer"], &rows);
    let all = predicted(&manifest, "many", &table);
    assert_eq!(all.shared(), [0, 1]);
    assert_eq!(all.unknown, [("birman".to_owned(), 1)]);
    assert_eq!(all.unreadable.len(), 1, "the table has no row for photo 7");
    let evaluation =
        Evaluation::of(&all, &manifest, "set", Part::Validation, &[], Vec::new()).unwrap();
    assert_eq!(
        (evaluation.over_all.photos, evaluation.over_all.classes),
        (7, 3)
    );
    assert!((evaluation.over_all.top_1.value - 4.0 / 7.0).abs() < 1e-12);
    // Without the boxer, photos 2 and 6 have their two classes alike: the first of them is answered.
    let restricted = evaluation.restricted.as_ref().unwrap();
    assert!((restricted.top_1.value - 5.0 / 7.0).abs() < 1e-12);
    assert_eq!(restricted.confusion, [[3, 0], [2, 2]]);
    let worst: Vec<&str> = evaluation
        .worst
        .iter()
        .map(|own| own.path.as_str())
        .collect();
    assert_eq!(worst, ["2.jpg", "3.jpg", "6.jpg"]);
    assert_eq!(evaluation.worst[0].answer.id, "boxer");
    assert_eq!(evaluation.confused[0].examples.len(), 2);
    assert_eq!((evaluation.answers, evaluation.temperature), (None, None));

    let english = evaluation.text(Language::English);
    for said in [
        "Over the 3 classes",
        "Restricted to the 2",
        "57.1%",
        "birman",
        "7.jpg",
    ] {
        assert!(english.contains(said), "{said}: {english}");
    }
    let french = evaluation.text(Language::French);
    assert!(
        french.contains("57,1\u{a0}%") && french.contains("Limité aux 2"),
        "{french}"
    );
    let html = evaluation.page(&manifest, Language::French, 1, &|_, _| {});
    assert!(
        html.contains("Carlin → Beagle: ") || html.contains("Beagle → Carlin: "),
        "{html}"
    );
    assert!(!html.contains("NaN"));
}

#[test]
fn what_was_written_is_read_back() {
    let (folder, manifest) = manifest();
    let table = table(
        &["pug", "n02088364"],
        &[("0.jpg", 1, 0.9), ("4.jpg", 1, 0.7)],
    );
    let first = predicted(&manifest, "a", &table);
    let file = folder.path().join("p.csv");
    let atomic = data::AtomicFile::create(&file).unwrap();
    first.table(&manifest).save_into(atomic).unwrap();
    let again = predicted(&manifest, "a", &data::Predictions::open(&file).unwrap());
    for (one, other) in first.photos.iter().zip(&again.photos) {
        assert_eq!((one.entry, one.label), (other.entry, other.label));
        for (one, other) in one.logits.iter().zip(&other.logits) {
            assert!((one - other).abs() < 1e-5);
        }
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("path,label,answer,pug,n02088364\n"),
        "{text}"
    );
    assert!(text.contains("0.jpg,n02088364-beagle,n02088364,"), "{text}");
}

#[test]
fn two_models_are_compared_on_the_photos_and_classes_that_both_know() {
    let (_folder, manifest) = manifest();
    let paths: Vec<String> = (0..8).map(|index| format!("{index}.jpg")).collect();
    let rows = |right: &dyn Fn(usize) -> bool, pug: usize| -> Vec<(&str, usize, f32)> {
        let row = |index: usize| {
            let truth = if index < 4 { 1 - pug } else { pug };
            let answer = if right(index) { truth } else { 1 - truth };
            (paths[index].as_str(), answer, 0.8)
        };
        (0..8).map(row).collect()
    };
    let good = table(&["pug", "beagle"], &rows(&|_| true, 0));
    let bad = table(&["beagle", "pug", "birman"], &rows(&|index| index == 0, 1));
    let (good, bad) = (
        predicted(&manifest, "good", &good),
        predicted(&manifest, "bad", &bad),
    );
    let compared = Comparison::of(&good, &bad, false).unwrap().unwrap();
    assert_eq!((compared.photos, compared.classes), (8, 2));
    assert_eq!((compared.first_top_1, compared.second_top_1), (1.0, 0.125));
    assert_eq!(
        (compared.test.only_first, compared.test.only_second),
        (7, 0)
    );
    assert_eq!(compared.verdict(), Verdict::First);
    let turned = Comparison::of(&bad, &good, true).unwrap().unwrap();
    assert_eq!(turned.verdict(), Verdict::Second);
    for (comparison, language, wanted) in [
        (&compared, Language::English, "good is better"),
        (&compared, Language::French, "good est meilleur"),
        (&turned, Language::English, "good is better"),
        (&turned, Language::English, "has seen Stanford Dogs"),
        (&turned, Language::French, "a vu Stanford Dogs"),
    ] {
        let said = comparison.sentences(language).join(" ");
        assert!(said.contains(wanted), "{said}");
    }
    let same = Comparison::of(&good, &good, false).unwrap().unwrap();
    assert_eq!((same.verdict(), same.test.p_value), (Verdict::Neither, 1.0));
    let said = same.sentences(Language::French).join(" ");
    assert!(said.contains("Pas de différence significative"), "{said}");
    // Those of one name are told apart by where they are, others not.
    let mut comparisons = [same, compared];
    Comparison::tell_apart(
        &mut comparisons,
        "runs/1/model.museau",
        &["runs/2/model.museau", "bad.museau"].map(str::to_owned),
    );
    for (comparison, wanted) in comparisons.iter().zip([
        "good (runs/1/model.museau): 100.0%; good (runs/2/model.museau): 100.0%.",
        "good (runs/1/model.museau) is better: it alone is right on 7 photos, bad alone on 0",
    ]) {
        let said = comparison.sentences(Language::English).join(" ");
        assert!(said.contains(wanted), "{said}");
    }
    let one = table(&["pug", "beagle"], &[("0.jpg", 1, 0.8)]);
    let other = table(&["pug", "beagle"], &[("1.jpg", 1, 0.8)]);
    let [one, other] = [one, other].map(|table| predicted(&manifest, "x", &table));
    assert_eq!(Comparison::of(&one, &other, false).unwrap(), None);
}

#[test]
fn a_model_of_other_classes_or_of_no_photo_is_refused() {
    let (_folder, manifest) = manifest();
    let of = |table: &data::Predictions| {
        Predicted::of_table(table, "x", &manifest, Part::Validation, Language::English).unwrap_err()
    };
    let cats = of(&table(&["siamese", "persian"], &[("0.jpg", 0, 0.9)]));
    assert!(matches!(cats, EvaluateError::NoClass));
    let elsewhere = of(&table(&["pug", "beagle"], &[("z.jpg", 0, 0.9)]));
    assert!(matches!(elsewhere, EvaluateError::NoPhoto));
    for language in [Language::English, Language::French] {
        assert_ne!(cats.message(language), elsewhere.message(language));
    }
}

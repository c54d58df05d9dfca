//! The registry walked: every step on every shape, for any number of threads and any instructions;
//! and texts that are read, printed and refused.
use kernels::Isa;
use tensor::Pool;

use super::*;
use crate::Photo;

fn photo(width: usize, height: usize) -> Photo {
    let mut state = 7_u32;
    let rgb = (0..width * height * 3)
        .map(|index| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            // A slope with noise on it.
            (index / 7 % 200) as u8 + (state >> 27) as u8
        })
        .collect();
    Photo::from_rgb(width, height, rgb)
}

/// A text of the step with each parameter at its least and at its greatest, and with all defaults.
fn texts(kind: &Kind) -> Vec<String> {
    let ends = |parameter: &Parameter| -> Vec<String> {
        match parameter.range {
            Range::Number(least, most) => vec![least.to_string(), most.to_string()],
            Range::Whole(least, most) | Range::Odd(least, most) => {
                vec![least.to_string(), most.to_string()]
            }
            Range::Size(_) => vec!["1".to_owned(), "31x17".to_owned()],
            Range::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
        }
    };
    let needed: Vec<String> = kind
        .parameters
        .iter()
        .filter(|parameter| parameter.default.is_none())
        .map(|parameter| format!("{}={}", parameter.name, ends(parameter)[1]))
        .collect();
    let with = |extra: Option<String>| {
        let mut all = needed.clone();
        if let Some(extra) = extra {
            all.retain(|text| text.split('=').next() != extra.split('=').next());
            all.push(extra);
        }
        format!("{}({})", kind.name, all.join(","))
    };
    let mut texts = vec![with(None)];
    for parameter in kind.parameters {
        for end in ends(parameter) {
            texts.push(with(Some(format!("{}={end}", parameter.name))));
        }
    }
    texts
}

#[test]
fn every_step_stands_every_shape_and_value() {
    let pool = Pool::new(3);
    let workers = Workers {
        pool: &pool,
        isa: Isa::best(),
    };
    for kind in registry() {
        for text in texts(kind) {
            for before in ["", "gray | "] {
                let pipeline: Pipeline = format!("{before}{text}").parse().unwrap();
                for (width, height) in [(1, 1), (2, 1), (1, 9), (5, 3), (19, 11)] {
                    let out = pipeline.run(&photo(width, height), None, workers);
                    let resizes = ["resize", "crop"].contains(&kind.name);
                    assert!(
                        resizes || (out.width(), out.height()) == (width, height),
                        "{text}"
                    );
                }
            }
        }
    }
}

#[test]
fn threads_and_instructions_change_nothing() {
    let photo = photo(131, 37);
    for kind in registry() {
        for before in ["", "gray | "] {
            let text = format!("{before}{}", texts(kind)[0]);
            let pipeline: Pipeline = text.parse().unwrap();
            let expected = pipeline.run_alone(&photo, None);
            for isa in Isa::available() {
                for threads in [1, 2, 5] {
                    let pool = Pool::new(threads);
                    let workers = Workers { pool: &pool, isa };
                    let found = pipeline.run(&photo, None, workers);
                    assert!(found == expected, "{text}, {threads} threads, {isa}");
                }
            }
        }
    }
}

#[test]
fn every_step_is_told_about() {
    for (index, kind) in registry().iter().enumerate() {
        assert!(
            registry()[..index]
                .iter()
                .all(|other| other.name != kind.name)
        );
        assert!(kind.about.len() > 20 && !kind.about.ends_with('.'));
        assert!(
            kind.name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        );
        for (index, parameter) in kind.parameters.iter().enumerate() {
            let others = &kind.parameters[..index];
            assert!(others.iter().all(|other| other.name != parameter.name));
        }
    }
}

#[test]
fn the_box_of_a_photo_is_used_until_the_geometry_changes() {
    let photo = photo(100, 80);
    let region = Some(Region {
        left: 10,
        top: 20,
        width: 30,
        height: 30,
    });
    let run = |text: &str, region| {
        let pipeline: Pipeline = text.parse().unwrap();
        pipeline.run_alone(&photo, region)
    };
    let part = photo.crop(10, 20, 30, 30).unwrap();
    let part = Photo::from_rgb(30, 30, part.rgb().to_vec());
    assert!(run("resize(30,box)", region) == part);
    assert!(run("resize(30,box)", None) == run("resize(30,crop)", None));
    assert!(
        run("crop(0,0,50,50)|resize(30,box)", region)
            == run("crop(0,0,50,50)|resize(30,crop)", None)
    );
}

mod texts {
    use super::*;
    use proptest::prelude::*;

    use crate::steps::StepFault;

    fn fault(text: &str) -> (usize, StepFault) {
        let error = text.parse::<Pipeline>().unwrap_err();
        (error.position, error.fault)
    }

    #[test]
    fn are_read_and_printed() {
        for (text, printed) in [
            ("", ""),
            ("  ", ""),
            ("equalise", "equalise"),
            ("equalise ( ) ", "equalise"),
            (
                "clahe(2,8)|bilateral(9,75,75)|resize(224,crop)",
                "clahe(2,8) | bilateral(9,75,75) | resize(224,crop,bicubic,128)",
            ),
            ("clahe", "clahe(2,8)"),
            ("clahe( tiles = 4 )", "clahe(2,4)"),
            ("gamma(.5)", "gamma(0.5)"),
            (
                "resize(320x200, filter=area)",
                "resize(320x200,stretch,area,128)",
            ),
            ("resize(7x7)", "resize(7,stretch,bicubic,128)"),
            ("contrast(1,-0)", "contrast(1,0)"),
        ] {
            let pipeline: Pipeline = text.parse().unwrap();
            assert_eq!(pipeline.to_string(), printed);
            assert_eq!(printed.parse::<Pipeline>().unwrap(), pipeline);
        }
    }

    #[test]
    fn say_where_they_are_wrong() {
        let unknown = |text: &str| match fault(text) {
            (position, StepFault::UnknownName { name, known }) => {
                assert!(known.contains(&"bilateral") && known.contains(&"equalise"));
                (position, name)
            }
            (position, StepFault::UnknownParameter { name, known, .. }) => {
                assert_eq!(known, ["limit", "tiles"]);
                (position, name)
            }
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(unknown("clahe(2,8) | bilatral(9)"), (14, "bilatral".into()));
        assert_eq!(unknown("equalis"), (1, "equalis".into()));
        assert_eq!(unknown("clahe(tile=3)"), (7, "tile".into()));
        for (text, place) in [
            ("median(4)", 8),
            ("median(-3)", 8),
            ("median(103)", 8),
            ("median(3.0)", 8),
            ("gamma(nan)", 7),
            ("gamma(inf)", 7),
            ("clahe(2,0)", 9),
            ("resize(0)", 8),
            ("resize(224x)", 8),
            ("resize(224,cut)", 12),
            ("median(size =  4)", 16),
            ("median(size=)", 13),
        ] {
            let (found, error) = fault(text);
            assert!(matches!(error, StepFault::Value { .. }), "{text}: {error}");
            assert_eq!(found, place, "{text}");
        }
        for (text, place) in [
            ("gray(1)", 6),
            ("gray(a=1)", 6),
            ("median(3,3)", 10),
            ("median(3,size=3)", 15),
            ("gray | resize", 8),
        ] {
            let (found, error) = fault(text);
            assert!(matches!(error, StepFault::Count { .. }), "{text}: {error}");
            assert_eq!(found, place, "{text}");
        }
        assert!(matches!(
            fault("gray gray"),
            (6, StepFault::Expected { .. })
        ));
    }

    fn value(parameter: &'static Parameter) -> BoxedStrategy<String> {
        match parameter.range {
            Range::Number(least, most) => {
                (least..=most).prop_map(|number| number.to_string()).boxed()
            }
            Range::Whole(least, most) => {
                (least..=most).prop_map(|number| number.to_string()).boxed()
            }
            Range::Odd(least, most) => (least / 2..=most / 2)
                .prop_map(|half| (2 * half + 1).to_string())
                .boxed(),
            Range::Size(most) => (1..=most, 1..=most)
                .prop_map(|(width, height)| format!("{width}x{height}"))
                .boxed(),
            Range::Choice(words) => proptest::sample::select(words)
                .prop_map(str::to_owned)
                .boxed(),
        }
    }

    fn step() -> impl Strategy<Value = String> {
        proptest::sample::select(registry().iter().collect::<Vec<_>>()).prop_flat_map(|kind| {
            let values: Vec<_> = kind.parameters.iter().map(value).collect();
            values.prop_map(|values| format!("{}({})", kind.name, values.join(" , ")))
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(steps in proptest::collection::vec(step(), 1..6)) {
            let pipeline: Pipeline = steps.join("|").parse().unwrap();
            prop_assert_eq!(pipeline.steps().len(), steps.len());
            let printed = pipeline.to_string();
            let again: Pipeline = printed.parse().unwrap();
            prop_assert_eq!(again.to_string(), printed);
            prop_assert_eq!(again, pipeline);
        }

        #[test]
        fn any_text_is_survived(text in "[a-z(),|=0-9.é \u{a0}-]{0,40}") {
            if let Ok(pipeline) = text.parse::<Pipeline>() {
                prop_assert_eq!(pipeline.to_string().parse::<Pipeline>().unwrap(), pipeline);
            }
        }
    }
}

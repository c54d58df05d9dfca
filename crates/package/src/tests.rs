//! Tests of packages as files.
use crate::header::{HASH_DIGITS, hash_place};
use crate::samples::tiny;
use crate::*;
use graph::{Geometry, Graph, Op};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use tensor::{Tensor, Values};
use words::Say;

/// The same file with one piece of its text exchanged and the hash made right again.
fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let at = bytes
        .windows(from.len())
        .position(|w| w == from.as_bytes())
        .expect(from);
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    let place = hash_place(&bytes).unwrap();
    bytes[place..place + HASH_DIGITS].fill(b'0');
    let hash = blake3::hash(&bytes).to_hex();
    bytes[place..place + HASH_DIGITS].copy_from_slice(hash.as_bytes());
    bytes
}

fn error(bytes: &[u8]) -> PackageError {
    Package::read(bytes).expect_err("a wrong package")
}

#[test]
fn what_is_written_is_read() {
    let mut package = tiny();
    // No number of half precision.
    package.weights["dense/kernel"].values_mut()[0] = 0.1;
    let bytes = package.to_bytes().unwrap();
    assert_eq!(
        bytes,
        package.to_bytes().unwrap(),
        "the same bytes each time"
    );
    let read = Package::read(&bytes).unwrap();
    assert_eq!(read.about, package.about);
    assert_eq!(read.graph, package.graph);
    for (name, tensor) in &package.weights {
        assert_eq!(read.weights[name].shape(), tensor.shape());
        for (a, b) in read.weights[name].values().iter().zip(&*tensor.values()) {
            assert!((a - b).abs() <= b.abs() / 2048.0, "{name}: {a} for {b}");
        }
    }
    let stored = |name: &str| read.weights[name].stored();
    assert!(matches!(stored("dense/kernel"), Values::F16(_)));
    assert!(matches!(stored("dense/bias"), Values::F32(_)));
    assert_eq!(read.to_bytes().unwrap(), bytes, "written again");
    let rounded = package.clone().rounded().unwrap();
    for (name, tensor) in &read.weights {
        assert_eq!(rounded.weights[name].values(), tensor.values(), "{name}");
    }
    assert_eq!(About::read(&bytes).unwrap(), package.about);
    let foreign_reader = SafeTensors::deserialize(&bytes).expect("any reader opens it");
    assert_eq!(
        foreign_reader.tensor("dense/kernel").unwrap().shape(),
        [3, 4]
    );
}

#[test]
fn photos_are_known_again_by_their_content() {
    let hash = |number: u32| blake3::hash(&number.to_le_bytes());
    let hashes: Vec<blake3::Hash> = (0..100).chain(0..5).map(hash).collect();
    let ids = PhotoIds::of(hashes.iter());
    assert_eq!(ids.len(), 100, "each once");
    assert!((0..100).all(|number| ids.contains(&hash(number))));
    assert!((100..1000).all(|number| !ids.contains(&hash(number))));
    assert!(PhotoIds::default().is_empty() && !PhotoIds::default().contains(&hash(0)));
    let mut package = tiny();
    package.about.provenance.training = Some(TrainingRecord {
        settings: BTreeMap::from([("train.seed".into(), "7".into())]),
        photos: "ab".into(),
        fitted: ids,
        chosen: PhotoIds::default(),
    });
    let bytes = package.to_bytes().unwrap();
    assert_eq!(Package::read(&bytes).unwrap().about, package.about);
}

#[test]
fn every_shortened_file_is_refused() {
    let bytes = tiny().to_bytes().unwrap();
    assert!(matches!(error(&[]), PackageError::Empty));
    for length in 1..bytes.len() {
        let error = error(&bytes[..length]);
        assert!(
            matches!(error, PackageError::Truncated { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = tiny().to_bytes().unwrap();
    for position in 0..bytes.len() {
        for bit in [0, 3, 7] {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            let error = error(&flipped);
            // The first nine bytes make the file a package at all.
            if position > 8 {
                let known = matches!(
                    error,
                    PackageError::Damaged { .. }
                        | PackageError::WrongHash
                        | PackageError::ForeignSafetensors
                        | PackageError::Newer { .. }
                        | PackageError::Truncated { .. }
                        | PackageError::NotAPackage { .. }
                );
                assert!(known, "{position}: {error}");
            }
        }
    }
}

#[test]
fn a_wrong_file_is_named_as_what_it_is() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let lfs = error(pointer.as_bytes());
    assert!(matches!(
        lfs,
        PackageError::GitLfsPointer { size: Some(12345) }
    ));
    assert!(lfs.to_string().contains("git lfs pull"));
    let page = error(b"\n<!DOCTYPE html><html><title>404</title>");
    assert!(matches!(page, PackageError::HtmlPage));
    for (bytes, found) in [
        (&b"PK\x03\x04 more bytes"[..], "zip"),
        (b"\x89HDF\r\n\x1a\n more", "HDF5"),
        (b"\x80\x02\x8a\x0al\xfc\x9c more", "pickle"),
        (b"\xff\xd8\xff\xe0 more bytes", "image"),
        (b"just some text, nothing more", "a text file"),
        (b"hello\n", "a text file"),
        (b"# A first try\n\n[train]\nepochs = 3\n", "TOML"),
        (b"epochs = 3\n", "TOML"),
        (b"{\"museau\": 1}", "JSON"),
        (b"path,offset,bytes,hash,class,breed\n", "manifest"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08 more", "unknown type"),
    ] {
        let error = error(bytes);
        assert!(matches!(error, PackageError::NotAPackage { .. }), "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
    let foreign = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let mut bytes = (foreign.len() as u64).to_le_bytes().to_vec();
    bytes.extend(foreign);
    bytes.extend([0; 4]);
    assert!(matches!(error(&bytes), PackageError::ForeignSafetensors));
    let bytes = tiny().to_bytes().unwrap();
    let newer = with(&bytes, r#""format_version":"1""#, r#""format_version":"9""#);
    assert!(matches!(
        error(&newer),
        PackageError::Newer {
            version: 9,
            known: 2
        }
    ));
}

#[test]
fn a_package_that_contradicts_itself_is_refused() {
    let bytes = tiny().to_bytes().unwrap();
    let shape = with(&bytes, r#""shape":[3,4]"#, r#""shape":[4,3]"#);
    let shape = error(&shape);
    assert_eq!(
        shape.to_string(),
        "weights: `dense/kernel` has [4, 3], the network wants [3, 4]"
    );
    let missing = error(&with(&bytes, r#""dense/bias":"#, r#""dense/vias":"#));
    assert!(
        matches!(missing, PackageError::Shape { found: None, .. }),
        "{missing}"
    );
    let output = with(&bytes, r#"\"output\":3"#, r#"\"output\":4"#);
    assert!(
        error(&output)
            .to_string()
            .contains("class `blue` is output 4 of 4")
    );
    let height = with(
        &bytes,
        r#"\"height\":8,\"width\":6,\"filter"#,
        r#"\"height\":9,\"width\":6,\"filter"#,
    );
    assert!(matches!(error(&height), PackageError::Inconsistent { .. }));
    let layers = error(&with(&bytes, r#"\"inputs\":[1]"#, r#"\"inputs\":[7]"#));
    assert!(layers.to_string().contains("unknown input"), "{layers}");
    let mut package = tiny();
    package.weights.swap_remove("dense/bias");
    assert!(matches!(
        package.to_bytes(),
        Err(PackageError::Shape { .. })
    ));
}

#[test]
fn a_calibration_without_sense_is_refused() {
    type Change = fn(&mut Calibration, f32);
    let numbers: [(&str, Change); 9] = [
        ("temperature", |calibration, x| calibration.temperature = x),
        ("not_a_dog_below", |calibration, x| {
            calibration.not_a_dog_below = x
        }),
        ("unsure_below", |calibration, x| {
            calibration.unsure_below = x
        }),
        ("group_from", |calibration, x| calibration.group_from = x),
        ("mixed_together", |calibration, x| {
            calibration.mixed_together = x
        }),
        ("mixed_share", |calibration, x| calibration.mixed_share = x),
        ("category_from", |calibration, x| {
            calibration.category_from = x
        }),
        ("slope", |calibration, x| {
            calibration.dog.as_mut().unwrap().slope = x
        }),
        ("offset", |calibration, x| {
            calibration.dog.as_mut().unwrap().offset = x
        }),
    ];
    for (name, change) in numbers {
        for value in [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            -1.0,
            0.0,
            0.5,
            1.5,
            1e-30,
            0.04,
            21.0,
            1e38,
        ] {
            let mut package = tiny();
            change(&mut package.about.calibration, value);
            let good = match name {
                "temperature" => (0.05..=20.0).contains(&value),
                "slope" => value.is_finite() && value > 0.0,
                "offset" => value.is_finite(),
                _ => (0.0..=1.0).contains(&value),
            };
            assert_eq!(package.to_bytes().is_ok(), good, "{name} {value}");
        }
    }
    let mut package = tiny();
    package.about.calibration.unfamiliar_below = Some(f32::NAN);
    assert!(package.to_bytes().is_err());
    let mut package = tiny();
    package.about.calibration.dog.as_mut().unwrap().outputs = vec![[1, 2]; 5];
    assert!(package.to_bytes().is_err(), "more ranges than outputs");
    // In the file itself: JSON has no NaN, but numbers that no f32 holds.
    let bytes = tiny().to_bytes().unwrap();
    for text in [
        r#"\"temperature\":-1."#,
        r#"\"temperature\":0.0"#,
        r#"\"temperature\":9e9"#,
        r#"\"temperature\":9.5"#,
    ] {
        let changed = with(&bytes, r#"\"temperature\":1.0"#, text);
        assert_eq!(
            Package::read(&changed).is_ok(),
            text.ends_with("9.5"),
            "{text}"
        );
    }
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    let bytes = tiny().to_bytes().unwrap();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for name in ["dense/kernel", "dense/bias"] {
            let mut package = tiny();
            package.weights[name].values_mut()[1] = value;
            let error = package.to_bytes().unwrap_err();
            assert!(
                matches!(&error, PackageError::NotFinite { name: found } if found == name),
                "{error}"
            );
        }
        // The last value of the file, its hash made right.
        let mut changed = bytes.clone();
        let at = changed.len() - 4;
        changed[at..].copy_from_slice(&value.to_le_bytes());
        let changed = with(&changed, "format", "format");
        assert!(matches!(error(&changed), PackageError::NotFinite { .. }));
    }
    let said = error(&{
        let mut changed = bytes.clone();
        let at = changed.len() - 4;
        changed[at..].copy_from_slice(&f32::NAN.to_le_bytes());
        with(&changed, "format", "format")
    });
    let said = said.message(words::Language::French);
    assert!(said.contains("«\u{a0}dense/bias\u{a0}»"), "{said}");
}

#[test]
fn kernels_in_whole_numbers_are_read_as_they_were_rounded() {
    let mut package = tiny();
    let kernel = |package: &Package| package.weights["dense/kernel"].values().to_vec();
    let mut random = tensor::Random::new(7, 0, 0);
    for value in package.weights["dense/kernel"].values_mut() {
        *value = random.normal_f32();
    }
    // A channel of nothing but zeros has no scale.
    for row in 0..3 {
        package.weights["dense/kernel"].values_mut()[4 * row + 2] = 0.0;
    }
    let halves = package.to_bytes().unwrap();
    let exact = kernel(&package);
    package.about.stored = Stored::Int8;
    let rounded = package.clone().rounded().unwrap();
    let bytes = package.to_bytes().unwrap();
    let read = Package::read(&bytes).unwrap();
    assert_eq!(read.about, package.about);
    assert_eq!(kernel(&read), kernel(&rounded));
    // Read and written again it stays as it is, and vectors are as exact as ever.
    assert_eq!(read.to_bytes().unwrap(), bytes);
    assert_eq!(
        read.weights["dense/bias"].values(),
        package.weights["dense/bias"].values()
    );
    for channel in 0..4 {
        let of_channel = |values: &[f32]| -> Vec<f32> {
            values.iter().skip(channel).step_by(4).copied().collect()
        };
        let (exact, read) = (of_channel(&exact), of_channel(&kernel(&read)));
        let largest = exact.iter().fold(0f32, |most, value| most.max(value.abs()));
        for (exact, read) in exact.iter().zip(&read) {
            // Half a step, and what the scale lost.
            assert!(
                (exact - read).abs() <= largest / 127.0 * 0.51,
                "{exact} {read}"
            );
        }
    }
    // An older museau says that it is newer; one with f16 is as it was.
    let version = |bytes: &[u8], version: &str| {
        let key = format!("\"format_version\":\"{version}\"");
        bytes
            .windows(key.len())
            .any(|window| window == key.as_bytes())
    };
    assert!(version(&bytes, "2") && version(&halves, "1"));
    // Scales that are missing, too few, or no numbers.
    let lost = with(&bytes, "dense/kernel:scale", "dense/kernel:other");
    assert!(matches!(error(&lost), PackageError::Inconsistent { .. }));
    let at = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut infinite = bytes.clone();
    infinite[at..at + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let infinite = with(&infinite, "format", "format");
    assert!(matches!(
        error(&infinite),
        PackageError::Inconsistent { .. }
    ));
    let unknown = with(&bytes, "\"kernels\":\"int8\"", "\"kernels\":\"int4\"");
    assert!(matches!(error(&unknown), PackageError::Inconsistent { .. }));
}

#[test]
fn what_is_no_variance_is_refused() {
    for (variance, epsilon, good) in [
        (1.0, 1e-3, true),
        (0.0, 1e-3, true),
        (-1e-4, 1e-3, true),
        (-1e-3, 1e-3, false),
        (-1.0, 1e-3, false),
        (0.0, 0.0, false),
    ] {
        let mut package = tiny();
        let norm = Op::BatchNorm {
            epsilon,
            momentum: 0.99,
            scale: false,
        };
        let dense = package.graph.find("dense").unwrap();
        package.graph.add("norm", norm, &[dense]).unwrap();
        for (name, value) in [
            ("beta", 0.0),
            ("moving_mean", 0.0),
            ("moving_variance", 1.0),
        ] {
            let tensor = Tensor::from_slice([4], &[value; 4]).unwrap();
            package.weights.insert(format!("norm/{name}"), tensor);
        }
        package.weights["norm/moving_variance"].values_mut()[2] = variance;
        assert_eq!(package.to_bytes().is_ok(), good, "{variance} {epsilon}");
    }
}

#[test]
fn a_description_of_more_than_any_network_has_is_refused() {
    let changed = |change: &dyn Fn(&mut Package)| {
        let mut package = tiny();
        change(&mut package);
        package.to_bytes()
    };
    let views = |count| {
        changed(&|package: &mut Package| {
            package.about.input.views = vec![package.about.input.views[0]; count];
        })
    };
    assert!(views(64).is_ok());
    assert!(views(100_000).is_err());
    let fraction = |fraction| {
        changed(&|package: &mut Package| {
            package.about.input.views[0].geometry = Geometry::CenterCrop { fraction };
        })
    };
    assert!(fraction(0.1).is_ok());
    assert!(fraction(1e-30).is_err());
    let twice = changed(&|package| package.about.labels[1].output = 1);
    let said = twice.unwrap_err().to_string();
    assert!(said.contains("output 1 is two classes"), "{said}");
    assert!(changed(&|package| package.about.input.scaling.mean[1] = f32::NAN).is_err());
    // A network as text: more layers than any has, and more text than its layers need.
    let graph = |layer: &str, count: usize| {
        let layers = vec![layer; count].join(",");
        Graph::from_json(&format!("{{\"layers\":[{layers}],\"outputs\":[]}}"))
    };
    let add = r#"{"name":"a","op":"Add","inputs":[]}"#;
    assert!(graph(add, 1_000_000).is_err());
    let deep = "[".repeat(1_000_000);
    assert!(graph(&deep, 1).is_err());
}

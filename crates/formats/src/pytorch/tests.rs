//! Files that PyTorch wrote, whole and damaged (made by `tests/golden/weights_files.py`).
use super::*;
use testkit::golden;

/// Element i of the tensor at `place` is `i / 8 + 100 place`.
fn count(place: usize, elements: impl IntoIterator<Item = usize>) -> Vec<f32> {
    elements
        .into_iter()
        .map(|i| i as f32 / 8.0 + 100.0 * place as f32)
        .collect()
}

#[test]
fn both_formats_give_the_values_whatever_the_strides() {
    for file in ["files/state_zip.pth", "files/state_legacy.pth"] {
        let weights = crate::read(&golden(file)).unwrap();
        assert_eq!(weights.origin, Origin::PyTorch);
        let names: Vec<&str> = weights.tensors.keys().map(String::as_str).collect();
        assert_eq!(
            names[..3],
            ["conv.weight", "transposed", "channels_last"],
            "{file}: in order"
        );
        assert_eq!(names.len(), 11);
        let expect = |name: &str, shape: &[usize], values: Vec<f32>| {
            let tensor = &weights.tensors[name];
            assert_eq!(tensor.shape().dimensions(), shape, "{file} {name}");
            assert_eq!(tensor.values(), values, "{file} {name}");
        };
        expect("conv.weight", &[4, 3, 2, 2], count(0, 0..48));
        let transposed = (0..3).flat_map(|row| (0..4).map(move |column| column * 3 + row));
        expect("transposed", &[3, 4], count(1, transposed));
        expect("channels_last", &[2, 3, 4, 5], count(2, 0..120));
        // Half precision has 11 bits: steps of 0.25 here, ties to even.
        expect("half", &[5], vec![300.0, 300.0, 300.25, 300.5, 300.5]);
        expect("double", &[5], count(4, 0..5));
        expect("bn.num_batches_tracked", &[], vec![7.0]);
        expect("parameter", &[2, 2], count(5, 0..4));
        expect("shared_first", &[3], count(6, 0..3));
        expect("shared_every_other", &[4], count(6, (0..8).step_by(2)));
        // Half precision of the brain kind has 8 bits: 700.125 is rounded.
        expect("brain", &[3], vec![700.0, 700.0, 700.0]);
        expect("empty", &[0, 3], vec![]);
    }
}

#[test]
fn tensors_of_nested_dictionaries_bear_their_path() {
    let weights = crate::read(&golden("files/checkpoint.pth")).unwrap();
    let names: Vec<&str> = weights.tensors.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["state_dict.module.conv.weight", "optimizer.state.0.exp_avg"]
    );
}

#[test]
fn nothing_but_the_known_constructors() {
    let error = crate::read(&golden("files/evil.pth")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PyTorch file: the constructor `posix.system` is not supported"
    );
}

#[test]
fn no_damage_panics_and_no_cut_passes() {
    for file in [
        "files/state_zip.pth",
        "files/state_legacy.pth",
        "files/checkpoint.pth",
    ] {
        let bytes = golden(file);
        testkit::damage(&bytes, 0..bytes.len(), |damaged| {
            let _ = crate::read(damaged);
        });
        for length in 0..bytes.len() {
            assert!(
                crate::read(&bytes[..length]).is_err(),
                "{file} cut at {length}"
            );
        }
    }
}

/// A pickle by hand: protocol 2, `body`, STOP.
fn pickle_of(body: &[u8]) -> Result<(Value, Pickle, usize), FormatError> {
    pickle::read(&[&[0x80, 2], body, b"."].concat())
}

#[test]
fn hostile_pickles_are_refused_in_little_time_and_memory() {
    // Sizes that multiply beyond what the file can hold, by strides of 0.
    let stored = StoredTensor {
        storage: Rc::new(pickle::Storage {
            number: crate::number::Number::F32,
            key: "0".into(),
        }),
        offset: 0,
        dimensions: vec![1 << 20, 1 << 20],
        strides: vec![0, 0],
    };
    let storage = [0u8; 4];
    let error = weights(1000, vec![("a".into(), Rc::new(stored))], |_| Ok(&storage)).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
    // A list that holds itself.
    let body = b"]q\x00h\x00a";
    let (value, pickle, _) = pickle_of(body).unwrap();
    assert!(find_tensors(&value, &pickle, body.len()).is_err());
    // A dictionary whose two items are one dictionary, 30 times over: 2^30 paths.
    let mut body = b"}".to_vec();
    for level in 0..30u8 {
        body.extend([
            b'q', level, b'0', b'}', b'X', 1, 0, 0, 0, b'a', b'h', level, b's',
        ]);
        body.extend([b'X', 1, 0, 0, 0, b'b', b'h', level, b's']);
    }
    let (value, pickle, _) = pickle_of(&body).unwrap();
    assert!(find_tensors(&value, &pickle, body.len()).is_err());
    for body in [
        &b"("[..],
        b"t",
        b"0",
        b"R",
        b"h\x05",
        b"q\x05",
        b"K\x01K\x02a",
        b"NNs",
        b"r\xff\xff\xff\xff",
        &[b'('; 100_000],
        &[b']'; 1_000_000],
    ] {
        assert!(pickle_of(body).is_err(), "{body:?}");
    }
}

/// A tensor at the end of `levels` dictionaries, each of which names the next by each of `keys`.
fn shared(levels: usize, keys: &[&str]) -> (Value, Pickle) {
    let mut pickle = Pickle::default();
    let mut value = Value::Tensor(Rc::new(StoredTensor {
        storage: Rc::new(pickle::Storage {
            number: crate::number::Number::F32,
            key: "0".into(),
        }),
        offset: 0,
        dimensions: vec![0],
        strides: vec![1],
    }));
    for _ in 0..levels {
        let pairs = keys
            .iter()
            .map(|&key| (Value::Text(key.into()), value.clone()));
        pickle.dictionaries.push(pairs.collect());
        value = Value::Dictionary(pickle.dictionaries.len() - 1);
    }
    (value, pickle)
}

#[test]
fn the_names_of_shared_dictionaries_take_a_multiple_of_the_file_at_most() {
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let (value, pickle) = shared(2, &keys);
    let found = find_tensors(&value, &pickle, 1000).unwrap();
    assert_eq!((found.len(), &*found[99].0), (100, "j.j"));
    // 100,000 names of 10 to 750 bytes, by five dictionaries.
    let long = keys.map(|key| key.repeat(150));
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    for keys in [&keys[..], &long] {
        let (value, pickle) = shared(5, keys);
        let error = find_tensors(&value, &pickle, 8000).unwrap_err().to_string();
        assert!(error.contains("dictionaries that repeat"), "{error}");
    }
}

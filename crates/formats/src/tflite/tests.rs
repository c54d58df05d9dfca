//! A real TensorFlow Lite file, whole and damaged.
use super::*;
use testkit::{spread, test_data};

#[test]
fn a_network_of_8_bits() {
    let Some(folder) = test_data() else { return };
    let path = folder.join("weights/mobilenet_v2_1.0_224_int8.tflite");
    let bytes = std::fs::read(path).unwrap();
    let weights = crate::read(&bytes).unwrap();
    assert_eq!(weights.origin, Origin::TfLite);
    // Kernel and bias of 52 convolutions and of the classifier, whose first class is the background.
    assert_eq!(weights.tensors.len(), 2 * 53);
    let shapes: Vec<_> = weights.tensors.values().map(|t| t.shape()).collect();
    assert_eq!(shapes[0], Shape::from([3, 3, 3, 32]));
    assert_eq!(shapes[2], Shape::from([3, 3, 32]));
    assert_eq!(shapes[104], Shape::from([1, 1, 1280, 1001]));
    for (name, tensor) in &weights.tensors {
        let largest = tensor.values().iter().fold(0f32, |a, &v| a.max(v.abs()));
        assert!(largest > 0.0 && largest < 100.0, "{name}: {largest}");
    }
    // Each channel of the first kernel fills its 8 bits.
    let first = weights.tensors[0].values();
    for channel in 0..32 {
        let values: Vec<f32> = first.iter().skip(channel).step_by(32).copied().collect();
        let largest = values.iter().fold(0f32, |a, &v| a.max(v.abs()));
        for value in values {
            // A channel may be none but zeros.
            let steps = if largest == 0.0 {
                0.0
            } else {
                value / largest * 127.0
            };
            assert!((steps - steps.round()).abs() < 1e-3, "{channel}: {steps}");
        }
    }
    testkit::damage(&bytes, spread(0..bytes.len(), 60), |damaged| {
        let _ = crate::read(damaged);
    });
    // The tables stand at the end and at the beginning.
    testkit::damage(&bytes, 0..64, |damaged| {
        let _ = crate::read(damaged);
    });
    testkit::damage(
        &bytes,
        spread(bytes.len() - 40_000..bytes.len(), 300),
        |damaged| {
            let _ = crate::read(damaged);
        },
    );
}

#[test]
fn tables_that_point_anywhere_are_refused() {
    for bytes in [
        &b"\x08\0\0\0TFL3"[..],
        b"\xff\xff\xff\xffTFL3",
        b"\x00\0\0\0TFL3\0\0\0\0",
        b"\x08\0\0\0TFL3\x08\0\0\0\x04\0\x04\0",
    ] {
        assert!(crate::read(bytes).is_err(), "{bytes:?}");
    }
}

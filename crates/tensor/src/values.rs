//! The values of a tensor, in the type of number that they are stored in.
use crate::AlignedBuffer;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::borrow::Cow;

/// Values of one type of number. Whole numbers of 8 bits are what was stored: what they stand for
/// (a scale, a zero point) is known to whoever reads them.
#[derive(Clone, Debug)]
pub enum Values {
    /// Single precision.
    F32(AlignedBuffer),
    /// Half precision.
    F16(AlignedBuffer<f16>),
    /// Whole numbers from -128 to 127.
    I8(AlignedBuffer<i8>),
    /// Whole numbers from 0 to 255.
    U8(AlignedBuffer<u8>),
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F16(values) => values.len(),
            Values::I8(values) => values.len(),
            Values::U8(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether none is infinite or not a number.
    pub fn all_finite(&self) -> bool {
        match self {
            Values::F32(values) => values.iter().all(|value| value.is_finite()),
            Values::F16(values) => values.iter().all(|value| value.is_finite()),
            Values::I8(_) | Values::U8(_) => true,
        }
    }

    /// The same numbers as f32, each exactly: borrowed where they are f32, else converted.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match self {
            Values::F32(values) => Cow::Borrowed(values),
            Values::F16(values) => {
                let mut converted = vec![0.0; values.len()];
                values.convert_to_f32_slice(&mut converted);
                Cow::Owned(converted)
            }
            Values::I8(values) => values.iter().map(|&value| f32::from(value)).collect(),
            Values::U8(values) => values.iter().map(|&value| f32::from(value)).collect(),
        }
    }

    /// Rounded to the nearest f16; beyond 65,504 they become infinite.
    pub fn to_f16(&self) -> Values {
        match self {
            Values::F16(_) => self.clone(),
            Values::F32(_) | Values::I8(_) | Values::U8(_) => {
                let mut halves = AlignedBuffer::zeroed(self.len());
                halves.convert_from_f32_slice(&self.to_f32());
                Values::F16(halves)
            }
        }
    }
}

impl From<AlignedBuffer> for Values {
    fn from(values: AlignedBuffer) -> Self {
        Values::F32(values)
    }
}

impl From<AlignedBuffer<f16>> for Values {
    fn from(values: AlignedBuffer<f16>) -> Self {
        Values::F16(values)
    }
}

impl From<AlignedBuffer<i8>> for Values {
    fn from(values: AlignedBuffer<i8>) -> Self {
        Values::I8(values)
    }
}

impl From<AlignedBuffer<u8>> for Values {
    fn from(values: AlignedBuffer<u8>) -> Self {
        Values::U8(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_gives_its_numbers_as_f32() {
        let halves: AlignedBuffer<f16> = [0.5, -65504.0, 6e-8]
            .map(f16::from_f32)
            .into_iter()
            .collect();
        let stored: [(Values, &[f32]); 4] = [
            (
                AlignedBuffer::from(&[1.5f32, -0.0][..]).into(),
                &[1.5, -0.0],
            ),
            (halves.into(), &[0.5, -65504.0, 5.960_464_5e-8]),
            (
                AlignedBuffer::from(&[-128i8, 127][..]).into(),
                &[-128.0, 127.0],
            ),
            (AlignedBuffer::from(&[0u8, 255][..]).into(), &[0.0, 255.0]),
        ];
        for (values, expected) in stored {
            assert_eq!(*values.to_f32(), *expected);
            assert_eq!(values.len(), expected.len());
            assert!(values.all_finite());
        }
    }

    #[test]
    fn halves_are_rounded_as_one_by_one() {
        let given = [0.1f32, 1.0 / 3.0, -2049.0, 65519.9, 65520.0, 1e-8, f32::NAN];
        let Values::F16(halves) = Values::from(AlignedBuffer::from(&given[..])).to_f16() else {
            panic!("halves");
        };
        for (half, value) in halves.iter().zip(given) {
            assert_eq!(half.to_bits(), f16::from_f32(value).to_bits(), "{value}");
        }
        assert!(!Values::F16(halves).all_finite());
    }
}

//! The types of numbers that files store, and those that they are read to.
use half::{bf16, f16};
use tensor::{AlignedBuffer, Element, Values};

/// A type of number as stored, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Number {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Number::Bool | Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 | Number::F16 | Number::BF16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }

    /// All numbers of `bytes`: f16, and whole numbers of 8 bits, as they are, all others rounded to the
    /// nearest f32. A rest shorter than one number is left out.
    pub(crate) fn read_all(self, bytes: &[u8]) -> Values {
        /// Reads `bytes` in pieces of `SIZE`.
        fn each<const SIZE: usize, T: Element>(bytes: &[u8], number: fn([u8; SIZE]) -> T) -> Values
        where
            Values: From<AlignedBuffer<T>>,
        {
            let (pieces, _) = bytes.as_chunks::<SIZE>();
            let mut values = AlignedBuffer::zeroed(pieces.len());
            for (value, piece) in values.iter_mut().zip(pieces) {
                *value = number(*piece);
            }
            values.into()
        }
        match self {
            Number::Bool => each(bytes, |[byte]| f32::from(u8::from(byte != 0))),
            Number::U8 => each(bytes, |[byte]| byte),
            Number::I8 => each(bytes, i8::from_le_bytes),
            Number::U16 => each(bytes, |piece| f32::from(u16::from_le_bytes(piece))),
            Number::I16 => each(bytes, |piece| f32::from(i16::from_le_bytes(piece))),
            Number::U32 => each(bytes, |piece| u32::from_le_bytes(piece) as f32),
            Number::I32 => each(bytes, |piece| i32::from_le_bytes(piece) as f32),
            Number::U64 => each(bytes, |piece| u64::from_le_bytes(piece) as f32),
            Number::I64 => each(bytes, |piece| i64::from_le_bytes(piece) as f32),
            Number::F16 => each(bytes, f16::from_le_bytes),
            Number::BF16 => each(bytes, |piece| bf16::from_le_bytes(piece).to_f32()),
            Number::F32 => each(bytes, f32::from_le_bytes),
            Number::F64 => each(bytes, |piece| f64::from_le_bytes(piece) as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_type() {
        let read = |number: Number, bytes: &[u8]| number.read_all(bytes).to_f32().into_owned();
        let f16s: Vec<u8> = [1.5f32, -2.0]
            .iter()
            .flat_map(|&v| f16::from_f32(v).to_le_bytes())
            .collect();
        assert_eq!(read(Number::F16, &f16s), [1.5, -2.0]);
        assert!(matches!(Number::F16.read_all(&f16s), Values::F16(_)));
        assert_eq!(read(Number::I8, &[255, 2]), [-1.0, 2.0]);
        assert!(matches!(Number::I8.read_all(&[1]), Values::I8(_)));
        assert_eq!(read(Number::U8, &[255, 2]), [255.0, 2.0]);
        assert!(matches!(Number::U8.read_all(&[1]), Values::U8(_)));
        let bf16s: Vec<u8> = [1.5f32, -2.0]
            .iter()
            .flat_map(|&v| bf16::from_f32(v).to_le_bytes())
            .collect();
        assert_eq!(read(Number::BF16, &bf16s), [1.5, -2.0]);
        assert_eq!(read(Number::I64, &(-3i64).to_le_bytes()), [-3.0]);
        assert_eq!(read(Number::F64, &0.25f64.to_le_bytes()), [0.25]);
        assert_eq!(read(Number::Bool, &[0, 2]), [0.0, 1.0]);
        assert_eq!(read(Number::F32, &[0; 7]), [0.0]);
    }
}

//! One array as a `.npy` file, NumPy's own format (NEP 1, version 1.0).
use tensor::Tensor;

/// The file of a tensor: f32, little-endian, rows one after the other.
pub fn write_npy(tensor: &Tensor) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    /// The values begin at a multiple of it.
    const ALIGNMENT: usize = 64;
    let sides: String = tensor
        .shape()
        .dimensions()
        .iter()
        .map(|side| format!("{side}, "))
        .collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    while !(MAGIC.len() + 2 + header.len() + 1).is_multiple_of(ALIGNMENT) {
        header.push(' ');
    }
    header.push('\n');
    // A shape has eight sides at most.
    let length = header.len() as u16;
    let mut bytes = [MAGIC, &length.to_le_bytes(), header.as_bytes()].concat();
    bytes.extend(tensor.values().iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the format's own description: magic, the header's length, a dictionary of Python's, values.
    #[test]
    fn the_file_is_as_the_format_says() {
        let tensor = Tensor::from_slice([2, 3], &[1.0, -2.5, 0.0, 3.0, 1e-3, 7.0]).unwrap();
        let bytes = write_npy(&tensor);
        let (head, values) = bytes.split_at(128);
        assert_eq!(&head[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = std::str::from_utf8(&head[10..]).unwrap();
        let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }";
        assert_eq!(text.trim_end_matches([' ', '\n']), dictionary);
        assert!(text.ends_with(" \n"));
        let read: Vec<f32> = values
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        assert_eq!(read, *tensor.values());
    }
}

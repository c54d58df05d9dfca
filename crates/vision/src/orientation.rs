//! The eight ways a camera may have been held, and turning the pixels upright.

/// How the stored picture must be turned to stand upright: the eight values of the EXIF and TIFF
/// tag 274.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Orientation {
    /// As it is.
    #[default]
    Upright = 1,
    /// Exchange left and right.
    MirrorHorizontal = 2,
    /// Turn by half.
    Rotate180 = 3,
    /// Exchange top and bottom.
    MirrorVertical = 4,
    /// Exchange rows and columns.
    Transpose = 5,
    /// Turn a quarter clockwise.
    Rotate90 = 6,
    /// Exchange rows and columns about the other diagonal.
    Transverse = 7,
    /// Turn a quarter counter-clockwise.
    Rotate270 = 8,
}

impl Orientation {
    /// The orientation of an EXIF value; what is not 1 to 8 means nothing, so upright.
    pub fn from_exif(value: u32) -> Self {
        match value {
            2 => Orientation::MirrorHorizontal,
            3 => Orientation::Rotate180,
            4 => Orientation::MirrorVertical,
            5 => Orientation::Transpose,
            6 => Orientation::Rotate90,
            7 => Orientation::Transverse,
            8 => Orientation::Rotate270,
            _ => Orientation::Upright,
        }
    }

    /// A rectangle (left, top, right, bottom) of the picture as stored, of `width` x `height` pixels,
    /// as it lies in the upright one.
    pub fn turn_rectangle(self, (width, height): (f32, f32), rectangle: [f32; 4]) -> [f32; 4] {
        let [left, top, right, bottom] = rectangle;
        let across = match self {
            Orientation::MirrorHorizontal
            | Orientation::Rotate180
            | Orientation::Transverse
            | Orientation::Rotate270 => [width - right, width - left],
            _ => [left, right],
        };
        let down = match self {
            Orientation::Rotate180
            | Orientation::MirrorVertical
            | Orientation::Rotate90
            | Orientation::Transverse => [height - bottom, height - top],
            _ => [top, bottom],
        };
        match self.swaps_sides() {
            true => [down[0], across[0], down[1], across[1]],
            false => [across[0], down[0], across[1], down[1]],
        }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self as u8 >= 5
    }
}

/// Turns `width` x `height` RGB pixels upright: the new width, height and pixels. Flips and the half
/// turn work in place, the others need a second picture.
pub(crate) fn apply(
    orientation: Orientation,
    width: usize,
    height: usize,
    mut rgb: Vec<u8>,
) -> (usize, usize, Vec<u8>) {
    match orientation {
        Orientation::Upright => {}
        Orientation::MirrorHorizontal => {
            for row in rgb.chunks_exact_mut(width * 3) {
                row.as_chunks_mut::<3>().0.reverse();
            }
        }
        Orientation::Rotate180 => rgb.as_chunks_mut::<3>().0.reverse(),
        Orientation::MirrorVertical => {
            let row_bytes = width * 3;
            let (mut top, mut bottom) = (0, height - 1);
            while top < bottom {
                let (head, tail) = rgb.split_at_mut(bottom * row_bytes);
                head[top * row_bytes..][..row_bytes].swap_with_slice(&mut tail[..row_bytes]);
                top += 1;
                bottom -= 1;
            }
        }
        Orientation::Transpose
        | Orientation::Rotate90
        | Orientation::Transverse
        | Orientation::Rotate270 => {
            return (
                height,
                width,
                exchange_sides(orientation, width, height, &rgb),
            );
        }
    }
    (width, height, rgb)
}

/// Rows become columns, in square blocks so that both pictures are read and written within the
/// cache.
fn exchange_sides(orientation: Orientation, width: usize, height: usize, rgb: &[u8]) -> Vec<u8> {
    /// 32 pixels of 3 bytes: 32 rows of 96 bytes of each picture stay in a 32 KiB first-level cache.
    const BLOCK: usize = 32;
    let pixels = rgb.as_chunks::<3>().0;
    let mut turned = vec![0u8; rgb.len()];
    let out = turned.as_chunks_mut::<3>().0;
    // The new row comes from an old column, read upwards or downwards.
    let last_column_first = matches!(
        orientation,
        Orientation::Rotate270 | Orientation::Transverse
    );
    let last_row_first = matches!(orientation, Orientation::Rotate90 | Orientation::Transverse);
    for block_left in (0..width).step_by(BLOCK) {
        for block_top in (0..height).step_by(BLOCK) {
            let rows = BLOCK.min(height - block_top);
            let new_left = if last_row_first {
                height - block_top - rows
            } else {
                block_top
            };
            for column in block_left..(block_left + BLOCK).min(width) {
                let new_row = if last_column_first {
                    width - 1 - column
                } else {
                    column
                };
                let line = &mut out[new_row * height + new_left..][..rows];
                let column = pixels[block_top * width + column..]
                    .iter()
                    .step_by(width)
                    .take(rows);
                if last_row_first {
                    line.iter_mut()
                        .rev()
                        .zip(column)
                        .for_each(|(to, from)| *to = *from);
                } else {
                    line.iter_mut()
                        .zip(column)
                        .for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each orientation means, pixel by pixel, from the EXIF specification's table: where the
    /// stored (row, column) lands.
    fn landing(
        orientation: Orientation,
        row: usize,
        column: usize,
        width: usize,
        height: usize,
    ) -> (usize, usize) {
        match orientation {
            Orientation::Upright => (row, column),
            Orientation::MirrorHorizontal => (row, width - 1 - column),
            Orientation::Rotate180 => (height - 1 - row, width - 1 - column),
            Orientation::MirrorVertical => (height - 1 - row, column),
            Orientation::Transpose => (column, row),
            Orientation::Rotate90 => (column, height - 1 - row),
            Orientation::Transverse => (width - 1 - column, height - 1 - row),
            Orientation::Rotate270 => (width - 1 - column, row),
        }
    }

    #[test]
    fn every_orientation_moves_every_pixel_where_the_table_says() {
        for (width, height) in [(1, 1), (5, 1), (1, 4), (3, 2), (70, 41)] {
            let rgb: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
            for value in 1..=8 {
                let orientation = Orientation::from_exif(value);
                let (new_width, new_height, turned) =
                    apply(orientation, width, height, rgb.clone());
                let swapped = orientation.swaps_sides();
                assert_eq!(
                    (new_width, new_height),
                    if swapped {
                        (height, width)
                    } else {
                        (width, height)
                    }
                );
                for row in 0..height {
                    for column in 0..width {
                        let (to_row, to_column) = landing(orientation, row, column, width, height);
                        let from = (row * width + column) * 3;
                        let to = (to_row * new_width + to_column) * 3;
                        assert_eq!(rgb[from..from + 3], turned[to..to + 3], "{orientation:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_rectangle_turns_as_its_pixels_do() {
        let (width, height) = (7, 5);
        let [left, top, right, bottom] = [1, 2, 5, 3];
        let mut rgb = vec![0; width * height * 3];
        for row in top..bottom {
            rgb[(row * width + left) * 3..(row * width + right) * 3].fill(255);
        }
        for value in 1..=8 {
            let orientation = Orientation::from_exif(value);
            let (wide, high, turned) = apply(orientation, width, height, rgb.clone());
            let rectangle = [left, top, right, bottom].map(|side| side as f32);
            let size = (width as f32, height as f32);
            let [left, top, right, bottom] = orientation
                .turn_rectangle(size, rectangle)
                .map(|side| side as usize);
            for (place, pixel) in turned.as_chunks::<3>().0.iter().enumerate() {
                let (row, column) = (place / wide, place % wide);
                let inside = (top..bottom).contains(&row) && (left..right).contains(&column);
                assert_eq!(pixel[0] == 255, inside, "{orientation:?} {row} {column}");
            }
            assert!(right <= wide && bottom <= high);
        }
    }
}

//! Where a tile's rows come from: the windows of an image, never copied into a matrix.
use crate::Window;

/// The left side of the product. Row p is the window of output pixel p, its values in the order
/// (KH, KW, C); they are read in place.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The input's rows from `first_row` on, `[rows, W, C]`.
    pub input: &'a [f32],
    /// The image's row that `input` starts with.
    pub first_row: usize,
    /// Zeros, at least KW * C, read in place of the padding.
    pub zeros: &'a [f32],
    pub window: &'a Window,
    /// C
    pub channels: usize,
    /// Whether row p is simply the p-th run of C values of `input`: a 1x1 window, stride 1, no
    /// padding.
    pub flat: bool,
}

impl Window {
    /// Whether each output pixel sees just the input pixel of the same place.
    pub(crate) fn is_pointwise(&self) -> bool {
        (self.kernel_height, self.kernel_width) == (1, 1)
            && (self.stride_height, self.stride_width) == (1, 1)
            && (self.pad_top, self.pad_left) == (0, 0)
            && (self.in_height, self.in_width) == (self.out_height, self.out_width)
    }

    /// The input rows that these output rows see.
    pub fn input_rows(&self, rows: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let start = (rows.start * self.stride_height).saturating_sub(self.pad_top);
        let end = if rows.is_empty() {
            start
        } else {
            ((rows.end - 1) * self.stride_height + self.kernel_height).saturating_sub(self.pad_top)
        };
        start.min(self.in_height)..end.min(self.in_height).max(start.min(self.in_height))
    }
}

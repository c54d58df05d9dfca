//! How a convolution or a pooling slides over one image.
use std::ops::Range;

/// The geometry of a sliding window over one NHWC image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows of the input, H.
    pub in_height: usize,
    /// Columns of the input, W.
    pub in_width: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
    /// KH
    pub kernel_height: usize,
    /// KW
    pub kernel_width: usize,
    /// Rows from one window to the next.
    pub stride_height: usize,
    /// Columns from one window to the next.
    pub stride_width: usize,
    /// Rows of padding above (what lies below and at the right follows from the output's size).
    pub pad_top: usize,
    /// Columns of padding at the left.
    pub pad_left: usize,
}

impl Window {
    /// The window of a convolution or a pooling: sizes, kernel and stride are `[vertical,
    /// horizontal]`, the padding `[before, after]` for rows and for columns.
    ///
    /// # Panics
    /// Where the kernel is larger than the padded image, or a stride is 0.
    pub fn new(
        size: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        pad_rows: [usize; 2],
        pad_columns: [usize; 2],
    ) -> Self {
        Window {
            in_height: size[0],
            in_width: size[1],
            out_height: (size[0] + pad_rows[0] + pad_rows[1] - kernel[0]) / stride[0] + 1,
            out_width: (size[1] + pad_columns[0] + pad_columns[1] - kernel[1]) / stride[1] + 1,
            kernel_height: kernel[0],
            kernel_width: kernel[1],
            stride_height: stride[0],
            stride_width: stride[1],
            pad_top: pad_rows[0],
            pad_left: pad_columns[0],
        }
    }

    /// The rows and the columns of the input that the output's pixel (`row`, `column`) sees: its window
    /// without the padding.
    #[inline(always)]
    pub(crate) fn seen(&self, row: usize, column: usize) -> [Range<usize>; 2] {
        let axis = |at: usize, stride: usize, kernel: usize, pad: usize, size: usize| {
            let first = (at * stride).saturating_sub(pad);
            first
                ..(at * stride + kernel)
                    .saturating_sub(pad)
                    .min(size)
                    .max(first)
        };
        [
            axis(
                row,
                self.stride_height,
                self.kernel_height,
                self.pad_top,
                self.in_height,
            ),
            axis(
                column,
                self.stride_width,
                self.kernel_width,
                self.pad_left,
                self.in_width,
            ),
        ]
    }

    /// The input's row under row `i` of the kernel at the output's row `y`; none in the padding.
    #[inline]
    pub fn input_row(&self, y: usize, i: usize) -> Option<usize> {
        (y * self.stride_height + i)
            .checked_sub(self.pad_top)
            .filter(|&row| row < self.in_height)
    }

    /// The input's column under column `j` of the kernel at the output's column `x`; none in the
    /// padding.
    #[inline]
    pub fn input_column(&self, x: usize, j: usize) -> Option<usize> {
        let column = (x * self.stride_width + j).checked_sub(self.pad_left);
        column.filter(|&column| column < self.in_width)
    }
}

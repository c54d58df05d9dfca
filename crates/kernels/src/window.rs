//! How a convolution or a pooling slides over one image.

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

//! Pooling: the largest or the mean of each window, and the mean of the whole image.
pub mod reference;

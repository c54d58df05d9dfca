//! Values moved, not changed: zero padding, cropping, concatenation along the channels.
pub mod reference;

//! The backbones: for each its builder, its weight names and its input, one file each.

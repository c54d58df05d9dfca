//! From a photo's bytes to the network's input: decode, orient, resize, scale.

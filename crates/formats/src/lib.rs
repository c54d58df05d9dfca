//! Bytes to named tensors and back: safetensors, PyTorch, Keras. Knows no backbone.

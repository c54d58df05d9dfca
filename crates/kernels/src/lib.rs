//! The numeric kernels: the readable references, and the fast ones behind safe functions.

//! Which kernels a plan runs on.
use kernels::Isa;

/// Which kernels the steps run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// The fast ones, with these instructions.
    Fast(Isa),
    /// The readable ones, slow and the truth for the others.
    Readable,
}

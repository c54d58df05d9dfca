//! `museau bench infer`: the time of a network on this machine, and of each of its steps.

//! The binary `museau`: arguments, printing, wiring.
fn main() {}

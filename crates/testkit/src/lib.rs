//! For tests only: tolerances, formula weights, golden files, the folders of photos and weights, how
//! texts are written.

mod damage;
mod error;
mod formula;
mod golden;
mod typography;

pub use damage::{damage, spread};
pub use error::{gradient_error, relative_error};
pub use formula::{formula_parameters, formula_values};
pub use golden::{golden, golden_f32, test_data, weights_file};
pub use typography::{french_faults, placeholders};

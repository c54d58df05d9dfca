//! For tests only: tolerances, formula weights, golden files, the folder of test photos.

//! The project's chores, run as `cargo xtask NAME`: the tests with all that they need, and tidiness.

mod parity;
mod terms;
mod test;
mod tidy;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const HELP: &str = "\
cargo xtask NAME
  tidy    checks the arrows between crates, the first line of each file, where unsafe code may be and
          files are written
  test    runs every test, the browser's and the notebook's included, and installs what they need
          (--no-browser leaves those two out)
  parity  compares the networks with Keras and PyTorch, which it installs into target/parity
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = root()?;
    match arguments.first().map(String::as_str) {
        Some("tidy") => tidy::run(&root),
        Some("test") => test::run(&root, !arguments.iter().any(|a| a == "--no-browser")),
        Some("parity") => parity::run(&root),
        Some("help" | "--help") | None => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("no chore is called {other}\n{HELP}"),
    }
}

/// The workspace's root: the folder above this crate.
fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest
        .parent()
        .context("xtask stands in the workspace's root")?
        .to_path_buf())
}

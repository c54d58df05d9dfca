//! `cargo xtask test`: every test of the project in one command, with what it needs installed first.
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs tidiness, formatting, lints, the documentation, the compiler over the fuzz targets, the Rust
/// tests and, where `browser` is set, the browser's and the notebook's.
pub fn run(root: &Path, browser: bool) -> Result<()> {
    if browser {
        need(
            &["node", "--version"],
            &["nodejs", "npm"],
            "Node.js 20 or later, from https://nodejs.org",
        )?;
        need(
            &["chromium", "--version"],
            &["chromium"],
            "Chromium, from https://www.chromium.org",
        )?;
        need(
            &["python3", "-c", "import venv, ensurepip"],
            &["python3", "python3-venv"],
            "Python 3.9 or later with venv and pip, from https://www.python.org",
        )?;
    }
    crate::tidy::run(root)?;
    step(root, "cargo", &["fmt", "--all", "--check"])?;
    let lint = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ];
    step(root, "cargo", &lint)?;
    let document = ["doc", "--workspace", "--no-deps", "--quiet"];
    step_with(root, "cargo", &document, &[("RUSTDOCFLAGS", "-D warnings")])?;
    // libFuzzer is built by what Unix systems have.
    if cfg!(unix) {
        let fuzz = ["check", "--quiet", "--bins", "--examples"];
        step(&root.join("fuzz"), "cargo", &fuzz)?;
    }
    step(root, "cargo", &["test", "--workspace", "--no-fail-fast"])?;
    if browser {
        step(root, "cargo", &["build", "--release"])?;
        step(root, "node", &["tests/browser/run.mjs"])?;
        step(root, "python3", &["tests/notebook/run.py"])?;
        step(root, "python3", &["tests/search/run.py"])?;
    }
    Ok(())
}

/// Installs what a command needs by Debian's packages where it fails and that is possible; otherwise
/// says what to install.
fn need(command: &[&str], packages: &[&str], elsewhere: &str) -> Result<()> {
    if answers(command) {
        return Ok(());
    }
    let by_hand = format!(
        "the tests of the browser and the notebook need {elsewhere}; `cargo xtask test --no-browser` \
         leaves them out"
    );
    if !answers(&["apt-get", "--version"]) {
        bail!("{by_hand}");
    }
    for arguments in [
        vec!["update", "-q"],
        [&["install", "-y", "-q"], packages].concat(),
    ] {
        let done = Command::new("apt-get")
            .args(&arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status();
        if !done.is_ok_and(|status| status.success()) {
            bail!(
                "apt-get {} failed (it wants root): {by_hand}",
                arguments.join(" ")
            );
        }
    }
    Ok(())
}

fn answers(command: &[&str]) -> bool {
    Command::new(command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn step(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    step_with(folder, program, arguments, &[])
}

/// Runs a program in a folder, with these variables of the environment besides.
fn step_with(
    folder: &Path,
    program: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result<()> {
    eprintln!("== {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .status()
        .with_context(|| format!("could not start {program}"))?;
    if !status.success() {
        bail!("{program} {} failed: {status}", arguments.join(" "));
    }
    Ok(())
}

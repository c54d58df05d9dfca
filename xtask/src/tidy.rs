//! `cargo xtask tidy`: what the compiler does not check about the house.
//!
//! The arrows between crates are written here once; a manifest that uses another crate fails. Every
//! Rust file opens with a `//!` line; unsafe code and `core::arch` stand only where they may;
//! `anyhow` only in the two crates at the edge; no tracked file is over 10 MB but the model.
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `A -> B`: A may use B, and whatever B's arrows reach.
const ARROWS: &[(&str, &[&str])] = &[
    ("tensor", &[]),
    ("words", &[]),
    ("report", &[]),
    ("study", &[]),
    ("kernels", &["tensor"]),
    ("graph", &["tensor"]),
    ("zoo", &["graph"]),
    ("formats", &["graph"]),
    ("engine", &["kernels", "graph"]),
    ("vision", &["kernels", "graph", "words"]),
    ("data", &["vision", "report", "words"]),
    ("classify", &["engine", "vision", "formats", "words", "zoo"]),
    ("train", &["engine", "data", "zoo", "classify"]),
    ("register", &["words"]),
    ("web", &["classify", "study", "register", "data", "report"]),
    ("testkit", &["tensor"]),
    (
        "cli",
        &[
            "web", "classify", "train", "data", "study", "register", "zoo", "formats", "report",
        ],
    ),
];

/// Crates that may hold unsafe code and intrinsics.
const MAY_BE_UNSAFE: &[&str] = &["kernels", "tensor"];

/// Crates that may use `anyhow`.
const MAY_USE_ANYHOW: &[&str] = &["cli", "web", "xtask"];

/// The only file that may be larger than [`LARGEST_FILE`].
const MODEL: &str = "crates/cli/model/default.museau";

/// Bytes.
const LARGEST_FILE: u64 = 10_000_000;

/// Checks everything and fails with the whole list of what is wrong.
pub fn run(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    arrows(root, &mut faults)?;
    for file in tracked(root)? {
        let path = root.join(&file);
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.len() > LARGEST_FILE && file != MODEL {
            faults.push(format!(
                "{file}: {} bytes, more than {LARGEST_FILE}",
                metadata.len()
            ));
        }
        if file.ends_with(".rs") {
            let text = fs::read_to_string(&path).with_context(|| file.clone())?;
            source(&file, &text, &mut faults);
        }
    }
    if faults.is_empty() {
        println!("tidy: nothing to mend");
        return Ok(());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    bail!("{} things to mend", faults.len());
}

fn source(file: &str, text: &str, faults: &mut Vec<String>) {
    let first = text
        .lines()
        .find(|line| !line.starts_with("#!"))
        .unwrap_or_default();
    if !first.starts_with("//! ") || first.trim_end().len() < 12 {
        faults.push(format!(
            "{file}: the first line must say what the file is for (`//! ...`)"
        ));
    }
    let owner = owner(file);
    let may_be_unsafe = MAY_BE_UNSAFE.contains(&owner);
    for (number, line) in text.lines().enumerate() {
        let code = code(line);
        let code = code.as_str();
        let place = format!("{file}:{}", number + 1);
        if !may_be_unsafe && owner != "xtask" {
            if has_word(code, "unsafe") {
                faults.push(format!(
                    "{place}: unsafe code stands only in {MAY_BE_UNSAFE:?}"
                ));
            }
            if code.contains("core::arch") || code.contains("std::arch") {
                faults.push(format!(
                    "{place}: intrinsics stand only in {MAY_BE_UNSAFE:?}"
                ));
            }
        }
        if has_word(code, "anyhow") && !MAY_USE_ANYHOW.contains(&owner) {
            faults.push(format!(
                "{place}: anyhow is for {MAY_USE_ANYHOW:?}; a library has its error"
            ));
        }
    }
}

/// A line without its comment and without what its strings say.
fn code(line: &str) -> String {
    let line = line.split("//").next().unwrap_or_default();
    line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// The crate that a file belongs to.
fn owner(file: &str) -> &str {
    let mut parts = file.split('/');
    match parts.next() {
        Some("crates") => parts.next().unwrap_or_default(),
        Some(first) => first,
        None => "",
    }
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|part| part == word)
}

/// Compares the manifests with [`ARROWS`].
fn arrows(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(from, _)| (*from, reach(from)))
        .collect();
    for (from, to) in &allowed {
        if to.contains(from) {
            faults.push(format!("the arrows make a circle through {from}"));
        }
    }
    let mut folders: Vec<PathBuf> = fs::read_dir(root.join("crates"))?
        .map(|e| Ok(e?.path()))
        .collect::<Result<_>>()?;
    folders.sort();
    for folder in folders {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some(allowed) = allowed.get(name.as_str()) else {
            faults.push(format!("crates/{name}: not in the list of arrows"));
            continue;
        };
        let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml"))?.parse()?;
        for used in dependencies(&manifest, "dependencies") {
            let ours = ARROWS.iter().any(|(crate_name, _)| *crate_name == used);
            if ours && !allowed.contains(used.as_str()) {
                faults.push(format!("crates/{name} uses {used}: no arrow allows it"));
            }
            if used == "testkit" {
                faults.push(format!(
                    "crates/{name}: testkit is for tests (dev-dependencies)"
                ));
            }
        }
    }
    Ok(())
}

fn dependencies(manifest: &toml::Table, table: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |table: Option<&toml::Value>| {
        if let Some(table) = table.and_then(toml::Value::as_table) {
            names.extend(table.keys().cloned());
        }
    };
    add(manifest.get(table));
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        for target in targets.values() {
            add(target.get(table));
        }
    }
    names
}

/// All that an arrow from `from` leads to, over any number of steps.
fn reach(from: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let Some((_, targets)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else {
            continue;
        };
        for &target in *targets {
            if reached.insert(target) {
                open.push(target);
            }
        }
    }
    reached
}

/// The files that git tracks, relative to the root.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("git lists the tracked files")?;
    let text = String::from_utf8(output.stdout).context("paths are UTF-8")?;
    Ok(text
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_have_no_circle_and_reach_over_steps() {
        for (from, targets) in ARROWS {
            assert!(!reach(from).contains(from), "{from}");
            for target in *targets {
                assert!(ARROWS.iter().any(|(name, _)| name == target), "{target}");
            }
        }
        assert!(reach("vision").contains("tensor"));
    }

    #[test]
    fn finds_what_is_wrong_in_a_file() {
        let mut faults = Vec::new();
        source(
            "crates/graph/src/a.rs",
            "use x;\nunsafe { f() }\nuse core::arch::x;\n",
            &mut faults,
        );
        source(
            "crates/graph/src/b.rs",
            "//! Says what it is for.\nuse anyhow::Result;\n",
            &mut faults,
        );
        assert_eq!(faults.len(), 4, "{faults:?}");
        faults.clear();
        source(
            "crates/kernels/src/a.rs",
            "//! Says what it is for.\nunsafe {}\n",
            &mut faults,
        );
        source(
            "crates/web/src/a.rs",
            "//! Not unsafe, with anyhow.\nuse anyhow::Result;",
            &mut faults,
        );
        assert!(faults.is_empty(), "{faults:?}");
    }
}

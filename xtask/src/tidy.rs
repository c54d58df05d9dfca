//! `cargo xtask tidy`: what the compiler does not check about the house.
//!
//! The arrows between crates are written here once; a manifest that uses another crate fails. Every
//! Rust file opens with a `//!` line; unsafe code and `core::arch` stand only where they may;
//! `anyhow` only in the two crates at the edge; files are written, moved and removed in one module and
//! opened to be read in another; no tracked file is over 10 MB but the model.
use crate::terms;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `A -> B`: A may use B, and whatever B's arrows reach.
const ARROWS: &[(&str, &[&str])] = &[
    ("tensor", &[]),
    ("words", &[]),
    ("report", &["words"]),
    ("study", &["tensor"]),
    ("kernels", &["tensor"]),
    ("graph", &["tensor"]),
    ("zoo", &["graph"]),
    ("formats", &["graph"]),
    ("engine", &["kernels", "graph"]),
    ("vision", &["kernels", "graph"]),
    ("data", &["vision", "report", "words"]),
    ("package", &["formats", "graph", "words"]),
    ("classify", &["engine", "vision", "package", "words"]),
    ("train", &["engine", "data", "zoo", "classify", "package"]),
    ("web", &["classify", "data"]),
    ("testkit", &["tensor"]),
    (
        "cli",
        &[
            "web", "classify", "package", "train", "data", "study", "zoo", "formats", "report",
        ],
    ),
];

/// The crate that every other may use in its tests.
const TEST_KIT: &str = "testkit";

/// Crates that may hold unsafe code and intrinsics.
const MAY_BE_UNSAFE: &[&str] = &["kernels", "tensor"];

/// Crates that may use `anyhow`.
const MAY_USE_ANYHOW: &[&str] = &["cli", "web", "xtask", "fuzz"];

/// Where files are written, moved and removed, and why beside the one module.
const MAY_WRITE: &[(&str, &str)] = &[
    ("crates/data/src/files/", "the one writer"),
    (
        "crates/study/src/storage/sqlite/",
        "the folder of SQLite's own file",
    ),
];

/// Words that only stand where a file, a folder or what is known of one is changed.
const WRITES: &[&str] = &[
    "create_dir",
    "create_dir_all",
    "hard_link",
    "remove_dir",
    "remove_dir_all",
    "remove_file",
    "set_len",
    "set_modified",
    "set_permissions",
    "set_times",
    "symlink",
    "symlink_dir",
    "symlink_file",
    "tempfile",
    "NamedTempFile",
    "DirBuilder",
    // Of libraries that open a file themselves.
    "generate_to",
    "new_file",
];

/// The same that mean something else in other places, with what must stand before them.
const WRITES_OF: &[&str] = &[
    "fs::copy",
    "fs::rename",
    "fs::write",
    "fs::OpenOptions",
    "File::create",
    "File::create_buffered",
    "File::create_new",
    "File::options",
    "OpenOptions::new",
    "Writer::from_path",
];

/// Where files are opened to be read, and why beside the one opener.
const MAY_READ: &[(&str, &str)] = &[
    ("crates/tensor/src/regular_file.rs", "the one opener"),
    (
        "crates/tensor/src/memory.rs",
        "files of the kernel, which the opener asks",
    ),
    (
        "crates/data/src/files/",
        "folders, which are brought to the disk",
    ),
    (
        "crates/study/src/recorder.rs",
        "looks at what it is itself, since `study` stands on nothing",
    ),
];

/// Names of paths by which a file is opened to be read without a look at what it is: a pipe is waited for
/// without end.
const READS_OF: &[&str] = &[
    "fs::read",
    "fs::read_to_string",
    "File::open",
    "File::open_buffered",
    "Reader::from_path",
];

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
        if terms::read_by_people(&file)
            && let Ok(text) = fs::read_to_string(&path)
        {
            for (number, line) in text.lines().enumerate() {
                for (word, instead) in terms::replaced(&file, line) {
                    let place = format!("{file}:{}", number + 1);
                    faults.push(format!("{place}: `{word}`; write: {instead}"));
                }
            }
        }
        if file.ends_with(".rs") {
            let text = fs::read_to_string(&path).with_context(|| file.clone())?;
            source(&file, &text, &mut faults);
            for access in [WRITE, READ] {
                files(&access, &file, &text, &mut faults);
            }
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

/// A way of using files that stands in a few places alone.
struct Access {
    places: &'static [(&'static str, &'static str)],
    /// Words by which it is known.
    words: &'static [&'static str],
    /// Paths by which it is known.
    paths: &'static [&'static str],
    /// Names that are not imported from `std::fs`.
    imports: &'static [&'static str],
    rule: &'static str,
}

const WRITE: Access = Access {
    places: MAY_WRITE,
    words: WRITES,
    paths: WRITES_OF,
    imports: &["copy", "rename", "write", "OpenOptions", "*"],
    rule: "files are written, moved and removed in `data::files` alone",
};

const READ: Access = Access {
    places: MAY_READ,
    words: &[],
    paths: READS_OF,
    imports: &["read", "read_to_string"],
    rule: "files are opened by `tensor::open_regular` and its like alone",
};

/// Finds what changes or opens files elsewhere. Tests may, as may examples and the chores.
fn files(access: &Access, file: &str, text: &str, faults: &mut Vec<String>) {
    let of_product = file.starts_with("crates/") && file.contains("/src/");
    let is_test = file.ends_with("/tests.rs") || owner(file) == "testkit";
    let allowed = access
        .places
        .iter()
        .any(|(place, _)| file.starts_with(place));
    if !of_product || is_test || allowed {
        return;
    }
    // A list of imports stands on several lines.
    let mut imports = None;
    for (number, line) in text.lines().enumerate() {
        // Tests stand at the end of a file.
        let of_tests = ["#[cfg(test)]", "#[cfg(all(test, unix))]"].contains(&line.trim());
        if of_tests && is_module(text, number + 1) {
            return;
        }
        let code = code(line);
        let mut found: Vec<String> = access
            .words
            .iter()
            .filter(|word| has_word(&code, word))
            .map(|word| (*word).to_owned())
            .collect();
        found.extend(
            (access.paths.iter().filter(|path| has_path(&code, path)))
                .map(|path| (*path).to_owned()),
        );
        if code.contains("use std::fs") || code.contains("use tokio::fs") {
            imports = Some(());
        }
        if imports.is_some() {
            let renamed = has_word(&code, "as") && access.imports.contains(&"*");
            let one = access.imports.iter().find(|name| match **name {
                "*" => code.contains("::*"),
                name => has_word(&code, name),
            });
            found.extend(one.map(|name| format!("std::fs::{name}")));
            found.extend(renamed.then(|| "std::fs under another name".to_owned()));
            if code.contains(';') {
                imports = None;
            }
        }
        if let Some(what) = found.first() {
            let place = format!("{file}:{}", number + 1);
            faults.push(format!("{place}: `{what}`: {}", access.rule));
        }
    }
}

/// Whether a module begins behind so many lines, whatever attributes stand before it.
fn is_module(text: &str, lines: usize) -> bool {
    let mut rest = text.lines().skip(lines).map(str::trim);
    let first = rest.find(|line| !line.starts_with("#["));
    first.is_some_and(|line| has_word(line, "mod") && line.ends_with('{'))
}

/// Whether a path's names stand in a line, each a whole one.
fn has_path(code: &str, path: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path).any(|(at, _)| {
        !code[..at].ends_with(is_name) && !code[at + path.len()..].starts_with(is_name)
    })
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
        uses(&name, &manifest, allowed, faults);
    }
    Ok(())
}

/// Compares a manifest with what an arrow of its crate leads to. Tests may use the test kit besides, and
/// nothing that stands above their crate.
fn uses(name: &str, manifest: &toml::Table, allowed: &BTreeSet<&str>, faults: &mut Vec<String>) {
    for table in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let of_tests = table == "dev-dependencies";
        for used in dependencies(manifest, table) {
            let used = used.as_str();
            let ours = ARROWS.iter().any(|(crate_name, _)| *crate_name == used);
            let by_kit = of_tests && (used == TEST_KIT || reach(TEST_KIT).contains(used));
            if used == TEST_KIT && !of_tests {
                faults.push(format!(
                    "crates/{name}: {TEST_KIT} is for tests (dev-dependencies)"
                ));
            } else if ours && !by_kit && !allowed.contains(used) {
                let place = format!("crates/{name}, {table}");
                faults.push(format!("{place}: no arrow leads to {used}"));
            }
        }
    }
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
    fn finds_a_dependency_that_no_arrow_leads_to() {
        let found = |manifest: &str| {
            let mut faults = Vec::new();
            uses(
                "data",
                &manifest.parse().unwrap(),
                &reach("data"),
                &mut faults,
            );
            faults.len()
        };
        assert_eq!(
            found("[dependencies]\nvision = 1\ntensor = 1\nserde = 1"),
            0
        );
        assert_eq!(found("[dev-dependencies]\nvision = 1\ntestkit = 1"), 0);
        for table in [
            "dependencies",
            "build-dependencies",
            "dev-dependencies",
            "target.'cfg(unix)'.dependencies",
            "target.'cfg(unix)'.dev-dependencies",
        ] {
            assert_eq!(found(&format!("[{table}]\ntrain = 1")), 1, "{table}");
        }
        assert_eq!(found("[dependencies]\ntestkit = 1"), 1);
        assert_eq!(found("[target.'cfg(unix)'.dependencies]\ntestkit = 1"), 1);
    }

    #[test]
    fn finds_what_writes_moves_or_removes_files_elsewhere() {
        let planted = [
            "    std::fs::write(path, bytes)?;",
            "    fs::rename(&from, &to)?;",
            "let file = File::create(&path)?;",
            "let file = File::create_new(&path)?;",
            "    File::options().append(true).open(&path)?;",
            "    let options = OpenOptions::new();",
            "    let _ = std::fs::remove_file(path);",
            "use std::fs::{self, remove_dir_all};",
            "use std::fs::{File, write};",
            "use std::fs::{\n    File,\n    rename,\n};",
            "use std::fs::*;",
            "use std::fs as disk;",
            "    std::fs::create_dir_all(folder)?;",
            "    fs::hard_link(a, b)?;",
            "    std::os::unix::fs::symlink(a, b)?;",
            "    file.set_len(0)?;",
            "    let file = tempfile::NamedTempFile::new()?;",
            "    csv::Writer::from_path(path)?;",
            "    clap_mangen::generate_to(command, folder)?;",
            "    tokio::fs::write(path, bytes).await?;",
        ];
        let found = |file: &str, text: &str| {
            let mut faults = Vec::new();
            files(&WRITE, file, text, &mut faults);
            faults.len()
        };
        for line in planted {
            let text = format!("//! Says what it is for.\n{line}\n");
            assert_eq!(found("crates/cli/src/a.rs", &text), 1, "{line}");
            assert_eq!(found("crates/cli/src/data/a.rs", &text), 1, "{line}");
            for allowed in [
                "crates/data/src/files/a.rs",
                "crates/cli/tests/a.rs",
                "crates/train/src/run/tests.rs",
                "xtask/src/a.rs",
                "crates/vision/examples/a.rs",
            ] {
                assert_eq!(found(allowed, &text), 0, "{line}");
            }
            let tested =
                format!("//! A file.\nfn a() {{}}\n#[cfg(test)]\nmod tests {{\n{line}\n}}\n");
            assert_eq!(found("crates/cli/src/a.rs", &tested), 0, "{line}");
            let after = format!("//! A file.\n#[cfg(test)]\nmod tests;\n{line}\n");
            assert_eq!(found("crates/cli/src/a.rs", &after), 1, "{line}");
        }
        for line in [
            "use std::fs::{self, File};",
            "let options = OpenOptions { threads: 2, ..OpenOptions::default() };",
            "let bytes = std::fs::read(path)?; // never std::fs::write",
            "out.write(bytes)?; bar.set_length(all); slice.copy_from_slice(b);",
            "say(\"std::fs::write\");",
            "write!(out, \"x\")?;",
            "let at = text.rename(x); profile::create(x); MyFile::create(path)?;",
        ] {
            assert_eq!(found("crates/cli/src/a.rs", line), 0, "{line}");
        }
        for (place, why) in MAY_WRITE.iter().chain(MAY_READ) {
            assert!(place.starts_with("crates/") && !why.is_empty());
        }
    }

    #[test]
    fn finds_what_opens_files_to_read_elsewhere() {
        let found = |file: &str, text: &str| {
            let mut faults = Vec::new();
            files(&READ, file, text, &mut faults);
            faults.len()
        };
        for line in [
            "let bytes = std::fs::read(path)?;",
            "let text = fs::read_to_string(&path)?;",
            "let file = File::open(&path)?;",
            "let file = std::fs::File::open(path)?;",
            "use std::fs::{File, read_to_string};",
            "let reader = csv::Reader::from_path(path)?;",
            "let bytes = tokio::fs::read(path).await?;",
        ] {
            let text = format!("//! Says what it is for.\n{line}\n");
            assert_eq!(found("crates/cli/src/a.rs", &text), 1, "{line}");
            for allowed in ["crates/tensor/src/regular_file.rs", "crates/cli/tests/a.rs"] {
                assert_eq!(found(allowed, &text), 0, "{line}");
            }
        }
        for line in [
            "let map = MappedFile::open(path)?;",
            "let entries = std::fs::read_dir(folder)?;",
            "let bytes = tensor::read_regular(path, 4)?; // not fs::read(path)",
            "reader.read_to_string(&mut text)?;",
            "use std::fs::{File, Metadata};",
        ] {
            assert_eq!(found("crates/cli/src/a.rs", line), 0, "{line}");
        }
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

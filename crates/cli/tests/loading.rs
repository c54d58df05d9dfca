//! The cache of prepared photos and the preview, from outside: two processes at once, a full disk, a
//! process that is killed, and what is said.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A data set of the repository's photos in two classes, with a home of its own.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos");
        let mut count = 0;
        for file in fs::read_dir(photos).expect("photos") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|ending| ending == "jpg") {
                let class = folder.path().join("photos").join(["one", "two"][count % 2]);
                fs::create_dir_all(&class).expect("a folder");
                fs::copy(&path, class.join(path.file_name().expect("a name"))).expect("a copy");
                count += 1;
            }
        }
        assert!(count >= 4);
        World { folder }
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_museau"));
        command.args(arguments).env("MUSEAU_LANG", "en");
        command.env("MUSEAU_HOME", self.path("home"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// The finished caches.
    fn caches(&self) -> Vec<PathBuf> {
        self.cache_files("photos")
    }

    fn cache_files(&self, ending: &str) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.path("home/cache")) else {
            return Vec::new();
        };
        let files = files.map(|file| file.expect("a file").path());
        files
            .filter(|path| path.extension().is_some_and(|found| found == ending))
            .collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

const CACHED: [&str; 8] = [
    "bench", "data", "--cached", "--runs", "1", "--size", "64", "--quiet",
];

#[test]
fn two_processes_share_one_cache() {
    let world = World::new();
    let photos = world.path("photos");
    let arguments = [CACHED.as_slice(), &[photos.as_str()]].concat();
    let running: Vec<_> = (0..3)
        .map(|_| {
            let mut command = world.command(&arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("the binary starts")
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stdout).contains("photos/s"), "{output:?}");
    }
    assert_eq!(world.caches().len(), 1);
    assert!(world.cache_files("part").is_empty());
}

#[test]
fn a_process_that_is_killed_leaves_nothing_that_is_taken_for_whole() {
    let world = World::new();
    let photos = world.path("photos");
    // Larger pictures, so that it is killed in the middle now and then.
    let arguments = [
        "bench", "data", "--cached", "--runs", "1", "--size", "2000", "--quiet", &photos,
    ];
    for milliseconds in [5, 30, 80, 150] {
        let mut child = world.command(&arguments).spawn().expect("it starts");
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        child.kill().expect("it is killed or has ended");
        child.wait().expect("it ends");
    }
    let output = world.run(&arguments);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(world.caches().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let world = World::new();
    // A limit on the size of files stands for a full disk: the write fails likewise.
    let line = format!(
        "trap '' XFSZ; ulimit -f 8; exec '{}' bench data --cached --size 224 '{}'",
        env!("CARGO_BIN_EXE_museau"),
        world.path("photos")
    );
    let output = Command::new("sh")
        .args(["-c", &line])
        .env("MUSEAU_LANG", "en")
        .env("MUSEAU_HOME", world.path("home"))
        .output()
        .expect("a shell");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("could not be written"), "{said}");
    assert!(world.caches().is_empty() && world.cache_files("part").is_empty());
}

#[test]
fn a_preview_is_one_page_and_a_seed_decides_it() {
    let world = World::new();
    let (photos, page) = (world.path("photos"), world.path("preview.html"));
    let chain = "flip | rotate(15) | zoom(0.8,1.2) | trivial | mixup(0.4)";
    let make = |seed: &str| {
        let arguments = [
            "data",
            "preview",
            &photos,
            "--augment",
            chain,
            "-o",
            &page,
            "--photos",
            "4",
            "--epochs",
            "3",
            "--seed",
            seed,
        ];
        let output = world.run(&arguments);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(&output.stdout).trim(), page);
        fs::read_to_string(&page).expect("a page")
    };
    let html = make("1");
    assert_eq!(html.matches("<img").count(), 4 * 4);
    assert!(html.contains("rotate(15)") && html.contains("epoch 2"));
    assert!(!html.contains("src=\"http") && !html.contains("<script"));
    assert_eq!(html, make("1"));
    assert_ne!(html, make("2"));
}

#[test]
fn a_wrong_chain_is_wrong_usage_and_says_where() {
    let world = World::new();
    let (photos, page) = (world.path("photos"), world.path("preview.html"));
    for (chain, language, said) in [
        (
            "flip | rotaet(15)",
            "en",
            "Character 8: unknown step ‘rotaet’",
        ),
        ("flip | rotaet(15)", "fr", "rotate"),
        ("rotate(999)", "en", "0 to 180"),
        ("flip |", "en", "Character 7"),
    ] {
        let arguments = ["data", "preview", &photos, "--augment", chain, "-o", &page];
        let output = world
            .command(&arguments)
            .args(["--lang", language])
            .output();
        let output = output.expect("the binary starts");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(said), "{stderr}");
    }
    assert!(!Path::new(&page).exists());
    fs::create_dir(world.path("empty")).expect("a folder");
    let empty = world.path("empty");
    let output = world.run(&["data", "preview", &empty, "--augment", "flip", "-o", &page]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let output = world.run(&[CACHED.as_slice(), &[empty.as_str()]].concat());
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

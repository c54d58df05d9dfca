//! Fetching from a server on this machine that breaks, stalls, lies and serves wrong bytes.
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// How a server answers its next request; the last one is kept to.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Right,
    /// Without regard to the range that is asked for.
    Whole,
    /// So many bytes of what was promised, then the end.
    BreakAfter(usize),
    /// So many bytes, then silence.
    StallAfter(usize),
    /// This status, and no body.
    Status(&'static str),
    /// A content length that is not the archive's.
    Length(usize),
    /// The right length, other bytes.
    Wrong,
    /// The bytes of another range than the one asked for.
    OtherRange,
    /// To another address.
    Redirect,
    /// All, and no word of how much that is.
    NoLength,
    /// A page, which is no archive.
    Page,
}

const PAGE: &[u8] = b"<!doctype html><title>Log in</title>";

/// A server of `archive.tar`; counts what it was asked.
struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
}

fn body() -> Vec<u8> {
    (0..300_000u32)
        .map(|index| (index * 7 % 251) as u8)
        .collect()
}

fn archive() -> Archive {
    let digest = Sha256::digest(body());
    let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Archive::new("archive.tar", body().len() as u64, hexadecimal.leak())
}

/// The same, of which less is known.
fn scarcely_known(checksum: bool) -> Archive {
    let digest = Md5::digest(body());
    let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Archive {
        bytes: None,
        checksum: match checksum {
            true => Checksum::Md5(hexadecimal.leak()),
            false => Checksum::Unknown,
        },
        ..archive()
    }
}

impl Server {
    fn start(answers: &[Answer]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/sets/", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (answers.to_vec(), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let place = count.fetch_add(1, Ordering::SeqCst);
                let answer = answers[place.min(answers.len() - 1)];
                std::thread::spawn(move || drop(serve(stream.unwrap(), answer)));
            }
        });
        Server { address, asked }
    }

    fn origin(&self) -> Origin {
        Origin::Address(self.address.clone())
    }
}

fn serve(mut stream: TcpStream, answer: Answer) -> io::Result<()> {
    let mut start = 0;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let path = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        let line = line?.to_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    let body = body();
    let all = body.len();
    let (status, from, sent, length) = match answer {
        Answer::Right => ("206", start, all - start, all - start),
        Answer::Whole => ("200 OK", 0, all, all),
        Answer::BreakAfter(bytes) | Answer::StallAfter(bytes) => {
            ("206", start, bytes.min(all - start), all - start)
        }
        Answer::Status(status) => (status, 0, 0, 0),
        Answer::Length(length) => ("200 OK", 0, length.min(all), length),
        Answer::Wrong | Answer::NoLength => ("200 OK", 0, all, all),
        Answer::Page => ("200 OK", 0, 0, PAGE.len()),
        Answer::OtherRange => ("206", 0, all, all),
        Answer::Redirect if path.contains("moved") => ("206", start, all - start, all - start),
        Answer::Redirect => ("302 Found", 0, 0, 0),
    };
    let status = match status {
        "206" if start == 0 => "200 OK",
        "206" => "206 Partial Content",
        other => other,
    };
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    if !matches!(answer, Answer::NoLength) {
        head += &format!("Content-Length: {length}\r\n");
    }
    if status.starts_with("206") {
        head += &format!("Content-Range: bytes {from}-{}/{all}\r\n", all - 1);
    }
    if status.starts_with("302") {
        head += "Location: /moved/archive.tar\r\n";
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let mut bytes = body[from..from + sent].to_vec();
    if matches!(answer, Answer::Wrong) {
        bytes[123] ^= 1;
    }
    if matches!(answer, Answer::Page) {
        bytes = PAGE.to_vec();
    }
    stream.write_all(&bytes)?;
    if matches!(answer, Answer::StallAfter(_)) {
        std::thread::sleep(Duration::from_secs(3));
    }
    stream.shutdown(Shutdown::Both)
}

fn patience() -> Patience {
    Patience {
        silence: Duration::from_millis(500),
        tries: 2,
        pause: Duration::from_millis(5),
    }
}

fn run(origin: &Origin, folder: &Path) -> Result<Fetched, FetchError> {
    fetch(&archive(), origin, folder, &patience(), &|_| {})
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Fetches through these answers; the archive must be whole at the end.
fn through(answers: &[Answer]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(answers);
    let fetched = run(&server.origin(), folder.path()).unwrap();
    assert!(!fetched.was_there);
    assert_eq!(fs::read(&fetched.path).unwrap(), body());
    assert_eq!(names(folder.path()), ["archive.tar"]);
    let asked = server.asked.load(Ordering::SeqCst);
    // A second run asks nobody.
    assert!(run(&server.origin(), folder.path()).unwrap().was_there);
    assert_eq!(server.asked.load(Ordering::SeqCst), asked);
    asked
}

#[test]
fn it_arrives_whole_through_breaks_and_stalls() {
    assert_eq!(through(&[Answer::Right]), 1);
    assert_eq!(through(&[Answer::BreakAfter(1000); 3]), 300);
    let twice = [Answer::BreakAfter(100_000), Answer::StallAfter(50_000)];
    assert_eq!(through(&[twice[0], twice[1], Answer::Right]), 3);
    // A server that knows no ranges starts over; one that is busy is asked again.
    assert_eq!(through(&[Answer::BreakAfter(9), Answer::Whole]), 2);
    assert_eq!(through(&[Answer::Status("503 Busy"), Answer::Right]), 2);
    let busy = Answer::Status("429 Slow down");
    assert_eq!(through(&[Answer::BreakAfter(9), busy, Answer::Right]), 3);
    // One that sends another range, or says that there is none, is asked for the whole.
    assert_eq!(
        through(&[Answer::BreakAfter(9), Answer::OtherRange, Answer::Right]),
        3
    );
    let none = Answer::Status("416 None");
    assert_eq!(through(&[Answer::BreakAfter(9), none, Answer::Right]), 3);
    assert_eq!(through(&[Answer::Redirect]), 2);
}

/// Where no length is published the other side's counts, and the checksum judges.
#[test]
fn an_archive_of_unknown_length_arrives_whole_and_nothing_else_does() {
    for (answers, checksum) in [
        (&[Answer::Right][..], true),
        (&[Answer::BreakAfter(1000), Answer::Right], true),
        (&[Answer::BreakAfter(1000), Answer::Right], false),
        (&[Answer::StallAfter(9), Answer::Whole], true),
        (&[Answer::NoLength], true),
        (&[Answer::NoLength], false),
        (&[Answer::Redirect], true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(answers);
        let archive = scarcely_known(checksum);
        let got = fetch(
            &archive,
            &server.origin(),
            folder.path(),
            &patience(),
            &|_| {},
        );
        assert_eq!(fs::read(got.unwrap().path).unwrap(), body(), "{answers:?}");
    }
    for answer in [Answer::Wrong, Answer::Length(299_999), Answer::Page] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&[answer]);
        let archive = scarcely_known(true);
        let error = fetch(
            &archive,
            &server.origin(),
            folder.path(),
            &patience(),
            &|_| {},
        );
        let error = error.unwrap_err();
        assert!(
            matches!(error, FetchError::WrongBytes { .. }),
            "{answer:?}: {error}"
        );
        assert!(names(folder.path()).is_empty(), "{answer:?}");
    }
    // The very file, of another name, and the address of one.
    let mirror = tempfile::tempdir().unwrap();
    let other = mirror.path().join("other name");
    fs::write(&other, body()).unwrap();
    let server = Server::start(&[Answer::Right]);
    let address = format!("{}other/name", server.address);
    for origin in [Origin::File(other), Origin::FileAddress(address)] {
        let folder = tempfile::tempdir().unwrap();
        let got = fetch(&archive(), &origin, folder.path(), &patience(), &|_| {});
        assert_eq!(fs::read(got.unwrap().path).unwrap(), body());
    }
    let folder = Origin::File(mirror.path().to_owned());
    let error = fetch(&archive(), &folder, mirror.path(), &patience(), &|_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    // More is promised than comes.
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[Answer::Length(400_000)]);
    let archive = scarcely_known(true);
    let error = fetch(
        &archive,
        &server.origin(),
        folder.path(),
        &patience(),
        &|_| {},
    );
    assert!(matches!(error.unwrap_err(), FetchError::Broken { .. }));
    // All has arrived, and the process ended before it knew.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("archive.tar.part"), body()).unwrap();
    let server = Server::start(&[Answer::Status("416 None"), Answer::Whole]);
    fetch(
        &archive,
        &server.origin(),
        folder.path(),
        &patience(),
        &|_| {},
    )
    .unwrap();
    assert_eq!(fs::read(folder.path().join("archive.tar")).unwrap(), body());
}

#[test]
fn what_is_not_the_archive_is_refused() {
    let cases: [(&[Answer], usize); 4] = [
        (&[Answer::Status("404 Not Found")], 1),
        (&[Answer::Length(299_999)], 1),
        (&[Answer::Length(400_000)], 1),
        (&[Answer::Wrong], 1),
    ];
    for (answers, asked) in cases {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(answers);
        let error = run(&server.origin(), folder.path()).unwrap_err();
        assert_eq!(
            std::mem::discriminant(&error),
            std::mem::discriminant(&match answers[0] {
                Answer::Status(_) => FetchError::Refused {
                    place: String::new(),
                    answer: String::new(),
                },
                Answer::Length(_) => FetchError::WrongLength {
                    place: String::new(),
                    found: 0,
                    wanted: 0,
                },
                _ => FetchError::WrongBytes {
                    place: String::new(),
                    found: String::new(),
                    wanted: String::new(),
                },
            }),
            "{error}"
        );
        for language in Language::ALL {
            assert!(error.message(language).contains("archive.tar"));
        }
        assert_eq!(server.asked.load(Ordering::SeqCst), asked, "{error}");
        assert!(!folder.path().join("archive.tar").exists());
        let right = Server::start(&[Answer::Right]);
        assert!(run(&right.origin(), folder.path()).is_ok(), "{error}");
    }
}

use words::{Language, Say};

#[test]
fn what_has_arrived_is_kept_for_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Server::start(&[Answer::BreakAfter(200_000), Answer::BreakAfter(0)]);
    let error = run(&broken.origin(), folder.path()).unwrap_err();
    assert!(
        matches!(
            &error,
            FetchError::Broken {
                arrived: 200_000,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["archive.tar.part"]);
    // The rest comes from a folder.
    let mirror = tempfile::tempdir().unwrap();
    let origin = Origin::Folder(mirror.path().to_owned());
    let missing = run(&origin, folder.path()).unwrap_err();
    assert!(matches!(missing, FetchError::Refused { .. }), "{missing}");
    fs::write(mirror.path().join("archive.tar"), body()).unwrap();
    run(&origin, folder.path()).unwrap();
    assert_eq!(fs::read(folder.path().join("archive.tar")).unwrap(), body());
}

#[test]
fn a_wrong_beginning_is_thrown_away() {
    for left in [vec![9; 1000], vec![9; 300_000], vec![9; 400_000]] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("archive.tar.part"), &left).unwrap();
        let server = Server::start(&[Answer::Right]);
        run(&server.origin(), folder.path()).unwrap();
        assert_eq!(fs::read(folder.path().join("archive.tar")).unwrap(), body());
    }
}

#[test]
fn a_file_of_the_name_that_is_another_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("archive.tar"), "mine").unwrap();
    let server = Server::start(&[Answer::Right]);
    let error = run(&server.origin(), folder.path()).unwrap_err();
    assert!(matches!(error, FetchError::WrongLength { .. }), "{error}");
    assert_eq!(
        fs::read(folder.path().join("archive.tar")).unwrap(),
        b"mine"
    );
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn two_at_once_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("archive.tar.part");
    let other = File::create(&part).unwrap();
    other.lock().unwrap();
    let server = Server::start(&[Answer::Right]);
    let error = run(&server.origin(), folder.path()).unwrap_err();
    assert!(matches!(error, FetchError::InUse { .. }), "{error}");
    drop(other);
    run(&server.origin(), folder.path()).unwrap();
}

#[test]
fn nobody_there_and_nowhere_to_write_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = run(&Origin::Address(address), folder.path()).unwrap_err();
    assert!(
        matches!(error, FetchError::Broken { arrived: 0, .. }),
        "{error}"
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let server = Server::start(&[Answer::Right]);
    let error = run(&server.origin(), &file).unwrap_err();
    assert!(matches!(error, FetchError::File { .. }), "{error}");
}

#[test]
fn the_published_archives_have_well_formed_checksums() {
    for source in SOURCES {
        assert!(source.address.starts_with("http") && !source.archives.is_empty());
        for archive in source.archives {
            let right = |character: char| matches!(character, '0'..='9' | 'a'..='f');
            let Checksum::Sha256(digits) = archive.checksum else {
                panic!("{} has no SHA-256", archive.name);
            };
            assert!(digits.len() == 64 && digits.chars().all(right));
            assert!(archive.bytes.is_some());
        }
    }
}

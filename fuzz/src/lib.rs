//! What the fuzz targets share: each parser of bytes that a stranger may send, with what follows it.
//!
//! Where a format carries a sum over its content (a package's hash, a zip's CRC, a tar's header
//! sums), it is made right here, since no mutation would ever get past it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};

use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use classify::{
    Answer, AnswerKind, BreedGuess, Classifier, Milliseconds, ModelName, OpenOptions,
};
use data::check::decisions::Decisions;
use data::{ImportOptions, Manifest, Predictions};
use graph::{Filter, Geometry, InputSpec, Scaling, View};
use package::Package;
use tower::ServiceExt;
use train::Recipe;
use vision::augment::{Augmentation, Draw, Stored};
use vision::filters::Pipeline;
use vision::{Format, Limits, Photo};

/// Runs a target. A panic that is caught inside, as those of the decoders' libraries are, is no
/// finding; one that comes out here ends the process, which the fuzzer takes for one.
fn guarded(run: impl FnOnce()) {
    static HOOK: Once = Once::new();
    static LAST: Mutex<String> = Mutex::new(String::new());
    // The fuzzer's own hook would end the process at a panic that is caught later.
    HOOK.call_once(|| {
        set_hook(Box::new(|about| {
            *LAST.lock().unwrap_or_else(PoisonError::into_inner) = about.to_string();
        }));
    });
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        eprintln!("{}", LAST.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }
}

/// Small, so that a header which asks for a large picture does not stop the search.
fn limits() -> Limits {
    Limits {
        pixels: 1_000_000,
        ..Limits::default()
    }
}

/// A network's input of few pixels: all geometries, mirrored too.
fn input(preprocessing: &str) -> InputSpec {
    let geometries = [
        Geometry::Stretch,
        Geometry::CenterCrop { fraction: 0.875 },
        Geometry::Letterbox { fill: 128 },
    ];
    InputSpec {
        height: 20,
        width: 24,
        filter: Filter::Bicubic,
        scaling: Scaling::uniform(0.0, 255.0),
        views: geometries
            .into_iter()
            .map(|geometry| View {
                geometry,
                mirrored: geometry == Geometry::Stretch,
            })
            .collect(),
        preprocessing: preprocessing.to_owned(),
    }
}

/// Decodes and prepares a photo of one format.
pub fn photo(bytes: &[u8], format: Format) {
    if Format::of(bytes).ok() != Some(format) {
        return;
    }
    guarded(|| {
        if let Ok(photo) = vision::decode(bytes, &limits()) {
            assert_eq!(photo.rgb().len(), photo.width() * photo.height() * 3);
            let views = vision::prepare(&input(""), &photo).expect("every photo can be prepared");
            assert!(views.values().iter().all(|value| value.is_finite()));
        }
    });
}

/// A safetensors file of a header's text, a zero byte, and the values.
fn assembled(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.iter().position(|&byte| byte == 0);
    let (header, values) = match end {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(values);
    file
}

/// The reverse of what the targets make of a safetensors file, for their seeds.
pub fn taken_apart(file: &[u8]) -> Vec<u8> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize;
    let mut bytes = rest[..length].to_vec();
    bytes.push(0);
    bytes.extend(&rest[length..]);
    bytes
}

/// Opens a model's package: a header's text, a zero byte, the values.
pub fn package(bytes: &[u8]) {
    const KEY: &[u8] = b"\"content_hash\":\"";
    const DIGITS: usize = 64;
    let mut file = assembled(bytes);
    let place = file.windows(KEY.len()).position(|part| part == KEY);
    if let Some(place) = place.map(|place| place + KEY.len())
        && file.len() >= place + DIGITS
    {
        file[place..place + DIGITS].fill(b'0');
        let hash = blake3::hash(&file).to_hex();
        file[place..place + DIGITS].copy_from_slice(hash.as_bytes());
    }
    guarded(|| {
        let Ok(package) = Package::read(&file) else {
            return;
        };
        let options = OpenOptions {
            memory_limit: Some(256_000_000),
            ..OpenOptions::default()
        };
        let _ = package.to_bytes();
        let _ = Classifier::from_package(package, &options);
    });
}

/// Reads safetensors: as a package's, or whole where it does not begin with a header.
pub fn safetensors(bytes: &[u8]) {
    let file = match bytes.first() {
        Some(b'{') => assembled(bytes),
        _ => bytes.to_vec(),
    };
    guarded(|| {
        let Ok((tensors, metadata)) = formats::read_safetensors(&file) else {
            return;
        };
        let written =
            formats::write_safetensors(&tensors, formats::Precision::F32, &metadata).unwrap();
        let (again, metadata_again) = formats::read_safetensors(&written).unwrap();
        assert!(again.keys().eq(tensors.keys()));
        assert_eq!(metadata_again, metadata);
    });
}

/// Reads Keras's legacy files.
pub fn keras(bytes: &[u8]) {
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        guarded(|| drop(formats::read(bytes)));
    }
}

/// Reads PyTorch's files; what begins with `Z` is a pickle that is put into an archive.
pub fn pytorch(bytes: &[u8]) {
    let file = match bytes {
        [b'Z', pickle @ ..] => archived(&[
            ("a/data.pkl", pickle),
            ("a/data/0", &[0; 64]),
            ("a/data/1", &[1; 64]),
            ("a/version", b"3\n"),
        ]),
        [b'P', b'K', 3, 4, ..] | [0x80, 2, ..] => bytes.to_vec(),
        _ => return,
    };
    guarded(|| drop(formats::read(&file)));
}

/// A zip of stored files.
fn archived(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let length = (content.len() as u32).to_le_bytes();
        // Time and date, then the sum and both lengths, then the name's length and no extra.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc32fast::hash(content).to_le_bytes());
        common.extend(length);
        common.extend(length);
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((zip.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        zip.extend(b"PK\x03\x04");
        zip.extend(common);
        zip.extend(name.as_bytes());
        zip.extend(*content);
    }
    let count = (files.len() as u16).to_le_bytes();
    let (at, length) = (zip.len() as u32, directory.len() as u32);
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count);
    zip.extend(count);
    zip.extend(length.to_le_bytes());
    zip.extend(at.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

/// A folder of this process's own, in memory where the system has one there.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let parent = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let folder = parent.join(format!("museau-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for files");
        folder
    });
    &FOLDER
}

/// Reads a table: `m`anifest, `p`redictions, `d`ecisions, or labels that are imported.
pub fn tables(bytes: &[u8]) {
    let [kind, table @ ..] = bytes else { return };
    let file = folder().join("table.csv");
    let again = folder().join("again.csv");
    fs::write(&file, table).expect("a file");
    guarded(|| match kind {
        b'm' => {
            let Ok(manifest) = Manifest::open(&file) else {
                return;
            };
            for entry in manifest.all_entries().iter().take(2) {
                let _ = manifest.read(entry);
            }
            manifest.save(&again).unwrap();
            let read = Manifest::open(&again).unwrap();
            assert_eq!(read.all_entries().len(), manifest.all_entries().len());
            let names = |manifest: &Manifest| -> Vec<String> {
                let classes = manifest.classes().iter();
                classes.map(|class| class.folder.clone()).collect()
            };
            assert_eq!(names(&read), names(&manifest));
        }
        b'p' => {
            if let Ok(table) = Predictions::open(&file) {
                table
                    .save_into(data::AtomicFile::create(&again).unwrap())
                    .unwrap();
                assert_eq!(Predictions::open(&again).unwrap(), table);
            }
        }
        b'd' => {
            if let Ok(decisions) = Decisions::open(&file) {
                decisions.save(&again).unwrap();
                let read = Decisions::open(&again).unwrap();
                assert_eq!(read.lines(), decisions.lines());
            }
        }
        _ => drop(data::import(&file, &ImportOptions::default(), &|_, _| {})),
    });
}

/// Imports a tar of photos.
pub fn tar(bytes: &[u8]) {
    let mut archive = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + 512) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&header[124..135]).unwrap_or_default();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        let Some(next) = size
            .checked_next_multiple_of(512)
            .and_then(|size| (at + 512).checked_add(size))
        else {
            break;
        };
        at = next;
    }
    let file = folder().join("photos.tar");
    fs::write(&file, archive).expect("a file");
    guarded(|| drop(data::import(&file, &ImportOptions::default(), &|_, _| {})));
}

/// Reads MATLAB's lists of names; what begins with `C` is one element, packed here.
pub fn matlab(bytes: &[u8]) {
    const COMPRESSED: u32 = 15;
    let file = match bytes {
        [b'C', element @ ..] => {
            let packed = miniz_oxide::deflate::compress_to_vec_zlib(element, 1);
            let mut file = vec![b' '; 124];
            file.extend([0x00, 0x01, b'I', b'M']);
            file.extend(COMPRESSED.to_le_bytes());
            file.extend((packed.len() as u32).to_le_bytes());
            file.extend(packed);
            file
        }
        _ => bytes.to_vec(),
    };
    guarded(|| drop(data::read_list(&file, "file_list")));
}

/// Reads a recipe, writes it and reads it again.
pub fn recipe(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    guarded(|| {
        if let Ok(recipe) = Recipe::parse(text) {
            let _ = recipe.schedule.build();
            let again = Recipe::parse(&recipe.text()).expect("what was written");
            assert_eq!(again.text(), recipe.text());
        }
    });
}

/// Reads classic steps and augmentations, and runs what can be read.
pub fn steps(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let rgb: Vec<u8> = (0..12 * 9 * 3).map(|n| (n * 37 % 251) as u8).collect();
    guarded(|| {
        if let Ok(pipeline) = text.parse::<Pipeline>() {
            let again: Pipeline = pipeline.to_string().parse().expect("what was written");
            assert_eq!(again.to_string(), pipeline.to_string());
            let photo = Photo::from_rgb(12, 9, rgb.clone());
            if vision::check(&input(text)).is_ok() {
                let views = vision::prepare(&input(text), &photo).expect("a small photo");
                assert!(views.values().iter().all(|value| value.is_finite()));
            }
        }
        if let Ok(augmentation) = Augmentation::parse(text) {
            let stored = Stored {
                rgb: &rgb,
                width: 12,
                height: 9,
            };
            let draw = Draw {
                seed: 1,
                epoch: 2,
                index: 3,
            };
            augmentation.apply(stored, draw, 8, &mut [0; 8 * 6 * 3]);
        }
    });
}

/// A model that says the same of every photo.
struct Double(ModelName);

impl web::Recognise for Double {
    fn recognise(
        &self,
        photos: &mut dyn Iterator<Item = Photo>,
        top: usize,
    ) -> anyhow::Result<Option<Answer>> {
        if photos.count() == 0 {
            return Ok(None);
        }
        let breed = BreedGuess {
            id: "beagle".into(),
            name: "Beagle".into(),
            name_fr: None,
            group: None,
            wild: false,
            probability: 1.0,
        };
        Ok(Some(Answer {
            answer: AnswerKind::Dog,
            dog_probability: 1.0,
            breeds: [breed].into_iter().take(top).collect(),
            breed_type: None,
            group: None,
            mixed: false,
            look_alikes: Vec::new(),
            notices: Vec::new(),
            quality: Vec::new(),
            model: self.0.clone(),
            milliseconds: Milliseconds::default(),
        }))
    }

    fn explain(&self, photo: &Photo) -> anyhow::Result<Option<Photo>> {
        Ok(Some(photo.clone()))
    }

    fn model(&self) -> &ModelName {
        &self.0
    }

    fn breeds(&self, _language: words::Language) -> Vec<&str> {
        vec!["Beagle"]
    }
}

/// Sends a form to the API and to the page: the content type on the first line, then the body.
pub fn upload(bytes: &[u8]) {
    static SERVER: LazyLock<(axum::Router, tokio::runtime::Runtime)> = LazyLock::new(|| {
        let model = Double(ModelName {
            name: "double".into(),
            version: "1".into(),
        });
        let apps = vec![web::apps::classify()];
        let mut options = web::Options::new(apps, Some(Arc::new(model)));
        options.compute_threads = 1;
        options.photos = limits();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        (web::router(options).expect("a router"), runtime)
    });
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let Some((kind, body)) = end.and_then(|end| bytes.split_at_checked(end)) else {
        return;
    };
    let Ok(kind) = HeaderValue::from_bytes(kind) else {
        return;
    };
    guarded(|| {
        let (router, runtime) = &*SERVER;
        for address in ["/api/v1/classify", "/"] {
            let request = Request::post(address)
                .header(header::HOST, "127.0.0.1:8000")
                .header(header::CONTENT_TYPE, kind.clone())
                .header(header::CONTENT_LENGTH, body.len() - 1)
                .body(Body::from(body[1..].to_vec()))
                .expect("a request");
            let answer = runtime.block_on(router.clone().oneshot(request));
            let status = answer.expect("the router answers all").status();
            assert_ne!(status, 500, "{address}");
        }
    });
}

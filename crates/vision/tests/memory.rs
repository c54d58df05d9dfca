//! What decoding takes at its peak, by an allocator that counts, against what it asked the budget for.
mod made;

use std::path::Path;

use graph::{Filter, Geometry, InputSpec, Scaling, View};
use made::Tiff;
use peak_alloc::PeakAlloc;
use vision::filters::Pipeline;
use vision::{Budget, DecodeError, Excess, Limits, Photo, decode_within, prepare, quality};

#[global_allocator]
static COUNTING: PeakAlloc = PeakAlloc;

/// Bytes that every decode asks for beside those of its pixels.
const BESIDE: u64 = 8 << 20;

/// What decoding asks for; `None` where it fails before.
fn asked(bytes: &[u8]) -> Option<u64> {
    let nothing = Budget::new(0);
    match decode_within(bytes, &Limits::default(), &nothing) {
        Err(DecodeError::TooLarge {
            what: Excess::Memory,
            found,
            ..
        }) => Some(found),
        _ => None,
    }
}

/// What decoding takes at its peak, and what its photo holds.
fn taken(bytes: &[u8], budget: &std::sync::Arc<Budget>) -> (u64, Option<u64>) {
    let before = COUNTING.current_usage();
    COUNTING.reset_peak_usage();
    let photo = decode_within(bytes, &Limits::default(), budget);
    let peak = COUNTING.peak_usage().saturating_sub(before) as u64;
    let held = photo.ok().map(|photo| {
        let held = COUNTING.current_usage().saturating_sub(before) as u64;
        assert!(photo.width() * photo.height() * 3 <= budget.taken());
        // A name or two is all that is not counted.
        assert!(held <= budget.taken() as u64 + (1 << 10), "{held}");
        held
    });
    assert_eq!(budget.taken(), 0);
    (peak, held)
}

const WIDTH: usize = 2000;
const HEIGHT: usize = 1500;

/// Large photos of every format that can be written here.
fn large() -> Vec<(&'static str, Vec<u8>)> {
    let of = |channels: usize| vec![90; WIDTH * HEIGHT * channels];
    let mut photos = Vec::new();
    let png = |color, depth: png::BitDepth, channels: usize, turned: bool| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, WIDTH as u32, HEIGHT as u32);
        encoder.set_color(color);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header().unwrap();
        if turned {
            writer.write_chunk(png::chunk::eXIf, &exif(6)).unwrap();
        }
        let samples = of(channels
            * if depth == png::BitDepth::Sixteen {
                2
            } else {
                1
            });
        writer.write_image_data(&samples).unwrap();
        writer.finish().unwrap();
        bytes
    };
    let (eight, sixteen) = (png::BitDepth::Eight, png::BitDepth::Sixteen);
    photos.push(("gray.png", png(png::ColorType::Grayscale, eight, 1, false)));
    photos.push((
        "gray turned.png",
        png(png::ColorType::Grayscale, eight, 1, true),
    ));
    photos.push((
        "gray alpha.png",
        png(png::ColorType::GrayscaleAlpha, sixteen, 2, false),
    ));
    photos.push(("rgb.png", png(png::ColorType::Rgb, eight, 3, false)));
    photos.push(("rgb turned.png", png(png::ColorType::Rgb, sixteen, 3, true)));
    photos.push(("rgba.png", png(png::ColorType::Rgba, eight, 4, false)));
    photos.push((
        "rgba turned.png",
        png(png::ColorType::Rgba, sixteen, 4, true),
    ));

    for (name, bits, samples, strips, photometric) in [
        ("gray.tif", 8, 1, 1, 1),
        ("bits.tif", 1, 1, 1, 0),
        ("rgb 16.tif", 16, 3, 1, 2),
        ("rgba 16.tif", 16, 4, 1, 2),
        ("rgba 16 in strips.tif", 16, 4, 30, 2),
        ("cmyk in strips.tif", 8, 4, 30, 5),
    ] {
        let row = (WIDTH * samples * bits).div_ceil(8);
        let rows = HEIGHT / strips;
        let depths = vec![bits as u32; samples];
        let size = (WIDTH as u32, HEIGHT as u32);
        let tiff = Tiff::new(size.0, size.1, photometric, &depths, vec![90; row * rows]);
        let mut tiff = tiff.with(made::ROWS, &[rows as u32]);
        tiff.parts = vec![tiff.parts[0].clone(); strips];
        photos.push((name, tiff.to_bytes()));
    }
    for (name, progressive, sampling, orientation) in [
        (
            "baseline.jpg",
            false,
            jpeg_encoder::SamplingFactor::F_2_2,
            1,
        ),
        ("turned.jpg", false, jpeg_encoder::SamplingFactor::F_2_2, 8),
        (
            "progressive.jpg",
            true,
            jpeg_encoder::SamplingFactor::F_1_1,
            1,
        ),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
        encoder.set_progressive(progressive);
        encoder.set_sampling_factor(sampling);
        encoder.add_exif_metadata(&exif(orientation)).unwrap();
        let (width, height) = (WIDTH as u16, HEIGHT as u16);
        encoder
            .encode(&of(3), width, height, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        photos.push((name, bytes.clone()));
        if !progressive {
            // Without its end marker.
            photos.push(("without end.jpg", bytes[..bytes.len() - 2].to_vec()));
        }
    }
    for (name, color, channels) in [
        ("rgb.webp", image_webp::ColorType::Rgb8, 3),
        ("rgba.webp", image_webp::ColorType::Rgba8, 4),
    ] {
        let mut bytes = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut bytes);
        encoder
            .encode(&of(channels), WIDTH as u32, HEIGHT as u32, color)
            .unwrap();
        photos.push((name, bytes));
    }
    for (name, part) in [("whole.gif", 0), ("part.gif", 8)] {
        let mut bytes = Vec::new();
        let (width, height) = (WIDTH as u16, HEIGHT as u16);
        let mut encoder =
            gif::Encoder::new(&mut bytes, width, height, &[0, 0, 0, 9, 9, 9]).unwrap();
        let (width, height) = (width - part, height - part);
        let pixels = vec![1; usize::from(width) * usize::from(height)];
        let frame = gif::Frame::from_indexed_pixels(width, height, pixels, None);
        encoder.write_frame(&frame).unwrap();
        drop(encoder);
        photos.push((name, bytes));
    }
    #[cfg(feature = "heic")]
    {
        let options = heifer::EncodeOptions {
            quality: 20,
            ..Default::default()
        };
        let (width, height) = (WIDTH as u32, HEIGHT as u32);
        photos.push((
            "rgb.heic",
            heifer::encode_rgb8(width, height, &of(3), &options).unwrap(),
        ));
        photos.push((
            "rgba.heic",
            heifer::encode_rgba8(width, height, &of(4), &options).unwrap(),
        ));
    }
    let mut bmp = b"BM".to_vec();
    let row = (WIDTH * 3).next_multiple_of(4);
    bmp.extend((54 + (row * HEIGHT) as u32).to_le_bytes());
    bmp.extend([0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0]);
    bmp.extend((WIDTH as u32).to_le_bytes());
    bmp.extend((HEIGHT as u32).to_le_bytes());
    bmp.extend([1, 0, 24, 0]);
    bmp.resize(54 + row * HEIGHT, 0);
    photos.push(("rgb.bmp", bmp));
    photos
}

/// A block of EXIF data with an orientation alone.
fn exif(orientation: u8) -> Vec<u8> {
    let head = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
    [&head[..], &[orientation], &[0; 7]].concat()
}

/// One test, so that nothing else allocates.
#[test]
fn decoding_takes_no_more_than_it_asks_for() {
    let budget = Budget::new(4 << 30);
    let mut wrong = Vec::new();
    let mut check = |name: &str, bytes: &[u8], beside: u64| {
        let Some(asked) = asked(bytes) else { return };
        let (peak, held) = taken(bytes, &budget);
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        println!(
            "{name}: asked for {:.1} MB, took {:.1} MB, holds {:.1} MB",
            megabytes(asked),
            megabytes(peak),
            megabytes(held.unwrap_or(0)),
        );
        if peak + beside > asked {
            wrong.push(format!("{name}: took {peak} of {asked} bytes"));
        }
    };
    for (name, bytes) in large() {
        // No profile: what is kept for one cannot make up for pixels that were not counted.
        check(name, &bytes, BESIDE * 3 / 4);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders = vec![golden.join("formats"), golden.join("heic")];
    match std::env::var_os("MUSEAU_TESTDATA") {
        Some(folder) => folders.push(Path::new(&folder).join("odd-files")),
        None => println!("left out: MUSEAU_TESTDATA names no folder with odd-files"),
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match std::fs::read(&path) {
                Ok(bytes) => check(&path.display().to_string(), &bytes, 0),
                Err(_) => folders.push(path),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    long_photos_take_little();
}

/// What is made of a photo of one row or column of pixels, as long as any may be, by every geometry.
fn long_photos_take_little() {
    let geometries = [
        Geometry::Stretch,
        Geometry::CenterCrop { fraction: 0.875 },
        Geometry::Letterbox { fill: 128 },
    ];
    let mut spec = InputSpec {
        height: 224,
        width: 224,
        filter: Filter::Bicubic,
        scaling: Scaling::uniform(127.0, 128.0),
        views: Vec::new(),
        preprocessing: String::new(),
    };
    for (width, height) in [(65_535, 1), (1, 65_535)] {
        let photo = Photo::from_rgb(width, height, vec![90; width * height * 3]);
        let within = |what: &str, make: &dyn Fn()| {
            let before = COUNTING.current_usage();
            COUNTING.reset_peak_usage();
            make();
            let peak = COUNTING.peak_usage().saturating_sub(before);
            // The tables of weights, the view, some copies of the photo of 200 KB.
            assert!(peak < 16 << 20, "{width} x {height}, {what}: {peak} bytes");
        };
        for text in ["area", "bilinear", "bicubic", "lanczos", "nearest"] {
            for geometry in ["stretch", "crop", "letterbox"] {
                let text = format!("resize(224,{geometry},{text})");
                let pipeline: Pipeline = text.parse().unwrap();
                within(&text, &|| drop(pipeline.run_alone(&photo, None)));
            }
        }
        within("quality", &|| drop(quality(&photo)));
        for geometry in geometries {
            spec.views = vec![View {
                geometry,
                mirrored: false,
            }];
            let made = || drop(prepare(&spec, &photo).unwrap());
            within(&format!("{geometry:?}"), &made);
        }
    }
}

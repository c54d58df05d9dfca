//! Decodes JPEGs with one of the decoders that are compared.
//!
//!     decoders NAME speed ROUNDS < LIST      least seconds of CPU for all files of LIST
//!     decoders NAME pixels FOLDER < LIST     writes each file's pixels, or says what was wrong
//!     decoders corpus FOLDER                 writes JPEGs of every kind
mod corpus;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    values: Box<dyn AsRef<[u8]>>,
}

type Decoder = fn(&[u8]) -> Result<Picture, String>;

fn zune(bytes: &[u8]) -> Result<Picture, String> {
    use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(65535)
        .set_max_height(65535);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|error| format!("{error:?}"))?;
    let colors = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => ColorSpace::Luma,
        Some(ColorSpace::CMYK) => ColorSpace::CMYK,
        Some(ColorSpace::YCCK) => ColorSpace::YCCK,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let values = decoder.decode().map_err(|error| format!("{error:?}"))?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    Ok(Picture {
        width,
        height,
        channels: colors.num_components(),
        values: Box::new(values),
    })
}

fn jpeg_decoder(bytes: &[u8]) -> Result<Picture, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let values = decoder.decode().map_err(|error| error.to_string())?;
    let info = decoder.info().ok_or("no size")?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    Ok(Picture {
        width,
        height,
        channels: values.len() / (width * height),
        values: Box::new(values),
    })
}

fn mozjpeg(bytes: &[u8]) -> Result<Picture, String> {
    let decoder = mozjpeg::Decompress::new_mem(bytes).map_err(|error| error.to_string())?;
    let (width, height) = decoder.size();
    let error = |error: std::io::Error| error.to_string();
    let (channels, mut started) = match decoder.image().map_err(error)? {
        mozjpeg::Format::RGB(started) => (3, started),
        mozjpeg::Format::Gray(started) => (1, started),
        mozjpeg::Format::CMYK(started) => (4, started),
    };
    let values = started.read_scanlines::<u8>().map_err(error)?;
    started.finish().map_err(error)?;
    Ok(Picture {
        width,
        height,
        channels,
        values: Box::new(values),
    })
}

fn libjpeg_turbo_rs(bytes: &[u8]) -> Result<Picture, String> {
    let image = libjpeg_turbo_rs::decompress(bytes).map_err(|error| error.to_string())?;
    let channels = image.data.len() / (image.width * image.height);
    Ok(Picture {
        width: image.width,
        height: image.height,
        channels,
        values: Box::new(image.data),
    })
}

struct Pixels(vision::Photo);

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        self.0.rgb()
    }
}

fn museau(bytes: &[u8]) -> Result<Picture, String> {
    let photo = vision::decode(bytes, &vision::Limits::default());
    let photo = photo.map_err(|error| format!("{}: {error}", error.kind()))?;
    let (width, height) = (photo.width(), photo.height());
    Ok(Picture {
        width,
        height,
        channels: 3,
        values: Box::new(Pixels(photo)),
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().expect("a decoder's name");
    if name == "corpus" {
        let folder = arguments.next().expect("a folder");
        return corpus::write(folder.as_ref()).unwrap();
    }
    let decoder: Decoder = match name.as_str() {
        "museau" => museau,
        "zune-jpeg" => zune,
        "jpeg-decoder" => jpeg_decoder,
        "mozjpeg" => mozjpeg,
        "libjpeg-turbo-rs" => libjpeg_turbo_rs,
        _ => panic!("no decoder {name}"),
    };
    let paths: Vec<String> = std::io::stdin()
        .lock()
        .lines()
        .map(Result::unwrap)
        .collect();
    let task = arguments.next().expect("a task");
    let last = arguments.next().expect("rounds or a folder");
    match task.as_str() {
        "speed" => {
            let files: Vec<Vec<u8>> = paths
                .iter()
                .map(|path| std::fs::read(path).unwrap())
                .collect();
            let rounds: usize = last.parse().unwrap();
            let least = (0..rounds)
                .map(|_| {
                    let start = cpu_seconds();
                    for file in &files {
                        std::hint::black_box((*decoder(file).unwrap().values).as_ref().len());
                    }
                    cpu_seconds() - start
                })
                .fold(f64::INFINITY, f64::min);
            println!("{least}");
        }
        "pixels" => {
            let mut out = std::io::stdout().lock();
            for (number, path) in paths.iter().enumerate() {
                let bytes = plain(&std::fs::read(path).unwrap());
                let result = catch_unwind(AssertUnwindSafe(|| decoder(&bytes)));
                let line = match result {
                    Ok(Ok(picture)) => {
                        std::fs::write(format!("{last}/{number}"), rgb(&picture)).unwrap();
                        format!("pixels {} {}", picture.width, picture.height)
                    }
                    Ok(Err(error)) => format!("error {}", error.replace('\n', " ")),
                    Err(panic) => match panic.downcast_ref::<String>() {
                        Some(text) if text.starts_with("libjpeg fatal error") => {
                            format!("error {text}")
                        }
                        _ => "panic".to_owned(),
                    },
                };
                writeln!(out, "{line}").unwrap();
            }
        }
        _ => panic!("no task {task}"),
    }
}

/// Seconds of CPU that this thread has had.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// The file without its EXIF blocks and colour profiles: what is compared is the decoding.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes[..bytes.len().min(2)].to_vec();
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xDA || end > bytes.len() {
            break;
        }
        if !matches!(marker, 0xE1 | 0xE2) {
            out.extend_from_slice(&bytes[at..end]);
        }
        at = end;
    }
    out.extend_from_slice(&bytes[at.min(bytes.len())..]);
    out
}

/// Three values a pixel, CMYK by the plain formula.
fn rgb(picture: &Picture) -> Vec<u8> {
    let values = (*picture.values).as_ref();
    match picture.channels {
        1 => values.iter().flat_map(|value| [*value; 3]).collect(),
        3 => values.to_vec(),
        _ => {
            let pixels = values.chunks_exact(4);
            let light =
                |ink: u8, black: u8| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8;
            pixels
                .flat_map(|p| [0, 1, 2].map(|ink| light(p[ink], p[3])))
                .collect()
        }
    }
}

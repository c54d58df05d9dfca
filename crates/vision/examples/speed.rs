//! Times decoding and preparing: `speed [--runs N] FILE...` prints the medians over all files of the
//! milliseconds for decoding, two preparations and the check of the quality.
use std::sync::OnceLock;
use std::time::Instant;

use graph::{Filter, Geometry, InputSpec, Scaling, View};

/// Milliseconds that this thread has had the processor, where the system tells (Linux), so that a
/// busy machine does not count; else those that have passed.
fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let busy = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let busy = busy.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    busy.map_or_else(
        || start.elapsed().as_secs_f64() * 1e3,
        |nanoseconds| nanoseconds / 1e6,
    )
}

fn main() -> std::io::Result<()> {
    let mut runs = 3;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => {
                runs = arguments
                    .next()
                    .and_then(|n| n.parse().ok())
                    .expect("a number")
            }
            _ => paths.push(argument),
        }
    }
    let spec = |geometry| InputSpec {
        height: 224,
        width: 224,
        filter: Filter::Bicubic,
        scaling: Scaling::uniform(127.0, 128.0),
        views: vec![View {
            geometry,
            mirrored: false,
        }],
        preprocessing: String::new(),
    };
    let stretch = spec(Geometry::Stretch);
    let crop = spec(Geometry::CenterCrop { fraction: 0.875 });
    let mut times: [Vec<f64>; 4] = Default::default();
    let files: Vec<Vec<u8>> = paths.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    let mut time = |index: usize, start: f64| times[index].push(now() - start);
    for bytes in files.iter().cycle().take(runs * files.len()) {
        let start = now();
        let Ok(photo) = vision::decode(bytes, &vision::Limits::default()) else {
            continue;
        };
        time(0, start);
        let start = now();
        std::hint::black_box(vision::prepare(&stretch, &photo).expect("a sound specification"));
        time(1, start);
        let start = now();
        std::hint::black_box(vision::prepare(&crop, &photo).expect("a sound specification"));
        time(2, start);
        let start = now();
        std::hint::black_box(vision::quality(&photo));
        time(3, start);
    }
    println!("{} photos, {runs} runs", files.len());
    for (name, mut times) in ["decode", "stretch", "centre crop", "quality"]
        .into_iter()
        .zip(times)
    {
        times.sort_by(f64::total_cmp);
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        println!(
            "{name:12} median {:.2} ms, mean {mean:.2} ms",
            times[times.len() / 2]
        );
    }
    Ok(())
}

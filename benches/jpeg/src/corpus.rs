//! JPEGs of every kind, by the encoder of vision's tests.
#[path = "../../../crates/vision/tests/jpeg/encoder.rs"]
#[expect(dead_code, reason = "what a picture should be is Pillow's to say here")]
mod encoder;

use std::path::Path;

use encoder::{Codes, Colors, Recipe, orders, samplings};

/// Writes them: of those in `whole` there is a right picture; of those in `cut` data are missing.
pub fn write(folder: &Path) -> std::io::Result<()> {
    let mut recipes: Vec<(String, Recipe)> = Vec::new();
    let mut add = |name: String, recipe: &Recipe| recipes.push((name, recipe.clone()));
    for (number, sampling) in samplings().iter().enumerate() {
        let name = sampling
            .iter()
            .map(|[across, down]| format!("{across}x{down}"))
            .collect::<Vec<_>>()
            .join(",");
        let (width, height) = [(70, 53), (64, 64), (33, 90)][number % 3];
        let recipe = Recipe::new(width, height, Colors::Ycc, sampling);
        add(format!("{name}-one-scan"), &recipe);
        for (order, other) in orders(&recipe).iter().enumerate() {
            add(format!("{name}-order-{order}"), other);
        }
    }
    for side in (1..=18).chain([31, 32, 33]) {
        for sampling in [[1, 1], [2, 1], [1, 2], [2, 2]] {
            for (width, height) in [(side, 1), (1, side), (side, side), (side, 40)] {
                let name = format!("{width}x{height}-{}x{}", sampling[0], sampling[1]);
                let sampling = [sampling, [1, 1], [1, 1]];
                let recipe = Recipe::new(width, height, Colors::Ycc, &sampling);
                add(format!("{name}-one-scan"), &recipe);
                add(
                    format!("{name}-separate"),
                    &recipe.clone().separate(&[0, 1, 2]),
                );
                add(format!("{name}-progressive"), &recipe.progressive(0));
            }
        }
    }
    for (name, colors, sampling) in [
        ("gray", Colors::Gray, vec![[1, 1]]),
        ("gray-2x2", Colors::Gray, vec![[2, 2]]),
        ("gray-3x1", Colors::Gray, vec![[3, 1]]),
        ("rgb", Colors::Rgb, vec![[1, 1]; 3]),
        ("rgb-1,2x2,1", Colors::Rgb, vec![[1, 1], [2, 2], [1, 1]]),
        ("ycc", Colors::Ycc, vec![[2, 2], [1, 1], [1, 1]]),
        ("cmyk", Colors::Cmyk, vec![[1, 1]; 4]),
        ("ycck", Colors::Ycck, vec![[1, 1]; 4]),
        (
            "ycck-2x2",
            Colors::Ycck,
            vec![[2, 2], [1, 1], [1, 1], [2, 2]],
        ),
    ] {
        let plain = Recipe::new(75, 60, colors, &sampling);
        let with = |change: &dyn Fn(&mut Recipe)| {
            let mut recipe = plain.clone();
            change(&mut recipe);
            recipe
        };
        let mut ways = vec![
            plain.clone(),
            with(&|recipe| recipe.codes = Codes::Long),
            with(&|recipe| recipe.codes = Codes::Standard),
            with(&|recipe| recipe.wide_factors = true),
            with(&|recipe| recipe.filling = 3),
            with(&|recipe| recipe.without_end = true),
            with(&|recipe| {
                recipe.codes = Codes::Standard;
                recipe.without_tables = true;
            }),
        ];
        if colors == Colors::Ycc {
            for (jfif, adobe) in [
                (true, Some(0)),
                (true, None),
                (true, Some(1)),
                (false, Some(1)),
            ] {
                ways.push(with(&|recipe| (recipe.jfif, recipe.adobe) = (jfif, adobe)));
            }
        }
        for interval in [1, 2, 3, 7, 50] {
            ways.push(with(&|recipe| recipe.interval = interval));
            for script in 0..3 {
                let mut recipe = plain.clone().progressive(script);
                recipe.interval = interval;
                ways.push(recipe);
            }
        }
        for (number, way) in ways.iter().enumerate() {
            add(format!("{name}-way-{number}"), way);
        }
    }
    let (whole, cut) = (folder.join("whole"), folder.join("cut"));
    std::fs::create_dir_all(&whole)?;
    std::fs::create_dir_all(&cut)?;
    for (number, (name, recipe)) in recipes.iter().enumerate() {
        let bytes = recipe.encode();
        std::fs::write(whole.join(format!("{name}.jpg")), &bytes)?;
        let mut scans = bytes
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| *pair == [0xFF, 0xDA]);
        // One file in ten once more, with an end marker after a half of its only scan's data.
        if number % 10 == 0 && scans.clone().count() == 1 && !recipe.without_end {
            let start = scans.next().map_or(0, |(at, _)| at + 14);
            let half = start + (bytes.len() - start) / 2;
            std::fs::write(
                cut.join(format!("{name}.jpg")),
                [&bytes[..half], b"\xFF\xD9"].concat(),
            )?;
        }
    }
    Ok(())
}

//! Samples of any colour model to sRGB: through the file's colour profile where it has one that
//! differs from sRGB, else by the plain formulas.
use moxcms::{
    ColorProfile, DataColorSpace, Layout, RenderingIntent, Transform8BitExecutor, TransformOptions,
};

/// Decoded samples, 8 bits each, interleaved, row-major.
pub(crate) enum Samples {
    /// One a pixel, 0 is black.
    Gray(Vec<u8>),
    /// Gray, opacity.
    GrayAlpha(Vec<u8>),
    /// Red, green, blue.
    Rgb(Vec<u8>),
    /// Red, green, blue, opacity.
    Rgba(Vec<u8>),
    /// The same, the colours multiplied by the opacity: what they add to a black ground.
    Premultiplied(Vec<u8>),
    /// Cyan, magenta, yellow, black; 255 is full ink.
    Cmyk(Vec<u8>),
}

/// Pixels that are converted at a time: the buffer stays in the second-level cache.
const CHUNK: usize = 1 << 14;

/// Converts samples to sRGB and lays what is transparent on white, as a browser shows it on an
/// ordinary page: 3 bytes a pixel, and whether the profile changed the colours. A profile that cannot
/// be used (damaged, or of another colour model than the samples) is left out, as browsers do.
pub(crate) fn to_srgb(samples: Samples, profile: Option<&[u8]>) -> (Vec<u8>, bool) {
    let transform = profile.and_then(|profile| transform(&samples, profile));
    let converted = transform.is_some();
    let rgb = match (samples, transform) {
        (Samples::Rgb(values), None) => values,
        (Samples::Rgb(mut values), Some(transform)) => {
            let mut buffer = vec![0; CHUNK * 3];
            for chunk in values.chunks_mut(CHUNK * 3) {
                let buffer = &mut buffer[..chunk.len()];
                buffer.copy_from_slice(chunk);
                run(&*transform, buffer, chunk);
            }
            values
        }
        (Samples::Rgba(values), None) => to_three(values, |pixels, rgb| {
            for (&[r, g, b, opacity], rgb) in pixels.iter().zip(rgb) {
                *rgb = [r, g, b].map(|color| on_white(color, opacity));
            }
        }),
        (Samples::Rgba(values), Some(transform)) => to_three(values, through(&*transform)),
        (Samples::Premultiplied(values), None) => to_three(values, |pixels, rgb| {
            for (&[r, g, b, opacity], rgb) in pixels.iter().zip(rgb) {
                *rgb = [r, g, b].map(|color| color.saturating_add(255 - opacity));
            }
        }),
        (Samples::Premultiplied(mut values), Some(transform)) => {
            // A profile is about the colours themselves.
            for [r, g, b, opacity] in values.as_chunks_mut::<4>().0 {
                for color in [r, g, b] {
                    *color = divide(*color, *opacity);
                }
            }
            to_three(values, through(&*transform))
        }
        (Samples::Gray(values), transform) => {
            let table = gray_table(transform.as_deref());
            values
                .iter()
                .flat_map(|&gray| table[usize::from(gray)])
                .collect()
        }
        (Samples::GrayAlpha(values), transform) => {
            let table = gray_table(transform.as_deref());
            let pixels = values.as_chunks::<2>().0.iter();
            pixels
                .flat_map(|&[gray, opacity]| {
                    table[usize::from(gray)].map(|color| on_white(color, opacity))
                })
                .collect()
        }
        (Samples::Cmyk(values), None) => to_three(values, |pixels, rgb| {
            for (&[c, m, y, k], rgb) in pixels.iter().zip(rgb) {
                *rgb = [c, m, y].map(|ink| multiply(255 - ink, 255 - k));
            }
        }),
        (Samples::Cmyk(values), Some(transform)) => to_three(values, |pixels, rgb| {
            run(&*transform, pixels.as_flattened(), rgb.as_flattened_mut());
        }),
    };
    (rgb, converted)
}

/// Pixels of four samples to pixels of three in the same memory, by a function over a part of both.
fn to_three(mut values: Vec<u8>, mut convert: impl FnMut(&[[u8; 4]], &mut [[u8; 3]])) -> Vec<u8> {
    let mut converted = vec![[0; 3]; CHUNK];
    let pixels = values.len() / 4;
    for start in (0..pixels).step_by(CHUNK) {
        let count = CHUNK.min(pixels - start);
        let part = values[start * 4..][..count * 4].as_chunks().0;
        let converted = &mut converted[..count];
        convert(part, converted);
        values[start * 3..][..count * 3].copy_from_slice(converted.as_flattened());
    }
    values.truncate(pixels * 3);
    values
}

/// Colours through a profile, then on white.
fn through(transform: &Transform8BitExecutor) -> impl FnMut(&[[u8; 4]], &mut [[u8; 3]]) {
    let mut buffer = vec![[0; 4]; CHUNK];
    move |pixels, rgb| {
        let buffer = &mut buffer[..pixels.len()];
        run(transform, pixels.as_flattened(), buffer.as_flattened_mut());
        let both = buffer.iter().zip(pixels).zip(rgb);
        for ((&[r, g, b, _], &[_, _, _, opacity]), rgb) in both {
            *rgb = [r, g, b].map(|color| on_white(color, opacity));
        }
    }
}

type Transform = std::sync::Arc<Transform8BitExecutor>;

fn run(transform: &Transform8BitExecutor, from: &[u8], to: &mut [u8]) {
    transform
        .transform(from, to)
        .expect("buffers of the same number of pixels");
}

/// The way from a profile's colours to sRGB; `None` where the profile cannot be used or changes
/// nothing.
fn transform(samples: &Samples, profile: &[u8]) -> Option<Transform> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (from, to, wanted) = match samples {
        Samples::Gray(_) | Samples::GrayAlpha(_) => {
            (Layout::Gray, Layout::Rgb, DataColorSpace::Gray)
        }
        Samples::Rgb(_) => (Layout::Rgb, Layout::Rgb, DataColorSpace::Rgb),
        Samples::Rgba(_) | Samples::Premultiplied(_) => {
            (Layout::Rgba, Layout::Rgba, DataColorSpace::Rgb)
        }
        Samples::Cmyk(_) => (Layout::Rgba, Layout::Rgb, DataColorSpace::Cmyk),
    };
    if profile.color_space != wanted {
        return None;
    }
    let options = TransformOptions {
        rendering_intent: RenderingIntent::Perceptual,
        ..Default::default()
    };
    let srgb = ColorProfile::new_srgb();
    let transform = profile
        .create_transform_8bit(from, &srgb, to, options)
        .ok()?;
    let identity = match wanted {
        DataColorSpace::Rgb => changes_little(&*transform, from.channels()),
        DataColorSpace::Gray => {
            gray_table(Some(&*transform))
                .iter()
                .enumerate()
                .all(|(gray, rgb)| {
                    rgb.iter()
                        .all(|value| usize::from(*value).abs_diff(gray) <= 1)
                })
        }
        _ => false,
    };
    (!identity).then_some(transform)
}

/// Whether a transform leaves a lattice of colours within one step of 255: the many variants of sRGB
/// profiles then cost nothing.
fn changes_little(transform: &Transform8BitExecutor, channels: usize) -> bool {
    let steps = || (0..=15).map(|step| step * 17);
    let mut lattice = Vec::new();
    for red in steps() {
        for green in steps() {
            for blue in steps() {
                lattice.extend_from_slice(&[red, green, blue, 255][..channels]);
            }
        }
    }
    let mut out = vec![0; lattice.len()];
    run(transform, &lattice, &mut out);
    lattice
        .iter()
        .zip(&out)
        .all(|(before, after)| before.abs_diff(*after) <= 1)
}

/// What each gray becomes.
fn gray_table(transform: Option<&Transform8BitExecutor>) -> Vec<[u8; 3]> {
    let grays: Vec<u8> = (0..=255).collect();
    let mut table: Vec<[u8; 3]> = grays.iter().map(|&gray| [gray; 3]).collect();
    if let Some(transform) = transform {
        run(transform, &grays, table.as_flattened_mut());
    }
    table
}

/// (color * opacity + 255 * (255 - opacity)) / 255, rounded.
fn on_white(color: u8, opacity: u8) -> u8 {
    let (color, opacity) = (u32::from(color), u32::from(opacity));
    ((color * opacity + 255 * (255 - opacity) + 127) / 255) as u8
}

/// color / opacity, both from 0 to 255 for 0 to 1, rounded; 0 where nothing is to be seen.
fn divide(color: u8, opacity: u8) -> u8 {
    let (color, opacity) = (u32::from(color), u32::from(opacity));
    let quotient = (color * 255 + opacity / 2).checked_div(opacity);
    quotient.unwrap_or(0).min(255) as u8
}

/// a * b / 255, rounded.
fn multiply(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_formulas() {
        let rgb = |samples| to_srgb(samples, None).0;
        assert_eq!(rgb(Samples::Gray(vec![7])), [7, 7, 7]);
        assert_eq!(
            rgb(Samples::GrayAlpha(vec![0, 255, 0, 0, 100, 51])),
            [0, 0, 0, 255, 255, 255, 224, 224, 224]
        );
        assert_eq!(
            rgb(Samples::Rgba(vec![10, 20, 30, 255, 10, 20, 30, 0])),
            [10, 20, 30, 255, 255, 255]
        );
        assert_eq!(
            rgb(Samples::Cmyk(vec![0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255])),
            [255, 255, 255, 0, 255, 255, 0, 0, 0]
        );
    }

    #[test]
    fn what_is_multiplied_already_is_not_multiplied_again() {
        // Half of (200, 100, 0) on white, and a colour that is greater than its opacity.
        let pixels = vec![100, 50, 0, 128, 7, 7, 7, 0, 255, 9, 9, 250];
        let (rgb, _) = to_srgb(Samples::Premultiplied(pixels.clone()), None);
        assert_eq!(rgb, [227, 177, 127, 255, 255, 255, 255, 14, 14]);
        // A profile sees the colours, whichever way they are stored.
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        let straight = vec![199, 100, 0, 128, 0, 0, 0, 0, 255, 9, 9, 250];
        assert_eq!(
            to_srgb(Samples::Premultiplied(pixels), Some(&wide)),
            to_srgb(Samples::Rgba(straight), Some(&wide))
        );
    }

    #[test]
    fn many_pixels_are_converted_in_the_memory_that_they_have() {
        let pixels: Vec<u8> = (0..(2 * CHUNK + 5) * 4)
            .map(|i| if i % 4 == 3 { 255 } else { (i % 251) as u8 })
            .collect();
        let three: Vec<u8> = pixels
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect();
        let place = pixels.as_ptr();
        let (rgb, _) = to_srgb(Samples::Rgba(pixels), None);
        assert!(rgb == three && rgb.as_ptr() == place);
    }

    #[test]
    fn an_srgb_profile_changes_nothing_and_another_does() {
        let pixels = vec![200, 30, 40];
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        assert_eq!(
            to_srgb(Samples::Rgb(pixels.clone()), Some(&srgb)),
            (pixels.clone(), false)
        );
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        let (rgb, converted) = to_srgb(Samples::Rgb(pixels.clone()), Some(&wide));
        // A red of Display P3 is outside sRGB's: more red, less of the rest.
        assert!(converted && rgb[0] > 210 && rgb[1] < 10, "{rgb:?}");
        assert_eq!(
            to_srgb(Samples::Rgb(pixels.clone()), Some(b"nonsense")),
            (pixels, false)
        );
    }

    #[test]
    fn a_profile_keeps_opacity() {
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        let (rgb, converted) = to_srgb(Samples::Rgba(vec![200, 30, 40, 0]), Some(&wide));
        assert_eq!((rgb, converted), (vec![255, 255, 255], true));
    }
}

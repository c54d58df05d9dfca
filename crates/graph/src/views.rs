//! Views of a photo as text: `crop:0.875+crop:0.875:mirror+stretch`.
use crate::{Geometry, MOST_VIEWS, View};

/// A text that names no views.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a way to look at a photo; hint: stretch, crop:0.875, letterbox or letterbox:127, each with `:mirror` behind it for its mirror image, several joined by `+`"
)]
pub struct ParseViewsError(pub String);

/// Views from their text.
///
/// # Errors
/// [`ParseViewsError`]
pub fn parse_views(text: &str) -> Result<Vec<View>, ParseViewsError> {
    let views = text.split('+');
    let count = views.clone().count();
    if count > MOST_VIEWS {
        return Err(ParseViewsError(format!("{count} > {MOST_VIEWS}")));
    }
    views.map(|view| parse_view(view.trim())).collect()
}

fn parse_view(text: &str) -> Result<View, ParseViewsError> {
    let wrong = || ParseViewsError(text.to_owned());
    let mut parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let mirrored = parts.last() == Some(&"mirror");
    if mirrored {
        parts.pop();
    }
    let geometry = match parts[..] {
        ["stretch"] => Geometry::Stretch,
        ["letterbox"] => Geometry::Letterbox { fill: 127 },
        ["letterbox", fill] => Geometry::Letterbox {
            fill: fill.parse().map_err(|_| wrong())?,
        },
        ["crop", fraction] => {
            let fraction: f32 = fraction.parse().map_err(|_| wrong())?;
            if !(0.01..=1.0).contains(&fraction) {
                return Err(wrong());
            }
            Geometry::CenterCrop { fraction }
        }
        _ => return Err(wrong()),
    };
    Ok(View { geometry, mirrored })
}

/// The text of views.
pub fn views_text(views: &[View]) -> String {
    let text = |view: &View| {
        let geometry = match view.geometry {
            Geometry::Stretch => "stretch".to_owned(),
            Geometry::CenterCrop { fraction } => format!("crop:{fraction}"),
            Geometry::Letterbox { fill } => format!("letterbox:{fill}"),
        };
        geometry + if view.mirrored { ":mirror" } else { "" }
    };
    views.iter().map(text).collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_views_are_one() {
        let text = "crop:0.875+crop:1:mirror+stretch+letterbox:0";
        let views = parse_views(text).unwrap();
        assert_eq!(views.len(), 4);
        assert!(views[1].mirrored && !views[0].mirrored);
        assert_eq!(views_text(&views), text);
        assert_eq!(parse_views(&["stretch"; 64].join("+")).unwrap().len(), 64);
        let many = ["stretch"; 100_000].join("+");
        for wrong in [
            &many[..],
            "",
            "crop",
            "crop:0",
            "crop:1.5",
            "crop:nan",
            "crop:1e-30",
            "tilt",
            "letterbox:256",
            "stretch+",
        ] {
            assert!(parse_views(wrong).is_err(), "{wrong}");
        }
    }
}

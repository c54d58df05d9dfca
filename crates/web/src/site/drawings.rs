//! The small drawings of the pages: bars, the logo, signs.

use maud::{Markup, PreEscaped, html};

/// A probability as a bar. The number stands beside it, so the bar is hidden from screen readers.
pub(crate) fn bar(probability: f32) -> Markup {
    let width = format!("{:.1}", probability.clamp(0.0, 1.0) * 100.0);
    html! {
        svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect width=(width) height="10" {}
        }
    }
}

/// The logo inside a page, for the eye only.
pub(crate) fn logo() -> Markup {
    let decorative = "<svg aria-hidden=\"true\" focusable=\"false\"";
    PreEscaped(
        crate::site::assets::LOGO
            .trim()
            .replacen("<svg", decorative, 1),
    )
}

/// A small sign drawn in the text's colour: a path on a square of 24 units.
pub(crate) fn sign(path: &'static str) -> Markup {
    html! {
        svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.2"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false" {
            path d=(path) {}
        }
    }
}

/// The signs' paths.
pub(crate) mod signs {
    pub(crate) const PHOTOS: &str =
        "M4 6h16v12H4zM4 15l4.500-4 4 3.500 3-2.500 4.500 4M15.500 9.500h.01";
    pub(crate) const CAMERA: &str =
        "M4 8h3.500l1.500-2.500h6L16.500 8H20v11H4zM12 16.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6z";
    pub(crate) const FRAME: &str = "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4";
    pub(crate) const CHECK: &str = "M5 12.500l4.500 4.500L19 7.500";
    pub(crate) const CROSS: &str = "M6 6l12 12M18 6L6 18";
    /// A magnifying glass.
    pub(crate) const WHY: &str =
        "M10.500 4a6.500 6.500 0 1 1 0 13a6.500 6.500 0 0 1 0-13M15.500 15.500L20 20";
    pub(crate) const ARROW: &str = "M5 12h13M13 6l6 6-6 6";
}

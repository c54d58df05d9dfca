//! A decoded photo: upright sRGB pixels, and what was found in the file.
use crate::budget::Permit;
use crate::{Format, Orientation};

/// An upright photo in 8-bit sRGB. One that was decoded holds its part of the [`Budget`](crate::Budget)
/// until it is dropped.
pub struct Photo {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    found: Option<Found>,
    permit: Option<Permit>,
}

impl Clone for Photo {
    fn clone(&self) -> Self {
        Photo {
            rgb: self.rgb.clone(),
            permit: self.permit_for(self.rgb.len()),
            ..*self
        }
    }
}

impl PartialEq for Photo {
    fn eq(&self, other: &Self) -> bool {
        let of = |photo: &Self| (photo.width, photo.height, photo.found);
        of(self) == of(other) && self.rgb == other.rgb
    }
}

impl Eq for Photo {}

/// What the file held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file's format, by its content.
    pub format: Format,
    /// Columns as stored, before the orientation was applied.
    pub width: usize,
    /// Rows as stored, before the orientation was applied.
    pub height: usize,
    /// The orientation that has been applied.
    pub orientation: Orientation,
    /// Whether the file's colour profile was not sRGB, so that its colours were converted.
    pub profile_converted: bool,
}

impl Photo {
    /// A photo from pixels that are upright already: row-major, red, green, blue.
    ///
    /// # Panics
    /// Where a side is 0 or `rgb` does not hold `width * height * 3` bytes.
    pub fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> Self {
        assert!(width > 0 && height > 0, "a photo of {width} x {height}");
        assert_eq!(
            Some(rgb.len()),
            width.checked_mul(height).and_then(|n| n.checked_mul(3))
        );
        Photo {
            width,
            height,
            rgb,
            found: None,
            permit: None,
        }
    }

    /// A photo with what was taken to decode it, of which it keeps what its pixels need.
    pub(crate) fn decoded(
        width: usize,
        height: usize,
        rgb: Vec<u8>,
        found: Found,
        mut permit: Permit,
    ) -> Self {
        permit.keep(rgb.capacity());
        Photo {
            found: Some(found),
            permit: Some(permit),
            ..Photo::from_rgb(width, height, rgb)
        }
    }

    fn permit_for(&self, bytes: usize) -> Option<Permit> {
        self.permit.as_ref().map(|permit| permit.another(bytes))
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row-major, 3 bytes each: red, green, blue.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// What the file held; `None` for a photo that was not decoded from one.
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// The part of the photo inside a rectangle in pixels, cut to the photo's own. `None` where
    /// they do not meet.
    pub fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Option<Photo> {
        let right = left.saturating_add(width).min(self.width);
        let bottom = top.saturating_add(height).min(self.height);
        if left >= right || top >= bottom {
            return None;
        }
        let (width, height) = (right - left, bottom - top);
        let mut rgb = Vec::with_capacity(width * height * 3);
        for row in self.rgb.chunks_exact(self.width * 3).take(bottom).skip(top) {
            rgb.extend_from_slice(&row[left * 3..right * 3]);
        }
        Some(Photo {
            width,
            height,
            permit: self.permit_for(rgb.len()),
            rgb,
            found: self.found,
        })
    }
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Photo({} x {}, {:?})",
            self.width, self.height, self.found
        )
    }
}

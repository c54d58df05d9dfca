//! What can be wrong with a photo, or with a wish for its preparation.
use crate::Format;
use crate::steps::StepError;

/// Why a file gave no photo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The content is that of no photo format, whatever the file's name says.
    #[error("the content is not that of a photo")]
    NotAPhoto,
    /// The file ends before the picture does.
    #[error("the {format} is cut off: a part of the picture is missing")]
    Truncated {
        /// The format of the part that is there.
        format: Format,
    },
    /// The content contradicts its own format.
    #[error("the {format} is damaged: {detail}")]
    Damaged {
        /// The format that the content begins as.
        format: Format,
        /// What the decoder stumbled over, in English.
        detail: String,
    },
    /// The photo asks for more than the limits allow.
    #[error("the photo is too large: {found} {what}, at most {limit} are read")]
    TooLarge {
        /// What there is too much of.
        what: Excess,
        /// How much there is.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// Decoding it would take memory that other photos hold, and go on holding.
    #[error("the memory for photos is in use: try again later")]
    Busy,
    /// A picture format that museau knows by name and does not read.
    #[error("{name} is not read: save the photo as JPEG or PNG")]
    UnsupportedFormat {
        /// The format's usual name.
        name: &'static str,
    },
    /// A video, whatever its format.
    #[error("this is a video, not a photo")]
    Video,
    /// What a camera stores of its sensor, whatever the maker.
    #[error("a camera's RAW format is not read: export the photo as JPEG")]
    CameraRaw,
    /// A format that is read, but not this variant of it.
    #[error(
        "this kind of {format} is not read: {feature}; save the photo as an ordinary JPEG or PNG"
    )]
    UnsupportedFeature {
        /// The format.
        format: Format,
        /// The variant, in English.
        feature: String,
    },
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Bytes of the file.
    Bytes,
    /// Pixels of the picture.
    Pixels,
    /// Pixels of its longer side.
    Side,
    /// Scans of a progressive JPEG.
    Scans,
    /// Tiles or strips of a picture made of many.
    Frames,
    /// Bytes of memory that decoding would take.
    Memory,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Excess::Bytes => "bytes",
            Excess::Pixels => "pixels",
            Excess::Side => "pixels on a side",
            Excess::Scans => "scans",
            Excess::Frames => "frames",
            Excess::Memory => "bytes of memory",
        })
    }
}

impl DecodeError {
    /// The kind, as in JSON and in HTTP problem documents: stable from release to release.
    pub fn kind(&self) -> &'static str {
        match self {
            DecodeError::Empty => "empty",
            DecodeError::NotAPhoto => "not_a_photo",
            DecodeError::Truncated { .. } => "truncated",
            DecodeError::Damaged { .. } => "damaged",
            DecodeError::TooLarge { .. } => "too_large",
            DecodeError::Busy => "busy",
            DecodeError::UnsupportedFormat { .. } => "unsupported_format",
            DecodeError::Video => "video",
            DecodeError::CameraRaw => "camera_raw",
            DecodeError::UnsupportedFeature { .. } => "unsupported_feature",
        }
    }

    pub(crate) fn damaged(format: Format, detail: impl std::fmt::Display) -> Self {
        DecodeError::Damaged {
            format,
            detail: detail.to_string(),
        }
    }

    pub(crate) fn unsupported(format: Format, feature: impl Into<String>) -> Self {
        DecodeError::UnsupportedFeature {
            format,
            feature: feature.into(),
        }
    }
}

/// Why an input cannot be made as the specification wants it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PrepareError {
    /// The specification names a preprocessing that this version cannot run.
    #[error(
        "the model wants the preprocessing `{pipeline}`, which this version of museau cannot run: {fault}; hint: a newer version may"
    )]
    Preprocessing {
        /// The preprocessing.
        pipeline: String,
        /// What of it is not understood.
        fault: StepError,
    },
    /// The specification makes no sense.
    #[error("the input specification is wrong: {0}")]
    Specification(String),
}

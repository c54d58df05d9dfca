//! Photos that cannot be read, by the kinds of the decoder's errors.

use super::messages;

messages! {
    PhotoMessage of "photos.toml":
    "photo.empty" => Empty,
    "photo.not_a_photo" => NotAPhoto,
    "photo.truncated" => Truncated,
    "photo.damaged" => Damaged,
    "photo.too_large" => TooLarge,
    "photo.busy" => Busy,
    "photo.unsupported_format" => UnsupportedFormat { format },
    "photo.unsupported_feature" => UnsupportedFeature,
    "photo.video" => Video,
    "photo.camera_raw" => CameraRaw,
}

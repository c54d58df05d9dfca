//! A hash of all the rest in a file that museau wrote: what a person changed is no longer museau's. In a
//! picture it is a comment, which other programs keep; in JSON the last key of an object; in a page for
//! `man` a comment at its end. (Of an HTML page `report` knows it.)

/// What the comment says before the hash's digits.
const TEXT: &str = "museau blake3 ";
/// Hexadecimal digits of the hash.
const DIGITS: usize = 64;
/// The end of every PNG: an empty chunk `IEND` with its checksum.
const PNG_END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82];
const PNG_BEGINNING: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// A PNG or JPEG with the comment; anything else as it is.
pub fn stamped(picture: Vec<u8>) -> Vec<u8> {
    let Some(place) = place(&picture) else {
        return picture;
    };
    let mut bytes = picture[..place].to_vec();
    bytes.extend(comment(&picture, &hash(&[&picture])));
    bytes.extend(&picture[place..]);
    bytes
}

/// Whether a picture has the comment, and is as it was when it got it.
pub fn is_stamped(bytes: &[u8]) -> bool {
    let length = comment(bytes, &"0".repeat(DIGITS)).len();
    let Some(end) = place(bytes) else {
        return false;
    };
    // In a PNG it stands before the place, in a JPEG behind it.
    let begin = match is_png(bytes) {
        true => end.checked_sub(length),
        false => Some(end),
    };
    let found = begin.and_then(|begin| Some((begin, bytes.get(begin..begin + length)?)));
    found.is_some_and(|(begin, found)| {
        let hash = hash(&[&bytes[..begin], &bytes[begin + length..]]);
        found == comment(bytes, &hash)
    })
}

/// How the last key of a JSON object with a hash begins, and what stands behind the hash.
const KEY: (&str, &str) = (",\"content_hash\":\"", "\"}");
/// What stands around the hash in a page for `man`.
const REMARK: (&str, &str) = (".\\\" museau blake3 ", "\n");

/// The text of a JSON object that has keys, with a last key `content_hash`.
pub fn stamped_object(object: &str) -> String {
    let rest = object
        .trim_end()
        .strip_suffix('}')
        .unwrap_or(object)
        .trim_end();
    format!("{rest}{}{}{}", KEY.0, hash(&[rest.as_bytes()]), KEY.1)
}

/// Whether a text is as [`stamped_object`] made it.
pub(super) fn is_stamped_object(object: &str) -> bool {
    let place = object.rfind(KEY.0);
    place.is_some_and(|place| stamped_object(&format!("{}}}", &object[..place])) == object)
}

/// A page for `man`, with a comment at its end.
pub fn stamped_manual(page: &[u8]) -> Vec<u8> {
    let comment = format!("{}{}{}", REMARK.0, hash(&[page]), REMARK.1);
    [page, comment.as_bytes()].concat()
}

/// Whether a page is as [`stamped_manual`] made it.
pub(super) fn is_stamped_manual(page: &[u8]) -> bool {
    let length = REMARK.0.len() + DIGITS + REMARK.1.len();
    let end = page.len().checked_sub(length);
    end.is_some_and(|end| stamped_manual(&page[..end]) == page)
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(&PNG_BEGINNING)
}

/// Where the comment goes: before a PNG's last chunk, behind a JPEG's first application segments.
fn place(bytes: &[u8]) -> Option<usize> {
    if is_png(bytes) {
        let end = bytes.len().checked_sub(PNG_END.len())?;
        return (bytes[end..] == PNG_END).then_some(end);
    }
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut place = 2;
    while let [0xff, 0xe0..=0xef, high, low] = *bytes.get(place..place + 4)? {
        place += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    Some(place)
}

/// The chunk of a PNG, or the segment of a JPEG.
fn comment(picture: &[u8], hash: &str) -> Vec<u8> {
    let text = format!("{TEXT}{hash}");
    if is_png(picture) {
        let chunk = [b"tEXtComment\0", text.as_bytes()].concat();
        // The length is of what stands behind the name.
        let length = chunk.len() as u32 - 4;
        let checksum = crc32fast::hash(&chunk);
        return [&length.to_be_bytes()[..], &chunk, &checksum.to_be_bytes()].concat();
    }
    // The length counts its own two bytes.
    let length = text.len() as u16 + 2;
    [&[0xff, 0xfe][..], &length.to_be_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_until_any_byte_of_it_is_another() {
        let value = serde_json::json!({"photos": 3, "note": "}\",\"content_hash\":\"é"});
        for plain in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let stamped = stamped_object(&plain);
            let read: serde_json::Value = serde_json::from_str(&stamped).unwrap();
            assert_eq!(read["note"], value["note"]);
            assert_eq!(read["content_hash"].as_str().unwrap().len(), DIGITS);
            assert!(is_stamped_object(&stamped) && !is_stamped_object(&plain));
            for (place, letter) in stamped.char_indices() {
                let other = if letter == 'x' { "y" } else { "x" };
                let end = place + letter.len_utf8();
                let changed = [&stamped[..place], other, &stamped[end..]].concat();
                assert!(!is_stamped_object(&changed), "{changed}");
                assert!(!is_stamped_object(&stamped[..place]));
            }
        }
        let mut page = stamped_manual(b".TH museau 1\n.SH NAME\n");
        assert!(is_stamped_manual(&page) && !is_stamped_manual(b".TH museau 1\n"));
        for place in 0..page.len() {
            page[place] ^= 1;
            assert!(!is_stamped_manual(&page), "byte {place}");
            page[place] ^= 1;
        }
    }

    #[test]
    fn a_picture_is_known_until_any_bit_of_it_is_another() {
        let photo = vision::Photo::from_rgb(3, 2, (0..18).map(|value| value * 9).collect());
        for (plain, decoded) in [
            (vision::encode::png(&photo).unwrap(), true),
            (vision::encode::jpeg(&photo, 90).unwrap(), false),
        ] {
            let mut bytes = stamped(plain.clone());
            assert!(is_stamped(&bytes) && !is_stamped(&plain));
            let read = |bytes: &[u8]| vision::decode(bytes, &vision::Limits::default()).unwrap();
            assert_eq!(read(&bytes).rgb(), read(&plain).rgb());
            assert!(!decoded || read(&bytes).rgb() == photo.rgb());
            for place in 0..bytes.len() {
                bytes[place] ^= 1;
                assert!(!is_stamped(&bytes), "byte {place}");
                bytes[place] ^= 1;
                assert!(!is_stamped(&bytes[..place]), "cut at {place}");
            }
            // As an editor does that keeps the text of what it read.
            let mut other = photo.rgb().to_vec();
            other[0] ^= 8;
            let other = vision::Photo::from_rgb(3, 2, other);
            let retouched = match decoded {
                true => vision::encode::png(&other).unwrap(),
                false => vision::encode::jpeg(&other, 90).unwrap(),
            };
            let place = place(&retouched).unwrap();
            let kept = comment(&retouched, &hash(&[&plain]));
            let kept = [&retouched[..place], &kept, &retouched[place..]].concat();
            assert!(!is_stamped(&kept));
        }
        for odd in [
            &b""[..],
            b"\xff\xd8",
            b"\xff\xd8\xff\xe0\xff\xff",
            &PNG_BEGINNING,
            b"GIF",
        ] {
            assert!(!is_stamped(odd) && stamped(odd.to_vec()) == odd);
        }
    }
}

//! A walk over a JPEG's markers that decodes nothing: size, kind, scans, and whether the end is
//! there, known before anything is allocated.

/// What the markers say.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    /// The first frame header.
    pub frame: Option<Frame>,
    /// Scans (SOS markers).
    pub scans: usize,
    /// Whether the end marker was found.
    pub ended: bool,
    /// Whether the file ends inside a marker segment.
    pub cut_segment: bool,
    /// For a progressive JPEG: whether its scans bring every coefficient to its last bit.
    pub complete: bool,
    /// The first EXIF block, with its `Exif\0\0`.
    pub exif: Option<&'a [u8]>,
    /// The pieces of the colour profile: (number from 1, of how many, bytes).
    pub profile: Vec<(u8, u8, &'a [u8])>,
    /// The first XMP block.
    pub xmp: Option<&'a [u8]>,
    /// The transform byte of Adobe's segment.
    pub adobe_transform: Option<u8>,
    /// The segments before the first scan's data that a decoder needs, each with its marker.
    needed: Vec<&'a [u8]>,
    /// Whether the header holds anything but `needed` and ordinary segments: stray bytes, or an
    /// Adobe segment cut short.
    untidy: bool,
    /// What follows the first scan's header.
    rest: &'a [u8],
}

impl Survey<'_> {
    /// The same JPEG without what does not belong in its header; `None` where there is no such
    /// thing.
    pub(super) fn tidied(&self) -> Option<Vec<u8>> {
        if !self.untidy || self.scans == 0 {
            return None;
        }
        let mut tidied = b"\xFF\xD8".to_vec();
        self.needed
            .iter()
            .for_each(|segment| tidied.extend_from_slice(segment));
        tidied.extend_from_slice(self.rest);
        Some(tidied)
    }

    /// The colour profile, put together from its pieces; `None` where one is missing.
    pub(super) fn assembled_profile(&self) -> Option<Vec<u8>> {
        let count = self.profile.first()?.1;
        let mut whole = Vec::new();
        for number in 1..=count {
            let piece = self
                .profile
                .iter()
                .find(|(n, of, _)| (*n, *of) == (number, count))?;
            whole.extend_from_slice(piece.2);
        }
        Some(whole)
    }
}

/// A frame header.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// The low nibble of the SOF marker: 0 to 2 are read, 3 is lossless, 5.. hierarchical, 9..
    /// arithmetic.
    pub process: u8,
    /// Bits a sample.
    pub precision: u8,
    pub width: u16,
    pub height: u16,
    /// Component identifiers.
    pub components: Vec<u8>,
}

/// What begins an XMP block.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// Walks over the markers of `bytes`, which begin with a start marker.
pub(super) fn survey(bytes: &[u8]) -> Survey<'_> {
    let mut survey = Survey::default();
    // The lowest bit that the scans have brought, by component and coefficient; 255: none.
    let mut lowest_bit: Vec<[u8; 64]> = Vec::new();
    let mut at = 2;
    loop {
        // To the next marker: 0xFF followed by neither 0 (a stuffed byte), 0xFF (filling) nor a
        // restart marker. Between segments this skips stray bytes, within a scan its data.
        let from = at;
        let marker = loop {
            let Some(step) = memchr::memchr(0xFF, &bytes[at.min(bytes.len())..]) else {
                return finish(survey, &lowest_bit);
            };
            at += step + 1;
            match bytes.get(at) {
                None => return finish(survey, &lowest_bit),
                Some(0xFF) => {}
                Some(0x00 | 0x01 | 0xD0..=0xD7) => at += 1,
                Some(&marker) => break marker,
            }
        };
        let start = at - 1;
        let in_header = survey.scans == 0;
        survey.untidy |= in_header && start != from;
        at += 1;
        match marker {
            0xD9 => {
                // An end before any scan is not the picture's: libraries stop there too.
                survey.ended = true;
                return finish(survey, &lowest_bit);
            }
            0xD8 => continue,
            _ => {}
        }
        let Some(length) = bytes
            .get(at..at + 2)
            .map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])))
        else {
            survey.cut_segment = true;
            return finish(survey, &lowest_bit);
        };
        let Some(segment) = bytes.get(at + 2..at + length.max(2)) else {
            survey.cut_segment = true;
            return finish(survey, &lowest_bit);
        };
        at += length.max(2);
        if in_header {
            match marker {
                0xC0..=0xCF | 0xDA | 0xDB | 0xDD => survey.needed.push(&bytes[start..at]),
                0xEE if segment.len() >= 12 => survey.needed.push(&bytes[start..at]),
                0xEE => survey.untidy = true,
                _ => {}
            }
        }
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if survey.frame.is_none() => {
                survey.frame = frame(marker & 0x0F, segment);
                let components = survey
                    .frame
                    .as_ref()
                    .map_or(0, |frame| frame.components.len());
                lowest_bit = vec![[255; 64]; components];
            }
            0xDA => {
                survey.scans += 1;
                if in_header {
                    survey.rest = &bytes[at..];
                }
                if let Some(frame) = &survey.frame {
                    note_scan(segment, frame, &mut lowest_bit);
                }
            }
            0xE1 if segment.starts_with(b"Exif\0\0") && survey.exif.is_none() => {
                survey.exif = Some(segment);
            }
            0xE1 if segment.starts_with(XMP) && survey.xmp.is_none() => {
                survey.xmp = Some(&segment[XMP.len()..]);
            }
            0xE2 if segment.starts_with(b"ICC_PROFILE\0") && segment.len() > 14 => {
                survey
                    .profile
                    .push((segment[12], segment[13], &segment[14..]));
            }
            0xEE if segment.starts_with(b"Adobe") && segment.len() >= 12 => {
                survey.adobe_transform = Some(segment[11]);
            }
            _ => {}
        }
    }
}

fn finish<'a>(mut survey: Survey<'a>, lowest_bit: &[[u8; 64]]) -> Survey<'a> {
    survey.complete = !lowest_bit.is_empty()
        && lowest_bit
            .iter()
            .all(|bits| bits.iter().all(|bit| *bit == 0));
    survey
}

fn frame(process: u8, segment: &[u8]) -> Option<Frame> {
    let head = segment.get(..6)?;
    Some(Frame {
        process,
        precision: head[0],
        height: u16::from_be_bytes([head[1], head[2]]),
        width: u16::from_be_bytes([head[3], head[4]]),
        components: segment[6..]
            .chunks_exact(3)
            .take(usize::from(head[5]))
            .map(|c| c[0])
            .collect(),
    })
}

/// Notes which coefficients of which components a progressive scan brings, and to which bit.
fn note_scan(segment: &[u8], frame: &Frame, lowest_bit: &mut [[u8; 64]]) {
    let count = usize::from(segment.first().copied().unwrap_or(0));
    let Some(selectors) = segment.get(1..1 + 2 * count) else {
        return;
    };
    let Some(&[start, end, approximation]) = segment.get(1 + 2 * count..4 + 2 * count) else {
        return;
    };
    for selector in selectors.chunks_exact(2) {
        let Some(component) = frame.components.iter().position(|id| *id == selector[0]) else {
            continue;
        };
        for coefficient in start..=end.min(63) {
            lowest_bit[component][usize::from(coefficient)] = approximation & 0x0F;
        }
    }
}

//! The markers of a JPEG: a walk over them that decodes nothing, so that size, kind, scans, and
//! whether the end is there, are known before anything is allocated.
use super::scan::Header;

/// What the markers say.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    /// The first frame header.
    pub frame: Option<Frame>,
    /// Scans (SOS markers).
    pub scans: usize,
    /// Components in the first one.
    pub first_scan: usize,
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
    /// Whether JFIF's segment stands before the first scan.
    pub jfif: bool,
    /// The transform byte of Adobe's segment before the first scan.
    pub adobe_transform: Option<u8>,
}

impl Survey<'_> {
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
    pub components: Vec<Component>,
}

/// What a frame header says of a component.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub id: u8,
    /// Samples across and down in a unit of the frame, beside those of the other components.
    pub sampling: [u8; 2],
    /// The number of its quantisation table.
    pub table: u8,
}

/// What begins an XMP block.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The markers that begin a frame: all SOF but DHT, JPG and DAC, which lie among them.
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// A step of the walk.
pub(super) enum Step<'a> {
    /// A marker segment.
    Segment {
        /// The marker's second byte.
        marker: u8,
        /// What follows its length.
        body: &'a [u8],
        /// Where in the file it ends.
        end: usize,
    },
    /// The end marker.
    End,
    /// The file ends inside a marker segment.
    Cut,
    /// The file ends where a marker could follow.
    NoMore,
}

/// A walk over the segments of a JPEG, which begins with a start marker. Scans' data and stray bytes
/// are skipped.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Walk { bytes, at: 2 }
    }

    pub(super) fn step(&mut self) -> Step<'a> {
        let marker = loop {
            // To the next marker: 0xFF followed by neither 0 (a stuffed byte), 0xFF (filling) nor a
            // restart marker. A second start marker says nothing.
            let rest = &self.bytes[self.at.min(self.bytes.len())..];
            let Some(step) = memchr::memchr(0xFF, rest) else {
                return Step::NoMore;
            };
            self.at += step + 1;
            match self.bytes.get(self.at) {
                None => return Step::NoMore,
                Some(0xFF) => {}
                Some(0x00 | 0x01 | 0xD0..=0xD8) => self.at += 1,
                Some(&marker) => break marker,
            }
        };
        self.at += 1;
        if marker == 0xD9 {
            return Step::End;
        }
        let Some(length) = self.bytes.get(self.at..self.at + 2) else {
            return Step::Cut;
        };
        let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
        let Some(body) = self.bytes.get(self.at + 2..self.at + length) else {
            return Step::Cut;
        };
        self.at += length;
        Step::Segment {
            marker,
            body,
            end: self.at,
        }
    }
}

/// Walks over the markers of `bytes`, which begin with a start marker.
pub(super) fn survey(bytes: &[u8]) -> Survey<'_> {
    let mut survey = Survey::default();
    // The lowest bit that the scans have brought, by component and coefficient; 255: none.
    let mut lowest_bit: Vec<[u8; 64]> = Vec::new();
    let mut walk = Walk::new(bytes);
    loop {
        let (marker, body) = match walk.step() {
            Step::Segment { marker, body, .. } => (marker, body),
            last => {
                // An end before any scan is not the picture's: libraries stop there too.
                survey.ended = matches!(last, Step::End);
                survey.cut_segment = matches!(last, Step::Cut);
                survey.complete =
                    !lowest_bit.is_empty() && lowest_bit.iter().flatten().all(|bit| *bit == 0);
                return survey;
            }
        };
        let in_header = survey.scans == 0;
        match marker {
            marker if is_frame(marker) && survey.frame.is_none() => {
                survey.frame = frame(marker & 0x0F, body);
                let components = survey
                    .frame
                    .as_ref()
                    .map_or(0, |frame| frame.components.len());
                lowest_bit = vec![[255; 64]; components];
            }
            0xDA => {
                survey.scans += 1;
                if in_header {
                    survey.first_scan = body.first().copied().map_or(0, usize::from);
                }
                if let (Some(frame), Some(header)) = (&survey.frame, Header::read(body)) {
                    for (id, _) in &header.components {
                        let found = frame.components.iter().position(|c| c.id == *id);
                        let Some(component) = found else {
                            continue;
                        };
                        for coefficient in header.start..=header.end.min(63) {
                            lowest_bit[component][usize::from(coefficient)] = header.low;
                        }
                    }
                }
            }
            // The number of lines, where the frame header leaves it open.
            0xDC if body.len() >= 2 => {
                if let Some(frame) = survey.frame.as_mut().filter(|frame| frame.height == 0) {
                    frame.height = u16::from_be_bytes([body[0], body[1]]);
                }
            }
            // As libjpeg, which takes a shorter one for another's.
            0xE0 if in_header && body.len() >= 14 && body.starts_with(b"JFIF\0") => {
                survey.jfif = true;
            }
            0xE1 if body.starts_with(b"Exif\0\0") && survey.exif.is_none() => {
                survey.exif = Some(body);
            }
            0xE1 if body.starts_with(XMP) && survey.xmp.is_none() => {
                survey.xmp = Some(&body[XMP.len()..]);
            }
            0xE2 if body.starts_with(b"ICC_PROFILE\0") && body.len() > 14 => {
                survey.profile.push((body[12], body[13], &body[14..]));
            }
            0xEE if in_header && body.starts_with(b"Adobe") && body.len() >= 12 => {
                survey.adobe_transform = Some(body[11]);
            }
            _ => {}
        }
    }
}

fn frame(process: u8, body: &[u8]) -> Option<Frame> {
    let (head, components) = body.split_first_chunk::<6>()?;
    Some(Frame {
        process,
        precision: head[0],
        height: u16::from_be_bytes([head[1], head[2]]),
        width: u16::from_be_bytes([head[3], head[4]]),
        components: components
            .as_chunks::<3>()
            .0
            .iter()
            .take(usize::from(head[5]))
            .map(|&[id, sampling, table]| Component {
                id,
                sampling: [sampling >> 4, sampling & 15],
                table,
            })
            .collect(),
    })
}

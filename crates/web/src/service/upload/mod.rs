//! Reading a form with photos: bounded in bytes, in time and in the memory of all requests together.
mod body;
mod memory;
mod parameters;
mod unfold;

use self::body::{Inflow, Stop};
use self::memory::{Hold, Memory, Most, Refused};
use self::parameters::Parameters;
use self::unfold::Unfolded;
use crate::site::{Failure, Peer, Sender, coding};
use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use http_body_util::BodyDataStream;
use multer::{Field, Multipart};
use std::time::Duration;

/// How much a request may bring, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of one photo.
    pub photo: usize,
    /// Bytes of a request.
    pub request: usize,
    /// Photos of a request.
    pub photos: usize,
    /// Bytes of all requests that are being read or wait for their answer.
    pub memory: usize,
    /// Requests that wait for a part of that memory; more are refused.
    pub waiting: usize,
    /// Requests that are read at a time; more are refused. Fewer than connections, so that slow
    /// senders leave some for everything else.
    pub reading: usize,
    /// Bytes a second that a sender must keep up, over each time of `silence`.
    pub rate: usize,
    /// Time without a byte, or with fewer than `rate` asks for.
    pub silence: Duration,
    /// Time for a whole request to arrive.
    pub arrival: Duration,
    /// Time to wait for memory.
    pub patience: Duration,
}

impl UploadLimits {
    /// Bytes that must arrive in each time of `silence`.
    fn least(&self) -> usize {
        (self.rate as f64 * self.silence.as_secs_f64()) as usize
    }
}

impl Default for UploadLimits {
    /// 25 MB a photo, 60 MB and 20 photos a request, 256 MB in all, 256 requests waiting and 448 being
    /// read; 1 kB/s (a tenth of what a photo of 1 MB needs to arrive in time), 15 s of silence,
    /// 2 minutes to arrive (4 Mbit/s for the largest), 30 s of waiting.
    fn default() -> Self {
        UploadLimits {
            photo: 25_000_000,
            request: 60_000_000,
            photos: 20,
            memory: 256_000_000,
            waiting: 256,
            reading: 448,
            rate: 1000,
            silence: Duration::from_secs(15),
            arrival: Duration::from_secs(120),
            patience: Duration::from_secs(30),
        }
    }
}

/// A part of a photo, in fractions of its upright width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    /// Left edge, 0 to 1.
    pub(crate) x: f32,
    /// Top edge, 0 to 1.
    pub(crate) y: f32,
    /// Width, 0 to 1.
    pub(crate) width: f32,
    /// Height, 0 to 1.
    pub(crate) height: f32,
}

/// The smallest width or height of a part, as a fraction of the photo's: less holds no dog.
const SMALLEST_PART: f32 = 0.005;

impl Part {
    /// From four fractions; they may reach out of the photo by a rounding error only.
    pub(crate) fn new([x, y, width, height]: [f32; 4]) -> Result<Part, Failure> {
        let sides = [(x, width), (y, height)];
        let inside = |(from, size): (f32, f32)| (0.0..1.0).contains(&from) && from + size <= 1.001;
        if !sides.into_iter().all(inside) {
            return Err(Failure::box_outside());
        }
        if sides.into_iter().any(|(_, size)| size < SMALLEST_PART) {
            return Err(Failure::box_too_small());
        }
        Ok(Part {
            x,
            y,
            width,
            height,
        })
    }

    /// From `x,y,width,height`.
    fn parse(text: &str) -> Result<Part, Failure> {
        let numbers = text.split(',').map(number).collect::<Option<Vec<f32>>>();
        let four = numbers.and_then(|numbers| numbers.try_into().ok());
        Part::new(four.ok_or_else(|| Failure::bad_field("box", text))?)
    }
}

/// A finite number; `None` where that is not what the text says.
fn number(text: &str) -> Option<f32> {
    let number: f32 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

/// One photo of a form.
#[derive(Debug)]
pub(crate) struct Upload {
    /// The file's name, as the sender gave it, without its folders; empty where there was none.
    pub(crate) name: String,
    /// The file, or that it is larger than a photo may be.
    pub(crate) content: Result<Vec<u8>, Failure>,
    /// The part to look at.
    pub(crate) part: Option<Part>,
}

/// A form with photos.
#[derive(Debug)]
pub(crate) struct Form {
    /// The photos in their order; at least one.
    pub(crate) photos: Vec<Upload>,
    /// Whether all show one animal.
    pub(crate) together: bool,
    /// How many breeds are wanted.
    pub(crate) top: usize,
    /// This form's part of the memory, given back when it is dropped.
    pub(crate) memory: Option<Hold>,
}

/// How many breeds are answered where nothing is said.
pub(crate) const TOP: usize = 5;
/// The most that can be asked for.
const MOST: usize = 1000;
/// Fields of a form, of whatever kind: a photo with its part are two.
const FIELDS: usize = 200;
/// The fields that are texts.
const TEXTS: [&str; 7] = [
    "together",
    "top",
    "box",
    "box_left",
    "box_top",
    "box_width",
    "box_height",
];
/// Bytes of a text.
const TEXT: usize = 1000;
/// A field's own header, which forms must not use any more (RFC 7578, section 4.7).
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// The door for uploads: reads them within limits; cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate {
    limits: UploadLimits,
    memory: Memory,
}

impl Gate {
    pub(crate) fn new(limits: UploadLimits) -> Self {
        let memory = Memory::new(Most {
            // A request of the largest size must fit, or it would wait for ever.
            bytes: limits.memory.max(limits.request),
            upload: limits.request,
            reading: limits.reading,
            waiting: limits.waiting,
        });
        Gate { limits, memory }
    }

    /// Whether an upload from that sender would be let in now.
    pub(crate) fn is_open(&self, sender: Sender) -> bool {
        self.memory.is_open(sender)
    }

    /// Remembers that an upload was refused for want of something else that all share.
    pub(crate) fn refused(&self) {
        self.memory.refused();
    }

    /// Reads a form. On failure what the sender still sends is taken and thrown away, so that the
    /// refusal reaches them.
    pub(crate) async fn read(&self, request: Request) -> Result<Form, Failure> {
        let Peer(sender) = request.extensions().get().copied().unwrap_or_default();
        let hold = self.memory.enter(sender).map_err(|Refused| Failure::busy());
        let (parts, body) = request.into_parts();
        let known = body.size_hint().exact();
        let (hold, refusal) = match hold {
            Ok(hold) => (Some(hold), None),
            Err(failure) => (None, Some(failure)),
        };
        let inflow = Inflow::new(body, hold, &self.limits);
        let read = match refusal {
            Some(failure) => Err(failure),
            None => self.read_form(&parts.headers, known, &inflow).await,
        };
        let failure = match read {
            Ok(mut form) => {
                form.memory = inflow.into_hold();
                return Ok(form);
            }
            Err(failure) => failure,
        };
        let failure = match inflow.stopped() {
            Some(Stop::TooLarge) => self.request_too_large(),
            Some(Stop::Slow) => Failure::slow(),
            Some(Stop::Busy) => Failure::busy(),
            Some(Stop::EndlessHead | Stop::Broken) | None => failure,
        };
        inflow.drain(parts.headers.contains_key(header::EXPECT));
        Err(failure)
    }

    /// `length` is the body's, where it is known beforehand.
    async fn read_form(
        &self,
        headers: &HeaderMap,
        length: Option<u64>,
        inflow: &Inflow,
    ) -> Result<Form, Failure> {
        if length.is_some_and(|length| length > self.limits.request as u64) {
            return Err(self.request_too_large());
        }
        if let Some(coding) = coding(headers) {
            return Err(Failure::encoded(&coding));
        }
        let media_type = headers.get(header::CONTENT_TYPE);
        let media_type = Parameters::parse(media_type.map_or(b"", |value| value.as_bytes()));
        if media_type.value != "multipart/form-data" {
            return Err(Failure::not_a_form());
        }
        let boundary = media_type.get("boundary").unwrap_or_default();
        if boundary.is_empty() {
            return Err(Failure::bad_form());
        }
        let body = Unfolded::new(inflow.clone(), boundary);
        let form = Multipart::new(BodyDataStream::new(body), boundary);
        self.read_fields(form, inflow).await
    }

    async fn read_fields(&self, mut form: Multipart<'_>, inflow: &Inflow) -> Result<Form, Failure> {
        let mut read = Form {
            photos: Vec::new(),
            together: false,
            top: TOP,
            memory: None,
        };
        let mut boxes: Vec<Option<Part>> = Vec::new();
        let mut sides: [Option<String>; 4] = Default::default();
        for number in 0.. {
            inflow.begin_head();
            let Some(mut field) = form.next_field().await.map_err(bad_form)? else {
                break;
            };
            inflow.end_head();
            if number == FIELDS {
                return Err(Failure::bad_form());
            }
            let what = What::of(field.headers())?;
            let (bytes, too_long) = self.content(&mut field, &what).await?;
            let field_name = match what {
                // A browser sends one empty file without a name where none was chosen.
                What::Photo { name } if name.is_empty() && bytes.is_empty() && !too_long => {
                    continue;
                }
                What::Photo { name } => {
                    if read.photos.len() == self.limits.photos {
                        return Err(Failure::too_many_photos(self.limits.photos));
                    }
                    read.photos.push(Upload {
                        name,
                        content: match too_long {
                            true => Err(Failure::photo_too_large()),
                            false => Ok(bytes),
                        },
                        part: None,
                    });
                    continue;
                }
                What::Other => continue,
                What::Text(name) => name,
            };
            let value = if too_long {
                String::from_utf8_lossy(&bytes).into_owned()
            } else {
                String::from_utf8(bytes).map_err(bad_form)?
            };
            if too_long {
                return Err(Failure::bad_field(field_name, &value));
            }
            let value = value.trim();
            match field_name {
                "together" => read.together = is_together(value)?,
                "top" if !value.is_empty() => read.top = top(value)?,
                "box" if value.is_empty() => boxes.push(None),
                "box" => boxes.push(Some(Part::parse(value)?)),
                "box_left" => sides[0] = filled(value),
                "box_top" => sides[1] = filled(value),
                "box_width" => sides[2] = filled(value),
                "box_height" => sides[3] = filled(value),
                _ => {}
            }
        }
        if read.photos.is_empty() {
            return Err(Failure::no_photo());
        }
        for (photo, part) in read.photos.iter_mut().zip(boxes) {
            photo.part = part;
        }
        if let Some(part) = from_sides(&sides)? {
            read.photos[0].part = Some(part);
        }
        Ok(read)
    }

    /// What a field holds, and whether that is more than it may: of such a photo nothing is kept, of
    /// such a text the beginning.
    async fn content(
        &self,
        field: &mut Field<'_>,
        what: &What,
    ) -> Result<(Vec<u8>, bool), Failure> {
        let limit = match what {
            What::Photo { .. } => self.limits.photo,
            What::Text(_) => TEXT,
            What::Other => usize::MAX,
        };
        let mut bytes = Vec::new();
        let mut too_long = false;
        while let Some(chunk) = field.chunk().await.map_err(bad_form)? {
            if too_long || matches!(what, What::Other) {
                continue;
            }
            bytes.extend_from_slice(&chunk);
            too_long = bytes.len() > limit;
            match what {
                // The rest is taken, since other photos may follow.
                What::Photo { .. } if too_long => bytes = Vec::new(),
                What::Text(_) if too_long => break,
                _ => {}
            }
        }
        Ok((bytes, too_long))
    }

    fn request_too_large(&self) -> Failure {
        Failure::too_large(self.limits.request)
    }
}

/// Whether the photos are of one animal.
fn is_together(value: &str) -> Result<bool, Failure> {
    match value {
        "1" | "on" | "true" | "yes" => Ok(true),
        "" | "0" | "off" | "false" | "no" => Ok(false),
        _ => Err(Failure::bad_field("together", value)),
    }
}

/// How many breeds are wanted.
fn top(value: &str) -> Result<usize, Failure> {
    let top = value.parse().ok().filter(|top| (1..=MOST).contains(top));
    top.ok_or_else(|| Failure::bad_field("top", value))
}

/// What a field of the form is.
enum What {
    /// A photo, with its file's name, or none.
    Photo { name: String },
    /// One of the texts that the form knows.
    Text(&'static str),
    /// Unknown fields are left alone, as forms everywhere do.
    Other,
}

impl What {
    /// A field is a photo where it has a file's name, as browsers send it, where it is called so, or
    /// where it says that it is a picture: not every program names its files.
    fn of(headers: &HeaderMap) -> Result<What, Failure> {
        let header =
            |name: header::HeaderName| headers.get(name).map_or(&b""[..], |it| it.as_bytes());
        let disposition = Parameters::parse(header(header::CONTENT_DISPOSITION));
        let encoding = Parameters::parse(header(TRANSFER_ENCODING)).value;
        if !matches!(encoding.as_str(), "" | "binary" | "8bit" | "7bit") {
            return Err(Failure::encoded(&encoding));
        }
        let field_name = disposition.get("name").unwrap_or_default();
        let file_name = disposition.get_extended("filename");
        let media_type = Parameters::parse(header(header::CONTENT_TYPE)).value;
        if file_name.is_some() || field_name == "photo" || media_type.starts_with("image/") {
            let name = last_part(&file_name.unwrap_or_default());
            return Ok(What::Photo { name });
        }
        let known = TEXTS.into_iter().find(|name| *name == field_name);
        Ok(known.map_or(What::Other, What::Text))
    }
}

/// The four fields of the form without script, in per cent: an empty left or top is 0, an empty
/// width or height reaches the photo's edge.
fn from_sides(sides: &[Option<String>; 4]) -> Result<Option<Part>, Failure> {
    if sides.iter().all(Option::is_none) {
        return Ok(None);
    }
    let mut values = [None; 4];
    for (value, text) in values.iter_mut().zip(sides) {
        if let Some(text) = text {
            let per_cent = number(&text.replace(',', "."));
            let per_cent = per_cent.ok_or_else(|| Failure::bad_field("box", text))?;
            *value = Some(per_cent / 100.0);
        }
    }
    let [x, y, width, height] = values;
    let (x, y) = (x.unwrap_or(0.0), y.unwrap_or(0.0));
    let part = [x, y, width.unwrap_or(1.0 - x), height.unwrap_or(1.0 - y)];
    Part::new(part).map(Some)
}

fn bad_form(error: impl std::error::Error) -> Failure {
    let source = error.source().map(ToString::to_string);
    tracing::debug!(
        "a form was refused: {error}: {}",
        source.unwrap_or_default()
    );
    Failure::bad_form()
}

fn filled(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_string())
}

/// A file name without its folders, whatever the sender's system.
fn last_part(name: &str) -> String {
    name.rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|character| !character.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests;

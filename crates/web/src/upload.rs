//! Reading a form with photos: bounded in bytes, in time and in the memory of all requests together.
use crate::failure::Failure;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use hyper::body::{Bytes, Frame};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

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
    /// Time without a byte.
    pub silence: Duration,
    /// Time for a whole request to arrive.
    pub arrival: Duration,
    /// Time to wait for memory.
    pub patience: Duration,
}

impl Default for UploadLimits {
    /// 25 MB a photo, 60 MB and 20 photos a request, 256 MB in all, 256 requests waiting; 15 s of
    /// silence, 2 minutes to arrive (4 Mbit/s for the largest), 30 s of waiting.
    fn default() -> Self {
        UploadLimits {
            photo: 25_000_000,
            request: 60_000_000,
            photos: 20,
            memory: 256_000_000,
            waiting: 256,
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
    /// The file.
    pub(crate) bytes: Vec<u8>,
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
    pub(crate) memory: OwnedSemaphorePermit,
}

/// How many breeds are answered where nothing is said.
pub(crate) const TOP: usize = 5;
/// The most that can be asked for.
const MOST: usize = 1000;
/// The unit of the memory's permits, bytes.
const UNIT: usize = 4096;
/// What a refused sender may still send before the connection is cut, bytes and time: a browser
/// shows the refusal only when all it sends has been taken.
const DRAINED: usize = 256_000_000;
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// The memory that all requests share, and who waits for it.
#[derive(Clone)]
pub(crate) struct Gate {
    limits: UploadLimits,
    memory: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) fn new(limits: UploadLimits) -> Self {
        // A request of the largest size must fit, or it would wait for ever.
        let memory = limits.memory.max(limits.request) / UNIT + 1;
        Gate {
            limits,
            memory: Arc::new(Semaphore::new(memory)),
            waiting: Arc::default(),
        }
    }

    /// Whether another request would be let in now.
    pub(crate) fn is_open(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < self.limits.waiting
    }

    /// Reads a form. On failure what the sender still sends is taken and thrown away, so that the
    /// refusal reaches them.
    pub(crate) async fn read(&self, request: Request) -> Result<Form, Failure> {
        let (parts, body) = request.into_parts();
        let length = body.size_hint().exact();
        let body = Shared(Arc::new(Mutex::new(Inflow {
            body,
            taken: 0,
            limit: self.limits.request,
        })));
        let request = Request::from_parts(parts, Body::new(body.clone()));
        let read = self.read_form(request, length).await;
        let Err(failure) = read else { return read };
        let too_large = body.is_too_large();
        body.drain().await;
        Err(if too_large {
            self.request_too_large()
        } else {
            failure
        })
    }

    /// `length` is the body's, where it is known beforehand.
    async fn read_form(&self, request: Request, length: Option<u64>) -> Result<Form, Failure> {
        let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if length.is_some_and(|length| length > self.limits.request) {
            return Err(self.request_too_large());
        }
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().starts_with("multipart/form-data"));
        if !is_form {
            return Err(Failure::not_a_form());
        }
        let memory = self.admit(length.unwrap_or(self.limits.request)).await?;
        let form = Multipart::from_request(request, &())
            .await
            .map_err(bad_form)?;
        let until = Instant::now() + self.limits.arrival;
        timeout_at(until, self.read_fields(form, memory))
            .await
            .unwrap_or_else(|_| Err(Failure::slow()))
    }

    /// Waits for a part of the memory, in a bounded crowd and for a bounded time.
    async fn admit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let permits = u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX);
        if let Ok(permit) = Arc::clone(&self.memory).try_acquire_many_owned(permits) {
            return Ok(permit);
        }
        let crowd = Crowd::join(&self.waiting);
        if crowd.before >= self.limits.waiting {
            return Err(Failure::busy());
        }
        let acquired = Arc::clone(&self.memory).acquire_many_owned(permits);
        match timeout(self.limits.patience, acquired).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Failure::busy()),
        }
    }

    async fn read_fields(
        &self,
        mut form: Multipart,
        memory: OwnedSemaphorePermit,
    ) -> Result<Form, Failure> {
        let mut read = Form {
            photos: Vec::new(),
            together: false,
            top: TOP,
            memory,
        };
        let mut boxes: Vec<Option<Part>> = Vec::new();
        let mut sides: [Option<String>; 4] = Default::default();
        loop {
            let next = timeout(self.limits.silence, form.next_field()).await;
            let Some(mut field) = next.map_err(|_| Failure::slow())?.map_err(bad_form)? else {
                break;
            };
            let field_name = field.name().unwrap_or_default().to_string();
            let file_name = field.file_name().map(last_part);
            let mut bytes = Vec::new();
            loop {
                let chunk = timeout(self.limits.silence, field.chunk()).await;
                let Some(chunk) = chunk.map_err(|_| Failure::slow())?.map_err(bad_form)? else {
                    break;
                };
                bytes.extend_from_slice(&chunk);
                if bytes.len() > self.limits.photo {
                    let name = file_name.unwrap_or_default();
                    return Err(
                        Failure::too_large(self.limits.photo).about(read.photos.len(), &name)
                    );
                }
            }
            if let Some(name) = file_name {
                // A browser sends one empty file without a name where none was chosen.
                if name.is_empty() && bytes.is_empty() {
                    continue;
                }
                if read.photos.len() == self.limits.photos {
                    return Err(Failure::too_many_photos(self.limits.photos));
                }
                read.photos.push(Upload {
                    name,
                    bytes,
                    part: None,
                });
                continue;
            }
            let value = String::from_utf8(bytes).map_err(bad_form)?;
            let value = value.trim();
            match field_name.as_str() {
                "together" => {
                    read.together = match value {
                        "1" | "on" | "true" | "yes" => true,
                        "" | "0" | "off" | "false" | "no" => false,
                        _ => return Err(Failure::bad_field("together", value)),
                    }
                }
                "top" if !value.is_empty() => {
                    read.top = value
                        .parse()
                        .ok()
                        .filter(|top| (1..=MOST).contains(top))
                        .ok_or_else(|| Failure::bad_field("top", value))?;
                }
                "box" if value.is_empty() => boxes.push(None),
                "box" => boxes.push(Some(Part::parse(value)?)),
                "box_left" => sides[0] = filled(value),
                "box_top" => sides[1] = filled(value),
                "box_width" => sides[2] = filled(value),
                "box_height" => sides[3] = filled(value),
                // Unknown fields are left alone, as forms everywhere do.
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

    fn request_too_large(&self) -> Failure {
        Failure::too_large(self.limits.request)
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

/// One who waits; leaves the crowd when dropped.
struct Crowd<'a> {
    waiting: &'a AtomicUsize,
    before: usize,
}

impl<'a> Crowd<'a> {
    fn join(waiting: &'a AtomicUsize) -> Self {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        Crowd { waiting, before }
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that ends in an error where it grows too large, and that can still be drained when the
/// form's reader has given up. The limit stands here because the reader takes in whatever has
/// arrived before it hands out anything.
#[derive(Clone)]
struct Shared(Arc<Mutex<Inflow>>);

struct Inflow {
    body: Body,
    /// Bytes taken so far.
    taken: usize,
    limit: usize,
}

/// The body is larger than it may be.
#[derive(Debug, thiserror::Error)]
#[error("the body is too large")]
struct TooLarge;

impl Shared {
    fn inflow(&self) -> MutexGuard<'_, Inflow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_too_large(&self) -> bool {
        let inflow = self.inflow();
        inflow.taken > inflow.limit
    }

    async fn drain(self) {
        let drained = async {
            while self.inflow().taken <= DRAINED {
                match std::future::poll_fn(|context| self.poll(context)).await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                }
            }
        };
        let _ = timeout(DRAIN_TIME, drained).await;
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut inflow = self.inflow();
        let polled = Pin::new(&mut inflow.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            inflow.taken += frame.data_ref().map_or(0, Bytes::len);
        }
        polled
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = self.poll(context);
        if self.is_too_large() {
            return Poll::Ready(Some(Err(axum::Error::new(TooLarge))));
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_or_refused() {
        let part = Part::parse("0.1, 0.2,0.3,0.4").unwrap();
        assert_eq!((part.x, part.height), (0.1, 0.4));
        for (wrong, kind) in [
            ("", "bad_request"),
            ("1,2,3", "bad_request"),
            ("0,0,1,1,1", "bad_request"),
            ("0,0,0,1", "box_too_small"),
            ("0,0,1,-1", "box_too_small"),
            ("-0.1,0,1,1", "box_outside"),
            ("0.6,0,0.5,1", "box_outside"),
            ("nan,0,1,1", "bad_request"),
            ("0,0,inf,1", "bad_request"),
            ("a,b,c,d", "bad_request"),
            ("0,0,NaN,1", "bad_request"),
        ] {
            assert_eq!(Part::parse(wrong).unwrap_err().kind(), kind, "{wrong}");
        }
    }

    #[test]
    fn empty_sides_reach_the_edges() {
        let side = |text: &str| Some(text.to_string());
        let part = from_sides(&[side("25"), None, None, side("50,5")])
            .unwrap()
            .unwrap();
        assert_eq!(
            [part.x, part.y, part.width, part.height],
            [0.25, 0.0, 0.75, 0.505]
        );
        assert_eq!(from_sides(&Default::default()).unwrap(), None);
        let kind = |sides: &[Option<String>; 4]| from_sides(sides).unwrap_err().kind();
        assert_eq!(kind(&[side("120"), None, None, None]), "box_outside");
        assert_eq!(kind(&[side("60"), None, side("50"), None]), "box_outside");
        assert_eq!(kind(&[None, side("100"), None, None]), "box_outside");
        assert_eq!(kind(&[None, None, None, side("0")]), "box_too_small");
        assert_eq!(kind(&[side("x"), None, None, None]), "bad_request");
    }

    #[test]
    fn a_file_name_loses_its_folders() {
        assert_eq!(last_part("C:\\Photos\\rex.jpg"), "rex.jpg");
        assert_eq!(last_part("../../etc/passwd"), "passwd");
        assert_eq!(last_part("a\nb.jpg"), "ab.jpg");
    }
}

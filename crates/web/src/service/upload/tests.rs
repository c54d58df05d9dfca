//! Fields of forms, and senders who are slow or wait for memory, by a clock that jumps.
use super::*;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, interval, sleep};

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

// ---- senders ----------------------------------------------------------------------------------

/// A body of so many bytes, as its length says, that arrives piece by piece.
struct Drip {
    rest: Bytes,
    first: usize,
    piece: usize,
    every: Interval,
    length: u64,
}

impl Drip {
    fn new(content: &[u8], piece: usize, every: Duration, length: u64) -> Self {
        Drip {
            rest: Bytes::copy_from_slice(content),
            first: piece,
            piece,
            every: interval(every),
            length,
        }
    }

    fn every_second(content: &[u8], piece: usize, length: u64) -> Self {
        Drip::new(content, piece, Duration::from_secs(1), length)
    }
}

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::ready!(self.every.poll_tick(context));
        if self.rest.is_empty() {
            return if self.length == 0 {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        let next = self.piece;
        let piece = std::mem::replace(&mut self.first, next).min(self.rest.len());
        self.length -= piece as u64;
        let piece = self.rest.split_to(piece);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// A form of one photo of 40,000 bytes.
fn one_photo() -> Vec<u8> {
    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\n".to_vec();
    form.extend([7; 40_000]);
    form.extend(b"\r\n--b--\r\n");
    form
}

/// Reads a body sent by the machine 192.0.2.LAST.
fn send(gate: &Gate, last: u8, body: impl Into<Body>) -> JoinHandle<Result<Form, Failure>> {
    let address = std::net::IpAddr::from([192, 0, 2, last]);
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .extension(Peer(Sender::new(Some(address))))
        .body(body.into())
        .unwrap();
    let gate = gate.clone();
    tokio::spawn(async move { gate.read(request).await })
}

/// A photo that arrives at so many bytes a second.
fn photo_at(rate: usize) -> Body {
    let body = one_photo();
    Body::new(Drip::every_second(&body, rate, body.len() as u64))
}

/// Ten bytes a second, of as many as may be.
fn trickle() -> Body {
    Body::new(Drip::every_second(&one_photo(), 10, 60_000_000))
}

fn kind(read: &Result<Form, Failure>) -> &'static str {
    read.as_ref().map_or_else(Failure::kind, |_| "a form")
}

#[tokio::test(start_paused = true)]
async fn slow_senders_keep_nobody_out_and_are_cut_off() {
    let gate = Gate::new(UploadLimits::default());
    let begun = Instant::now();
    let senders: Vec<_> = (0..5).map(|_| send(&gate, 1, trickle())).collect();
    sleep(Duration::from_secs(5)).await;
    for last in [1, 2] {
        let read = send(&gate, last, one_photo()).await.unwrap();
        assert_eq!(kind(&read), "a form");
    }
    // The clock jumps to the next timer whenever all wait: nobody did.
    assert!(begun.elapsed() < Duration::from_secs(6));
    for sender in senders {
        let failure = sender.await.unwrap().unwrap_err();
        assert_eq!(failure.status(), StatusCode::REQUEST_TIMEOUT);
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_burst_buys_no_time_to_be_slow() {
    let gate = Gate::new(UploadLimits::default());
    let begun = Instant::now();
    let mut body = one_photo();
    body.truncate(30_000);
    body.resize(600_000, 7);
    // Nearly all at once, then 100 bytes a second: 60 kB/s on the whole.
    let burst = Drip {
        first: 590_000,
        ..Drip::every_second(&body, 100, 60_000_000)
    };
    let read = send(&gate, 1, Body::new(burst)).await.unwrap();
    assert_eq!(kind(&read), "timeout");
    assert!(begun.elapsed() < Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_phone_on_a_thin_line_is_read() {
    let gate = Gate::new(UploadLimits::default());
    assert_eq!(
        kind(&send(&gate, 1, photo_at(1500)).await.unwrap()),
        "a form"
    );
    // 2 kB/s in the mean, with holes.
    let body = one_photo();
    let holes = Drip::new(&body, 20_000, Duration::from_secs(10), body.len() as u64);
    assert_eq!(
        kind(&send(&gate, 1, Body::new(holes)).await.unwrap()),
        "a form"
    );
    assert_eq!(
        kind(&send(&gate, 1, photo_at(500)).await.unwrap()),
        "timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_memory_is_not_slow() {
    let length = one_photo().len();
    let gate = Gate::new(UploadLimits {
        memory: 0,
        request: length,
        ..UploadLimits::default()
    });
    let first = send(&gate, 1, photo_at(2000));
    sleep(Duration::from_millis(500)).await;
    // It waits 20 s, longer than any silence may last, and then sends at its own rate.
    let second = send(&gate, 2, photo_at(2000));
    assert_eq!(kind(&first.await.unwrap()), "a form");
    assert_eq!(kind(&second.await.unwrap()), "a form");
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_refused_and_nobody_is_told_that_there_is_room() {
    let length = one_photo().len();
    let gate = Gate::new(UploadLimits {
        memory: 0,
        request: length,
        patience: Duration::from_secs(3),
        ..UploadLimits::default()
    });
    let sender = Sender::default();
    let first = send(&gate, 1, photo_at(2000));
    sleep(Duration::from_millis(500)).await;
    assert!(gate.is_open(sender));
    let begun = Instant::now();
    let second = send(&gate, 2, one_photo()).await.unwrap();
    assert_eq!(kind(&second), "busy");
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(!gate.is_open(sender));
    sleep(Duration::from_secs(3)).await;
    assert!(gate.is_open(sender));
    assert_eq!(kind(&first.await.unwrap()), "a form");
}

#[tokio::test(start_paused = true)]
async fn many_large_uploads_at_once_are_all_read() {
    // Together twenty times what there is room for.
    let length = one_photo().len();
    let gate = Gate::new(UploadLimits {
        memory: 3 * length,
        request: length,
        patience: Duration::from_secs(600),
        ..UploadLimits::default()
    });
    let sent: Vec<_> = (0..60)
        .map(|number| send(&gate, number % 3, photo_at(20_000)))
        .collect();
    for read in sent {
        let form = read.await.unwrap().unwrap();
        assert_eq!(form.photos[0].content.as_ref().unwrap().len(), 40_000);
    }
}

#[tokio::test]
async fn a_form_holds_what_it_brought_until_it_is_dropped() {
    let gate = Gate::new(UploadLimits {
        memory: 0,
        request: 50_000,
        waiting: 0,
        ..UploadLimits::default()
    });
    let held = send(&gate, 1, one_photo()).await.unwrap().unwrap();
    assert_eq!(kind(&send(&gate, 2, one_photo()).await.unwrap()), "busy");
    drop(held);
    assert_eq!(kind(&send(&gate, 2, one_photo()).await.unwrap()), "a form");
}

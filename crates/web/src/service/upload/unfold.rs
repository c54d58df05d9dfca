//! The heads of a form's parts with each header on one line. MIME lets a header go on in the next line
//! where that begins with a space (RFC 2046, section 5.1; RFC 5322, section 2.2.3); the form's reader
//! does not. No byte comes or goes: a line's end becomes two spaces.
use axum::body::HttpBody;
use hyper::body::{Bytes, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body whose parts' heads are unfolded.
pub(super) struct Unfolded<B> {
    body: B,
    heads: Heads,
}

impl<B> Unfolded<B> {
    pub(super) fn new(body: B, boundary: &str) -> Self {
        let heads = Heads::new(boundary);
        Unfolded { body, heads }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Unfolded<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => {
                let bytes = frame.into_data().unwrap_or_default();
                Some(Ok(Frame::data(self.heads.unfold(&bytes).into())))
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                let held = std::mem::take(&mut self.heads.held);
                (!held.is_empty()).then(|| Ok(Frame::data(held.into())))
            }
        };
        Poll::Ready(frame)
    }
}

/// Where a form is: in a part's content, or in the lines between a boundary and it.
struct Heads {
    /// What stands before every part but the first, which needs no line's end before it.
    delimiter: Vec<u8>,
    /// In a content: so many bytes of the delimiter stand behind.
    matched: usize,
    in_head: bool,
    /// In a head: whether this is still the boundary's own line, and whether the line is empty so far.
    first: bool,
    empty: bool,
    /// A line's end in a head, or the beginning of one, until what comes next says what it is.
    held: Vec<u8>,
}

impl Heads {
    fn new(boundary: &str) -> Self {
        Heads {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            matched: 2,
            in_head: false,
            first: false,
            empty: false,
            held: Vec::new(),
        }
    }

    fn unfold(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut unfolded = Vec::with_capacity(self.held.len() + bytes.len());
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.in_head {
                self.head(byte, &mut unfolded);
            } else if self.matched == 0 && byte != b'\r' {
                // Photos are long: what begins no delimiter goes in one piece.
                let next = rest.iter().position(|&byte| byte == b'\r');
                let (plain, behind) = rest.split_at(next.unwrap_or(rest.len()));
                unfolded.extend_from_slice(plain);
                rest = behind;
                continue;
            } else {
                self.content(byte, &mut unfolded);
            }
            rest = behind;
        }
        unfolded
    }

    fn content(&mut self, byte: u8, unfolded: &mut Vec<u8>) {
        unfolded.push(byte);
        // A return stands at the delimiter's beginning alone.
        self.matched = match byte == self.delimiter[self.matched] {
            true => self.matched + 1,
            false => usize::from(byte == b'\r'),
        };
        if self.matched == self.delimiter.len() {
            (self.in_head, self.first, self.matched) = (true, true, 0);
        }
    }

    fn head(&mut self, byte: u8, unfolded: &mut Vec<u8>) {
        match (&self.held[..], byte) {
            (b"\r\n", b' ' | b'\t') if !self.first => {
                self.held.clear();
                unfolded.extend([b' ', b' ']);
            }
            (b"\r\n", _) => {
                unfolded.append(&mut self.held);
                (self.first, self.empty) = (false, true);
            }
            (b"\r", b'\n') => {
                self.held.push(byte);
                if self.empty && !self.first {
                    unfolded.append(&mut self.held);
                    self.in_head = false;
                }
                return;
            }
            _ => unfolded.append(&mut self.held),
        }
        if byte == b'\r' {
            self.held.push(byte);
        } else {
            unfolded.push(byte);
            self.empty = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form unfolded in pieces of so many bytes.
    fn unfolded(form: &str, piece: usize) -> String {
        let mut heads = Heads::new("b");
        let pieces = form.as_bytes().chunks(piece);
        let mut bytes: Vec<u8> = pieces.flat_map(|piece| heads.unfold(piece)).collect();
        bytes.append(&mut heads.held);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn headers_are_unfolded_and_contents_are_not_touched() {
        let content = "\r\n x\r\n\ty\r\n-\r\n--\r\n--a\r\n z\r\r\n ";
        for (form, expected) in [
            ("--b\r\nA: 1;\r\n x=2\r\n\r\n", "--b\r\nA: 1;   x=2\r\n\r\n"),
            (
                "--b\r\nA: 1;\r\n\tx\r\n y\r\nB: 2\r\n\r\n",
                "--b\r\nA: 1;  \tx   y\r\nB: 2\r\n\r\n",
            ),
            // What is no fold: a first line with a space, a return or a line's end alone, no header.
            ("--b\r\n A: 1\r\n\r\n", "--b\r\n A: 1\r\n\r\n"),
            (
                "--b  \r\nA: 1\r x\n y\r\n\r\n",
                "--b  \r\nA: 1\r x\n y\r\n\r\n",
            ),
            ("--b\r\n\r\n", "--b\r\n\r\n"),
            (
                "before\r\n x\r\n--b\r\nA:\r\n 1\r\n\r\n",
                "before\r\n x\r\n--b\r\nA:   1\r\n\r\n",
            ),
        ] {
            let end = "\r\n--b--\r\n";
            for piece in 1..form.len() {
                let whole = format!("{form}{content}\r\n{form}{content}{end}");
                let wanted = format!("{expected}{content}\r\n{expected}{content}{end}");
                assert_eq!(unfolded(&whole, piece), wanted, "{form:?} by {piece}");
                // However little of it came.
                let cut = &whole[..piece];
                assert_eq!(unfolded(cut, 1).len(), cut.len());
            }
        }
    }
}

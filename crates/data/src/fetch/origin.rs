//! Where the bytes of an archive come from: an address or a folder, from any place in the file on.
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use super::FetchError;

/// Where to fetch from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An address that the files' names are put behind, `http://` or `https://`.
    Address(String),
    /// A folder that holds the files.
    Folder(PathBuf),
    /// The address of the very file, whatever its name.
    FileAddress(String),
    /// The very file, whatever its name.
    File(PathBuf),
}

/// The bytes from `start` on.
pub(super) struct Stream {
    /// Where in the file they begin: 0 where the other side cannot do better.
    pub start: u64,
    /// The length of the whole file, where it is said.
    pub length: Option<u64>,
    pub reader: Box<dyn Read>,
}

/// Why there is no stream.
pub(super) enum Unopened {
    /// Trying again makes no difference.
    Refused(FetchError),
    /// It may go better in a while.
    Broken(String),
}

/// Opens files of an origin.
pub(super) struct Opener<'a> {
    origin: &'a Origin,
    agent: ureq::Agent,
}

impl<'a> Opener<'a> {
    /// `patience` is how long the other side may say nothing.
    pub(super) fn new(origin: &'a Origin, patience: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(patience))
            .user_agent(concat!("museau/", env!("CARGO_PKG_VERSION")))
            .build();
        Opener {
            origin,
            agent: config.new_agent(),
        }
    }

    /// The address or the path of a file, for people.
    pub(super) fn place(&self, name: &str) -> String {
        match self.origin {
            Origin::Address(address) => format!("{}/{name}", address.trim_end_matches('/')),
            Origin::Folder(folder) => folder.join(name).display().to_string(),
            Origin::FileAddress(address) => address.clone(),
            Origin::File(path) => path.display().to_string(),
        }
    }

    /// The bytes of a file from `start` on, or from its beginning where that cannot be had.
    pub(super) fn open(&self, name: &str, start: u64) -> Result<Stream, Unopened> {
        let path = match self.origin {
            Origin::Address(_) | Origin::FileAddress(_) => {
                return self.open_address(&self.place(name), start);
            }
            Origin::Folder(folder) => folder.join(name),
            Origin::File(path) => path.clone(),
        };
        let refused = |error: io::Error| {
            Unopened::Refused(FetchError::Refused {
                place: self.place(name),
                answer: error.to_string(),
            })
        };
        let mut file = tensor::open_regular(&path).map_err(refused)?;
        let length = file.metadata().map_err(refused)?.len();
        file.seek(SeekFrom::Start(start)).map_err(refused)?;
        Ok(Stream {
            start,
            length: Some(length),
            reader: Box::new(file),
        })
    }

    fn open_address(&self, place: &str, start: u64) -> Result<Stream, Unopened> {
        const PARTIAL: u16 = 206;
        const NOT_SATISFIABLE: u16 = 416;
        let refused = |answer: String| {
            let place = place.to_owned();
            Unopened::Refused(FetchError::Refused { place, answer })
        };
        let mut request = self.agent.get(place);
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(ureq::Error::BadUri(why)) => return Err(refused(why)),
            Err(error) => return Err(Unopened::Broken(error.to_string())),
        };
        let status = response.status();
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let length = header("content-length").and_then(|text| text.parse::<u64>().ok());
        let (start, length) = if status.as_u16() == PARTIAL && start > 0 {
            let range = header("content-range").and_then(|text| ContentRange::parse(&text));
            match range {
                Some(range) if range.first == start => (start, range.length),
                // Not what was asked for: without a range it may go better.
                _ => return self.open_address(place, 0),
            }
        } else if status.as_u16() == NOT_SATISFIABLE && start > 0 {
            return self.open_address(place, 0);
        } else if status.is_success() {
            (0, length)
        } else if status.is_server_error() || status.as_u16() == 429 {
            return Err(Unopened::Broken(status.to_string()));
        } else {
            return Err(refused(status.to_string()));
        };
        Ok(Stream {
            start,
            length,
            reader: Box::new(response.into_body().into_reader()),
        })
    }
}

/// `bytes 100-199/1000` (RFC 9110, section 14.4).
struct ContentRange {
    first: u64,
    length: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some(ContentRange {
            first: first.trim().parse().ok()?,
            length: length.trim().parse().ok(),
        })
    }
}

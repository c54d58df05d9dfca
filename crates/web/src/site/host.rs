//! The name under which a request was sent: whether it is this computer's own.
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Version, header};
use std::net::IpAddr;

/// The host that a request is for, if it says so: that of a whole address (`GET http://host/path`),
/// else its `Host`. What is no text is nobody's own.
pub(crate) fn of(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let host = request.headers().get(header::HOST)?;
    Some(host.to_str().unwrap_or_default())
}

/// Whether a request says which host it is for as HTTP wants it (RFC 9112, section 3.2): once, by a
/// host and perhaps a port; before HTTP/1.1 it need not.
pub(crate) fn is_said(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        return request.version() < Version::HTTP_11;
    };
    let is_host =
        |host: &str| host.is_empty() || (!host.contains('@') && host.parse::<Authority>().is_ok());
    hosts.next().is_none() && host.to_str().is_ok_and(is_host)
}

/// Whether a host (`127.0.0.1:8000`, `[::1]`, `localhost`) is an address, or this computer's own name
/// for itself: nobody else's name.
pub(crate) fn is_own(host: &str) -> bool {
    let (name, _) = name_and_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Whether two hosts are the same: their names in any case, with or without the dot that ends a whole
/// name.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let ((one, port), (other, other_port)) = (name_and_port(one), name_and_port(other));
    one.eq_ignore_ascii_case(other) && port == other_port
}

fn name_and_port(host: &str) -> (&str, Option<&str>) {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    };
    (name.strip_suffix('.').unwrap_or(name), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, hosts: &[&str]) -> Request {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(axum::body::Body::empty()).unwrap()
    }

    #[test]
    fn a_request_says_its_host_once() {
        for hosts in [&["museau:8000"][..], &["[::1]:80"], &["localhost"], &[""]] {
            assert!(is_said(&request("/", hosts)), "{hosts:?}");
        }
        for hosts in [
            &[][..],
            &["a", "a"],
            &["a b"],
            &["a/b"],
            &["me@a"],
            &["a:b:c"],
        ] {
            assert!(!is_said(&request("/", hosts)), "{hosts:?}");
        }
        let mut old = request("/", &[]);
        *old.version_mut() = Version::HTTP_10;
        assert!(is_said(&old));
    }

    #[test]
    fn a_whole_address_comes_before_the_header() {
        assert_eq!(of(&request("/", &["a:1"])), Some("a:1"));
        assert_eq!(
            of(&request("http://evil.example/x", &["a:1"])),
            Some("evil.example")
        );
        assert_eq!(of(&request("/", &[])), None);
    }

    #[test]
    fn only_addresses_and_localhost_are_this_computer() {
        for own in [
            "127.0.0.1:8000",
            "localhost",
            "localhost:1",
            "Localhost:8000",
            "[::1]:80",
            "192.168.1.2",
            "LOCALHOST.:8000",
            "localhost.",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "evil.example:8000",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil",
            "localhost..",
            ".localhost",
            ".",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
        assert!(is_same("localhost:80", "LocalHost.:80") && is_same("[::1]", "[::1]"));
        assert!(!is_same("localhost:80", "localhost:81") && !is_same("localhost", "localhost:80"));
    }
}

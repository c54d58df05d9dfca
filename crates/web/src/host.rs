//! The name under which a request was sent: whether it is this computer's own.
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// The `Host` of a request, if it has one; what is no text is nobody's own.
pub(crate) fn of(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?;
    Some(host.to_str().unwrap_or_default())
}

/// Whether a host (`127.0.0.1:8000`, `[::1]`, `localhost`) is an address, or this computer's own name
/// for itself: nobody else's name.
pub(crate) fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_this_computer() {
        for own in [
            "127.0.0.1:8000",
            "localhost",
            "localhost:1",
            "Localhost:8000",
            "[::1]:80",
            "192.168.1.2",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "evil.example:8000",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}

//! What a connection shows: the host that a request names, methods and targets of every form, and
//! clients who connect and say nothing.
use crate::common::{BOUNDARY, Double, form, options, photo};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use web::ServerEvent;

/// A server on a socket, for as long as the tests run.
fn serve() -> SocketAddr {
    let (ready, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut options = options(Arc::new(Double::new()));
        options.language = words::Language::English;
        let tell = move |event| {
            if let ServerEvent::Ready(address) = event {
                ready.send(address).unwrap();
            }
        };
        web::serve("127.0.0.1:0", options, tell).unwrap();
    });
    address.recv().unwrap()
}

/// The whole answer to `request`, after which the server closes the connection or falls silent.
fn answer(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(address: SocketAddr, head: &str) -> String {
    let answer = answer(
        address,
        format!("{head}\r\nConnection: close\r\n\r\n").as_bytes(),
    );
    answer.get(9..12).unwrap_or_default().to_owned()
}

#[test]
fn a_request_says_its_host_once() {
    let address = serve();
    for (head, expected) in [
        ("GET /healthz HTTP/1.1\r\nHost: localhost", "200"),
        ("GET /healthz HTTP/1.1\r\nhOST:127.0.0.1:8000", "200"),
        ("GET /healthz HTTP/1.0", "200"),
        ("GET /healthz HTTP/1.1", "400"),
        ("GET / HTTP/1.1", "400"),
        ("POST /api/v1/classify HTTP/1.1", "400"),
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
            "400",
        ),
        ("GET /healthz HTTP/1.1\r\nHost: local host", "400"),
        ("GET /healthz HTTP/1.1\r\nHost: me@localhost", "400"),
        // A whole address says more than the header, which a program in between may have set.
        (
            "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost",
            "200",
        ),
        (
            "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost",
            "421",
        ),
        ("GET http://evil.example/healthz HTTP/1.0", "421"),
        ("GET http://localhost/healthz HTTP/1.1", "400"),
    ] {
        assert_eq!(status(address, head), expected, "{head}");
    }
    let refused = answer(address, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(
        refused.contains("one Host header"),
        "in the server's language: {refused}"
    );
    let refused = answer(
        address,
        b"GET / HTTP/1.1\r\nAccept-Language: fr\r\nConnection: close\r\n\r\n",
    );
    assert!(!refused.contains("one Host header"), "{refused}");
    let refused = answer(
        address,
        b"GET / HTTP/1.1\r\nAccept-Language: en\r\nConnection: close\r\n\r\n",
    );
    assert!(refused.contains("application/problem+json"), "{refused}");
    assert!(
        refused.contains("no_host") && refused.contains("one Host header"),
        "{refused}"
    );
}

#[test]
fn methods_and_targets_of_every_form_are_answered() {
    let address = serve();
    for (target, expected) in [
        ("HEAD / HTTP/1.1", "200"),
        ("HEAD /readyz HTTP/1.1", "200"),
        ("HEAD /api/v1/classify HTTP/1.1", "405"),
        ("OPTIONS * HTTP/1.1", "404"),
        ("CONNECT localhost:80 HTTP/1.1", "404"),
        ("GET /healthz/ HTTP/1.1", "404"),
        ("GET //evil.example HTTP/1.1", "404"),
        ("GET /%00 HTTP/1.1", "404"),
        ("GET /assets/../healthz HTTP/1.1", "404"),
    ] {
        let head = format!("{target}\r\nHost: localhost");
        assert_eq!(status(address, &head), expected, "{target}");
    }
}

#[test]
fn a_body_comes_in_chunks_or_once_it_is_asked_for() {
    let address = serve();
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    let head = format!(
        "POST /api/v1/classify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    );
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(1000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let got = answer(address, &chunked);
    assert!(got.starts_with("HTTP/1.1 200"), "{got}");

    // Who asks first whether to send is told so, or refused without having to.
    let length = format!("Content-Length: {}\r\n", body.len());
    let mut stream = TcpStream::connect(address).unwrap();
    let asking = format!("{head}{length}Expect: 100-continue\r\n\r\n");
    stream.write_all(asking.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&body).unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).unwrap();
    assert!(got.starts_with("HTTP/1.1 200"), "{got}");
    let large = format!("{head}Content-Length: 600000000\r\nExpect: 100-continue\r\n\r\n");
    let got = answer(address, large.as_bytes());
    assert!(got.starts_with("HTTP/1.1 413"), "{got}");
    assert!(!got.contains("100 Continue"), "{got}");
}

#[test]
fn a_refusal_does_not_wait_for_the_rest_of_the_body() {
    let address = serve();
    let head = "POST /api/v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\
                Content-Length: 1000000\r\n\r\nonly this";
    let mut stream = TcpStream::connect(address).unwrap();
    // Far less than what a refused sender is given for the rest.
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 415");
    // The connection is good for another request once the rest has come.
    stream.write_all(&vec![b' '; 1_000_000 - 9]).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("ok\n"), "{rest}");
}

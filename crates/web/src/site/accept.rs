//! From a socket to the router: connections with time limits and a cap, and a graceful stop.
use crate::site::connections::Connections;
use crate::site::peer::{Peer, Sender};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// Time for a request's head to arrive, and for a kept connection to ask again.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// Connections open at a time; for another, the one that has waited longest for its client is closed.
/// Under the usual limit of 1,024 open files.
const CONNECTIONS: usize = 512;
/// Time for a client to take the next bytes of an answer: one that never reads would hold its place.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// Bytes of one request's head.
const HEAD_BYTES: usize = 64 * 1024;
/// Time for the requests under way to end, once the server is asked to stop.
const STOP_TIME: Duration = Duration::from_secs(20);

/// Accepts connections until `stop` is done, then lets the requests under way end.
pub(super) async fn run(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    accept(listener, router, stop, CONNECTIONS).await;
}

/// The same with so many connections at a time.
async fn accept(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    connections: usize,
) {
    let connections = Connections::new(connections);
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES);
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file handles, or a connection gone at once: the next may do better.
                    tracing::warn!("a connection was not accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let client = tokio::select! {
            client = connections.let_in() => client,
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIME));
        let peer = Peer(Sender::new(Some(address.ip())));
        let service = service_fn({
            let (client, router) = (Arc::clone(&client), router.clone());
            move |request: hyper::Request<Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                Arc::clone(&client).serve(router.clone().oneshot(request))
            }
        });
        let io = TokioIo::new(Box::pin(stream));
        let connection = graceful.watch(http.serve_connection(io, service));
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!("a connection ended early: {error}");
                },
                () = client.sent_away() => {
                    tracing::debug!("a connection that waited made room for another");
                }
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_TIME, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were cut off at the end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::guard::Doors;
    use crate::{Options, Recognise};
    use axum::routing::get;
    use classify::{Answer, ModelName};
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use vision::Photo;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: museau\r\n\r\n";

    /// A server whose only page takes a while.
    async fn serve() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let router = Router::new().route(
            "/",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                "done"
            }),
        );
        // More than the buffers of a connection hold.
        let router = router.route("/large", get(|| async { vec![0u8; 64 << 20] }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let asked = async move { stopped.await.unwrap() };
        (address, stop, tokio::spawn(run(listener, router, asked)))
    }

    #[tokio::test]
    async fn a_stop_lets_requests_end_and_takes_no_new_ones() {
        let (address, stop, server) = serve().await;
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(REQUEST).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        let mut answer = String::new();
        asking.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("done"), "{answer}");
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    /// A model that waits at its first photo until it is let go, and counts its photos.
    struct Held {
        name: ModelName,
        begun: AtomicUsize,
        release: Mutex<mpsc::Receiver<()>>,
    }

    impl Recognise for Held {
        fn recognise(
            &self,
            photos: &mut dyn Iterator<Item = Photo>,
            _top: usize,
        ) -> anyhow::Result<Option<Answer>> {
            photos.next();
            self.begun.fetch_add(1, Ordering::SeqCst);
            self.release.lock().unwrap().recv()?;
            anyhow::bail!("its answer is not looked at")
        }

        fn explain(&self, _photo: &Photo) -> anyhow::Result<Option<Photo>> {
            Ok(None)
        }

        fn model(&self) -> &ModelName {
            &self.name
        }

        fn breeds(&self, _language: words::Language) -> Vec<&str> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn the_photos_of_clients_who_left_are_not_looked_at() {
        let (release, held) = mpsc::channel();
        let model = Arc::new(Held {
            name: ModelName {
                name: "held".into(),
                version: "1".into(),
            },
            begun: AtomicUsize::new(0),
            release: Mutex::new(held),
        });
        let mut options = Options::new(vec![crate::apps::classify()], Some(model.clone()));
        options.compute_threads = 1;
        options.compute_waiting = 8;
        let opened = crate::open(options, Doors::Open).unwrap();
        let service = opened.service.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(run(listener, opened.router, std::future::pending()));

        let photo = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/photos/beagle_14.jpg"
        );
        let mut form = b"--b\r\nContent-Disposition: form-data; name=\"photo\"; \
            filename=\"a.jpg\"\r\n\r\n"
            .to_vec();
        form.extend(std::fs::read(photo).unwrap());
        form.extend(b"\r\n--b--\r\n");
        let head = format!(
            "POST /api/v1/classify HTTP/1.1\r\nHost: museau\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
            form.len()
        );
        let upload = [head.as_bytes(), &form].concat();
        let ask = async || {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(&upload).await.unwrap();
            client
        };
        let first = ask().await;
        while model.begun.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The queue is full as soon as one is answered, by a refusal.
        let mut waiting = Vec::new();
        loop {
            let mut client = ask().await;
            let answer = tokio::time::timeout(Duration::from_millis(100), client.read_u8());
            if answer.await.is_ok() {
                break;
            }
            waiting.push(client);
        }
        assert!(waiting.len() >= 8);
        drop((first, waiting));
        // The server's connections are polled by this thread, in the order of what happens: a pause
        // ends after what the clients did before it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..=8 {
            release.send(()).unwrap();
        }
        let emptied = async {
            while service.run(|| Ok(())).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), emptied)
            .await
            .unwrap();
        assert_eq!(model.begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn silent_clients_keep_nobody_out() {
        let router = Router::new().route("/", get(|| async { "done" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(accept(listener, router, std::future::pending(), 4));
        let mut silent = Vec::new();
        for number in 0..12 {
            let mut client = TcpStream::connect(address).await.unwrap();
            match number % 3 {
                0 => {}
                1 => client.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap(),
                // This one has been answered and keeps the connection.
                _ => {
                    client.write_all(REQUEST).await.unwrap();
                    client.read_u8().await.unwrap();
                }
            }
            silent.push(client);
        }
        let asked = async {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(REQUEST).await.unwrap();
            let mut begin = [0; 12];
            client.read_exact(&mut begin).await.unwrap();
            begin
        };
        // Sooner than any of the silent ones is given up.
        let answer = tokio::time::timeout(HEAD_TIME / 3, asked).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn who_never_finishes_a_request_is_hung_up_on() {
        let (address, _stop, _server) = serve().await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: mus")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        // From here on the clock jumps to the next timer whenever nothing else is to do.
        tokio::time::pause();
        let mut rest = Vec::new();
        let begun = tokio::time::Instant::now();
        let _ = slow.read_to_end(&mut rest).await;
        assert!(begun.elapsed() <= HEAD_TIME + Duration::from_secs(1));
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn who_never_reads_an_answer_is_hung_up_on() {
        let (address, _stop, _server) = serve().await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        let request = b"GET /large HTTP/1.1\r\nHost: museau\r\n\r\n";
        deaf.write_all(request).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        // From here on the clock jumps to the next timer whenever nothing else is to do.
        tokio::time::pause();
        tokio::time::sleep(WRITE_TIME * 2).await;
        let mut answer = Vec::new();
        let ended = deaf.read_to_end(&mut answer).await;
        assert!(ended.is_err() || answer.len() < 64 << 20);
    }
}

//! A server whose master the test plays, and clients that say their bytes one by one.

use std::future::{pending, ready};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::{get, post};
use hyper::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::Worker;
use crate::protocol::{MasterMessage, WorkerMessage};
use crate::worker::Stage;
use crate::worker::tests::{Master, joined, listener, soon};

mod arriving;
mod draining;
mod leaving;
mod status;

/// Longer than any test takes.
const LONG: u64 = 60_000;

/// A worker that serves, and its master.
struct Server {
    master: Master,
    worker: Worker,
    address: SocketAddr,
    serving: JoinHandle<Served>,
    /// What is sent here is the next piece of an answer from `/pieces`.
    pieces: mpsc::UnboundedSender<&'static str>,
}

impl Server {
    fn start() -> Self {
        Self::start_with(|listener| listener)
    }

    fn start_with<L: Listener>(wrap: impl FnOnce(TcpListener) -> L) -> Self {
        let (master, worker) = joined();
        let open = listener();
        let address = open.local_addr().unwrap();
        let (pieces, app) = app();
        let listener = wrap(TcpListener::from_std(open).unwrap());
        let served = worker.clone();
        let serving = tokio::spawn(async move { serve(&served, listener, app).await });
        Self { master, worker, address, serving, pieces }
    }

    async fn client(&self) -> Wire {
        Wire(TcpStream::connect(self.address).await.unwrap())
    }

    /// Makes it a lame duck, and waits until it knows that.
    async fn is_lame(&mut self, linger_ms: u64) {
        self.master.say(MasterMessage::LameDuck { linger_ms });
        soon(self.worker.lame_duck()).await;
    }

    async fn drains(&mut self, grace_ms: u64) {
        self.master.say(MasterMessage::Drain { grace_ms });
        soon(self.worker.draining()).await;
    }

    async fn served(self) -> Served {
        soon(self.serving).await.unwrap()
    }
}

fn app() -> (mpsc::UnboundedSender<&'static str>, Router) {
    let (sender, pieces) = mpsc::unbounded_channel::<&'static str>();
    let pieces = std::sync::Arc::new(tokio::sync::Mutex::new(pieces));
    let stream = move || async move {
        let next = |pieces: std::sync::Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<_>>>| async move {
            let piece = pieces.lock().await.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(piece), pieces))
        };
        let until_stop = futures_util::stream::unfold(pieces, next);
        Body::from_stream(futures_util::StreamExt::take_while(until_stop, |piece| ready(*piece != Ok("stop"))))
    };
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/who", get(|Extension(client): Extension<Client>| async move { client.to_string() }))
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/pieces", get(stream))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route("/never", get(pending::<()>))
        .route("/upgrade", get(upgrade));
    (sender, app)
}

/// Says back what it hears, one piece, after the upgrade.
async fn upgrade(mut request: axum::extract::Request) -> axum::response::Response {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
        let mut piece = [0; 5];
        stream.read_exact(&mut piece).await.unwrap();
        stream.write_all(&piece).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let head =
        axum::response::Response::builder().status(101).header("connection", "upgrade").header("upgrade", "echo");
    head.body(Body::empty()).unwrap()
}

/// A client that says what it is told.
struct Wire(TcpStream);

impl Wire {
    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Asks for a path, and gives back the answer.
    async fn ask(&mut self, path: &str) -> Heard {
        self.say(&format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n")).await;
        self.answer().await
    }

    async fn answer(&mut self) -> Heard {
        let head = self.until("\r\n\r\n").await;
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(hyper::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let length = headers.get("content-length").map_or(0, |it| it.to_str().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        soon(self.0.read_exact(&mut body)).await.unwrap();
        Heard { status, headers, body: String::from_utf8(body).unwrap() }
    }

    /// Reads up to the end of `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            match soon(self.0.read_u8()).await {
                Ok(byte) => text.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&text)),
            }
        }
        String::from_utf8(text).unwrap()
    }

    /// Whether the server has said the end, and nothing before that.
    async fn is_closed(&mut self) {
        assert_eq!(soon(self.0.read(&mut [0])).await.unwrap(), 0);
    }
}

/// An answer.
struct Heard {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Heard {
    fn says(&self, connection: &str) -> bool {
        self.headers.get_all("connection").iter().any(|value| value == connection)
    }
}

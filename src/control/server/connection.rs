//! One connection: HTTP/1.1, with little room and little time for whoever does not come to the point.

use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpStream, UnixStream};
use tokio_io_timeout::TimeoutStream;

use super::admission::{Admitted, Busy};
use super::answer::{Body, Refusal};
use super::office::Office;
use super::peer::{Allowed, Peer};
use super::routes;
use crate::sys::peer;

/// For a request's head, from its first byte.
const HEAD: Duration = Duration::from_secs(5);
/// A reader who takes nothing for so long is gone, or might as well be.
const STALLED: Duration = Duration::from_secs(30);
const MOST_HEADERS: usize = 64;
/// For all of a head; the least that hyper allows.
const LONGEST_HEAD: usize = 8 * 1024;

/// A connection, and who is at its other end.
struct Conversation {
    seat: Admitted,
    office: Arc<Office>,
    asker: Asker,
}

/// Who asks, and what he may.
enum Asker {
    /// Everything.
    Allowed { by: String },
    /// Nothing.
    Refused(Peer),
    /// Somebody over TCP: numbers and health.
    Anybody,
}

/// Serves a connection of the control socket until it ends.
pub(super) async fn serve(stream: UnixStream, seat: Admitted, office: Arc<Office>, allowed: Allowed) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => return tracing::debug!(%error, "a control client has no credentials"),
    };
    // Who says nothing costs nothing but a descriptor.
    if !says_something(&stream).await {
        return;
    }
    let asker = match allowed.includes(&peer) {
        true => Asker::Allowed { by: peer.described() },
        false => {
            tracing::warn!("the control socket is not for {}", peer.described());
            Asker::Refused(peer)
        }
    };
    // What a conversation needs is allocated when there is one.
    Box::pin(speak(stream, Conversation { seat, office, asker })).await;
}

/// Serves a connection over TCP until it ends: anybody may ask, and gets little.
pub(super) async fn serve_anybody(stream: TcpStream, seat: Admitted, office: Arc<Office>) {
    if stream.peek(&mut [0]).await.is_ok_and(|bytes| bytes > 0) {
        Box::pin(speak(stream, Conversation { seat, office, asker: Asker::Anybody })).await;
    }
}

/// Waits for the first byte, and leaves it where it is; readiness alone may be a guess.
async fn says_something(stream: &UnixStream) -> bool {
    loop {
        if stream.readable().await.is_err() {
            return false;
        }
        match stream.try_io(Interest::READABLE, || peer::has_bytes(stream.as_fd())) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            looked => return looked.unwrap_or(false),
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Send, conversation: Conversation) {
    let conversation = Arc::new(conversation);
    let service = service_fn(move |request: Request<Incoming>| {
        let conversation = conversation.clone();
        async move { Ok::<_, Infallible>(conversation.answer(request).await) }
    });
    let mut guarded = TimeoutStream::new(stream);
    guarded.set_write_timeout(Some(STALLED));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(Box::pin(guarded)), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a control connection ended early");
    }
}

impl Conversation {
    async fn answer(&self, request: Request<Incoming>) -> Response<Kept> {
        let busy = self.seat.busy();
        let response = match &self.asker {
            Asker::Allowed { by } => routes::answer(&self.office, by, request).await,
            Asker::Refused(peer) => forbidden(peer),
            Asker::Anybody => routes::answer_anybody(&self.office, request).await,
        };
        response.map(|body| Kept { body, _busy: busy })
    }
}

/// A body whose connection is busy for as long as there is something of it.
struct Kept {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Kept {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn forbidden(peer: &Peer) -> Response<Body> {
    let why = format!("the control socket is for the user of the master and for root, not for uid {}", peer.uid());
    Refusal::new(StatusCode::FORBIDDEN, why).response()
}

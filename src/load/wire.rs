//! A connection's socket, with a witness: who sent what, and how the socket ended.
//! hyper reads and writes through it; the verdict on a failed request comes from here, never from an error's text.

use std::io;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use super::frames::{Frame, Frames};
use super::outcome::Failure;

/// How many bytes at a head's end are held back: the empty line's.
const HELD_BACK: usize = 2;

/// A connected socket.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket that hyper uses and a [`Witness`] looks at.
pub(super) struct Wire {
    stream: Stream,
    witness: Witness,
    /// Only for HTTP/2, where bytes from the server need not be an answer's.
    frames: Option<Frames>,
    hold: Option<Hold>,
}

/// What happened on a socket; a clone sees the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Sight>>);

#[derive(Debug, Default)]
struct Sight {
    /// Since the present request began: we tried to send something.
    asked: bool,
    /// Since the present request began: a byte of an answer came.
    answer_began: bool,
    stream_reset: bool,
    going_away: bool,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

/// Holds back the empty line that ends a request's head.
pub(super) struct Hold {
    /// Told when all the rest was sent.
    pub(super) reached: Option<mpsc::Sender<()>>,
    /// Says that the end may be sent.
    pub(super) let_go: oneshot::Receiver<()>,
}

impl Wire {
    /// An HTTP/1 connection's socket.
    pub(super) fn http1(stream: Stream, hold: Option<Hold>) -> (Wire, Witness) {
        Wire::new(stream, None, hold)
    }

    /// An HTTP/2 connection's socket.
    pub(super) fn http2(stream: Stream) -> (Wire, Witness) {
        Wire::new(stream, Some(Frames::default()), None)
    }

    fn new(stream: Stream, frames: Option<Frames>, hold: Option<Hold>) -> (Wire, Witness) {
        let witness = Witness::default();
        let wire = Wire { stream, witness: witness.clone(), frames, hold };
        (wire, witness)
    }

    fn saw_bytes(&mut self, bytes: &[u8]) {
        let mut sight = self.witness.sight();
        match &mut self.frames {
            None => sight.answer_began = true,
            Some(frames) => frames.follow(bytes, |frame| match frame {
                Frame::Answer => sight.answer_began = true,
                Frame::StreamReset => sight.stream_reset = true,
                Frame::GoAway => sight.going_away = true,
            }),
        }
    }
}

impl Witness {
    /// A new request begins.
    pub(super) fn begin(&self) {
        let mut sight = self.sight();
        sight.asked = false;
        sight.answer_began = false;
        sight.stream_reset = false;
    }

    /// Whether anything of the present request was sent, or was tried to.
    pub(super) fn has_asked(&self) -> bool {
        self.sight().asked
    }

    /// Whether the server said that it takes no more requests here.
    pub(super) fn is_going_away(&self) -> bool {
        self.sight().going_away
    }

    /// What the present request died of, when hyper says that it did.
    pub(super) fn verdict(&self) -> Failure {
        let sight = self.sight();
        let end = match sight.end {
            None if sight.stream_reset => Some(End::Reset),
            None if sight.going_away => Some(End::Closed),
            end => end,
        };
        match (sight.answer_began, end) {
            (_, None) => Failure::Garbled,
            (true, Some(_)) => Failure::CutShort,
            (false, Some(End::Closed)) => Failure::ClosedBeforeAnswer,
            (false, Some(End::Reset)) => Failure::ResetBeforeAnswer,
        }
    }

    fn ended(&self, end: End) {
        let mut sight = self.sight();
        // A reset after end of file is the stronger word.
        if sight.end != Some(End::Reset) {
            sight.end = Some(end);
        }
    }

    fn sight(&self) -> MutexGuard<'_, Sight> {
        self.0.lock().expect("nobody panics while looking")
    }
}

impl Hold {
    /// How many of `len` bytes may be sent now.
    fn allows(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<usize>> {
        if len > HELD_BACK {
            return Poll::Ready(Ok(len - HELD_BACK));
        }
        if let Some(reached) = self.reached.take() {
            // Whoever waited may have lost patience.
            let _ = reached.send(());
        }
        let abandoned = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        Pin::new(&mut self.let_go).poll(cx).map(|told| told.map(|()| len).map_err(abandoned))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        });
        match &read {
            Ok(()) if buffer.filled().len() == before => this.witness.ended(End::Closed),
            Ok(()) => this.saw_bytes(&buffer.filled()[before..]),
            Err(_) => this.witness.ended(End::Reset),
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let allowed = match &mut this.hold {
            Some(hold) => ready!(hold.allows(cx, bytes.len()))?,
            None => bytes.len(),
        };
        if allowed == bytes.len() {
            this.hold = None;
        }
        let written = ready!(match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, &bytes[..allowed]),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, &bytes[..allowed]),
        });
        this.witness.sight().asked = true;
        if written.is_err() {
            this.witness.ended(End::Reset);
        }
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket keeps nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

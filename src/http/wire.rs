//! A connection's stream: it tells the guest what comes, and ends in two steps, so that nothing is lost to a reset.
//!
//! It must not know what the bytes mean, but for the preface that tells HTTP/2 from HTTP/1.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::guest::{Guest, Phase};

/// What a client of HTTP/2 says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// So long we wait for a client's end after ours.
const FAREWELL: Duration = Duration::from_secs(2);

/// A stream with its guest, who is here as long as the stream is.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    guest: Arc<Guest>,
    /// What was read to learn what is spoken, and how much of it was read again.
    opening: Vec<u8>,
    repeated: usize,
    farewell: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, guest: Arc<Guest>) -> Self {
        Self { stream, guest, opening: Vec::new(), repeated: 0, farewell: None }
    }

    /// Waits until it is clear what the client speaks; nothing, if it ends before its first byte.
    ///
    /// It may be dropped while it waits, and asked again.
    pub(super) async fn protocol(&mut self) -> io::Result<Option<Phase>> {
        loop {
            if !PREFACE.starts_with(&self.opening) {
                return Ok(Some(Phase::Http1));
            }
            if self.opening.len() == PREFACE.len() {
                return Ok(Some(Phase::Http2));
            }
            let mut bytes = [0; PREFACE.len()];
            let wanted = PREFACE.len() - self.opening.len();
            match self.stream.read(&mut bytes[..wanted]).await? {
                0 => return Ok((!self.opening.is_empty()).then_some(Phase::Http1)),
                read => self.opening.extend_from_slice(&bytes[..read]),
            }
            self.guest.heard();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let again = &this.opening[this.repeated..];
        if !again.is_empty() {
            let count = again.len().min(buffer.remaining());
            buffer.put_slice(&again[..count]);
            this.repeated += count;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.guest.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// Says the end, then waits for the client's: who closes with something unread resets the connection, and a reset
    /// takes the last answer with it (RFC 9112, 9.6).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let patience = match &mut this.farewell {
            Some(patience) => patience,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                this.guest.enter(Phase::Farewell);
                this.farewell.insert(Box::pin(sleep(FAREWELL)))
            }
        };
        if patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut unread = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

//! Where connections come from: a listener of Tokio's, or whatever else is described in the same way.
//!
//! It must not know what is spoken over them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::worker::Socket;

/// Who is at the other end of a connection; every request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Client {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A process on this machine, over a Unix socket.
    Unix,
}

/// What HTTP can be served on.
pub trait Listener: Send + 'static {
    /// A connection as it was accepted.
    type Socket: Send + 'static;
    /// What HTTP is spoken over.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Accepts a connection if one waits.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Socket, Client)>>;

    /// Tells whether a connection that the master accepted came in here.
    fn recognizes(&self) -> impl Fn(&Socket) -> bool + Send + 'static;

    /// Takes over a connection that the master accepted.
    ///
    /// # Errors
    /// When the runtime cannot have it.
    fn adopt(&mut self, socket: Socket) -> io::Result<(Self::Socket, Client)>;

    /// Makes a stream of a connection; a handshake may take its time.
    fn prepare(&self, socket: Self::Socket) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static;
}

impl Listener for TcpListener {
    type Socket = TcpStream;
    type Stream = TcpStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Client)>> {
        let (stream, address) = ready!(TcpListener::poll_accept(self, cx))?;
        Poll::Ready(Ok((prompt(stream), Client::Tcp(address))))
    }

    fn recognizes(&self) -> impl Fn(&Socket) -> bool + Send + 'static {
        let here = self.local_addr();
        move |socket| match (&here, socket.try_clone().map(std::net::TcpStream::from).and_then(|it| it.local_addr())) {
            (Ok(here), Ok(there)) => {
                let (ours, theirs) = (here.ip().to_canonical(), there.ip().to_canonical());
                here.port() == there.port() && (ours.is_unspecified() || ours == theirs)
            }
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    fn adopt(&mut self, socket: Socket) -> io::Result<(TcpStream, Client)> {
        let stream = std::net::TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        let client = Client::Tcp(stream.peer_addr()?);
        Ok((prompt(TcpStream::from_std(stream)?), client))
    }

    fn prepare(&self, socket: TcpStream) -> impl Future<Output = io::Result<TcpStream>> + Send + 'static {
        std::future::ready(Ok(socket))
    }
}

/// Sends at once what is written: an answer is not held back until the client has acknowledged the one before.
fn prompt(stream: TcpStream) -> TcpStream {
    // It fails only if the client is gone, which the first read tells better.
    let _ = stream.set_nodelay(true);
    stream
}

#[cfg(unix)]
mod unix {
    use std::path::{Path, PathBuf};

    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    impl Listener for UnixListener {
        type Socket = UnixStream;
        type Stream = UnixStream;

        fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, Client)>> {
            let (stream, _) = ready!(UnixListener::poll_accept(self, cx))?;
            Poll::Ready(Ok((stream, Client::Unix)))
        }

        fn recognizes(&self) -> impl Fn(&Socket) -> bool + Send + 'static {
            let here = self.local_addr().ok().and_then(|address| Some(address.as_pathname()?.to_owned()));
            move |socket| match (&here, path_of(socket)) {
                (Some(here), Some(there)) => *here == there || are_lanes(here, &there),
                (None, _) | (_, None) => false,
            }
        }

        fn adopt(&mut self, socket: Socket) -> io::Result<(UnixStream, Client)> {
            let stream = std::os::unix::net::UnixStream::from(socket);
            stream.set_nonblocking(true)?;
            Ok((UnixStream::from_std(stream)?, Client::Unix))
        }

        fn prepare(&self, socket: UnixStream) -> impl Future<Output = io::Result<UnixStream>> + Send + 'static {
            std::future::ready(Ok(socket))
        }
    }

    fn path_of(socket: &Socket) -> Option<PathBuf> {
        let stream = std::os::unix::net::UnixStream::from(socket.try_clone().ok()?);
        Some(stream.local_addr().ok()?.as_pathname()?.to_owned())
    }

    /// Two lanes of one listener lie side by side in a directory that no other listener has.
    fn are_lanes(one: &Path, other: &Path) -> bool {
        let directory = one.parent().filter(|it| it.extension().is_some_and(|extension| extension == "heirloom"));
        directory.is_some() && directory == other.parent()
    }
}

impl Client {
    /// Its address, if it has one.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(address),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

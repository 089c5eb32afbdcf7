//! Where the load goes, and how a connection to there is made.
//! It knows nothing of HTTP. Only this machine can be a target.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout_at;

use super::outcome::Failure;
use super::wire::Stream;

/// Where the load goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A TCP address on the loopback.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl Target {
    /// Whether the target is on this machine, so that a load may go there.
    pub fn is_local(&self) -> bool {
        match self {
            Target::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Target::Unix(_) => true,
        }
    }

    /// What a request names as its host.
    pub(super) fn authority(&self) -> String {
        match self {
            Target::Tcp(address) => address.to_string(),
            Target::Unix(_) => "localhost".to_owned(),
        }
    }

    /// Connects once.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        match self {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Best effort: it fails only for a peer that is gone, and the first read tells that better.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Target::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        }
    }
}

/// Waits for a connection that was begun, and sorts why there is none.
pub(super) async fn connected(
    connecting: impl Future<Output = io::Result<Stream>>,
    until: Instant,
) -> Result<Stream, Failure> {
    match timeout_at(until.into(), connecting).await {
        Ok(connected) => connected.map_err(|error| Failure::of_connect(&error)),
        Err(_) => Err(Failure::ConnectTimedOut),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp(address) => address.fmt(out),
            Target::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Target {
        Target::Tcp(address)
    }
}

impl From<PathBuf> for Target {
    fn from(path: PathBuf) -> Target {
        Target::Unix(path)
    }
}

//! Where a listener listens and how it is to be opened: plain values.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use super::dial::Dial;

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A TCP address.
    Tcp {
        /// The address; port 0 lets the kernel choose.
        address: SocketAddr,
        /// Whether an IPv6 wildcard takes IPv4 as well (and becomes `0.0.0.0` where there is no IPv6).
        dual: bool,
    },
    /// The public path of a Unix socket.
    Unix(PathBuf),
    /// The name of an abstract Unix socket, without the leading zero.
    Abstract(Vec<u8>),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { address, .. } => address.fmt(f),
            Endpoint::Unix(path) => path.display().fmt(f),
            Endpoint::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

/// How a listener is to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many lanes there are at first; one means that it cannot be steered.
    pub(crate) lanes: usize,
    /// How many connections may wait in one lane; the kernel caps it at `net.core.somaxconn`.
    pub(crate) backlog: u32,
    /// Whether `accept` is to wait: a flag of the socket itself, the same for everyone who holds it.
    pub(crate) blocking: bool,
    /// The mode of a Unix socket's public path; without it, 0666 less the umask.
    pub(crate) mode: Option<u32>,
    /// What it may be steered by, together with others.
    pub(crate) dial: Option<Arc<Dial>>,
}

/// So many lanes are enough for a generation that serves, one that rises, and two that still drain.
pub(crate) const LANES: usize = 4;

impl Default for Options {
    fn default() -> Self {
        Options { lanes: LANES, backlog: somaxconn(), blocking: false, mode: None, dial: None }
    }
}

/// The most that the kernel lets wait; its own default where /proc is not mounted.
fn somaxconn() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(4096)
}

//! Listening: the master is asked for a handle, or the address is bound where there is none.
//!
//! It turns handles into listeners. It must not know how a query travels.

use std::io;
use std::net;

use tokio::net::TcpListener;

use super::connections::Socket;
use super::link::Handle;
use super::{Worker, alone};
use crate::protocol::{Address, AddressError};

/// Why a worker cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address is of the other kind.
    #[error("{address} is no {wanted} address")]
    OtherKind {
        /// What was asked for.
        address: Address,
        /// The kind that would have been right.
        wanted: &'static str,
    },
    /// The master gives no handle.
    #[error("the master refused {address}: {message}")]
    Refused {
        /// What was asked for.
        address: Address,
        /// The reason, as a number of the kernel's.
        errno: i32,
        /// The reason in the master's words.
        message: String,
    },
    /// There is nobody to ask.
    #[error("cannot ask for {address}: the master is gone")]
    MasterGone {
        /// What was asked for.
        address: Address,
    },
    /// The handle did not arrive.
    #[error("the handle for {address} was lost on its way: this process may have too many open files")]
    Lost {
        /// What was asked for.
        address: Address,
    },
    /// The handle is no such listener.
    #[error("the handle for {address} is no listening socket of that kind")]
    WrongKind {
        /// What was asked for.
        address: Address,
    },
    /// The handle's calls wait, which would stop the runtime.
    #[error("the listener for {address} is blocking: use `listen_blocking`, or declare it without `blocking = true`")]
    Blocking {
        /// What was asked for.
        address: Address,
    },
    /// The handle cannot be used.
    #[error("cannot use the handle for {address}")]
    Handle {
        /// What was asked for.
        address: Address,
        /// What the kernel says.
        source: io::Error,
    },
    /// The address cannot be bound; only when the worker is alone.
    #[error("cannot listen on {address}")]
    Bind {
        /// What was asked for.
        address: Address,
        /// What the kernel says.
        source: io::Error,
    },
}

impl Worker {
    /// Listens for TCP connections at `address`, like `8000`, `127.0.0.1:8000` or a socket address.
    ///
    /// # Errors
    /// When the master refuses, or the address cannot be bound.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, as Tokio's own listener does.
    pub async fn listen<A>(&self, address: A) -> Result<TcpListener, ListenError>
    where
        A: TryInto<Address>,
        AddressError: From<A::Error>,
    {
        let address = tcp(address)?;
        let Opened { listener, .. } = self.open::<net::TcpListener>(&address, Use::Async).await?;
        TcpListener::from_std(listener).map_err(|source| ListenError::Handle { address, source })
    }

    /// Listens for Unix connections at `path`; a name that begins with `@` is abstract.
    ///
    /// A relative path is taken from the working directory.
    ///
    /// # Errors
    /// When the master refuses, or the path cannot be bound.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, as Tokio's own listener does.
    #[cfg(unix)]
    pub async fn listen_unix(
        &self,
        path: impl AsRef<std::path::Path>,
    ) -> Result<tokio::net::UnixListener, ListenError> {
        let address = unix(path.as_ref())?;
        let Opened { listener, .. } = self.open::<std::os::unix::net::UnixListener>(&address, Use::Async).await?;
        tokio::net::UnixListener::from_std(listener).map_err(|source| ListenError::Handle { address, source })
    }

    /// Asks the master for a listener, or binds one.
    pub(super) async fn open<L: Listener>(&self, address: &Address, purpose: Use) -> Result<Opened<L>, ListenError> {
        if let Some(link) = &self.shared.link {
            let Handle { key, socket, is_blocking } = link.query(address).await?;
            if is_blocking && purpose == Use::Async {
                return Err(ListenError::Blocking { address: address.clone() });
            }
            return Ok(Opened { listener: L::from(socket), key: Some(key) });
        }
        let opened = L::bind(address).and_then(|listener| {
            // Blocking calls need it as well, where they wait for a drain besides.
            listener.set_nonblocking(purpose == Use::Async || cfg!(target_os = "linux"))?;
            Ok(Opened { listener, key: None })
        });
        opened.map_err(|source| ListenError::Bind { address: address.clone(), source })
    }
}

/// Who calls a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Async,
    Blocking,
}

/// A listener, and the key of its handle if it was granted.
pub(super) struct Opened<L> {
    pub(super) listener: L,
    pub(super) key: Option<String>,
}

/// What both kinds of listeners have in common.
pub(super) trait Listener: From<Socket> {
    fn bind(address: &Address) -> io::Result<Self>;
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
}

impl Listener for net::TcpListener {
    fn bind(address: &Address) -> io::Result<Self> {
        alone::bind_tcp(address)
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.set_nonblocking(nonblocking)
    }
}

#[cfg(unix)]
impl Listener for std::os::unix::net::UnixListener {
    fn bind(address: &Address) -> io::Result<Self> {
        alone::bind_unix(address)
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.set_nonblocking(nonblocking)
    }
}

/// The TCP address that the caller means.
pub(super) fn tcp<A>(address: A) -> Result<Address, ListenError>
where
    A: TryInto<Address>,
    AddressError: From<A::Error>,
{
    match address.try_into().map_err(AddressError::from)? {
        address @ Address::Tcp { .. } => Ok(address),
        address => Err(ListenError::OtherKind { address, wanted: "TCP" }),
    }
}

/// The Unix socket that the caller means.
#[cfg(unix)]
pub(super) fn unix(path: &std::path::Path) -> Result<Address, ListenError> {
    let is_abstract = path.as_os_str().as_encoded_bytes().starts_with(b"@");
    if is_abstract || path.as_os_str().is_empty() {
        return Ok(Address::unix(path)?);
    }
    match std::path::absolute(path) {
        Ok(path) => Ok(Address::unix(&path)?),
        Err(_) => Ok(Address::unix(path)?),
    }
}

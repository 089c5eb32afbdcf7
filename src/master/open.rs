//! What a listener is declared as, and opening it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use crate::protocol::{Address, Host};
use crate::sys::lanes::{Dial, Endpoint, LANES, Lanes, OpenError, Options, obstacle};
use nix::errno::Errno;

/// A listener that the master opens before any worker exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// What workers and people call it.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// How many of its sockets generations can have: 1 means that all generations share one.
    pub lanes: usize,
    /// Whether `accept` is to wait: O_NONBLOCK belongs to the socket, so it is the same for all who hold it.
    pub blocking: bool,
    /// The mode of a Unix socket's path; without it, 0666 less the umask.
    pub mode: Option<u32>,
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ListenError(Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot steer connections")]
    Steer(#[source] io::Error),
}

impl ListenError {
    /// What to do about it, where we know.
    pub fn hint(&self) -> Option<String> {
        match &self.0 {
            Cause::Open(error) => error.hint(),
            Cause::Steer(_) => None,
        }
    }

    /// Whether somebody else listens there.
    pub fn is_in_use(&self) -> bool {
        matches!(&self.0, Cause::Open(OpenError::InUse { .. }))
    }

    /// The kernel's number for it.
    pub(super) fn errno(&self) -> i32 {
        match &self.0 {
            Cause::Open(OpenError::InUse { .. } | OpenError::NotASocket { .. }) => Errno::EADDRINUSE as i32,
            Cause::Open(OpenError::Privileged { .. } | OpenError::NotWritable { .. }) => Errno::EACCES as i32,
            Cause::Open(OpenError::NoSuchAddress { .. }) => Errno::EADDRNOTAVAIL as i32,
            Cause::Open(OpenError::NoParent { .. }) => Errno::ENOENT as i32,
            Cause::Open(OpenError::TooLong { .. }) => Errno::ENAMETOOLONG as i32,
            Cause::Open(OpenError::Call { source, .. }) | Cause::Steer(source) => {
                source.raw_os_error().unwrap_or(Errno::EINVAL as i32)
            }
            Cause::Open(_) => Errno::EINVAL as i32,
        }
    }

    pub(super) fn steering(error: io::Error) -> ListenError {
        ListenError(Cause::Steer(error))
    }
}

impl Declaration {
    /// A listener with the default number of lanes.
    pub fn new(name: impl Into<String>, address: Address) -> Declaration {
        Declaration { name: name.into(), address, lanes: LANES, blocking: false, mode: None }
    }

    /// Why it could not be opened now, if so. Nothing is opened for that.
    pub fn obstacle(&self) -> Option<ListenError> {
        obstacle(&endpoint(&self.address)).map(|error| ListenError(error.into()))
    }

    pub(super) fn open(&self, dial: Option<&Arc<Dial>>) -> Result<Lanes, ListenError> {
        self.open_at(&endpoint(&self.address), dial)
    }

    /// Opens a listener of the same kind where no client looks for it: the loopback and any port, or a path in this
    /// directory.
    pub(super) fn open_aside(&self, directory: &Path, number: u32) -> Result<Lanes, ListenError> {
        let place = directory.join(format!("{number}.sock"));
        let aside = match endpoint(&self.address) {
            Endpoint::Tcp { address: SocketAddr::V6(_), dual: false } => loopback(Ipv6Addr::LOCALHOST.into()),
            Endpoint::Tcp { .. } => loopback(Ipv4Addr::LOCALHOST.into()),
            Endpoint::Unix(_) => Endpoint::Unix(place),
            Endpoint::Abstract(_) => Endpoint::Abstract(place.into_os_string().into_encoded_bytes()),
        };
        self.open_at(&aside, None)
    }

    fn open_at(&self, at: &Endpoint, dial: Option<&Arc<Dial>>) -> Result<Lanes, ListenError> {
        let Declaration { lanes, blocking, mode, .. } = *self;
        let options = Options { lanes, blocking, mode, dial: dial.cloned(), ..Options::default() };
        Lanes::open(at, &options).map_err(|error| ListenError(error.into()))
    }
}

fn loopback(ip: IpAddr) -> Endpoint {
    Endpoint::Tcp { address: SocketAddr::new(ip, 0), dual: false }
}

fn endpoint(address: &Address) -> Endpoint {
    match address {
        Address::Tcp { host: Host::Any, port } => {
            Endpoint::Tcp { address: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), *port), dual: true }
        }
        Address::Tcp { host: Host::Ip(ip), port } => {
            Endpoint::Tcp { address: SocketAddr::new(*ip, *port), dual: false }
        }
        Address::Unix(path) => Endpoint::Unix(path.clone()),
        Address::Abstract(name) => Endpoint::Abstract(name.clone().into_bytes()),
    }
}

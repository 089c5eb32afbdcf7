//! The accept probe: a connection of ours into one lane, which shows that somebody accepts there. It never sends a byte.
//! Owns that connection and what is told of it; must not know why anybody asks.
//!
//! A connection that waits in a queue belongs to no file: its inode is 0 until somebody accepts it. That holds whatever
//! other clients do, where the length of the queue would not.

use std::{
    cell::OnceCell,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::{
    errno::Errno,
    sys::{
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, connect, recv, socket},
        stat::fstat,
    },
};

use super::{calls, directory::unix_socket, sock_diag, socket::listens, tables, tcp::Tcp};

/// What a probe has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// Somebody accepted it.
    Yes,
    /// It still waits, or is about to.
    NotYet,
    /// Nobody ever will; why, in words.
    Broken(String),
}

/// A connection that waits in a lane until somebody accepts it. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Probe {
    connection: OwnedFd,
    ends: Ends,
    listener: OwnedFd,
    mended: Mended,
    verdict: OnceCell<Accepted>,
}

/// Whether the lane was shut and listens again, by which its queue was lost. The listener has it as long as the probe has.
pub(super) type Mended = Arc<AtomicBool>;

/// How the other end is found.
#[derive(Debug)]
enum Ends {
    Tcp { source: SocketAddr, target: SocketAddr },
    Unix { inode: u64 },
}

impl Probe {
    /// Connects to a Unix socket. `WouldBlock` if its queue is full.
    pub(super) fn over_unix(address: &UnixAddr, listener: BorrowedFd<'_>) -> io::Result<Probe> {
        let connection = unix_socket(false)?;
        connect(connection.as_raw_fd(), address)?;
        let ends = Ends::Unix { inode: fstat(&connection)?.st_ino };
        let listener = listener.try_clone_to_owned()?;
        Ok(Probe { connection, ends, listener, mended: Mended::default(), verdict: OnceCell::new() })
    }

    /// What has become of it. Once it is accepted or broken, it stays so.
    pub(crate) fn look(&self) -> io::Result<Accepted> {
        if let Some(verdict) = self.verdict.get() {
            return Ok(verdict.clone());
        }
        let seen = self.see()?;
        // In this order: a lane that is shut meanwhile resets its queue, or hands it to other lanes.
        let verdict = match seen {
            Accepted::Broken(_) => seen,
            _ if self.mended.load(Ordering::Relaxed) => Accepted::Broken("the lane was shut and mended".into()),
            _ if !listens(self.listener.as_fd()) => Accepted::Broken("the lane was shut".into()),
            Accepted::NotYet => return Ok(Accepted::NotYet),
            Accepted::Yes => Accepted::Yes,
        };
        Ok(self.verdict.get_or_init(|| verdict).clone())
    }

    /// What our own end shows, then what the other does.
    fn see(&self) -> io::Result<Accepted> {
        match recv(self.connection.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
            // A greeting, an end or a reset: whoever does that has accepted.
            Ok(_) | Err(Errno::ECONNRESET) => Ok(Accepted::Yes),
            Err(Errno::EAGAIN | Errno::EINTR) => {
                Ok(if self.other_end_has_an_owner()? { Accepted::Yes } else { Accepted::NotYet })
            }
            Err(errno) => Ok(Accepted::Broken(format!("it cannot be connected to: {}", errno.desc()))),
        }
    }

    fn other_end_has_an_owner(&self) -> io::Result<bool> {
        match &self.ends {
            Ends::Tcp { source, target } => tables::owner(*target, *source).map(|inode| inode != 0),
            Ends::Unix { inode } => Ok(match sock_diag::unix_peer(*inode) {
                Ok(peer) => peer != 0,
                // Without unix_diag: when nothing waits any more, neither does this.
                Err(_) => calls::poll(self.listener.as_fd(), libc::POLLIN) & libc::POLLIN == 0,
            }),
        }
    }

    /// What is to be told when the lane is mended.
    pub(super) fn mended(&self) -> &Mended {
        &self.mended
    }
}

/// To be watched for a greeting, an end, a reset. That it was accepted is no event: look again.
impl AsFd for Probe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

/// A TCP socket that has a port of its own and is about to connect.
#[derive(Debug)]
pub(super) struct Knock {
    connection: TcpStream,
    pub(super) source: SocketAddr,
    target: SocketAddr,
    pub(super) mended: Mended,
}

impl Knock {
    /// Binds to an address from which this one can be reached. The port is nobody else's at that address: it is bound
    /// without SO_REUSEADDR, before it connects.
    pub(super) fn bind(tcp: &Tcp) -> io::Result<Knock> {
        let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for ip in reachable_at(tcp) {
            match Self::bind_to(with_ip(tcp.address, ip)) {
                Ok(knock) => return Ok(knock),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn bind_to(target: SocketAddr) -> io::Result<Knock> {
        let family = if target.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let connection = TcpStream::from(socket(family, SockType::Stream, flags, None)?);
        let mut source = target;
        source.set_port(0);
        bind(connection.as_raw_fd(), &SockaddrStorage::from(source))?;
        let source = connection.local_addr()?;
        Ok(Knock { connection, source, target, mended: Mended::default() })
    }

    /// Begins to connect.
    pub(super) fn connect(self, listener: BorrowedFd<'_>) -> io::Result<Probe> {
        let listener = listener.try_clone_to_owned()?;
        match connect(self.connection.as_raw_fd(), &SockaddrStorage::from(self.target)) {
            Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ends = Ends::Tcp { source: self.source, target: self.target };
        let (connection, verdict) = (self.connection.into(), OnceCell::new());
        Ok(Probe { connection, ends, listener, mended: self.mended, verdict })
    }
}

/// Where a listener can be reached from this machine, best first: its own address, or a loopback for a wildcard.
fn reachable_at(tcp: &Tcp) -> Vec<IpAddr> {
    match tcp.address.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(ip) if ip.is_unspecified() && tcp.dual => {
            vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
        }
        IpAddr::V6(ip) if ip.is_unspecified() => vec![Ipv6Addr::LOCALHOST.into()],
        ip => vec![ip],
    }
}

/// Another address with the same port, in the same zone.
fn with_ip(address: SocketAddr, ip: IpAddr) -> SocketAddr {
    match (address, ip) {
        (SocketAddr::V6(address), IpAddr::V6(ip)) => {
            SocketAddrV6::new(ip, address.port(), 0, address.scope_id()).into()
        }
        (address, ip) => SocketAddr::new(ip, address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_reached_at_a_loopback_and_everything_else_at_its_own_address() {
        let reach = |address: &str, dual| {
            let tcp = Tcp { address: address.parse().unwrap(), dual, blocking: false };
            reachable_at(&tcp).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(reach("0.0.0.0:1", false), "127.0.0.1");
        assert_eq!(reach("[::]:1", true), "::1 127.0.0.1");
        assert_eq!(reach("[::]:1", false), "::1");
        assert_eq!(reach("[::ffff:127.0.0.1]:1", true), "127.0.0.1");
        assert_eq!(reach("192.0.2.7:1", false), "192.0.2.7");
        assert_eq!(reach("[2001:db8::7]:1", true), "2001:db8::7");
    }
}

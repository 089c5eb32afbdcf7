//! Connections of our own that reach one lane and no other: how they are made, and where they come from. Must not know
//! what anybody says over them.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, connect, getpeername, getsockname,
            socket,
        },
        stat::fstat,
    },
};

use super::{calls, directory::unix_socket, tcp::Tcp};

/// A connection that reaches one lane, and no other. It is non-blocking, and may not be complete yet. It goes back to its
/// listener when it is not needed any more.
#[derive(Debug)]
pub(crate) struct Own {
    fd: OwnedFd,
    pub(super) ends: Ends,
    pub(super) mended: Mended,
}

/// Whether the lane was shut and listens again, by which its queue was lost.
pub(super) type Mended = Arc<AtomicBool>;

/// How the other end is found.
#[derive(Debug)]
pub(super) enum Ends {
    Tcp { source: SocketAddr, target: SocketAddr },
    Unix { inode: u64 },
}

/// Where a connection comes from, as whoever accepts it sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// An address and a port; IPv4 as such, even where it comes mapped.
    Tcp(SocketAddr),
    /// The name that the other end of a Unix socket has, which is none for most.
    Unix(Vec<u8>),
}

impl Own {
    /// Connects to a Unix socket. `WouldBlock` if its queue is full.
    pub(super) fn over_unix(address: &UnixAddr, named: bool) -> io::Result<Own> {
        let fd = unix_socket(false)?;
        if named {
            bind(fd.as_raw_fd(), &UnixAddr::new_unnamed())?; // the kernel chooses a name that nobody else has
        }
        connect(fd.as_raw_fd(), address)?;
        let ends = Ends::Unix { inode: fstat(&fd)?.st_ino };
        Ok(Own { fd, ends, mended: Arc::default() })
    }

    /// Where it comes from.
    pub(crate) fn origin(&self) -> io::Result<Origin> {
        Ok(Origin::from(getsockname::<SockaddrStorage>(self.fd.as_raw_fd())?))
    }

    pub(super) fn lane_was_mended(&self) -> bool {
        self.mended.load(Ordering::Relaxed)
    }

    /// Whether somebody has sent something, or ended it: a connection that nobody accepted shows neither. No is not
    /// certain.
    pub(super) fn was_answered(&self) -> bool {
        let ended = calls::poll(self.as_fd(), libc::POLLIN | libc::POLLRDHUP) != 0;
        ended
            || matches!(self.ends, Ends::Tcp { .. } if calls::bytes_received(self.as_fd()).is_ok_and(|count| count > 0))
    }
}

impl AsFd for Own {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Origin {
    /// Where a connection comes from that was accepted.
    pub(crate) fn of(accepted: BorrowedFd<'_>) -> io::Result<Origin> {
        Ok(Origin::from(getpeername::<SockaddrStorage>(accepted.as_raw_fd())?))
    }
}

impl From<SockaddrStorage> for Origin {
    fn from(address: SockaddrStorage) -> Origin {
        let tcp = |address: SocketAddr| Origin::Tcp(SocketAddr::new(address.ip().to_canonical(), address.port()));
        match (address.as_sockaddr_in(), address.as_sockaddr_in6(), address.as_unix_addr()) {
            (Some(ipv4), _, _) => tcp(SocketAddr::V4((*ipv4).into())),
            (_, Some(ipv6), _) => tcp(SocketAddr::V6((*ipv6).into())),
            (_, _, unix) => Origin::Unix(unix.and_then(UnixAddr::as_abstract).unwrap_or_default().to_owned()),
        }
    }
}

/// A TCP socket that has a port of its own and is about to connect.
#[derive(Debug)]
pub(super) struct Knock {
    stream: TcpStream,
    pub(super) source: SocketAddr,
    target: SocketAddr,
    pub(super) mended: Mended,
}

impl Knock {
    /// Binds to an address from which this one can be reached.
    pub(super) fn bind(tcp: &Tcp) -> io::Result<Knock> {
        let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for target in tcp.reachable_at() {
            match Self::bind_to(target) {
                Ok(knock) => return Ok(knock),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// The port is nobody else's at that address as long as the socket is open, even when its connection was reset: a
    /// port that the kernel chose would be free then, so it is bound by its number, over a scout that found it.
    fn bind_to(target: SocketAddr) -> io::Result<Knock> {
        let reuse = |stream: &TcpStream, whether| {
            calls::set_number(stream.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, whether)
        };
        let mut source = target;
        source.set_port(0);
        let scout = tcp_socket(target)?;
        bind(scout.as_raw_fd(), &SockaddrStorage::from(source))?;
        let source = scout.local_addr()?;
        reuse(&scout, 1)?;
        let stream = tcp_socket(target)?;
        reuse(&stream, 1)?;
        bind(stream.as_raw_fd(), &SockaddrStorage::from(source))?;
        reuse(&stream, 0)?;
        Ok(Knock { stream, source, target, mended: Arc::default() })
    }

    /// Begins to connect.
    pub(super) fn connect(self) -> io::Result<Own> {
        match connect(self.stream.as_raw_fd(), &SockaddrStorage::from(self.target)) {
            Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ends = Ends::Tcp { source: self.source, target: self.target };
        Ok(Own { fd: self.stream.into(), ends, mended: self.mended })
    }
}

fn tcp_socket(target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(TcpStream::from(socket(family, SockType::Stream, flags, None)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_can_have_the_port_of_a_connection_of_ours_even_after_a_reset() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = Tcp { address: listener.local_addr().unwrap(), dual: false, blocking: false };
        let own = Knock::bind(&tcp).unwrap().connect().unwrap();
        let Ends::Tcp { source, .. } = own.ends else { panic!("it is a TCP connection") };
        let stranger = || {
            let stream = tcp_socket(source).unwrap();
            calls::set_number(stream.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1).unwrap();
            bind(stream.as_raw_fd(), &SockaddrStorage::from(source))
        };
        assert_eq!(stranger(), Err(Errno::EADDRINUSE));
        let (accepted, from) = listener.accept().unwrap();
        assert_eq!(Origin::Tcp(from), own.origin().unwrap());
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        nix::sys::socket::setsockopt(&accepted, nix::sys::socket::sockopt::Linger, &linger).unwrap();
        drop(accepted);
        assert_eq!(stranger(), Err(Errno::EADDRINUSE), "it was reset");
        drop(own);
        assert_eq!(stranger(), Ok(()));
    }
}

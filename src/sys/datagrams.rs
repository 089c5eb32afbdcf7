//! Sockets for datagrams, which all who have one read from.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, getsockname, setsockopt, socket, sockopt,
};

/// Binds a socket that does not block; says where it really is.
pub(crate) fn open(address: SocketAddr, only_ipv6: bool, reuse: bool) -> io::Result<(OwnedFd, SocketAddr)> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    if address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &only_ipv6)?;
    }
    if reuse {
        setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    }
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    let local = getsockname::<SockaddrStorage>(fd.as_raw_fd())?;
    let ipv4 = local.as_sockaddr_in().map(|it| SocketAddr::V4((*it).into()));
    let ipv6 = local.as_sockaddr_in6().map(|it| SocketAddr::V6((*it).into()));
    Ok((fd, ipv4.or(ipv6).ok_or(Errno::EAFNOSUPPORT)?))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_port_is_chosen_and_nobody_else_can_have_it() {
        let (fd, local) = open(([127, 0, 0, 1], 0).into(), false, false).expect("it opens");
        assert_ne!(local.port(), 0);
        let taken = open(local, false, false).expect_err("it is taken");
        assert_eq!(taken.raw_os_error(), Some(Errno::EADDRINUSE as i32));
        let socket = UdpSocket::from(fd);
        assert_eq!(socket.recv(&mut [0; 8]).expect_err("nothing is there").kind(), io::ErrorKind::WouldBlock);
    }
}

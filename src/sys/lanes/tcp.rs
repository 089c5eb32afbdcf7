//! Binding TCP sockets: one that has its address for itself, and others that join it. Knows no lanes.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, socket},
};

use super::{
    calls,
    endpoint::Endpoint,
    error::{OpenError, call},
    holder::Holder,
    strangers,
};

/// How often another port is tried when the kernel's choice was taken away in between.
const ATTEMPTS: usize = 8;

/// An address to bind, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tcp {
    pub(super) address: SocketAddr,
    pub(super) dual: bool,
    pub(super) blocking: bool,
}

impl Tcp {
    /// Binds the first socket, which does not listen yet: only if nobody else listens there, since it has SO_REUSEADDR
    /// and not SO_REUSEPORT. Says where it is.
    pub(super) fn first(self) -> Result<(OwnedFd, Tcp), OpenError> {
        match self.bind_exclusively() {
            Ok(bound) => Ok(bound),
            Err(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL) if self.dual && self.address.ip().is_unspecified() => {
                let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.address.port()));
                let only_ipv4 = Tcp { address, dual: false, ..self };
                only_ipv4.bind_exclusively().map_err(|errno| only_ipv4.refused(errno))
            }
            Err(errno) => Err(self.refused(errno)),
        }
    }

    /// Binds a further socket to the same address, ready to join the group of the first.
    pub(super) fn another(&self) -> io::Result<OwnedFd> {
        let fd = self.socket()?;
        share(&fd)?;
        self.bind(&fd)?;
        Ok(fd)
    }

    /// What an address or a port that cannot be had means.
    pub(super) fn refused(&self, errno: Errno) -> OpenError {
        let at = self.endpoint();
        match errno {
            Errno::EADDRINUSE => {
                let rows = strangers::listening(self.address).unwrap_or_default();
                let inodes: Vec<u64> = rows.iter().map(|row| row.inode).collect();
                OpenError::InUse { at, holder: Holder::of_inodes(&inodes) }
            }
            Errno::EACCES if self.address.port() != 0 => OpenError::Privileged { at },
            Errno::EADDRNOTAVAIL => OpenError::NoSuchAddress { at },
            other => call(&at, "bind")(other),
        }
    }

    /// Where it can be reached from this machine, best first: its own address, or a loopback for a wildcard.
    pub(super) fn reachable_at(&self) -> Vec<SocketAddr> {
        let ips: Vec<IpAddr> = match self.address.ip().to_canonical() {
            IpAddr::V4(ip) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
            IpAddr::V6(ip) if ip.is_unspecified() && self.dual => {
                vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
            }
            IpAddr::V6(ip) if ip.is_unspecified() => vec![Ipv6Addr::LOCALHOST.into()],
            ip => vec![ip],
        };
        ips.into_iter().map(|ip| with_ip(self.address, ip)).collect()
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::Tcp { address: self.address, dual: self.dual }
    }

    /// A port that the kernel chose would be lost when a worker shuts the socket, so it is bound by its number then.
    fn bind_exclusively(self) -> nix::Result<(OwnedFd, Tcp)> {
        for _ in 0..ATTEMPTS {
            let (scout, port) = if self.address.port() == 0 { self.scout()? } else { (None, self.address.port()) };
            let mut chosen = self;
            chosen.address.set_port(port);
            let fd = chosen.socket()?;
            calls::set_number(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
            match chosen.bind(&fd) {
                Ok(()) => return Ok((fd, chosen)),
                Err(Errno::EADDRINUSE) if scout.is_some() => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EADDRINUSE)
    }

    /// Lets the kernel choose a port, and keeps it from everyone who does not ask for it by number.
    fn scout(&self) -> nix::Result<(Option<OwnedFd>, u16)> {
        let scout = self.socket()?;
        self.bind(&scout)?;
        let scout = TcpListener::from(scout);
        let port =
            scout.local_addr().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?.port();
        calls::set_number(scout.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        Ok((Some(scout.into()), port))
    }

    fn socket(&self) -> nix::Result<OwnedFd> {
        let mut flags = SockFlag::SOCK_CLOEXEC;
        flags.set(SockFlag::SOCK_NONBLOCK, !self.blocking);
        let family = if self.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let fd = socket(family, SockType::Stream, flags, None)?;
        if self.address.is_ipv6() {
            calls::set_number(fd.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, i32::from(!self.dual))?;
        }
        Ok(fd)
    }

    fn bind(&self, fd: &OwnedFd) -> nix::Result<()> {
        bind(fd.as_raw_fd(), &SockaddrStorage::from(self.address))
    }
}

/// Lets other sockets of ours have the same address.
pub(super) fn share(fd: &impl AsFd) -> nix::Result<()> {
    calls::set_number(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    calls::set_number(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)
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
            tcp.reachable_at().iter().map(|at| at.ip().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(reach("0.0.0.0:1", false), "127.0.0.1");
        assert_eq!(reach("[::]:1", true), "::1 127.0.0.1");
        assert_eq!(reach("[::]:1", false), "::1");
        assert_eq!(reach("[::ffff:127.0.0.1]:1", true), "127.0.0.1");
        assert_eq!(reach("192.0.2.7:1", false), "192.0.2.7");
        assert_eq!(reach("[2001:db8::7]:1", true), "2001:db8::7");
    }
}

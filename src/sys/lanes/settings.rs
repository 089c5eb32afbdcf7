//! The options of a listening socket, remembered when it was opened and put back when a worker has changed them. They
//! belong to the socket, not to a descriptor, so what one worker sets holds for all; and accepted connections inherit them.

use std::{ffi::c_int, io, os::fd::BorrowedFd};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
};

use super::calls;

/// An option that a worker changed and that cannot be put back: its lane must not be granted again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot put back {option}: {why}")]
pub(crate) struct Spoiled {
    /// The option's name.
    pub(crate) option: &'static str,
    /// What happened instead.
    pub(crate) why: String,
}

/// How a value that was read is written back.
#[derive(Debug, Clone, Copy)]
enum Back {
    /// As it was read.
    Same,
    /// Half of it: the kernel doubles what it is given.
    Half,
    /// Zero, which lets the kernel choose again: what is read by default must not be written.
    Zero,
}

#[derive(Debug)]
struct Kind {
    name: &'static str,
    level: c_int,
    option: c_int,
    back: Back,
}

const fn kind(name: &'static str, level: c_int, option: c_int, back: Back) -> Kind {
    Kind { name, level, option, back }
}

/// The longest of these values (two `long`s, or the name of a congestion control).
const ROOM: usize = 16;

/// What is looked after, in the order in which it is put back: SO_RCVLOWAT may enlarge the receive buffer, and
/// SO_BUF_LOCK says who chose the buffers' sizes (without it the kernel never tunes them again).
const KINDS: &[Kind] = {
    use Back::{Half, Same, Zero};
    use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET};
    &[
        kind("SO_REUSEADDR", SOL_SOCKET, libc::SO_REUSEADDR, Same),
        kind("SO_REUSEPORT", SOL_SOCKET, libc::SO_REUSEPORT, Same),
        kind("SO_RCVLOWAT", SOL_SOCKET, libc::SO_RCVLOWAT, Same),
        kind("SO_RCVBUF", SOL_SOCKET, libc::SO_RCVBUF, Half),
        kind("SO_SNDBUF", SOL_SOCKET, libc::SO_SNDBUF, Half),
        kind("SO_BUF_LOCK", SOL_SOCKET, libc::SO_BUF_LOCK, Same),
        kind("SO_LINGER", SOL_SOCKET, libc::SO_LINGER, Same),
        kind("SO_KEEPALIVE", SOL_SOCKET, libc::SO_KEEPALIVE, Same),
        kind("SO_RCVTIMEO", SOL_SOCKET, libc::SO_RCVTIMEO, Same),
        kind("SO_SNDTIMEO", SOL_SOCKET, libc::SO_SNDTIMEO, Same),
        kind("SO_PRIORITY", SOL_SOCKET, libc::SO_PRIORITY, Same),
        kind("SO_MARK", SOL_SOCKET, libc::SO_MARK, Same),
        kind("SO_OOBINLINE", SOL_SOCKET, libc::SO_OOBINLINE, Same),
        kind("SO_DONTROUTE", SOL_SOCKET, libc::SO_DONTROUTE, Same),
        kind("SO_BINDTOIFINDEX", SOL_SOCKET, libc::SO_BINDTOIFINDEX, Same),
        kind("SO_INCOMING_CPU", SOL_SOCKET, libc::SO_INCOMING_CPU, Same),
        kind("SO_MAX_PACING_RATE", SOL_SOCKET, libc::SO_MAX_PACING_RATE, Same),
        kind("SO_PASSCRED", SOL_SOCKET, libc::SO_PASSCRED, Same),
        kind("SO_PASSSEC", SOL_SOCKET, libc::SO_PASSSEC, Same),
        kind("SO_PASSPIDFD", SOL_SOCKET, libc::SO_PASSPIDFD, Same),
        kind("TCP_NODELAY", IPPROTO_TCP, libc::TCP_NODELAY, Same),
        kind("TCP_CORK", IPPROTO_TCP, libc::TCP_CORK, Same),
        kind("TCP_DEFER_ACCEPT", IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, Same),
        kind("TCP_FASTOPEN", IPPROTO_TCP, libc::TCP_FASTOPEN, Same),
        kind("TCP_USER_TIMEOUT", IPPROTO_TCP, libc::TCP_USER_TIMEOUT, Same),
        kind("TCP_KEEPIDLE", IPPROTO_TCP, libc::TCP_KEEPIDLE, Same),
        kind("TCP_KEEPINTVL", IPPROTO_TCP, libc::TCP_KEEPINTVL, Same),
        kind("TCP_KEEPCNT", IPPROTO_TCP, libc::TCP_KEEPCNT, Same),
        kind("TCP_SYNCNT", IPPROTO_TCP, libc::TCP_SYNCNT, Same),
        kind("TCP_LINGER2", IPPROTO_TCP, libc::TCP_LINGER2, Same),
        kind("TCP_MAXSEG", IPPROTO_TCP, libc::TCP_MAXSEG, Zero),
        kind("TCP_NOTSENT_LOWAT", IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, Same),
        kind("TCP_SAVE_SYN", IPPROTO_TCP, libc::TCP_SAVE_SYN, Same),
        kind("TCP_CONGESTION", IPPROTO_TCP, libc::TCP_CONGESTION, Same),
        kind("TCP_WINDOW_CLAMP", IPPROTO_TCP, libc::TCP_WINDOW_CLAMP, Same),
        kind("IP_TOS", IPPROTO_IP, libc::IP_TOS, Same),
        kind("IP_TTL", IPPROTO_IP, libc::IP_TTL, Same),
        kind("IPV6_TCLASS", IPPROTO_IPV6, libc::IPV6_TCLASS, Same),
        kind("IPV6_UNICAST_HOPS", IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, Same),
    ]
};

/// The options of a socket at one moment: the flags of its description, and each of [`KINDS`] that it has.
#[derive(Debug)]
pub(super) struct Settings {
    flags: OFlag,
    values: Vec<(&'static Kind, Vec<u8>)>,
}

impl Settings {
    /// Reads what can be read.
    pub(super) fn of(fd: BorrowedFd<'_>) -> io::Result<Settings> {
        let read =
            |kind: &'static Kind| calls::option(fd, kind.level, kind.option, ROOM).ok().map(|value| (kind, value));
        Ok(Settings { flags: flags(fd)?, values: KINDS.iter().filter_map(read).collect() })
    }

    /// Writes what differs, then reads everything back.
    pub(super) fn restore(&self, fd: BorrowedFd<'_>) -> Result<(), Spoiled> {
        let refused = |errno: Errno| Spoiled { option: "O_NONBLOCK", why: errno.to_string() };
        if flags(fd).map_err(refused)? != self.flags {
            fcntl(fd, FcntlArg::F_SETFL(self.flags)).map_err(refused)?;
        }
        for (kind, value) in &self.values {
            if !kind.is(fd, value)? {
                self.put_back(fd, kind, value)?;
            }
        }
        if flags(fd).map_err(refused)? != self.flags {
            return Err(Spoiled { option: "O_NONBLOCK", why: "it reads differently".into() });
        }
        for (kind, value) in &self.values {
            if !kind.is(fd, value)? {
                return Err(kind.spoiled("it reads differently"));
            }
        }
        Ok(())
    }

    fn put_back(&self, fd: BorrowedFd<'_>, kind: &'static Kind, value: &[u8]) -> Result<(), Spoiled> {
        let number = || value.try_into().map(c_int::from_ne_bytes).map_err(|_| kind.spoiled("it is no number"));
        let written = match kind.back {
            Back::Same => value.to_vec(),
            Back::Zero => 0i32.to_ne_bytes().to_vec(),
            Back::Half if self.can_unlock() => (number()? / 2).to_ne_bytes().to_vec(),
            Back::Half => return Err(kind.spoiled("before Linux 5.14 a size that was set is never tuned again")),
        };
        calls::set_option(fd, kind.level, kind.option, &written).map_err(|errno| kind.spoiled(errno))
    }

    fn can_unlock(&self) -> bool {
        self.values.iter().any(|(kind, _)| kind.name == "SO_BUF_LOCK")
    }
}

impl Kind {
    fn is(&'static self, fd: BorrowedFd<'_>, value: &[u8]) -> Result<bool, Spoiled> {
        let now = calls::option(fd, self.level, self.option, ROOM).map_err(|errno| self.spoiled(errno))?;
        Ok(now == value)
    }

    fn spoiled(&self, why: impl ToString) -> Spoiled {
        Spoiled { option: self.name, why: why.to_string() }
    }
}

fn flags(fd: BorrowedFd<'_>) -> nix::Result<OFlag> {
    Ok(OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?))
}

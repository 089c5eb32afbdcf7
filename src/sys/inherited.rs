//! Descriptors that came from elsewhere: by their number, or with a kind to be checked.
//!
//! It must not know who sent them, or what for.

#![cfg_attr(not(feature = "worker"), allow(dead_code, reason = "only a worker inherits by number"))]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, sockopt};

use super::passing::inode;

/// The first number that is not a standard stream's.
const AFTER_THE_STANDARD_STREAMS: i32 = 3;

/// What a listening socket listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    /// TCP, over IPv4 or IPv6.
    Tcp,
    /// Unix stream sockets.
    Unix,
}

/// Takes over the channel at `number`, if that is the socket with this `inode`; from now on it stays in this process.
///
/// `None` when the number stands for something else: then it was meant for an ancestor. A channel that is standard
/// input is moved away, and /dev/null takes its place.
pub(crate) fn take_channel(number: u16, expected: u64) -> io::Result<Option<OwnedFd>> {
    let Some(channel) = borrow(number)? else { return Ok(None) };
    let is_meant = inode(channel)? == expected && getsockopt(&channel, sockopt::SockType) == Ok(SockType::SeqPacket);
    if !is_meant {
        return Ok(None);
    }
    let own = duplicate(channel)?;
    match number {
        0 => nix::unistd::dup2_stdin(File::open("/dev/null")?)?,
        _ => close_on_exec(channel)?,
    }
    Ok(Some(own))
}

/// A copy of the descriptor that was inherited at `number`, which no child will inherit again.
pub(crate) fn take_handle(number: u16) -> io::Result<OwnedFd> {
    let handle = borrow(number)?.ok_or(Errno::EBADF)?;
    let own = duplicate(handle)?;
    close_on_exec(handle)?;
    Ok(own)
}

/// What kind of listening socket this is; `None` if it is none.
pub(crate) fn listener_kind(fd: BorrowedFd<'_>) -> Option<ListenerKind> {
    let listens = getsockopt(&fd, sockopt::AcceptConn) == Ok(true);
    let streams = getsockopt(&fd, sockopt::SockType) == Ok(SockType::Stream);
    if !(listens && streams) {
        return None;
    }
    match getsockname::<SockaddrStorage>(fd.as_raw_fd()).ok()?.family()? {
        AddressFamily::Inet | AddressFamily::Inet6 => Some(ListenerKind::Tcp),
        AddressFamily::Unix => Some(ListenerKind::Unix),
        _ => None,
    }
}

/// Whether calls on this socket fail with `WouldBlock` instead of waiting.
pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?).contains(OFlag::O_NONBLOCK))
}

/// The descriptor with this number, if one is open.
#[allow(unsafe_code)]
fn borrow(number: u16) -> io::Result<Option<BorrowedFd<'static>>> {
    // SAFETY: the number cannot be -1, and nothing but system calls is done with it: the first of them, below, finds
    // out whether it is open. Whoever named the number to this process gave it the descriptor.
    let fd = unsafe { BorrowedFd::borrow_raw(number.into()) };
    match fcntl(fd, FcntlArg::F_GETFD) {
        Ok(_) => Ok(Some(fd)),
        Err(Errno::EBADF) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[allow(unsafe_code)]
fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd as _;
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(AFTER_THE_STANDARD_STREAMS))?;
    // SAFETY: the kernel has just made it, for us.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn close_on_exec(fd: BorrowedFd<'_>) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::sys::passing::pair;

    fn number_of(fd: &OwnedFd) -> u16 {
        fd.as_raw_fd().try_into().unwrap()
    }

    #[test]
    fn a_channel_is_taken_by_its_number_and_inode() {
        let (one, other) = pair().unwrap();
        let taken = take_channel(number_of(&one), inode(one.as_fd()).unwrap()).unwrap().expect("it is the channel");
        assert_eq!(inode(taken.as_fd()).unwrap(), inode(one.as_fd()).unwrap());
        assert_ne!(inode(taken.as_fd()).unwrap(), inode(other.as_fd()).unwrap());
    }

    #[test]
    fn a_number_that_stands_for_something_else_is_left_alone() {
        let (one, other) = pair().unwrap();
        let theirs = inode(other.as_fd()).unwrap();
        assert!(take_channel(number_of(&one), theirs).unwrap().is_none());
        assert!(take_channel(u16::MAX, theirs).unwrap().is_none());
        let file = OwnedFd::from(File::open("/dev/null").unwrap());
        assert!(take_channel(number_of(&file), inode(file.as_fd()).unwrap()).unwrap().is_none());
        assert!(take_handle(u16::MAX).is_err());
    }

    #[test]
    fn a_taken_handle_is_a_copy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let copy = take_handle(listener.as_raw_fd().try_into().unwrap()).unwrap();
        assert_eq!(inode(copy.as_fd()).unwrap(), inode(listener.as_fd()).unwrap());
        assert_ne!(copy.as_raw_fd(), listener.as_raw_fd());
    }

    #[test]
    fn the_kind_of_a_listener_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let unix = UnixListener::bind(directory.path().join("socket")).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = File::open("/dev/null").unwrap();
        assert_eq!(listener_kind(tcp.as_fd()), Some(ListenerKind::Tcp));
        assert_eq!(listener_kind(unix.as_fd()), Some(ListenerKind::Unix));
        assert_eq!(listener_kind(udp.as_fd()), None);
        assert_eq!(listener_kind(file.as_fd()), None);
        assert_eq!(listener_kind(pair().unwrap().0.as_fd()), None);
    }

    #[test]
    fn the_mode_of_a_socket_is_seen() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_nonblocking(tcp.as_fd()).unwrap());
        tcp.set_nonblocking(true).unwrap();
        assert!(is_nonblocking(tcp.as_fd()).unwrap());
    }
}

//! The few system calls that `nix` lacks or narrows, each as a safe function over borrowed descriptors.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use nix::{errno::Errno, sys::socket::SockFlag};

/// Reads a socket option of at most `room` bytes.
#[allow(unsafe_code)]
pub(super) fn option(fd: BorrowedFd<'_>, level: c_int, name: c_int, room: usize) -> nix::Result<Vec<u8>> {
    let mut value = vec![0u8; room];
    let mut length = room as libc::socklen_t;
    // SAFETY: `value` has `length` writable bytes, and the kernel writes no more than that.
    let result = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut length) };
    Errno::result(result)?;
    value.truncate(length as usize);
    Ok(value)
}

/// Writes a socket option.
#[allow(unsafe_code)]
pub(super) fn set_option(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &[u8]) -> nix::Result<()> {
    let length = value.len() as libc::socklen_t;
    // SAFETY: `value` has `length` readable bytes; no option that we set keeps or follows a pointer.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// Reads a socket option that is a number.
pub(super) fn number(fd: BorrowedFd<'_>, level: c_int, name: c_int) -> nix::Result<c_int> {
    let value = option(fd, level, name, size_of::<c_int>())?;
    value.try_into().map(c_int::from_ne_bytes).map_err(|_| Errno::EINVAL)
}

/// Writes a socket option that is a number.
pub(super) fn set_number(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> nix::Result<()> {
    set_option(fd, level, name, &value.to_ne_bytes())
}

/// How many bytes have come over a TCP connection, read or not: `tcpi_bytes_received`.
pub(super) fn bytes_received(fd: BorrowedFd<'_>) -> nix::Result<u64> {
    const AT: usize = 128;
    let info = option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, AT + 8)?;
    let bytes = info.get(AT..AT + 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_ne_bytes).ok_or(Errno::EINVAL)
}

/// Attaches a classic BPF program to the SO_REUSEPORT group of a socket.
#[allow(unsafe_code)]
pub(super) fn attach(fd: BorrowedFd<'_>, code: &mut [libc::sock_filter]) -> nix::Result<()> {
    let program = libc::sock_fprog { len: code.len() as u16, filter: code.as_mut_ptr() };
    let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF);
    // SAFETY: `program` points to `len` instructions that outlive the call; the kernel copies them.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const program).cast(), length) };
    Errno::result(result).map(drop)
}

/// Listens, or changes the backlog of a socket that does (`nix` knows no backlog above its own SOMAXCONN).
#[allow(unsafe_code)]
pub(super) fn listen(fd: BorrowedFd<'_>, backlog: u32) -> nix::Result<()> {
    let backlog = c_int::try_from(backlog).unwrap_or(c_int::MAX);
    // SAFETY: the call takes two numbers.
    Errno::result(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// Accepts one connection, non-blocking and close-on-exec.
#[allow(unsafe_code)]
pub(super) fn accept(fd: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let accepted = nix::sys::socket::accept4(fd.as_raw_fd(), SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)?;
    // SAFETY: the descriptor is fresh and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(accepted) })
}

/// What `poll` shows of a descriptor now, among these events and the errors (`nix` knows no POLLRDHUP).
#[allow(unsafe_code)]
pub(super) fn poll(fd: BorrowedFd<'_>, events: libc::c_short) -> libc::c_short {
    let mut watched = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: `watched` is one pollfd, and the call returns at once.
    unsafe { libc::poll(&mut watched, 1, 0) };
    watched.revents
}

/// Locks a file, or says `WouldBlock`. The lock goes when the last copy of the descriptor does: `nix`'s `Flock` would
/// unlock on drop, though a successor holds a copy.
#[allow(unsafe_code)]
pub(crate) fn lock(file: &impl AsFd) -> io::Result<()> {
    // SAFETY: the call takes two numbers.
    Errno::result(unsafe { libc::flock(file.as_fd().as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) })?;
    Ok(())
}

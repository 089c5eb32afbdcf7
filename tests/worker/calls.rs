//! The two system calls for which there is nothing safe.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;

/// The descriptor that our parent left us at this number.
pub(crate) fn left_by_our_parent(number: i32) -> OwnedFd {
    // SAFETY: our parent has named it to us, and to nobody else in this process.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// How many connections may wait in a TCP listener.
pub(crate) fn backlog(listener: BorrowedFd<'_>) -> io::Result<u32> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_INFO);
    // SAFETY: `info` has `length` writable bytes; all of it was zero before, which is a valid value.
    let info = unsafe {
        if libc::getsockopt(listener.as_raw_fd(), level, name, info.as_mut_ptr().cast(), &mut length) < 0 {
            return Err(io::Error::last_os_error());
        }
        info.assume_init()
    };
    Ok(info.tcpi_sacked)
}

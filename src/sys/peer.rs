//! Who is at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

/// Of which groups the peer was a member when it connected, besides its first.
#[allow(unsafe_code)]
pub(crate) fn groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut length = size_of_val(groups.as_slice()) as libc::socklen_t;
        let (fd, level, name) = (socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERGROUPS);
        // SAFETY: `groups` has `length` writable bytes, and the kernel writes no more than that.
        let result = unsafe { libc::getsockopt(fd, level, name, groups.as_mut_ptr().cast(), &raw mut length) };
        let count = length as usize / size_of::<libc::gid_t>();
        match Errno::result(result) {
            Ok(_) => {
                groups.truncate(count);
                return Ok(groups);
            }
            Err(Errno::ERANGE) if count > groups.len() => groups.resize(count, 0),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whether there is something to be read, which stays where it is; not, if the other side has ended.
pub(crate) fn has_bytes(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    Ok(recv(socket.as_raw_fd(), &mut [0], flags)? > 0)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_peer_in_this_process_has_its_groups() {
        let (one, _other) = UnixStream::pair().expect("two ends");
        let mut told = groups(one.as_fd()).expect("it is told");
        let mut ours: Vec<u32> =
            nix::unistd::getgroups().expect("they are told").iter().map(|it| it.as_raw()).collect();
        told.sort_unstable();
        ours.sort_unstable();
        assert_eq!(told, ours);
    }
}

//! Node's channel: a stream of bytes, with at most one descriptor beside a piece of it. Must not know what they say.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};

use super::passing;

/// Opens a channel: our end, which never waits, and the worker's; both are close-on-exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    passing::set_nonblocking(ours.as_fd(), true)?;
    Ok((ours, theirs))
}

/// Sends as many of the bytes as there is room for, with the descriptor beside the first of them.
pub(crate) fn send(channel: BorrowedFd<'_>, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let numbers: Vec<_> = descriptor.iter().map(AsRawFd::as_raw_fd).collect();
    let beside = [ControlMessage::ScmRights(&numbers)];
    let beside = if numbers.is_empty() { &[][..] } else { &beside[..] };
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    loop {
        match sendmsg::<()>(channel.as_raw_fd(), &[IoSlice::new(bytes)], beside, flags, None) {
            Ok(count) => return Ok(count),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::passing::{Received, receive};

    fn read(channel: &OwnedFd) -> (Vec<u8>, usize) {
        let mut buffer = [0; 4096];
        match receive(channel.as_fd(), &mut buffer).expect("it is read") {
            Received::Packet { length, descriptors, .. } => (buffer[..length].to_vec(), descriptors.len()),
            Received::End => panic!("it is open"),
        }
    }

    #[test]
    fn bytes_run_together_and_a_descriptor_stays_beside_its_own() {
        let (ours, theirs) = pair().expect("a pair");
        for (bytes, descriptor) in [(&b"a"[..], None), (b"b", Some(ours.as_fd())), (b"c", Some(ours.as_fd()))] {
            assert_eq!(send(ours.as_fd(), bytes, descriptor).expect("there is room"), 1);
        }
        assert_eq!(read(&theirs), (b"ab".into(), 1));
        assert_eq!(read(&theirs), (b"c".into(), 1));
    }

    #[test]
    fn a_full_channel_takes_a_part_and_then_nothing() {
        let (ours, _theirs) = pair().expect("a pair");
        let bytes = vec![b'x'; 1 << 22];
        let sent = send(ours.as_fd(), &bytes, None).expect("there is some room");
        assert!(sent < bytes.len());
        let full = (0..).find_map(|_| send(ours.as_fd(), &bytes, None).err()).expect("it is full");
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }
}

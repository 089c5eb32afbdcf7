//! Packets with descriptors beside them: the channel between a worker and its master.
//!
//! It owns the socket pair, and how to send and receive on it. It must not know what a packet says.

use std::io::{self, IoSliceMut};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, recvmsg, setsockopt, shutdown, socketpair, sockopt,
};
use nix::sys::stat::fstat;
use sendfd::SendWithFd;

use super::beside::{Beside, space};

/// As many descriptors as there is room for beside one packet: as the kernel passes at most, so that it closes none by
/// itself, for which it might take its time.
pub(crate) const ROOM: usize = 253;

/// A channel's buffer does not hold more packets than this.
const MOST_UNREAD: usize = 1024;

/// What came over a channel.
#[derive(Debug)]
#[cfg_attr(not(feature = "worker"), allow(dead_code, reason = "the master's loop is not built yet"))]
pub(crate) enum Received {
    /// One packet.
    Packet {
        /// How many bytes of the buffer it fills.
        length: usize,
        /// What came beside it.
        descriptors: Vec<OwnedFd>,
        /// The packet, or its descriptors, did not fit: some are lost.
        truncated: bool,
    },
    /// The other side is gone.
    End,
}

/// Opens a channel: two connected ends, close-on-exec and blocking.
#[allow(dead_code, reason = "the master opens channels, and so do tests")]
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Lets calls on this end fail with `WouldBlock` instead of waiting, or wait again.
#[allow(dead_code, reason = "for the master's end of a channel")]
pub(crate) fn set_nonblocking(channel: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut flags = OFlag::from_bits_retain(fcntl(channel, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, nonblocking);
    fcntl(channel, FcntlArg::F_SETFL(flags))?;
    Ok(())
}

/// Sends one packet with `descriptors` beside it: all of it, or nothing.
///
/// Fails with `WouldBlock` when the channel is full and this end does not block.
#[allow(dead_code, reason = "only a master sends descriptors")]
#[allow(unsafe_code)]
pub(crate) fn send(channel: BorrowedFd<'_>, packet: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    refuse_empty(packet)?;
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: the descriptor is open for as long as it is borrowed, and `ManuallyDrop` leaves the closing to its owner.
    let channel = ManuallyDrop::new(unsafe { UnixDatagram::from_raw_fd(channel.as_raw_fd()) });
    loop {
        match channel.send_with_fd(packet, &raw) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends one packet at once, or fails with `WouldBlock`, whatever the mode of this end. Never raises SIGPIPE.
#[cfg_attr(not(feature = "worker"), allow(dead_code, reason = "a worker's way to send"))]
pub(crate) fn send_now(channel: BorrowedFd<'_>, packet: &[u8]) -> io::Result<()> {
    refuse_empty(packet)?;
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    loop {
        match nix::sys::socket::send(channel.as_raw_fd(), packet, flags) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A packet of no bytes would be the end for whoever receives it.
fn refuse_empty(packet: &[u8]) -> io::Result<()> {
    match packet {
        [] => Err(io::ErrorKind::InvalidInput.into()),
        _ => Ok(()),
    }
}

/// Receives one packet into `buffer`, every descriptor close-on-exec from birth.
#[cfg_attr(not(feature = "worker"), allow(dead_code, reason = "the master's loop is not built yet"))]
pub(crate) fn receive(channel: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut beside = Beside::<{ space(ROOM) }>::new();
    let (length, flags) = loop {
        let mut parts = [IoSliceMut::new(buffer)];
        match recvmsg::<()>(channel.as_raw_fd(), &mut parts, Some(beside.for_kernel()), MsgFlags::MSG_CMSG_CLOEXEC) {
            Ok(message) => break (message.bytes, message.flags),
            // ECONNRESET comes once, when the other side left something unread; what it sent is still to be read.
            Err(Errno::EINTR | Errno::ECONNRESET) => {}
            Err(errno) => return Err(errno.into()),
        }
    };
    let descriptors = beside.into_parts().0;
    if length == 0 && descriptors.is_empty() && has_ended(channel) {
        return Ok(Received::End);
    }
    let truncated = flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
    Ok(Received::Packet { length, descriptors, truncated })
}

/// Whether the other side is gone: a packet of no bytes looks the same.
fn has_ended(channel: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::new(channel, PollFlags::from_bits_retain(libc::POLLRDHUP))];
    !matches!(poll(&mut watched, PollTimeout::ZERO), Ok(0))
}

/// Closes descriptors that nobody asked for.
///
/// A connection may have been told to linger, and would hold up whoever closes it last for as long as it likes.
#[allow(dead_code, reason = "only a master is sent what it did not ask for")]
pub(crate) fn discard(descriptors: Vec<OwnedFd>) {
    for descriptor in &descriptors {
        let _ = setsockopt(descriptor, sockopt::Linger, &libc::linger { l_onoff: 0, l_linger: 0 }); // if it is a socket
    }
}

/// Closes a channel, and what was sent over it and not received.
#[allow(dead_code, reason = "only a master is sent what it did not ask for")]
pub(crate) fn close(channel: OwnedFd) {
    let _ = shutdown(channel.as_raw_fd(), Shutdown::Both); // from now on nothing more can be sent
    for _ in 0..MOST_UNREAD {
        match receive(channel.as_fd(), &mut [0]) {
            Ok(Received::Packet { descriptors, .. }) => discard(descriptors),
            Ok(Received::End) => {}
            Err(_) => break,
        }
    }
}

/// The number that tells one socket from all others that are open.
#[cfg_attr(not(feature = "worker"), allow(dead_code, reason = "names a channel in the environment"))]
pub(crate) fn inode(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(fstat(fd)?.st_ino)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    use nix::fcntl::FdFlag;
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::*;

    fn received(channel: &OwnedFd, buffer: &mut [u8]) -> (Vec<u8>, Vec<OwnedFd>, bool) {
        match receive(channel.as_fd(), buffer).unwrap() {
            Received::Packet { length, descriptors, truncated } => (buffer[..length].to_vec(), descriptors, truncated),
            Received::End => panic!("the channel has ended"),
        }
    }

    /// A pipe whose reader sees its end as soon as no copy of the writer is left.
    fn copies(count: usize) -> (PipeReader, Vec<PipeWriter>) {
        let (reader, writer) = pipe().unwrap();
        let mut writers: Vec<_> = (1..count).map(|_| writer.try_clone().unwrap()).collect();
        writers.push(writer);
        (reader, writers)
    }

    fn send_all(channel: &OwnedFd, writers: &[PipeWriter]) {
        let borrowed: Vec<_> = writers.iter().map(AsFd::as_fd).collect();
        send(channel.as_fd(), b"x", &borrowed).unwrap();
    }

    fn assert_ended(reader: &PipeReader) {
        let mut watched = [PollFd::new(reader.as_fd(), PollFlags::empty())];
        assert_eq!(poll(&mut watched, PollTimeout::from(10_000_u16)), Ok(1), "a descriptor has leaked");
    }

    #[test]
    fn a_packet_arrives_as_one_with_its_descriptors() {
        let (one, other) = pair().unwrap();
        let (mut reader, writers) = copies(1);
        send(one.as_fd(), b"first", &[writers[0].as_fd()]).unwrap();
        send(one.as_fd(), b"second", &[]).unwrap();

        let mut buffer = [0; 64];
        let (bytes, mut descriptors, truncated) = received(&other, &mut buffer);
        assert_eq!((&bytes[..], descriptors.len(), truncated), (&b"first"[..], 1, false));
        assert_eq!(received(&other, &mut buffer).0, b"second");

        let mut writer = File::from(descriptors.pop().unwrap());
        writer.write_all(b"through").unwrap();
        drop((writer, writers));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn every_descriptor_is_close_on_exec_from_birth() {
        let (one, other) = pair().unwrap();
        send(one.as_fd(), b"x", &[one.as_fd()]).unwrap();
        let (_, mut descriptors, _) = received(&other, &mut [0; 8]);
        descriptors.extend([one, other]);
        for descriptor in descriptors {
            let flags = FdFlag::from_bits_retain(fcntl(&descriptor, FcntlArg::F_GETFD).unwrap());
            assert!(flags.contains(FdFlag::FD_CLOEXEC));
        }
    }

    #[test]
    fn as_many_descriptors_as_there_is_room_for_arrive() {
        let (one, other) = pair().unwrap();
        let (_reader, writers) = copies(ROOM);
        send_all(&one, &writers);
        let (_, descriptors, truncated) = received(&other, &mut [0; 8]);
        assert_eq!((descriptors.len(), truncated), (ROOM, false));
    }

    #[test]
    fn a_packet_of_no_bytes_is_not_the_end() {
        let (one, other) = pair().unwrap();
        nix::sys::socket::send(one.as_raw_fd(), b"", MsgFlags::empty()).unwrap();
        let (bytes, descriptors, truncated) = received(&other, &mut [0; 8]);
        assert_eq!((bytes.len(), descriptors.len(), truncated), (0, 0, false));
        drop(one);
        assert!(matches!(receive(other.as_fd(), &mut [0; 8]), Ok(Received::End)));
    }

    /// A connection whose last closing waits for an hour, and the other end of it.
    fn lingering() -> (OwnedFd, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        client.set_nonblocking(true).unwrap();
        while client.write(&[0; 65536]).is_ok() {}
        setsockopt(&client, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 3600 }).unwrap();
        (client.into(), server)
    }

    #[test]
    fn a_connection_that_lingers_does_not_hold_up_whoever_discards_it() {
        let (one, other) = pair().unwrap();
        let ((first, _server), (second, _other_server)) = (lingering(), lingering());
        send(one.as_fd(), b"x", &[first.as_fd()]).unwrap();
        nix::sys::socket::send(one.as_raw_fd(), b"", MsgFlags::empty()).unwrap();
        send(one.as_fd(), b"x", &[second.as_fd()]).unwrap();
        drop((first, second, one));
        let (_, descriptors, _) = received(&other, &mut [0; 8]);
        discard(descriptors);
        close(other);
    }

    #[test]
    fn a_packet_that_does_not_fit_is_told() {
        let (one, other) = pair().unwrap();
        send(one.as_fd(), b"too long", &[]).unwrap();
        let (bytes, _, truncated) = received(&other, &mut [0; 3]);
        assert_eq!((&bytes[..], truncated), (&b"too"[..], true));
    }

    #[test]
    fn a_full_table_of_descriptors_is_told_and_none_leaks() {
        const ALONE: &str = "HEIRLOOM_TEST_FULL_TABLE";
        if std::env::var_os(ALONE).is_none() {
            let name = "sys::passing::tests::a_full_table_of_descriptors_is_told_and_none_leaks";
            let mut test = Command::new(std::env::current_exe().unwrap());
            let output = test.args(["--exact", name]).env(ALONE, "1").output().unwrap();
            return assert!(output.status.success(), "{output:?}");
        }
        let (one, other) = pair().unwrap();
        let (reader, writers) = copies(4);
        send_all(&one, &writers);
        drop(writers);
        // The lowest two places that are free stay free, and no others.
        let limit = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let places: Vec<_> = (0..2).map(|_| one.try_clone().unwrap()).collect();
        let highest = places.iter().map(AsRawFd::as_raw_fd).max().unwrap() as u64;
        setrlimit(Resource::RLIMIT_NOFILE, highest + 1, limit.1).unwrap();
        drop(places);
        let (_, descriptors, truncated) = received(&other, &mut [0; 8]);
        setrlimit(Resource::RLIMIT_NOFILE, limit.0, limit.1).unwrap();
        assert!(truncated);
        assert_eq!(descriptors.len(), 2);
        drop(descriptors);
        assert_ended(&reader);
    }

    #[test]
    fn an_end_that_does_not_block_says_that_it_would() {
        let (one, other) = pair().unwrap();
        set_nonblocking(one.as_fd(), true).unwrap();
        let error = receive(one.as_fd(), &mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let full = (0..).find_map(|_| send(one.as_fd(), b"x", &[]).err()).unwrap();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);

        set_nonblocking(one.as_fd(), false).unwrap();
        let full = send_now(one.as_fd(), b"x").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(received(&other, &mut [0; 8]).0, b"x");
    }

    #[test]
    fn what_a_side_said_before_it_went_is_still_heard() {
        let (one, other) = pair().unwrap();
        send(other.as_fd(), b"nobody reads this", &[]).unwrap();
        send(one.as_fd(), b"last words", &[]).unwrap();
        drop(one);
        assert_eq!(received(&other, &mut [0; 64]).0, b"last words");
        assert!(matches!(receive(other.as_fd(), &mut [0; 64]), Ok(Received::End)));
        assert_eq!(send_now(other.as_fd(), b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_packet_of_no_bytes_is_not_sent() {
        let (one, _other) = pair().unwrap();
        assert_eq!(send(one.as_fd(), b"", &[]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn the_copies_of_an_end_have_one_inode_and_the_ends_have_two() {
        let (one, other) = pair().unwrap();
        let copy = one.try_clone().unwrap();
        assert_eq!(inode(one.as_fd()).unwrap(), inode(copy.as_fd()).unwrap());
        assert_ne!(inode(one.as_fd()).unwrap(), inode(other.as_fd()).unwrap());
    }
}

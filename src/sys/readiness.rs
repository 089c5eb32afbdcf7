//! Waiting for descriptors without a runtime, and a signal that a thread can raise for another.
//!
//! It must not know who waits, or why.

#![cfg_attr(not(feature = "worker"), allow(dead_code, reason = "only a worker waits without a runtime"))]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::SigSet;

/// Something that is readable from the moment when it is raised.
#[derive(Debug)]
pub(crate) struct Signal(EventFd);

impl Signal {
    /// A signal that is not raised.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
    }

    /// Wakes whoever waits for it, now and until it is cleared.
    pub(crate) fn raise(&self) {
        // It fails only when it was raised 2^64 - 2 times, and then it is raised.
        let _ = self.0.write(1);
    }

    /// Lowers it again.
    pub(crate) fn clear(&self) {
        // It fails only when it is not raised.
        let _ = self.0.read();
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Something can be read, or accepted.
    Readable,
    /// Something can be read, or written.
    ReadableOrWritable,
}

/// What a descriptor is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    /// Something can be read or accepted, even if it is the end, or an error.
    pub(crate) readable: bool,
    /// Something can be written; never said to whoever did not ask.
    pub(crate) writable: bool,
}

/// Waits until at least one is ready, and says for what each one is.
pub(crate) fn wait<const N: usize>(watched: [(BorrowedFd<'_>, Interest); N]) -> io::Result<[Ready; N]> {
    let mut polled = watched.map(|(fd, interest)| PollFd::new(fd, interest.flags()));
    loop {
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) => return Ok(polled.map(|fd| Ready::from(fd.revents().unwrap_or(PollFlags::all())))),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

impl From<PollFlags> for Ready {
    fn from(flags: PollFlags) -> Self {
        Self { readable: flags.intersects(!PollFlags::POLLOUT), writable: flags.contains(PollFlags::POLLOUT) }
    }
}

impl Interest {
    fn flags(self) -> PollFlags {
        match self {
            Self::Readable => PollFlags::POLLIN,
            Self::ReadableOrWritable => PollFlags::POLLIN | PollFlags::POLLOUT,
        }
    }
}

/// Keeps the process's signals away from the calling thread: they are for the application's own threads.
pub(crate) fn keep_signals_away() {
    let _ = SigSet::all().thread_block();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::passing;

    const NOTHING: Ready = Ready { readable: false, writable: false };
    const READABLE: Ready = Ready { readable: true, writable: false };
    const WRITABLE: Ready = Ready { readable: false, writable: true };

    #[test]
    fn a_raised_signal_wakes_until_it_is_cleared() {
        let (signal, other) = (Signal::new().unwrap(), Signal::new().unwrap());
        signal.raise();
        signal.raise();
        let both = [(signal.as_fd(), Interest::Readable), (other.as_fd(), Interest::Readable)];
        assert_eq!(wait(both).unwrap(), [READABLE, NOTHING]);
        assert_eq!(wait(both).unwrap(), [READABLE, NOTHING]);
        signal.clear();
        other.raise();
        assert_eq!(wait(both).unwrap(), [NOTHING, READABLE]);
    }

    #[test]
    fn the_end_of_a_channel_wakes() {
        let (one, other) = passing::pair().unwrap();
        drop(other);
        assert_eq!(wait([(one.as_fd(), Interest::Readable)]).unwrap(), [READABLE]);
    }

    #[test]
    fn room_to_write_wakes_only_who_asked_for_it() {
        let (one, other) = passing::pair().unwrap();
        let signal = Signal::new().unwrap();
        let wakes = |interest| wait([(one.as_fd(), interest), (signal.as_fd(), Interest::Readable)]).unwrap();
        assert_eq!(wakes(Interest::ReadableOrWritable), [WRITABLE, NOTHING]);
        signal.raise();
        assert_eq!(wakes(Interest::Readable), [NOTHING, READABLE]);
        passing::send_now(other.as_fd(), b"x").unwrap();
        assert_eq!(wakes(Interest::ReadableOrWritable)[0], Ready { readable: true, writable: true });
    }
}

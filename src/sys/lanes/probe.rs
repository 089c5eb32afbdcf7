//! The accept probe: a connection of ours into one lane, which shows that somebody accepts there. It never sends a byte.
//! Owns that connection and what is told of it; must not know why anybody asks.
//!
//! A connection that waits in a queue belongs to no file: its inode is 0 until somebody accepts it. That holds whatever
//! other clients do, where the length of the queue would not.

use std::{
    cell::OnceCell,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv},
};

use super::{
    calls,
    own::{Ends, Own},
    sock_diag,
    socket::listens,
    tables,
};

/// What a probe has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// Somebody accepted it.
    Yes,
    /// It still waits, or is about to.
    NotYet,
    /// Nobody ever will; why, in words.
    Broken(String),
}

/// A connection that waits in a lane until somebody accepts it. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Probe {
    own: Own,
    listener: OwnedFd,
    verdict: OnceCell<Accepted>,
}

impl Probe {
    /// Makes a probe of a connection into this listener.
    pub(super) fn over(own: Own, listener: BorrowedFd<'_>) -> io::Result<Probe> {
        Ok(Probe { own, listener: listener.try_clone_to_owned()?, verdict: OnceCell::new() })
    }

    /// The connection, which is no probe any more.
    pub(super) fn into_own(self) -> Own {
        self.own
    }

    /// What has become of it. Once it is accepted or broken, it stays so.
    pub(crate) fn look(&self) -> io::Result<Accepted> {
        if let Some(verdict) = self.verdict.get() {
            return Ok(verdict.clone());
        }
        let seen = self.see()?;
        // In this order: a lane that is shut meanwhile resets its queue, or hands it to other lanes.
        let verdict = match seen {
            Accepted::Broken(_) => seen,
            _ if self.own.lane_was_mended() => Accepted::Broken("the lane was shut and mended".into()),
            _ if !listens(self.listener.as_fd()) => Accepted::Broken("the lane was shut".into()),
            Accepted::NotYet => return Ok(Accepted::NotYet),
            Accepted::Yes => Accepted::Yes,
        };
        Ok(self.verdict.get_or_init(|| verdict).clone())
    }

    /// What our own end shows, then what the other does.
    fn see(&self) -> io::Result<Accepted> {
        match recv(self.own.as_fd().as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
            // A greeting, an end or a reset: whoever does that has accepted.
            Ok(_) | Err(Errno::ECONNRESET) => Ok(Accepted::Yes),
            Err(Errno::EAGAIN | Errno::EINTR) => {
                Ok(if self.other_end_has_an_owner()? { Accepted::Yes } else { Accepted::NotYet })
            }
            Err(errno) => Ok(Accepted::Broken(format!("it cannot be connected to: {}", errno.desc()))),
        }
    }

    fn other_end_has_an_owner(&self) -> io::Result<bool> {
        match &self.own.ends {
            Ends::Tcp { source, target } => tables::owner(*target, *source).map(|inode| inode != 0),
            Ends::Unix { inode } => Ok(match sock_diag::unix_peer(*inode) {
                Ok(peer) => peer != 0,
                // Without unix_diag: when nothing waits any more, neither does this.
                Err(_) => calls::poll(self.listener.as_fd(), libc::POLLIN) & libc::POLLIN == 0,
            }),
        }
    }
}

/// To be watched for a greeting, an end, a reset. That it was accepted is no event: look again.
impl AsFd for Probe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.own.as_fd()
    }
}

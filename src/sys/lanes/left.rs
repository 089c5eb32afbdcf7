//! Connections of our own that were ended before anybody accepted them: they stay in the queue of a lane. Whoever accepts
//! there for others must not take them for clients.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::{
    calls,
    own::{Origin, Own},
};

/// So many are remembered, the latest.
const MOST: usize = 256;

/// Where they came from.
#[derive(Debug, Default)]
pub(super) struct Left(Vec<Origin>);

impl Left {
    /// Remembers one that is about to be ended, if it may still be in the queue.
    pub(super) fn note(&mut self, own: &Own) {
        let Some(origin) = own.origin().ok().filter(|origin| !own.was_answered() && !self.0.contains(origin)) else {
            return;
        };
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(origin);
    }

    /// Whether this is one of them: nobody waits for an answer there.
    pub(super) fn has(&self, accepted: BorrowedFd<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let Some(origin) = Origin::of(accepted).ok().filter(|origin| self.0.contains(origin)) else { return false };
        match origin {
            Origin::Tcp(_) => shows(accepted, libc::POLLRDHUP),
            Origin::Unix(_) => shows(accepted, libc::POLLHUP) && is_from_this_process(accepted),
        }
    }
}

fn shows(fd: BorrowedFd<'_>, events: libc::c_short) -> bool {
    calls::poll(fd, events) & events != 0
}

/// Most Unix connections have no name by which they could be told apart.
fn is_from_this_process(accepted: BorrowedFd<'_>) -> bool {
    getsockopt(&accepted.as_fd(), PeerCredentials).is_ok_and(|peer| peer.pid() == std::process::id().cast_signed())
}

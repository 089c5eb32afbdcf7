//! One epoll set for all that the master watches, itself watched by Tokio: a thousand descriptors cost no task.
//!
//! Level-triggered: what is not taken now is offered again.

#![allow(unsafe_code, reason = "Tokio wants a promise that a watched descriptor stays open")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::io::Interest as TokioInterest;
use tokio::io::unix::AsyncFd;

/// What to be told about a descriptor. That it hung up is always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Nothing but a hang-up: what a lane wants to be asked that somebody else accepts from.
    Hangup,
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

/// What happened to a descriptor, by its token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) hangup: bool,
}

/// A set of watched descriptors.
pub(crate) struct Poller {
    epoll: AsyncFd<Set>,
}

/// An epoll set that Tokio can watch.
struct Set(Epoll);

impl AsRawFd for Set {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

/// So many events are taken at once, before others have their turn.
const BATCH: usize = 256;

impl Poller {
    /// An empty set, watched by the Tokio runtime that this is called in.
    pub(crate) fn new() -> io::Result<Poller> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        // SAFETY: `Set` owns its descriptor, never gives it away, and is not reached mutably inside `AsyncFd`.
        let epoll = unsafe { AsyncFd::register_with_interest(Set(epoll), TokioInterest::READABLE)? };
        Ok(Poller { epoll })
    }

    /// Watches a descriptor.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        Ok(self.epoll.get_ref().0.add(fd, EpollEvent::new(flags(interest), token))?)
    }

    /// Watches it for something else.
    pub(crate) fn modify(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        Ok(self.epoll.get_ref().0.modify(fd, &mut EpollEvent::new(flags(interest), token))?)
    }

    /// Watches it no longer. To be called before it is closed, since others may hold the same description.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        let _ = self.epoll.get_ref().0.delete(fd); // it may never have been added
    }

    /// What has happened and waits to be told, which takes nothing of it away; none if that is too much for one look.
    pub(crate) fn waiting(&self) -> Option<Vec<Readiness>> {
        let mut events = [EpollEvent::empty(); BATCH];
        let count = self.epoll.get_ref().0.wait(&mut events, EpollTimeout::ZERO).ok()?;
        (count < BATCH).then(|| events[..count].iter().map(readiness).collect())
    }

    /// Waits until something happens. Cancel-safe.
    pub(crate) async fn wait(&self) -> io::Result<Vec<Readiness>> {
        loop {
            let mut guard = self.epoll.readable().await?;
            let mut events = [EpollEvent::empty(); BATCH];
            match self.epoll.get_ref().0.wait(&mut events, EpollTimeout::ZERO) {
                Ok(0) => guard.clear_ready(),
                Ok(count) => return Ok(events[..count].iter().map(readiness).collect()),
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn flags(interest: Interest) -> EpollFlags {
    match interest {
        // Not EPOLLPRI: the kernel names it whenever a connection arrives, and wakes us only to find out that it is none.
        // This one tells of a Unix listener of which only the reading side was shut.
        Interest::Hangup => EpollFlags::EPOLLRDHUP,
        Interest::Read => EpollFlags::EPOLLIN,
        Interest::ReadWrite => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
    }
}

fn readiness(event: &EpollEvent) -> Readiness {
    let flags = event.events();
    Readiness {
        token: event.data(),
        readable: flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR),
        writable: flags.contains(EpollFlags::EPOLLOUT),
        hangup: flags.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR | EpollFlags::EPOLLRDHUP),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[tokio::test]
    async fn a_look_takes_nothing_away() {
        let poller = Poller::new().expect("a set");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        poller.add(listener.as_fd(), 7, Interest::Hangup).expect("it can be watched");
        assert!(poller.waiting().expect("there is little").is_empty());
        nix::sys::socket::shutdown(listener.as_raw_fd(), nix::sys::socket::Shutdown::Both).expect("it listens");
        for _ in 0..3 {
            let waiting = poller.waiting().expect("there is little");
            assert!(matches!(waiting[..], [Readiness { token: 7, hangup: true, .. }]), "{waiting:?}");
        }
        let ready = poller.wait().await.expect("something has happened");
        assert!(matches!(ready[..], [Readiness { token: 7, hangup: true, .. }]), "{ready:?}");
    }
}

//! A dial: a number in the kernel that the groups of many listeners read, so that turning it steers all of them at one
//! instant, by one system call.
//!
//! What reads it is one program for all groups. A group that is to have another number than the others does not follow
//! the dial: it has a program of its own.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    answer, bpf,
    listener::{Lanes, Mechanism},
    seat::Steering,
};

/// A dial, and where it points.
#[derive(Debug)]
pub(crate) struct Dial {
    map: OwnedFd,
    program: OwnedFd,
    index: AtomicU32,
}

impl Dial {
    /// One that points to the first member of every group; none where we may not load programs.
    pub(crate) fn new() -> Option<Dial> {
        let map = bpf::is_allowed().then(bpf::map)?.ok()?;
        let program = bpf::variable(map.as_fd()).ok()?;
        Some(Dial { map, program, index: AtomicU32::new(0) })
    }

    /// Sends what arrives from now on to the member with this index, in all groups that follow.
    pub(crate) fn turn(&self, index: usize) -> nix::Result<()> {
        let index = u32::try_from(index).map_err(|_| nix::errno::Errno::ERANGE)?;
        bpf::set(self.map.as_fd(), index)?;
        self.index.store(index, Ordering::Relaxed);
        Ok(())
    }

    /// Whether it points there.
    pub(super) fn points_to(&self, index: usize) -> bool {
        u32::try_from(index) == Ok(self.index.load(Ordering::Relaxed))
    }

    /// From now on, the group of this socket follows.
    pub(super) fn put_in_force(&self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        answer::put_in_force(fd, self.program.as_fd())
    }
}

impl Lanes {
    /// Steers for a caller who has just seen that none of its sockets was shut. Turning the dial is nothing to it then.
    pub(crate) fn steer_apart(&mut self, to: Steering) -> io::Result<()> {
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.steer_apart(&self.seats, &to)?,
            Mechanism::Path(_) | Mechanism::Shared(_) => return self.steer(to),
        }
        self.steering = to;
        Ok(())
    }

    /// Steers it anew where it is steered: whatever a worker has undone, and by the dial where that fits.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.attach(&self.seats, &self.steering),
            Mechanism::Path(_) | Mechanism::Shared(_) => Ok(()),
        }
    }

    /// Whether turning the dial steers it.
    pub(crate) fn follows(&self) -> bool {
        matches!(&self.mechanism, Mechanism::Kernel(group) if group.follows())
    }

    /// Where the dial would have to point for this.
    pub(crate) fn place_on_dial(&self, to: &Steering) -> Option<usize> {
        match (&self.mechanism, to) {
            (Mechanism::Kernel(group), Steering::To(lane)) => group.index(*lane),
            _ => None,
        }
    }

    /// The dial, which it follows, points there now.
    pub(crate) fn was_turned(&mut self, to: Steering) {
        self.steering = to;
    }
}

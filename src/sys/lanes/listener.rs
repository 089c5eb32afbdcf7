//! A listener as the master holds it, whichever way it is steered. Must not know why anything is steered.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::{
    calls,
    endpoint::{Endpoint, Options},
    error::{OpenError, call},
    group::{Group, Opened},
    left::Left,
    links::Links,
    own::Own,
    probe::Probe,
    public::PublicPath,
    seat::{LaneId, MOST, Seat, Steering, Way},
    settings::Spoiled,
    single::{self, Single},
    socket::{Queue, Seats, Socket},
    strangers,
    tcp::Tcp,
};

/// A lane that listens again. What had waited in it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repaired {
    /// Which one.
    pub(crate) lane: LaneId,
    /// Whether it is another socket now: whoever holds a handle must ask for a new one.
    pub(crate) replaced: bool,
    /// Whether no worker had shut it: it was sacrificed, as the order of the group could not be known otherwise.
    pub(crate) rebuilt: bool,
}

/// A listener: its lanes, and what steers them. Dropping it closes it and removes its files.
#[derive(Debug)]
pub(crate) struct Lanes {
    local: Endpoint,
    pub(super) seats: Seats,
    pub(super) steering: Steering,
    pub(super) mechanism: Mechanism,
    left: Left,
}

#[derive(Debug)]
pub(super) enum Mechanism {
    Kernel(Group),
    Path(Links),
    Shared(Single),
}

impl Lanes {
    /// Opens a listener, steered to lane 0. TCP is steered by the kernel and a Unix path by links, if there is more than
    /// one lane; an abstract name is always shared, and so is what the kernel refuses to steer.
    pub(crate) fn open(endpoint: &Endpoint, options: &Options) -> Result<Lanes, OpenError> {
        let at = endpoint.clone();
        if options.lanes == 0 || options.lanes >= MOST {
            return Err(OpenError::LaneCount { at, lanes: options.lanes, most: MOST - 1 });
        }
        match endpoint {
            Endpoint::Tcp { address, dual } => {
                Self::open_tcp(Tcp { address: *address, dual: *dual, blocking: options.blocking }, options)
            }
            Endpoint::Unix(path) if options.lanes > 1 => {
                let (seats, links) = Links::open(PublicPath::open(path)?, options)?;
                Ok(Self::new(at, seats, Mechanism::Path(links)))
            }
            Endpoint::Unix(path) => {
                let (fd, single) = single::open_path(PublicPath::open(path)?, options)?;
                Self::shared(at, fd, single, options)
            }
            Endpoint::Abstract(name) => {
                let (fd, single) = single::open_abstract(name, options)?;
                Self::shared(at, fd, single, options)
            }
        }
    }

    fn open_tcp(tcp: Tcp, options: &Options) -> Result<Lanes, OpenError> {
        let (first, tcp) = tcp.first()?;
        if options.lanes == 1 {
            calls::listen(first.as_fd(), options.backlog).map_err(|errno| tcp.refused(errno))?;
            return Self::shared(tcp.endpoint(), first, Single::Tcp, options);
        }
        Ok(match Group::over(first, tcp, options)? {
            Opened::Steered(seats, group) => Self::new(tcp.endpoint(), seats, Mechanism::Kernel(*group)),
            Opened::Alone(first) => Self::alone(tcp.endpoint(), first, Single::Tcp),
        })
    }

    fn shared(local: Endpoint, fd: OwnedFd, single: Single, options: &Options) -> Result<Lanes, OpenError> {
        let socket = Socket::new(fd, options.backlog).map_err(call(&local, "getsockopt"))?;
        Ok(Self::alone(local, socket, single))
    }

    fn alone(local: Endpoint, socket: Socket, single: Single) -> Lanes {
        let mut seats = Seats::default();
        seats.add_lane(socket);
        Self::new(local, seats, Mechanism::Shared(single))
    }

    fn new(local: Endpoint, seats: Seats, mechanism: Mechanism) -> Lanes {
        Lanes { local, seats, steering: Steering::To(LaneId(0)), mechanism, left: Left::default() }
    }

    /// Leaves the files where they are when this is dropped: somebody else has the sockets now.
    #[allow(dead_code, reason = "for a master that hands its sockets to its successor")]
    pub(crate) fn keep_files(&mut self) {
        match &mut self.mechanism {
            Mechanism::Kernel(_) => {}
            Mechanism::Path(links) => links.keep(),
            Mechanism::Shared(single) => single.keep(),
        }
    }

    /// Where it really listens: the port that the kernel chose, `0.0.0.0` where there is no IPv6.
    pub(crate) fn local(&self) -> &Endpoint {
        &self.local
    }

    /// How it is steered.
    pub(crate) fn way(&self) -> Way {
        match self.mechanism {
            Mechanism::Kernel(_) => Way::Kernel,
            Mechanism::Path(_) => Way::Path,
            Mechanism::Shared(_) => Way::Shared,
        }
    }

    /// Where new connections go.
    #[cfg(test)]
    pub(crate) fn steering(&self) -> Steering {
        self.steering.clone()
    }

    /// Sends what arrives from now on somewhere else; the same place again renews what a worker may have undone. Nothing
    /// changes on an error. Only the kernel divides: a path leads to the lane with the largest share. A shared listener
    /// cannot be steered, and does not complain.
    pub(crate) fn steer(&mut self, to: Steering) -> io::Result<()> {
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.steer(&self.seats, &to)?,
            Mechanism::Path(links) => links.steer(self.steering.undivided(), to.undivided())?,
            Mechanism::Shared(_) => {}
        }
        self.steering = to;
        Ok(())
    }

    /// Connects to one seat, though clients go elsewhere; no client meets that seat by it. `None` where it would not be
    /// private: a shared listener. Several connections may be there at a time.
    pub(crate) fn connect(&mut self, seat: Seat) -> io::Result<Option<Own>> {
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.connect(&self.seats, &self.steering, seat).map(Some),
            Mechanism::Path(links) => links.connect(&self.seats, seat).map(Some),
            Mechanism::Shared(_) => Ok(None),
        }
    }

    /// Forgets where a connection of ours came from, then closes it: whoever has that port next is a client like others.
    /// What nobody accepted stays in the queue, closed.
    pub(crate) fn end(&mut self, own: Own) -> io::Result<()> {
        self.left.note(&own);
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.end(&self.seats, &self.steering, own),
            Mechanism::Path(_) | Mechanism::Shared(_) => Ok(()),
        }
    }

    /// Connects into one lane, to see whether somebody accepts there.
    pub(crate) fn probe(&mut self, lane: LaneId) -> io::Result<Option<Probe>> {
        let Some(own) = self.connect(Seat::Lane(lane))? else { return Ok(None) };
        Ok(Some(Probe::over(own, self.handle(lane))?))
    }

    /// Ends a probe's connection.
    pub(crate) fn end_probe(&mut self, probe: Probe) -> io::Result<()> {
        self.end(probe.into_own())
    }

    /// The lane's socket, to be handed to workers.
    ///
    /// # Panics
    /// If the id is another listener's.
    pub(crate) fn handle(&self, lane: LaneId) -> BorrowedFd<'_> {
        self.seats.find(Seat::Lane(lane)).expect("a lane id comes from this listener").as_fd()
    }

    /// Makes a lane safe to be handed out: who holds it cannot steer the group.
    pub(crate) fn grant(&mut self, lane: LaneId) -> io::Result<()> {
        let socket = self.seats.require(Seat::Lane(lane))?;
        match self.mechanism {
            Mechanism::Kernel(_) => Ok(calls::set_number(socket.as_fd(), libc::SOL_SOCKET, libc::SO_LOCK_FILTER, 1)?),
            Mechanism::Path(_) | Mechanism::Shared(_) => Ok(()),
        }
    }

    /// All sockets, to be watched: the lanes in order, then the helm.
    pub(crate) fn members(&self) -> impl Iterator<Item = (Seat, BorrowedFd<'_>)> {
        self.seats.iter().map(|(seat, socket)| (seat, socket.as_fd()))
    }

    /// The inode of each socket, by which /proc names it.
    pub(crate) fn inodes(&self) -> impl Iterator<Item = (Seat, u64)> + '_ {
        self.seats.iter().map(|(seat, socket)| (seat, socket.inode()))
    }

    /// How many connections wait in a socket.
    pub(crate) fn queue(&self, seat: Seat) -> io::Result<Queue> {
        self.seats.require(seat)?.queue()
    }

    /// How many connections the kernel has dropped because a TCP socket's queue was full; Unix sockets have no such
    /// number: there the client waits, or is told.
    #[cfg(feature = "control")]
    pub(crate) fn overflows(&self, seat: Seat) -> Option<u32> {
        self.seats.find(seat)?.overflows()
    }

    /// Whether a lane still takes connections: no worker has shut it.
    pub(crate) fn is_listening(&self, lane: LaneId) -> bool {
        self.seats.find(Seat::Lane(lane)).is_some_and(Socket::listens)
    }

    /// Accepts a connection that waits, for those whom no worker accepts any more. What is left of our own is dropped.
    pub(crate) fn accept(&self, seat: Seat) -> io::Result<Option<OwnedFd>> {
        loop {
            match self.seats.require(seat)?.accept()? {
                Some(accepted) if self.left.has(accepted.as_fd()) => {}
                other => return Ok(other),
            }
        }
    }

    /// Puts back every option of a lane that a worker may have changed.
    pub(crate) fn restore(&self, lane: LaneId) -> Result<(), Spoiled> {
        let missing = || Spoiled { option: "the lane", why: format!("{lane} is not one of this listener") };
        self.seats.find(Seat::Lane(lane)).ok_or_else(missing)?.restore()
    }

    /// Mends every lane that was shut, and says which. A lane that had not been there before may come to be: the former
    /// helm, in which connections may wait.
    pub(crate) fn repair(&mut self) -> io::Result<Vec<Repaired>> {
        let (seats, steered) = (&mut self.seats, &self.steering);
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.repair(seats, steered),
            Mechanism::Path(links) => links.repair(seats, steered.undivided()),
            Mechanism::Shared(single) => single.repair(seats),
        }
    }

    /// Opens one more lane, unless somebody else's socket listens on the port as well.
    pub(crate) fn open_one_more(&mut self) -> io::Result<LaneId> {
        match self.foreign()? {
            0 => {}
            count => {
                return Err(io::Error::other(format!("{} is shared with foreign sockets: {count}", self.local)));
            }
        }
        let (seats, steered) = (&mut self.seats, &self.steering);
        match &mut self.mechanism {
            Mechanism::Kernel(group) => group.open_one_more(seats, steered),
            Mechanism::Path(links) => links.open_one_more(seats),
            Mechanism::Shared(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "a shared listener has one lane")),
        }
    }

    /// How many sockets that are not ours listen on a TCP address that overlaps ours.
    pub(crate) fn foreign(&self) -> io::Result<usize> {
        let Endpoint::Tcp { address, .. } = self.local else { return Ok(0) };
        let mut rows = strangers::listening(address)?;
        rows.retain(|row| self.inodes().all(|(_, inode)| inode != row.inode));
        Ok(rows.len())
    }
}

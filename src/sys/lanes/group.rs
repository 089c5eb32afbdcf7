//! The kernel way: a SO_REUSEPORT group of TCP sockets, steered by a program that the helm attaches. Owns which index each
//! seat has, and the repair of a lane that a worker shut; must not know what a lane is for.
//!
//! Shutting a member moves the last one into its index. The last is the helm, so a hole moves the helm and no lane.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::Arc,
};

use nix::{
    errno::Errno,
    sys::socket::{Shutdown, shutdown},
};

use super::{
    calls,
    dial::Dial,
    endpoint::Options,
    error::{OpenError, call},
    listener::{MOST, Repaired},
    order::Order,
    own::{Knock, Own},
    program::Program,
    rules::Rules,
    seat::{LaneId, Seat, Steering},
    socket::{Seats, Socket},
    strangers,
    tcp::{Tcp, share},
};

/// A group, and what is known of it.
///
/// # Invariants
/// Every seat is either in `order` or in `shut`.
#[derive(Debug)]
pub(super) struct Group {
    tcp: Tcp,
    backlog: u32,
    order: Order,
    shut: BTreeSet<Seat>,
    rules: Rules,
    dial: Option<Arc<Dial>>,
    /// The dial steers it: whoever turns that must mean this group as well.
    follows: bool,
}

/// A group that was opened, or the first socket alone, where the kernel refuses to be given a program.
#[derive(Debug)]
pub(super) enum Opened {
    Steered(Seats, Group),
    Alone(Socket),
}

impl Group {
    /// Opens all lanes and the helm over a first socket that is bound; lane 0 gets what arrives meanwhile.
    pub(super) fn over(first: OwnedFd, tcp: Tcp, options: &Options) -> Result<Opened, OpenError> {
        let at = tcp.endpoint();
        share(&first).map_err(call(&at, "SO_REUSEPORT"))?;
        if Program::ask().otherwise(0).attach(first.as_fd()).is_err() {
            calls::set_number(first.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT, 0)
                .map_err(call(&at, "SO_REUSEPORT"))?;
            calls::listen(first.as_fd(), options.backlog).map_err(|errno| tcp.refused(errno))?;
            return Ok(Opened::Alone(Socket::new(first, options.backlog).map_err(call(&at, "fstat"))?));
        }
        let mut seats = Seats::default();
        let mut group = Group {
            tcp,
            backlog: options.backlog,
            order: Order::empty(),
            shut: BTreeSet::new(),
            rules: Rules::default(),
            dial: options.dial.clone(),
            follows: false,
        };
        group.add(&mut seats, first).map_err(|error| group.refused(error))?;
        for _ in 1..options.lanes {
            let another = group.tcp.another().map_err(|error| group.refused(error))?;
            group.add(&mut seats, another).map_err(|error| group.refused(error))?;
        }
        group.new_helm(&mut seats).map_err(|error| group.refused(error))?;
        Ok(Opened::Steered(seats, group))
    }

    /// Sends what arrives from now on elsewhere. An error, and nothing changes, if an index is in doubt.
    pub(super) fn steer(&mut self, seats: &Seats, to: &Steering) -> io::Result<()> {
        self.look(seats)?;
        self.attach(seats, to)
    }

    /// The same for a caller who has just seen that none of its members was shut; and the dial may be turned then.
    pub(super) fn steer_apart(&mut self, seats: &Seats, to: &Steering) -> io::Result<()> {
        let program = self.program(to, |seat| self.require_index(seat))?;
        program.attach(seats.require(Seat::Helm)?.as_fd())?;
        self.follows = false;
        Ok(())
    }

    /// The same by the dial, if that points there.
    pub(super) fn renew(&mut self, seats: &Seats, to: &Steering) -> io::Result<()> {
        self.attach(seats, to)
    }

    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// The index of a lane, if there is no doubt about it.
    pub(super) fn index(&self, lane: LaneId) -> Option<usize> {
        self.order.index(Seat::Lane(lane))
    }

    /// Mends everything that was shut: steers without it, lets it listen again (at the end of the group), and opens a new
    /// helm behind it; the former helm stays where it is, as a spare lane.
    pub(super) fn repair(&mut self, seats: &mut Seats, steered: &Steering) -> io::Result<Vec<Repaired>> {
        self.look(seats)?;
        if self.shut.is_empty() && self.order.is_last(Seat::Helm) {
            return Ok(Vec::new());
        }
        self.refuse_strangers(seats)?;
        self.refuse_too_many(seats)?;
        let rebuilt = self.make_certain(seats, steered)?;
        self.join_again(seats, Seat::Helm)?;
        let there = |seat| if self.order.has(seat) { seat } else { Seat::Helm };
        let program = self.program(steered, |seat| self.require_index(there(seat)))?;
        self.put_in_force(seats, program)?;
        let lanes: Vec<Seat> = self.shut.iter().copied().collect();
        for seat in &lanes {
            self.join_again(seats, *seat)?;
        }
        if !self.order.is_last(Seat::Helm) {
            self.new_helm(seats)?;
        }
        self.attach(seats, steered)?;
        let repaired = |seat: Seat| match seat {
            Seat::Lane(lane) => Some(Repaired { lane, replaced: false, rebuilt: rebuilt.contains(&seat) }),
            Seat::Helm => None,
        };
        Ok(lanes.into_iter().filter_map(repaired).collect())
    }

    /// Opens one more lane: the former helm, with a new one behind it. No lane moves.
    pub(super) fn open_one_more(&mut self, seats: &mut Seats, steered: &Steering) -> io::Result<LaneId> {
        self.look(seats)?;
        if !self.shut.is_empty() || !self.order.is_last(Seat::Helm) {
            return Err(io::Error::other("a lane is shut: repair it first"));
        }
        self.refuse_strangers(seats)?;
        self.refuse_too_many(seats)?;
        let lane = self.new_helm(seats)?.ok_or_else(|| io::Error::other("there is no helm to take over"))?;
        self.attach(seats, steered)?;
        Ok(lane)
    }

    /// Connects to one seat, while everything else goes where it went before.
    pub(super) fn connect(&mut self, seats: &Seats, steered: &Steering, seat: Seat) -> io::Result<Own> {
        seats.require(seat)?;
        self.look(seats)?;
        self.require_index(seat)?;
        let knock = Knock::bind(&self.tcp)?;
        let source = knock.source;
        self.rules.add(&knock, seat)?;
        let begun = self.attach(seats, steered).and_then(|()| knock.connect());
        if begun.is_err() {
            self.rules.remove_source(source);
            let _ = self.attach(seats, steered);
        }
        begun
    }

    /// Takes the rule of a connection away, then closes it: nobody can get its port in between.
    pub(super) fn end(&mut self, seats: &Seats, steered: &Steering, own: Own) -> io::Result<()> {
        self.rules.remove(&own);
        self.look(seats)?;
        self.attach(seats, steered)
    }

    /// Notes what was shut since the last look.
    fn look(&mut self, seats: &Seats) -> io::Result<()> {
        let listens = |seat: &Seat| seats.find(*seat).is_some_and(Socket::listens);
        let gone: Vec<Seat> = self.order.present().filter(|seat| !listens(seat)).collect();
        if gone.is_empty() && self.order.is_certain() {
            return Ok(());
        }
        self.order.leave(&gone, self.strangers(seats)?);
        self.shut.extend(gone);
        Ok(())
    }

    fn attach(&mut self, seats: &Seats, to: &Steering) -> io::Result<()> {
        let program = self.program(to, |seat| self.require_index(seat))?;
        self.put_in_force(seats, program)
    }

    /// Puts a program in force by the helm, the only member that can: the dial's, if that says the same now.
    fn put_in_force(&mut self, seats: &Seats, program: Program) -> io::Result<()> {
        let helm = seats.require(Seat::Helm)?.as_fd();
        let fits = |dial: &&Arc<Dial>| program.only_answer().is_some_and(|only| dial.points_to(only));
        if self.dial.as_ref().filter(fits).is_some_and(|dial| dial.put_in_force(helm).is_ok()) {
            self.follows = true;
            return Ok(());
        }
        program.attach(helm)?;
        self.follows = false;
        Ok(())
    }

    /// What sends connections there. Connections of ours that are there keep their rules.
    fn program(&self, to: &Steering, index: impl Fn(Seat) -> io::Result<usize>) -> io::Result<Program> {
        if !self.order.has(Seat::Helm) {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the helm is shut: repair it first"));
        }
        let rules = self.rules.iter().filter_map(|(source, seat)| Some((source, self.order.index(seat)?)));
        let asked = rules.fold(Program::ask(), |asked, (source, index)| asked.from(source, index));
        Ok(match to {
            Steering::To(lane) => asked.otherwise(index(Seat::Lane(*lane))?),
            Steering::Hold => asked.otherwise(index(Seat::Helm)?),
            Steering::Split(split) => {
                let (parts, last) = split.parts();
                let parts = parts.into_iter().map(|(lane, below)| Ok((index(Seat::Lane(lane))?, below)));
                asked.divide(split.by(), &parts.collect::<io::Result<Vec<_>>>()?, index(Seat::Lane(last))?)
            }
        })
    }

    /// The index of a seat, if there is no doubt about it.
    fn require_index(&self, seat: Seat) -> io::Result<usize> {
        let doubt = || match self.shut.contains(&seat) {
            true => io::Error::new(io::ErrorKind::NotConnected, format!("{seat} is shut: repair it first")),
            false => io::Error::other(format!("the index of {seat} is in doubt: repair the group first")),
        };
        self.order.index(seat).ok_or_else(doubt)
    }

    /// Shuts what it must, until only one order is possible.
    fn make_certain(&mut self, seats: &Seats, steered: &Steering) -> io::Result<Vec<Seat>> {
        let expendable = self.expendable(steered);
        let mut rebuilt = Vec::new();
        for seat in expendable {
            if self.order.is_certain() {
                break;
            }
            shutdown(seats.require(seat)?.as_fd().as_raw_fd(), Shutdown::Both)?;
            self.order.leave(&[seat], 0);
            self.shut.insert(seat);
            rebuilt.push(seat);
        }
        Ok(rebuilt)
    }

    /// What could be shut, in this order: idle lanes, then the helm, then those with a small share; never what has the
    /// largest.
    fn expendable(&self, steered: &Steering) -> Vec<Seat> {
        let idle = self.order.present().filter(|seat| !steered.leads_to(*seat));
        let shared: Vec<Seat> = match steered {
            Steering::Split(split) => split.lightest_first().into_iter().map(Seat::Lane).collect(),
            Steering::To(lane) => vec![Seat::Lane(*lane)],
            Steering::Hold => vec![Seat::Helm],
        };
        let mut all: Vec<Seat> = idle.chain(shared.into_iter().filter(|seat| self.order.has(*seat))).collect();
        all.pop();
        all
    }

    /// Lets a member that was shut listen again, whatever a worker did to the options that the group needs.
    fn join_again(&mut self, seats: &Seats, seat: Seat) -> io::Result<()> {
        if self.shut.contains(&seat) {
            let socket = seats.require(seat)?;
            self.rules.tell(seat);
            share(socket)?;
            socket.listen()?;
            self.shut.remove(&seat);
            self.order.join(seat);
        }
        Ok(())
    }

    fn add(&mut self, seats: &mut Seats, fd: OwnedFd) -> io::Result<()> {
        let lane = seats.add_lane(self.listening(fd)?);
        self.order.join(Seat::Lane(lane));
        Ok(())
    }

    /// Opens a new helm at the end; the former one, if there is one, becomes a lane.
    fn new_helm(&mut self, seats: &mut Seats) -> io::Result<Option<LaneId>> {
        let socket = self.listening(self.tcp.another()?)?;
        let former = seats.replace(Seat::Helm, socket).map(|former| seats.add_lane(former));
        if let Some(lane) = former {
            self.order.rename(Seat::Helm, Seat::Lane(lane));
        }
        self.order.join(Seat::Helm);
        Ok(former)
    }

    fn listening(&self, fd: OwnedFd) -> io::Result<Socket> {
        calls::listen(fd.as_fd(), self.backlog)?;
        Socket::new(fd, self.backlog)
    }

    /// How many sockets that are not ours have our very address, and so may be in the group.
    fn strangers(&self, seats: &Seats) -> io::Result<usize> {
        let mut rows = strangers::listening(self.tcp.address)?;
        rows.retain(|row| row.address.ip() == self.tcp.address.ip());
        rows.retain(|row| seats.iter().all(|(_, socket)| socket.inode() != row.inode));
        Ok(rows.len())
    }

    fn refuse_strangers(&self, seats: &Seats) -> io::Result<()> {
        match self.strangers(seats)? {
            0 => Ok(()),
            count => Err(io::Error::other(format!("{} is shared with foreign sockets: {count}", self.tcp.address))),
        }
    }

    fn refuse_too_many(&self, seats: &Seats) -> io::Result<()> {
        match seats.iter().count() {
            count if count < MOST => Ok(()),
            count => Err(io::Error::other(format!("{} has {count} sockets already", self.tcp.address))),
        }
    }

    fn refused(&self, error: io::Error) -> OpenError {
        self.tcp.refused(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
    }
}

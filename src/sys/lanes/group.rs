//! The kernel way: a SO_REUSEPORT group of TCP sockets, steered by a program that the helm attaches. Owns which index each
//! seat has; must not know what a lane is for. What a worker shut is mended by `mend`.
//!
//! Shutting a member moves the last one into its index. The last is the helm, so a hole moves the helm and no lane.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use nix::errno::Errno;

use super::{
    calls,
    dial::Dial,
    endpoint::Options,
    error::{OpenError, call},
    order::Order,
    own::{Knock, Own},
    program::Program,
    rules::Rules,
    seat::{LaneId, Seat, Steering},
    socket::{Seats, Socket},
    tcp::{Tcp, share},
};

/// A group, and what is known of it.
///
/// # Invariants
/// Every seat is either in `order` or in `shut`.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) tcp: Tcp,
    backlog: u32,
    pub(super) order: Order,
    pub(super) shut: BTreeSet<Seat>,
    pub(super) rules: Rules,
    dial: Option<Arc<Dial>>,
    /// The dial steers it: whoever turns that must mean this group as well.
    follows: bool,
}

/// A group that was opened, or the first socket alone, where the kernel refuses to be given a program.
#[derive(Debug)]
pub(super) enum Opened {
    Steered(Seats, Box<Group>),
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
        Ok(Opened::Steered(seats, Box::new(group)))
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

    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// The index of a lane, if there is no doubt about it.
    pub(super) fn index(&self, lane: LaneId) -> Option<usize> {
        self.order.index(Seat::Lane(lane))
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
    pub(super) fn look(&mut self, seats: &Seats) -> io::Result<()> {
        let listens = |seat: &Seat| seats.find(*seat).is_some_and(Socket::listens);
        let gone: Vec<Seat> = self.order.present().filter(|seat| !listens(seat)).collect();
        if gone.is_empty() && self.order.is_certain() {
            return Ok(());
        }
        self.order.leave(&gone, self.strangers(seats)?);
        self.shut.extend(gone);
        Ok(())
    }

    /// Puts what sends connections there in force, and looks at nothing first.
    pub(super) fn attach(&mut self, seats: &Seats, to: &Steering) -> io::Result<()> {
        let program = self.program(to, |seat| self.require_index(seat))?;
        self.put_in_force(seats, program)
    }

    /// Puts a program in force by the helm, the only member that can: the dial's, if that says the same now.
    pub(super) fn put_in_force(&mut self, seats: &Seats, program: Program) -> io::Result<()> {
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
    pub(super) fn program(&self, to: &Steering, index: impl Fn(Seat) -> io::Result<usize>) -> io::Result<Program> {
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
    pub(super) fn require_index(&self, seat: Seat) -> io::Result<usize> {
        let doubt = || match self.shut.contains(&seat) {
            true => io::Error::new(io::ErrorKind::NotConnected, format!("{seat} is shut: repair it first")),
            false => io::Error::other(format!("the index of {seat} is in doubt: repair the group first")),
        };
        self.order.index(seat).ok_or_else(doubt)
    }

    fn add(&mut self, seats: &mut Seats, fd: OwnedFd) -> io::Result<()> {
        let lane = seats.add_lane(self.listening(fd)?);
        self.order.join(Seat::Lane(lane));
        Ok(())
    }

    /// Opens a new helm at the end; the former one, if there is one, becomes a lane.
    pub(super) fn new_helm(&mut self, seats: &mut Seats) -> io::Result<Option<LaneId>> {
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

    fn refused(&self, error: io::Error) -> OpenError {
        self.tcp.refused(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
    }
}

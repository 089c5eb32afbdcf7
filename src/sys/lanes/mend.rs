//! Mending a group: what a worker shut listens again, and no lane moves.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use nix::sys::socket::{Shutdown, shutdown};

use super::{
    group::Group,
    listener::Repaired,
    seat::{LaneId, MOST, Seat, Steering},
    socket::Seats,
    strangers,
    tcp::share,
};

impl Group {
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

    /// How many sockets that are not ours have our very address, and so may be in the group.
    pub(super) fn strangers(&self, seats: &Seats) -> io::Result<usize> {
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
}

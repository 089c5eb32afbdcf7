//! The worker processes: each a pidfd, a channel, and what it wrote last.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::channel::Channel;
use super::listeners::ListenerId;
use super::node::NodeWorker;
use super::output::{LastLines, Outlet};
use super::report::Stream;
use crate::dialects::{Proof, State, Watch};
use crate::protocol::{Status, environment};
use crate::supervision::{CohortId, Exit, GenerationId, Slot, WorkerId};
use crate::sys::lanes::Probe;
use crate::sys::launch::FAILED;
use crate::sys::notify::NotifySocket;
use crate::sys::process::{self, Ended};
use crate::sys::survivors::Search;

/// Who has declined so many connections is not passed any more.
const PATIENCE: u8 = 3;

/// A worker that has been started and is not reaped yet.
pub(super) struct Process {
    pub(super) generation: GenerationId,
    pub(super) cohort: CohortId,
    pub(super) slot: Slot,
    pub(super) pid: Pid,
    /// Not the pid: once a worker is reaped, its pid may be a stranger's.
    pub(super) handle: Arc<OwnedFd>,
    /// When it was started.
    #[cfg_attr(not(feature = "control"), expect(dead_code, reason = "only the control socket tells it"))]
    pub(super) since: SystemTime,
    /// What it has said of itself last.
    pub(super) status: Status,
    /// None for a program that is not offered one; gone when it has closed it, or broken the protocol.
    pub(super) channel: Option<Channel>,
    /// For a program that speaks Node's protocol instead.
    pub(super) node: Option<NodeWorker>,
    /// Where it may notify us, as it would systemd.
    pub(super) notify: Option<NotifySocket>,
    /// The handles that it was born with: their numbers there.
    pub(super) inherited: BTreeMap<ListenerId, u16>,
    pub(super) proof: Proof,
    /// Connections of ours that it has to take, to prove that it accepts.
    pub(super) probes: Vec<(ListenerId, Probe)>,
    pub(super) next_look: Duration,
    /// Where it said READY=1 and nobody took our connection.
    pub(super) lacking: Option<String>,
    pub(super) watch: Watch,
    /// What it last said that it has come to be.
    pub(super) state: Option<State>,
    /// Where the launcher says why it failed, until it has become the program.
    pub(super) launcher: Option<OwnedFd>,
    pub(super) launch_error: Option<String>,
    /// How often it has declined a connection that was passed to it: at first it may not be that far yet.
    pub(super) declined: u8,
    pub(super) last_lines: LastLines,
}

/// All of them, and what outlives them.
#[derive(Default)]
pub(super) struct Processes {
    pub(super) all: BTreeMap<WorkerId, Process>,
    /// A pipe may outlive its worker: a grandchild may have it.
    pub(super) outlets: BTreeMap<(WorkerId, Stream), Outlet>,
    /// Dead workers' pids, which name the sessions that they led.
    dead: BTreeMap<CohortId, BTreeSet<i32>>,
    /// The last words of whoever held a seat last.
    last_words: BTreeMap<(GenerationId, Slot), (Pid, LastLines)>,
}

impl Process {
    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = process::signal(self.handle.as_fd(), signal) {
            tracing::error!(pid = self.pid.as_raw(), %signal, %error, "cannot signal a worker");
        }
    }

    /// How it ended, if it has.
    pub(super) fn reap(&mut self) -> Option<Exit> {
        let ended = process::reap(self.handle.as_fd()).unwrap_or_else(|error| {
            tracing::error!(pid = self.pid.as_raw(), %error, "somebody else has reaped a worker");
            Some(Ended::Status(0))
        })?;
        Some(match ended {
            Ended::Status(FAILED) if self.launch_error.is_some() => {
                Exit::NotStarted(self.launch_error.take().unwrap_or_default())
            }
            Ended::Status(status) => Exit::Status(status),
            Ended::Signal(signal) => Exit::Signal(signal.as_str().to_owned()),
        })
    }

    /// Whether it can be handed a connection that somebody else accepted.
    pub(super) fn takes_connections(&self) -> bool {
        let listens = |channel: &Channel| channel.has_said_hello() && !channel.is_waiting();
        self.declined < PATIENCE && self.channel.as_ref().is_some_and(listens)
    }
}

impl Processes {
    pub(super) fn pids(&self) -> BTreeSet<i32> {
        self.all.values().map(|process| process.pid.as_raw()).collect()
    }

    pub(super) fn by_pid(&self, pid: Pid) -> Option<WorkerId> {
        self.all.iter().find(|(_, process)| process.pid == pid).map(|(&id, _)| id)
    }

    /// Takes out one that was reaped; the session that it led may go on.
    pub(super) fn remove(&mut self, id: WorkerId) -> Option<Arc<OwnedFd>> {
        let process = self.all.remove(&id)?;
        self.dead.entry(process.cohort).or_default().insert(process.pid.as_raw());
        self.last_words.insert((process.generation, process.slot), (process.pid, process.last_lines));
        Some(process.handle)
    }

    fn in_seat(&self, (generation, slot): (GenerationId, Slot)) -> Option<&Process> {
        self.all.values().find(|process| process.generation == generation && process.slot == slot)
    }

    /// The pid of whoever has a seat, or had it last.
    pub(super) fn pid_of(&self, seat: (GenerationId, Slot)) -> Option<u32> {
        let pid = self.in_seat(seat).map(|process| process.pid);
        pid.or_else(|| Some(self.last_words.get(&seat)?.0)).map(|pid| pid.as_raw().cast_unsigned())
    }

    /// His last lines.
    pub(super) fn last_lines_of(&self, seat: (GenerationId, Slot)) -> Vec<String> {
        let living = self.in_seat(seat).map(|process| &process.last_lines);
        living.or_else(|| Some(&self.last_words.get(&seat)?.1)).map(LastLines::all).unwrap_or_default()
    }

    /// Whether he is there and never said anything, in no dialect.
    pub(super) fn is_silent(&self, seat: (GenerationId, Slot)) -> bool {
        self.in_seat(seat).is_some_and(|process| process.proof.speaks().is_none())
    }

    /// Whom to look for when a cohort's workers are gone.
    pub(super) fn survivors_of(&self, cohort: CohortId) -> Search {
        let name = if cohort.number == 0 { environment::GENERATION } else { environment::COHORT };
        Search {
            sessions: self.dead.get(&cohort).cloned().unwrap_or_default(),
            mark: format!("{name}={cohort}"),
            not: self.pids(),
        }
    }

    /// Nothing of the generation is left: what its pipes still held may go. Gives the pipes back, to be unwatched.
    pub(super) fn forget(&mut self, generation: GenerationId) -> Vec<Outlet> {
        self.dead.retain(|cohort, _| cohort.generation != generation);
        self.last_words.retain(|seat, _| seat.0 != generation);
        let gone = |outlet: &Outlet| outlet.generation == generation;
        let keys: Vec<_> = self.outlets.iter().filter(|(_, outlet)| gone(outlet)).map(|(&key, _)| key).collect();
        keys.into_iter().filter_map(|key| self.outlets.remove(&key)).collect()
    }
}

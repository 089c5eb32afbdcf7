//! The loop: wait for what happens, ask the rules, do what they say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};

use super::builder::{Behaviour, Builder};
use super::checking::Errands;
use super::door::Doors;
use super::handle::{Handle, Request};
use super::kept::Kept;
use super::limits::Limit;
use super::listener::Listener;
use super::listeners::{ListenerId, Listeners};
use super::lookups::{Found, Lookups};
use super::node::{Datagrams, PreloadFile};
use super::processes::Processes;
use super::prove::Experience;
use super::recipes::Recipes;
use super::release::Release;
use super::release_error::ReleaseError;
use super::report::{self, Deed, Notices, Report, Sink, What};
use super::rescue::Relays;
use super::token::Token;
use super::wording::in_full;
use crate::protocol::Address;
use crate::supervision::{
    Command, Ending, Event, GenerationId, Origin, Outcome, RequestId, Supervisor, Uptime, WorkerId,
};
use crate::sys::files;
use crate::sys::launch::{Launcher, Starter};
use crate::sys::poller::{Poller, Readiness};

/// Holds the listeners, starts workers, and hands the sockets down from generation to generation.
pub struct Master {
    pub(super) supervisor: Supervisor,
    pub(super) recipes: Arc<Recipes>,
    pub(super) behaviour: Behaviour,
    pub(super) releases: BTreeMap<GenerationId, Arc<Release>>,
    /// The releases of those that served last, so that one can go back to them.
    pub(super) kept: Kept,
    pub(super) processes: Processes,
    pub(super) listeners: Listeners,
    pub(super) relays: Relays,
    pub(super) doors: Doors,
    /// Checks and hooks that are under way.
    pub(super) errands: Errands,
    /// What a rollout cannot do at a listener: said once.
    pub(super) limits: BTreeSet<(String, Limit)>,
    /// What workers asked for and got something else instead: said once.
    pub(super) guessed: BTreeSet<(Address, ListenerId)>,
    pub(super) lookups: Lookups,
    pub(super) poller: Arc<Poller>,
    /// Where packets are read into.
    pub(super) packet: Vec<u8>,
    /// Only for starting through a launcher, and only where there can be one.
    pub(super) starter: Option<Starter>,
    /// Only while a generation serves.
    pub(super) spare: Option<Launcher>,
    pub(super) handle: Handle,
    pub(super) asked: mpsc::Receiver<Request>,
    pub(super) answers: BTreeMap<RequestId, oneshot::Sender<Outcome>>,
    pub(super) events: VecDeque<Event>,
    pub(super) sinks: Vec<Sink>,
    pub(super) latest_request: u64,
    pub(super) latest_report: u64,
    /// Outlets that are not read, because nobody reads the reports fast enough.
    pub(super) paused: Vec<Token>,
    pub(super) ending: Option<Ending>,
    /// Generations of which it has been said that their files have changed.
    pub(super) changed: BTreeSet<GenerationId>,
    /// Why the generation that rises has no recipe, in all detail, until it is given up.
    pub(super) unreadable: Option<(GenerationId, Vec<String>)>,
    /// Workers whose readiness is not theirs to say.
    pub(super) unproved: BTreeSet<WorkerId>,
    pub(super) experience: Experience,
    /// What Node workers load before their script.
    pub(super) preload: PreloadFile,
    /// What Node workers read datagrams from.
    pub(super) datagrams: Datagrams,
}

/// Why a running master had to give up: the system failed it.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch descriptors any more")]
pub struct RunError(#[from] io::Error);

/// What the loop waits for.
enum Wakeup {
    Ready(io::Result<Vec<Readiness>>),
    Asked(Option<Request>),
    Found(Found),
    Room,
    Deadline,
}

impl Master {
    /// Puts a master together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A stream of all that happens from now on.
    pub fn notices(&mut self) -> Notices {
        let (sink, notices) = report::stream();
        self.sinks.push(sink);
        notices
    }

    /// For asking it for something while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The listeners that are open: name and real address.
    pub fn listening(&self) -> Vec<(String, String)> {
        let named = |(_, listener): (_, &Listener)| (listener.declaration.name.clone(), listener.address().to_string());
        self.listeners.iter().map(named).collect()
    }

    /// Raises the first generation and goes on until it is asked to stop, or the first generation fails.
    ///
    /// # Errors
    /// When the system does not let it wait for events any more.
    pub async fn run(mut self) -> Result<Ending, RunError> {
        let open: Vec<Deed> = self.listeners.iter().map(|(_, listener)| listening(listener)).collect();
        open.into_iter().for_each(|deed| self.report(deed));
        self.ask(Command::RELOAD, Origin::new("start"), None);
        loop {
            self.decide();
            if let Some(ending) = self.ending.take() {
                return Ok(ending);
            }
            self.listeners.renew();
            match self.next_wakeup().await {
                Wakeup::Ready(ready) => ready?.into_iter().for_each(|ready| self.ready(ready)),
                Wakeup::Asked(request) => self.requested(request),
                Wakeup::Found(found) => self.found(found),
                Wakeup::Room => self.go_on_reading(),
                Wakeup::Deadline => {
                    self.prove();
                    self.look_at_nodes();
                    self.keep_watch();
                    self.feed(Event::Tick);
                }
            }
        }
    }

    /// The only wait.
    async fn next_wakeup(&mut self) -> Wakeup {
        // Whoever reads may have made room between the pause and this wait.
        if !self.paused.is_empty() && self.has_room() {
            return Wakeup::Room;
        }
        let deadlines = self.supervisor.deadline().into_iter().chain(self.next_look_at_proofs());
        let deadlines = deadlines.chain(self.next_look_at_nodes());
        let waits = deadlines.min().map(|deadline| deadline.since(uptime())).into_iter();
        let wait = waits.chain(self.next_look_at_watches()).min();
        let room = self.sinks.iter().find(|sink| !sink.has_room()).map(Sink::room);
        tokio::select! {
            ready = self.poller.wait() => Wakeup::Ready(ready),
            request = self.asked.recv() => Wakeup::Asked(request),
            found = self.lookups.next() => Wakeup::Found(found),
            () = async { room.expect("it is checked").notified().await }, if room.is_some() => Wakeup::Room,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => Wakeup::Deadline,
        }
    }

    /// The only decision, and the only deeds.
    fn decide(&mut self) {
        while let Some(event) = self.events.pop_front() {
            tracing::trace!(?event);
            for action in self.supervisor.handle(event, uptime()) {
                tracing::trace!(?action);
                self.perform(action);
            }
        }
        self.turn_all();
        if self.supervisor.serving().is_none() {
            self.listeners.set_rescue(false);
        }
    }

    pub(super) fn feed(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn report(&mut self, deed: Deed) {
        self.tell(What::Deeds(deed), None, Vec::new());
    }

    /// Whether there is room for what workers say, and not only for notices.
    pub(super) fn has_room(&self) -> bool {
        self.sinks.iter().all(Sink::has_room)
    }

    pub(super) fn tell(&mut self, what: What, pid: Option<u32>, last_lines: Vec<String>) {
        self.latest_report += 1;
        let report = Report { id: self.latest_report, time: SystemTime::now(), what, pid, last_lines };
        for sink in &self.sinks {
            sink.send(report.clone());
        }
    }

    fn requested(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Command { command, origin, answer }) => self.ask(command, origin, Some(answer)),
            Some(Request::StrangerEnded) => self.reap_strangers(),
            #[cfg(feature = "control")]
            Some(Request::Snapshot(answer)) => {
                let _ = answer.send(Box::new(self.snapshot())); // whoever asked may not have waited
            }
            None => {} // we have a handle ourselves
        }
    }

    fn ask(&mut self, command: Command, origin: Origin, answer: Option<oneshot::Sender<Outcome>>) {
        self.latest_request += 1;
        let request = RequestId(self.latest_request);
        if let Some(answer) = answer {
            self.answers.insert(request, answer);
        }
        self.feed(Event::Asked { request, command, origin });
    }

    /// It is known what a generation is to run.
    pub(super) fn has_release(&mut self, generation: GenerationId, release: Arc<Release>) {
        let mut plan = release.plan.clone();
        plan.first_alone = self.first_must_prove(&release);
        plan.rollout.by_workers = self.shares_only_by_workers(&release);
        if !self.divides_all(&release) {
            plan.rollout.surge = 0; // no cohorts: each would need a share
        }
        if self.supervisor.rising() == Some(generation) {
            self.report(Deed::resolved(generation, &release));
            self.releases.insert(generation, release);
        }
        self.feed(Event::Resolved { generation, plan });
    }

    fn found(&mut self, found: Found) {
        if matches!(found, Found::Release { .. }) {
            self.reap_strangers(); // while a build ran, they may have had to wait behind it
        }
        match found {
            Found::Release { generation, release: Ok(release) } => self.has_release(generation, release),
            Found::Release { generation, release: Err(error) } => {
                let why = in_full(&error);
                if let ReleaseError::Recipe { details, .. }
                | ReleaseError::Build { lines: details, .. }
                | ReleaseError::Hook { lines: details, .. } = error
                    && self.supervisor.rising() == Some(generation)
                {
                    self.unreadable = Some((generation, details));
                }
                self.feed(Event::Unresolved { generation, why });
            }
            Found::Told { generation, deed } if self.supervisor.rising() == Some(generation) => self.report(deed),
            Found::Told { .. } => {} // its generation was given up
            Found::Settled { cohort, settled } => self.feed(Event::Looked { cohort, settled }),
            Found::Survivors { cohort, count } => {
                let survivors = u32::try_from(count).unwrap_or(u32::MAX);
                self.feed(Event::Swept { cohort, survivors });
            }
            Found::Checked { generation, failure } => self.round_ended(generation, failure),
            Found::Errand { deed } => self.report(deed),
            Found::ErrandEnded { number } => {
                self.errands.hooks.remove(&number);
                self.reap_strangers(); // while it ran, they may have had to wait behind it
            }
            Found::RelayEnded => self.relay_ended(),
            Found::PrivateEnded { listener, own } => self.private_ended(listener, own),
            Found::Visitor(visitor) => self.let_in(visitor),
        }
    }
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Master").field("supervisor", &self.supervisor).finish_non_exhaustive()
    }
}

pub(super) fn listening(listener: &Listener) -> Deed {
    Deed::Listening {
        listener: listener.declaration.name.clone(),
        address: listener.address().to_string(),
        way: listener.way().to_string(),
        lanes: listener.lane_count(),
    }
}

pub(super) fn uptime() -> Uptime {
    Uptime(files::uptime())
}

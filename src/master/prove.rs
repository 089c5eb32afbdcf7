//! Finding out that a worker can serve which does not say so in our protocol: its notifications, and the accept probe.

use std::time::Duration;

use super::machine::{Master, uptime};
use super::processes::Process;
use super::release::Release;
use super::report::Deed;
use super::wording::shown_within;
use crate::dialects::{Dialect, Evidence, Notification, Proof, Speaks, State, Watchdog};
use crate::protocol::MAX_TEXT;
use crate::supervision::{Event, GenerationId, Slot, Uptime, WorkerId};
use crate::sys::lanes::Accepted;
use crate::sys::notify::{self, NotifySocket};
use crate::sys::passing;

/// How soon we look again whether a probe was taken: that somebody accepted is no event for the one who connected.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// So many notifications are taken at once, before others have their turn.
const AT_ONCE: usize = 64;

/// What was learnt of the program, for the generations to come.
#[derive(Default)]
pub(super) struct Experience {
    pub(super) speaks: Option<Speaks>,
    /// How long it took to prove the first worker of the generation.
    first_proved_after: Option<(GenerationId, Duration)>,
}

impl Master {
    /// How a worker that is about to be started will be proved.
    pub(super) fn proof_of(&self, generation: GenerationId, slot: Slot, dialect: Dialect) -> Proof {
        let alone = slot == Slot(0) && self.supervisor.rising() == Some(generation);
        let like = self.experience.first_proved_after.filter(|(of, _)| *of == generation).map(|(_, after)| after);
        Proof::new(dialect, self.experience.speaks, alone && self.can_probe(generation), like, uptime().0)
    }

    /// Whether the first worker of a generation has to be proved before the others are started: unless the program
    /// says of each worker when it is ready.
    pub(super) fn first_must_prove(&self, release: &Release) -> bool {
        let says_when = matches!(self.experience.speaks, Some(Speaks::Query | Speaks::Notify));
        self.behaviour.launcher && release.dialect != Dialect::Query && !says_when
    }

    fn can_probe(&self, generation: GenerationId) -> bool {
        self.listeners.lanes_of(generation).next().is_some()
    }

    /// When to look again at those who are not proved yet.
    pub(super) fn next_look_at_proofs(&self) -> Option<Uptime> {
        let unproved = self.unproved.iter().filter_map(|worker| self.processes.all.get(worker));
        unproved.filter_map(next_look).min().map(Uptime)
    }

    /// Looks at all who are not proved yet.
    pub(super) fn prove(&mut self) {
        for worker in self.unproved.iter().copied().collect::<Vec<_>>() {
            self.probe(worker);
            let Some(process) = self.processes.all.get_mut(&worker) else { continue };
            let now = uptime().0;
            let looks: Vec<_> = process.probes.iter().map(|(_, probe)| probe.look()).collect();
            let taken = !looks.is_empty() && looks.iter().all(|look| matches!(look, Ok(Accepted::Yes)));
            let broken = looks.iter().any(|look| matches!(look, Ok(Accepted::Broken(_)) | Err(_)));
            process.next_look = now + LOOK_AGAIN;
            let evidence = if taken { process.proof.accepted(now) } else { process.proof.pass_time(now) };
            if taken || broken {
                self.end_probes(worker);
            }
            self.proved(worker, evidence);
        }
    }

    /// Connects to the worker's lanes, if that can tell us something.
    fn probe(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let now = uptime().0;
        let due = process.proof.probe_at().is_some_and(|at| at <= now);
        if process.launcher.is_some() || !process.probes.is_empty() || !due {
            return;
        }
        process.probes = self.listeners.probe(process.generation);
        process.next_look = now + LOOK_AGAIN;
    }

    fn end_probes(&mut self, worker: WorkerId) {
        if let Some(process) = self.processes.all.get_mut(&worker) {
            self.listeners.end_probes(std::mem::take(&mut process.probes));
        }
    }

    /// The worker is ready, if there is evidence for it.
    pub(super) fn proved(&mut self, worker: WorkerId, evidence: Option<Evidence>) {
        let (Some(evidence), Some(process)) = (evidence, self.processes.all.get(&worker)) else { return };
        let (generation, slot, speaks) = (process.generation, process.slot, process.proof.speaks());
        let took = uptime().0.saturating_sub(process.proof.started());
        let inherited: Vec<_> = process.inherited.keys().copied().collect();
        self.unproved.remove(&worker);
        self.end_probes(worker);
        self.experience.speaks = speaks.or(self.experience.speaks);
        if self.experience.first_proved_after.is_none_or(|(of, _)| of != generation) {
            self.experience.first_proved_after = Some((generation, took));
        }
        if speaks != Some(Speaks::Query) {
            inherited.into_iter().for_each(|id| self.listeners.take(id, generation));
            self.report(Deed::Proved { generation, slot, evidence });
        }
        self.feed(Event::Ready { worker });
    }

    /// A worker is gone, or needs no proof any more.
    pub(super) fn stop_proving(&mut self, worker: WorkerId) {
        self.unproved.remove(&worker);
        self.end_probes(worker);
    }

    /// What was sent to a worker's notify socket.
    pub(super) fn notified(&mut self, worker: WorkerId) {
        for _ in 0..AT_ONCE {
            let Some(process) = self.processes.all.get(&worker) else { return };
            let Some(Ok(Some(datagram))) = process.notify.as_ref().map(NotifySocket::receive) else { return };
            passing::discard(datagram.descriptors); // which is also the answer to a barrier
            if !comes_from(process, datagram.pid) {
                tracing::warn!(%worker, sender = datagram.pid, "a stranger sent to a worker's notify socket");
                continue;
            }
            if datagram.truncated {
                tracing::warn!(%worker, "a notification was too long and is not looked at");
                continue;
            }
            let notification = Notification::parse(&datagram.bytes);
            self.heed_notification(worker, notification);
        }
    }

    fn heed_notification(&mut self, worker: WorkerId, notification: Notification) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let (generation, slot) = (process.generation, process.slot);
        let evidence = if notification.state == Some(State::Ready) { process.proof.notified() } else { None };
        if let Some(text) = notification.status.filter(|_| self.has_room()) {
            self.report(Deed::Status { generation, slot, text: shown_within(&text, MAX_TEXT) });
        }
        if let Some(by) = notification.extend_timeout {
            self.feed(Event::Extended { worker, by });
        }
        if notification.watchdog == Some(Watchdog::Trigger) {
            self.feed(Event::Misbehaved { worker, what: "it triggered its watchdog".into() });
        }
        self.proved(worker, evidence);
    }
}

fn next_look(process: &Process) -> Option<Duration> {
    let look = match process.probes.is_empty() {
        true => process.proof.probe_at().map(|at| at.max(process.next_look)),
        false => Some(process.next_look),
    };
    look.into_iter().chain(process.proof.deadline()).min()
}

/// A worker leads a session of its own: whoever is in it may speak for it.
fn comes_from(process: &Process, sender: i32) -> bool {
    let worker = process.pid.as_raw();
    sender == worker || notify::session_of(sender).is_ok_and(|session| session == worker)
}

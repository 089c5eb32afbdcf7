//! What workers send to their notify sockets: who may speak, what becomes of it, and who has been silent for too long.
//!
//! When a worker is late is said by its [`crate::dialects::Watch`]; what follows from that, by the rules.

use std::time::Duration;

use super::machine::Master;
use super::processes::Process;
use super::report::Deed;
use super::wording::shown_within;
use crate::dialects::{Notification, State, Watchdog};
use crate::protocol::MAX_TEXT;
use crate::supervision::{Event, GenerationId, Slot, WorkerId};
use crate::sys::notify::{self, NotifySocket};
use crate::sys::{files, passing};

/// So many notifications are taken at once, before others have their turn.
const AT_ONCE: usize = 64;

impl Master {
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
            self.heed_notification(worker, Notification::parse(&datagram.bytes));
        }
    }

    fn heed_notification(&mut self, worker: WorkerId, notification: Notification) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let (generation, slot, now) = (process.generation, process.slot, files::awake());
        if let Some(interval) = notification.watchdog_interval {
            process.watch.set_interval(interval, now);
        }
        if notification.watchdog == Some(Watchdog::Ping) {
            process.watch.heard(now);
        }
        let evidence = match notification.state {
            Some(State::Ready) => {
                process.watch.heard(now);
                process.proof.notified()
            }
            Some(State::Stopping) => {
                process.watch.stopping(now);
                None
            }
            Some(State::Reloading { .. }) | None => None,
        };
        let before = notification.state.and_then(|state| process.state.replace(state));
        if let Some(deed) = notification.state.and_then(|state| turn(generation, slot, before, state))
            && self.has_room()
        {
            self.report(deed);
        }
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

    /// How long it is until somebody has been silent for too long.
    pub(super) fn next_look_at_watches(&self) -> Option<Duration> {
        let deadline = self.processes.all.values().filter_map(|process| process.watch.deadline()).min()?;
        Some(deadline.saturating_sub(files::awake()))
    }

    /// Looks at all who have to say that they live. What waits to be read was said in time.
    pub(super) fn keep_watch(&mut self) {
        let now = files::awake();
        let is_late = |process: &Process| process.watch.deadline().is_some_and(|deadline| deadline <= now);
        let late = self.processes.all.iter().filter(|(_, process)| is_late(process)).map(|(&worker, _)| worker);
        for worker in late.collect::<Vec<_>>() {
            self.notified(worker);
            let process = self.processes.all.get_mut(&worker);
            if let Some(what) = process.and_then(|process| process.watch.overdue(now)) {
                self.feed(Event::Misbehaved { worker, what });
            }
        }
    }

    /// The worker is told to end: it need not say any more that it lives.
    pub(super) fn stop_watching(&mut self, worker: WorkerId) {
        if let Some(process) = self.processes.all.get_mut(&worker) {
            process.watch.end();
        }
    }
}

/// What somebody may want to know of what a worker has come to be, after what it was before.
fn turn(generation: GenerationId, slot: Slot, before: Option<State>, now: State) -> Option<Deed> {
    match (before, now) {
        (Some(State::Reloading { .. }), State::Ready) => Some(Deed::WorkerReloaded { generation, slot }),
        (Some(State::Reloading { .. }), State::Reloading { .. }) | (_, State::Ready) => None,
        (Some(State::Stopping), State::Stopping) => None,
        (_, State::Reloading { .. }) => Some(Deed::WorkerReloads { generation, slot }),
        (_, State::Stopping) => Some(Deed::WorkerStops { generation, slot }),
    }
}

/// A worker leads a session of its own: whoever is in it may speak for it.
fn comes_from(process: &Process, sender: i32) -> bool {
    let worker = process.pid.as_raw();
    sender == worker || notify::session_of(sender).is_ok_and(|session| session == worker)
}

//! How a Node worker leaves: a lame duck, then no connections any more, a pause, `disconnect`; in the end its WebSockets are
//! told to go, and then come signals.

use std::time::Duration;

use serde_json::json;

use crate::master::listeners::ListenerId;
use crate::master::machine::Master;
use crate::master::report::Deed;
use crate::supervision::{Event, WorkerId};
use crate::sys::files;

/// What has just been accepted must have been read from before `disconnect`: some versions drop it otherwise.
const PAUSE: Duration = Duration::from_millis(300);
/// A worker whose servers have closed may have something else to do, but not for long.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// How far a worker has come on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    /// It gets no connections any more, and is told to close its servers then.
    Pausing { until: Duration, goodbye: Duration, ends: Duration },
    /// It has been told. Who is still connected then is told to go, and the worker is sent the signal that ends it.
    Closing { goodbye: Duration, ends: Duration },
    /// They have been told.
    Farewell { ends: Duration },
    /// Its channel has ended, as it was to.
    Closed { ends: Duration },
    /// Its channel has ended, and nobody wanted it to.
    Vanished { ends: Duration },
    /// It was sent the signal that ends it.
    Signalled,
}

impl Parting {
    /// What it is once the channel has ended.
    pub(super) fn after_the_end(before: Option<Parting>, now: Duration) -> Parting {
        let soon = now + AFTERWARDS;
        match before {
            None => Parting::Vanished { ends: soon },
            Some(Parting::Pausing { ends, .. } | Parting::Closing { ends, .. } | Parting::Farewell { ends }) => {
                Parting::Closed { ends: ends.min(soon) }
            }
            Some(other) => other,
        }
    }

    /// When something is to happen.
    pub(super) fn deadline(self) -> Option<Duration> {
        match self {
            Parting::Pausing { until, .. } => Some(until),
            Parting::Closing { goodbye, .. } => Some(goodbye),
            Parting::Farewell { ends } | Parting::Closed { ends } | Parting::Vanished { ends } => Some(ends),
            Parting::Signalled => None,
        }
    }
}

impl Master {
    /// Its clients are to leave, if it speaks Node's protocol; whether it does.
    pub(in crate::master) fn node_lame_duck(&mut self, worker: WorkerId, linger_ms: u64) -> bool {
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else {
            return false;
        };
        node.lame_since.get_or_insert(files::uptime());
        node.talk.lame_duck(linger_ms);
        self.flush_node(worker);
        true
    }

    /// They may stay.
    pub(in crate::master) fn node_resume(&mut self, worker: WorkerId) -> bool {
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else {
            return false;
        };
        node.lame_since = None;
        node.talk.resume();
        self.flush_node(worker);
        true
    }

    /// It is to finish what it holds, and to exit; whether it is a Node worker. One that was never ready has nothing to
    /// finish.
    pub(in crate::master) fn node_drain(&mut self, worker: WorkerId, grace: Duration) -> bool {
        let now = files::uptime();
        let ready = !self.unproved.contains(&worker);
        let Some(process) = self.processes.all.get_mut(&worker) else { return false };
        let Some(node) = process.node.as_mut() else { return false };
        node.serves = false;
        if !ready || node.socket.is_none() {
            node.parting = Some(Parting::Signalled);
            self.signal(worker, self.stop_signal_of(worker));
            return true;
        }
        let linger = self.releases.get(&process.generation).map(|release| release.plan.linger).unwrap_or_default();
        let lame_since = match node.lame_since {
            Some(since) => since,
            None => {
                let linger_ms = u64::try_from(linger.as_millis()).unwrap_or(u64::MAX);
                node.talk.lame_duck(linger_ms);
                now
            }
        };
        let until = lame_since.max(node.passed_at) + PAUSE;
        let margin = (grace / 5).min(AFTERWARDS);
        let ends = (now + grace - margin).max(until);
        node.parting = Some(Parting::Pausing { until, goodbye: (ends - margin).max(until), ends });
        self.flush_node(worker);
        self.assign_forsaken();
        self.close_forsaken();
        self.look_at_parting(worker, now);
        true
    }

    /// What a query has opened, and nobody listens on any more, is refused at once: whoever serves has another address.
    fn close_forsaken(&mut self) {
        if self.supervisor.is_stopping() {
            return;
        }
        let serving = self.supervisor.serving();
        let forsaken: Vec<(ListenerId, String)> = self
            .listeners
            .iter()
            .filter(|(id, it)| it.by_query && it.rotation.is_some() && !self.is_listened_on(*id))
            .filter(|(_, it)| serving.is_none_or(|serving| !it.steered.cohorts().any(|of| of.generation == serving)))
            .map(|(id, it)| (id, it.declaration.name.clone()))
            .collect();
        for (id, listener) in forsaken {
            self.listeners.close(id);
            self.report(Deed::Closed { listener });
        }
    }

    fn is_listened_on(&self, id: ListenerId) -> bool {
        self.processes.all.values().filter_map(|process| process.node.as_ref()).any(|node| node.key_of(id).is_some())
    }

    /// Does what is due.
    pub(super) fn look_at_parting(&mut self, worker: WorkerId, now: Duration) {
        let Some(process) = self.processes.all.get_mut(&worker) else { return };
        let seat = format!("{}.{}", process.generation, process.slot);
        let release = self.releases.get(&process.generation);
        let by_words = release.is_some_and(|release| release.stops_by_word());
        let can_tell = release.is_some_and(|release| release.has_preload());
        let Some(node) = process.node.as_mut() else { return };
        let Some(parting) = node.parting.filter(|it| it.deadline().is_some_and(|due| due <= now)) else { return };
        match parting {
            Parting::Pausing { goodbye, ends, .. } => {
                node.parting = Some(Parting::Closing { goodbye, ends });
                match by_words {
                    true => node.talk.say(&json!("shutdown")),
                    false => node.talk.disconnect(),
                }
                self.flush_node(worker);
            }
            Parting::Closing { ends, .. } => {
                node.parting = Some(Parting::Farewell { ends });
                node.talk.goodbye();
                self.flush_node(worker);
                let first = if can_tell { "its WebSockets are closed (1001), and then " } else { "" };
                let signal = self.stop_signal_of(worker);
                let what = format!(
                    "worker {seat} still has connections, and drain_grace is almost over: {first}it is sent {signal}"
                );
                self.report(Deed::Trouble { what });
            }
            Parting::Farewell { .. } | Parting::Closed { .. } => {
                node.parting = Some(Parting::Signalled);
                self.signal(worker, self.stop_signal_of(worker));
            }
            Parting::Vanished { .. } => {
                node.parting = Some(Parting::Signalled);
                self.feed(Event::Misbehaved { worker, what: "it has closed its channel, and does not end".into() });
            }
            Parting::Signalled => {}
        }
    }
}

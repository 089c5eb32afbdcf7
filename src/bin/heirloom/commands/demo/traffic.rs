//! The load: one-shot and keep-alive clients, and a few whose answers take long. Bounded in clients and in rate.
//! It must not know what the server goes through meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::server::{ANSWER, LONG};
use heirloom::load::{Failure, Load, Manner, Pause, Plan, StartError, Tally};

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// An answer that takes its time.
    Long,
    /// One connection for many requests.
    KeepAlive,
    /// A connection for each request.
    OneShot,
}

impl Kind {
    /// The slow ones first: who pauses them in this order keeps the others waiting for the shortest time.
    const ALL: [Kind; 3] = [Kind::Long, Kind::KeepAlive, Kind::OneShot];

    fn plan(self, address: SocketAddr) -> Plan {
        let think = |from, to| Duration::from_millis(from)..=Duration::from_millis(to);
        let plan = Plan::on(address);
        match self {
            // About 10, 800 and 500 requests a second.
            Kind::Long => Plan { clients: 8, path: LONG.into(), ..plan },
            Kind::KeepAlive => {
                let manner = Manner::KeepAlive { requests_per_connection: None };
                Plan { clients: 12, manner, think: think(10, 20), ..plan }
            }
            Kind::OneShot => Plan { clients: 10, think: think(15, 25), ..plan },
        }
    }
}

/// Clients that ask until they are stopped.
#[derive(Debug)]
pub(super) struct Traffic(Vec<(Kind, Load)>);

/// How many requests ended how, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) answered: u64,
    pub(super) by_kind: BTreeMap<Kind, u64>,
    pub(super) by_generation: BTreeMap<u32, u64>,
    pub(super) failures: BTreeMap<Failure, u64>,
}

impl Traffic {
    pub(super) fn start(address: SocketAddr) -> Result<Traffic, StartError> {
        let started = |kind: Kind| Load::start(kind.plan(address)).map(|load| (kind, load));
        Kind::ALL.into_iter().map(started).collect::<Result<_, _>>().map(Traffic)
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (kind, load) in &self.0 {
            counts.add(*kind, &load.tally());
        }
        counts
    }

    /// Blocks until no request is under way; until what comes back is dropped, none is begun.
    pub(super) fn pause(&self) -> Vec<Pause<'_>> {
        self.0.iter().map(|(_, load)| load.pause()).collect()
    }

    /// Lets every client finish its request, and blocks until they have.
    pub(super) fn stop(&self) {
        for (_, load) in &self.0 {
            let _ = load.stop();
        }
    }
}

impl Counts {
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    fn add(&mut self, kind: Kind, tally: &Tally) {
        self.answered += tally.answered;
        *self.by_kind.entry(kind).or_default() += tally.answered;
        for (failure, count) in &tally.failed {
            *self.failures.entry(*failure).or_default() += count;
        }
        for (answer, count) in &tally.by_answer {
            match answer.strip_prefix(ANSWER).and_then(|number| number.parse().ok()) {
                Some(generation) => *self.by_generation.entry(generation).or_default() += count,
                // Not an answer of ours, so nobody was served by it.
                None => *self.failures.entry(Failure::Garbled).or_default() += count,
            }
        }
    }
}

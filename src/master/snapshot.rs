//! All that the master knows, at one instant, as plain values: whoever asks can take his time with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

use super::listener::Listener;
use super::listeners::ListenerId;
use super::machine::{Master, uptime};
use super::release::Release;
use crate::protocol::Status;
use crate::supervision::{CohortId, GenerationId, Uptime, View, WorkerId};
use crate::sys::lanes::{Endpoint, LaneId, Queue, Seat, Way};

/// All that the master knows.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) view: View,
    /// When it was taken.
    pub(crate) now: Uptime,
    pub(crate) workers: BTreeMap<WorkerId, WorkerFacts>,
    /// What generations run, once it is known.
    pub(crate) releases: BTreeMap<GenerationId, Arc<Release>>,
    pub(crate) listeners: Vec<ListenerFacts>,
    pub(crate) doors: Vec<DoorFacts>,
    pub(crate) latest_report: u64,
}

/// What the rules do not know of a worker.
#[derive(Debug)]
pub(crate) struct WorkerFacts {
    pub(crate) pid: i32,
    /// Tells whether the pid is still its own.
    pub(crate) handle: Arc<OwnedFd>,
    pub(crate) since: SystemTime,
    pub(crate) status: Status,
}

/// An address that leads to one generation alone.
#[derive(Debug)]
pub(crate) struct DoorFacts {
    pub(crate) generation: GenerationId,
    /// The listener that it stands for.
    pub(crate) listener: String,
    pub(crate) address: SocketAddr,
}

/// A listener.
#[derive(Debug)]
pub(crate) struct ListenerFacts {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) way: Way,
    pub(crate) by_query: bool,
    /// The generation that has most of the new connections.
    pub(crate) steered: Option<GenerationId>,
    /// How much of them each generation has, in per cent, the newest first.
    pub(crate) shares: Vec<(GenerationId, u8)>,
    pub(crate) lanes: Vec<LaneFacts>,
    /// Where it really listens.
    pub(crate) endpoint: Endpoint,
    /// All its sockets, by which /proc and the kernel name them.
    pub(crate) inodes: Vec<u64>,
}

/// One of its lanes.
#[derive(Debug)]
pub(crate) struct LaneFacts {
    pub(crate) index: usize,
    pub(crate) inode: u64,
    /// Who has it: several, if it is shared.
    pub(crate) tenants: Vec<GenerationId>,
    /// How much of the new connections come there, in per cent.
    pub(crate) share: u8,
    /// None if it cannot be asked.
    pub(crate) queue: Option<Queue>,
    pub(crate) overflows: Option<u32>,
    pub(crate) listens: bool,
    /// Why it is never used again.
    pub(crate) spoiled: Option<String>,
}

impl Master {
    pub(super) fn snapshot(&self) -> Snapshot {
        let facts = |process: &super::processes::Process| WorkerFacts {
            pid: process.pid.as_raw(),
            handle: process.handle.clone(),
            since: process.since,
            status: process.status.clone(),
        };
        Snapshot {
            view: self.supervisor.view(),
            now: uptime(),
            workers: self.processes.all.iter().map(|(&id, process)| (id, facts(process))).collect(),
            releases: self.releases.clone(),
            listeners: self.listeners.iter().map(|(_, listener)| listener_facts(listener)).collect(),
            doors: self.doors.iter().filter_map(|door| self.door_facts(door)).collect(),
            latest_report: self.latest_report,
        }
    }
}

impl Master {
    fn door_facts(&self, (generation, id, address): (GenerationId, ListenerId, SocketAddr)) -> Option<DoorFacts> {
        let listener = self.listeners.listener(id)?.declaration.name.clone();
        Some(DoorFacts { generation, listener, address })
    }
}

fn listener_facts(listener: &Listener) -> ListenerFacts {
    let inodes: BTreeMap<Seat, u64> = listener.lanes.inodes().collect();
    ListenerFacts {
        name: listener.declaration.name.clone(),
        address: listener.address().to_string(),
        way: listener.way(),
        by_query: listener.by_query,
        steered: listener.steered.most().map(|cohort| cohort.generation),
        shares: listener.shares(),
        lanes: listener.lane_ids().into_iter().map(|lane| lane_facts(listener, lane, &inodes)).collect(),
        endpoint: listener.lanes.local().clone(),
        inodes: inodes.into_values().collect(),
    }
}

fn lane_facts(listener: &Listener, lane: LaneId, inodes: &BTreeMap<Seat, u64>) -> LaneFacts {
    let seat = Seat::Lane(lane);
    let has_it =
        |(cohort, tenant): (&CohortId, &super::listener::Tenant)| (tenant.lane == lane).then_some(cohort.generation);
    LaneFacts {
        index: lane.0,
        inode: inodes.get(&seat).copied().unwrap_or_default(),
        tenants: listener.tenants.iter().filter_map(has_it).collect(),
        share: listener.share_of(lane),
        queue: listener.lanes.queue(seat).ok(),
        overflows: listener.lanes.overflows(seat),
        listens: listener.lanes.is_listening(lane),
        spoiled: listener.spoiled.get(&lane).cloned(),
    }
}

//! Listeners and lanes as they are shown. Asks the kernel and walks /proc: not for the loop.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::model::{Holder, Lane, LaneState, Listener, Share, Sockets, Stranger, Way};
use crate::master::snapshot::{LaneFacts, ListenerFacts, Snapshot};
use crate::supervision::{GenerationId, GenerationView, Stage};
use crate::sys::lanes;

/// All listeners, without who holds them.
pub(super) fn all(snapshot: &Snapshot) -> Vec<Listener> {
    snapshot.listeners.iter().map(|facts| listener(facts, snapshot)).collect()
}

/// All listeners, with who holds each lane.
pub(super) fn with_holders(snapshot: &Snapshot) -> Sockets {
    let inodes: BTreeSet<u64> =
        snapshot.listeners.iter().flat_map(|it| it.lanes.iter().map(|lane| lane.inode)).collect();
    let mut held: BTreeMap<u64, Vec<Holder>> = BTreeMap::new();
    for (inode, holder) in lanes::Holder::all_of(&inodes) {
        let pid = holder.pid.cast_unsigned();
        if pid != std::process::id() {
            held.entry(inode).or_default().push(Holder { pid, name: holder.name, seat: seat_of(holder.pid, snapshot) });
        }
    }
    let mut listeners = all(snapshot);
    for (listener, facts) in listeners.iter_mut().zip(&snapshot.listeners) {
        for (lane, facts) in listener.lanes.iter_mut().zip(&facts.lanes) {
            lane.holders = held.get(&facts.inode).cloned().unwrap_or_default();
            lane.holders.sort_by_key(|holder| holder.pid);
        }
    }
    Sockets { listeners }
}

fn seat_of(pid: i32, snapshot: &Snapshot) -> Option<String> {
    let worker = snapshot.workers.iter().find(|(_, facts)| facts.pid == pid).map(|(&id, _)| id)?;
    snapshot.view.generations.iter().find_map(|generation| {
        let view = generation.workers.iter().find(|view| view.worker == Some(worker))?;
        Some(format!("{}.{}", generation.id, view.slot))
    })
}

fn listener(facts: &ListenerFacts, snapshot: &Snapshot) -> Listener {
    let lanes: Vec<Lane> = facts.lanes.iter().map(|it| lane(it, facts, snapshot)).collect();
    let others = lanes::others(&facts.endpoint, &facts.inodes).unwrap_or_default();
    Listener {
        name: facts.name.clone(),
        address: facts.address.clone(),
        way: match facts.way {
            lanes::Way::Kernel => Way::Kernel,
            lanes::Way::Path => Way::Path,
            lanes::Way::Rotation => Way::Rotation,
            lanes::Way::Shared => Way::Shared,
        },
        by_query: facts.by_query,
        steered_to: facts.steered.map(|id| id.0),
        shares: facts.shares.iter().map(|&(id, percent)| Share { generation: id.0, percent }).collect(),
        queue: lanes.iter().map(|lane| lane.queue).sum(),
        queue_limit: lanes.iter().find(|lane| lane.steered).or(lanes.first()).map_or(0, |lane| lane.queue_limit),
        overflows: lanes.iter().map(|lane| lane.overflows).sum(),
        strangers: others
            .into_iter()
            .map(|(address, holder)| Stranger {
                address: address.to_string(),
                pid: holder.as_ref().map(|holder| holder.pid.cast_unsigned()),
                name: holder.map(|holder| holder.name),
            })
            .collect(),
        lanes,
    }
}

fn lane(facts: &LaneFacts, of: &ListenerFacts, snapshot: &Snapshot) -> Lane {
    let tenants: BTreeSet<GenerationId> = facts.tenants.iter().copied().collect();
    let tenant = tenants.last().copied();
    let view = tenant.and_then(|id| snapshot.view.generations.iter().find(|view| view.id == id));
    let (state, why_not_free) = lane_state(facts, of.way, tenant, view);
    Lane {
        index: u32::try_from(facts.index).unwrap_or(u32::MAX),
        state,
        generation: tenant.map(|id| id.0),
        generations: tenants.iter().rev().map(|id| id.0).collect(),
        steered: facts.share > 0,
        share_percent: facts.share,
        queue: facts.queue.map_or(0, |queue| queue.waiting.into()),
        queue_limit: facts.queue.map_or(0, |queue| queue.limit.into()),
        overflows: facts.overflows.map(u64::from),
        why_not_free,
        holders: Vec::new(),
    }
}

fn lane_state(
    facts: &LaneFacts,
    way: lanes::Way,
    tenant: Option<GenerationId>,
    view: Option<&GenerationView>,
) -> (LaneState, Option<String>) {
    if let Some(why) = &facts.spoiled {
        return (LaneState::Spoiled, Some(why.clone()));
    }
    let Some(tenant) = tenant else {
        let waiting = facts.queue.map_or(0, |queue| queue.waiting);
        return match (facts.listens, waiting) {
            (false, _) => (LaneState::Busy, Some("it does not listen".into())),
            (true, 0) => (LaneState::Free, None),
            (true, waiting) => (LaneState::Busy, Some(format!("{waiting} connections still wait in it"))),
        };
    };
    if matches!(way, lanes::Way::Shared | lanes::Way::Rotation) {
        return (LaneState::Taken, None); // and free for all
    }
    let what = |what: &str| Some(format!("generation {tenant} {what}"));
    match view.map(|view| (view.stage, view.workers.len())) {
        None => (LaneState::Retired, what("has just gone")),
        Some((Stage::Serving | Stage::Unsteered, _)) => (LaneState::Taken, what("serves")),
        Some((Stage::Sharing { .. }, _)) => (LaneState::Taken, what("has a share")),
        Some((
            Stage::Resolving
            | Stage::WaitingForLane
            | Stage::Starting
            | Stage::Checking
            | Stage::Held
            | Stage::Steering,
            _,
        )) => (LaneState::Taken, what("rises")),
        Some((Stage::Standby, _)) => (LaneState::Taken, what("stands by: the next reload ends it")),
        Some((Stage::Settling, _)) => (LaneState::Retired, what("settles: it accepts what was steered to it before")),
        Some((Stage::Draining, 1)) => (LaneState::Retired, what("drains: 1 worker is left")),
        Some((Stage::Draining, left)) => (LaneState::Retired, what(&format!("drains: {left} workers are left"))),
        Some((Stage::Sweeping, _)) => (LaneState::Retired, what("has left processes behind")),
    }
}

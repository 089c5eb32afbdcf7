//! What Node workers are waited for, and until when.

use std::time::Duration;

use crate::dialects::node::Verdict;
use crate::master::machine::Master;
use crate::supervision::{Uptime, WorkerId};
use crate::sys::files;

impl Master {
    /// When to look at them again.
    pub(in crate::master) fn next_look_at_nodes(&self) -> Option<Uptime> {
        let nodes = || self.processes.all.iter().filter_map(|(&id, process)| Some((id, process.node.as_ref()?)));
        let quiet = nodes().filter_map(|(worker, _)| match self.verdict(worker) {
            Some(Verdict::Wait { until }) => until,
            Some(Verdict::Ready { .. }) | None => None,
        });
        let partings = nodes().filter_map(|(_, node)| node.parting?.deadline());
        let rests = nodes().map(|(_, node)| node.rests_until);
        let listeners = self.listeners.iter().filter_map(|(_, it)| Some(it.rotation.as_ref()?.rests_until));
        let rests = rests.chain(listeners).filter(|until| !until.is_zero());
        quiet.chain(partings).chain(rests).min().map(Uptime)
    }

    /// Does what is due.
    pub(in crate::master) fn look_at_nodes(&mut self) {
        let now = files::uptime();
        let nodes = self.processes.all.iter().filter(|(_, process)| process.node.is_some());
        let workers: Vec<WorkerId> = nodes.map(|(&id, _)| id).collect();
        for worker in workers {
            self.consider_ready(worker);
            self.look_at_parting(worker, now);
            let node = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut());
            if node.is_some_and(|node| is_over(&mut node.rests_until, now)) {
                self.worker_has_changed(worker);
            }
        }
        for id in self.listeners.rotating() {
            let rotation = self.listeners.listener_mut(id).and_then(|listener| listener.rotation.as_mut());
            if rotation.is_some_and(|rotation| is_over(&mut rotation.rests_until, now)) {
                self.watch_rotation(id);
            }
        }
    }
}

/// Whether a rest has come to its end, once.
fn is_over(until: &mut Duration, now: Duration) -> bool {
    let over = !until.is_zero() && *until <= now;
    if over {
        *until = Duration::ZERO;
    }
    over
}

//! The rotation: the master accepts, and picks cohort and worker for each connection.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use super::channel::{Handle, ServerId};
use crate::master::listener::Listener;
use crate::master::listeners::ListenerId;
use crate::master::machine::Master;
use crate::master::processes::Process;
use crate::supervision::{CohortId, WorkerId};
use crate::sys::files;
use crate::sys::lanes::{LaneId, Origin, Seat};

/// So many are accepted at once, before others have their turn.
const AT_ONCE: usize = 32;
/// How long nothing is accepted where there are no descriptors left.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

impl Master {
    /// Somebody connects to a listener whose connections we accept.
    pub(in crate::master) fn rotate(&mut self, id: ListenerId) {
        for _ in 0..AT_ONCE {
            if !self.wants_more(id) {
                break;
            }
            let Some(listener) = self.listeners.listener_mut(id) else { return };
            match listener.lanes.accept(Seat::Lane(LaneId(0))) {
                Ok(Some(connection)) => {
                    let connection = Handle { socket: Arc::new(connection), private: false };
                    self.assign(id, connection, false);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    if let Some(rotation) = &mut listener.rotation {
                        rotation.rests_until = files::uptime() + NO_DESCRIPTORS;
                    }
                    break;
                }
            }
        }
        self.watch_rotation(id);
    }

    /// Whether there is somebody to whom another connection could be given, some day.
    fn wants_more(&self, id: ListenerId) -> bool {
        let Some(rotation) = self.listeners.listener(id).and_then(|listener| listener.rotation.as_ref()) else {
            return false;
        };
        let rests = rotation.rests_until > files::uptime();
        !rests && rotation.has_room() && rotation.turns.anybody(|cohort| self.has_server(cohort, id))
    }

    fn has_server(&self, cohort: CohortId, id: ListenerId) -> bool {
        let workers = self.processes.all.values().filter(|process| process.cohort == cohort);
        workers.filter_map(|process| process.node.as_ref()).any(|node| node.key_of(id).is_some())
    }

    /// Decides which cohort gets a connection; one that was given back has waited already.
    fn assign(&mut self, id: ListenerId, connection: Handle, again: bool) {
        let Some(mut rotation) = self.rotation(id).map(std::mem::take) else { return };
        let steered = self.listeners.listener(id).and_then(|listener| listener.steered.most());
        let can = |cohort| self.has_server(cohort, id);
        let cohort = match rotation.turns.is_sticky().then(|| client_of(&connection)).flatten() {
            Some(client) => rotation.turns.of_client(&client, can),
            None => rotation.turns.next(can),
        };
        let cohort = cohort.or(steered);
        match cohort {
            Some(cohort) if again => rotation.put_back(cohort, connection),
            Some(cohort) => rotation.push(cohort, connection),
            None => {}
        }
        if let Some(place) = self.rotation(id) {
            *place = rotation;
        }
        if let Some(cohort) = cohort {
            self.pass_waiting(id, cohort);
        }
    }

    fn rotation(&mut self, id: ListenerId) -> Option<&mut super::Rotation> {
        self.listeners.listener_mut(id)?.rotation.as_mut()
    }

    /// Passes what waits for a cohort to those of its workers that have room.
    fn pass_waiting(&mut self, id: ListenerId, cohort: CohortId) {
        while self.rotation(id).is_some_and(|rotation| rotation.is_waited_for(cohort)) {
            let Some(worker) = self.free_worker(id, cohort) else { return };
            let Some(connection) = self.rotation(id).and_then(|rotation| rotation.pop(cohort)) else { return };
            let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else {
                return;
            };
            let Some(key) = node.key_of(id).map(str::to_owned) else { return };
            node.passed_at = files::uptime();
            node.talk.pass(&key, connection);
            self.flush_node(worker);
        }
    }

    /// Of those who have room, the one who was passed a connection longest ago.
    fn free_worker(&self, id: ListenerId, cohort: CohortId) -> Option<WorkerId> {
        let now = files::uptime();
        let workers = self.processes.all.iter().filter(|(_, process)| process.cohort == cohort);
        let nodes = workers.filter_map(|(&worker, process)| Some((worker, process.node.as_ref()?)));
        let free = nodes.filter(|(_, node)| node.key_of(id).is_some() && node.has_room(now));
        free.min_by_key(|(_, node)| (node.talk.in_flight(), node.passed_at)).map(|(worker, _)| worker)
    }

    /// A worker has room again, or one more server, or one less.
    pub(super) fn worker_has_changed(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.all.get(&worker) else { return };
        let cohort = process.cohort;
        for id in self.listeners.rotating() {
            self.pass_waiting(id, cohort);
            self.watch_rotation(id);
        }
    }

    /// A worker does not serve these: somebody else does.
    pub(super) fn give_to_others(&mut self, back: Vec<(Option<ServerId>, Handle)>) {
        for (server, connection) in back {
            if let Some(ServerId::Listener(id)) = server.filter(|_| !connection.private) {
                self.assign(id, connection, true);
            }
        }
    }

    /// New connections go elsewhere, and so does what waits.
    pub(in crate::master) fn turn_all(&mut self) {
        for id in self.listeners.rotating() {
            let Some(listener) = self.listeners.listener_mut(id) else { continue };
            let rotation = listener.rotation.as_mut().expect("it rotates");
            if rotation.turns.set(listener.steered.weights(), listener.steered.is_sticky()) {
                self.assign_anew(id, |_| true);
            }
            self.watch_rotation(id);
        }
    }

    /// What waits for workers that are not there any more goes to others.
    pub(super) fn assign_forsaken(&mut self) {
        for id in self.listeners.rotating() {
            let serves = |process: &&Process| process.node.as_ref().is_some_and(|node| node.key_of(id).is_some());
            let served = self.processes.all.values().filter(serves);
            let served: Vec<CohortId> = served.map(|process| process.cohort).collect();
            self.assign_anew(id, |cohort| !served.contains(&cohort));
            self.watch_rotation(id);
        }
    }

    fn assign_anew(&mut self, id: ListenerId, of: impl Fn(CohortId) -> bool) {
        let waiting = self.rotation(id).map(|rotation| rotation.take_if(of)).unwrap_or_default();
        waiting.into_iter().for_each(|connection| self.assign(id, connection, false));
    }

    /// Accepts while there is somebody to accept for.
    pub(super) fn watch_rotation(&mut self, id: ListenerId) {
        let wanted = self.wants_more(id);
        if self.rotation(id).is_some_and(|rotation| std::mem::replace(&mut rotation.accepts, wanted) != wanted) {
            self.listeners.watch(id);
        }
    }
}

/// Where a connection comes from, the port aside; a Unix socket has no such place.
fn client_of(connection: &Handle) -> Option<IpAddr> {
    match Origin::of(connection.socket.as_fd()) {
        Ok(Origin::Tcp(address)) => Some(address.ip()),
        Ok(Origin::Unix(_)) | Err(_) => None,
    }
}

impl Listener {
    /// From now on, the master accepts there.
    pub(in crate::master) fn rotate(&mut self) {
        self.rotation.get_or_insert_default();
    }
}

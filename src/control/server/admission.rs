//! How many connections there may be. When there are too many, the one that has been idle for longest makes room, so that
//! whoever asks is heard, however many only sit there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// All connections that are open.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<(Mutex<Room>, Notify)>);

#[derive(Debug)]
struct Room {
    most: usize,
    latest: u64,
    seats: BTreeMap<u64, Seat>,
    /// Who has been idle for how long: the lowest number for longest.
    idle: BTreeMap<u64, u64>,
    turn: u64,
}

#[derive(Debug)]
struct Seat {
    /// When it became idle, in turns; none while it is being answered.
    idle: Option<u64>,
    task: Option<AbortHandle>,
}

/// A connection's seat, until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Admission,
    id: u64,
}

/// The connection is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Busy {
    admission: Admission,
    id: u64,
}

impl Admission {
    pub(super) fn new(most: usize) -> Admission {
        let room = Room { most, latest: 0, seats: BTreeMap::new(), idle: BTreeMap::new(), turn: 0 };
        Admission(Arc::new((Mutex::new(room), Notify::new())))
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody is being answered.
    pub(super) async fn everybody_is_idle(&self) {
        loop {
            let changed = self.0.1.notified();
            let is_idle = {
                let room = self.room();
                room.seats.len() == room.idle.len()
            };
            if is_idle {
                return;
            }
            changed.await;
        }
    }

    /// A seat for one more; the one that has been idle for longest loses its own. None if everybody is being answered.
    pub(super) fn admit(&self) -> Option<Admitted> {
        let mut room = self.room();
        if room.seats.len() >= room.most {
            let (_, oldest) = room.idle.pop_first()?;
            if let Some(task) = room.seats.remove(&oldest).and_then(|seat| seat.task) {
                task.abort();
            }
        }
        room.latest += 1;
        let id = room.latest;
        room.seats.insert(id, Seat { idle: None, task: None });
        room.rest(id);
        Some(Admitted { admission: self.clone(), id })
    }
}

impl Room {
    fn rest(&mut self, id: u64) {
        self.turn += 1;
        let turn = self.turn;
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.idle = Some(turn);
            self.idle.insert(turn, id);
        }
    }

    fn rise(&mut self, id: u64) {
        if let Some(turn) = self.seats.get_mut(&id).and_then(|seat| seat.idle.take()) {
            self.idle.remove(&turn);
        }
    }
}

impl Admitted {
    /// What is ended when the seat is lost.
    pub(super) fn sits(&self, task: AbortHandle) {
        if let Some(seat) = self.admission.room().seats.get_mut(&self.id) {
            seat.task = Some(task);
        }
    }

    /// It is being answered, and keeps its seat meanwhile.
    pub(super) fn busy(&self) -> Busy {
        self.admission.room().rise(self.id);
        Busy { admission: self.admission.clone(), id: self.id }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut room = self.admission.room();
        room.rise(self.id);
        room.seats.remove(&self.id);
        self.admission.0.1.notify_one();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.admission.room().rest(self.id);
        self.admission.0.1.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(admission: &Admission) -> Vec<u64> {
        admission.room().seats.keys().copied().collect()
    }

    #[test]
    fn the_one_that_has_been_idle_for_longest_makes_room() {
        let admission = Admission::new(2);
        let (first, _second) = (admission.admit().expect("room"), admission.admit().expect("room"));
        drop(first.busy());
        let _third = admission.admit().expect("room");
        assert_eq!(seats(&admission), [1, 3], "the first has just been answered");
    }

    #[test]
    fn whoever_is_being_answered_keeps_his_seat() {
        let admission = Admission::new(2);
        let (first, second) = (admission.admit().expect("room"), admission.admit().expect("room"));
        let (_one, two) = (first.busy(), second.busy());
        assert!(admission.admit().is_none());
        drop(two);
        assert!(admission.admit().is_some());
    }

    #[test]
    fn whoever_goes_leaves_nothing_behind() {
        let admission = Admission::new(2);
        let seat = admission.admit().expect("room");
        let busy = seat.busy();
        drop(seat);
        drop(busy);
        let room = admission.room();
        assert!(room.seats.is_empty() && room.idle.is_empty());
    }
}

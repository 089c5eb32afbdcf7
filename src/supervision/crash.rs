//! What becomes of a slot whose worker ended, and of a generation whose workers keep ending.

use std::time::Duration;

use super::generation::{Holder, Leaving, Life, Worker};
use super::{Action, Exit, GenerationId, Notice, Reason, Slot, Supervisor, Uptime, WorkerId};

/// A worker that ends with status 0 sooner than this after it was ready does not recycle itself, it fails.
const RECYCLED_AFTER: Duration = Duration::from_secs(1);

impl Supervisor {
    pub(super) fn exited(&mut self, id: WorkerId, exit: Exit, now: Uptime) {
        let Some(worker) = self.workers.remove(&id) else { return };
        let (generation, slot) = (worker.generation, worker.slot);
        let wanted = worker.life.was_told_to_end();
        self.tell(Notice::Exited { generation, slot, worker: id, exit: exit.clone(), wanted });
        if self.is_starting(generation) {
            self.give_up(Reason::Exited { slot, exit }, now);
        } else if self.leaving.contains_key(&generation) {
            self.vacate(generation, slot, id, now);
            self.sweep_if_empty(generation, now);
        } else {
            self.replace(id, &worker, &exit, now);
        }
    }

    pub(super) fn misbehaved(&mut self, id: WorkerId, what: String, now: Uptime) {
        let Some(worker) = self.workers.get(&id) else { return };
        let (generation, slot) = (worker.generation, worker.slot);
        self.tell(Notice::Misbehaved { generation, slot, worker: id, what: what.clone() });
        if self.is_starting(generation) {
            self.give_up(Reason::Misbehaved { slot, what }, now);
        }
        self.kill(id, None);
    }

    /// Whoever serves is replaced. Whoever leaves may finish what it holds; but one cannot go back to it any more.
    pub(super) fn lost_handle(&mut self, id: WorkerId, what: String, now: Uptime) {
        let Some(worker) = self.workers.get(&id).filter(|worker| !worker.life.was_told_to_end()) else { return };
        let generation = worker.generation;
        match self.leaving.get_mut(&generation) {
            None | Some(Leaving::Unsteered) => self.misbehaved(id, what, now),
            Some(Leaving::Settling { standby, .. }) => *standby = false,
            Some(Leaving::Standby { .. }) => self.start_draining(generation, now),
            Some(Leaving::Draining { .. } | Leaving::Sweeping { .. }) => {}
        }
    }

    /// Starts the next worker in each slot of the serving generation that has waited long enough.
    pub(super) fn fill_slots(&mut self, now: Uptime) {
        let Some(generation) = self.serving else { return };
        let due = |holder: &Holder| matches!(holder, Holder::NextAt(at) if *at <= now);
        let slots = &self.generations[&generation].slots;
        let empty: Vec<Slot> = slots.iter().filter(|(_, seat)| due(&seat.holder)).map(|(&slot, _)| slot).collect();
        for slot in empty {
            self.spawn(generation, slot, now);
        }
    }

    /// A worker of a generation that serves, or is about to, has ended.
    fn replace(&mut self, id: WorkerId, worker: &Worker, exit: &Exit, now: Uptime) {
        let Some(of) = self.generations.get_mut(&worker.generation) else { return };
        let Some(seat) = of.slots.get_mut(&worker.slot).filter(|seat| seat.holder == Holder::Worker(id)) else {
            return; // its slot has been closed
        };
        let recycled = *exit == Exit::Status(0)
            && matches!(worker.life, Life::Ready { since } if now.since(since) >= RECYCLED_AFTER);
        let after = if recycled { Duration::ZERO } else { seat.backoff.fail(now) };
        seat.holder = Holder::NextAt(now + after);
        let loops = seat.backoff.is_a_loop() && !recycled;
        let (generation, slot) = (worker.generation, worker.slot);
        self.tell(Notice::Respawning { generation, slot, after });
        if loops {
            self.roll_back_if_possible(format!("the worker in slot {slot} crashes again and again: it {exit}"));
        }
    }

    fn vacate(&mut self, generation: GenerationId, slot: Slot, id: WorkerId, now: Uptime) {
        let Some(of) = self.generations.get_mut(&generation) else { return };
        if let Some(seat) = of.slots.get_mut(&slot).filter(|seat| seat.holder == Holder::Worker(id)) {
            seat.holder = Holder::NextAt(now);
        }
    }

    /// Goes back to the previous generation, if it still stands by and nothing is being steered elsewhere.
    fn roll_back_if_possible(&mut self, why: String) {
        let stands_by = |id: GenerationId| self.leaving[&id].can_come_back() && self.somebody_is_ready(id);
        let previous = self.leaving.keys().copied().rfind(|&id| stands_by(id));
        let (Some(from), Some(to), false) = (self.serving, previous, self.is_steering()) else { return };
        self.leaving.remove(&to);
        self.serving = Some(to);
        self.tell(Notice::RolledBack { generation: from, to, why });
        self.order(Action::steer_all(to));
        for id in self.workers_of(to) {
            let worker = self.workers.get_mut(&id).expect("it is one of that generation's");
            if let Life::LameDuck { since } = worker.life {
                worker.life = Life::Ready { since };
                self.order(Action::Resume { worker: id });
            }
        }
        self.leaving.insert(from, Leaving::Unsteered);
    }
}

//! What becomes of a slot whose worker ended, and of a generation whose workers keep ending.

use std::time::Duration;

use super::generation::{Holder, Leaving, Life, Worker};
use super::newcomer::Rising;
use super::{CohortId, Exit, GenerationId, Notice, Reason, Slot, Supervisor, Uptime, WorkerId};

/// A worker that ends with status 0 sooner than this after it was ready does not recycle itself, it fails.
const RECYCLED_AFTER: Duration = Duration::from_secs(1);

impl Supervisor {
    pub(super) fn exited(&mut self, id: WorkerId, exit: Exit, now: Uptime) {
        let Some(worker) = self.workers.remove(&id) else { return };
        let (generation, slot) = (worker.generation(), worker.slot);
        let wanted = worker.life.was_told_to_end();
        self.tell(Notice::Exited { generation, slot, worker: id, exit: exit.clone(), wanted });
        if let Some(of) = self.generations.get_mut(&generation) {
            of.reported = of.reported + worker.reported;
        }
        if self.is_tried(worker.cohort) && !self.is_replaced(&worker, &exit, now) {
            self.give_up(Reason::Exited { slot, exit }, now);
        } else if self.leaving.contains_key(&worker.cohort) {
            self.vacate(generation, slot, id, now);
            self.sweep_if_empty(worker.cohort, now);
        } else {
            self.replace(id, &worker, &exit, now);
        }
        self.roll_on_if_there_is_room(now);
    }

    pub(super) fn misbehaved(&mut self, id: WorkerId, what: String, now: Uptime) {
        let Some(worker) = self.workers.get(&id).cloned() else { return };
        let (generation, slot) = (worker.generation(), worker.slot);
        self.tell(Notice::Misbehaved { generation, slot, worker: id, what: what.clone() });
        if self.is_tried(worker.cohort) {
            self.give_up(Reason::Misbehaved { slot, what }, now);
        }
        self.kill(id, None);
    }

    /// Whoever serves is replaced. Whoever leaves may finish what it holds; but one cannot go back to it any more.
    pub(super) fn lost_handle(&mut self, id: WorkerId, what: String, now: Uptime) {
        let Some(worker) = self.workers.get(&id).filter(|worker| !worker.life.was_told_to_end()) else { return };
        let cohort = worker.cohort;
        match self.leaving.get_mut(&cohort) {
            None | Some(Leaving::Unsteered) => self.misbehaved(id, what, now),
            Some(Leaving::Settling { standby, .. }) => *standby = false,
            Some(Leaving::Standby { .. }) => self.start_draining(cohort, now),
            Some(Leaving::Draining { .. } | Leaving::Sweeping { .. }) => {}
        }
    }

    /// Whether the generation rises, and its workers' failures are its own.
    fn is_tried(&self, cohort: CohortId) -> bool {
        self.rising.as_ref().is_some_and(|rising| rising.generation == cohort.generation && rising.step.is_tried())
    }

    /// Whether a newcomer's worker has not failed, but ended in order, to make room for the next one.
    fn is_replaced(&self, worker: &Worker, exit: &Exit, now: Uptime) -> bool {
        let waits = |rising: &Rising| rising.step.waits() || worker.cohort.number < rising.cohort;
        self.rising.as_ref().is_some_and(waits) && is_recycled(worker, exit, now)
    }

    /// The generations whose empty slots are filled.
    fn filled(&self) -> impl Iterator<Item = GenerationId> {
        let rising = self.rising.as_ref().filter(|it| it.step.waits() || it.cohort > 1).map(|it| it.generation);
        self.serving.into_iter().chain(rising)
    }

    /// When the next slot has waited long enough.
    pub(super) fn next_spawn(&self) -> Option<Uptime> {
        self.filled().filter_map(|generation| self.generations[&generation].next_spawn()).min()
    }

    /// Starts the next worker in each slot that has waited long enough.
    pub(super) fn fill_slots(&mut self, now: Uptime) {
        let due = |holder: &Holder| matches!(holder, Holder::NextAt(at) if *at <= now);
        for generation in self.filled().collect::<Vec<_>>() {
            let slots = &self.generations[&generation].slots;
            let empty: Vec<Slot> = slots.iter().filter(|(_, seat)| due(&seat.holder)).map(|(&slot, _)| slot).collect();
            for slot in empty {
                self.spawn(generation, slot, now);
            }
        }
    }

    /// A worker of a generation that serves, or is about to, has ended.
    fn replace(&mut self, id: WorkerId, worker: &Worker, exit: &Exit, now: Uptime) {
        let Some(of) = self.generations.get_mut(&worker.generation()) else { return };
        let Some(seat) = of.slots.get_mut(&worker.slot).filter(|seat| seat.holder == Holder::Worker(id)) else {
            return; // its slot has been closed
        };
        let recycled = is_recycled(worker, exit, now);
        let after = if recycled { Duration::ZERO } else { seat.backoff.fail(now) };
        seat.holder = Holder::NextAt(now + after);
        let loops = seat.backoff.is_a_loop() && !recycled;
        let (generation, slot) = (worker.generation(), worker.slot);
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
}

/// Whether it recycled itself: it ended in order, having been ready for a while.
fn is_recycled(worker: &Worker, exit: &Exit, now: Uptime) -> bool {
    *exit == Exit::Status(0) && matches!(worker.life, Life::Ready { since } if now.since(since) >= RECYCLED_AFTER)
}

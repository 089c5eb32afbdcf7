//! More workers, fewer workers, none at all.

use super::generation::Holder;
use super::{GenerationId, Notice, Origin, Outcome, RequestId, Slot, Supervisor, Uptime};

impl Supervisor {
    /// So many workers more, or less, for the generation that serves. The next reload brings its own number.
    pub(super) fn scale(&mut self, request: RequestId, by: i32, origin: Origin, now: Uptime) {
        let Some(generation) = self.serving else {
            return self.answer([request], &Outcome::Refused("no generation serves".into()));
        };
        if self.is_rolled() {
            let why = format!("generation {generation} is being replaced, worker by worker");
            return self.answer([request], &Outcome::Refused(why));
        }
        let workers = self.workers_wanted(generation) + i64::from(by);
        let Some(workers) = u32::try_from(workers).ok().filter(|&workers| workers > 0) else {
            return self.answer([request], &Outcome::Refused("one worker must stay".into()));
        };
        for _ in 0..by {
            let slot = self.unused_slot(generation);
            self.spawn(generation, slot, now);
        }
        for _ in by..0 {
            self.close_last_slot(generation, now);
        }
        self.tell(Notice::Scaled { generation, workers, origin });
        self.answer([request], &Outcome::Scaled(workers));
    }

    /// Exactly so many workers for the generation that serves. The next reload brings its own number.
    pub(super) fn scale_to(&mut self, request: RequestId, workers: u32, origin: Origin, now: Uptime) {
        let wanted = self.serving.map_or(0, |generation| self.workers_wanted(generation));
        let by = i64::from(workers) - wanted;
        let by = by.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        self.scale(request, by, origin, now);
    }

    /// Drains all workers and keeps listening: clients wait for the next reload.
    pub(super) fn dismiss(&mut self, request: RequestId, origin: Origin, now: Uptime) {
        let Some(generation) = self.serving else {
            return self.answer([request], &Outcome::Refused("no generation serves".into()));
        };
        while !self.generations[&generation].slots.is_empty() {
            self.close_last_slot(generation, now);
        }
        self.tell(Notice::Scaled { generation, workers: 0, origin });
        self.answer([request], &Outcome::Done);
    }

    fn workers_wanted(&self, generation: GenerationId) -> i64 {
        self.generations[&generation].slots.len() as i64
    }

    fn close_last_slot(&mut self, generation: GenerationId, now: Uptime) {
        let Some(of) = self.generations.get_mut(&generation) else { return };
        let Some((_, seat)) = of.slots.pop_last() else { return };
        match seat.holder {
            Holder::Worker(worker) => self.drain(worker, None, now),
            Holder::NextAt(_) => {}
        }
    }

    /// The lowest number that nobody has, or still has.
    fn unused_slot(&self, generation: GenerationId) -> Slot {
        let taken = |slot: Slot| {
            self.generations[&generation].slots.contains_key(&slot)
                || self.workers.values().any(|worker| worker.generation() == generation && worker.slot == slot)
        };
        (0..).map(Slot).find(|&slot| !taken(slot)).expect("there are more numbers than workers")
    }
}

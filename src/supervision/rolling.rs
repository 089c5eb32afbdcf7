//! A roll: cohort by cohort of the newcomer takes over from as many workers of who serves, and never more live than those
//! and `surge`.

use super::generation::Generation;
use super::newcomer::Step;
use super::{CohortId, GenerationId, Notice, Share, SharedBy, Supervisor, Uptime, WorkerId};

impl Supervisor {
    /// A cohort of the newcomer is proved: it gets its share, and as many of the old have none any more.
    pub(super) fn roll(&mut self, now: Uptime) {
        let Some(rising) = &mut self.rising else { return };
        let (generation, number) = (rising.generation, rising.cohort);
        let Some(serving) = self.serving.filter(|_| number < self.generations[&generation].parts()) else {
            return self.take_all(now);
        };
        rising.step = Step::Rolling { steered: false };
        let mut shares: Vec<Share> =
            self.in_service(generation).into_iter().map(|cohort| self.share_for(cohort)).collect();
        shares
            .extend(self.stays_of(serving, generation).into_iter().map(|cohort| self.share_beside(cohort, generation)));
        self.steer(generation, shares, false);
    }

    /// The cohorts of the old generation that stay beside what there is of the new one: at least one, until the end.
    fn stays_of(&self, old: GenerationId, new: GenerationId) -> Vec<CohortId> {
        let mut stay = self.in_service(old);
        let raised = self.generations[&new].slots.len();
        let most = self.generations[&old].workers().max(self.generations[&new].workers()) as usize;
        let workers = |cohorts: &[CohortId]| cohorts.iter().map(|cohort| self.slots_in(*cohort)).sum::<usize>();
        while stay.len() > 1 && workers(&stay) + raised > most {
            stay.remove(0);
        }
        stay
    }

    fn slots_in(&self, cohort: CohortId) -> usize {
        let of = &self.generations[&cohort.generation];
        of.slots.keys().filter(|&&slot| of.cohort_of(slot) == cohort.number).count()
    }

    /// What was raised as a whole cannot leave by parts, but its share can.
    fn share_beside(&self, cohort: CohortId, new: GenerationId) -> Share {
        let workers = self.slots_in(cohort);
        let taken = if cohort.number == 0 { self.generations[&new].slots.len() } else { 0 };
        Share { cohort, weight: u32::try_from(workers.saturating_sub(taken).max(1)).unwrap_or(u32::MAX) }
    }

    /// The share is in force: who has none any more leaves.
    pub(super) fn rolled(&mut self, now: Uptime) {
        let (Some(rising), Some(serving)) = (&mut self.rising, self.serving) else { return };
        rising.step = Step::Rolling { steered: true };
        let (generation, step) = (rising.generation, rising.cohort);
        let (percent, steps) = (self.share_of(generation), self.generations[&generation].parts());
        self.tell(Notice::Sharing { generation, percent, step, steps, hold: None, by: SharedBy::Connections });
        for cohort in
            self.in_service(serving).into_iter().filter(|&cohort| !self.clients_may_meet(cohort)).collect::<Vec<_>>()
        {
            self.forget_slots(cohort);
            self.retire(cohort, false, now);
        }
        self.roll_on_if_there_is_room(now);
    }

    /// The next cohort, once enough of the old is gone.
    pub(super) fn roll_on_if_there_is_room(&mut self, now: Uptime) {
        let (Some(rising), Some(serving)) = (&self.rising, self.serving) else { return };
        let (Step::Rolling { steered: true }, false) = (rising.step, rising.clock.is_paused()) else { return };
        let (generation, number) = (rising.generation, rising.cohort + 1);
        let (old, new) = (&self.generations[&serving], &self.generations[&generation]);
        let alive = self.workers_of(generation).len() + self.workers_of(serving).len();
        let most = old.workers().max(new.workers()) + new.size.unwrap_or(1);
        if old.size.is_some() && alive + new.slots_of(number).len() > most as usize {
            return;
        }
        if let Some(rising) = &mut self.rising {
            rising.since = now;
        }
        self.allot(number, false);
    }

    /// Whether the newcomer is raised cohort by cohort beside another.
    pub(super) fn is_rolled(&self) -> bool {
        let of = self.rising().filter(|_| self.serving.is_some()).and_then(|id| self.generations.get(&id));
        of.is_some_and(|of: &Generation| of.size.is_some())
    }

    pub(super) fn workers_in(&self, cohort: CohortId) -> Vec<WorkerId> {
        self.workers.iter().filter(|(_, worker)| worker.cohort == cohort).map(|(&id, _)| id).collect()
    }

    /// The cohorts of a generation that are not on their way out.
    pub(super) fn in_service(&self, generation: GenerationId) -> Vec<CohortId> {
        let cohorts = self.generations.get(&generation).into_iter().flat_map(|of| of.cohorts.iter().copied());
        let cohorts = cohorts.map(|number| CohortId { generation, number });
        cohorts.filter(|cohort| !self.leaving.contains_key(cohort)).collect()
    }
}

//! From the wish for a reload until all workers of the newcomer are ready.

use std::time::Duration;

use super::generation::{Generation, Life};
use super::newcomer::{Phase, Rising, Step, Wish};
use super::supervisor::Wanted;
use super::{
    Action, Coalescing, CohortId, GenerationId, Notice, Origin, Outcome, Plan, Reason, RequestId, Slot, Strategy,
    Supervisor, Uptime, WorkerId,
};

/// How soon we look again for a lane: that a queue has become empty is no event.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Raises a new generation, or remembers that one is wanted while another rises.
    pub(super) fn reload(&mut self, request: RequestId, wish: Wish, origin: Origin, now: Uptime) {
        if self.is_stopping() {
            return self.answer([request], &Outcome::Refused("the master is asked to stop".into()));
        }
        let Some(rising) = self.rising() else {
            return self.rise(vec![request], wish, origin, now);
        };
        match &mut self.wanted {
            Some(wanted) => {
                wanted.asked.push(request);
                wanted.wish = wish;
            }
            None => {
                self.wanted = Some(Wanted { asked: vec![request], wish, origin: origin.clone() });
                self.tell(Notice::Remembered { generation: rising, origin });
            }
        }
        match self.policy.coalescing {
            Coalescing::Remember => {}
            Coalescing::NewestWins if self.is_steering() => {} // its outcome is about to be known
            Coalescing::NewestWins => self.give_up(Reason::Superseded, now),
        }
    }

    pub(super) fn rise(&mut self, asked: Vec<RequestId>, wish: Wish, origin: Origin, now: Uptime) {
        self.latest_generation.0 += 1;
        let generation = self.latest_generation;
        self.rising = Some(Rising::new(generation, wish, asked, now));
        self.tell(Notice::Rising { generation, origin });
        self.order(match wish.of {
            None => Action::Resolve { generation },
            Some(of) => Action::Recall { generation, of },
        });
    }

    pub(super) fn resolved(&mut self, plan: Plan, now: Uptime) {
        let Some(rising) = self.rising.as_mut().filter(|rising| rising.step == Step::Resolving) else { return };
        let generation = rising.generation;
        let rollout = &plan.rollout;
        let rolled = rising.wish.strategy.unwrap_or(rollout.strategy) == Strategy::Rolling && !rollout.by_workers;
        let of = Generation::new(plan.clone(), Some(rollout.surge).filter(|&surge| rolled && surge > 0));
        let first = of.first_cohort();
        self.generations.insert(generation, of);
        self.end_standby(now);
        self.allot(first, false);
    }

    /// A cohort of the newcomer needs its lanes.
    pub(super) fn allot(&mut self, number: u32, waited: bool) {
        let Some(rising) = &mut self.rising else { return };
        (rising.step, rising.cohort) = (Step::Allotting { waited }, number);
        let generation = rising.generation;
        self.generations.get_mut(&generation).expect("it is resolved").cohorts.insert(number);
        self.order(Action::Allot { cohort: CohortId { generation, number } });
    }

    pub(super) fn unresolved(&mut self, why: String, now: Uptime) {
        self.give_up(Reason::Unresolved { why }, now);
    }

    pub(super) fn no_lane_yet(&mut self, why: String, now: Uptime) {
        let Some(rising) = &mut self.rising else { return };
        let Step::Allotting { waited } = rising.step else { return };
        rising.step = Step::NoLane { look: now + LOOK_AGAIN };
        let generation = rising.generation;
        if !waited {
            self.tell(Notice::WaitingForLane { generation, why });
        }
    }

    pub(super) fn not_allotted(&mut self, why: String, now: Uptime) {
        self.give_up(Reason::NoLane { why }, now);
    }

    /// Looks again for a lane, if it is time.
    pub(super) fn look_for_a_lane(&mut self, now: Uptime) {
        let Some(rising) = &mut self.rising else { return };
        let Step::NoLane { look } = rising.step else { return };
        let number = rising.cohort;
        if look <= now {
            self.allot(number, true);
        }
    }

    pub(super) fn allotted(&mut self, now: Uptime) {
        let Some(rising) = &mut self.rising else { return };
        let Step::Allotting { .. } = rising.step else { return };
        rising.step = Step::Starting;
        let (generation, number) = (rising.generation, rising.cohort);
        let of = &self.generations[&generation];
        let (is_first, alone) = (number == of.first_cohort(), of.plan.first_alone);
        let more = self.serving.is_none() && number < of.parts() && of.size.is_some();
        match (is_first, alone) {
            (true, true) => self.spawn(generation, Slot(of.slots_of(number).start), now),
            (false, true) if self.serving.is_none() => {} // when the first one is ready
            _ => {
                self.start_missing(generation, now);
            }
        }
        match more {
            true => self.allot(number + 1, false),
            false if self.is_whole(generation) => self.start_others_or_check(generation, now),
            false => {}
        }
    }

    pub(super) fn started(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get(&id) {
            let (generation, slot) = (worker.generation(), worker.slot);
            self.tell(Notice::Started { generation, slot, worker: id });
        }
    }

    pub(super) fn ready(&mut self, id: WorkerId, now: Uptime) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let Life::Rising { .. } = worker.life else { return };
        worker.life = Life::Ready { since: now };
        let (generation, slot) = (worker.generation(), worker.slot);
        self.tell(Notice::Ready { generation, slot, worker: id });
        if self.serving == Some(generation) {
            return self.order(Action::Promote { worker: id });
        }
        let Some(rising) = self.rising.as_ref().filter(|rising| rising.generation == generation) else { return };
        if !self.is_whole(generation) {
            return;
        }
        match rising.step {
            Step::Starting => self.start_others_or_check(generation, now),
            Step::Sharing { step, phase: Phase::Growing } => self.has_grown(step, now),
            Step::Resolving
            | Step::Allotting { .. }
            | Step::NoLane { .. }
            | Step::Checking
            | Step::Held
            | Step::Sharing { phase: Phase::Steering | Phase::Resting, .. }
            | Step::Rolling { .. }
            | Step::Steering => {}
        }
    }

    /// What a worker lacks that says it can serve: the reason, if it lacks it to the end of its grace.
    pub(super) fn lacks(&mut self, id: WorkerId, what: String) {
        if let Some(Life::Rising { lacking, .. }) = self.workers.get_mut(&id).map(|worker| &mut worker.life) {
            *lacking = Some(what);
        }
    }

    /// All that were started are ready: those that had to wait for the first are next, or the checks.
    fn start_others_or_check(&mut self, generation: GenerationId, now: Uptime) {
        if !self.start_missing(generation, now) {
            self.begin_to_check(now);
        }
    }

    /// Starts whoever is missing in the cohorts that have lanes; whether anybody was.
    fn start_missing(&mut self, generation: GenerationId, now: Uptime) -> bool {
        let missing = self.missing_slots(generation, self.workers_at_first(generation));
        for slot in &missing {
            self.spawn(generation, *slot, now);
        }
        !missing.is_empty()
    }

    /// The slots that nobody has, of the cohorts that are being raised, of so many.
    pub(super) fn missing_slots(&self, generation: GenerationId, workers: u32) -> Vec<Slot> {
        let of = &self.generations[&generation];
        let raised = of.cohorts.iter().flat_map(|&cohort| of.slots_of(cohort));
        raised.filter(|&slot| slot < workers).map(Slot).filter(|slot| !of.slots.contains_key(slot)).collect()
    }

    /// Whether a worker sits in each slot, and all are ready.
    pub(super) fn is_whole(&self, generation: GenerationId) -> bool {
        let all_ready = self.workers_of(generation).iter().all(|id| self.workers[id].life.is_ready());
        all_ready && self.generations.get(&generation).is_some_and(Generation::is_full)
    }

    pub(super) fn somebody_is_ready(&self, generation: GenerationId) -> bool {
        self.workers.values().any(|worker| worker.generation() == generation && worker.life.is_ready())
    }

    /// When the newcomer has to be proved.
    pub(super) fn overdue_at(&self) -> Option<Uptime> {
        let rising = self.rising.as_ref().filter(|rising| rising.step.is_unproved())?;
        let plan = &self.generations.get(&rising.generation)?.plan;
        Some(rising.since + plan.rollout.progress_deadline?)
    }

    /// Gives up a newcomer that is not proved in time.
    pub(super) fn give_up_if_overdue(&mut self, now: Uptime) {
        let Some(generation) = self.rising().filter(|_| self.overdue_at().is_some_and(|at| at <= now)) else { return };
        let of = &self.generations[&generation];
        let deadline = of.plan.rollout.progress_deadline.unwrap_or_default();
        let why = of.checkup.failure.clone();
        self.give_up(Reason::Overdue { deadline, why }, now);
    }
}

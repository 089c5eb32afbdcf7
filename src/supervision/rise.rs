//! From the wish for a reload to the promotion, or to giving it up.

use std::time::Duration;

use super::generation::{Generation, Leaving, Life, Rising, Step};
use super::supervisor::Wanted;
use super::{
    Action, Coalescing, Ending, FirstStart, GenerationId, Notice, Origin, Outcome, Plan, Reason, RequestId, Slot,
    Supervisor, Uptime, WorkerId,
};

/// How soon we look again for a lane: that a queue has become empty is no event.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How soon we try again to steer.
const STEER_AGAIN: Duration = Duration::from_millis(100);
/// How long a newcomer that was given up may take to go: it has no client to wait for.
const GIVE_UP_GRACE: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Raises a new generation, or remembers that one is wanted while another rises.
    pub(super) fn reload(&mut self, request: RequestId, origin: Origin, now: Uptime) {
        if self.is_stopping() {
            return self.answer([request], &Outcome::Refused("the master is asked to stop".into()));
        }
        let Some(rising) = self.rising() else {
            return self.rise(vec![request], origin);
        };
        match &mut self.wanted {
            Some(wanted) => wanted.asked.push(request),
            None => {
                self.wanted = Some(Wanted { asked: vec![request], origin: origin.clone() });
                self.tell(Notice::Remembered { generation: rising, origin });
            }
        }
        match self.policy.coalescing {
            Coalescing::Remember => {}
            Coalescing::NewestWins if self.is_steering() => {} // its outcome is about to be known
            Coalescing::NewestWins => self.give_up(Reason::Superseded, now),
        }
    }

    /// Gives up the generation that rises, because somebody asked for it. Once it is being steered to, clients meet it.
    pub(super) fn abort(&mut self, request: RequestId, origin: Origin, now: Uptime) {
        let Some(rising) = self.rising() else {
            return self.answer([request], &Outcome::Refused("no generation rises".into()));
        };
        if self.is_steering() {
            let why = format!("generation {rising} is being promoted");
            return self.answer([request], &Outcome::Refused(why));
        }
        self.give_up(Reason::Aborted { origin }, now);
        self.answer([request], &Outcome::Done);
    }

    fn rise(&mut self, asked: Vec<RequestId>, origin: Origin) {
        self.latest_generation.0 += 1;
        let generation = self.latest_generation;
        self.rising = Some(Rising { generation, step: Step::Resolving, asked });
        self.tell(Notice::Rising { generation, origin });
        self.order(Action::Resolve { generation });
    }

    pub(super) fn resolved(&mut self, plan: Plan, now: Uptime) {
        let Some(rising) = self.rising.as_mut().filter(|rising| rising.step == Step::Resolving) else { return };
        rising.step = Step::Allotting { waited: false };
        let generation = rising.generation;
        self.generations.insert(generation, Generation::new(plan));
        self.end_standby(now);
        self.order(Action::Allot { generation });
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
        if look <= now {
            rising.step = Step::Allotting { waited: true };
            let generation = rising.generation;
            self.order(Action::Allot { generation });
        }
    }

    pub(super) fn allotted(&mut self, now: Uptime) {
        let Some(rising) = &mut self.rising else { return };
        let Step::Allotting { .. } = rising.step else { return };
        rising.step = Step::Starting;
        let generation = rising.generation;
        let plan = &self.generations[&generation].plan;
        let first = if plan.first_alone { 1 } else { plan.workers.max(1) };
        for slot in 0..first {
            self.spawn(generation, Slot(slot), now);
        }
    }

    pub(super) fn started(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get(&id) {
            let (generation, slot) = (worker.generation, worker.slot);
            self.tell(Notice::Started { generation, slot, worker: id });
        }
    }

    pub(super) fn ready(&mut self, id: WorkerId, now: Uptime) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let Life::Rising { .. } = worker.life else { return };
        worker.life = Life::Ready { since: now };
        let (generation, slot) = (worker.generation, worker.slot);
        self.tell(Notice::Ready { generation, slot, worker: id });
        if self.serving == Some(generation) {
            self.order(Action::Promote { worker: id });
        } else if self.is_starting(generation) && self.everybody_is_ready(generation) {
            self.start_others_or_steer(generation, now);
        }
    }

    /// What a worker lacks that says it can serve: the reason, if it lacks it to the end of its grace.
    pub(super) fn lacks(&mut self, id: WorkerId, what: String) {
        if let Some(Life::Rising { lacking, .. }) = self.workers.get_mut(&id).map(|worker| &mut worker.life) {
            *lacking = Some(what);
        }
    }

    /// All that were started are ready: those that had to wait for the first are next, or the promotion.
    fn start_others_or_steer(&mut self, generation: GenerationId, now: Uptime) {
        let of = &self.generations[&generation];
        let missing: Vec<Slot> =
            (0..of.plan.workers.max(1)).map(Slot).filter(|slot| !of.slots.contains_key(slot)).collect();
        if missing.is_empty() {
            self.rising.as_mut().expect("it is starting").step = Step::Steering;
            return self.order(Action::steer_all(generation));
        }
        for slot in missing {
            self.spawn(generation, slot, now);
        }
    }

    pub(super) fn is_starting(&self, generation: GenerationId) -> bool {
        self.rising.as_ref().is_some_and(|rising| rising.generation == generation && rising.step == Step::Starting)
    }

    /// Whether the newcomer is being steered to: soon it serves, or is given up.
    pub(super) fn is_steering(&self) -> bool {
        self.rising.as_ref().is_some_and(|rising| rising.step == Step::Steering)
    }

    fn is_being_steered_to(&self, generation: GenerationId) -> bool {
        self.is_steering() && self.rising() == Some(generation)
    }

    fn everybody_is_ready(&self, generation: GenerationId) -> bool {
        self.workers.values().filter(|worker| worker.generation == generation).all(|worker| worker.life.is_ready())
    }

    pub(super) fn somebody_is_ready(&self, generation: GenerationId) -> bool {
        self.workers.values().any(|worker| worker.generation == generation && worker.life.is_ready())
    }

    pub(super) fn steered(&mut self, generation: GenerationId, now: Uptime) {
        if self.is_being_steered_to(generation) {
            self.promote(now);
        } else if self.serving == Some(generation) {
            self.retire_rolled_back(now);
        }
    }

    pub(super) fn not_steered(&mut self, generation: GenerationId, why: String, now: Uptime) {
        if self.is_being_steered_to(generation) {
            self.give_up(Reason::NotSteered { why }, now);
        } else if self.serving == Some(generation) {
            self.steer_again = Some(now + STEER_AGAIN);
            self.tell(Notice::NotSteered { generation, why });
        }
    }

    /// When to try again to steer back: not while a newcomer is being steered to, lest we steer away from it.
    pub(super) fn steers_again_at(&self) -> Option<Uptime> {
        self.steer_again.filter(|_| !self.is_steering())
    }

    /// Tries again to steer to the generation that is to serve, if it is time.
    pub(super) fn steer_back_again(&mut self, now: Uptime) {
        if self.steers_again_at().is_some_and(|at| at <= now) {
            self.steer_again = None;
            if let Some(generation) = self.serving {
                self.order(Action::steer_all(generation));
            }
        }
    }

    fn promote(&mut self, now: Uptime) {
        let Some(rising) = self.rising.take() else { return };
        let generation = rising.generation;
        let previous = self.serving.replace(generation);
        self.tell(Notice::Promoted { generation, previous });
        for worker in self.workers_of(generation) {
            if self.workers[&worker].life.is_ready() {
                self.order(Action::Promote { worker });
            }
        }
        self.answer(rising.asked, &Outcome::Promoted(generation));
        if let Some(previous) = previous {
            let warm = !self.generations[&generation].plan.warm.is_zero();
            self.retire(previous, warm, now);
        }
        self.retire_rolled_back(now);
        self.rise_again();
    }

    /// Ends the newcomer before any client met it. What serves goes on serving.
    pub(super) fn give_up(&mut self, reason: Reason, now: Uptime) {
        let Some(rising) = self.rising.take() else { return };
        let generation = rising.generation;
        let has_an_answer = matches!(reason, Reason::Unresolved { .. });
        if rising.step == Step::Resolving && !has_an_answer {
            self.order(Action::CancelResolve { generation });
        }
        let (why, superseded) = (reason.to_string(), reason == Reason::Superseded);
        self.tell(Notice::GivenUp { generation, reason, serving: self.serving });
        self.answer(rising.asked, &Outcome::Rejected { generation, why: why.clone() });
        if self.generations.contains_key(&generation) {
            self.send_away(generation, now);
        } else {
            self.order(Action::Forget { generation });
        }
        let is_first = self.serving.is_none() && !self.is_stopping();
        if is_first && !superseded && self.policy.first_start == FirstStart::Fail {
            self.begin_to_stop(Ending::Failed(why), now);
        }
        self.rise_again();
    }

    fn send_away(&mut self, generation: GenerationId, now: Uptime) {
        self.forget_slots(generation);
        self.leaving.insert(generation, Leaving::Draining { until: now + GIVE_UP_GRACE });
        self.order(Action::Rescue { generation });
        for worker in self.workers_of(generation) {
            self.drain(worker, Some(GIVE_UP_GRACE), now);
        }
        self.sweep_if_empty(generation, now);
    }

    /// The outcome is known: if another reload was asked for meanwhile, it starts now.
    fn rise_again(&mut self) {
        if self.is_stopping() {
            return;
        }
        if let Some(wanted) = self.wanted.take() {
            self.rise(wanted.asked, wanted.origin);
        }
    }
}

//! The state machine itself: what it remembers, how an event comes in and time passes.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::generation::{Generation, Holder, Leaving, Life, Reported, Worker};
use super::newcomer::{Rising, Step, Wish};
use super::rollback::Served;
use super::stop::Stopping;
use super::{
    Action, CohortId, Command, Event, GenerationId, Notice, Origin, Outcome, Policy, RequestId, Share, Slot, Uptime,
    WorkerId,
};

/// The rules. Feed it what happens; it says what to do.
///
/// # Invariants
/// - At most one generation rises, and at most one serves.
/// - New connections are steered to a generation when all its workers are ready and it has proved itself, not before.
/// - A generation is drained only after they were steered away from it, or when the master ends.
/// - Every command gets exactly one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    pub(super) policy: Policy,
    pub(super) generations: BTreeMap<GenerationId, Generation>,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) rising: Option<Rising>,
    pub(super) serving: Option<GenerationId>,
    pub(super) leaving: BTreeMap<CohortId, Leaving>,
    /// A reload that waits for the outcome of the one that is under way.
    pub(super) wanted: Option<Wanted>,
    pub(super) stopping: Option<Stopping>,
    /// Whom new connections go to, as far as we were told.
    pub(super) shares: Vec<Share>,
    /// Whom they are to go to, as it was ordered and not answered yet.
    pub(super) steers: VecDeque<Vec<Share>>,
    /// Who asked to go back, and is answered when that is done.
    pub(super) rolling_back: Vec<RequestId>,
    /// Those that served last, the latest at the end.
    pub(super) served: Vec<Served>,
    /// Steering back failed: new connections go to a generation that is on its way out, until this works.
    pub(super) steer_again: Option<Uptime>,
    pub(super) latest_generation: GenerationId,
    pub(super) latest_worker: WorkerId,
    #[serde(skip)]
    pub(super) actions: Vec<Action>,
}

/// A remembered reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) asked: Vec<RequestId>,
    /// Of the last who asked.
    pub(super) wish: Wish,
    pub(super) origin: Origin,
}

impl Supervisor {
    /// A supervisor with nothing to supervise yet: the first [`Command::Reload`] raises generation 1.
    pub fn new(policy: Policy) -> Supervisor {
        Supervisor {
            policy,
            generations: BTreeMap::new(),
            workers: BTreeMap::new(),
            rising: None,
            serving: None,
            leaving: BTreeMap::new(),
            wanted: None,
            stopping: None,
            shares: Vec::new(),
            steers: VecDeque::new(),
            rolling_back: Vec::new(),
            served: Vec::new(),
            steer_again: None,
            latest_generation: GenerationId(0),
            latest_worker: WorkerId(0),
            actions: Vec::new(),
        }
    }

    /// Takes in what happened and says what to do about it, in this order.
    pub fn handle(&mut self, event: Event, now: Uptime) -> Vec<Action> {
        if self.has_ended() {
            return self.nothing_more(event);
        }
        self.take_in(event, now);
        self.pass_time(now);
        self.end_if_nothing_is_left();
        std::mem::take(&mut self.actions)
    }

    /// When to come back with [`Event::Tick`], if nothing happens before.
    pub fn deadline(&self) -> Option<Uptime> {
        let rising = self.rising.as_ref().and_then(|rising| match rising.step {
            Step::NoLane { look } => Some(look),
            Step::Resolving
            | Step::Allotting { .. }
            | Step::Starting
            | Step::Checking
            | Step::Held
            | Step::Sharing { .. }
            | Step::Rolling { .. }
            | Step::Steering => None,
        });
        let proving = [self.overdue_at(), self.next_check(), self.step_ends_at()];
        let workers = self.workers.values().filter_map(|worker| worker.life.deadline());
        let leaving = self.leaving.values().filter_map(Leaving::deadline);
        let once = [rising, self.next_spawn(), self.steers_again_at()];
        workers.chain(leaving).chain(once.into_iter().chain(proving).flatten()).min()
    }

    /// The generation that new connections go to.
    pub fn serving(&self) -> Option<GenerationId> {
        self.serving
    }

    /// The generation that is on its way up.
    pub fn rising(&self) -> Option<GenerationId> {
        self.rising.as_ref().map(|rising| rising.generation)
    }

    /// Whether clients are, or may still be, served by the generation: it has not been told to end.
    pub fn may_serve(&self, generation: GenerationId) -> bool {
        let mut leaving = self.leaving.iter().filter(|(cohort, _)| cohort.generation == generation);
        self.serving == Some(generation)
            || self.rising() == Some(generation)
            || leaving.any(|(_, leaving)| !leaving.was_told_to_end())
    }

    /// Whether the master is on its way out.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn take_in(&mut self, event: Event, now: Uptime) {
        if let Some(generation) = event.generation()
            && self.rising() != Some(generation)
        {
            return; // an answer about a generation that was given up meanwhile
        }
        match event {
            Event::Asked { request, command, origin } => self.asked(request, command, origin, now),
            Event::Resolved { plan, .. } => self.resolved(plan, now),
            Event::Unresolved { why, .. } => self.unresolved(why, now),
            Event::Allotted { .. } => self.allotted(now),
            Event::NoLaneYet { why, .. } => self.no_lane_yet(why, now),
            Event::NotAllotted { why, .. } => self.not_allotted(why, now),
            Event::Started { worker } => self.started(worker),
            Event::Ready { worker } => self.ready(worker, now),
            Event::Lacking { worker, what } => self.lacks(worker, what),
            Event::Extended { worker, by } => self.extended(worker, by, now),
            Event::Misbehaved { worker, what } => self.misbehaved(worker, what, now),
            Event::LostHandle { worker, what } => self.lost_handle(worker, what, now),
            Event::Exited { worker, exit } => self.exited(worker, exit, now),
            Event::Steered { generation } => self.steered(generation, now),
            Event::NotSteered { generation, why } => self.not_steered(generation, why, now),
            Event::Checked { generation, failure } => self.checked(generation, failure, now),
            Event::Reported { worker, requests, errors } => self.reported(worker, Reported { requests, errors }, now),
            Event::Looked { cohort, settled } => self.looked(cohort, settled, now),
            Event::Swept { cohort, survivors } => self.swept(cohort, survivors, now),
            Event::StrangerReaped => self.sweep_again(now),
            Event::Tick => {}
        }
    }

    fn asked(&mut self, request: RequestId, command: Command, origin: Origin, now: Uptime) {
        match command {
            Command::Reload { strategy, hold } => {
                self.reload(request, Wish { strategy, hold, of: None }, origin, now);
            }
            Command::Abort => self.abort(request, origin, now),
            Command::Promote => self.promote_now(request, origin, now),
            Command::Rollback { to } => self.roll_back_to(request, to, origin, now),
            Command::Pause => self.pause(request, origin, now),
            Command::Resume => self.resume(request, origin, now),
            Command::Scale(by) => self.scale(request, by, origin, now),
            Command::ScaleTo(workers) => self.scale_to(request, workers, origin, now),
            Command::Dismiss => self.dismiss(request, origin, now),
            Command::Stop { fast } => self.stop(request, fast, origin, now),
        }
    }

    /// Everything that was to happen at a time that has come, and what follows from it without any wait.
    fn pass_time(&mut self, now: Uptime) {
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            self.give_up_if_overdue(now);
            self.look_for_a_lane(now);
            self.step_on(now);
            self.check_again(now);
            self.steer_back_again(now);
            for worker in self.overdue_workers(now) {
                self.out_of_grace(worker, now);
            }
            for cohort in self.leaving.keys().copied().collect::<Vec<_>>() {
                self.leave_on(cohort, now);
            }
            self.fill_slots(now);
        }
    }

    fn overdue_workers(&self, now: Uptime) -> Vec<WorkerId> {
        let overdue = |worker: &Worker| worker.life.deadline().is_some_and(|deadline| deadline <= now);
        self.workers.iter().filter(|(_, worker)| overdue(worker)).map(|(&id, _)| id).collect()
    }

    /// A worker took longer than its grace.
    fn out_of_grace(&mut self, id: WorkerId, now: Uptime) {
        let Some(worker) = self.workers.get(&id).cloned() else { return };
        let plan = &self.generations[&worker.generation()].plan;
        let (ready_grace, drain_grace) = (plan.ready_grace, plan.drain_grace);
        match worker.life {
            Life::Rising { lacking, .. } if self.rising() == Some(worker.generation()) => {
                self.give_up(super::Reason::NotReady { slot: worker.slot, grace: ready_grace, lacking }, now);
            }
            Life::Rising { lacking, .. } => {
                let lacking = lacking.map(|what| format!(": {what}")).unwrap_or_default();
                let why = format!("not ready within {} s (ready_grace){lacking}", ready_grace.as_secs_f64());
                self.kill(id, Some(why));
            }
            Life::Draining { grace, .. } => {
                let whose = if grace == drain_grace { " (drain_grace)" } else { "" };
                self.kill(id, Some(format!("not drained within {} s{whose}", grace.as_secs_f64())));
            }
            Life::Ready { .. } | Life::LameDuck { .. } | Life::Killed => {}
        }
    }

    /// A worker needs longer than its grace, and says so in time.
    fn extended(&mut self, id: WorkerId, by: std::time::Duration, now: Uptime) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        match &mut worker.life {
            Life::Rising { until, .. } | Life::Draining { until, .. } => *until = (*until).max(now + by),
            Life::Ready { .. } | Life::LameDuck { .. } | Life::Killed => {}
        }
    }

    pub(super) fn order(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        self.actions.push(Action::Tell(notice));
    }

    pub(super) fn answer(&mut self, requests: impl IntoIterator<Item = RequestId>, outcome: &Outcome) {
        for request in requests {
            self.actions.push(Action::Answer { request, outcome: outcome.clone() });
        }
    }

    /// Starts a worker in a slot.
    pub(super) fn spawn(&mut self, generation: GenerationId, slot: Slot, now: Uptime) {
        self.latest_worker.0 += 1;
        let id = self.latest_worker;
        let Some(of) = self.generations.get_mut(&generation) else { return };
        let cohort = CohortId { generation, number: of.cohort_of(slot) };
        let until = now + of.plan.ready_grace;
        let backoff = of.slots.remove(&slot).map(|seat| seat.backoff).unwrap_or_default();
        of.slots.insert(slot, super::generation::Seat { holder: Holder::Worker(id), backoff });
        self.workers.insert(
            id,
            Worker { cohort, slot, life: Life::Rising { until, lacking: None }, reported: Reported::default() },
        );
        self.order(Action::Spawn { worker: id, cohort, slot });
    }

    /// Tells a worker to finish what it holds and to exit, within its generation's grace or `at_most`.
    pub(super) fn drain(&mut self, id: WorkerId, at_most: Option<std::time::Duration>, now: Uptime) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        if worker.life.was_told_to_end() {
            return;
        }
        let grace = self.generations[&worker.generation()].plan.drain_grace;
        let grace = at_most.map_or(grace, |most| grace.min(most));
        worker.life = Life::Draining { grace, until: now + grace };
        self.order(Action::Drain { worker: id, grace });
    }

    /// Ends a worker at once, once.
    pub(super) fn kill(&mut self, id: WorkerId, why: Option<String>) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        if worker.life == Life::Killed {
            return;
        }
        worker.life = Life::Killed;
        let (generation, slot) = (worker.generation(), worker.slot);
        if let Some(why) = why {
            self.tell(Notice::Killing { generation, slot, worker: id, why });
        }
        self.order(Action::Kill { worker: id });
    }

    pub(super) fn workers_of(&self, generation: GenerationId) -> Vec<WorkerId> {
        self.workers.iter().filter(|(_, worker)| worker.generation() == generation).map(|(&id, _)| id).collect()
    }
}

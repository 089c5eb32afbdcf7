//! From proved to promoted: held until somebody says so, share by share, or all at once; and the clock that drives it.

use std::time::Duration;

use super::newcomer::{Phase, Rising, Step};
use super::{GenerationId, Notice, Origin, Outcome, RequestId, Share, SharedBy, Strategy, Supervisor, Uptime};

impl Supervisor {
    /// The newcomer has proved itself: it waits, or goes on.
    pub(super) fn is_proved(&mut self, now: Uptime) {
        let is_first = self.rising.as_ref().is_some_and(|rising| rising.cohort <= 1);
        let Some(hold) = self.hold().filter(|_| is_first) else { return self.go_on(now) };
        let Some(rising) = &mut self.rising else { return };
        rising.step = Step::Held;
        rising.clock.wind(hold, now);
        let generation = rising.generation;
        let most = hold.filter(|hold| !hold.is_zero());
        self.tell(Notice::Held { generation, most });
    }

    /// For how long the newcomer is to wait; `Some(None)`: until somebody promotes it. Nobody waits where nobody serves.
    fn hold(&self) -> Option<Option<Duration>> {
        let rising = self.rising.as_ref().filter(|_| self.serving.is_some())?;
        if rising.wish.hold {
            return Some(None);
        }
        match self.strategy() {
            Strategy::BlueGreen => Some(self.generations[&rising.generation].plan.rollout.auto_promote),
            Strategy::All | Strategy::Canary | Strategy::Rolling if rising.clock.is_paused() => {
                Some(Some(Duration::ZERO))
            }
            Strategy::All | Strategy::Canary | Strategy::Rolling => None,
        }
    }

    /// How the newcomer takes over. Where nobody serves, there is nothing to share.
    fn strategy(&self) -> Strategy {
        let Some(rising) = self.rising.as_ref().filter(|_| self.serving.is_some()) else { return Strategy::All };
        let plan = self.generations.get(&rising.generation).map(|of| &of.plan);
        rising.wish.strategy.or(plan.map(|plan| plan.rollout.strategy)).unwrap_or_default()
    }

    fn go_on(&mut self, now: Uptime) {
        match self.strategy() {
            Strategy::Rolling if self.is_rolled() => self.roll(now),
            Strategy::All | Strategy::BlueGreen | Strategy::Rolling => self.take_all(now),
            Strategy::Canary => self.share(0, now),
        }
    }

    /// Whether a share is one of workers, because all generations accept from one lane.
    fn shares_by_workers(&self, generation: GenerationId) -> bool {
        self.strategy() == Strategy::Canary && self.generations[&generation].plan.rollout.by_workers
    }

    /// With how many workers the generation rises.
    pub(super) fn workers_at_first(&self, generation: GenerationId) -> u32 {
        self.workers_at(generation, 0)
    }

    /// How many workers it has at a step of its canary: so many beside all the others make the share.
    fn workers_at(&self, generation: GenerationId, step: usize) -> u32 {
        let plan = &self.generations[&generation].plan;
        let all = plan.workers.max(1);
        let percent = plan.rollout.steps.get(step).map_or(100, |step| u64::from(step.percent));
        if !self.shares_by_workers(generation) || percent >= 100 {
            return all;
        }
        let others = self.serving.map_or(0, |serving| self.generations[&serving].slots.len() as u64);
        let beside = 100 - percent;
        let wanted = (others * percent + beside / 2) / beside;
        u32::try_from(wanted).unwrap_or(u32::MAX).clamp(1, all)
    }

    /// The newcomer comes to a step of its canary.
    fn share(&mut self, step: usize, now: Uptime) {
        let Some(generation) = self.rising() else { return };
        let rollout = &self.generations[&generation].plan.rollout;
        let (sticky, percent) = (rollout.sticky, rollout.steps.get(step).map_or(100, |step| step.percent.max(1)));
        let (Some(serving), 1..=99) = (self.serving, percent) else { return self.take_all(now) };
        if self.shares_by_workers(generation) {
            return self.grow(step, now);
        }
        self.come_to(Step::Sharing { step, phase: Phase::Steering });
        let percent = u32::from(percent);
        let beside = self.in_service(serving).len();
        let shares =
            self.parts_of(generation, percent, beside).chain(self.parts_of(serving, 100 - percent, 1)).collect();
        self.steer(generation, shares, sticky);
    }

    /// So many per cent for the generation, if it has as much as the cohorts of both together want.
    fn parts_of(&self, generation: GenerationId, percent: u32, times: usize) -> impl Iterator<Item = Share> {
        let weight = percent * u32::try_from(times).unwrap_or(1);
        self.in_service(generation).into_iter().map(move |cohort| Share { cohort, weight })
    }

    /// The newcomer is given all new connections.
    pub(super) fn take_all(&mut self, now: Uptime) {
        let Some(generation) = self.rising() else { return };
        let last = self.generations[&generation].plan.rollout.steps.len();
        if !self.missing_slots(generation, self.workers_at(generation, last)).is_empty() {
            return self.grow(last, now);
        }
        self.come_to(Step::Steering);
        self.steer_all(generation);
    }

    /// More workers of the newcomer, so that it has the share of this step.
    fn grow(&mut self, step: usize, now: Uptime) {
        let Some(generation) = self.rising() else { return };
        self.come_to(Step::Sharing { step, phase: Phase::Growing });
        for slot in self.missing_slots(generation, self.workers_at(generation, step)) {
            self.spawn(generation, slot, now);
        }
        if self.is_whole(generation) {
            self.has_grown(step, now);
        }
    }

    pub(super) fn has_grown(&mut self, step: usize, now: Uptime) {
        let Some(generation) = self.rising() else { return };
        match self.generations[&generation].plan.rollout.steps.get(step) {
            Some(at) if at.percent < 100 => self.rest(step, now),
            Some(_) | None => self.take_all(now),
        }
    }

    /// It has its share now, for as long as the step lasts.
    pub(super) fn rest(&mut self, step: usize, now: Uptime) {
        self.come_to(Step::Sharing { step, phase: Phase::Resting });
        let Some(rising) = &mut self.rising else { return };
        let generation = rising.generation;
        let rollout = &self.generations[&generation].plan.rollout;
        let Some(&at) = rollout.steps.get(step) else { return };
        rising.clock.wind(at.hold, now);
        let count = |steps: usize| u32::try_from(steps).unwrap_or(u32::MAX);
        let by = if rollout.by_workers { SharedBy::Workers } else { SharedBy::Connections };
        let (step, steps) = (count(step + 1), count(rollout.steps.len()));
        self.tell(Notice::Sharing { generation, percent: at.percent, step, steps, hold: at.hold, by });
    }

    fn come_to(&mut self, step: Step) {
        if let Some(rising) = &mut self.rising {
            rising.step = step;
        }
    }

    /// When the step that the newcomer rests at ends by itself: not while a worker of it is being replaced.
    pub(super) fn step_ends_at(&self) -> Option<Uptime> {
        let rising = self.rising.as_ref().filter(|it| it.step.waits() && self.is_whole(it.generation))?;
        rising.clock.until()
    }

    /// The next step, if it is time.
    pub(super) fn step_on(&mut self, now: Uptime) {
        if self.step_ends_at().is_none_or(|at| at > now) {
            return;
        }
        match self.rising.as_ref().map(|rising| rising.step) {
            Some(Step::Sharing { step, .. }) => self.share(step + 1, now),
            Some(_) => self.go_on(now),
            None => {}
        }
    }

    /// Somebody says that the newcomer may go on.
    pub(super) fn promote_now(&mut self, request: RequestId, origin: Origin, now: Uptime) {
        if let Err(why) = self.may_be_promoted() {
            return self.answer([request], &Outcome::Refused(why));
        }
        let Some(rising) = &mut self.rising else { return };
        if rising.clock.is_paused() {
            rising.clock.resume(now);
            let generation = rising.generation;
            self.tell(Notice::Resumed { generation, origin });
        }
        let Some(rising) = &self.rising else { return };
        let is_held = rising.step == Step::Held;
        if is_held && self.strategy() == Strategy::Canary {
            self.go_on(now);
            return self.answer([request], &Outcome::Done);
        }
        if let Some(rising) = &mut self.rising {
            rising.asked.push(request);
        }
        match is_held {
            true => self.go_on(now),
            false => self.take_all(now),
        }
    }

    fn may_be_promoted(&self) -> Result<(), String> {
        let Rising { generation, step, .. } = self.rising.as_ref().ok_or("no generation rises")?;
        match step {
            Step::Steering => Err(format!("generation {generation} is being promoted")),
            Step::Rolling { .. } => Err(format!("generation {generation} is being rolled out")),
            Step::Held | Step::Sharing { phase: Phase::Resting, .. } if self.is_whole(*generation) => Ok(()),
            Step::Held | Step::Sharing { phase: Phase::Resting, .. } => {
                Err(format!("a worker of generation {generation} is being replaced"))
            }
            Step::Sharing { phase: Phase::Growing | Phase::Steering, .. } => {
                Err(format!("generation {generation} is being given its share"))
            }
            Step::Resolving | Step::Allotting { .. } | Step::NoLane { .. } | Step::Starting | Step::Checking => {
                Err(format!("generation {generation} has not proved itself yet"))
            }
        }
    }

    /// The rollout's clocks stand still. Checks go on.
    pub(super) fn pause(&mut self, request: RequestId, origin: Origin, now: Uptime) {
        let outcome = match self.rising.as_mut().map(|rising| (rising.generation, rising.step, &mut rising.clock)) {
            None => Outcome::Refused("no generation rises".into()),
            Some((id, Step::Steering, _)) => Outcome::Refused(format!("generation {id} is being promoted")),
            Some((id, _, clock)) if clock.is_paused() => Outcome::Refused(format!("generation {id} is paused already")),
            Some((generation, _, clock)) => {
                clock.pause(now);
                self.tell(Notice::Paused { generation, origin });
                Outcome::Done
            }
        };
        self.answer([request], &outcome);
    }

    /// They go on, with the time that was left.
    pub(super) fn resume(&mut self, request: RequestId, origin: Origin, now: Uptime) {
        let outcome = match self.rising.as_mut().map(|rising| (rising.generation, &mut rising.clock)) {
            None => Outcome::Refused("no generation rises".into()),
            Some((id, clock)) if !clock.is_paused() => Outcome::Refused(format!("generation {id} is not paused")),
            Some((generation, clock)) => {
                clock.resume(now);
                self.tell(Notice::Resumed { generation, origin });
                self.roll_on_if_there_is_room(now);
                Outcome::Done
            }
        };
        self.answer([request], &outcome);
    }
}

//! Health checks: of a newcomer until it has proved itself and as long as it has not all, and of who serves as long as
//! one can go back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::generation::{Look, Reported};
use super::newcomer::Step;
use super::{Action, GenerationId, Health, Notice, Reason, Supervisor, Uptime, WorkerId};

/// Rounds of checks follow each other no faster, whatever was asked for.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);

/// What the checks of a generation have brought so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkup {
    look: Look,
    /// Good rounds in a row, and since when.
    good: u32,
    since: Uptime,
    /// Bad rounds in a row.
    bad: u32,
    /// What was wrong in the last bad round, if none was good since.
    pub(super) failure: Option<String>,
}

impl Default for Checkup {
    fn default() -> Self {
        Checkup { look: Look::At(Uptime::default()), good: 0, since: Uptime::default(), bad: 0, failure: None }
    }
}

impl Checkup {
    fn is_good(&mut self, now: Uptime) {
        if self.good == 0 {
            self.since = now;
        }
        self.good = self.good.saturating_add(1);
        (self.bad, self.failure) = (0, None);
    }

    fn is_bad(&mut self, why: String) {
        self.bad = self.bad.saturating_add(1);
        (self.good, self.failure) = (0, Some(why));
    }

    /// When it is proved, if all goes on like this; none: not before another good round.
    fn proved_at(&self, health: &Health) -> Option<Uptime> {
        (self.good >= health.rise.max(1)).then(|| self.since + health.min_healthy)
    }
}

impl Supervisor {
    /// All workers of the newcomer are ready: they have to prove themselves.
    pub(super) fn begin_to_check(&mut self, now: Uptime) {
        let Some(rising) = &mut self.rising else { return };
        rising.step = Step::Checking;
        let generation = rising.generation;
        if self.generations[&generation].plan.rollout.health.is_none() {
            return self.is_proved(now);
        }
        self.generations.get_mut(&generation).expect("it is ready").checkup.good = 0;
        self.tell(Notice::Checking { generation });
    }

    /// Whose health matters now, and the next look at it.
    fn watched(&self) -> impl Iterator<Item = (GenerationId, Uptime)> {
        let rising = self.rising.as_ref().filter(|rising| rising.step.is_checked()).map(|rising| rising.generation);
        let serving = self.serving.filter(|_| self.can_go_back());
        rising.into_iter().chain(serving).filter_map(|generation| {
            let of = self.generations.get(&generation)?;
            of.plan.rollout.health.as_ref()?;
            Some((generation, of.checkup.look.at()?))
        })
    }

    /// When the next round is due.
    pub(super) fn next_check(&self) -> Option<Uptime> {
        self.watched().map(|(_, at)| at).min()
    }

    /// Checks whoever is due.
    pub(super) fn check_again(&mut self, now: Uptime) {
        let due: Vec<GenerationId> = self.watched().filter(|(_, at)| *at <= now).map(|(id, _)| id).collect();
        for generation in due {
            self.generations.get_mut(&generation).expect("it is watched").checkup.look = Look::UnderWay;
            self.order(Action::Check { generation });
        }
    }

    pub(super) fn checked(&mut self, generation: GenerationId, failure: Option<String>, now: Uptime) {
        let Some(of) = self.generations.get_mut(&generation) else { return };
        let (Some(health), Look::UnderWay) = (of.plan.rollout.health.clone(), of.checkup.look) else { return };
        of.checkup.look = Look::At(now + health.interval.max(LEAST_INTERVAL));
        match failure {
            None => of.checkup.is_good(now),
            Some(why) => of.checkup.is_bad(why),
        }
        if !self.matters(generation) {
            return;
        }
        match self.generations[&generation].checkup.failure.clone() {
            None => self.is_well(generation, &health, now),
            Some(why) => self.is_unwell(generation, &health, why, now),
        }
    }

    /// Whether its health is anybody's business now.
    fn matters(&self, generation: GenerationId) -> bool {
        let rises = self.rising.as_ref().is_some_and(|it| it.generation == generation && it.step.is_checked());
        rises || self.serving == Some(generation) && self.can_go_back()
    }

    fn is_well(&mut self, generation: GenerationId, health: &Health, now: Uptime) {
        let is_checking = self.rising.as_ref().is_some_and(|it| it.step == Step::Checking);
        if !is_checking || self.rising() != Some(generation) {
            return;
        }
        let checkup = &mut self.generations.get_mut(&generation).expect("it was checked").checkup;
        match checkup.proved_at(health) {
            Some(at) if at <= now => self.is_proved(now),
            Some(at) => checkup.look = Look::At(checkup.look.at().map_or(at, |look| look.min(at))),
            None => {}
        }
    }

    fn is_unwell(&mut self, generation: GenerationId, health: &Health, why: String, now: Uptime) {
        let failures = self.generations[&generation].checkup.bad;
        if failures == 1 {
            self.tell(Notice::Unhealthy { generation, why: why.clone() });
        }
        if failures >= health.fall.max(1) {
            self.fails(generation, Reason::Unhealthy { why, failures }, now);
        }
    }

    /// A worker says how many requests it has answered, and how many of them went wrong.
    pub(super) fn reported(&mut self, id: WorkerId, reported: Reported, now: Uptime) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        worker.reported = reported;
        let generation = worker.generation();
        let Some(budget) = self.generations[&generation].plan.rollout.error_budget else { return };
        let Reported { requests, errors } = self.reported_by(generation);
        if budget.is_exceeded(requests, errors) && self.matters(generation) {
            self.fails(generation, Reason::Errors { errors, requests, budget }, now);
        }
    }

    fn reported_by(&self, generation: GenerationId) -> Reported {
        let gone = self.generations[&generation].reported;
        let alive = self.workers.values().filter(|worker| worker.generation() == generation);
        alive.fold(gone, |sum, worker| sum + worker.reported)
    }

    /// It is not fit to serve: it is given up, or whoever served before serves again.
    fn fails(&mut self, generation: GenerationId, reason: Reason, now: Uptime) {
        match self.rising() == Some(generation) {
            true => self.give_up(reason, now),
            false => self.roll_back_if_possible(reason.to_string()),
        }
    }
}

impl std::ops::Add for Reported {
    type Output = Reported;

    fn add(self, other: Reported) -> Reported {
        Reported {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
        }
    }
}

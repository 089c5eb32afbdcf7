//! Whom new connections go to: what was ordered, what is in force, and what follows once it is.

use std::time::Duration;

use super::generation::Leaving;
use super::newcomer::{Phase, Step};
use super::{Action, CohortId, GenerationId, Notice, Outcome, Reason, Share, Supervisor, Uptime};

/// How soon we try again to steer.
const STEER_AGAIN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// All new connections are to go to the generation.
    pub(super) fn steer_all(&mut self, generation: GenerationId) {
        let shares = self.in_service(generation).into_iter().map(|cohort| self.share_for(cohort)).collect();
        self.steer(generation, shares, false);
    }

    /// A cohort's share beside others: as much as it has workers.
    pub(super) fn share_for(&self, cohort: CohortId) -> Share {
        let of = &self.generations[&cohort.generation];
        let weight = if cohort.number == 0 { 1 } else { of.slots_of(cohort.number).len() as u32 };
        Share { cohort, weight }
    }

    /// Steers are answered in their order.
    pub(super) fn steer(&mut self, generation: GenerationId, shares: Vec<Share>, sticky: bool) {
        self.steers.push_back(shares.clone());
        self.order(Action::Steer { generation, shares, sticky });
    }

    /// Whether the newcomer is being steered to: soon it serves, or is given up.
    pub(super) fn is_steering(&self) -> bool {
        self.rising.as_ref().is_some_and(|rising| rising.step == Step::Steering)
    }

    /// Whether new connections go, or are about to go, to the cohort.
    pub(super) fn clients_may_meet(&self, cohort: CohortId) -> bool {
        let has = |shares: &Vec<Share>| shares.iter().any(|share| share.cohort == cohort);
        has(&self.shares) || self.steers.iter().any(has)
    }

    /// How much of all new connections goes to the generation, in per cent.
    pub(super) fn share_of(&self, generation: GenerationId) -> u8 {
        let total: u64 = self.shares.iter().map(|share| u64::from(share.weight)).sum();
        let its = self.shares.iter().filter(|share| share.cohort.generation == generation);
        let its: u64 = its.map(|share| u64::from(share.weight)).sum();
        u8::try_from((its * 100 + total / 2).checked_div(total).unwrap_or(0)).unwrap_or(100)
    }

    pub(super) fn steered(&mut self, generation: GenerationId, now: Uptime) {
        let Some(shares) = self.steers.pop_front() else { return };
        (self.shares, self.steer_again) = (shares, None);
        if self.steers.is_empty() && self.rising() == Some(generation) {
            match self.rising.as_ref().map(|rising| rising.step) {
                Some(Step::Steering) => self.promote(now),
                Some(Step::Sharing { step, phase: Phase::Steering }) => self.rest(step, now),
                Some(Step::Rolling { steered: false }) => self.rolled(now),
                Some(_) | None => {}
            }
        }
        self.retire_unsteered(now);
    }

    pub(super) fn not_steered(&mut self, generation: GenerationId, why: String, now: Uptime) {
        if self.steers.pop_front().is_none() || !self.steers.is_empty() {
            return; // what was ordered since decides
        }
        if self.rising() == Some(generation) && self.is_steered_to() {
            self.give_up(Reason::NotSteered { why: why.clone() }, now);
        }
        let Some(serving) = self.serving.filter(|_| self.steers.is_empty() && !self.is_stopping()) else { return };
        let is_owed = self.leaving.values().any(|leaving| *leaving == Leaving::Unsteered);
        if !is_owed && serving != generation {
            return self.answer_who_went_back();
        }
        // Clients still meet somebody who leaves; what is to be tried again anyway needs no word.
        if serving == generation || self.steer_again.is_none() {
            self.steer_again = Some(now + STEER_AGAIN);
            self.tell(Notice::NotSteered { generation: serving, why });
        }
    }

    fn is_steered_to(&self) -> bool {
        let step = self.rising.as_ref().map(|rising| rising.step);
        matches!(
            step,
            Some(Step::Steering | Step::Rolling { steered: false } | Step::Sharing { phase: Phase::Steering, .. })
        )
    }

    /// When to try again to steer back: not while a newcomer is being steered to, lest we steer away from it.
    pub(super) fn steers_again_at(&self) -> Option<Uptime> {
        self.steer_again.filter(|_| self.steers.is_empty())
    }

    /// Tries again to steer to the generation that is to serve, if it is time.
    pub(super) fn steer_back_again(&mut self, now: Uptime) {
        if self.steers_again_at().is_some_and(|at| at <= now) {
            self.steer_again = None;
            if let Some(generation) = self.serving {
                self.steer_all(generation);
            }
        }
    }

    /// The newcomer has all new connections: it serves.
    fn promote(&mut self, now: Uptime) {
        let Some(rising) = self.rising.take() else { return };
        let generation = rising.generation;
        let previous = self.serving.replace(generation);
        self.has_served(generation, previous, rising.wish.of);
        self.tell(Notice::Promoted { generation, previous });
        for worker in self.workers_of(generation) {
            if self.workers[&worker].life.is_ready() {
                self.order(Action::Promote { worker });
            }
        }
        self.answer(rising.asked, &Outcome::Promoted(generation));
        if let Some(previous) = previous {
            let warm = !self.generations[&generation].plan.warm.is_zero();
            let cohorts = self.in_service(previous);
            let is_whole = cohorts.len() as u32 == self.generations[&previous].parts();
            cohorts.into_iter().for_each(|cohort| self.retire(cohort, warm && is_whole, now));
        }
        self.retire_unsteered(now);
        self.rise_again(now);
    }

    /// New connections are steered away from whom they were still going to: now it can be retired.
    fn retire_unsteered(&mut self, now: Uptime) {
        for cohort in self.leaving.keys().copied().collect::<Vec<_>>() {
            if self.leaving[&cohort] == Leaving::Unsteered && !self.clients_may_meet(cohort) {
                self.retire(cohort, false, now);
            }
        }
        self.answer_who_went_back();
    }

    /// Once nothing is being steered any more, whoever asked to go back knows what serves.
    fn answer_who_went_back(&mut self) {
        if let Some(serving) = self.serving.filter(|_| self.steers.is_empty()) {
            let asked = std::mem::take(&mut self.rolling_back);
            self.answer(asked, &Outcome::Promoted(serving));
        }
    }
}

//! The end of a newcomer that does not come to serve.

use std::time::Duration;

use super::generation::Leaving;
use super::newcomer::{Step, Wish};
use super::{
    Action, CohortId, Ending, FirstStart, GenerationId, Notice, Origin, Outcome, Reason, RequestId, Strategy,
    Supervisor, Uptime,
};

/// How long a newcomer that was given up may take to go: it has no client to wait for.
const GIVE_UP_GRACE: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Gives up the generation that rises, because somebody asked for it. Once it is given all, it is too late.
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

    /// Ends the newcomer. What serves goes on serving, and gets all again if the newcomer had a share.
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
        match self.generations.contains_key(&generation) {
            true => self.retire_unpromoted(generation, now),
            false => self.order(Action::Forget { generation }),
        }
        let is_first = self.serving.is_none() && !self.is_stopping();
        if is_first && !superseded && self.policy.first_start == FirstStart::Fail {
            self.begin_to_stop(Ending::Failed(why), now);
        }
        self.rise_again(now);
        self.restore(generation, rising.wish.of, now);
    }

    /// What of it clients have met leaves as one does who served, and the rest at once.
    fn retire_unpromoted(&mut self, generation: GenerationId, now: Uptime) {
        let among_all = self.generations[&generation].plan.rollout.by_workers;
        let serving = self.serving.filter(|_| !self.is_stopping());
        let mut was_met = false;
        for cohort in self.in_service(generation) {
            let is_met = self.clients_may_meet(cohort);
            match serving {
                _ if among_all => self.start_draining(cohort, now), // it accepts where all the others do
                _ if !is_met => self.send_away(cohort, now),
                Some(_) => drop(self.leaving.insert(cohort, Leaving::Unsteered)),
                None => self.start_draining(cohort, now),
            }
            was_met |= is_met && !among_all;
        }
        if let Some(serving) = serving.filter(|_| was_met) {
            self.steer_all(serving);
        }
    }

    /// Nobody has met it: it need not be patient with anybody.
    fn send_away(&mut self, cohort: CohortId, now: Uptime) {
        self.forget_slots(cohort);
        self.leaving.insert(cohort, Leaving::Draining { until: now + GIVE_UP_GRACE });
        self.order(Action::Rescue { cohort });
        for worker in self.workers_in(cohort) {
            self.drain(worker, Some(GIVE_UP_GRACE), now);
        }
        self.sweep_if_empty(cohort, now);
    }

    /// A roll that failed half-way leaves too few workers behind: what serves is raised anew, cohort by cohort.
    fn restore(&mut self, failed: GenerationId, was: Option<GenerationId>, now: Uptime) {
        let Some(serving) = self.serving.filter(|_| self.rising.is_none() && !self.is_stopping()) else { return };
        let of = &self.generations[&serving];
        let lacks = of.size.is_some() && (self.in_service(serving).len() as u32) < of.parts();
        if lacks && was != Some(serving) {
            let wish = Wish { strategy: Some(Strategy::Rolling), hold: false, of: Some(serving) };
            self.rise(Vec::new(), wish, Origin::new(format!("the roll to generation {failed} failed")), now);
        }
    }

    /// The outcome is known: if another reload was asked for meanwhile, it starts now.
    pub(super) fn rise_again(&mut self, now: Uptime) {
        if self.is_stopping() {
            return;
        }
        if let Some(wanted) = self.wanted.take() {
            self.rise(wanted.asked, wanted.wish, wanted.origin, now);
        }
    }
}

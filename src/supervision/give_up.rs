//! The end of a newcomer that does not come to serve.

use std::time::Duration;

use super::generation::Leaving;
use super::newcomer::Step;
use super::{Action, Ending, FirstStart, GenerationId, Notice, Origin, Outcome, Reason, RequestId, Supervisor, Uptime};

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
        if !self.generations.contains_key(&generation) {
            self.order(Action::Forget { generation });
        } else if self.generations[&generation].plan.rollout.by_workers {
            self.start_draining(generation, now); // it accepts where all the others do
        } else if !self.clients_may_meet(generation) {
            self.send_away(generation, now);
        } else {
            self.take_share_back(generation, now);
        }
        let is_first = self.serving.is_none() && !self.is_stopping();
        if is_first && !superseded && self.policy.first_start == FirstStart::Fail {
            self.begin_to_stop(Ending::Failed(why), now);
        }
        self.rise_again(now);
    }

    /// Nobody has met it: it need not be patient with anybody.
    fn send_away(&mut self, generation: GenerationId, now: Uptime) {
        self.forget_slots(generation);
        self.leaving.insert(generation, Leaving::Draining { until: now + GIVE_UP_GRACE });
        self.order(Action::Rescue { generation });
        for worker in self.workers_of(generation) {
            self.drain(worker, Some(GIVE_UP_GRACE), now);
        }
        self.sweep_if_empty(generation, now);
    }

    /// Clients have met it: it leaves as one does who served.
    fn take_share_back(&mut self, generation: GenerationId, now: Uptime) {
        match self.serving.filter(|_| !self.is_stopping()) {
            Some(serving) => {
                self.leaving.insert(generation, Leaving::Unsteered);
                self.steer_all(serving);
            }
            None => self.start_draining(generation, now),
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

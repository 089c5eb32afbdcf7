//! The end: everybody drains, or is killed; then what they left behind; then the master.

use serde::{Deserialize, Serialize};

use super::generation::{Leaving, Look};
use super::{Action, Ending, Event, Notice, Origin, Outcome, Reason, RequestId, Supervisor, Uptime};

/// How far the master is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stopping {
    ending: Ending,
    asked: Vec<RequestId>,
    ended: bool,
}

impl Supervisor {
    /// Ends everything. Whoever asks a second time is in a hurry.
    pub(super) fn stop(&mut self, request: RequestId, fast: bool, origin: Origin, now: Uptime) {
        let fast = fast || self.is_stopping();
        self.tell(Notice::Stopping { fast, origin });
        self.begin_to_stop(Ending::Stopped, now);
        if let Some(stopping) = &mut self.stopping {
            stopping.asked.push(request);
        }
        if fast {
            self.kill_everybody(now);
        }
    }

    /// Everybody drains, newcomers too.
    pub(super) fn begin_to_stop(&mut self, ending: Ending, now: Uptime) {
        if self.is_stopping() {
            return;
        }
        self.stopping = Some(Stopping { ending, asked: Vec::new(), ended: false });
        self.steer_again = None;
        if let Some(wanted) = self.wanted.take() {
            self.answer(wanted.asked, &Outcome::Refused("the master is asked to stop".into()));
        }
        let asked = std::mem::take(&mut self.rolling_back);
        self.answer(asked, &Outcome::Refused("the master is asked to stop".into()));
        self.give_up(Reason::Stopping, now);
        if let Some(serving) = self.serving.take() {
            for cohort in self.in_service(serving) {
                self.start_draining(cohort, now);
            }
        }
        for cohort in self.leaving.keys().copied().collect::<Vec<_>>() {
            match self.leaving[&cohort] {
                Leaving::Unsteered | Leaving::Settling { .. } | Leaving::Standby { .. } => {
                    self.start_draining(cohort, now);
                }
                Leaving::Draining { .. } | Leaving::Sweeping { .. } => {}
            }
        }
    }

    fn kill_everybody(&mut self, now: Uptime) {
        for worker in self.workers.keys().copied().collect::<Vec<_>>() {
            self.kill(worker, None);
        }
        for leaving in self.leaving.values_mut() {
            match leaving {
                Leaving::Draining { until } => *until = now,
                Leaving::Sweeping { until, sweep } => {
                    *until = now;
                    *sweep = sweep.at().map_or(Look::Outdated, |_| Look::At(now));
                }
                Leaving::Unsteered | Leaving::Settling { .. } | Leaving::Standby { .. } => {}
            }
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stopping.as_ref().is_some_and(|stopping| stopping.ended)
    }

    pub(super) fn end_if_nothing_is_left(&mut self) {
        if !self.workers.is_empty() || !self.generations.is_empty() {
            return;
        }
        let Some(stopping) = &mut self.stopping else { return };
        stopping.ended = true;
        let (asked, ending) = (std::mem::take(&mut stopping.asked), stopping.ending.clone());
        self.answer(asked, &Outcome::Done);
        self.tell(Notice::Ended { ending: ending.clone() });
        self.order(Action::End(ending));
    }

    /// After the end, commands are still answered.
    pub(super) fn nothing_more(&mut self, event: Event) -> Vec<Action> {
        if let Event::Asked { request, .. } = event {
            self.answer([request], &Outcome::Refused("the master has ended".into()));
        }
        std::mem::take(&mut self.actions)
    }
}

//! How a generation goes: lame duck, settle, stand by, drain, sweep, gone.

use std::time::Duration;

use super::generation::{Leaving, Life, Look};
use super::newcomer::Step;
use super::{Action, CohortId, Notice, Supervisor, Uptime};

/// How soon we look again whether a queue is empty, or a killed process gone: neither is an event.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a worker may take that is not ready when its generation is retired.
const NOT_READY_GRACE: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Nothing new is steered to the generation: its workers become lame ducks.
    pub(super) fn retire(&mut self, cohort: CohortId, standby: bool, now: Uptime) {
        let plan = self.serving.map_or(&self.generations[&cohort.generation].plan, |id| &self.generations[&id].plan);
        let (earliest, latest) = (now + plan.settle, now + plan.settle.max(plan.settle_most));
        let linger = plan.linger;
        let settling = Leaving::Settling { earliest, latest, look: Look::At(earliest), standby };
        self.leaving.insert(cohort, settling);
        for id in self.workers_in(cohort) {
            let worker = self.workers.get_mut(&id).expect("it is one of that cohort's");
            match worker.life {
                Life::Ready { since } => {
                    worker.life = Life::LameDuck { since };
                    self.order(Action::LameDuck { worker: id, linger });
                }
                Life::Rising { .. } => self.drain(id, Some(NOT_READY_GRACE), now),
                Life::LameDuck { .. } | Life::Draining { .. } | Life::Killed => {}
            }
        }
        self.sweep_if_empty(cohort, now);
    }

    /// The next reload needs what the previous generation holds.
    pub(super) fn end_standby(&mut self, now: Uptime) {
        for cohort in self.leaving.keys().copied().collect::<Vec<_>>() {
            match self.leaving.get_mut(&cohort) {
                Some(Leaving::Settling { standby, .. }) => *standby = false,
                Some(Leaving::Standby { .. }) => self.start_draining(cohort, now),
                Some(Leaving::Unsteered | Leaving::Draining { .. } | Leaving::Sweeping { .. }) | None => {}
            }
        }
    }

    pub(super) fn looked(&mut self, cohort: CohortId, settled: bool, now: Uptime) {
        let Some(Leaving::Settling { latest, look, standby, .. }) = self.leaving.get_mut(&cohort) else { return };
        if *look != Look::UnderWay {
            return; // an answer from before it came back and left again
        }
        if !settled && now < *latest {
            *look = Look::At((now + LOOK_AGAIN).min(*latest));
        } else if *standby {
            let warm = self.serving.map_or(Duration::ZERO, |id| self.generations[&id].plan.warm);
            self.leaving.insert(cohort, Leaving::Standby { until: now + warm });
            self.tell(Notice::StandingBy { generation: cohort.generation, warm });
        } else {
            self.start_draining(cohort, now);
        }
    }

    /// The generation's workers finish what they hold and exit.
    pub(super) fn start_draining(&mut self, cohort: CohortId, now: Uptime) {
        let grace = self.generations[&cohort.generation].plan.drain_grace;
        self.leaving.insert(cohort, Leaving::Draining { until: now + grace });
        self.forget_slots(cohort);
        self.tell(Notice::Draining { generation: cohort.generation, grace });
        self.order(Action::Rescue { cohort });
        for worker in self.workers_in(cohort) {
            self.drain(worker, None, now);
        }
        self.sweep_if_empty(cohort, now);
    }

    /// Whatever of a leaving generation was to happen at a time that has come.
    pub(super) fn leave_on(&mut self, cohort: CohortId, now: Uptime) {
        let Some(leaving) = self.leaving.get_mut(&cohort) else { return };
        if leaving.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match leaving {
            Leaving::Settling { look, .. } => {
                *look = Look::UnderWay;
                self.order(Action::Look { cohort });
            }
            Leaving::Standby { .. } => self.start_draining(cohort, now),
            Leaving::Unsteered | Leaving::Draining { .. } => {}
            Leaving::Sweeping { sweep, .. } => {
                *sweep = Look::UnderWay;
                self.order(Action::Sweep { cohort });
            }
        }
    }

    /// When the last worker of a leaving generation is gone, what they left behind is next.
    pub(super) fn sweep_if_empty(&mut self, cohort: CohortId, now: Uptime) {
        let alive = self.workers.values().any(|worker| worker.cohort == cohort);
        let until = match self.leaving.get(&cohort) {
            Some(Leaving::Draining { until }) => *until,
            Some(Leaving::Settling { .. } | Leaving::Standby { .. }) if !alive => {
                self.order(Action::Rescue { cohort });
                now + self.generations[&cohort.generation].plan.drain_grace
            }
            Some(Leaving::Settling { .. } | Leaving::Standby { .. }) => return,
            Some(Leaving::Unsteered | Leaving::Sweeping { .. }) | None => return,
        };
        if !alive {
            self.forget_slots(cohort);
            self.leaving.insert(cohort, Leaving::Sweeping { until, sweep: Look::UnderWay });
            self.order(Action::Sweep { cohort });
        }
    }

    pub(super) fn swept(&mut self, cohort: CohortId, survivors: u32, now: Uptime) {
        let Some(Leaving::Sweeping { until, sweep }) = self.leaving.get_mut(&cohort) else { return };
        if survivors == 0 {
            self.gone(cohort, now);
        } else if *sweep == Look::Outdated {
            *sweep = Look::At(now);
        } else if now < *until {
            *sweep = Look::At(*until);
        } else {
            *sweep = Look::At(now + LOOK_AGAIN);
            self.tell(Notice::LeftBehind { generation: cohort.generation, survivors });
            self.order(Action::KillSurvivors { cohort });
        }
    }

    /// Something ended that we did not start: perhaps it was the last of what was left behind.
    pub(super) fn sweep_again(&mut self, now: Uptime) {
        for leaving in self.leaving.values_mut() {
            if let Leaving::Sweeping { sweep, .. } = leaving {
                *sweep = sweep.at().map_or(Look::Outdated, |_| Look::At(now));
            }
        }
    }

    fn gone(&mut self, cohort: CohortId, now: Uptime) {
        let CohortId { generation, number } = cohort;
        self.leaving.remove(&cohort);
        let Some(of) = self.generations.get_mut(&generation) else { return };
        of.cohorts.remove(&number);
        if of.cohorts.is_empty() {
            self.generations.remove(&generation);
            self.order(Action::Forget { generation });
            self.tell(Notice::Gone { generation });
        } else {
            self.order(Action::Vacate { cohort });
        }
        if let Some(Step::NoLane { look }) = self.rising.as_mut().map(|rising| &mut rising.step) {
            *look = now;
        }
    }

    pub(super) fn forget_slots(&mut self, cohort: CohortId) {
        if let Some(of) = self.generations.get_mut(&cohort.generation) {
            let mut slots = std::mem::take(&mut of.slots);
            slots.retain(|&slot, _| of.cohort_of(slot) != cohort.number);
            of.slots = slots;
        }
    }
}

//! The way back: to the generation that stands by with one steer, to an older one by raising its release anew.

use serde::{Deserialize, Serialize};

use super::generation::{Leaving, Life};
use super::newcomer::{Step, Wish};
use super::{Action, CohortId, GenerationId, Notice, Origin, Outcome, RequestId, Strategy, Supervisor, Uptime};

/// The releases of so many generations that served last can be raised anew.
pub const KEPT: usize = 6;

/// A generation that served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Served {
    generation: GenerationId,
    /// Whom one goes back to from there.
    before: Option<GenerationId>,
}

impl Supervisor {
    /// Goes back to the generation that served before the one that serves, or to a certain one.
    pub(super) fn roll_back_to(&mut self, request: RequestId, to: Option<GenerationId>, origin: Origin, now: Uptime) {
        let to = match self.may_go_back_to(to) {
            Ok(to) => to,
            Err(why) => return self.answer([request], &Outcome::Refused(why)),
        };
        if self.stands_by(to) {
            self.rolling_back.push(request);
            return self.go_back(to, format!("asked for ({origin})"));
        }
        let wish = Wish { strategy: Some(Strategy::All), hold: false, of: Some(to) };
        self.rise(vec![request], wish, origin, now);
    }

    fn may_go_back_to(&self, to: Option<GenerationId>) -> Result<GenerationId, String> {
        if self.is_stopping() {
            return Err("the master is asked to stop".into());
        }
        if let Some(rising) = &self.rising {
            let generation = rising.generation;
            return Err(match rising.step {
                Step::Held | Step::Sharing { .. } | Step::Rolling { .. } => {
                    format!("generation {generation} is not promoted yet: abort it")
                }
                Step::Steering => format!("generation {generation} is being promoted"),
                Step::Resolving | Step::Allotting { .. } | Step::NoLane { .. } | Step::Starting | Step::Checking => {
                    format!("generation {generation} rises: abort it first")
                }
            });
        }
        let serving = self.serving.ok_or("no generation serves")?;
        let before = self.served.iter().rfind(|it| it.generation == serving).and_then(|it| it.before);
        let to = to.or(before).ok_or_else(|| format!("no generation served before generation {serving}"))?;
        if to == serving {
            return Err(format!("generation {to} serves already"));
        }
        if self.stands_by(to) || self.served.iter().any(|it| it.generation == to) {
            return Ok(to);
        }
        let kept = self.served.iter().filter(|it| it.generation != serving).map(|it| it.generation.to_string());
        Err(match kept.collect::<Vec<_>>() {
            none if none.is_empty() => format!("the release of generation {to} is not kept, nor is any other"),
            kept => format!("the release of generation {to} is not kept, only {}", kept.join(", ")),
        })
    }

    /// The generation serves from now on. One goes back from a recalled one to where the first of its kind led.
    pub(super) fn has_served(
        &mut self,
        generation: GenerationId,
        previous: Option<GenerationId>,
        of: Option<GenerationId>,
    ) {
        let first = of.and_then(|of| self.served.iter().find(|it| it.generation == of));
        let before = first.map_or(previous, |first| first.before);
        self.served.push(Served { generation, before });
        let too_many = self.served.len().saturating_sub(KEPT);
        self.served.drain(..too_many);
    }

    /// Whether all of it can come back, and somebody is there.
    fn stands_by(&self, generation: GenerationId) -> bool {
        let Some(of) = self.generations.get(&generation) else { return false };
        let can =
            |&number: &u32| self.leaving.get(&CohortId { generation, number }).is_some_and(Leaving::can_come_back);
        let all = of.cohorts.len() as u32 == of.parts() && of.cohorts.iter().all(can);
        all && self.somebody_is_ready(generation)
    }

    /// Whether a generation stands by that could serve again at once.
    pub(super) fn can_go_back(&self) -> bool {
        !self.is_steering() && self.leaving.keys().any(|cohort| self.stands_by(cohort.generation))
    }

    /// Goes back to the previous generation, if it still stands by and nothing is being steered elsewhere.
    pub(super) fn roll_back_if_possible(&mut self, why: String) {
        let previous = self.leaving.keys().map(|cohort| cohort.generation).rfind(|&id| self.stands_by(id));
        if let Some(to) = previous.filter(|_| self.can_go_back()) {
            self.go_back(to, why);
        }
    }

    fn go_back(&mut self, to: GenerationId, why: String) {
        let Some(from) = self.serving else { return };
        self.leaving.retain(|cohort, _| cohort.generation != to);
        self.serving = Some(to);
        self.tell(Notice::RolledBack { generation: from, to, why });
        self.steer_all(to);
        for id in self.workers_of(to) {
            let worker = self.workers.get_mut(&id).expect("it is one of that generation's");
            if let Life::LameDuck { since } = worker.life {
                worker.life = Life::Ready { since };
                self.order(Action::Resume { worker: id });
            }
        }
        for cohort in self.in_service(from) {
            self.leaving.insert(cohort, Leaving::Unsteered);
        }
    }
}

//! The promises: what may be done and when, what holds after every event, and how everything ends.

use std::collections::BTreeSet;

use super::world::{Process, World};
use crate::supervision::{
    Action, Command, Ending, Event, GenerationId, Notice, Outcome, Plan, Reason, RequestId, Share, Slot, Stage,
    WorkerId,
};

fn promise(kept: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(broken()) }
}

impl World {
    /// Whether the action may be done, now that this event has happened.
    pub(super) fn may_be_done(&self, action: &Action, event: &Event) -> Result<(), String> {
        let refusal = matches!(action, Action::Answer { outcome: Outcome::Refused(_), .. });
        promise(!self.facts.ended || refusal, || "something was done after the end".into())?;
        match *action {
            Action::Resolve { generation } | Action::Recall { generation, .. } | Action::Check { generation } => {
                self.is_known(generation)
            }
            Action::Allot { cohort } => self.is_known(cohort.generation),
            Action::CancelResolve { generation } => {
                let resolves = |action: &Action| {
                    matches!(action, Action::Resolve { generation: of } | Action::Recall { generation: of, .. }
                        if *of == generation)
                };
                let under_way = self.under_way.iter().any(|(action, _)| resolves(action));
                promise(under_way, || format!("generation {generation} was not being resolved"))
            }
            Action::Look { cohort } | Action::Sweep { cohort } | Action::KillSurvivors { cohort } => {
                self.is_known(cohort.generation)?;
                self.has_left(cohort.generation)
            }
            Action::Vacate { cohort } => Err(format!("there are no cohorts, but {cohort} is vacated")),
            Action::Rescue { cohort } => {
                self.is_known(cohort.generation)?;
                self.nothing_new_reaches(cohort.generation)
            }
            Action::Forget { generation } => self.may_be_forgotten(generation),
            Action::Spawn { cohort, slot, .. } => self.may_be_spawned(cohort.generation, slot),
            Action::Steer { ref shares, .. } => self.may_be_steered(shares, event),
            Action::Promote { worker } => {
                let process = self.alive(worker)?;
                let fit = self.serves(process.generation) && process.ready && !process.misbehaved;
                promise(fit, || format!("worker {worker} was promoted, and is not ready or does not serve"))
            }
            Action::LameDuck { worker, .. } => {
                let process = self.alive(worker)?;
                self.nothing_new_reaches(process.generation)?;
                promise(process.ready && !process.lame, || format!("worker {worker} was lame, or not ready"))
            }
            Action::Resume { worker } => {
                let process = self.alive(worker)?;
                let fit = self.serves(process.generation) && process.lame;
                promise(fit, || format!("worker {worker} was not lame, or does not serve"))
            }
            Action::Drain { worker, .. } => self.may_be_drained(worker, event),
            Action::Kill { worker } => self.may_be_killed(worker),
            Action::Answer { request, ref outcome } => self.may_be_answered(request, outcome),
            Action::Tell(Notice::Rising { .. }) => promise(self.facts.rising.is_none(), || "two rise at a time".into()),
            Action::Tell(Notice::RolledBack { to, .. }) => {
                let able = |process: &Process| process.ready && process.drained.is_none() && !process.killed;
                let able = self.processes.values().any(|process| process.generation == to && able(process));
                promise(able, || format!("nobody of generation {to} can serve again"))
            }
            Action::Tell(Notice::GivenUp { reason: Reason::Superseded, .. }) => {
                promise(!self.core.is_stopping(), || "it ends, although a newer generation is wanted".into())
            }
            Action::Tell(_) => Ok(()),
            Action::End(Ending::Failed(_)) if !self.facts.promoted.is_empty() => {
                Err("it failed, although a generation served".into())
            }
            Action::End(_) => promise(self.processes.is_empty(), || "it ended before its workers".into()),
        }
    }

    fn is_known(&self, generation: GenerationId) -> Result<(), String> {
        promise(!self.facts.forgotten.contains(&generation), || format!("generation {generation} was forgotten"))
    }

    fn alive(&self, worker: WorkerId) -> Result<&Process, String> {
        let process = self.processes.get(&worker).ok_or_else(|| format!("worker {worker} is dead"))?;
        self.is_known(process.generation)?;
        Ok(process)
    }

    fn serves(&self, generation: GenerationId) -> bool {
        self.facts.serving == Some(generation)
    }

    fn has_left(&self, generation: GenerationId) -> Result<(), String> {
        let here = self.serves(generation) || self.facts.rising == Some(generation);
        promise(!here, || format!("generation {generation} is not on its way out"))
    }

    /// New connections go elsewhere, or the master ends.
    fn nothing_new_reaches(&self, generation: GenerationId) -> Result<(), String> {
        self.has_left(generation)?;
        let reached = self.facts.steered_to.contains(&generation) && !self.core.is_stopping();
        promise(!reached, || format!("new connections still go to generation {generation}"))
    }

    fn may_be_forgotten(&self, generation: GenerationId) -> Result<(), String> {
        self.is_known(generation)?;
        self.nothing_new_reaches(generation)?;
        let empty = self.processes.values().all(|process| process.generation != generation);
        promise(empty, || format!("generation {generation} was forgotten with workers alive"))?;
        let left = self.left_behind.get(&generation).copied().unwrap_or(0);
        promise(left == 0, || format!("generation {generation} was forgotten with {left} survivors"))
    }

    fn may_be_spawned(&self, generation: GenerationId, slot: Slot) -> Result<(), String> {
        self.is_known(generation)?;
        let here = self.serves(generation) || self.facts.rising == Some(generation);
        promise(here, || format!("generation {generation} neither rises nor serves"))?;
        let has_lane = self.lanes.contains(&Some(generation));
        promise(has_lane, || format!("generation {generation} has no lane"))?;
        let taken = self.processes.values().any(|process| process.generation == generation && process.slot == slot);
        promise(!taken, || format!("slot {slot} of generation {generation} is still taken"))
    }

    /// Shares are given to who serves and to who rises, and to nobody else.
    fn may_be_steered(&self, shares: &[Share], event: &Event) -> Result<(), String> {
        promise(!shares.is_empty(), || "new connections are steered to nobody".into())?;
        shares.iter().try_for_each(|share| {
            promise(share.weight > 0, || format!("generation {} has an empty share", share.cohort))?;
            self.may_be_steered_to(share.cohort.generation)
        })?;
        let all = shares.iter().any(|share| self.serves(share.cohort.generation));
        let paused =
            self.facts.serving.and(self.facts.rising).filter(|rising| !all && self.facts.paused == Some(*rising));
        let word = matches!(event, Event::Asked { command: Command::Promote, .. });
        promise(paused.is_none() || word, || "it went on, although its clock stands still".into())
    }

    fn may_be_steered_to(&self, generation: GenerationId) -> Result<(), String> {
        self.is_known(generation)?;
        if self.serves(generation) {
            return Ok(()); // back to it
        }
        promise(self.facts.rising == Some(generation), || format!("generation {generation} does not rise"))?;
        let workers: Vec<_> = self.processes.values().filter(|process| process.generation == generation).collect();
        let wanted = self.facts.wanted[&generation] as usize;
        let fit = workers.len() == wanted && workers.iter().all(|process| process.ready && process.drained.is_none());
        promise(fit, || format!("not all of generation {generation} are ready"))?;
        let unproved = is_checked(&self.facts.plans[&generation]) && !self.facts.checked.contains(&generation);
        promise(!unproved, || format!("generation {generation} has not proved itself"))
    }

    fn may_be_drained(&self, worker: WorkerId, event: &Event) -> Result<(), String> {
        let process = self.alive(worker)?;
        let generation = process.generation;
        promise(process.drained.is_none() && !process.killed, || format!("worker {worker} was told before"))?;
        let fewer =
            matches!(event, Event::Asked { command: Command::Scale(..0) | Command::ScaleTo(_) | Command::Dismiss, .. });
        if self.core.is_stopping() || fewer && self.serves(generation) {
            return Ok(());
        }
        self.nothing_new_reaches(generation)?;
        if self.facts.given_up.contains(&generation) {
            return Ok(());
        }
        let settled = self.facts.away_since[&generation] + self.facts.plans[&generation].settle;
        promise(!process.ready || settled <= self.now, || format!("generation {generation} has not settled"))
    }

    fn may_be_killed(&self, worker: WorkerId) -> Result<(), String> {
        let process = self.alive(worker)?;
        let ready_by = process.spawned + self.facts.plans[&process.generation].ready_grace;
        let reason = self.facts.in_a_hurry
            || process.misbehaved
            || !process.ready && ready_by <= self.now
            || process.drained.is_some_and(|until| until <= self.now);
        promise(reason && !process.killed, || format!("worker {worker} was killed without reason"))
    }

    fn may_be_answered(&self, request: RequestId, outcome: &Outcome) -> Result<(), String> {
        let asked = self.facts.asked.get(&request).ok_or_else(|| format!("nobody asked {request}"))?;
        promise(!self.facts.answered.contains(&request), || format!("request {request} was answered twice"))?;
        let Outcome::Promoted(generation) = outcome else { return Ok(()) };
        let promoted = self.facts.promoted.contains(generation);
        promise(promoted, || format!("generation {generation} was never promoted"))?;
        if !self.facts.reloads.contains(&request) {
            return Ok(()); // somebody promoted it, or went back to it
        }
        promise(self.facts.rose[generation] >= *asked, || format!("generation {generation} rose before {request}"))
    }

    /// What holds whenever the core has said all that it has to say.
    pub(super) fn all_is_well(&self) -> Result<(), String> {
        let facts = &self.facts;
        promise(self.core.deadline().is_none_or(|deadline| deadline > self.now), || "the master would spin".into())?;
        let done = facts.ended && self.core.deadline().is_some();
        promise(!done, || "it waits for something after the end".into())?;
        promise(self.core.rising() == facts.rising, || "another generation rises than was told".into())?;
        let stopping = self.core.is_stopping();
        promise(stopping || self.core.serving() == facts.serving, || "another serves than was told".into())?;
        let unserved = facts.serving.is_none() && !facts.promoted.is_empty();
        promise(stopping || !unserved, || "no generation serves any more".into())?;
        let stray = facts.steered_to.iter().find(|&&id| !self.may_be_met(id));
        promise(stopping || stray.is_none(), || format!("new connections go to generation {stray:?}"))
    }

    /// Whoever rises or serves, or has its workers until new connections go elsewhere.
    fn may_be_met(&self, generation: GenerationId) -> bool {
        let stays = |id| self.core.view().generations.iter().any(|it| it.id == id && it.stage == Stage::Unsteered);
        self.serves(generation) || self.facts.rising == Some(generation) || stays(generation)
    }

    /// What holds when the storm is over and nothing is left to happen.
    pub(super) fn everything_has_found_its_end(&self) -> Result<(), String> {
        let facts = &self.facts;
        let unanswered: Vec<_> = facts.asked.keys().filter(|request| !facts.answered.contains(request)).collect();
        promise(unanswered.is_empty(), || format!("nobody answered {unanswered:?}"))?;
        let left: Vec<_> = facts.rose.keys().filter(|id| !facts.forgotten.contains(id) && !self.serves(**id)).collect();
        promise(left.is_empty(), || format!("generations {left:?} are still there"))?;
        if self.core.is_stopping() {
            return promise(facts.ended, || "it never ended".into());
        }
        let Some(serving) = facts.serving else { return Ok(()) };
        promise(facts.steered_to == BTreeSet::from([serving]), || format!("generation {serving} is not steered to"))?;
        let (wanted, workers) = (facts.wanted[&serving] as usize, self.processes.len());
        promise(workers == wanted, || format!("generation {serving} has {workers} workers and not {wanted}"))?;
        let lame = self.processes.values().any(|process| process.lame || process.killed || process.drained.is_some());
        promise(!lame, || "somebody who serves is on his way out".into())
    }
}

fn is_checked(plan: &Plan) -> bool {
    plan.rollout.health.is_some()
}

//! What is, for whoever asks: generations, workers, and until when each stays as it is. Changes nothing.
#![allow(missing_docs, reason = "the variants are what their names say")]

use super::generation::{Generation, Holder, Leaving, Life, Worker};
use super::newcomer::Step;
use super::{GenerationId, Slot, Supervisor, Uptime, WorkerId};

/// All that the rules know, at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// New connections go to it.
    pub serving: Option<GenerationId>,
    /// It is on its way up.
    pub rising: Option<GenerationId>,
    /// Another reload waits for the outcome of the one that is under way.
    pub reload_waits: bool,
    /// The clocks of the rollout stand still.
    pub paused: bool,
    /// The master is on its way out.
    pub stopping: bool,
    /// All that are not gone, by their numbers.
    pub generations: Vec<GenerationView>,
}

/// A generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationView {
    pub id: GenerationId,
    pub stage: Stage,
    /// When its stage ends by itself, if it does.
    pub until: Option<Uptime>,
    /// How much of all new connections it is given, in per cent.
    pub share: u8,
    /// How many workers it is to have: none when it is on its way out.
    pub wanted: Option<u32>,
    /// By slot; two may be in one, if the former is on its way out.
    pub workers: Vec<WorkerView>,
}

/// How far a generation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Resolving,
    WaitingForLane,
    Starting,
    Checking,
    Held,
    /// It has a share, at this step of so many.
    Sharing {
        step: u32,
        steps: u32,
    },
    Steering,
    Serving,
    Unsteered,
    Settling,
    Standby,
    Draining,
    Sweeping,
}

/// A worker, or a slot that waits for its next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    pub slot: Slot,
    pub worker: Option<WorkerId>,
    pub stage: WorkerStage,
    /// When its stage ends by itself, if it does.
    pub until: Option<Uptime>,
}

/// What a worker is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerStage {
    Waiting,
    Starting,
    Ready,
    LameDuck,
    Draining,
    Killed,
}

impl Supervisor {
    /// What is, now.
    pub fn view(&self) -> View {
        // What is being resolved is nothing yet but a number.
        let unresolved = self.rising().filter(|id| !self.generations.contains_key(id));
        let unresolved = unresolved.map(|id| GenerationView {
            id,
            stage: Stage::Resolving,
            until: None,
            share: 0,
            wanted: None,
            workers: Vec::new(),
        });
        let all = self.generations.iter().map(|(&id, generation)| self.view_of(id, generation));
        View {
            serving: self.serving,
            rising: self.rising(),
            reload_waits: self.wanted.is_some(),
            paused: self.rising.as_ref().is_some_and(|rising| rising.clock.is_paused()),
            stopping: self.is_stopping(),
            generations: all.chain(unresolved).collect(),
        }
    }

    fn view_of(&self, id: GenerationId, generation: &Generation) -> GenerationView {
        let workers = self.workers.iter().filter(|(_, worker)| worker.generation() == id);
        let mut workers: Vec<WorkerView> = workers.map(|(&id, worker)| worker_view(id, worker)).collect();
        workers.extend(generation.slots.iter().filter_map(|(&slot, seat)| waiting(slot, &seat.holder)));
        workers.sort_by_key(|worker| (worker.slot, worker.worker));
        let (stage, until) = self.stage_of(id, &workers);
        let leaves = self.leaves(id).is_some_and(|leaving| !matches!(leaving, Leaving::Unsteered));
        let slots = u32::try_from(generation.slots.len()).unwrap_or(u32::MAX);
        let wanted = if self.rising() == Some(id) { generation.plan.workers.max(1) } else { slots };
        let share = self.share_now(id);
        GenerationView { id, stage, until, share, wanted: (!leaves).then_some(wanted), workers }
    }

    fn stage_of(&self, id: GenerationId, workers: &[WorkerView]) -> (Stage, Option<Uptime>) {
        if let Some(rising) = self.rising.as_ref().filter(|rising| rising.generation == id) {
            let first = workers.iter().filter(|it| it.stage == WorkerStage::Starting).filter_map(|it| it.until).min();
            return match rising.step {
                Step::Resolving | Step::Allotting { waited: false } => (Stage::Resolving, None),
                Step::Allotting { waited: true } | Step::NoLane { .. } => (Stage::WaitingForLane, None),
                Step::Starting => (Stage::Starting, first),
                Step::Checking => (Stage::Checking, self.overdue_at()),
                Step::Held => (Stage::Held, rising.clock.until()),
                Step::Sharing { step, .. } => (self.sharing(id, step), rising.clock.until()),
                Step::Rolling { .. } => (self.rolling(id, rising.cohort), None),
                Step::Steering => (Stage::Steering, None),
            };
        }
        match self.leaves(id) {
            None => (Stage::Serving, None),
            Some(Leaving::Unsteered) => (Stage::Unsteered, None),
            Some(Leaving::Settling { latest, .. }) => (Stage::Settling, Some(*latest)),
            Some(Leaving::Standby { until }) => (Stage::Standby, Some(*until)),
            Some(Leaving::Draining { until }) => (Stage::Draining, Some(*until)),
            Some(Leaving::Sweeping { until, .. }) => (Stage::Sweeping, Some(*until)),
        }
    }
}

impl Supervisor {
    /// By connections as they are steered, or by workers, as far as its step goes.
    fn share_now(&self, id: GenerationId) -> u8 {
        let rising = self.rising.as_ref().filter(|it| self.generations.get(&it.generation).is_some_and(by_workers));
        let percent = rising.and_then(|rising| match rising.step {
            Step::Sharing { step, .. } => {
                let steps = &self.generations[&rising.generation].plan.rollout.steps;
                Some((rising.generation, steps.get(step).map_or(100, |step| step.percent)))
            }
            _ => None,
        });
        match percent {
            Some((rising, percent)) if rising == id => percent,
            Some((_, percent)) if self.serving == Some(id) => 100 - percent.min(100),
            Some(_) | None => self.share_of(id),
        }
    }

    /// How a generation leaves, if all of it does: as its first cohort.
    fn leaves(&self, id: GenerationId) -> Option<&Leaving> {
        let here = self.serving == Some(id) || self.rising() == Some(id);
        let mut leaving = self.leaving.iter().filter(|(cohort, _)| cohort.generation == id && !here);
        leaving.next().map(|(_, leaving)| leaving)
    }

    fn rolling(&self, id: GenerationId, step: u32) -> Stage {
        Stage::Sharing { step, steps: self.generations.get(&id).map_or(0, Generation::parts) }
    }

    fn sharing(&self, id: GenerationId, step: usize) -> Stage {
        let steps = self.generations.get(&id).map_or(0, |of| of.plan.rollout.steps.len());
        let count = |steps: usize| u32::try_from(steps).unwrap_or(u32::MAX);
        Stage::Sharing { step: count(step + 1).min(count(steps)), steps: count(steps) }
    }
}

fn by_workers(generation: &Generation) -> bool {
    generation.plan.rollout.by_workers
}

fn worker_view(id: WorkerId, worker: &Worker) -> WorkerView {
    let stage = match worker.life {
        Life::Rising { .. } => WorkerStage::Starting,
        Life::Ready { .. } => WorkerStage::Ready,
        Life::LameDuck { .. } => WorkerStage::LameDuck,
        Life::Draining { .. } => WorkerStage::Draining,
        Life::Killed => WorkerStage::Killed,
    };
    WorkerView { slot: worker.slot, worker: Some(id), stage, until: worker.life.deadline() }
}

fn waiting(slot: Slot, holder: &Holder) -> Option<WorkerView> {
    match holder {
        Holder::Worker(_) => None,
        Holder::NextAt(at) => Some(WorkerView { slot, worker: None, stage: WorkerStage::Waiting, until: Some(*at) }),
    }
}

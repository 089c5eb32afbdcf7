//! What can happen in the world of a storm, step by step, until it is calm again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::world::{Process, World};
use crate::supervision::story::{Goes, answer};
use crate::supervision::{
    Action, Command, Event, Exit, GenerationId, Origin, RequestId, Slot, Stage, WorkerId, WorkerStage,
};

impl World {
    pub(super) fn ask(&mut self, command: Command) -> Result<(), String> {
        let request = RequestId(self.facts.asked.len() as u64 + 1);
        self.happen(Event::Asked { request, command, origin: Origin::new("the storm") })
    }

    /// Something that is under way ends. The master steers in order, so of those it is the oldest.
    pub(super) fn finish(&mut self, which: u8, goes: Goes) -> Result<(), String> {
        match pick(which, self.under_way.len()) {
            Some(picked) => self.end(picked, goes),
            None => Ok(()),
        }
    }

    fn end(&mut self, picked: usize, goes: Goes) -> Result<(), String> {
        let is_steer = |(action, _): &(Action, Goes)| matches!(action, Action::Steer { .. });
        let oldest = self.under_way.iter().position(is_steer);
        let picked = if is_steer(&self.under_way[picked]) { oldest.expect("it is one") } else { picked };
        let (action, known) = self.under_way.remove(picked);
        let goes = match action {
            Action::Steer { .. } => known,
            Action::Allot { cohort } if goes == Goes::Well => self.allot(cohort.generation),
            // A worker that is gone, or ready, has been started.
            Action::Spawn { worker, .. } if self.processes.get(&worker).is_none_or(|process| process.ready) => known,
            Action::Spawn { .. } if goes == Goes::NotYet => known,
            Action::Sweep { cohort } => {
                let survivors = self.left_behind.get(&cohort.generation).copied().unwrap_or(0);
                return self.happen(Event::Swept { cohort, survivors });
            }
            _ => goes,
        };
        let turn = match action {
            Action::Resolve { generation } => generation.0 as usize,
            Action::Recall { of, .. } => of.0 as usize,
            _ => 0,
        };
        let event = answer(&action, goes, &self.plans[turn % self.plans.len()]);
        self.happen(event.expect("all that is under way is answered"))
    }

    fn allot(&mut self, generation: GenerationId) -> Goes {
        if self.facts.forgotten.contains(&generation) {
            return Goes::Well; // nobody asks any more
        }
        match self.lanes.iter_mut().find(|lane| lane.is_none()) {
            Some(lane) => {
                *lane = Some(generation);
                Goes::Well
            }
            None => Goes::NotYet,
        }
    }

    pub(super) fn pick_process(&self, which: u8) -> Option<WorkerId> {
        self.processes.keys().nth(pick(which, self.processes.len())?).copied()
    }

    /// A worker says that it is ready, most likely one that did not say so before.
    pub(super) fn ready(&mut self, which: u8) -> Result<(), String> {
        let unready: Vec<WorkerId> = self.processes.iter().filter(|(_, p)| !p.ready).map(|(&id, _)| id).collect();
        let worker = pick(which, unready.len()).map(|picked| unready[picked]).or_else(|| self.pick_process(which));
        match worker {
            Some(worker) if !self.processes[&worker].misbehaved => self.happen(Event::Ready { worker }),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn misbehave(&mut self, which: u8) -> Result<(), String> {
        match self.pick_process(which) {
            Some(worker) if !self.processes[&worker].misbehaved => {
                self.happen(Event::Misbehaved { worker, what: "not JSON".into() })
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn exit(&mut self, worker: WorkerId, exit: Exit, leaves_behind: u32) -> Result<(), String> {
        let generation = self.processes[&worker].generation;
        *self.left_behind.entry(generation).or_default() += leaves_behind;
        self.happen(Event::Exited { worker, exit })
    }

    pub(super) fn crash_again_and_again(&mut self, which: u8) -> Result<(), String> {
        let Some(generation) = self.facts.serving else { return Ok(()) };
        let slots: BTreeSet<Slot> =
            self.processes.values().filter(|p| p.generation == generation).map(|p| p.slot).collect();
        let Some(slot) = pick(which, slots.len()).and_then(|picked| slots.into_iter().nth(picked)) else {
            return Ok(());
        };
        for _ in 0..3 {
            let holder = self.processes.iter().find(|(_, p)| p.generation == generation && p.slot == slot);
            match holder.map(|(&worker, _)| worker) {
                Some(worker) => self.exit(worker, Exit::Signal("SIGSEGV".into()), 0)?,
                None => self.until_deadline()?,
            }
        }
        Ok(())
    }

    /// Whatever the generation that rises waits for goes well, and nothing else moves.
    pub(super) fn rise_well(&mut self) -> Result<(), String> {
        let Some(rising) = self.facts.rising else { return Ok(()) };
        while self.facts.rising == Some(rising) {
            let moves = |(action, _): &(Action, Goes)| match action {
                Action::Resolve { generation } | Action::Recall { generation, .. } | Action::Check { generation } => {
                    *generation == rising
                }
                Action::Allot { cohort } => cohort.generation == rising,
                Action::Steer { .. } => true,
                _ => false,
            };
            let unready = |process: &Process| process.generation == rising && !process.ready;
            if let Some(picked) = self.under_way.iter().position(moves) {
                self.end(picked, Goes::Well)?;
            } else if let Some(worker) = self.find(unready) {
                self.happen(Event::Ready { worker })?;
            } else {
                break; // it waits for a lane, for the next check, for somebody's word
            }
        }
        Ok(())
    }

    /// A worker that has a share, or all, tells what became of its last hundred requests.
    pub(super) fn report(&mut self, which: u8, errors: u64) -> Result<(), String> {
        let Some(worker) = self.pick_process(which) else { return Ok(()) };
        let process = self.processes.get_mut(&worker).expect("it was picked");
        process.requests += 100;
        process.errors += errors;
        let (requests, errors) = (process.requests, process.errors);
        self.happen(Event::Reported { worker, requests, errors })
    }

    pub(super) fn survivor_ends(&mut self, which: u8) -> Result<(), String> {
        let mut left: Vec<&mut u32> = self.left_behind.values_mut().filter(|count| **count > 0).collect();
        let Some(picked) = pick(which, left.len()) else { return Ok(()) };
        *left[picked] -= 1;
        self.happen(Event::StrangerReaped)
    }

    pub(super) fn wait(&mut self, time: Duration) -> Result<(), String> {
        let end = self.now + time;
        while let Some(deadline) = self.core.deadline().filter(|&deadline| deadline <= end) {
            self.now = self.now.max(deadline);
            self.happen(Event::Tick)?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    pub(super) fn until_deadline(&mut self) -> Result<(), String> {
        let Some(deadline) = self.core.deadline() else { return Ok(()) };
        self.now = self.now.max(deadline);
        self.happen(Event::Tick)
    }

    /// Calm weather: all that is under way goes well, workers become ready, end when they are told to, and time passes.
    pub(super) fn calm_down(&mut self) -> Result<(), String> {
        self.next_steer_fails = false;
        for _ in 0..10_000 {
            if !self.under_way.is_empty() {
                self.finish(0, Goes::Well)?;
            } else if let Some(worker) = self.find(|process| process.drained.is_some() || process.killed) {
                self.exit(worker, Exit::Status(0), 0)?;
            } else if let Some(worker) = self.find(|process| !process.ready && !process.misbehaved) {
                self.happen(Event::Ready { worker })?;
            } else if self.left_behind.values().any(|&count| count > 0) {
                self.survivor_ends(0)?;
            } else if self.waits_for_a_word() {
                self.ask(Command::Promote)?;
            } else if self.core.deadline().is_some() {
                self.until_deadline()?;
            } else {
                return Ok(());
            }
        }
        Err("it never comes to rest".into())
    }

    /// Whether the generation that rises is held, or has a share, and could go on at once.
    fn waits_for_a_word(&self) -> bool {
        let view = self.core.view();
        let rising = view.generations.iter().find(|it| Some(it.id) == view.rising);
        rising.is_some_and(|it| {
            let waits = matches!(it.stage, Stage::Held | Stage::Sharing { .. });
            waits && it.workers.iter().all(|worker| worker.stage == WorkerStage::Ready)
        })
    }

    fn find(&self, wanted: impl Fn(&Process) -> bool) -> Option<WorkerId> {
        self.processes.iter().find(|(_, process)| wanted(process)).map(|(&id, _)| id)
    }
}

fn pick(which: u8, among: usize) -> Option<usize> {
    usize::from(which).checked_rem(among)
}

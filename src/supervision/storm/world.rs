//! The world of a storm: processes, lanes, what is under way, and what the master does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::script::Storm;
use crate::supervision::story::{Goes, answer, line, seconds};
use crate::supervision::{
    Action, Command, Event, Exit, GenerationId, Notice, Origin, Outcome, Plan, RequestId, Slot, Supervisor, Uptime,
    WorkerId,
};

/// How many lanes the one listener has, without the helm.
const LANES: usize = 4;

/// A process that runs, whatever the core believes.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) generation: GenerationId,
    pub(super) slot: Slot,
    pub(super) spawned: Uptime,
    pub(super) ready: bool,
    pub(super) lame: bool,
    pub(super) misbehaved: bool,
    /// It was told to end, and has until then.
    pub(super) drained: Option<Uptime>,
    pub(super) killed: bool,
}

/// What one can know by looking at the world and by listening to the notices.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) rising: Option<GenerationId>,
    pub(super) serving: Option<GenerationId>,
    pub(super) promoted: BTreeSet<GenerationId>,
    pub(super) given_up: BTreeSet<GenerationId>,
    pub(super) forgotten: BTreeSet<GenerationId>,
    /// How many workers a generation is to have.
    pub(super) wanted: BTreeMap<GenerationId, u32>,
    pub(super) plans: BTreeMap<GenerationId, Plan>,
    /// Where the kernel sends new connections.
    pub(super) steered_to: Option<GenerationId>,
    /// Since when it does not send them there any more.
    pub(super) away_since: BTreeMap<GenerationId, Uptime>,
    /// At which event a generation began to rise.
    pub(super) rose: BTreeMap<GenerationId, usize>,
    /// At which event somebody asked.
    pub(super) asked: BTreeMap<RequestId, usize>,
    pub(super) answered: BTreeSet<RequestId>,
    pub(super) in_a_hurry: bool,
    pub(super) ended: bool,
}

pub(super) struct World {
    pub(super) core: Supervisor,
    pub(super) now: Uptime,
    pub(super) facts: Facts,
    pub(super) processes: BTreeMap<WorkerId, Process>,
    pub(super) lanes: [Option<GenerationId>; LANES],
    pub(super) left_behind: BTreeMap<GenerationId, u32>,
    pub(super) next_steer_fails: bool,
    pub(super) lines: Vec<String>,
    /// Actions that were begun and not answered yet, with what is known already of how they go.
    under_way: Vec<(Action, Goes)>,
    plans: Vec<Plan>,
    events: usize,
}

impl World {
    pub(super) fn new(storm: &Storm) -> World {
        World {
            core: Supervisor::new(storm.policy),
            now: Uptime(seconds(1000)),
            facts: Facts::default(),
            processes: BTreeMap::new(),
            lanes: [None; LANES],
            left_behind: BTreeMap::new(),
            next_steer_fails: false,
            lines: Vec::new(),
            under_way: Vec::new(),
            plans: storm.plans.clone(),
            events: 0,
        }
    }

    /// All that happened and all that was done.
    pub(super) fn story(&self) -> String {
        self.lines.join("\n")
    }

    /// The only way into the core: whatever it says is checked, and done.
    pub(super) fn happen(&mut self, event: Event) -> Result<(), String> {
        self.events += 1;
        self.lines.push(format!("{} {event:?}", self.now));
        self.note(&event);
        for action in self.core.handle(event.clone(), self.now) {
            self.lines.push(format!("    {}", line(&action)));
            self.may_be_done(&action, &event)?;
            self.perform(action);
        }
        self.all_is_well()?;
        self.freeze_and_thaw()
    }

    fn freeze_and_thaw(&mut self) -> Result<(), String> {
        let frozen = serde_json::to_string(&self.core).map_err(|error| format!("it cannot be frozen: {error}"))?;
        let thawed = serde_json::from_str(&frozen).map_err(|error| format!("it cannot be thawed: {error}"))?;
        let before = std::mem::replace(&mut self.core, thawed);
        if before == self.core { Ok(()) } else { Err(format!("thawed, it is another: {frozen}")) }
    }

    fn note(&mut self, event: &Event) {
        let facts = &mut self.facts;
        match event {
            Event::Asked { request, command, .. } => {
                facts.asked.insert(*request, self.events);
                if let Command::Stop { fast } = command {
                    facts.in_a_hurry |= *fast || self.core.is_stopping();
                }
            }
            Event::Resolved { generation, plan } if facts.rising == Some(*generation) => {
                facts.wanted.insert(*generation, plan.workers.max(1));
                facts.plans.insert(*generation, plan.clone());
            }
            Event::Ready { worker } => {
                self.processes.get_mut(worker).expect("only a process can say so").ready = true;
            }
            Event::Misbehaved { worker, .. } => {
                self.processes.get_mut(worker).expect("only a process can do so").misbehaved = true;
            }
            Event::Exited { worker, .. } => {
                self.processes.remove(worker);
            }
            _ => {}
        }
    }

    fn perform(&mut self, action: Action) {
        match &action {
            Action::Resolve { .. } | Action::Allot { .. } | Action::Look { .. } | Action::Sweep { .. } => {
                self.under_way.push((action, Goes::Well));
            }
            Action::Spawn { worker, generation, slot } => {
                self.spawn(*worker, *generation, *slot);
                self.under_way.push((action, Goes::Well));
            }
            Action::Steer { generation } => {
                let goes = if std::mem::take(&mut self.next_steer_fails) { Goes::Wrong } else { Goes::Well };
                if goes == Goes::Well {
                    self.steer(*generation);
                }
                self.under_way.push((action, goes));
            }
            Action::LameDuck { worker, .. } => self.process(*worker).lame = true,
            Action::Resume { worker } => self.process(*worker).lame = false,
            Action::Drain { worker, grace } => self.process(*worker).drained = Some(self.now + *grace),
            Action::Kill { worker } => self.process(*worker).killed = true,
            Action::KillSurvivors { generation } => {
                self.left_behind.remove(generation);
            }
            Action::Forget { generation } => {
                self.facts.forgotten.insert(*generation);
                for lane in self.lanes.iter_mut().filter(|lane| **lane == Some(*generation)) {
                    *lane = None;
                }
            }
            Action::Answer { request, outcome } => self.answered(*request, outcome),
            Action::Tell(notice) => self.told(notice),
            Action::End(_) => self.facts.ended = true,
            Action::CancelResolve { .. } | Action::Promote { .. } | Action::Rescue { .. } => {}
        }
    }

    fn spawn(&mut self, worker: WorkerId, generation: GenerationId, slot: Slot) {
        let process = Process {
            generation,
            slot,
            spawned: self.now,
            ready: false,
            lame: false,
            misbehaved: false,
            drained: None,
            killed: false,
        };
        self.processes.insert(worker, process);
    }

    fn steer(&mut self, to: GenerationId) {
        if let Some(from) = self.facts.steered_to.replace(to) {
            self.facts.away_since.insert(from, self.now);
        }
        self.facts.away_since.remove(&to);
    }

    fn answered(&mut self, request: RequestId, outcome: &Outcome) {
        self.facts.answered.insert(request);
        if let (Outcome::Scaled(workers), Some(serving)) = (outcome, self.facts.serving) {
            self.facts.wanted.insert(serving, *workers);
        }
    }

    fn told(&mut self, notice: &Notice) {
        let facts = &mut self.facts;
        match notice {
            Notice::Rising { generation, .. } => {
                facts.rising = Some(*generation);
                facts.rose.insert(*generation, self.events);
            }
            Notice::Promoted { generation, .. } => {
                facts.rising = None;
                facts.serving = Some(*generation);
                facts.promoted.insert(*generation);
            }
            Notice::GivenUp { generation, .. } => {
                facts.rising = None;
                facts.given_up.insert(*generation);
            }
            Notice::RolledBack { to, .. } => facts.serving = Some(*to),
            Notice::Scaled { generation, workers, .. } => {
                facts.wanted.insert(*generation, *workers);
            }
            Notice::Stopping { .. } => facts.serving = None,
            _ => {}
        }
    }

    fn process(&mut self, worker: WorkerId) -> &mut Process {
        self.processes.get_mut(&worker).expect("an action about a dead worker was found before")
    }
}

/// What happens, step by step.
impl World {
    pub(super) fn ask(&mut self, command: Command) -> Result<(), String> {
        let request = RequestId(self.facts.asked.len() as u64 + 1);
        self.happen(Event::Asked { request, command, origin: Origin("the storm".into()) })
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
            Action::Allot { generation } if goes == Goes::Well => self.allot(generation),
            // A worker that is gone, or ready, has been started.
            Action::Spawn { worker, .. } if self.processes.get(&worker).is_none_or(|process| process.ready) => known,
            Action::Spawn { .. } if goes == Goes::NotYet => known,
            Action::Sweep { generation } => {
                let survivors = self.left_behind.get(&generation).copied().unwrap_or(0);
                return self.happen(Event::Swept { generation, survivors });
            }
            _ => goes,
        };
        let turn = match action {
            Action::Resolve { generation } => generation.0 as usize,
            _ => 0,
        };
        let event = answer(&action, goes, &self.plans[turn % self.plans.len()]);
        self.happen(event.expect("all that is under way is answered"))
    }

    pub(super) fn is_under_way(&self, wanted: &Action) -> bool {
        self.under_way.iter().any(|(action, _)| action == wanted)
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
                Action::Resolve { generation } | Action::Allot { generation } => *generation == rising,
                Action::Steer { .. } => true,
                _ => false,
            };
            let unready = |process: &Process| process.generation == rising && !process.ready;
            if let Some(picked) = self.under_way.iter().position(moves) {
                self.end(picked, Goes::Well)?;
            } else if let Some(worker) = self.find(unready) {
                self.happen(Event::Ready { worker })?;
            } else {
                break; // it waits for a lane
            }
        }
        Ok(())
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
            } else if self.core.deadline().is_some() {
                self.until_deadline()?;
            } else {
                return Ok(());
            }
        }
        Err("it never comes to rest".into())
    }

    fn find(&self, wanted: impl Fn(&Process) -> bool) -> Option<WorkerId> {
        self.processes.iter().find(|(_, process)| wanted(process)).map(|(&id, _)| id)
    }
}

fn pick(which: u8, among: usize) -> Option<usize> {
    usize::from(which).checked_rem(among)
}

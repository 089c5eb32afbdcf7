//! The world of a storm: processes, lanes, what is under way, and what the master does to them.

use std::collections::{BTreeMap, BTreeSet};

use super::script::Storm;
use crate::supervision::story::{Goes, line, seconds};
use crate::supervision::{
    Action, Command, Event, GenerationId, Notice, Outcome, Plan, RequestId, Slot, Supervisor, Uptime, WorkerId,
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
    pub(super) requests: u64,
    pub(super) errors: u64,
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
    /// Whom the kernel sends new connections to.
    pub(super) steered_to: BTreeSet<GenerationId>,
    /// Whose checks have gone well since it rose.
    pub(super) checked: BTreeSet<GenerationId>,
    /// Whose clocks stand still.
    pub(super) paused: Option<GenerationId>,
    /// Since when it does not send them there any more.
    pub(super) away_since: BTreeMap<GenerationId, Uptime>,
    /// At which event a generation began to rise.
    pub(super) rose: BTreeMap<GenerationId, usize>,
    /// At which event somebody asked.
    pub(super) asked: BTreeMap<RequestId, usize>,
    pub(super) answered: BTreeSet<RequestId>,
    pub(super) reloads: BTreeSet<RequestId>,
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
    pub(super) under_way: Vec<(Action, Goes)>,
    pub(super) plans: Vec<Plan>,
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
                if let Command::Reload { .. } = command {
                    facts.reloads.insert(*request);
                }
                if let Command::Stop { fast } = command {
                    facts.in_a_hurry |= *fast || self.core.is_stopping();
                }
            }
            Event::Resolved { generation, plan } if facts.rising == Some(*generation) => {
                facts.wanted.insert(*generation, plan.workers.max(1));
                facts.plans.insert(*generation, plan.clone());
            }
            Event::Checked { generation, failure: None } => drop(facts.checked.insert(*generation)),
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
            Action::Resolve { .. }
            | Action::Recall { .. }
            | Action::Check { .. }
            | Action::Allot { .. }
            | Action::Look { .. }
            | Action::Sweep { .. } => {
                self.under_way.push((action, Goes::Well));
            }
            Action::Spawn { worker, cohort, slot } => {
                self.spawn(*worker, cohort.generation, *slot);
                self.under_way.push((action, Goes::Well));
            }
            Action::Steer { shares, .. } => {
                let goes = if std::mem::take(&mut self.next_steer_fails) { Goes::Wrong } else { Goes::Well };
                if goes == Goes::Well {
                    self.steer(shares.iter().map(|share| share.cohort.generation).collect());
                }
                self.under_way.push((action, goes));
            }
            Action::LameDuck { worker, .. } => self.process(*worker).lame = true,
            Action::Resume { worker } => self.process(*worker).lame = false,
            Action::Drain { worker, grace } => self.process(*worker).drained = Some(self.now + *grace),
            Action::Kill { worker } => self.process(*worker).killed = true,
            Action::KillSurvivors { cohort } => {
                self.left_behind.remove(&cohort.generation);
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
            Action::CancelResolve { .. } | Action::Vacate { .. } | Action::Promote { .. } | Action::Rescue { .. } => {}
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
            requests: 0,
            errors: 0,
        };
        self.processes.insert(worker, process);
    }

    fn steer(&mut self, to: BTreeSet<GenerationId>) {
        let before = std::mem::replace(&mut self.facts.steered_to, to);
        for &from in before.difference(&self.facts.steered_to) {
            self.facts.away_since.insert(from, self.now);
        }
        self.facts.away_since.retain(|generation, _| !self.facts.steered_to.contains(generation));
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
                facts.paused = None;
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
            Notice::Paused { generation, .. } => facts.paused = Some(*generation),
            Notice::Resumed { .. } => facts.paused = None,
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

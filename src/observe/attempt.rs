//! What is remembered of one generation.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::master::Evidence;
use crate::supervision::{GenerationId, Origin, SharedBy, Slot};

/// A generation, from the wish for it to its end.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number.
    pub generation: GenerationId,
    /// Who asked for it.
    pub origin: Origin,
    /// What it runs, once that is known.
    pub release: Option<Ran>,
    /// What has become of it.
    pub fate: Fate,
    /// How far it has come, as long as it rises.
    pub progress: Progress,
    /// Its clock stands still.
    pub paused: bool,
    /// What was wrong when a health check last failed.
    pub failed_check: Option<String>,
    /// When it began to wait for a word.
    pub held: Option<SystemTime>,
    /// The shares that it had, and since when.
    pub steps: Vec<(Shared, SystemTime)>,
    /// Why it was given up or rolled back.
    pub why: Option<String>,
    /// What it waits for.
    pub waits_for: Option<String>,
    /// The slot whose worker is to blame.
    pub slot: Option<Slot>,
    /// That worker's last lines; or the mistakes in a config file, each in its line.
    pub last_lines: Vec<String>,
    /// When it began to rise.
    pub started: SystemTime,
    /// When it was promoted or given up.
    pub finished: Option<SystemTime>,
    /// The generation that served before it.
    pub previous: Option<GenerationId>,
    /// When nothing was left of it.
    pub gone: Option<SystemTime>,
    /// How many workers each slot has had besides the first.
    pub restarts: BTreeMap<Slot, u32>,
    /// How it became known that a worker is ready which did not say so in our protocol.
    pub evidence: BTreeMap<Slot, Evidence>,
    /// The last worker that ended unasked.
    pub(super) failed: Option<(Slot, Vec<String>)>,
}

/// What a generation runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The program's file.
    pub program: String,
    /// The command as it was written.
    pub command: Vec<String>,
    /// Where it runs.
    pub directory: String,
}

/// What has become of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It rises.
    Rising,
    /// It was promoted.
    Promoted,
    /// It was given up for a fault of its own.
    Rejected,
    /// It was given up because somebody wanted it.
    Aborted,
    /// It was promoted, and rolled back.
    RolledBack,
}

/// How far a generation has come that rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not all of its workers are ready.
    Unready,
    /// Its health is checked.
    Checked,
    /// It has proved itself, and waits until somebody promotes it, or for so long.
    Held {
        /// For how long.
        most: Option<Duration>,
    },
    /// It has a share.
    Sharing(Shared),
}

/// A share of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// How much, in per cent.
    pub percent: u8,
    /// Of what.
    pub by: SharedBy,
    /// Which step it is, counted from 1.
    pub step: u32,
    /// Of how many.
    pub steps: u32,
    /// For how long; none: until somebody promotes it.
    pub hold: Option<Duration>,
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { percent, by, step, steps, .. } = self;
        match by {
            SharedBy::Connections => write!(f, "{percent} % of new connections, step {step} of {steps}"),
            SharedBy::Workers => write!(f, "{percent} % of the workers, step {step} of {steps}"),
        }
    }
}

impl Attempt {
    /// One that begins.
    pub(super) fn new(generation: GenerationId, origin: Origin, started: SystemTime) -> Attempt {
        Attempt {
            generation,
            origin,
            release: None,
            fate: Fate::Rising,
            progress: Progress::Unready,
            paused: false,
            failed_check: None,
            held: None,
            steps: Vec::new(),
            why: None,
            waits_for: None,
            slot: None,
            last_lines: Vec::new(),
            started,
            finished: None,
            previous: None,
            gone: None,
            restarts: BTreeMap::new(),
            evidence: BTreeMap::new(),
            failed: None,
        }
    }

    /// Whether it has proved itself and does not serve yet.
    pub fn is_proven(&self) -> bool {
        self.fate == Fate::Rising && matches!(self.progress, Progress::Held { .. } | Progress::Sharing(_))
    }

    /// What it waits for, in words.
    pub fn stand(&self) -> String {
        let generation = self.generation;
        let stand = match (&self.waits_for, self.progress) {
            (Some(what), _) => what.clone(),
            (None, Progress::Unready) => format!("generation {generation} is not ready yet"),
            (None, Progress::Checked) => format!("the health of generation {generation} is being checked"),
            (None, Progress::Held { most: None }) => {
                format!("generation {generation} is held until somebody promotes it")
            }
            (None, Progress::Held { most: Some(most) }) => {
                format!("generation {generation} is held for {} s, or until somebody promotes it", most.as_secs_f64())
            }
            (None, Progress::Sharing(shared)) => {
                let until = if shared.hold.is_none() { ", until somebody promotes it" } else { "" };
                format!("generation {generation} has {shared}{until}")
            }
        };
        let failed = self.failed_check.as_ref().map(|why| format!("; a health check failed: {why}"));
        let paused = if self.paused { "; its rollout is paused" } else { "" };
        format!("{stand}{paused}{}", failed.unwrap_or_default())
    }
}

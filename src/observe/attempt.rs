//! What is remembered of one generation.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::master::Evidence;
use crate::supervision::{GenerationId, Origin, Slot};

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

impl Attempt {
    /// One that begins.
    pub(super) fn new(generation: GenerationId, origin: Origin, started: SystemTime) -> Attempt {
        Attempt {
            generation,
            origin,
            release: None,
            fate: Fate::Rising,
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
}

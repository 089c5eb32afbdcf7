//! A generation and its workers, as the rules remember them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::proving::Checkup;
use super::{CohortId, Event, GenerationId, Plan, Slot, Uptime, WorkerId};

/// All the workers that one reload started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Generation {
    pub(super) plan: Plan,
    /// It was raised in cohorts of so many workers.
    pub(super) size: Option<u32>,
    /// Its cohorts that are not gone, by their numbers.
    pub(super) cohorts: BTreeSet<u32>,
    /// The slots that are to be filled. Whoever still works in another one has been told to end.
    pub(super) slots: BTreeMap<Slot, Seat>,
    /// What its health checks have brought so far.
    pub(super) checkup: Checkup,
    /// What those of its workers had reported that are gone.
    pub(super) reported: Reported,
}

/// How many requests were answered, and how many of them went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reported {
    pub(super) requests: u64,
    pub(super) errors: u64,
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    pub(super) holder: Holder,
    pub(super) backoff: Backoff,
}

/// Who sits in a slot, or from when on the next one may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Holder {
    Worker(WorkerId),
    NextAt(Uptime),
}

/// One process of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Worker {
    pub(super) cohort: CohortId,
    pub(super) slot: Slot,
    pub(super) life: Life,
    pub(super) reported: Reported,
}

/// What a worker is up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Life {
    /// Not ready yet; no later than `until`. It may have said that it is, when this was missing.
    Rising { until: Uptime, lacking: Option<String> },
    /// Serving, or able to.
    Ready { since: Uptime },
    /// It was asked to ask its clients to leave.
    LameDuck { since: Uptime },
    /// It was told to finish and exit, within `grace`.
    Draining { grace: Duration, until: Uptime },
    /// It was killed.
    Killed,
}

/// A generation on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Leaving {
    /// Rolled back or given up, and serving on until new connections are steered away from it: that has not worked yet.
    Unsteered,
    /// Lame, and still accepting what was steered to it before the switch.
    Settling { earliest: Uptime, latest: Uptime, look: Look, standby: bool },
    /// Lame, and nothing new reaches it.
    Standby { until: Uptime },
    /// Its workers finish. What they leave behind is ended at `until`.
    Draining { until: Uptime },
    /// No worker is left; `sweep` says when we see again what they left behind.
    Sweeping { until: Uptime, sweep: Look },
}

/// A look at something for which the kernel has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Look {
    At(Uptime),
    UnderWay,
    /// Under way, and no longer true: look again at once.
    Outdated,
}

impl Look {
    pub(super) fn at(self) -> Option<Uptime> {
        match self {
            Look::At(at) => Some(at),
            Look::UnderWay | Look::Outdated => None,
        }
    }
}

impl Worker {
    pub(super) fn generation(&self) -> GenerationId {
        self.cohort.generation
    }
}

impl Life {
    /// Whether it counts as one who can serve.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Life::Ready { .. } | Life::LameDuck { .. })
    }

    /// Whether its end is what we asked for.
    pub(super) fn was_told_to_end(&self) -> bool {
        matches!(self, Life::Draining { .. } | Life::Killed)
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        match self {
            Life::Rising { until, .. } | Life::Draining { until, .. } => Some(*until),
            Life::Ready { .. } | Life::LameDuck { .. } | Life::Killed => None,
        }
    }
}

impl Leaving {
    pub(super) fn deadline(&self) -> Option<Uptime> {
        match self {
            Leaving::Settling { look, .. } => look.at(),
            Leaving::Standby { until } => Some(*until),
            Leaving::Unsteered | Leaving::Draining { .. } => None,
            Leaving::Sweeping { sweep, .. } => sweep.at(),
        }
    }

    /// Whether its workers were told to end.
    pub(super) fn was_told_to_end(&self) -> bool {
        match self {
            Leaving::Unsteered | Leaving::Settling { .. } | Leaving::Standby { .. } => false,
            Leaving::Draining { .. } | Leaving::Sweeping { .. } => true,
        }
    }

    /// Whether one can go back to it: it has not been told to end.
    pub(super) fn can_come_back(&self) -> bool {
        matches!(self, Leaving::Settling { standby: true, .. } | Leaving::Standby { .. })
    }
}

impl Generation {
    pub(super) fn new(plan: Plan, size: Option<u32>) -> Generation {
        Generation {
            plan,
            size,
            cohorts: BTreeSet::new(),
            slots: BTreeMap::new(),
            checkup: Checkup::default(),
            reported: Reported::default(),
        }
    }

    /// How many workers it has when it is whole.
    pub(super) fn workers(&self) -> u32 {
        self.plan.workers.max(1)
    }

    /// In how many cohorts it is raised.
    pub(super) fn parts(&self) -> u32 {
        self.size.map_or(1, |size| self.workers().div_ceil(size.max(1)))
    }

    /// The number of its first cohort.
    pub(super) fn first_cohort(&self) -> u32 {
        u32::from(self.size.is_some())
    }

    /// The number of the cohort that a slot belongs to; slots that were added later belong to the last one.
    pub(super) fn cohort_of(&self, slot: Slot) -> u32 {
        self.size.map_or(0, |size| (slot.0 / size.max(1) + 1).min(self.parts()))
    }

    /// The slots that a cohort is raised with.
    pub(super) fn slots_of(&self, cohort: u32) -> Range<u32> {
        match self.size {
            Some(size) => (cohort - 1) * size..(cohort * size).min(self.workers()),
            None => 0..self.workers(),
        }
    }

    /// Whether somebody sits in each slot.
    pub(super) fn is_full(&self) -> bool {
        self.slots.values().all(|seat| matches!(seat.holder, Holder::Worker(_)))
    }

    pub(super) fn next_spawn(&self) -> Option<Uptime> {
        self.slots
            .values()
            .filter_map(|seat| match seat.holder {
                Holder::Worker(_) => None,
                Holder::NextAt(at) => Some(at),
            })
            .min()
    }
}

impl Event {
    /// The generation that the event is an answer about, if it is one.
    pub(super) fn generation(&self) -> Option<GenerationId> {
        match self {
            Event::Resolved { generation, .. } | Event::Unresolved { generation, .. } => Some(*generation),
            Event::Allotted { cohort } | Event::NoLaneYet { cohort, .. } | Event::NotAllotted { cohort, .. } => {
                Some(cohort.generation)
            }
            Event::Asked { .. }
            | Event::Started { .. }
            | Event::Ready { .. }
            | Event::Lacking { .. }
            | Event::Extended { .. }
            | Event::Misbehaved { .. }
            | Event::LostHandle { .. }
            | Event::Exited { .. }
            | Event::Steered { .. }
            | Event::NotSteered { .. }
            | Event::Checked { .. }
            | Event::Reported { .. }
            | Event::Looked { .. }
            | Event::Swept { .. }
            | Event::StrangerReaped
            | Event::Tick => None,
        }
    }
}
